"""The calendars' ambient handle: from a link's facts to an open calendar.

Set once by the composition root, like the database and the bot. It holds the keys; how each kind
of calendar is made is handed in (core.calendars.makers).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from core.calendars.port import Calendar, Capabilities
from core.errors import ConfigurationError, PermanentError
from core.keys import Keys
from core.words import t

_REMEMBERED = 50_000  # opened addresses: a few MB, and a sweep opens each of them only once


@dataclass(frozen=True)
class Access:
    """What a calendar is opened with. `secret` is plain text; `address` None: not known yet."""

    guild_id: int
    backend: str
    url: str | None = None
    account: str | None = None
    secret: str | None = None
    address: str | None = None


@dataclass(frozen=True)
class Account:
    """A CalDAV account that the operator set for a guild."""

    url: str
    user: str
    password: str


class Maker(Protocol):
    """Makes calendars of one kind, and holds what they share (connections)."""

    def __call__(self, access: Access) -> Calendar: ...

    async def close(self) -> None:
        """Close what is shared; calling it again does nothing."""


class Office:
    """`makers` opens calendars by back-end, `accounts` holds the operator's own by guild id."""

    def __init__(
        self,
        keys: Keys,
        *,
        accounts: Mapping[int, Account] | None = None,
        makers: Mapping[str, Maker],
    ) -> None:
        self.keys = keys
        self.accounts = dict(accounts or {})
        self._makers = dict(makers)
        self._abilities: dict[tuple[str, str | None], Capabilities] = {}
        self.unseal = lru_cache(maxsize=_REMEMBERED)(keys.open)

    def can(self, backend: str) -> bool:
        """Whether calendars of this kind can be connected here."""
        return backend in self._makers

    def capabilities(self, access: Access) -> Capabilities:
        """What this calendar can do; makes no call. Raises PermanentError like `open`."""
        key = access.backend, access.address
        found = self._abilities.get(key)
        if found is None:
            found = self._abilities[key] = self._made(access).capabilities
        return found

    @asynccontextmanager
    async def open(self, access: Access) -> AsyncIterator[Calendar]:
        """The calendar, closed at the end of the block.

        Raises PermanentError where this kind is not set up, and what the port's errors say.
        """
        calendar = self._made(access)
        try:
            yield calendar
        finally:
            await calendar.aclose()

    def _made(self, access: Access) -> Calendar:
        if access.backend not in self._makers:
            raise PermanentError(
                t("Calendars of this kind are not set up here any more."), kind="calendar_backend"
            )
        return self._makers[access.backend](access)

    async def close(self) -> None:
        """Close all connections; calling it again does nothing."""
        for maker in self._makers.values():
            await maker.close()


def accounts(text: str) -> dict[int, Account]:
    """MUSTER_CALDAV_ACCOUNTS: `guild id=https://user:password@host/path`, with spaces between.

    Raises ConfigurationError.
    """
    found = {}
    for part in text.split():
        guild, _, address = part.partition("=")
        url = urlsplit(address)
        if not guild.isdecimal() or not url.hostname or not url.username or url.password is None:
            raise ConfigurationError(
                "MUSTER_CALDAV_ACCOUNTS is a list of the form "
                "server-id=https://user:password@host/path, with spaces between."
            )
        plain = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
        found[int(guild)] = Account(plain, unquote(url.username), unquote(url.password))
    return found


_office: Office | None = None


def set_office(office: Office | None) -> None:
    """Set the ambient handle; called once by the composition root."""
    global _office  # noqa: PLW0603 - the third ambient handle
    _office = office


def get_office() -> Office | None:
    """The ambient handle; None where this process has no calendars (a one-shot command)."""
    return _office
