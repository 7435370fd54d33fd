"""A calendar in memory: for tests and the demo. It keeps text, as a CalDAV server does."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

from core.calendars.port import (
    CalendarGone,
    Capabilities,
    Changed,
    Changes,
    CursorGone,
    Exists,
    Remote,
    Stored,
    Vanished,
)
from core.clock import utcnow
from core.errors import MusterError
from core.reconcile.series import Series
from core.reconcile.series_ics import write
from core.reconcile.series_read import read
from core.words import t

ORGANIZER = "mailto:muster@example.invalid"


@dataclass
class MemoryServer:
    """What outlives a `Memory`: the calendars, by address, and what happened to them.

    `failing`: raised by every request until it is None again. `requests` counts them.
    """

    calendars: dict[str, dict[str, str]] = field(default_factory=dict)  # address → entry → text
    history: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    epoch: int = 0
    failing: MusterError | None = None
    requests: int = 0

    def write(self, calendar: str, entry: str, text: str | None) -> None:
        """What anybody may do to an entry; None: take it away."""
        if text is None:
            self.calendars[calendar].pop(entry, None)
        else:
            self.calendars[calendar][entry] = text
        self.history[calendar].append(entry)

    def forget_cursors(self) -> None:
        self.epoch += 1

    def begin(self) -> None:
        """A request comes in. Raises `failing`."""
        self.requests += 1
        if self.failing is not None:
            raise self.failing


class Memory:
    """A guild's calendar in memory: the port, core.calendars.port.Calendar."""

    def __init__(self, server: MemoryServer, address: str | None) -> None:
        self._server = server
        self._address = address

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities()

    async def ensure_calendar(self, name: str) -> str:
        self._server.begin()
        if self._address not in self._server.calendars:
            self._address = f"memory:{name}"
            self._server.calendars.setdefault(self._address, {})
        return self._address or ""

    async def put(self, series: Series, stored: Stored | None) -> Stored:
        entries = self._entries()
        entry = stored.address if stored else series.uid
        if stored is None and entry in entries:
            raise Exists(t("The calendar has this entry already."))
        if stored is not None and entry not in entries:
            raise Vanished(t("Somebody deleted the entry in the calendar."))
        if stored is not None and _etag(entries[entry]) != stored.etag:
            raise Changed(t("Somebody changed the entry in the calendar."))
        now = utcnow()
        text = write(series, int(now.timestamp()), now, ORGANIZER)
        self._server.write(self._own(), entry, text)
        return Stored(entry, _etag(text))

    async def delete(self, stored: Stored) -> None:
        if stored.address in self._entries():
            self._server.write(self._own(), stored.address, None)

    async def changes(self, cursor: str | None) -> Changes:
        entries, history = self._entries(), self._server.history[self._own()]
        epoch, _, seen = (cursor or f"{self._server.epoch}:0").partition(":")
        if epoch != str(self._server.epoch):
            raise CursorGone(t("The calendar server forgot what was read. All is read again."))
        touched = sorted(set(history[int(seen) :])) if cursor else sorted(entries)
        return Changes(
            f"{self._server.epoch}:{len(history)}",
            full=cursor is None,
            changed=tuple(_remote(e, entries[e]) for e in touched if e in entries),
            gone=tuple(e for e in touched if e not in entries),
        )

    async def read(self, address: str) -> Remote | None:
        entries = self._entries()
        return _remote(address, entries[address]) if address in entries else None

    async def aclose(self) -> None:
        """The server stays: it is somebody else's."""

    def _own(self) -> str:
        if self._address not in self._server.calendars:
            raise CalendarGone(t("The calendar is not there any more."))
        return self._address or ""

    def _entries(self) -> dict[str, str]:
        self._server.begin()
        return self._server.calendars[self._own()]


def _remote(address: str, text: str) -> Remote:
    found = read(text)
    return Remote(Stored(address, _etag(text)), found.uid or "", found.content, found.answers)


def _etag(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
