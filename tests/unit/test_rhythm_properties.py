"""However often a term changes its rhythm, what was held stays, and N meetings are held in all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.operations.slot_rules import begins, combined
from core.reconcile.meeting_rows import Have, applied, follow
from core.schedule import Piece, Rule, Slot
from tests.examples import examples

START = date(2026, 3, 5)  # a Thursday: weeks do not begin with the term
SLOTS = st.builds(
    Slot, st.integers(0, 6), st.sampled_from((time(9), time(19), time(23, 30))),
    st.sampled_from(("Europe/Berlin", "Asia/Tokyo")),
)  # fmt: skip
RULES = st.one_of(
    st.builds(
        lambda slot, every: Rule((Piece(slot),), every=every), SLOTS, st.sampled_from((1, 2))
    ),
    st.builds(
        lambda slot, day: Rule((Piece(slot),), monthly=True, dates=(date(2026, 1, day),)),
        SLOTS, st.integers(1, 31),
    ),
)  # fmt: skip
PICK = st.integers(0, 99)


class Term(RuleBasedStateMachine):
    """A group's rows while the term goes on, followed after every change as `derive` does."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.rows: list[Have] = []
        self.breaks: list[str] = []

    @initialize(meets=RULES, count=st.integers(1, 8))
    def begin(self, meets: Rule, count: int) -> None:
        self.meets, self.count = meets, count
        self.follow()

    def follow(self) -> None:
        held = [row for row in self.rows if row.starts_at <= self.now]
        _, todo = follow(self.meets, START, self.count, self.breaks, self.rows, self.now)
        after = applied(self.rows, todo)
        first = len(self.rows) + 1
        self.rows = [
            row if row.id > 0 else replace(row, id=first + n)
            for n, row in enumerate(sorted(after, key=lambda row: -row.id))
        ]
        assert all(row in self.rows for row in held), "what has been stays as it is"
        assert not follow(self.meets, START, self.count, self.breaks, self.rows, self.now)[1]

    @rule(hours=st.integers(1, 24 * 20))
    def time_goes_by(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.follow()

    @rule(new=RULES, days=st.none() | st.integers(-30, 60))
    def change(self, new: Rule, days: int | None) -> None:
        since = self.now.date() + timedelta(days=days) if days is not None else None
        begun = {row.day for row in self.rows if row.starts_at <= self.now}
        if not begun and self.now.date() >= START:
            return  # a term that nobody began counts its weeks from the start
        self.meets = combined(self.meets, new, since, begins(new, self.now), begun)
        self.meets = Rule.from_json(self.meets.to_json())
        self.follow()

    @rule(pick=PICK, hours=st.integers(1, 24 * 20))
    def move(self, pick: int, hours: int) -> None:
        ahead = [r for r in self.rows if r.status == "planned" and r.starts_at > self.now]
        if ahead:
            meant = ahead[pick % len(ahead)]
            new = replace(meant, starts_at=self.now + timedelta(hours=hours), moved=True)
            self.rows = [new if row.id == meant.id else row for row in self.rows]
            self.follow()

    @rule(days=st.integers(-60, 60))
    def break_week(self, days: int) -> None:
        self.breaks.append((self.now.date() + timedelta(days=days)).isoformat())
        self.follow()

    @invariant()
    def as_many_as_were_asked_for(self) -> None:
        held = [row for row in self.rows if row.status == "planned"]
        assert not held or len(held) == self.count
        if not self.breaks or not any(r.moved for r in held):  # else one was held before its turn
            assert sorted(r.number or 0 for r in held) == list(range(1, len(held) + 1))


Term.TestCase.settings = settings(max_examples=examples(100), stateful_step_count=15, deadline=None)
TestTerm = Term.TestCase
