"""What several groups do to the channel that they share: a model, people who move, crashes."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.config import GuildSettings
from core.db.queries.access import Facts, GroupRow, ObjectRow
from core.plan import NOTHING, Bits, Plan, SetAccess, Settle
from core.reconcile.permissions import TEXT_ACCESS, Entry, Person, Place, Policy, diff
from core.systems import shared_place
from tests.examples import examples

PLACE, EVERYONE, MODS = 500, 1, 2
GROUPS = (1, 2, 3)
PEOPLE = tuple(range(10, 16))
IN = Bits(TEXT_ACCESS, 0)
WHEN = datetime(2026, 3, 2, tzinfo=UTC)
ROW = ObjectRow(9, "text", 4, None, 1, 3, PLACE, "created", "stats-all", (), WHEN)


class Shared(RuleBasedStateMachine):
    """`inside`: person → the group that they are in. `past`: every group that they ever were in."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: dict[int, int] = {}
        self.past: dict[int, set[int]] = {user: set() for user in PEOPLE}
        self.on = True
        self.actual: dict[int, Bits] = {}
        self.ledger: dict[int, Entry] = {}
        self.owners: dict[int, int] = {}
        self.granted: set[int] = set()  # people who had access and a right to it ever since

    def facts(self, group: int) -> Facts:
        """As gather gives them: ended people are there while the ledger of the cohort has them."""
        row = GroupRow(
            group, 7, 4, f"Group {group}", "active", WHEN, None, "Stats", "open",
            date(2026, 3, 2), "overwrites", "both", shared=self.on,
        )  # fmt: skip
        people = [(user, "active", "participant") for user, g in self.inside.items() if g == group]
        ended = [
            user for user in PEOPLE
            if group in self.past[user] and self.inside.get(user) != group and user in self.ledger
        ]  # fmt: skip
        return Facts(
            row, GuildSettings(), people=[*people, *((u, "removed", "participant") for u in ended)],
            shared=ROW, owners=dict(self.owners), ledger={PLACE: dict(self.ledger)},
            elsewhere={user for user in ended if user in self.inside},
        )  # fmt: skip

    def plan(self, group: int) -> Plan:
        facts = self.facts(group)
        people = tuple(Person(user, status) for user, status, _ in facts.people)
        want = shared_place.desired(facts, people, Policy(EVERYONE, MODS), ignored=frozenset())
        place = Place(PLACE, "text", dict(self.actual), facts.ledger[PLACE])
        return diff(shared_place.scoped(facts, place, want), want)

    def write(self, group: int, target: int, bits: Bits, *, is_role: bool, sure: bool) -> None:
        self.ledger[target] = Entry(bits, sure, is_role)
        self.owners[target] = group

    def carry_out(self, group: int, plan: Plan, calls: int) -> None:
        """Announce, call, confirm; a crash comes after `calls` calls."""
        changes = [c for c in plan.changes if isinstance(c, SetAccess)]
        for c in changes:
            before = self.ledger.get(c.target_id)
            both = c.own.union(before.bits) if before else c.own
            self.write(group, c.target_id, both, is_role=c.is_role, sure=False)
        for c in changes[:calls]:
            if c.after == NOTHING:
                self.actual.pop(c.target_id, None)
            else:
                self.actual[c.target_id] = c.after
        if calls < len(changes):
            return
        for done in plan.changes:
            assert isinstance(done, SetAccess | Settle)
            if done.own is None or done.own == NOTHING:
                self.ledger.pop(done.target_id, None)
                self.owners.pop(done.target_id, None)
            else:
                self.write(group, done.target_id, done.own, is_role=done.is_role, sure=True)

    @rule(user=st.sampled_from(PEOPLE), group=st.sampled_from([*GROUPS, None]))
    def move(self, user: int, group: int | None) -> None:
        """Join, switch or leave."""
        if group is None:
            self.inside.pop(user, None)
            self.granted.discard(user)
        else:
            self.inside[user] = group
            self.past[user].add(group)

    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        self.on = on
        self.granted = self.granted if on else set()

    @rule(group=st.sampled_from(GROUPS), calls=st.sampled_from([0, 1, 99, 99]))
    def sync(self, group: int, calls: int) -> None:
        self.carry_out(group, self.plan(group), calls)
        self.note()

    @rule(first=st.sampled_from(GROUPS), second=st.sampled_from(GROUPS))
    def sync_two_at_once(self, first: int, second: int) -> None:
        """Both look before either acts."""
        plans = self.plan(first), self.plan(second)
        self.carry_out(first, plans[0], 99)
        self.carry_out(second, plans[1], 99)
        self.note()

    def note(self) -> None:
        if self.on:
            self.granted |= {u for u in self.inside if self.actual.get(u) == IN}

    @invariant()
    def nobody_is_without_it_for_a_moment(self) -> None:
        assert all(self.actual.get(user) == IN for user in self.granted)

    @rule()
    def all_is_well_in_the_end(self) -> None:
        """Every group once, and once more for what a crash left; then there is nothing to do."""
        for group in (*GROUPS, *GROUPS):
            self.carry_out(group, self.plan(group), 99)
        self.note()
        entitled = set(self.inside) if self.on else set()
        assert {u for u in PEOPLE if self.actual.get(u, NOTHING).allow} == entitled
        assert {u for u in PEOPLE if u in self.ledger} == entitled
        for group in GROUPS:
            plan = self.plan(group)
            assert not plan, plan
            assert not plan.by_hand


Shared.TestCase.settings = settings(
    max_examples=examples(60), stateful_step_count=25, deadline=None
)
TestShared = Shared.TestCase
