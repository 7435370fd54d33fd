"""Google's stand-in as one of the calendars that the common suite runs against."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import aiohttp

from core.calendars.google import Google
from core.calendars.google_events import STATUS
from core.calendars.google_tokens import SCOPE, Kept, UserTokens
from core.calendars.port import Stored
from core.reconcile.series import Partstat
from tests.e2e._google import LISTS, GoogleStandIn, google


class _ByName(Google):
    """Marks a calendar by its name: the suite has no servers to tell apart."""

    async def ensure_calendar(self, name: str) -> str:
        self._marker = f"[muster {name}]"
        return await super().ensure_calendar(name)


class GoogleSide:
    """A Google account, and what people do in its calendars. `requests`: by anybody."""

    def __init__(self, stand_in: GoogleStandIn, session: aiohttp.ClientSession) -> None:
        self.stand_in = stand_in
        self.requests = stand_in.methods
        self._session = session
        # Without this second scope nothing can be looked for, and a test looks.
        self._lasting = stand_in.grant(SCOPE, LISTS)
        self._kept: Kept = {}

    def open(self, address: str | None) -> Google:
        tokens = UserTokens(self.stand_in.client, self._lasting, self._rotated, self._kept)
        return _ByName(self._session, tokens, address, api_base=self.stand_in.api_base)

    async def answers(
        self, address: str, entry: Stored, who: str, said: Partstat, day: date | None = None
    ) -> None:
        self.stand_in.answer(self.stand_in.books[address], entry.address, who, STATUS[said], day)

    async def renames(self, address: str, entry: Stored, title: str) -> None:
        self.stand_in.edit(self.stand_in.books[address], entry.address, summary=title)

    async def removes(self, address: str, entry: Stored) -> None:
        self.stand_in.remove(self.stand_in.books[address], entry.address)

    async def removes_calendar(self, address: str) -> None:
        del self.stand_in.books[address]

    async def forgets(self, cursor: str) -> str:
        self.stand_in.expire_sync_tokens()
        return cursor

    async def _rotated(self, old: str, new: str) -> None:
        assert old == self._lasting
        self._lasting = new


@asynccontextmanager
async def google_side() -> AsyncIterator[GoogleSide]:
    async with google() as stand_in, aiohttp.ClientSession() as session:
        yield GoogleSide(stand_in, session)
