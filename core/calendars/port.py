"""The port: what Muster asks of a calendar, and how each kind of failure is told from the others.

An address is whatever the back-end knows a thing by: a path on a CalDAV server, an id at Google.
Every method raises one of the errors below and nothing else. A failed request never looks like
something that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from core.errors import PermanentError, TemporaryError
from core.reconcile.series import Partstat, Series


@dataclass(frozen=True)
class Capabilities:
    """What a kind of calendar can do; what it cannot is left out, and said so to moderators."""

    attendees: bool = True
    reads_rsvp: bool = True  # answers given in the calendar can be read back
    sets_rsvp: bool = True  # an answer given elsewhere can be written into it
    sends_invites: bool = False  # it puts the entry into the attendees' own calendars


@dataclass(frozen=True)
class Stored:
    """Where an entry stands and which version it is."""

    address: str
    etag: str


@dataclass(frozen=True)
class Remote:
    """An entry of ours as it stands in the calendar.

    `answers`: by (day of the instance, None for the series) and address (lower case).
    `content`: a hash of all but answers and what the server adds by itself: when it differs from
    what was stored, somebody edited the entry.
    """

    stored: Stored
    uid: str
    content: str
    answers: Mapping[tuple[date | None, str], Partstat] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What is different since a cursor.

    `full`: this is everything that is there, so what is missing is gone; else only `gone` is.
    """

    cursor: str | None
    full: bool
    changed: tuple[Remote, ...] = ()
    gone: tuple[str, ...] = ()


class Calendar(Protocol):
    """One calendar of one guild. Made by its back-end, closed by `aclose`."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def ensure_calendar(self, name: str) -> str:
        """Find or make the calendar; its address, to be kept. Twice gives the same one."""

    async def put(self, series: Series, stored: Stored | None) -> Stored:
        """Write the entry: a new one where `stored` is None, else over exactly that version.

        Raises Exists, Changed, CalendarGone or any of the others.
        """

    async def delete(self, stored: Stored) -> None:
        """Take the entry away; one that is not there is success."""

    async def changes(self, cursor: str | None) -> Changes:
        """Our entries that changed since `cursor`; None: all of them. Raises CursorGone."""

    async def read(self, address: str) -> Remote | None:
        """One entry as it stands; None: it is not there."""

    async def aclose(self) -> None:
        """Close what was opened; calling it again does nothing."""


class Unauthorized(PermanentError):
    """401: the password or the permission is no longer taken. Nothing helps but a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_unauthorized")


class Refused(PermanentError):
    """400, 413, 422 and the like: the same request is never sent again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_refused")


class CalendarGone(PermanentError):
    """404 on the calendar itself: looked for once more, then a person has to say."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_gone")


class Exists(PermanentError):
    """409, or 412 on a new entry: something has that name already."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_exists")


class Changed(TemporaryError):
    """412: it is no longer the version that we know. Read it, merge the answers, try again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_changed")


class Vanished(TemporaryError):
    """404 or 410 on an entry that was written over: somebody deleted it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_vanished")


class CursorGone(TemporaryError):
    """The server forgot the cursor: read everything once."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_cursor")


class SlowDown(TemporaryError):
    """429, 403 rate limits. `retry_after` in seconds where the server said it."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, kind="calendar_rate", retry_after=retry_after)


class AttendeesPaused(TemporaryError):
    """403 quotaExceeded: no attendee may be written for hours; the entry itself still can be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="calendar_quota")


class Unreachable(TemporaryError):
    """5xx, a timeout, a broken or senseless answer: nothing is known, so nothing is concluded."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, kind="calendar_down", retry_after=retry_after)
