"""A real server of calendars, a member's own calendar on it, and the meeting's post on Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

import pytest
from sqlalchemy import select

from core.calendars.makers import CalDavMaker
from core.calendars.office import Access, Office, set_office
from core.calendars.port import Calendar, Stored
from core.db.engine import get_database
from core.db.meeting_models import Meeting, Rsvp
from core.keys import Keys
from core.operations import addresses, calendar_link, meeting_views, membership
from core.operations.common import Actor
from core.reconcile.series import Partstat
from core.systems import calendar_answers
from tests.calendars_here import KEY, RULE, entry
from tests.e2e._acting import filled, made, mod_of, on_discord
from tests.e2e._answers import post_of
from tests.integration._calendars import (
    PASSWORD,
    USER,
    DavSide,
    Servers,
    answered,
    dav_side,
    servers,  # noqa: F401 - a fixture
)
from tests.integration.test_calendar_contract import PATCH, invited
from tests.world import World

ANN = "ann@example.org"


@dataclass
class Trusted:
    """The maker that runs, as the user whom xandikos believes a header about."""

    inner: CalDavMaker

    def __call__(self, access: Access) -> Calendar:
        made = self.inner(access)
        made._dav._session.headers["X-Remote-User"] = USER
        return made

    async def close(self) -> None:
        await self.inner.close()


@asynccontextmanager
async def invitations(found: Servers) -> AsyncIterator[tuple[str, DavSide, DavSide]]:
    """The address of our account's calendar; a program of ours, and Ann's, on the server."""
    url = f"http://127.0.0.1:{found.port('xandikos')}/"
    office = Office(Keys([KEY]), makers={"caldav": Trusted(CalDavMaker("127.0.0.1"))})
    set_office(office)
    try:
        async with dav_side(url) as ours, dav_side(url, "ann") as hers:
            await ours.ask("PROPPATCH", "/muster/", PATCH.format("muster@example.org"))
            await hers.ask("PROPPATCH", "/ann/", PATCH.format(ANN))
            yield f"{url}muster/calendars/calendar/", ours, hers
    finally:
        set_office(None)
        await office.close()


async def answer(hers: DavSide, said: Partstat) -> None:
    path = await invited(hers)
    await hers.ask("PUT", path, answered(await hers.text(path), ANN, said, None))


@on_discord
async def test_accepted_in_ones_own_calendar_it_stands_on_the_meetings_post(
    w: World,
    servers: Servers,  # noqa: F811 - the fixture
) -> None:
    async with invitations(servers) as (url, ours, hers):
        cohort = await made(w, groups=1, rule=RULE)
        [ann, ben] = await filled(w, cohort)
        group = cohort.group_ids[0]
        await calendar_link.connect_caldav(mod_of(w), url, USER, PASSWORD)
        w.worker.bump(await addresses.give(Actor(w.guild.id, ann.id, "member1"), ANN))
        await w.settle()
        assert "Nobody has answered yet" in (await post_of(w, group)).content

        await answer(hers, "accepted")
        await calendar_answers.poll(w.guild.id)
        await w.settle()
        assert "Attending (1)**: member1" in (await post_of(w, group)).content

        # xandikos 0.4.10 lets no attendee make an exception, and applies an answer to one that is
        # there to all of it; so this is a program that has the shared calendar itself.
        found = await meeting_views.list_for_group(w.guild.id, group)
        there = await entry(group)
        assert there is not None
        place = Stored(there.address or "", "")
        await ours.answers("", place, ANN, "declined", await _day(found[1].id))
        await calendar_answers.poll(w.guild.id)
        await w.settle()
        assert "Attending (1)**: member1" in (await post_of(w, group)).content
        rest = ["attending"] * (len(found) - 2)
        assert await _answers() == ["attending", "not_attending", *rest]

        path = await invited(hers)
        await membership.remove(mod_of(w), group, ann.id)
        w.worker.bump([group])
        await w.settle()
        assert "STATUS:CANCELLED" in await hers.text(path)
        assert ben.name not in await hers.text(path)


async def _day(meeting_id: int) -> date:
    async with get_database().transaction() as session:
        return (await session.get_one(Meeting, meeting_id)).occurrence_date


async def _answers() -> list[str]:
    async with get_database().transaction() as session:
        found = await session.scalars(
            select(Rsvp.status).join(Meeting, Meeting.id == Rsvp.meeting_id)
            .order_by(Meeting.starts_at)
        )  # fmt: skip
        return list(found)


@pytest.fixture(autouse=True)
def _no_office() -> Iterator[None]:
    yield
    set_office(None)
