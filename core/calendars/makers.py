"""How each kind of calendar is made: for the office (core.calendars.office)."""

from __future__ import annotations

import aiohttp

from core.calendars.caldav import CalDav
from core.calendars.guard import Guard
from core.calendars.office import Access
from core.reconcile.series import uid_of


class CalDavMaker:
    """CalDAV calendars. `hosts`: servers that may be anywhere, Settings.caldav_hosts."""

    def __init__(self, hosts: str = "") -> None:
        self._guard = Guard(hosts)
        self._session: aiohttp.ClientSession | None = None

    def __call__(self, access: Access) -> CalDav:
        """Needs a running loop, as its connections do."""
        if self._session is None:
            self._session = self._guard.session()
        return CalDav(
            self._session, access.url or "", access.account or "", access.secret or "",
            access.address, self._guard, marker=uid_of(access.guild_id, 0),
        )  # fmt: skip

    async def close(self) -> None:
        """Close the connections; calling it again does nothing."""
        if self._session is not None:
            await self._session.close()
        self._session = None
