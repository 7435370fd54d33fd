"""Discord's events of a group's meetings, as members and moderators see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from sqlalchemy import select, update

from bot.client import Muster
from core.clock import set_clock, utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting, Rsvp
from core.db.models import ManagedObject, SyncState
from core.discord_outbound import set_bot
from core.errors import TemporaryError
from core.operations import by_hand, interest, overview, settings
from core.operations import groups as group_operations
from core.operations.check import check
from core.systems import events
from core.worker import Worker
from tests.e2e._acting import channel, filled, made, mod_of, on_discord
from tests.world import World, words_of

SCHEDULED, ACTIVE, COMPLETED, CANCELED = 1, 2, 3, 4
FIRST = datetime(2026, 1, 7, 19, tzinfo=UTC)  # SimCord's clock stands at 2026-01-01
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)
LACKS = discord.Permissions(manage_events=True, create_events=True)


async def group_with(w: World, *, weeks: int = 8, name: str = "Stats", **more: Any) -> int:
    """An open group with two people, its channels, and meetings from FIRST on."""
    cohort = await made(w, name, **more)
    await filled(w, cohort)
    await add(w, cohort.group_ids[0], *(FIRST + WEEK * n for n in range(weeks)))
    return int(cohort.group_ids[0])


async def add(w: World, group_id: int, *starts: datetime, guild_id: int | None = None) -> None:
    async with get_database().transaction() as session:
        for n, start in enumerate(starts, 1):
            session.add(
                Meeting(
                    guild_id=guild_id or w.guild.id, group_id=group_id, number=n, minutes=60,
                    occurrence_date=start.date(), starts_at=start, created_at=utcnow(),
                )
            )  # fmt: skip


async def rows(group_id: int) -> list[Meeting]:
    async with get_database().transaction() as session:
        query = select(Meeting).where(Meeting.group_id == group_id).order_by(Meeting.starts_at)
        return list(await session.scalars(query))


async def put(meeting: Meeting, **values: Any) -> None:
    async with get_database().transaction() as session:
        await session.execute(update(Meeting).where(Meeting.id == meeting.id).values(**values))


async def state(group_id: int) -> SyncState:
    async with get_database().transaction() as session:
        return await session.get_one(SyncState, (group_id, "rsvps"))


def there(w: World, guild: Any = None) -> list[Any]:
    """Discord's own events that are not over, soonest first."""
    found = w.env.backend.get_guild((guild or w.guild).id).scheduled_events.values()
    open_now = [e for e in found if e.status in {SCHEDULED, ACTIVE}]
    return sorted(open_now, key=lambda e: e.scheduled_start_time)


def event(w: World, event_id: int | None) -> Any:
    return w.env.backend.get_guild(w.guild.id).scheduled_events[event_id or 0]


async def calls(w: World, group_id: int) -> int:
    """How many calls a sync of the group costs."""
    before = len(w.env.http_requests)
    await events.sync(group_id)
    await w.env.settle()
    return len(w.env.http_requests) - before


async def office(w: World) -> Any:
    """The moderators' channel."""
    room = w.guild.create_text_channel("office")
    await settings.change(mod_of(w), moderator_channel_id=room.id)
    return room


def said(room: Any) -> list[str]:
    return [words_of(m) for m in room.history()]


@on_discord
async def test_four_events_ahead_for_four_calls_and_then_none(w: World) -> None:
    group = await group_with(w)
    counts = await events.sync(group)
    assert (counts["meetings"], counts["created"], counts["failed"]) == (8, 4, 0)
    assert [e.name for e in there(w)] == [f"Group 1 - Week {n}" for n in range(1, 5)]
    voice = channel(w, "Group 1 Voice")
    assert {e.channel_id for e in there(w)} == {voice.id}
    assert datetime.fromisoformat(there(w)[0].scheduled_start_time) == FIRST
    assert datetime.fromisoformat(there(w)[0].scheduled_end_time) == FIRST + HOUR
    assert "Press Interested" in there(w)[0].description
    assert await calls(w, group) == 0
    again = await events.sync(group)
    assert (again["created"], again["unchanged"]) == (0, 4)
    assert (await state(group)).status == "ok"


