"""A season walked through as people do: what the group sees and hears of each change, counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from core.clock import set_clock
from core.db.engine import get_database
from core.db.meeting_models import Delivery
from core.db.models import Group
from core.operations import cohorts, groups, history, meeting_views, meetings, slots, undo
from core.operations.common import Actor
from core.schedule import Rule
from core.sync import sweep, sync_group_reminders
from core.systems.projections import keeper
from tests.e2e._acting import labels, last, made, mod_of, moderator_elsewhere, on_discord
from tests.e2e.test_meeting_command import FIRST, RULE, WEEK, listed, manage, season, zone
from tests.world import World, parts_of, text_of, words_of

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # two days before the first meeting


async def begun(w: World) -> int:
    """A group of three whose first meeting is the day after tomorrow, with its post and events."""
    group = await season(w)
    set_clock(lambda: MONDAY)
    await after(w, group)
    return group


async def after(w: World, group: int) -> None:
    """All that follows a change has happened."""
    w.worker.bump([group])
    await w.settle()
    await keeper.settled()


def posts(w: World) -> list[str]:
    return [words_of(m) for m in w.guild.channels["group-1"].history()]


def living(w: World) -> list[Any]:
    """Posts on which people can answer, apart from messages that were sent once."""
    found = w.guild.channels["group-1"].history()
    return [m for m in found if "Manage" in [c.get("label") for c in parts_of(m)]]


def at(moment: datetime) -> str:
    return f"<t:{int(moment.timestamp())}:F>"


async def told(group: int) -> list[tuple[str, str]]:
    """What the group was told of changes: (kind, status), in order."""
    kinds = ("moved", "skipped", "cancelled", "added", "restored")
    async with get_database().transaction() as session:
        found = await session.scalars(
            select(Delivery)
            .where(Delivery.group_id == group, Delivery.kind.in_(kinds))
            .order_by(Delivery.id)
        )
        return [(d.kind, d.status) for d in found]


async def take_back(w: World, group: int, action: str) -> None:
    entry = next(e for e in await history.page(w.guild.id) if e.action == action and e.stands)
    await undo.apply(mod_of(w), entry.id)
    await after(w, group)


# --- one meeting ---------------------------------------------------------------------------------


@on_discord
async def test_the_post_follows_a_move_and_its_undo(w: World) -> None:
    group = await begun(w)
    first = (await listed(w, group))[0]
    goal = FIRST + timedelta(days=1, hours=1)
    asked = await w.mod.slash(w.room, "meeting move", meeting=first.label, to="Thu 5 March 20:00")
    await w.mod.click(asked.response, label="Move, keep answers")
    await after(w, group)
    (post,) = living(w)
    assert at(goal) in words_of(post)
    assert at(FIRST) not in words_of(post)
    await take_back(w, group, "meeting_moved")
    (post,) = living(w)
    assert at(FIRST) in words_of(post)
    assert await told(group) == [("moved", "sent")] * 2


@on_discord
async def test_there_and_back_before_anybody_heard_is_no_news(w: World) -> None:
    group = await begun(w)
    first = (await listed(w, group))[0]
    for _ in range(5):
        await meetings.move(mod_of(w), first.id, FIRST + timedelta(hours=1))
        await meetings.move(mod_of(w), first.id, FIRST)
    await after(w, group)
    assert [status for _, status in await told(group)] == ["skipped"] * 10
    assert not [text for text in posts(w) if "was moved" in text]


@on_discord
async def test_a_postponed_meeting_keeps_its_name_in_what_is_said(w: World) -> None:
    group = await begun(w)
    first = (await listed(w, group))[0]
    asked = await w.members[0].slash(w.room, "meeting postpone", meeting=first.label)
    await w.members[0].click(asked.response, label="Postpone")
    await after(w, group)
    said = next(text for text in posts(w) if "does not take place" in text)
    assert f"Week 1 on {at(FIRST)} does not take place" in said
    assert f"Next meeting: {at(FIRST + WEEK)}" in said
    line = next(text for text in posts(w) if "postponed, one is added" in text)
    assert "Extra meeting" not in line
    (post,) = living(w)
    assert "Week 1" in words_of(post)
    assert at(FIRST + WEEK) in words_of(post)


@on_discord
async def test_a_skip_that_is_taken_back_leaves_no_wrong_line(w: World) -> None:
    group = await begun(w)
    first = (await listed(w, group))[0]
    await meetings.skip(mod_of(w), first.id)
    await after(w, group)
    assert any("Week 1" in text and "skipped" in text for text in posts(w))
    await take_back(w, group, "meeting_skipped")
    assert not any("skipped" in text or "moved to" in text for text in posts(w))
    (post,) = living(w)
    assert at(FIRST) in words_of(post)
    assert await told(group) == [("skipped", "sent"), ("restored", "sent")]


@on_discord
async def test_the_time_that_it_has_is_refused_before_the_preview(w: World) -> None:
    group = await begun(w)
    first = (await listed(w, group))[0]
    asked = await w.mod.slash(w.room, "meeting move", meeting=first.label, to="Wed 19:00")
    assert "It is at that time already" in text_of(asked)
    assert labels(asked.response) == ["Edit again"]
    longer = await w.mod.slash(
        w.room, "meeting move", meeting=first.label, to="Wed 19:00", minutes=90
    )
    assert labels(longer.response)[0] == "Move, ask again"


@on_discord
async def test_a_list_of_dates_has_no_end_to_add_to(w: World) -> None:
    group = await begun(w)
    days = (date(2026, 3, 18), date(2026, 3, 20))
    await slots.change(mod_of(w), group, Rule(RULE.pieces, dates=days))
    await after(w, group)
    last_one = (await listed(w, group))[-1]
    asked = await w.mod.slash(w.room, "meeting postpone", meeting=f"meeting:{last_one.id}")
    assert "none follows at the end" in text_of(asked)
    assert labels(asked.response) == []


@on_discord
async def test_a_zone_that_nobody_knows_any_more_stops_no_reminder(w: World) -> None:
    group = await begun(w)
    await zone(w.members[1], "Mars/Base")
    await zone(w.members[2], "Asia/Kolkata")
    counts = await sync_group_reminders(group)
    assert counts["unchanged"] > 0
    assert await sweep() == []  # also while what was due this minute is sent already


# --- the series ----------------------------------------------------------------------------------


@on_discord
async def test_a_slot_from_a_meeting_on_is_said_once(w: World) -> None:
    group = await begun(w)
    third = FIRST + 2 * WEEK
    asked = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="Thu 20:00", since="2026-03-18"
    )
    await w.mod.click(asked.response, label="Save")
    await after(w, group)
    assert await told(group) == [("moved", "sent")]
    said = next(text for text in posts(w) if "was moved" in text)
    assert f"Week 3 was moved from {at(third)}" in said
    assert "The meetings after it move as well" in said
    await take_back(w, group, "slot_changed")
    assert await told(group) == [("moved", "sent")] * 2
    again = [text for text in posts(w) if "was moved" in text][-1]
    assert f"to {at(third)}" in again


@on_discord
async def test_a_cohort_that_starts_later_says_so(w: World) -> None:
    group = await begun(w)
    await cohorts.edit(mod_of(w), 1, start_date=date(2026, 3, 9))
    await after(w, group)
    assert await told(group) == [("moved", "sent")]
    await take_back(w, group, "cohort_edited")
    assert await told(group) == [("moved", "sent")] * 2
    (post,) = living(w)
    assert at(FIRST) in words_of(post)


@on_discord
async def test_a_cancellation_that_is_taken_back_is_said(w: World) -> None:
    group = await begun(w)
    await cohorts.cancel(mod_of(w), 1)
    await after(w, group)
    await take_back(w, group, "cohort_cancelled")
    assert await told(group) == [("cancelled", "sent"), ("restored", "sent")]


@on_discord
async def test_before_a_group_runs_its_times_are_no_news(w: World) -> None:
    group = await begun(w)
    async with get_database().transaction() as session:
        await session.execute(update(Group).where(Group.id == 2).values(status="preview"))
    other = (await listed(w, 2))[0]
    await meetings.move(mod_of(w), other.id, FIRST + timedelta(days=1))
    await slots.change_cohort(mod_of(w), 1, None, [date(2026, 3, 4)])
    await after(w, group)
    assert await told(2) == []


@on_discord
async def test_a_meeting_that_is_dropped_leaves_no_buttons(w: World) -> None:
    group = await begun(w)
    set_clock(lambda: FIRST + timedelta(days=1))
    await after(w, group)
    assert len(living(w)) == 1
    await cohorts.edit(mod_of(w), 1, meetings=1)
    await after(w, group)
    assert living(w) == []
    assert any("Week 2" in text and "cancelled" in text for text in posts(w))
    assert [m.number for m in await listed(w, group)] == [1]


# --- /meeting slot -------------------------------------------------------------------------------


@on_discord
async def test_what_the_command_leaves_out_stays(w: World) -> None:
    group = await begun(w)
    first = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="Wed 19:00", minutes=90, rhythm="biweekly"
    )
    await w.mod.click(first.response, label="Save")
    later = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="Thu 20:00", since="2026-04-01"
    )
    text = text_of(later)
    assert "every two weeks, Wed 19:00 Europe/Berlin, 90 minutes; from Mon 30 March" in text
    assert "Thu 20:00 Europe/Berlin, 90 minutes" in text
    weekly = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="Thu 20:00", since="2026-04-01",
        rhythm="weekly",
    )  # fmt: skip
    assert "Europe/Berlin, 90 minutes; from Wed 1 April Thu 20:00" in text_of(weekly)
    which = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="Thu 20:00", since="2026-04-01, 4 May"
    )
    assert "There are two days in that" in text_of(which)
    month = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="20:00", rhythm="monthly", dates="15 April"
    )
    assert "The next one: Wed 15 April 20:00" in text_of(month)
    leap = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="Thu 20:00", since="29 February"
    )
    assert "from Mon 28 February 2028" in text_of(leap)
    listing = await w.mod.slash(
        w.room, "meeting slot", group="Group 1", when="20:00", dates="2026-03-18, 2026-03-20"
    )
    assert "on 2 dates, 20:00 Europe/Berlin" in text_of(listing)
    assert len(await listed(w, group)) == 4


@on_discord
async def test_the_panel_of_a_group_that_ended_offers_nothing(w: World) -> None:
    group = await begun(w)
    first = (await listed(w, group))[0]
    await groups.archive(mod_of(w), group)
    await after(w, group)
    assert living(w) == []
    shown = await manage(w, w.mod, first.id)
    assert "This group has ended" in text_of(shown)
    assert labels(last(shown)) == []
    refused = await manage(w, w.members[0], first.id)
    assert "Only moderators and the facilitators" in text_of(refused)


@on_discord
async def test_a_number_is_found_among_a_hundred_groups(w: World) -> None:
    set_clock(lambda: MONDAY)
    await made(w, meetings=12, groups=100, rule=RULE)
    found = await w.mod.autocomplete(w.room, "meeting skip", "meeting", "week 12")
    assert [c["name"] for c in found[:2]] == [f"Group {n} · Week 12 · Wed 20 May" for n in (1, 2)]
    assert len(found) == 25
    mine = await w.mod.autocomplete(w.room, "meeting skip", "meeting", "group 77")
    assert len(mine) == 12


# --- strangers -----------------------------------------------------------------------------------


@on_discord
async def test_another_server_reaches_nothing(w: World) -> None:
    group = await begun(w)
    first = (await listed(w, group))[0]
    room, boss = await moderator_elsewhere(w)
    away = boss.guild
    stranger = Actor(away.id, boss.id, "boss", moderator=True)
    assert await meeting_views.choices(stranger, "") == []
    refused = await boss.slash(room, "meeting skip", meeting=f"meeting:{first.id}")
    assert "Week 1" not in text_of(refused)
    assert (await listed(w, group))[0].status == "planned"
