"""Pure: a group's rows of meetings beside what its rule says, and what turns one into the other.

Rows keep their identity, and with it their answers, whatever becomes of the slot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from core.schedule import Occurrence, Rule, monday, occurrences

Status = Literal["planned", "skipped", "postponed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Have:
    """A group's meeting as it is stored: `moved` by hand to its time, `extra`: added by hand."""

    id: int
    day: date
    starts_at: datetime
    minutes: int
    number: int | None
    status: Status = "planned"
    moved: bool = False
    extra: bool = False

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class SeriesDiff:
    """What to do with the rows of a series: all empty means that they are right."""

    create: tuple[Occurrence, ...] = ()
    change: tuple[tuple[int, Occurrence], ...] = ()  # the row of this id becomes this
    remove: tuple[int, ...] = ()
    aside: tuple[tuple[int, date], ...] = ()  # the extra of this id is known by this day
    back: tuple[int, ...] = ()  # it was cancelled, and takes place again

    def __bool__(self) -> bool:
        return any((self.create, self.change, self.remove, self.aside, self.back))


def follow(
    rule: Rule,
    start: date,
    count: int,
    breaks: Iterable[str],
    have: Sequence[Have],
    now: datetime,
) -> tuple[tuple[Occurrence, ...], SeriesDiff]:
    """The series of a group that runs, and what brings its rows to it.

    `breaks` are ISO days, as a cohort stores them; a week in which they met was none. What was
    cancelled and is still to come takes place again where the series wants it. Raises UnknownZone.
    """
    postponed = [row.day for row in have if row.status == "postponed"]
    begun = (row for row in have if row.starts_at <= now and not row.extra)
    held = {monday(row.day) for row in begun if row.status == "planned"}
    days = {monday(date.fromisoformat(day)) for day in breaks} - held
    want = occurrences(rule, start, count, days, postponed)
    off = {row.id for row in have if row.status == "cancelled" and row.starts_at > now}
    running = [replace(row, status="planned") if row.id in off else row for row in have]
    found = diff(running, want, now)
    back = tuple(sorted(off - set(found.remove)))
    return want, replace(found, remove=tuple(i for i in found.remove if i not in off), back=back)


def applied(have: Iterable[Have], todo: SeriesDiff) -> list[Have]:
    """The rows afterwards; what is made has ids below zero."""
    changes, aside = dict(todo.change), dict(todo.aside)
    after = []
    for row in have:
        to = changes.get(row.id, _as_is(row))
        status: Status = row.status
        if row.id in todo.remove:
            status = "cancelled"
        elif row.id in todo.back:
            status = "planned"
        after.append(
            Have(
                row.id, aside.get(row.id, to.day), to.starts_at, to.minutes, to.number, status,
                row.moved, row.extra,
            )
        )  # fmt: skip
    made = (Have(-n, o.day, o.starts_at, o.minutes, o.number) for n, o in enumerate(todo.create, 1))
    return [*after, *made]


def diff(have: Sequence[Have], want: Sequence[Occurrence], now: datetime) -> SeriesDiff:
    """What turns a group's rows into the series `want`; `now` is aware.

    Rows find their occurrence by day; what stays where it is (in the past, skipped, cancelled,
    postponed) by its week; what is left by number and then in order, so that a meeting keeps its
    answers when the slot changes. What has begun is never changed, what is over never made. A
    skipped row keeps its day and follows the numbers, a postponed one loses its own. The time of a
    row that a person moved stays, and so does that of a row whose new time is over already. Of an
    extra only its day is changed, which nobody sees, where the series wants it
    (docs/decisions/0009). Doing this and asking again gives an empty answer. `have` and `want`
    each have a day once.
    """
    rows = sorted((row for row in have if not row.extra), key=lambda row: (row.day, row.id))
    pairs = _matched(rows, want, now)
    change = [
        (row.id, target)
        for row in rows
        if (found := pairs.get(row.id)) is not None
        and (target := _target(row, found, now)) != _as_is(row)
    ]
    met = {found.day for found in pairs.values()}
    create = tuple(o for o in want if o.day not in met and _open(o, now))
    targets = dict(change)
    days = {targets[row.id].day if row.id in targets else row.day for row in rows}
    return SeriesDiff(
        create,
        tuple(change),
        tuple(row.id for row in rows if row.id not in pairs and not _stays(row, now)),
        _aside([row for row in have if row.extra], days | {o.day for o in create}),
    )


def _aside(extras: Iterable[Have], wanted: Collection[date]) -> tuple[tuple[int, date], ...]:
    """Another day for each extra whose day the series wants."""
    order = sorted(extras, key=lambda row: row.id)
    taken = {*wanted, *(row.day for row in order)}
    found = []
    for row in order:
        if row.day in wanted:
            day = free_day(row.day, taken)
            taken.add(day)
            found.append((row.id, day))
    return tuple(found)


def free_day(own: date, taken: Collection[date]) -> date:
    """The day that an extra is known by: its own, else the nearest that stands for no other."""
    steps = (step for n in range(len(taken) + 1) for step in (n, -n))
    return next(d for step in steps if (d := own + timedelta(days=step)) not in taken)


def _matched(
    rows: Sequence[Have], want: Sequence[Occurrence], now: datetime
) -> dict[int, Occurrence]:
    """Which occurrence each row (by id) is; a row that nobody wants is left out."""
    by_day = {o.day: o for o in want}
    pairs = {row.id: by_day[row.day] for row in rows if row.day in by_day}

    def pair(some: Iterable[Have], suits: Callable[[Have, Occurrence], bool]) -> None:
        met = {o.day for o in pairs.values()}
        free = [o for o in want if o.day not in met]
        for row in some:
            if row.id not in pairs and (found := next((o for o in free if suits(row, o)), None)):
                pairs[row.id] = found
                free.remove(found)

    staying = [row for row in rows if _stays(row, now)]
    others = [row for row in rows if not _stays(row, now)]
    pair(staying, _same_week)
    # A meeting of this week stays when its new time in this week has passed.
    pair(others, lambda row, o: _same_week(row, o) and o.ends_at <= now)
    pair(others, lambda row, o: _open(o, now) and o.number == row.number)
    pair(others, lambda _, o: _open(o, now))
    return pairs


def _same_week(row: Have, found: Occurrence) -> bool:
    return monday(row.day) == monday(found.day)


def _open(found: Occurrence, now: datetime) -> bool:
    return found.number is not None and found.ends_at > now


def _stays(row: Have, now: datetime) -> bool:
    return row.starts_at <= now or row.status != "planned"


def _as_is(row: Have) -> Occurrence:
    return Occurrence(row.day, row.starts_at, row.minutes, row.number)


def _target(row: Have, found: Occurrence, now: datetime) -> Occurrence:
    if row.starts_at <= now:
        return _as_is(row)
    if row.status != "planned":
        number = None if row.status == "postponed" else found.number or row.number
        return replace(_as_is(row), number=number)
    if found.ends_at <= now:
        return replace(_as_is(row), number=found.number)
    return replace(found, starts_at=row.starts_at, minutes=row.minutes) if row.moved else found
