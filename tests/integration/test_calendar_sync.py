"""A group's entry in the calendar: real Postgres, a server of calendars in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from core import sync
from core.calendars import port
from core.clock import set_clock, utcnow
from core.db.calendar_models import CalendarEntry
from core.db.engine import get_database
from core.db.models import Group, SyncState
from core.db.queries import access
from core.operations import groups, meeting_views, meetings, membership, people
from core.operations.common import Actor
from core.reconcile.series import uid_of
from core.systems import calendar, calendar_answers
from tests import calendars_here as here
from tests.calendars_here import GUILD, MOD, Shelf, address_of, attendees, entry, season, state
from tests.integration._polls import later, shelf

__all__ = ["shelf"]  # a fixture


async def ready(shelf: Shelf, **more: object) -> int:
    """A group with its entry in the calendar."""
    group = await season(**more)  # type: ignore[arg-type]
    await here.link(shelf)
    counts = await calendar.sync(group)
    assert (counts["created"], counts["failed"]) == (1, 0)
    shelf.took()
    return group


async def test_a_group_gets_one_entry_and_then_nothing_is_called(shelf: Shelf) -> None:
    group = await season()
    await here.link(shelf)
    assert await sync.sync_group_calendar(group) == {
        "meetings": 4, "created": 1, "patched": 0, "unchanged": 0, "failed": 0,
    }  # fmt: skip
    assert shelf.took() == ["put"]
    assert await calendar.sync(group) == {
        "meetings": 4, "created": 0, "patched": 0, "unchanged": 1, "failed": 0,
    }  # fmt: skip
    assert shelf.took() == []
    assert attendees(shelf.only()) == {"member3@example.org": "NEEDS-ACTION"}
    made = await entry(group)
    assert made is not None
    assert (made.state, made.epoch) == ("made", 0)
    assert (await state(group)).status == "ok"


async def test_without_a_calendar_nothing_happens(shelf: Shelf) -> None:
    group = await season()
    assert (await calendar.sync(group))["created"] == 0
    assert shelf.took() == []
    assert await entry(group) is None


async def test_a_member_more_or_less_is_one_write(shelf: Shelf) -> None:
    group = await ready(shelf, count=12)
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    assert (await calendar.sync(group))["patched"] == 1
    assert set(attendees(shelf.only())) == {address_of(3), address_of(4)}
    await membership.remove(MOD, group, 3)
    assert (await calendar.sync(group))["patched"] == 1
    assert set(attendees(shelf.only())) == {address_of(4)}
    assert shelf.took() == ["put", "put"]


async def test_who_is_not_on_the_server_is_not_invited(shelf: Shelf) -> None:
    """Their groups wait for them, but what they can read and who can read of them ends."""
    group = await ready(shelf, people=(3, 4))
    await people.member_left(GUILD, 3)
    assert (await calendar.sync(group))["patched"] == 1
    assert set(attendees(shelf.only())) == {address_of(4)}
    await people.member_joined(GUILD, 3, "member3")
    assert (await calendar.sync(group))["patched"] == 1
    assert set(attendees(shelf.only())) == {address_of(3), address_of(4)}


async def test_a_moved_and_a_skipped_meeting_are_one_write_each(shelf: Shelf) -> None:
    group = await ready(shelf)
    _first, second, *_ = await meeting_views.list_for_group(GUILD, group)
    await meetings.skip(MOD, second.id)
    assert (await calendar.sync(group))["patched"] == 1
    assert "EXDATE" in shelf.only()
    assert shelf.took() == ["put"]


async def test_a_group_that_is_completed_keeps_what_took_place(shelf: Shelf) -> None:
    """Nobody's calendar forgets a course because it is over, and nobody hears of a cancellation."""
    group = await ready(shelf)
    set_clock(lambda: datetime(2026, 3, 13, tzinfo=UTC))  # two of four are over
    await groups.archive(MOD, group)
    assert (await calendar.sync(group))["patched"] == 1
    assert "COUNT=2" in shelf.only()
    assert set(attendees(shelf.only())) == {address_of(3)}
    assert shelf.took() == ["put"]
    assert (await calendar.sync(group))["unchanged"] == 1
    assert shelf.took() == []
    # Somebody who tidies up is right: it is not made again.
    shelf.delete_by_hand()
    await calendar_answers.poll(GUILD)
    await calendar.sync(group)
    assert shelf.entries() == {}
    assert await entry(group) is None


