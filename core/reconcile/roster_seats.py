"""Who of a list goes into which group: evenly by free seats, or as the list says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.reconcile.roster_match import Match, Status, key

FACILITATOR = "facilitator"


@dataclass(frozen=True)
class Place:
    """A group that takes people. `taken` counts seats, those of expected people as well."""

    id: int
    name: str
    seats: int
    taken: int
    facilitators: int = 0


@dataclass(frozen=True)
class Placed:
    """Somebody with their group. Without `user_id` they are waited for by their user name."""

    line: int
    group_id: int
    role: str
    name: str
    user_id: int | None = None


@dataclass(frozen=True)
class Left:
    """Somebody who gets no group. `why`: full, no_group, unknown_group."""

    match: Match
    why: str


@dataclass(frozen=True)
class Seating:
    """All of a list that can be placed, and the rest. Facilitators hold no seat."""

    placed: tuple[Placed, ...]
    left: tuple[Left, ...]
    over: int  # people who are placed although there is no seat

    def left_for(self, why: str) -> int:
        """How many get no group for this reason."""
        return sum(one.why == why for one in self.left)

    def added(self) -> Counter[int]:
        """People who hold a seat afterwards and did not before, by group."""
        return Counter(p.group_id for p in self.placed if p.role != FACILITATOR)


def spread(matches: Sequence[Match], places: Sequence[Place], *, over: bool = False) -> Seating:
    """Everybody in turn into the group with the most free seats, facilitators evenly as well.

    With `over` those beyond the seats go where the fewest are too many; else they are left.
    """
    free = {p.id: p.seats - p.taken for p in places}
    helpers = {p.id: p.facilitators for p in places}

    def choose(found: Match) -> int | str:
        if found.row.role == FACILITATOR:
            return min(helpers, key=lambda g: (helpers[g], g))
        return max(free, key=lambda g: (free[g], -g))

    return _seat(matches, free, helpers, choose, over=over)


def by_list(matches: Sequence[Match], places: Sequence[Place], *, over: bool = False) -> Seating:
    """Everybody into the group that the list names; who has none or an unknown one is left."""
    free = {p.id: p.seats - p.taken for p in places}
    helpers = {p.id: p.facilitators for p in places}
    labels = group_labels(places)

    def choose(found: Match) -> int | str:
        if not found.row.group:
            return "no_group"
        return labels.get(key(found.row.group), "unknown_group")

    return _seat(matches, free, helpers, choose, over=over)


def group_labels(places: Sequence[Place]) -> Mapping[str, int]:
    """Group ids by what lists call them: the name, and its number alone where that is clear."""
    names = {key(p.name): p.id for p in places}
    numbers = Counter(_number(p.name) for p in places)
    short = {
        n: p.id for p in places if (n := _number(p.name)) and numbers[n] == 1 and n not in names
    }
    return {**short, **names}


def _number(name: str) -> str:
    """The number at a group's end without leading zeros: "2" of "Group 02"."""
    last = key(name).rsplit(" ", 1)[-1]
    return str(int(last)) if last.isdecimal() and last.isascii() else ""


def _seat(
    matches: Sequence[Match],
    free: dict[int, int],
    helpers: dict[int, int],
    choose: Callable[[Match], int | str],
    *,
    over: bool,
) -> Seating:
    """Place those who are found or waited for, in the order of the list."""
    placed: list[Placed] = []
    left: list[Left] = []
    beyond = 0
    for found in matches:
        if found.status not in {Status.found, Status.away}:
            continue
        chosen = choose(found)
        if isinstance(chosen, str):
            left.append(Left(found, chosen))
            continue
        if found.row.role == FACILITATOR:
            helpers[chosen] += 1
        elif free[chosen] > 0 or over:
            beyond += free[chosen] <= 0
            free[chosen] -= 1
        else:
            left.append(Left(found, "full"))
            continue
        placed.append(Placed(found.row.line, chosen, found.row.role, found.name, found.user_id))
    return Seating(tuple(placed), tuple(left), beyond)
