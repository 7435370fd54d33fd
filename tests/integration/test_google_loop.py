"""From a group's rows to Google and back: written, answered there, believed here. Real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import update

from core.calendars.google_desk import Desk, GoogleMaker
from core.clock import set_clock, utcnow
from core.db.calendar_models import CalendarLink
from core.db.engine import Database, get_database
from core.operations import google_connect, membership
from core.operations.common import ensure_guild
from core.systems import calendar, calendar_answers
from tests import calendars_here as here
from tests.calendars_here import GUILD, KEYS, MOD, address_of, answers_of, season
from tests.e2e._google import GoogleStandIn, google
from tests.e2e._google_parts import Book

SECOND = date(2026, 3, 11)


@dataclass
class Joined:
    stand_in: GoogleStandIn
    book: Book

    @property
    def event(self) -> str:
        (found,) = (e["id"] for e in self.book.events.values() if e["status"] != "cancelled")
        return str(found)

    def guests(self) -> dict[str, str]:
        guests = self.book.events[self.event]["attendees"]
        return {guest["email"]: guest["responseStatus"] for guest in guests}

    def took(self) -> list[str]:
        methods = list(self.stand_in.methods)
        self.stand_in.methods.clear()
        return methods


async def poll() -> calendar_answers.Polled:
    now = utcnow() + timedelta(minutes=1)
    set_clock(lambda: now)
    found = await calendar_answers.poll(GUILD)
    assert found is not None
    return found


@pytest.fixture
async def joined(database: Database) -> AsyncIterator[Joined]:
    set_clock(lambda: here.NOW)
    async with google() as stand_in:
        desk = Desk(
            stand_in.client, "", partial(google_connect.rotated, KEYS), api_base=stand_in.api_base
        )
        async with here.office(GoogleMaker(desk), backend="google") as shelf:
            book = stand_in.books["c@g"] = Book("c@g", "mod@example.org")
            secret = KEYS.seal(stand_in.grant())
            async with get_database().transaction() as session:
                await ensure_guild(session, GUILD)
            await here.link(shelf, home=book.id, backend="google", secret=secret)
            yield Joined(stand_in, book)
    set_clock(None)


async def test_written_answered_and_taken_away(joined: Joined) -> None:
    group = await season(people=(3, 4))
    assert (await calendar.sync(group))["created"] == 1
    assert joined.took() == ["POST"]
    await poll()
    joined.took()
    assert (await calendar.sync(group))["unchanged"] == 1
    assert joined.took() == []
    joined.stand_in.answer(joined.book, joined.event, address_of(3), "accepted")
    await poll()
    assert [status for _, status, _ in await answers_of(3)] == ["attending"] * 4
    joined.stand_in.answer(joined.book, joined.event, address_of(3), "declined", SECOND)
    found = await poll()
    assert (found.answers, found.edited) == (1, 0)
    assert [(status, by) for _, status, by in await answers_of(3)] == [
        ("attending", "calendar"), ("not_attending", "calendar"),
        ("attending", "calendar"), ("attending", "calendar"),
    ]  # fmt: skip
    await membership.remove(MOD, group, 4)
    joined.took()
    await calendar.sync(group)
    assert joined.guests() == {address_of(3): "accepted"}
    others = joined.book.exceptions[joined.event].values()
    assert [[g["email"] for g in e["attendees"]] for e in others] == [[address_of(3)]]


async def test_deleted_by_hand_is_made_again_under_another_id(joined: Joined) -> None:
    group = await season()
    await calendar.sync(group)
    await poll()
    first = joined.event
    joined.stand_in.remove(joined.book, first)
    await poll()
    await calendar.sync(group)
    assert joined.event != first


async def test_a_crash_after_the_write_adopts_it(joined: Joined) -> None:
    group = await season()
    joined.stand_in.fail(500, "backendError", after=True, suits=lambda seen: seen.method == "POST")
    assert (await calendar.sync(group))["failed"] == 1
    now = utcnow() + timedelta(minutes=5)
    set_clock(lambda: now)
    await calendar.sync(group)
    assert len(joined.book.events) == 1
    assert (await calendar.sync(group))["unchanged"] == 1


async def test_too_many_invitations_pause_only_new_ones(joined: Joined) -> None:
    group = await season()
    joined.stand_in.fail(
        403, "quotaExceeded", times=99, suits=lambda seen: bool((seen.body or {}).get("attendees"))
    )
    await calendar.sync(group)
    assert joined.guests() == {}
    joined.stand_in.troubles.clear()
    await poll()
    joined.took()
    assert (await calendar.sync(group))["unchanged"] == 1
    now = utcnow() + timedelta(hours=25)
    set_clock(lambda: now)
    await calendar.sync(group)
    assert list(joined.guests()) == [address_of(3)]


async def test_a_withdrawn_permission_stops_the_calendar_until_it_is_given_again(
    joined: Joined,
) -> None:
    group = await season()
    joined.stand_in.lasting.clear()
    await calendar.sync(group)
    link = await here.link_row()
    assert link.status == "stopped"
    assert "Testing" in (link.error_text or "")
    joined.took()
    await calendar.sync(group)
    assert joined.took() == []
    async with get_database().transaction() as session:
        secret = KEYS.seal(joined.stand_in.grant())
        await session.execute(
            update(CalendarLink)
            .where(CalendarLink.guild_id == GUILD)
            .values(status="on", secret=secret)
        )
    await calendar.sync(group)
    assert list(joined.guests()) == [address_of(3)]