async def test_a_group_that_ends_before_it_began_loses_its_entry(shelf: Shelf) -> None:
    group = await ready(shelf)
    await groups.archive(MOD, group)
    await calendar.sync(group)
    assert shelf.took() == ["delete"]
    assert shelf.entries() == {}
    assert await entry(group) is None


async def test_the_sweep_opens_what_is_not_right(shelf: Shelf) -> None:
    group = await ready(shelf)

    async def needing() -> set[int]:
        async with get_database().transaction() as session:
            return await calendar.needing(session, await access.gather(session), utcnow())

    assert await needing() == set()
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    assert await needing() == {group}
    await calendar.sync(group)
    assert await needing() == set()
    async with get_database().transaction() as session:
        await session.execute(update(Group).where(Group.id == group).values(status="completed"))
    assert await needing() == {group}


async def test_killed_between_write_and_record_it_is_no_second_entry(shelf: Shelf) -> None:
    group = await season()
    await here.link(shelf)
    shelf.after["put"] = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        await calendar.sync(group)
    made = await entry(group)
    assert made is not None
    assert (made.state, made.address) == ("intent", None)
    assert len(shelf.entries()) == 1
    shelf.took()
    counts = await calendar.sync(group)
    assert shelf.took() == ["put", "changes", "put"]  # refused, found, written over
    assert (counts["patched"], counts["failed"]) == (1, 0)
    assert list(shelf.entries()) == [uid_of(GUILD, group)]
    assert (await calendar.sync(group))["unchanged"] == 1


async def test_killed_after_a_change_the_version_is_read_and_written_over(shelf: Shelf) -> None:
    group = await ready(shelf)
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    shelf.after["put"] = [KeyboardInterrupt()]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        await calendar.sync(group)
    later(minutes=2)
    shelf.took()
    assert (await calendar.sync(group))["failed"] == 0
    assert shelf.took()[:2] == ["put", "read"]
    assert set(attendees(shelf.only())) == {address_of(3), address_of(4)}
    assert (await calendar.sync(group))["unchanged"] == 1


async def test_a_name_that_somebody_else_has_is_left_to_them(shelf: Shelf) -> None:
    group = await season()
    await here.link(shelf)
    shelf.raises["put"] = [port.Exists("taken")]
    assert (await calendar.sync(group))["created"] == 1
    assert list(shelf.entries()) == [uid_of(GUILD, group, 1)]


async def test_an_answer_in_between_is_kept_and_the_rest_written_over(shelf: Shelf) -> None:
    group = await ready(shelf)
    shelf.answer(address_of(3), "ACCEPTED")
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    later(minutes=1)
    assert (await calendar.sync(group))["patched"] == 1
    assert shelf.took() == ["put", "read", "put"]
    assert attendees(shelf.only()) == {address_of(3): "ACCEPTED", address_of(4): "NEEDS-ACTION"}
    assert [s for _, s, _ in await here.answers_of(3)] == ["attending"] * 4


async def test_changed_for_ever_is_tried_again_later(shelf: Shelf) -> None:
    group = await ready(shelf)
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    shelf.raises["put"] = [port.Changed("changed")] * 50
    counts = await calendar.sync(group)
    assert counts["failed"] == 1
    assert shelf.took().count("put") == 3
    assert (await state(group)).status == "waiting"


async def test_deleted_by_a_person_it_is_made_once_more_and_then_asked_about(shelf: Shelf) -> None:
    group = await ready(shelf)
    for found in (1, 0):
        shelf.delete_by_hand()
        first = (await meeting_views.list_for_group(GUILD, group))[found]
        await meetings.skip(MOD, first.id)
        await calendar.sync(group)
        assert len(shelf.entries()) == found
    asked = await entry(group)
    assert asked is not None
    assert asked.state == "asked"
    shelf.took()
    assert (await calendar.sync(group))["unchanged"] == 1
    assert shelf.took() == []


