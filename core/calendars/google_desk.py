"""Muster's own side of Google: the operator's client and key, the connections, the tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import aiohttp
from yarl import URL

from core.calendars.google import Google
from core.calendars.google_api import API
from core.calendars.google_tokens import (
    TOKEN,
    Client,
    Kept,
    ServiceAccount,
    ServiceTokens,
    Tokens,
    UserTokens,
)
from core.calendars.office import Access
from core.calendars.port import Unauthorized
from core.reconcile.series import uid_of
from core.words import t

# Takes a guild's id, its refresh token and the new one, which is to be stored at once, sealed.
Rotated = Callable[[int, str, str], Awaitable[None]]


@dataclass
class Desk:
    """`client` and `service` are None where the operator set none.

    `redirect`: where Google sends browsers back to, the whole address.
    """

    client: Client | None
    redirect: str
    rotated: Rotated
    service: ServiceAccount | None = None
    api_base: str = API
    token_url: str = TOKEN  # of service accounts
    _kept: Kept = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """Made on first use, within the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        return self._session

    @property
    def at_home(self) -> bool:
        """Whether only a browser on Muster's own machine finds the way back."""
        return URL(self.redirect).host in {"127.0.0.1", "::1", "localhost"}

    async def close(self) -> None:
        """Close the connections; calling it again does nothing."""
        if self._session is not None:
            await self._session.close()

    def of_person(self, access: Access) -> Google:
        """The calendar that a person let Muster make. Raises Unauthorized."""
        if self.client is None or not access.secret:
            raise Unauthorized(
                t("Google is not set up here any more. Whoever runs Muster has to set its client.")
            )
        rotated = partial(self.rotated, access.guild_id)
        tokens = UserTokens(self.client, access.secret, rotated, self._kept)
        return self._google(access, tokens)

    def shared(self, access: Access) -> Google:
        """A calendar that is shared with the operator's service account. Raises Unauthorized."""
        if self.service is None:
            raise Unauthorized(
                t("Whoever runs Muster has to set MUSTER_GOOGLE_SERVICE_ACCOUNT again.")
            )
        return self._google(access, ServiceTokens(self.service, self._kept, self.token_url))

    def _google(self, access: Access, tokens: Tokens) -> Google:
        marker = uid_of(access.guild_id, 0)
        return Google(self.session, tokens, access.address, marker=marker, api_base=self.api_base)


@dataclass(frozen=True)
class GoogleMaker:
    """For the office: makes calendars of "google" links, or of "service" ones."""

    desk: Desk
    shared: bool = False

    def __call__(self, access: Access) -> Google:
        """Raises Unauthorized where the operator took the setting away."""
        return self.desk.shared(access) if self.shared else self.desk.of_person(access)

    async def close(self) -> None:
        """Close the connections; calling it again does nothing."""
        await self.desk.close()
