"""Pure: meetings as a calendar file that programs subscribe to (RFC 5545, RFC 7986).

One entry per meeting, not a series: a subscriber never answers, and single entries are what every
program shows alike, moved and cancelled ones included. The same meetings give the same bytes.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, vText

from core.reconcile.events import name_of
from core.reconcile.vtimezone import vtimezone
from core.schedule import UnknownZone, zone_info
from core.words import t

PRODUCT = "-//Muster//Muster 1//EN"
# Whoever reads more often gets 304; Google decides by itself (8 to 24 hours), Apple follows it.
REFRESH = "PT1H"
# Names every entry of a meeting that Muster makes (RFC 9562, version 5).
_NAMESPACE = uuid.UUID("4f1d3a52-6f0a-5d5e-8a57-0c1f5a9b7e63")
# Turns text around in whatever shows it (Unicode UAX 9).
_TURNING = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, ends of lines
_ANY_ZONE = {"UTC": (1970, 1970)}


@dataclass(frozen=True, slots=True)
class FeedMeeting:
    """A meeting as its feed shows it. Times are aware; `zone` is the slot's (IANA).

    `revision` counts changes of time, length and status. `link`: of its channel. `away`: whose
    feed it is said that they cannot come; only in their own.
    """

    id: int
    revision: int
    created_at: datetime
    starts_at: datetime
    minutes: int
    status: str
    number: int | None
    group: str
    cohort: str
    zone: str
    link: str | None = None
    away: bool = False

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


def feed(guild_id: int, name: str, zone: str, meetings: Sequence[FeedMeeting]) -> bytes:
    """The calendar `name` with these meetings, in the language spoken now. `zone`: the server's."""
    # Without any part it would be no calendar (RFC 5545, 3.6), and some programs refuse it.
    calendar = _calendar(_told(meetings) if meetings else _ANY_ZONE)
    shown = vText(line(name))  # the library escapes neither of these two by itself
    calendar.add("name", shown)
    calendar.add("x-wr-calname", shown)
    calendar.add("x-wr-timezone", zone)
    calendar.add("refresh-interval", _hour(), {"value": "DURATION"})
    calendar.add("x-published-ttl", REFRESH)
    return _written(calendar, guild_id, meetings)


def single(guild_id: int, meeting: FeedMeeting) -> bytes:
    """A file with one meeting: opening it adds it to a calendar."""
    return _written(_calendar(_told([meeting])), guild_id, [meeting])


def uid_of(guild_id: int, meeting_id: int) -> str:
    """The UID of a meeting's entry, the same in every feed and file."""
    return str(uuid.uuid5(_NAMESPACE, f"meeting/{guild_id}/{meeting_id}"))


def line(text: str) -> str:
    """What people typed, as one line that stands where it is put."""
    kept = (
        " " if unicodedata.category(c) in _NO_TEXT else c for c in text if ord(c) not in _TURNING
    )
    return " ".join("".join(kept).split())


def _hour() -> timedelta:
    return timedelta(hours=1)


def _told(meetings: Sequence[FeedMeeting]) -> dict[str, tuple[int, int]]:
    """By zone that has to be explained: the first and the last year (UTC) in it."""
    found: dict[str, tuple[int, int]] = {}
    for m in meetings:
        if not _in_utc(m):
            begins, ends = (at.astimezone(UTC).year for at in (m.starts_at, m.ends_at))
            first, last = found.get(m.zone, (begins, ends))
            found[m.zone] = min(first, begins), max(last, ends)
    return found


def _calendar(zones: dict[str, tuple[int, int]]) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for zone, (first, last) in sorted(zones.items()):
        calendar.add_component(vtimezone(zone, first, last))
    return calendar


def _written(calendar: Calendar, guild_id: int, meetings: Sequence[FeedMeeting]) -> bytes:
    for meeting in sorted(meetings, key=lambda m: (m.starts_at, m.id)):
        calendar.add_component(_event(guild_id, meeting))
    return bytes(calendar.to_ical())


def _event(guild_id: int, m: FeedMeeting) -> Event:
    entry = Event()
    entry.add("uid", uid_of(guild_id, m.id))
    # The time of its last change is not stored; this one grows with every change as well.
    entry.add("dtstamp", m.created_at.astimezone(UTC) + timedelta(seconds=m.revision))
    entry.add("sequence", m.revision)
    zone = UTC if _in_utc(m) else zone_info(m.zone)
    entry.add("dtstart", m.starts_at.astimezone(zone))
    entry.add("dtend", m.ends_at.astimezone(zone))
    # In a person's calendar, "Group 1 - Week 3" alone says nothing.
    title = t("{group} · {cohort}", group=name_of(m.group, m.number), cohort=m.cohort)
    entry.add("summary", line(title))
    entry.add("status", "CONFIRMED" if m.status == "planned" else "CANCELLED")
    entry.add("transp", "TRANSPARENT" if m.away or m.status != "planned" else "OPAQUE")
    if m.link is not None:
        entry.add("description", m.link)  # many programs show no URL
        entry.add("url", m.link)
    return entry


def _in_utc(m: FeedMeeting) -> bool:
    """Whether only UTC says when it is.

    A wall time that comes twice means the first of both (RFC 5545, 3.3.5), so the second one has
    no other name; and a zone that this machine does not know any more cannot be explained.
    """
    try:
        zone = zone_info(m.zone)
    except UnknownZone:
        return True
    return bool(m.starts_at.astimezone(zone).fold or m.ends_at.astimezone(zone).fold)
