"""Pure: what a change of meetings means for the people of a group, before it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TypeVar

from core.schedule import Occurrence, SeriesDiff, Shift, clock_shifts, local, night_for

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
class Effect:
    """What a change means.

    `nights`: (wall time, how many people whose night it is), the most people first. `clashes`:
    (the other meeting, how many people are in it). `clocks`: the clocks of the group's zone change
    between the old time and the new one. `shifts`: where daylight saving splits the group.
    """

    people: int
    yes: int = 0
    maybe: int = 0
    nights: tuple[tuple[time, int], ...] = ()
    clashes: tuple[tuple[str, int], ...] = ()
    clocks: bool = False
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesEffect:
    """What a new slot means: meetings that come, change and go; the rest as for one of them."""

    made: int
    changed: int
    removed: int
    kept_times: int  # moved by hand, so their time stays
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


def series_effect(
    people: Sequence[Person],
    diff: SeriesDiff,
    want: Sequence[Occurrence],
    moved: int,
    now: datetime,
) -> SeriesEffect:
    """What a new series means. `want` is the whole of it, `now` is aware (UTC).

    `moved`: how many meetings to come were moved by hand. Answers of people are those to the next
    meeting.
    """
    ahead = [o for o in want if o.number is not None and o.starts_at > now]
    first = ahead[0] if ahead else None
    found = effect(people, first.starts_at if first else None, first.minutes if first else 0)
    zones = {p.id: p.zone for p in people if p.zone}
    shifts = clock_shifts(ahead, zones)
    return SeriesEffect(
        len(diff.create), len(diff.change), len(diff.remove), moved, first,
        replace(found, shifts=shifts),
    )  # fmt: skip
