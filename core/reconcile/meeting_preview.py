"""Pure: what a change of meetings means for the people of a group, before it happens."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import TypeVar

from core.reconcile.clock_shifts import Shift, clock_shifts
from core.reconcile.meeting_rows import Have, SeriesDiff, applied
from core.schedule import Occurrence, local, night_for

T = TypeVar("T", time, str)


@dataclass(frozen=True, slots=True)
class Busy:
    """Another meeting of somebody: from, until (UTC), and what people call it."""

    starts_at: datetime
    ends_at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom a meeting concerns. `zone` is an IANA name; `answer` counts as it stands."""

    id: int
    zone: str | None = None
    answer: str = "pending"
    busy: tuple[Busy, ...] = ()


@dataclass(frozen=True, slots=True)
class Crowd:
    """Several meetings of one group on one day (local), in order; whether two share a moment."""

    day: date
    meetings: tuple[Have, ...]
    overlap: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change means.

    `nights`: (wall time, how many people whose night it is), the most people first. `clashes`:
    (the other meeting, how many people are in it). `clocks`: the clocks of the group's zone change
    between the old time and the new one. `shifts`: where daylight saving splits the group.
    `crowds`: days on which it puts another meeting of the group.
    """

    people: int
    yes: int = 0
    maybe: int = 0
    nights: tuple[tuple[time, int], ...] = ()
    clashes: tuple[tuple[str, int], ...] = ()
    clocks: bool = False
    shifts: tuple[Shift, ...] = ()
    crowds: tuple[Crowd, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesEffect:
    """What a new slot means: meetings that come, change and go; the rest as for one of them."""

    made: int
    changed: int
    removed: int
    kept: tuple[Have, ...]  # to come and moved by hand, so their time stays
    first: Occurrence | None  # the next one under the new rule
    effect: Effect

    @property
    def nothing(self) -> bool:
        return not (self.made or self.changed or self.removed)


def overlaps(starts_at: datetime, minutes: int, other: datetime, other_minutes: int) -> bool:
    """Whether two meetings share a moment; times are aware, one that follows at once is none."""
    return starts_at < other + timedelta(minutes=other_minutes) and other < starts_at + timedelta(
        minutes=minutes
    )


def effect(
    people: Sequence[Person],
    starts_at: datetime | None = None,
    minutes: int = 0,
    *,
    old: datetime | None = None,
    zone: str | None = None,
) -> Effect:
    """What it means that a meeting is at `starts_at` (UTC); None: it does not take place.

    `old`: when it was to be; `zone`: the group's. Zones must be known to core.schedule.
    """
    answers = Counter(p.answer for p in people)
    found = Effect(len(people), answers["attending"], answers["tentative"])
    if starts_at is None:
        return found
    nights = Counter(
        local(starts_at, p.zone).time() for p in people if p.zone and night_for(starts_at, p.zone)
    )
    until = starts_at + timedelta(minutes=minutes)
    clashes = Counter(
        label
        for p in people
        for label in {b.label for b in p.busy if b.starts_at < until and starts_at < b.ends_at}
    )
    return Effect(
        found.people, found.yes, found.maybe, _most(nights), _most(clashes),
        old is not None and zone is not None
        and local(old, zone).utcoffset() != local(starts_at, zone).utcoffset(),
    )  # fmt: skip


def _most(counts: Counter[T]) -> tuple[tuple[T, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def crowds(
    before: Iterable[Have], after: Iterable[Have], zone: str, now: datetime
) -> tuple[Crowd, ...]:
    """The days (on the clocks of `zone`) that get a second meeting between two states of a group.

    Only meetings to come that take place. Where the same ones were on that day before, at the same
    times, it is no news.
    """
    had = {found.meetings for found in _crowded(before, zone, now)}
    return tuple(found for found in _crowded(after, zone, now) if found.meetings not in had)


def _crowded(rows: Iterable[Have], zone: str, now: datetime) -> list[Crowd]:
    days: dict[date, list[Have]] = defaultdict(list)
    for row in rows:
        if row.status == "planned" and row.starts_at > now:
            days[local(row.starts_at, zone).date()].append(row)
    found = []
    for day, several in sorted(days.items()):
        if len(several) > 1:
            ordered = tuple(sorted(several, key=lambda row: (row.starts_at, row.id)))
            overlap = any(b.starts_at < a.ends_at for a, b in pairwise(ordered))
            found.append(Crowd(day, ordered, overlap))
    return found


def series_effect(
    people: Sequence[Person],
    have: Sequence[Have],
    diff: SeriesDiff,
    want: Sequence[Occurrence],
    zone: str,
    now: datetime,
) -> SeriesEffect:
    """What a new series means. `want` is the whole of it, `now` is aware (UTC).

    `zone`: the group's (IANA). Answers of people are those to the next meeting.
    """
    after = applied(have, diff)
    ahead = [o for o in want if o.number is not None and o.starts_at > now]
    first = ahead[0] if ahead else None
    found = effect(people, first.starts_at if first else None, first.minutes if first else 0)
    zones = {p.id: p.zone for p in people if p.zone}
    shifts = clock_shifts(ahead, zones)
    kept = (row for row in after if row.moved and row.status == "planned" and row.starts_at > now)
    return SeriesEffect(
        len(diff.create) + len(diff.back), len(diff.change), len(diff.remove),
        tuple(sorted(kept, key=lambda row: row.starts_at)), first,
        replace(found, shifts=shifts, crowds=crowds(have, after, zone, now)),
    )  # fmt: skip
