"""Whatever people do to a group's meetings, the series has all of its own, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.reconcile.meeting_rows import Have, Status, applied, follow, free_day
from core.schedule import Piece, Rule, Slot, with_slot
from tests.examples import examples

START = date(2026, 3, 2)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLOTS = st.builds(
    Slot, st.integers(0, 6), st.sampled_from((time(9), time(19), time(23, 30))),
    st.sampled_from(("Europe/Berlin", "Asia/Tokyo")),
)  # fmt: skip
PICK = st.integers(0, 99)
DAYS = st.integers(0, 100)


class Group(RuleBasedStateMachine):
    """The rows of one group, as the operations and `derive` change them; all is yet to come."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Have] = []
        self.ids = 0
        self.extras: dict[int, datetime] = {}  # when each is

    @initialize(slot=SLOTS, count=st.integers(1, 8))
    def begin(self, slot: Slot, count: int) -> None:
        self.meets, self.count = Rule((Piece(slot),)), count
        self.follow()

    def follow(self) -> None:
        """As after every operation: a second look finds nothing to do."""
        before = {row.id for row in self.rows}
        _, todo = follow(self.meets, START, self.count, (), self.rows, NOW)
        for row in applied(self.rows, todo):
            if row.id < 0:
                self.ids += 1
                self.rows.append(replace(row, id=self.ids))
            else:
                self.rows = [row if r.id == row.id else r for r in self.rows]
        assert before <= {row.id for row in self.rows}, "nothing is deleted"
        assert not follow(self.meets, START, self.count, (), self.rows, NOW)[1]

    def change(self, pick: int, was: Status, **values: object) -> None:
        """One of the rows of that status, as far as there is one."""
        those = [row for row in self.rows if row.status == was and not row.extra]
        if those:
            meant = those[pick % len(those)]
            new = replace(meant, **values)  # type: ignore[arg-type]
            self.rows = [new if row.id == meant.id else row for row in self.rows]
            self.follow()

    @rule(day=DAYS, hour=st.integers(0, 23))
    def add(self, day: int, hour: int) -> None:
        at = datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=1 + day)
        self.ids += 1
        own = free_day(at.date(), {row.day for row in self.rows})
        self.rows.append(Have(self.ids, own, at, 60, None, extra=True))
        self.extras[self.ids] = at
        self.follow()

    @rule(pick=PICK, day=DAYS)
    def move(self, pick: int, day: int) -> None:
        at = datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(days=day)
        self.change(pick, "planned", starts_at=at, moved=True)

    @rule(pick=PICK)
    def postpone(self, pick: int) -> None:
        self.change(pick, "planned", status="postponed")

    @rule(pick=PICK)
    def skip(self, pick: int) -> None:
        self.change(pick, "planned", status="skipped")

    @rule(pick=PICK, was=st.sampled_from(("postponed", "skipped")))
    def restore(self, pick: int, was: Status) -> None:
        self.change(pick, was, status="planned")

    @rule(slot=SLOTS, week=st.integers(0, 10))
    def change_slot(self, slot: Slot, week: int) -> None:
        self.meets = with_slot(self.meets, slot, START + timedelta(weeks=week))
        self.follow()

    @precondition(lambda self: self.rows)
    @rule(count=st.integers(1, 8))
    def change_number(self, count: int) -> None:
        self.count = count
        self.follow()

    @invariant()
    def the_series_is_whole(self) -> None:
        if not self.rows:
            return
        counted = [r for r in self.rows if not r.extra and r.status in {"planned", "skipped"}]
        numbers = sorted(r.number or 0 for r in counted if r.status == "planned" or r.number)
        assert numbers[: self.count] == list(range(1, self.count + 1)), numbers
        assert len([r for r in counted if r.status == "planned"]) <= self.count

    @invariant()
    def a_day_stands_for_one_meeting(self) -> None:
        assert len({row.day for row in self.rows}) == len(self.rows)

    @invariant()
    def an_extra_stays_what_it_is(self) -> None:
        extras = {row.id: row.starts_at for row in self.rows if row.extra}
        assert extras == self.extras


Group.TestCase.settings = settings(
    max_examples=examples(150), stateful_step_count=20, deadline=None
)
TestGroup = Group.TestCase