async def test_not_let_in_any_more_it_stops_and_calls_nothing(shelf: Shelf) -> None:
    group = await ready(shelf)
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    shelf.raises["put"] = [port.Unauthorized("The password is not taken any more.")]
    assert (await calendar.sync(group))["failed"] == 0
    row = await here.link_row()
    assert (row.status, row.error_class) == ("stopped", "calendar_unauthorized")
    await calendar.sync(group)
    assert shelf.took() == ["put"]


async def test_a_pause_of_attendees_keeps_the_entry_and_ends(shelf: Shelf) -> None:
    group = await ready(shelf)
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    first = (await meeting_views.list_for_group(GUILD, group))[0]
    await meetings.skip(MOD, first.id)
    shelf.raises["put"] = [port.AttendeesPaused("too many")]
    assert (await calendar.sync(group))["patched"] == 1
    assert set(attendees(shelf.only())) == {address_of(3)}
    until = (await here.link_row()).attendees_after
    assert until is not None
    assert timedelta(hours=6) <= until - utcnow() <= timedelta(hours=24)
    assert (await calendar.sync(group))["unchanged"] == 1
    later(hours=25)
    assert (await calendar.sync(group))["patched"] == 1
    assert set(attendees(shelf.only())) == {address_of(3), address_of(4)}


async def test_what_is_refused_is_parked_until_it_is_another(shelf: Shelf) -> None:
    group = await ready(shelf)
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    shelf.raises["put"] = [port.Refused("Too large.")]
    result = await sync.sync_group(group)
    assert result["calendar"]["failed"] == 1  # type: ignore[typeddict-item]
    assert (await state(group)).status == "parked"
    shelf.took()
    await calendar.sync(group)
    assert shelf.took() == []  # the same body is never sent again
    await membership.remove(MOD, group, 4)
    assert (await calendar.sync(group))["failed"] == 0


async def test_a_calendar_that_is_gone_is_looked_for_once_and_all_is_made_anew(
    shelf: Shelf,
) -> None:
    group = await ready(shelf)
    del shelf.server.calendars[here.HOME]
    await membership.remove(MOD, group, 3)
    assert (await calendar.sync(group))["created"] == 1
    assert shelf.took() == ["put", "ensure", "put"]
    home = (await here.link_row()).address
    assert home is not None
    assert len(shelf.entries(home)) == 1
    shelf.raises["put"] = [port.CalendarGone("gone")] * 2
    await membership.add(MOD, group, 3, "ann")
    await calendar.sync(group)
    assert (await state(group)).status == "parked"


async def test_a_server_that_is_away_is_tried_again_and_nothing_is_concluded(shelf: Shelf) -> None:
    group = await ready(shelf)
    await membership.remove(MOD, group, 3)
    shelf.server.failing = port.Unreachable("no answer")
    before = shelf.only()
    assert (await calendar.sync(group))["failed"] == 1
    assert (await state(group)).status == "waiting"
    assert shelf.only() == before
    shelf.server.failing = None
    async with get_database().transaction() as session:
        await session.execute(update(SyncState).values(next_attempt_at=utcnow()))
    assert (await calendar.sync(group))["patched"] == 1


async def test_two_guilds_never_mix(shelf: Shelf) -> None:
    other = Actor(600, 9, "mod elsewhere", moderator=True)
    mine, theirs = await season(), await season(actor=other, people=(3,))
    await here.link(shelf)
    await here.link(shelf, 600, "memory:theirs")
    await calendar.sync(mine)
    await calendar.sync(theirs)
    assert list(shelf.entries()) == [uid_of(GUILD, mine)]
    assert list(shelf.entries("memory:theirs")) == [uid_of(600, theirs)]
    async with get_database().transaction() as session:
        rows = {e.group_id: e.guild_id for e in await session.scalars(select(CalendarEntry))}
    assert rows == {mine: GUILD, theirs: 600}
