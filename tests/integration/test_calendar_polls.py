"""What is read from the calendar: answers, and how often. Real Postgres, a server in memory."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text, update

from core.calendars import port
from core.clock import utcnow
from core.db.calendar_models import CalendarEntry, CalendarLink
from core.db.engine import get_database
from core.db.meeting_models import Answer, Rsvp, Source
from core.db.models import Projection
from core.operations import answers, meeting_views, membership
from core.operations.common import Actor
from core.reconcile.series import uid_of
from core.systems import calendar, calendar_answers
from core.systems.calendar_answers import FAR, NEAR
from tests import calendars_here as here
from tests.calendars_here import GUILD, MOD, Shelf, address_of, answers_of, entry, season
from tests.integration._polls import at, later, poll, ready, shelf

__all__ = ["shelf"]  # a fixture

ANNA = Actor(GUILD, 3, "member3")
FIRST, SECOND = date(2026, 3, 4), date(2026, 3, 11)


async def statuses(user_id: int = 3) -> list[str]:
    return [status for _, status, _ in await answers_of(user_id)]


async def test_an_answer_to_all_is_everybodys_meeting_and_costs_no_write(shelf: Shelf) -> None:
    group = await ready(shelf)
    shelf.answer(address_of(3), "ACCEPTED")
    assert (await poll()).answers == 4
    assert [(s, by) for _, s, by in await answers_of(3)] == [("attending", "calendar")] * 4
    shelf.took()
    assert (await calendar.sync(group))["unchanged"] == 1
    assert shelf.took() == []
    assert (await poll()).answers == 0


async def test_a_decline_of_one_meeting_counts_for_that_one_only(shelf: Shelf) -> None:
    group = await ready(shelf)
    shelf.answer(address_of(3), "ACCEPTED")
    await poll()
    shelf.answer(address_of(3), "DECLINED", SECOND)
    done = await poll()
    assert (done.answers, done.edited) == (1, 0)
    assert await statuses() == ["attending", "not_attending", "attending", "attending"]
    shelf.took()
    await calendar.sync(group)
    assert shelf.took() == []


async def test_the_post_of_the_meeting_is_edited(shelf: Shelf) -> None:
    group = await ready(shelf)
    first = (await meeting_views.list_for_group(GUILD, group))[0].id
    async with get_database().transaction() as session:
        session.add(
            Projection(guild_id=GUILD, kind="answers", subject=str(first), group_id=group,
                       channel_id=1, dirty=False, created_at=utcnow())
        )  # fmt: skip
    shelf.answer(address_of(3), "TENTATIVE")
    await poll()
    async with get_database().transaction() as session:
        assert (await session.scalars(select(Projection.dirty))).all() == [True]


async def test_a_button_is_written_and_never_taken_back_by_what_was_there(shelf: Shelf) -> None:
    group = await ready(shelf)
    shelf.answer(address_of(3), "ACCEPTED")
    await poll()
    first = (await meeting_views.list_for_group(GUILD, group))[0].id
    later(minutes=1)
    await answers.answer(ANNA, first, Answer.not_attending, Source.button)
    assert (await poll()).answers == 0
    assert (await calendar.sync(group))["patched"] == 1
    assert "DECLINED" in shelf.only()
    assert (await poll()).answers == 0
    assert await statuses() == ["not_attending", "attending", "attending", "attending"]


async def test_silence_takes_nothing_back(shelf: Shelf) -> None:
    await ready(shelf)
    shelf.answer(address_of(3), "DECLINED")
    await poll()
    shelf.answer(address_of(3), "NEEDS-ACTION")
    assert (await poll()).answers == 0
    assert await statuses() == ["not_attending"] * 4


async def test_a_later_press_beats_an_answer_that_is_just_being_read(shelf: Shelf) -> None:
    group = await ready(shelf)
    first = (await meeting_views.list_for_group(GUILD, group))[0].id
    shelf.answer(address_of(3), "ACCEPTED", FIRST)

    async def press() -> None:
        later(seconds=5)
        await answers.answer(ANNA, first, Answer.tentative, Source.button)

    shelf.before["changes"] = press
    await poll()
    assert await statuses() == ["tentative"]


async def test_what_is_written_while_a_list_is_read_is_not_undone_by_it(shelf: Shelf) -> None:
    group = await ready(shelf)
    first = (await meeting_views.list_for_group(GUILD, group))[0].id
    shelf.answer(address_of(3), "ACCEPTED")
    await poll()
    await calendar.sync(group)

    async def press() -> None:
        later(seconds=5)
        await answers.answer(ANNA, first, Answer.not_attending, Source.button)
        await calendar.sync(group)

    shelf.answer(address_of(3), "TENTATIVE", SECOND)
    shelf.before["listed"] = press  # which finds that version, and writes over it
    await poll()
    assert (await statuses())[:2] == ["not_attending", "tentative"]
    known = await entry(group)
    assert known is not None
    assert known.etag == sha256(shelf.only().encode()).hexdigest()  # as a server in memory counts
    shelf.took()
    await calendar.sync(group)
    assert shelf.took() == []
    assert (await poll()).answers == 0


async def test_what_is_noted_while_a_poll_looks_is_not_undone_by_it(shelf: Shelf) -> None:
    """Somebody's write is noted between the poll's look at the row and its own note."""
    group = await ready(shelf)
    shelf.answer(address_of(3), "ACCEPTED")
    async with get_database().transaction() as session:
        one = update(CalendarEntry).where(CalendarEntry.group_id == group)
        await session.execute(one.values(etag="newer", content=None))
        reading = asyncio.create_task(poll())
        await _somebody_waits(reading)
    assert (await reading).answers == 0
    known = await entry(group)
    assert known is not None
    assert (known.etag, known.content) == ("newer", None)


async def _somebody_waits(task: asyncio.Task[Any]) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(20), get_database().alone() as session:
        while not task.done() and not await session.scalar(waiting):
            await asyncio.sleep(0)


async def test_an_hour_without_an_answer_backs_off_and_loses_nothing(shelf: Shelf) -> None:
    group = await ready(shelf)
    shelf.answer(address_of(3), "ACCEPTED")
    shelf.server.failing = port.Unreachable("no answer")
    begun, calls = utcnow(), 0
    while utcnow() - begun < timedelta(hours=1):
        await calendar_answers.poll_due()
        calls += len(shelf.took())
        later(minutes=1)
    assert 3 <= calls <= 6
    row = await here.link_row()
    assert row.error_class == "calendar_down"
    assert row.attempts == calls
    shelf.server.failing = None
    later(minutes=61)
    assert await calendar_answers.poll_due() == {group}
    assert await statuses() == ["attending"] * 4
    row = await here.link_row()
    assert (row.attempts, row.error_class, row.error_text) == (0, None, None)


async def test_it_is_read_every_five_minutes_around_meetings_else_every_thirty(
    shelf: Shelf,
) -> None:
    await ready(shelf)
    await poll()
    wait = (await here.link_row()).poll_at - utcnow()
    assert FAR * 0.89 < wait < FAR * 1.11
    at(datetime.fromisoformat("2026-03-04T16:30:00+00:00"))  # the first one begins at 18:00 UTC
    await calendar_answers.poll(GUILD)
    wait = (await here.link_row()).poll_at - utcnow()
    assert NEAR * 0.89 < wait < NEAR * 1.11


async def test_everything_is_read_once_a_day_and_one_poll_runs_at_a_time(shelf: Shelf) -> None:
    await ready(shelf)
    first = (await here.link_row()).listed_at
    await poll()
    assert (await here.link_row()).listed_at == first
    later(hours=24)
    await poll()
    assert (await here.link_row()).listed_at == utcnow()
    async with get_database().transaction() as session:
        await session.execute(
            update(CalendarLink).values(lease_by=99, lease_until=utcnow() + timedelta(minutes=1))
        )
    assert await calendar_answers.poll(GUILD) is None


async def test_two_guilds_never_mix(shelf: Shelf) -> None:
    """Even where both have one calendar, and one person is in both."""
    other = Actor(600, 9, "mod elsewhere", moderator=True)
    mine, theirs = await season(), await season(actor=other)
    await here.link(shelf)
    await here.link(shelf, 600)
    await calendar.sync(mine)
    await calendar.sync(theirs)
    assert len(shelf.entries()) == 2
    for guild in (GUILD, 600):
        assert (await poll(guild)).orphans == 0
    text = shelf.entries()[uid_of(GUILD, mine)]
    shelf.server.write(here.HOME, uid_of(GUILD, mine), text.replace("NEEDS-ACTION", "ACCEPTED"))
    assert (await poll(600)).answers == 0
    assert (await poll(GUILD)).answers == 4
    async with get_database().transaction() as session:
        guilds = set(await session.scalars(select(Rsvp.guild_id)))
        assert guilds == {GUILD}
        assert len((await session.scalars(select(CalendarEntry))).all()) == 2


async def test_a_clock_an_hour_off_is_no_matter(shelf: Shelf) -> None:
    """The calendar's clock decides nothing: an answer counts from when it was read."""
    group = await ready(shelf)
    first = (await meeting_views.list_for_group(GUILD, group))[0].id
    await answers.answer(ANNA, first, Answer.tentative, Source.button)
    await calendar.sync(group)

    def hours_off(ics: Any) -> None:
        for event in ics.events:
            event["DTSTAMP"].dt += timedelta(hours=1)

    shelf.edit(hours_off)
    shelf.answer(address_of(3), "DECLINED", FIRST)
    later(minutes=1)
    await poll()
    assert await statuses() == ["not_attending"]


async def test_a_removed_member_is_not_heard_and_loses_the_event(shelf: Shelf) -> None:
    group = await ready(shelf, people=(3, 4))
    await membership.remove(MOD, group, 3)
    shelf.answer(address_of(3), "ACCEPTED")
    await poll()
    await calendar.sync(group)
    assert address_of(3) not in shelf.only()
    assert address_of(4) in shelf.only()
    assert await answers_of(3) == []
