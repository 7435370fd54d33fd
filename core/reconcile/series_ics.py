"""Pure: a group's entry as an iCalendar file (RFC 5545), for CalDAV."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from icalendar import Calendar, Component, Event, vCalAddress, vText

from core.reconcile.recurrence import Changed, Recurrence, recurrence
from core.reconcile.series import Partstat, Series
from core.reconcile.vtimezone import vtimezone
from core.schedule import zone_info

PRODID = "-//Muster//Muster 1//EN"
# Characters of a title or a name: more than Discord lets anybody type, and no line of a kilometre.
_LONGEST_LINE, _LONGEST_TEXT = 200, 4000
_PLAIN_IN_MAILTO = "@!#$&'*+-/=?^_`{|}~."  # what RFC 6068 leaves as it is, but for "%"
# Zone rules are written so many years beyond the last meeting: it may be moved in somebody's copy.
_YEARS_AFTER = 2

_NOBODY = ".invalid"  # ends an address that nobody ever has (RFC 2606): no server invites for it


def write(series: Series, sequence: int, dtstamp: datetime, organizer: str) -> str:
    """The entry as text. `dtstamp`: aware; `organizer`: an address, as a URI ("mailto:…").

    Raises UnknownZone, and ValueError for a series without a meeting.
    """
    found = recurrence(series)
    calendar = Calendar()
    calendar.add("PRODID", PRODID)
    calendar.add("VERSION", "2.0")
    last = max(i.starts_at for i in series.instances)
    calendar.add_component(vtimezone(series.zone, found.first.year, last.year + _YEARS_AFTER))
    calendar.add_component(_series(series, found, organizer))
    for changed in found.changed:
        calendar.add_component(_meeting(series, found, changed, organizer))
    for event in calendar.events:
        event.add("SEQUENCE", sequence)
        event.add("DTSTAMP", dtstamp.astimezone(UTC))
    text: bytes = calendar.to_ical()
    return text.decode()


def one_line(text: str, longest: int = _LONGEST_LINE) -> str:
    """`text` without line breaks and control characters, cut where it is too long."""
    flat = " ".join("".join(c if _shown(c) else " " for c in text).split())
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def _series(series: Series, found: Recurrence, organizer: str) -> Event:
    event = _event(series, series.title, series.minutes)
    _add_walls(event, "DTSTART", found, found.first)
    event.add("RRULE", found.rule)
    for name, days in (("RDATE", found.also), ("EXDATE", found.without)):
        if days:
            zone = zone_info(found.zone)
            event.add(name, [found.wall(day).replace(tzinfo=zone) for day in days])
    _add_people(event, series, organizer, {a.address: a.partstat for a in series.attendees})
    return event


def _meeting(series: Series, found: Recurrence, changed: Changed, organizer: str) -> Event:
    event = _event(series, changed.instance.title, changed.instance.minutes)
    _add_walls(event, "RECURRENCE-ID", found, changed.instance.day)
    if changed.wall is None:
        event.add("DTSTART", changed.instance.starts_at.astimezone(UTC))
    else:
        event.add("DTSTART", changed.wall.replace(tzinfo=zone_info(found.zone)))
    _add_people(event, series, organizer, changed.partstats)
    return event


def _event(series: Series, title: str, minutes: int) -> Event:
    event = Event()
    event.add("UID", series.uid)
    event.add("SUMMARY", one_line(title))
    if text := _printable(series.description)[:_LONGEST_TEXT]:
        event.add("DESCRIPTION", text)
    # Not DTEND: an hour is an hour, whatever the clocks do meanwhile.
    event.add("DURATION", timedelta(minutes=minutes))
    return event


def _add_walls(event: Component, name: str, found: Recurrence, day: date) -> None:
    event.add(name, found.wall(day).replace(tzinfo=zone_info(found.zone)))


def _add_people(
    event: Component, series: Series, organizer: str, partstats: dict[str, Partstat]
) -> None:
    if not series.attendees and organizer.endswith(_NOBODY):
        return
    # Also where nobody is left: without it, a server tells the last one removed of nothing.
    event.add("ORGANIZER", _person(organizer, "Muster", {}))
    for attendee in series.attendees:
        given = {
            "CUTYPE": "INDIVIDUAL",
            "ROLE": "REQ-PARTICIPANT",
            "PARTSTAT": partstats[attendee.address].upper(),
            "RSVP": "TRUE",
        }
        uri = "mailto:" + quote(attendee.address, safe=_PLAIN_IN_MAILTO)
        event.add("ATTENDEE", _person(uri, attendee.name, given))


def _person(uri: str, name: str, parameters: dict[str, Any]) -> vCalAddress:
    person = vCalAddress(uri)
    # A quote cannot be written in a parameter at all (RFC 5545, 3.1).
    person.params["CN"] = vText(one_line(name).replace('"', "'"))
    person.params.update({key: vText(value) for key, value in parameters.items()})
    return person


def _printable(text: str) -> str:
    return "".join(c for c in text if c == "\n" or _shown(c))


def _shown(character: str) -> bool:
    """No control character, line or paragraph separator, or half of a pair."""
    return unicodedata.category(character) not in {"Cc", "Zl", "Zp", "Cs"}
