"""Pure: an IANA zone as calendar files carry it (VTIMEZONE; RFC 5545, 3.6.5).

icalendar 7.3 can make one, but gives a change in spring by the wall time after it where the RFC
wants the one before: an hour too late for whoever believes the file.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

from core.schedule import zone_info

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_KEPT = 256  # zones and spans of years that are remembered
_LAST = 9998  # the last year that has one after it


@lru_cache(_KEPT)
def vtimezone(zone: str, first: int, last: int) -> Timezone:
    """The zone with every change of its clocks from the year `first` to the year `last`.

    Shared with other callers: do not change it. Raises core.schedule.UnknownZone.
    """
    info = zone_info(zone)
    begin = datetime(first, 1, 1, tzinfo=UTC) - 2 * _DAY  # the year may have begun there already
    end = datetime(min(last, _LAST) + 1, 1, 1, tzinfo=UTC) + 2 * _DAY
    made = Timezone()
    made.add("tzid", zone)
    made.add_component(_observance(info, begin, begin))
    day = begin
    while day < end:
        if _clock(info, day) != _clock(info, day + _DAY):
            change = _change(info, day, day + _DAY)
            made.add_component(_observance(info, change - _SECOND, change))
        day += _DAY
    return made


def _clock(info: ZoneInfo, moment: datetime) -> tuple[timedelta, str, bool]:
    """Distance from UTC, its name, and whether it is summer time."""
    at = moment.astimezone(info)
    return at.utcoffset() or timedelta(), at.tzname() or "", bool(at.dst())


def _change(info: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second of the other clock; there is one change between the two."""
    old = _clock(info, before)
    while after - before > _SECOND:
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (middle, after) if _clock(info, middle) == old else (before, middle)
    return after


def _observance(
    info: ZoneInfo, before: datetime, begins: datetime
) -> TimezoneStandard | TimezoneDaylight:
    """From `begins` on; its wall time is that of the clock before it."""
    old, _, _ = _clock(info, before)
    new, name, summer = _clock(info, begins)
    made: TimezoneStandard | TimezoneDaylight
    made = TimezoneDaylight() if summer else TimezoneStandard()
    made.add("dtstart", begins.replace(tzinfo=None) + old)
    made.add("tzname", name)
    made.add("tzoffsetfrom", old)
    made.add("tzoffsetto", new)
    return made