@on_discord
async def test_making_four_costs_four_calls_and_a_move_one(w: World) -> None:
    group = await group_with(w)
    assert await calls(w, group) == 4
    first = (await rows(group))[0]
    await put(first, starts_at=FIRST + HOUR)
    assert await calls(w, group) == 1
    assert datetime.fromisoformat(there(w)[0].scheduled_start_time) == FIRST + HOUR
    assert datetime.fromisoformat(there(w)[0].scheduled_end_time) == FIRST + 2 * HOUR
    assert there(w)[0].id == first.event_id
    assert await calls(w, group) == 0


@on_discord
async def test_renamed_with_the_group(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    await group_operations.edit(mod_of(w), group, name="Owls")
    assert (await events.sync(group))["moved"] == 2
    assert [e.name for e in there(w)] == ["Owls - Week 1", "Owls - Week 2"]


@on_discord
@pytest.mark.parametrize("status", ["skipped", "postponed", "cancelled"])
async def test_cancelled_with_the_meeting_and_back_with_it(w: World, status: str) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    first = (await rows(group))[0]
    await put(first, status=status)
    assert await calls(w, group) == 1
    assert event(w, first.event_id).status == CANCELED
    assert [e.name for e in there(w)] == ["Group 1 - Week 2"]
    await put(first, status="planned")
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1", "Group 1 - Week 2"]


@on_discord
async def test_live_with_the_meeting_completed_after_it_and_the_next_one_made(w: World) -> None:
    group = await group_with(w)
    await events.sync(group)
    first = (await rows(group))[0]
    set_clock(lambda: FIRST + timedelta(minutes=1))
    assert await calls(w, group) == 2  # this one starts, and the window moves on by one
    assert event(w, first.event_id).status == ACTIVE
    assert await calls(w, group) == 0
    set_clock(lambda: FIRST + HOUR)
    assert await calls(w, group) == 1
    assert event(w, first.event_id).status == COMPLETED
    assert (await rows(group))[0].event_state == "ended"
    assert await calls(w, group) == 0
    assert [e.name for e in there(w)] == [f"Group 1 - Week {n}" for n in range(2, 6)]


@on_discord
async def test_after_downtime_nothing_is_made_for_what_has_begun(w: World) -> None:
    group = await group_with(w, weeks=3)
    set_clock(lambda: FIRST + WEEK + timedelta(minutes=5))
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 3"]


@on_discord
async def test_a_group_without_voice_channel_has_none(w: World) -> None:
    group = await group_with(w, rooms="text")
    counts = await events.sync(group)
    assert (counts["meetings"], counts["created"], counts["failed"]) == (8, 0, 0)


@on_discord
async def test_an_ended_group_has_none(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    await group_operations.archive(mod_of(w), group)
    await events.sync(group)
    assert there(w) == []


@on_discord
async def test_without_the_right_moderators_hear_of_it_once(w: World) -> None:
    group, other = await group_with(w), await group_with(w, name="Maths")
    room = await office(w)
    role = next(r for r in channel(w, "Group 1 Voice").guild.me.roles if r.managed)
    before = role.permissions.value
    w.env.backend.edit_role(w.guild.id, role.id, {"permissions": before & ~LACKS.value})
    await w.env.settle()
    for one in (group, other, group):
        assert await calls(w, one) <= 1  # the sentence to the moderators, and nothing else
    told = [line for line in said(room) if "no events" in line]
    assert len(told) == 1
    assert "Muster lacks Manage Events, Create Events on this server" in told[0]
    assert "Everything else goes on" in told[0]
    assert (await state(group)).status == "parked"
    whats = [f.what for f in await check(w.guild.id)]
    assert "Muster lacks **Create Events** on this server" in whats
    w.env.backend.edit_role(w.guild.id, role.id, {"permissions": before})
    await w.env.settle()
    for one in (group, other):
        assert (await events.sync(one))["failed"] == 0
    assert len(there(w)) == 8
    assert (await state(group)).status == "ok"


@on_discord
async def test_a_channel_that_takes_the_right_away(w: World) -> None:
    group = await group_with(w)
    room = await office(w)
    voice = channel(w, "Group 1 Voice")
    entry = voice.overwrites_for(voice.guild.me)
    entry.update(create_events=False)
    await voice.set_permissions(voice.guild.me, overwrite=entry)
    await w.env.settle()
    assert (await events.sync(group))["failed"] == 1
    assert "Muster lacks Create Events in #Group 1 Voice" in said(room)[-1]
    found = [f for f in await check(w.guild.id) if "Create Events" in f.what]
    assert [f.effect for f in found] == ["The meetings of this group get no events on Discord"]
    assert there(w) == []


@on_discord
async def test_a_full_server_the_soonest_come_first(w: World) -> None:
    """98 events of others: two places are left for eight meetings of two groups."""
    group, other = await group_with(w, weeks=4), await group_with(w, name="Maths", weeks=0)
    await add(w, other, *(FIRST + HOUR + WEEK * n for n in range(4)))
    room = await office(w)
    foreign = [
        w.guild.create_scheduled_event(
            f"Party {n}", start_time="2026-02-01T19:00:00+00:00", entity_type=3, location="x",
            end_time="2026-02-01T20:00:00+00:00",
        )
        for n in range(98)
    ]  # fmt: skip
    await w.env.settle()
    for one in (group, other, group, other):
        await events.sync(one)
    mine = [e for e in there(w) if not e.name.startswith("Party")]
    starts = [datetime.fromisoformat(e.scheduled_start_time) for e in mine]
    assert starts == [FIRST, FIRST + HOUR]
    told = [line for line in said(room) if "Discord's limit" in line]
    assert len(told) == 1
    assert "100 scheduled events, Discord's limit: 6 meetings have none yet" in told[0]
    assert "The server has 100 scheduled events, Discord's limit" in {
        f.what for f in await check(w.guild.id)
    }
    assert await calls(w, group) == 0
    assert (await state(group)).status == "ok"  # its next meeting has its event
    for one in foreign[:50]:
        w.env.backend.delete_scheduled_event(w.guild.id, one.id)
    await w.env.settle()
    for one in (group, other):
        assert (await events.sync(one))["failed"] == 0
    assert len([e for e in there(w) if not e.name.startswith("Party")]) == 8
    assert (await state(group)).error_class is None


@on_discord
async def test_discord_itself_says_that_the_server_is_full(w: World) -> None:
    group = await group_with(w)
    room = await office(w)
    w.env.inject_error(
        "POST", "/guilds/*/scheduled-events", status=400, code=30038, message="Maximum", times=None
    )
    assert await calls(w, group) == 2  # one refusal is enough; and the moderators hear of it
    assert "Discord's limit" in said(room)[-1]
    assert {m.event_state for m in await rows(group)} == {None}


@on_discord
async def test_deleted_by_hand_is_told_once_and_comes_back_by_repair(w: World) -> None:
    group = await group_with(w, weeks=2)
    room = await office(w)
    await events.sync(group)
    first = (await rows(group))[0]
    w.env.backend.delete_scheduled_event(w.guild.id, first.event_id or 0)
    await w.env.settle()
    for _ in range(3):
        await events.sync(group)
    told = [line for line in said(room) if "was deleted on Discord" in line]
    assert len(told) == 1
    assert "“Group 1 - Week 1”" in told[0]
    assert [e.name for e in there(w)] == ["Group 1 - Week 2"]
    assert await calls(w, group) == 0
    [shown] = [s for s in await overview.status(w.guild.id) if s.deleted]
    assert shown.deleted == ("event “Group 1 - Week 1”",)
    assert "event" in await group_operations.repair(mod_of(w), group)
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1", "Group 1 - Week 2"]


@on_discord
async def test_deleted_by_hand_comes_back_when_the_meeting_moves(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    w.env.backend.delete_scheduled_event(w.guild.id, first.event_id or 0)
    await w.env.settle()
    await events.sync(group)
    await put(first, starts_at=FIRST + HOUR)
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1"]


@on_discord
async def test_a_gap_in_the_cache_is_no_deletion(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    guild._scheduled_events.clear()
    assert await calls(w, group) == 1  # the list is read before anything is said
    assert (await rows(group))[0].event_state == "created"
    assert await calls(w, group) == 0


@on_discord
async def test_renamed_by_hand_is_reported_and_put_back_where_the_server_says_so(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    w.env.backend.edit_scheduled_event(w.guild.id, first.event_id or 0, {"name": "Party"})
    await w.env.settle()
    assert await calls(w, group) == 0
    assert (await state(group)).by_hand["notes"] == [[first.event_id, 0, "event_renamed"]]
    assert there(w)[0].name == "Party"
    await settings.change(mod_of(w), by_hand="repair")
    await events.sync(group)
    assert there(w)[0].name == "Group 1 - Week 1"
    assert (await state(group)).by_hand["notes"] == []


@on_discord
async def test_a_difference_is_put_back_or_kept_one_by_one(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    for meeting, change in zip(
        await rows(group),
        ({"name": "Party"}, {"scheduled_start_time": (FIRST + WEEK + HOUR / 2).isoformat()}),
        strict=True,
    ):
        w.env.backend.edit_scheduled_event(w.guild.id, meeting.event_id or 0, change)
    await w.env.settle()
    await events.sync(group)
    renamed, moved = await by_hand.listed(w.guild.id)
    assert renamed.text == "the event “Party” was renamed by hand"
    assert moved.text == "the event “Group 1 - Week 2” was moved to another time by hand"
    await by_hand.put_back(mod_of(w), renamed.number)
    await by_hand.keep(mod_of(w), moved.number)
    await events.sync(group)
    assert there(w)[0].name == "Group 1 - Week 1"
    assert datetime.fromisoformat(there(w)[1].scheduled_start_time) == FIRST + WEEK + HOUR / 2
    assert await by_hand.listed(w.guild.id) == []


@on_discord
async def test_a_crash_between_the_event_and_its_id_doubles_nothing(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    first, second = await rows(group)
    await put(first, event_id=None, event_state="intent")
    await put(second, event_id=None, event_state="intent", event_hash="0" * 64)
    counts = await events.sync(group)
    after = await rows(group)
    assert after[0].event_id == first.event_id
    assert counts["failed"] == 0
    assert sorted(e.id for e in there(w)) == sorted(m.event_id or 0 for m in after)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1", "Group 1 - Week 2"]


@on_discord
async def test_an_open_answer_is_asked_about_before_anything_is_made_again(w: World) -> None:
    """Discord made it and answered 503: the next attempt takes it over, moved meanwhile."""
    group = await group_with(w, weeks=1)
    w.env.inject_error("POST", "/guilds/*/scheduled-events", status=503)
    assert (await events.sync(group))["failed"] == 1
    [first] = await rows(group)
    assert (first.event_state, first.event_id) == ("intent", None)
    made_by_it = w.guild.create_scheduled_event(
        "Group 1 - Week 1", start_time=FIRST.isoformat(), end_time=(FIRST + HOUR).isoformat(),
        channel=w.guild.channels["Group 1 Voice"],
    )  # fmt: skip
    await w.env.settle()
    await put(first, starts_at=FIRST + HOUR)
    await events.sync(group)
    [only] = there(w)
    assert only.id == made_by_it.id
    assert datetime.fromisoformat(only.scheduled_start_time) == FIRST + HOUR


@on_discord
async def test_a_refusal_leaves_nothing_to_look_for(w: World) -> None:
    group = await group_with(w, weeks=1)
    w.env.inject_error("POST", "/guilds/*/scheduled-events", status=400, code=50035)
    assert (await events.sync(group))["failed"] == 1
    assert (await rows(group))[0].event_state is None


@on_discord
async def test_two_by_one_call_become_one(w: World) -> None:
    """discord.py tries a 500 again by itself: the twin is cancelled as soon as it is seen."""
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    w.guild.create_scheduled_event(
        "Group 1 - Week 1", start_time=FIRST.isoformat(), end_time=(FIRST + HOUR).isoformat(),
        channel=w.guild.channels["Group 1 Voice"],
    )  # fmt: skip
    await w.env.settle()
    await events.sync(group)
    assert [e.id for e in there(w)] == [first.event_id]


@on_discord
async def test_a_deleted_meeting_takes_its_event_along(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    async with get_database().transaction() as session:
        await session.delete(await session.get_one(Meeting, (await rows(group))[0].id))
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 2"]


@on_discord
async def test_one_failure_stops_no_other(w: World) -> None:
    group = await group_with(w)
    await events.sync(group)
    first, second, *_ = await rows(group)
    await put(first, starts_at=FIRST + HOUR)
    await put(second, starts_at=FIRST + WEEK + HOUR)
    w.env.inject_error("PATCH", f"/guilds/*/scheduled-events/{first.event_id}", status=400)
    counts = await events.sync(group)
    assert (counts["failed"], counts["moved"]) == (1, 1)
    assert (await state(group)).status == "parked"
    assert await calls(w, group) == 1  # the plan is another one now
    assert await calls(w, group) == 0


async def _interested(meeting: Meeting) -> dict[int, tuple[bool, str]]:
    async with get_database().transaction() as session:
        found = await session.scalars(select(Rsvp).where(Rsvp.meeting_id == meeting.id))
        return {r.user_id: (r.interested, r.status) for r in found}


@on_discord
async def test_interested_is_noted_and_is_no_answer(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    ada, ben = w.members[:2]
    async with get_database().transaction() as session:
        session.add(
            Rsvp(meeting_id=first.id, user_id=ben.id, guild_id=w.guild.id, status="not_attending")
        )
    stranger = w.guild.add_member(w.env.create_user("stranger"))
    for person in (ada, ben, stranger):
        await person.subscribe_event(first.event_id)
    found = await _interested(first)
    assert found[ada.id] == (True, "pending")
    assert found[ben.id] == (True, "not_attending")
    await ada.unsubscribe_event(first.event_id)
    assert (await _interested(first))[ada.id] == (False, "pending")


@on_discord
async def test_interest_in_events_of_others_is_nobodys_business(w: World) -> None:
    await group_with(w, weeks=1)
    party = w.guild.create_scheduled_event(
        "Party", start_time=FIRST.isoformat(), entity_type=3, location="x",
        end_time=(FIRST + HOUR).isoformat(),
    )  # fmt: skip
    await w.env.settle()
    await w.members[0].subscribe_event(party.id)
    async with get_database().transaction() as session:
        assert list(await session.scalars(select(Rsvp))) == []


@on_discord
async def test_interest_while_the_bot_was_away(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    first, second = await rows(group)
    ada, ben = w.members[:2]
    await ada.subscribe_event(first.event_id)
    there_now = w.env.backend.get_guild(w.guild.id).scheduled_events[first.event_id or 0]
    there_now.user_ids = {ben.id}  # nobody hears of it
    before = len(w.env.http_requests)
    bot = Muster(Worker(), rest_per_second=50)
    set_bot(bot)
    await w.env.restart_bot(bot)
    await w.env.settle()
    assert await _interested(first) == {ada.id: (False, "pending"), ben.id: (True, "pending")}
    paths = [r.path for r in w.env.http_requests[before:] if r.path.endswith("/users")]
    assert len(paths) == 2  # once per event
    assert await _interested(second) == {}
    assert await interest.reread(w.guild.id) == 0


@on_discord
async def test_by_hand_on_discord_is_looked_at_at_once(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    await w.settle()
    [first] = await rows(group)
    w.env.backend.edit_scheduled_event(w.guild.id, first.event_id or 0, {"name": "Party"})
    await w.env.settle()
    assert group in w.worker._bumped
    await w.settle()
    w.env.backend.delete_scheduled_event(w.guild.id, first.event_id or 0)
    await w.env.settle()
    assert group in w.worker._bumped


@on_discord
async def test_two_servers_know_nothing_of_each_other(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    elsewhere = w.env.create_guild(name="Elsewhere")
    await w.env.settle()
    ada = w.members[0]
    assert await interest.noted(elsewhere.id, first.event_id or 0, ada.id, interested=True) is None
    assert await interest.group_of_event(elsewhere.id, first.event_id or 0) == []
    assert there(w, elsewhere) == []
    assert await _interested(first) == {}


@on_discord
async def test_a_server_that_is_away_is_a_failure_of_the_moment(w: World) -> None:
    group = await group_with(w, weeks=1)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    guild.unavailable = True
    with pytest.raises(TemporaryError):
        await events.sync(group)
    guild.unavailable = False
    assert (await state(group)).status == "waiting"


@on_discord
async def test_the_voice_channel_is_deleted_and_comes_back(w: World) -> None:
    group = await group_with(w, weeks=1)
    room = await office(w)
    await events.sync(group)
    voice = channel(w, "Group 1 Voice")
    await voice.delete()
    await w.settle()
    async with get_database().transaction() as session:
        gone = await session.scalar(
            select(ManagedObject.state).where(ManagedObject.discord_id == voice.id)
        )
    assert gone == "deleted"
    await events.sync(group)
    assert not [line for line in said(room) if "the event" in line]
    await group_operations.repair(mod_of(w), group)
    await w.settle()
    await events.sync(group)
    new = channel(
        w, "Group 1 Voice"
    )  # Discord deletes a channel's events with it, SimCord does not
    assert [e.name for e in there(w) if e.channel_id == new.id] == ["Group 1 - Week 1"]
