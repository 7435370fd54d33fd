"""A person connects or disconnects a calendar while it is being read or written."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest

from core.calendars import port
from core.calendars.memory import Memory
from core.calendars.office import get_office
from core.clock import set_clock, utcnow
from core.db.calendar_models import Backend, CalendarLink, LinkStatus
from core.db.engine import Database, get_database
from core.db.queries import calendars as rows
from core.errors import Refusal
from core.operations import calendar_link, membership
from core.reconcile.series import uid_of
from core.systems import calendar, calendar_answers
from core.systems.calendar_rows import take_in
from tests import calendars_here as here
from tests.calendars_here import GUILD, HOME, MOD, Shelf

OTHER = "memory:other"


@pytest.fixture
async def shelf(database: Database) -> AsyncIterator[Shelf]:
    set_clock(lambda: here.NOW)
    async with here.office() as made:
        made.server.calendars[OTHER] = {}
        yield made
    set_clock(None)


def a_minute_later() -> None:
    moment = utcnow() + timedelta(minutes=1)
    set_clock(lambda: moment)


async def other() -> None:
    a_minute_later()
    await calendar_link.store(MOD, Backend.memory, OTHER, None)


async def the_same() -> None:
    a_minute_later()
    await calendar_link.store(MOD, Backend.memory, HOME, None)


async def test_what_stood_in_the_calendar_before_is_taken_away(shelf: Shelf) -> None:
    """Nobody would keep it, and whoever is invited would have everything twice."""
    group = await here.season()
    await here.link(shelf)
    await calendar.sync(group)
    a_minute_later()
    assert await calendar_link.store(MOD, Backend.memory, OTHER, None) == 0
    assert shelf.entries() == {}
    await calendar.sync(group)
    assert len(shelf.entries(OTHER)) == 1
    # The same one with another password keeps what is there.
    shelf.took()
    assert await calendar_link.store(MOD, Backend.memory, OTHER, b"x") == 0
    assert "delete" not in shelf.took()
    assert len(shelf.entries(OTHER)) == 1


async def test_the_calendar_before_does_not_answer(shelf: Shelf) -> None:
    """It is left as it is after two tries, and the person hears of it."""
    group = await here.season(groups=4)
    await here.link(shelf)
    for one in range(group, group + 4):
        await calendar.sync(one)
    shelf.took()
    shelf.raises["delete"] = [port.Unreachable("no answer")] * 9
    a_minute_later()
    left = await calendar_link.store(MOD, Backend.memory, OTHER, None)
    assert left == 4
    assert shelf.took() == ["delete", "delete"]
    assert "4 entries" in calendar_link.left_behind(left)
    shelf.raises["delete"] = [port.Unreachable("no answer"), None, port.Refused("no"), None]
    await calendar.sync(group)
    for one in range(group, group + 4):
        await calendar.sync(one)
    assert await calendar_link.disconnect(MOD, remove=True) == 2


async def test_while_an_entry_is_written(shelf: Shelf) -> None:
    group = await here.season()
    await here.link(shelf)
    shelf.before["put"] = other
    await calendar.sync(group)
    (text,) = shelf.entries(OTHER).values()
    assert uid_of(GUILD, group, 1) in text
    assert shelf.entries() == {}  # nobody would know of it there
    row = await here.entry(group)
    assert row is not None
    assert row.address in shelf.entries(OTHER)
    shelf.took()
    await calendar.sync(group)
    assert shelf.took() == []


async def test_while_it_is_read(shelf: Shelf) -> None:
    """What was learnt of the old calendar, its cursor first of all, is not noted for the new."""
    await here.season()
    await here.link(shelf, cursor="3")
    shelf.before["listed"] = other
    await calendar_answers.poll(GUILD)
    row = await here.link_row()
    assert (row.address, row.cursor, row.polled_at, row.lease_by) == (OTHER, None, None, None)


async def test_while_the_old_password_is_refused(shelf: Shelf) -> None:
    group = await here.season()
    await here.link(shelf)
    shelf.before["put"] = the_same
    shelf.raises["put"] = [port.Unauthorized("the password is wrong")]
    await calendar.sync(group)
    assert (await here.link_row()).status == LinkStatus.on
    assert len(shelf.entries()) == 1


async def test_while_it_is_disconnected(shelf: Shelf) -> None:
    """The new connection stays, and what was taken away meanwhile is written again."""
    group = await here.season()
    await here.link(shelf)
    await calendar.sync(group)
    shelf.before["delete"] = the_same
    with pytest.raises(Refusal) as refused:
        await calendar_link.disconnect(MOD, remove=True)
    assert refused.value.code == "connected_again"
    assert shelf.entries() == {}
    await calendar.sync(group)
    assert len(shelf.entries()) == 1
    assert (await here.link_row()).status == LinkStatus.on


async def test_nothing_is_written_from_the_moment_it_is_disconnected(shelf: Shelf) -> None:
    group = await here.season()
    await here.link(shelf)
    await calendar.sync(group)

    async def sync() -> None:
        await membership.add(MOD, group, 4, "member4")
        await here.give(4)
        shelf.took()
        await calendar.sync(group)
        assert shelf.took() == []

    shelf.before["delete"] = sync
    assert await calendar_link.disconnect(MOD, remove=True) == 0
    assert shelf.entries() == {}
    async with get_database().transaction() as session:
        assert await session.get(CalendarLink, GUILD) is None


async def test_while_answers_are_taken_in(shelf: Shelf) -> None:
    """What was answered counts, and nothing breaks."""
    group = await here.season()
    await here.link(shelf)
    await calendar.sync(group)
    shelf.answer(here.address_of(3), "ACCEPTED")
    [remote] = (await Memory(shelf.server, HOME).changes(None)).changed
    async with get_database().transaction() as session:
        [facts] = await rows.gather(session, [group])
    await calendar_link.disconnect(MOD, remove=False)
    office = get_office()
    assert office is not None
    async with get_database().transaction() as session:
        taken = await take_in(session, facts, office, remote, utcnow())
    assert taken.answers == 4
    assert not taken.edited


async def test_by_two_moderators_at_once(shelf: Shelf) -> None:
    group = await here.season()
    await here.link(shelf)
    await calendar.sync(group)

    async def too() -> None:
        await calendar_link.disconnect(MOD, remove=True)

    shelf.before["delete"] = too
    assert await calendar_link.disconnect(MOD, remove=True) == 0
    assert shelf.entries() == {}


@pytest.mark.parametrize("seed", [0, 3])
async def test_whatever_is_written_while_calendars_change_nothing_stays_behind(
    shelf: Shelf, seed: int
) -> None:
    first, chance = await here.season(groups=3, people=(3, 4)), random.Random(seed)
    await here.link(shelf)

    async def one(what: str) -> None:
        a_minute_later()
        match what:
            case "other" | "same":
                await (other() if what == "other" else the_same())
            case "end":
                with suppress(Refusal):
                    await calendar_link.disconnect(MOD, remove=True)
            case "poll":
                await calendar_answers.poll(GUILD)
            case _:
                await calendar.sync(first + int(what))

    for _ in range(12):
        changes = one(chance.choice(["other", "same", "end"]))
        await asyncio.gather(changes, *(one(chance.choice(["poll", *"012"])) for _ in range(6)))
    await other()
    for _ in range(2):
        for n in range(3):
            await calendar.sync(first + n)
        await calendar_answers.poll(GUILD)
    assert shelf.entries() == {}
    assert len(shelf.entries(OTHER)) == 3


async def test_while_a_version_that_was_just_changed_is_read(shelf: Shelf) -> None:
    """The other calendar's row says nothing of what was read in the one before."""
    group = await here.season()
    await here.link(shelf)
    await calendar.sync(group)
    shelf.answer(here.address_of(3), "ACCEPTED")
    await membership.add(MOD, group, 4, "member4")
    await here.give(4)

    async def connect() -> None:
        a_minute_later()
        await calendar_link.store(MOD, Backend.memory, OTHER, None)
        shelf.server.write(HOME, address, text)

    [(address, text)] = shelf.entries().items()
    shelf.before["read"] = connect
    await calendar.sync(group)
    assert len(shelf.entries(OTHER)) == 1
    made = await here.entry(group)
    assert made is not None
    assert made.address in shelf.entries(OTHER)
    assert made.epoch == 1
