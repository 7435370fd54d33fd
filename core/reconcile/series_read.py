"""Pure: an entry as a CalDAV server gives it back: who answered what, and whether it was edited.

What other people wrote is read line by line and never interpreted: no recurrence is expanded, no
time zone of theirs is believed, and everything is bounded.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import cast, get_args
from urllib.parse import unquote

from core.reconcile.series import Partstat
from core.schedule import UnknownZone, instant, local

# An entry of 200 people with 12 meetings that are all written out has 350 KB (measured), one of 12
# people has 3 KB; three times the largest is room for what servers add.
MOST_BYTES = 1_000_000
_MOST_LINES, _MOST_EVENTS, _MOST_DATES = 20_000, 1_000, 5_000
_LONGEST_ADDRESS = 254  # RFC 5321
UNREADABLE = "unreadable"

_FOLD = re.compile(r"\r?\n[ \t]")
_LINE_END = re.compile(r"\r?\n|\r")
# Possessive, so that no line takes more than one pass, however it was built.
_LINE = re.compile(r'((?:[^":]++|"[^"]*+")*+):(.*)', re.DOTALL)
_PARAMETER = re.compile(r'(?:[^";]++|"[^"]*+")++')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?"
)
_LOCAL = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Read:
    """`uid` is None and `content` UNREADABLE where it is no entry, or far too much of one.

    `answers` and `content`: see core.calendars.port.Remote.
    """

    uid: str | None
    content: str
    answers: Mapping[tuple[date | None, str], Partstat] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    parameters: Mapping[str, str]
    value: str


_Event = Mapping[str, list[_Line]]  # by name


class _TooMuch(ValueError):
    """More than an entry of ours can have become."""


def read(text: str) -> Read:
    """What is in the text of an entry. Raises nothing: anything may stand there."""
    try:
        events = _events(text)
    except _TooMuch:
        return Read(None, UNREADABLE)
    uid = next((found for event in events if (found := _value(event, "UID"))), None)
    events = [event for event in events if _value(event, "UID") == uid]
    series = next((event for event in events if "RECURRENCE-ID" not in event), None)
    if uid is None or series is None:
        return Read(None, UNREADABLE)
    zone = series["DTSTART"][0].parameters.get("TZID") if "DTSTART" in series else None
    answers: dict[tuple[date | None, str], Partstat] = {}
    for event in events:
        day = _day(event["RECURRENCE-ID"][0], zone) if "RECURRENCE-ID" in event else None
        if day is not None or event is series:
            answers |= {(day, address): said for address, said in _said(event)}
    return Read(uid, _content(series, events), answers)


def _events(text: str) -> list[_Event]:
    """The VEVENTs of a calendar, without what is nested in them. Raises _TooMuch."""
    if len(text) > MOST_BYTES:
        raise _TooMuch
    lines = _LINE_END.split(_FOLD.sub("", text))
    if len(lines) > _MOST_LINES:
        raise _TooMuch
    found: list[_Event] = []
    inside: list[str] = []
    event: dict[str, list[_Line]] = {}
    for line in filter(None, map(_parsed, lines)):
        if line.name == "BEGIN":
            inside.append(line.value.upper())
            if inside == ["VCALENDAR", "VEVENT"]:
                event = defaultdict(list)
                found.append(event)
        elif line.name == "END":
            del inside[-1:]
        elif inside == ["VCALENDAR", "VEVENT"]:
            event[line.name].append(line)
    if len(found) > _MOST_EVENTS:
        raise _TooMuch
    return [dict(event) for event in found]


def _parsed(text: str) -> _Line | None:
    if (match := _LINE.fullmatch(text)) is None:
        return None
    name, *parameters = _PARAMETER.findall(match[1]) or [""]
    split = (parameter.partition("=") for parameter in parameters)
    given = {key.upper(): value.strip('"') for key, _, value in split}
    return _Line(name.upper(), given, match[2])


def _value(event: _Event, name: str) -> str:
    return event[name][0].value.strip() if name in event else ""


def _said(event: _Event) -> Iterator[tuple[str, Partstat]]:
    for line in event.get("ATTENDEE", ()):
        said = line.parameters.get("PARTSTAT", "NEEDS-ACTION").lower()
        address = _address(line)
        if address and said in get_args(Partstat):
            yield address, cast("Partstat", said)


def _address(line: _Line) -> str:
    """The e-mail address in lower case; iCloud has it in a parameter and an id as the value."""
    uri = line.value.strip()
    if uri.lower().startswith("mailto:"):
        found = unquote(uri[len("mailto:") :])
    else:
        found = line.parameters.get("EMAIL", "")
    found = found.strip().lower()
    return found if "@" in found and len(found) <= _LONGEST_ADDRESS else ""


def _day(line: _Line, zone: str | None) -> date | None:
    """The local day that a RECURRENCE-ID means in the zone of its series."""
    raw, own = line.value.strip(), line.parameters.get("TZID")
    moment = _instant(raw, own) if raw.endswith("Z") or own != zone else None
    try:
        if moment is not None and zone is not None:
            return local(moment, zone).date()
        return datetime.strptime(raw[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day, no moment
    except (UnknownZone, ValueError, OverflowError):
        return None


def _instant(raw: str, zone: str | None) -> datetime | None:
    """The instant that a value means; None where we do not know its zone or it is none."""
    try:
        if raw.endswith("Z"):
            return datetime.strptime(raw[:-1], _LOCAL).replace(tzinfo=UTC)
        wall = datetime.strptime(raw, _LOCAL)  # noqa: DTZ007 - its zone is a parameter
        return instant(wall.date(), wall.time(), zone) if zone else None
    except (UnknownZone, ValueError, OverflowError):
        return None


def _moments(lines: list[_Line]) -> list[str]:
    """Points in time in a form that does not depend on how they were written, in order."""
    pairs = [
        (raw.strip(), line.parameters.get("TZID"))
        for line in lines
        for raw in line.value.split(",", _MOST_DATES)
    ][:_MOST_DATES]
    return sorted(
        moment.isoformat() if (moment := _instant(raw, zone)) else f"{zone}:{raw}"
        for raw, zone in pairs
    )


def _content(series: _Event, events: list[_Event]) -> str:
    """A hash of what we decide about: see port.Remote.

    A meeting that is written out only to hold an answer of its own is no edit.
    """
    usual = _plain(series)
    changed = []
    for event in events:
        if "RECURRENCE-ID" in event:
            known_by = _moments(event["RECURRENCE-ID"])
            own = _plain(event)
            if own != {**usual, "start": known_by}:
                changed.append([known_by, own])
    whole = {
        "series": usual,
        "rules": sorted(_rule(line.value) for line in series.get("RRULE", [])),
        "also": _moments(series.get("RDATE", [])),
        "without": _moments(series.get("EXDATE", [])),
        "changed": sorted(changed, key=json.dumps),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _plain(event: _Event) -> dict[str, object]:
    return {
        **{name: _text(_value(event, name)) for name in ("SUMMARY", "DESCRIPTION", "LOCATION")},
        "cancelled": _value(event, "STATUS").upper() == "CANCELLED",
        "start": _moments(event.get("DTSTART", [])),
        "seconds": _seconds(event),
        "people": sorted({_address(line) for line in event.get("ATTENDEE", ())}),
    }


def _text(raw: str) -> str:
    """A TEXT value as it is meant; how a server wraps and ends it makes no difference."""
    meant = _ESCAPED.sub(lambda m: "\n" if m[1] in "nN" else m[1], raw)
    return " ".join(meant.split())


def _rule(raw: str) -> str:
    """A rule whose parts stand in one order, without those that say what is so anyway."""
    parts = {part.strip() for part in raw.upper().split(";")}
    return ";".join(sorted(p for p in parts if p != "INTERVAL=1" and not p.startswith("WKST=")))


def _seconds(event: _Event) -> float | str:
    """How long it lasts, whether its end or its length is written."""
    if "DURATION" in event:
        raw = _value(event, "DURATION")
        if (match := _DURATION.fullmatch(raw.upper())) is None:
            return raw
        weeks, days, hours, minutes, seconds = (int(n or 0) for n in match.groups()[1:])
        spent = timedelta(days, seconds, 0, 0, minutes, hours, weeks).total_seconds()
        return -spent if match[1] == "-" else spent
    ends = [
        _instant(_value(event, name), event[name][0].parameters.get("TZID"))
        for name in ("DTSTART", "DTEND")
        if name in event
    ]
    if len(ends) == len(("DTSTART", "DTEND")) and ends[0] and ends[1]:
        return (ends[1] - ends[0]).total_seconds()
    return _value(event, "DTEND")
