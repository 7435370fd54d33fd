"""The real Google, with an account that somebody lends: what its reference does not promise.

Needs MUSTER_LIVE_GOOGLE_CLIENT_ID, MUSTER_LIVE_GOOGLE_CLIENT_SECRET and
MUSTER_LIVE_GOOGLE_REFRESH_TOKEN (of the scope calendar.app.created; `/settings` → Calendar gets
one), and MUSTER_LIVE_GOOGLE_GUEST, an address that may be invited. It makes a calendar and takes it
away again.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, time, timedelta
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import pytest

from core.calendars import port
from core.calendars.google import Google
from core.calendars.google_api import Nothing
from core.calendars.google_tokens import Client, UserTokens
from core.reconcile.series import Attendee, Series
from core.schedule import instant
from tests.integration._google_there import BERLIN, changed, meeting, series

NAMES = [f"MUSTER_LIVE_GOOGLE_{part}" for part in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")]
GUEST = "MUSTER_LIVE_GOOGLE_GUEST"

pytestmark = pytest.mark.skipif(
    not all(os.environ.get(name) for name in (*NAMES, GUEST)),
    reason=f"an account at Google is needed: {', '.join(NAMES)} and {GUEST}",
)
FIRST = date(2027, 3, 7)  # three Sundays before the clocks change
DAYS = [FIRST + timedelta(weeks=n) for n in range(5)]


@pytest.fixture
async def live() -> AsyncIterator[Google]:
    async def turned(_old: str, new: str) -> None:
        pytest.fail(f"Google gave another refresh token ({len(new)} characters)")

    client_id, secret, lasting = (os.environ[name] for name in NAMES)
    async with aiohttp.ClientSession() as session:
        tokens = UserTokens(Client(client_id, secret), lasting, turned)
        calendar = Google(session, tokens, None, marker=str(uuid4()))
        address = await calendar.ensure_calendar("Muster's test")
        try:
            yield calendar
        finally:
            path = f"/calendars/{quote(address, safe='')}"
            await calendar._api.call("DELETE", path, Nothing, "calendar")


def plan(at: time = time(19)) -> Series:
    guest = Attendee(os.environ[GUEST].lower(), "Guest")
    some = [meeting(day, at) for day in DAYS]
    return replace(series(guest, instances=some), uid=str(uuid4()), at=at)


async def test_written_read_changed_and_deleted(live: Google) -> None:
    wanted = plan()
    stored = await live.put(wanted, None)
    first = await live.changes(None)
    assert [remote.stored for remote in first.changed] == [stored]
    assert first.changed[0].uid == wanted.uid
    moved = changed(wanted, DAYS[1], starts_at=instant(DAYS[1] + timedelta(1), time(18), BERLIN))
    stored = await live.put(moved, stored)
    (found,) = (await live.changes(first.cursor)).changed
    assert found.stored == stored
    (guest,) = wanted.attendees
    assert found.answers[DAYS[1], guest.address] == "needs-action"  # an exception has its guests
    assert await live.put(moved, stored) == stored
    with pytest.raises(port.Exists):
        await live.put(wanted, None)
    await live.delete(stored)
    await live.delete(stored)
    assert await live.read(stored.address) is None
    with pytest.raises(port.Exists):  # a deleted id is never free again
        await live.put(wanted, None)


async def test_a_time_that_the_clocks_skip(live: Google) -> None:
    wanted = plan(time(2, 30))  # skipped on 28 March 2027
    await live.put(wanted, None)
    (found,) = (await live.changes(None)).changed
    assert found.uid == wanted.uid
    instances, _ = await live._pages(f"/{found.stored.address}/instances", {})
    assert [i.start.at(BERLIN) for i in instances] == [i.starts_at for i in wanted.instances]
