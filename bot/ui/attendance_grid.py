"""What the picture of a group's attendance shows, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Head:
    """A meeting: its number, or a sign, and its day and month as they are spoken."""

    number: str
    day: str
    month: str


@dataclass(frozen=True)
class Row:
    """A person: `cells` are verdicts, or None; `total` as in 7/9."""

    number: int
    name: str
    cells: tuple[str | None, ...]
    total: str


@dataclass(frozen=True)
class Grid:
    """What is drawn. `legend` has the words for attended, absent, excused, unknown."""

    title: str
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    legend: tuple[tuple[str, str], ...]
