"""Pure: the hours of a person's day in which no direct message comes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from core.schedule import UnknownZone, zone_info

DAY_HOURS = 24


def quiet_until(now: datetime, zone: str | None, hours: tuple[int, int]) -> datetime | None:
    """When the quiet hours that `now` (UTC) lies in are over, in UTC; None outside them.

    `hours` are (22, 8): from 22:00 until 8:00 on the clocks of the person's IANA `zone`. Equal
    ones are none. Without a zone nobody knows when the person sleeps: none either.
    """
    begin, end = hours
    if zone is None or begin == end:
        return None
    try:
        there = zone_info(zone)
    except UnknownZone:  # the tables of this machine lost it
        return None
    local = now.astimezone(there)
    if not ((local.hour - begin) % DAY_HOURS < (end - begin) % DAY_HOURS):
        return None
    day = local.date()
    if end <= local.hour:  # the night is over tomorrow
        day += timedelta(days=1)
    # An end that the clocks skip comes as much later; of one that comes twice, the first counts.
    over = datetime.combine(day, time(end), there).astimezone(UTC)
    return over if over > now else None
