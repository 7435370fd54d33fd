"""Pure: a group's meetings as calendars write them: a start, a rule, and what is different from it.

Every day here is a local date, and at every day the usual wall time of the series is meant. A day
of the rule whose wall time the clocks skip is always written out as `changed` too: RFC 5545 has
readers leave such a day out, most move it forward as `core.schedule` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from core.reconcile.series import Instance, Partstat, Series
from core.schedule import DAYS, instant, local


@dataclass(frozen=True, slots=True)
class Changed:
    """The meeting known by `instance.day`, written out because it is not what the rule says.

    `wall`: when it is on the clocks of the series (naive), None where that time comes twice and the
    second one is meant: only UTC says that. `partstats`: of every attendee, by address.
    """

    instance: Instance
    wall: datetime | None
    partstats: dict[str, Partstat]


@dataclass(frozen=True, slots=True)
class Recurrence:
    """From `first` on every `every` weeks, `count` times, at the wall time `at` in `zone`.

    `without`: days of that which have no meeting. `also`: days beside it that have one. The first
    day always has one. All in order, each day once.
    """

    first: date
    at: time
    zone: str
    every: int
    count: int
    also: tuple[date, ...] = ()
    without: tuple[date, ...] = ()
    changed: tuple[Changed, ...] = ()

    @property
    def rule(self) -> dict[str, str | int]:
        """The parts of the RRULE, in the order in which RFC 5545 would have them."""
        interval = {"INTERVAL": self.every} if self.every > 1 else {}
        return {"FREQ": "WEEKLY", **interval, "COUNT": self.count}

    def wall(self, day: date) -> datetime:
        """The usual wall time of that day, naive, in `zone`."""
        return datetime.combine(day, self.at)

    def lines(self) -> tuple[str, ...]:
        """RRULE, RDATE and EXDATE as content lines, as Google Calendar takes them."""
        rule = ";".join(f"{key}={value}" for key, value in self.rule.items())
        dates = [("RDATE", self.also), ("EXDATE", self.without)]
        written = (
            f"{name};TZID={self.zone}:" + ",".join(f"{self.wall(d):%Y%m%dT%H%M%S}" for d in days)
            for name, days in dates
            if days
        )
        return (f"RRULE:{rule}", *written)


def recurrence(series: Series) -> Recurrence:
    """What gives exactly the instances of the series when it is expanded. Raises UnknownZone.

    Raises ValueError for a series without a meeting, or with two on a day.
    """
    days = sorted(i.day for i in series.instances)
    if not days or len(set(days)) != len(days):
        raise ValueError("a series has at least one meeting, and each day once")
    step = timedelta(days=DAYS * series.every)
    count = _count(days, step)
    ruled = [days[0] + step * n for n in range(count)]
    return Recurrence(
        days[0],
        series.at,
        series.zone,
        series.every,
        count,
        also=tuple(d for d in days if d not in ruled),
        without=tuple(d for d in ruled if d not in days),
        changed=tuple(
            found
            for i in sorted(series.instances, key=lambda i: i.day)
            if (found := _changed(series, i)) is not None
        ),
    )


def _count(days: Sequence[date], step: timedelta) -> int:
    """How often the rule goes on: so that the fewest days are left to be named one by one.

    Twelve Thursdays with one skipped are a rule of twelve without one; a monthly list that meets
    the weekday of its start again after a year is no rule of 53 weeks without 52.
    """
    best, fewest, met = 1, len(days) - 1, 1
    for day in days[1:]:
        steps, off = divmod(day - days[0], step)
        if not off:
            met += 1
            named = (steps + 1 - met) + (len(days) - met)
            if named <= fewest:
                best, fewest = steps + 1, named
    return best


def _changed(series: Series, instance: Instance) -> Changed | None:
    usual = {a.address: a.partstat for a in series.attendees}
    partstats = {a: instance.answers.get(a, partstat) for a, partstat in usual.items()}
    wall = local(instance.starts_at, series.zone).replace(tzinfo=None)
    as_ruled = wall == datetime.combine(instance.day, series.at) and not wall.fold
    same = (instance.minutes, instance.title, partstats) == (series.minutes, series.title, usual)
    if as_ruled and same:
        return None
    clear = instant(wall.date(), wall.time(), series.zone) == instance.starts_at
    return Changed(instance, wall if clear else None, partstats)
