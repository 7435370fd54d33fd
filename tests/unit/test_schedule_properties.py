"""What holds for every series and for every set of rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.reconcile.meeting_rows import Have, SeriesDiff, Status, diff
from core.schedule import Occurrence, Piece, Rule, Slot, occurrences, with_slot

ZONES = (
    "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo",
    "Africa/Casablanca", "America/St_Johns", "Pacific/Chatham", "UTC",
)  # fmt: skip
YEAR = st.dates(date(2026, 1, 1), date(2026, 12, 31))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
SLOTS = st.builds(
    Slot, st.integers(0, 6), TIMES, st.sampled_from(ZONES), st.sampled_from((30, 60, 90))
)


def mondays(days: set[date]) -> set[date]:
    return {day - timedelta(days=day.weekday()) for day in days}


@st.composite
def rules(draw: st.DrawFn, *, kinds: tuple[str, ...] = ("weekly", "monthly")) -> Rule:
    rule = Rule((Piece(draw(SLOTS)),), every=draw(st.sampled_from((1, 2))))
    if draw(st.sampled_from(kinds)) == "monthly":
        return Rule(rule.pieces, monthly=True, dates=(draw(YEAR),))
    for slot, since in draw(st.lists(st.tuples(SLOTS, YEAR), max_size=2)):
        rule = with_slot(rule, slot, since)
    return rule


BREAKS = st.sets(YEAR, max_size=6)


@given(rules(), YEAR, st.integers(0, 20), BREAKS, BREAKS)
def test_as_many_are_numbered_as_were_asked_for(
    rule: Rule, start: date, count: int, breaks: set[date], postponed: set[date]
) -> None:
    found = occurrences(rule, start, count, mondays(breaks), postponed)
    assert [o.number for o in found if o.number is not None] == list(range(1, count + 1))
    assert len({o.day for o in found}) == len(found)
    assert all(o.day >= start for o in found)


@given(rules(), YEAR, BREAKS)
def test_nothing_is_in_a_break_week(rule: Rule, start: date, breaks: set[date]) -> None:
    off = mondays(breaks)
    assert not off & mondays({o.day for o in occurrences(rule, start, 20, off)})


@given(SLOTS, YEAR, st.sampled_from((1, 2)), BREAKS)
@example(Slot(6, time(2, 30), "Europe/Berlin"), date(2026, 3, 22), 1, set())
def test_the_wall_time_is_the_slots_and_instants_increase(
    slot: Slot, start: date, every: int, breaks: set[date]
) -> None:
    rule = Rule((Piece(slot),), every=every)  # type: ignore[arg-type]
    found = occurrences(rule, start, 20, mondays(breaks))
    assert all(a.starts_at < b.starts_at for a, b in pairwise(found))
    for o in found:
        assert o.day.weekday() == slot.weekday
        assert o.starts_at.tzinfo is UTC
        shown = o.starts_at.astimezone(ZoneInfo(slot.zone)).replace(tzinfo=None, fold=0)
        wanted = datetime.combine(o.day, slot.at)
        if exists(wanted, slot.zone):
            assert shown == wanted
        else:
            assert wanted < shown <= wanted + timedelta(hours=1)


def exists(wall: datetime, zone: str) -> bool:
    """Whether a clock there ever shows it: some instant of those days does."""
    first = wall.replace(tzinfo=UTC) - timedelta(hours=15)
    shown = (
        (first + timedelta(minutes=15 * step)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        for step in range(4 * 30)
    )
    return any(timedelta() <= wall - moment < timedelta(minutes=15) for moment in shown)


@given(rules(kinds=("weekly", "monthly")))
def test_rules_survive_json(rule: Rule) -> None:
    assert Rule.from_json(rule.to_json()) == rule


# --- rows ----------------------------------------------------------------------------------------

STATUSES: tuple[Status, ...] = (
    "planned",
    "planned",
    "planned",
    "skipped",
    "postponed",
    "cancelled",
)


@st.composite
def rows(draw: st.DrawFn) -> list[Have]:
    """The rows of some series, some of them changed by people, and some extras."""
    of = occurrences(draw(rules()), draw(YEAR), draw(st.integers(0, 8)))
    found = []
    for number, o in enumerate(of):
        if draw(st.booleans()) and draw(st.booleans()):
            continue
        moved = draw(st.booleans()) and draw(st.booleans())
        shift = timedelta(hours=draw(st.integers(-72, 72))) if moved else timedelta()
        found.append(
            Have(
                number,
                o.day,
                o.starts_at + shift,
                o.minutes,
                o.number,
                draw(st.sampled_from(STATUSES)),
                moved=moved,
            )
        )
    taken = {row.day for row in found}
    for number, day in enumerate(sorted(draw(st.sets(YEAR, max_size=3)) - taken)):
        at = datetime.combine(day, time(12), UTC)
        found.append(Have(100 + number, day, at, 60, None, extra=True))
    return draw(st.permutations(found))


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Have], tuple[Occurrence, ...], datetime]:
    have = draw(rows())
    late = {row.day for row in have if row.status == "postponed"}
    rule, start = draw(rules()), draw(YEAR)
    if draw(st.booleans()) and have:  # the same weeks, another slot: what mostly happens
        start = min(row.day for row in have)
    want = occurrences(rule, start, draw(st.integers(0, 8)), mondays(draw(BREAKS)), late)
    now = datetime.combine(draw(YEAR), draw(TIMES), UTC)
    return have, want, now


def applied(have: list[Have], todo: SeriesDiff) -> list[Have]:
    changes, aside = dict(todo.change), dict(todo.aside)
    kept = [row for row in have if row.id not in todo.remove]
    after = [
        Have(
            row.id,
            to.day,
            to.starts_at,
            to.minutes,
            to.number,
            row.status,
            row.moved,
            row.extra,
        )
        if (to := changes.get(row.id)) is not None
        else replace(row, day=aside.get(row.id, row.day))
        for row in kept
    ]
    new = [
        Have(1000 + n, o.day, o.starts_at, o.minutes, o.number) for n, o in enumerate(todo.create)
    ]
    return after + new


@given(situations())
def test_doing_it_twice_changes_nothing(
    situation: tuple[list[Have], tuple[Occurrence, ...], datetime],
) -> None:
    have, want, now = situation
    after = applied(have, diff(have, want, now))
    assert diff(after, want, now) == SeriesDiff()
    assert len({row.day for row in after}) == len(after), "a group has a day once"


@given(situations())
def test_what_a_diff_never_does(
    situation: tuple[list[Have], tuple[Occurrence, ...], datetime],
) -> None:
    have, want, now = situation
    todo = diff(have, want, now)
    by_id = {row.id: row for row in have}
    touched = {row for row, _ in todo.change} | set(todo.remove)
    assert not [r for r in touched if by_id[r].starts_at <= now or by_id[r].extra]
    assert not [r for r in todo.remove if by_id[r].status != "planned"]
    assert not [o for o in todo.create if o.starts_at + timedelta(minutes=o.minutes) <= now]
    for row, target in todo.change:
        if by_id[row].moved or by_id[row].status != "planned":
            kept = (by_id[row].starts_at, by_id[row].minutes)
            assert (target.starts_at, target.minutes) == kept
        if by_id[row].status in {"skipped", "cancelled"}:
            assert target.day == by_id[row].day
            assert target.number is not None, "it counts"


@given(rules(), YEAR, st.integers(1, 8), st.datetimes(datetime(2025, 1, 1), datetime(2025, 12, 31)))  # noqa: DTZ001
def test_everything_wanted_is_there_afterwards(
    rule: Rule, start: date, count: int, naive: datetime
) -> None:
    now = naive.replace(tzinfo=UTC)
    want = occurrences(rule, start, count)
    assume(all(o.starts_at > now for o in want))
    assert diff([], want, now).create == want
    assert not diff(applied([], diff([], want, now)), want, now)


@st.composite
def ahead(draw: st.DrawFn) -> tuple[list[Have], tuple[Occurrence, ...], datetime]:
    """Rows that nobody touched, all of them ahead, as all that is wanted is."""
    have, want, now = draw(situations())
    have = [replace(row, status="planned") for row in have if not (row.extra or row.moved)]
    want = tuple(o for o in want if o.number is not None)  # none was postponed
    first = min([row.starts_at for row in have] + [o.starts_at for o in want], default=now)
    return have, want, first - timedelta(minutes=draw(st.integers(1, 50_000)))


@given(ahead())
def test_what_is_planned_ahead_is_what_is_wanted(
    situation: tuple[list[Have], tuple[Occurrence, ...], datetime],
) -> None:
    have, want, now = situation
    after = applied(have, diff(have, want, now))
    left = sorted((r.day, r.starts_at, r.minutes, r.number or 0) for r in after)
    assert left == sorted((o.day, o.starts_at, o.minutes, o.number or 0) for o in want)
