"""Pure: where daylight saving splits a group, whose people live by different clocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import pairwise

from core.schedule import Occurrence, local


@dataclass(frozen=True, slots=True)
class Shift:
    """From `day` on, people meet at different times than before, but not all in the same way.

    `groups`: (wall time before, wall time after, the people), the largest group first.
    """

    day: date
    groups: tuple[tuple[time, time, tuple[int, ...]], ...]


def clock_shifts(meetings: Iterable[Occurrence], zones: Mapping[int, str]) -> tuple[Shift, ...]:
    """Where a change of the clocks splits a group: its meetings, people (id) → IANA zone.

    Only where it is not the same change for everybody: with the slot in Berlin, people in Kolkata
    meet an hour earlier from the end of March on. Postponed ones are left out. Raises UnknownZone.
    """
    found: list[Shift] = []
    held = sorted((m for m in meetings if m.number is not None), key=lambda m: m.starts_at)
    for before, after in pairwise(held):
        moves: set[timedelta] = set()
        groups: dict[tuple[time, time], list[int]] = defaultdict(list)
        for person, zone in zones.items():
            old, new = local(before.starts_at, zone), local(after.starts_at, zone)
            moves.add((new.utcoffset() or timedelta()) - (old.utcoffset() or timedelta()))
            groups[old.time(), new.time()].append(person)
        if len(moves) > 1:
            rows = [(old, new, tuple(sorted(who))) for (old, new), who in groups.items()]
            rows.sort(key=lambda row: (-len(row[2]), row))
            found.append(Shift(after.day, tuple(rows)))
    return tuple(found)
