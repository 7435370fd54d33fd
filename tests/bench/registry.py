"""The rows of the benchmark. A module that is imported by `tests.bench.rows` adds its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.ground import Ground

# By unit ("REST calls", "s", …): what was measured. A side that measures nothing is empty.
Figures = Mapping[str, float]
Run = Callable[[Ground], Awaitable[tuple[Figures, Figures]]]


@dataclass(frozen=True)
class Row:
    """`bounds` holds, by unit, the most that ours may show. `run` gives ours and naive."""

    name: str
    bounds: Figures
    run: Run

    def missed(self, ours: Figures) -> list[str]:
        """The units whose bound ours does not keep; a unit that was not measured is missed."""
        return [u for u, most in self.bounds.items() if ours.get(u, float("inf")) > most]


ROWS: list[Row] = []


def row(name: str, **bounds: float) -> Callable[[Run], Run]:
    """Register a row. Units are written as keywords, with _ for a space: `REST_calls=2`."""

    def register(run: Run) -> Run:
        units = {unit.replace("_", " "): most for unit, most in bounds.items()}
        ROWS.append(Row(name, units, run))
        return run

    return register


def chosen(words: Sequence[str]) -> list[Row]:
    """The rows whose name contains every one of `words`, upper or lower case."""
    return [r for r in ROWS if all(w.lower() in r.name.lower() for w in words)]
