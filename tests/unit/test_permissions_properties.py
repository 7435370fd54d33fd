"""A model of Discord and the ledger, people who meddle by hand, and crashes half way.

The model carries plans out as core.systems.discord does: announce in the ledger, call Discord
change by change, confirm. A crash may come after the announcement and any number of calls.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.errors import UnsafePlan
from core.plan import NOTHING, Bits, Plan, SetAccess, Settle
from core.reconcile.permissions import (
    MANAGE_MESSAGES,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    Desired,
    Entry,
    Person,
    Place,
    Policy,
    desired,
    diff,
)
from tests.examples import examples

EVERYONE, MODS, OTHER_MODS, GROUP_ROLE, BOT = 1, 2, 3, 4, 5
USERS = tuple(range(10, 15))
STRANGERS = (90,)
TARGETS = (EVERYONE, MODS, GROUP_ROLE, BOT, *USERS, *STRANGERS)
ROLES = {EVERYONE, MODS, OTHER_MODS, GROUP_ROLE}
# Beside what Muster sets: one that it never sets, and one that discord.py does not know.
BITS = (VIEW_CHANNEL, SEND_MESSAGES, READ_MESSAGE_HISTORY, MANAGE_MESSAGES, 1 << 6, 1 << 60)
EVERY_BIT = sum(BITS)

people = st.lists(
    st.builds(
        Person, st.sampled_from(USERS),
        st.sampled_from(["active", "active", "dropped", "completed", "removed"]),
        st.booleans(), st.sampled_from([True, True, True, False]),
    ),
    min_size=2, max_size=len(USERS), unique_by=lambda p: p.user_id,
)  # fmt: skip
policies = st.builds(
    Policy, st.just(EVERYONE), st.sampled_from([None, MODS, OTHER_MODS]),
    st.sampled_from([None, None, None, GROUP_ROLE]), facilitators_moderate=st.booleans(),
    read_only=st.sampled_from([False, False, True]),
    hidden=st.sampled_from([False, False, False, True]),
    role_mode=st.sampled_from([False, False, False, True]),
)  # fmt: skip
masks = st.lists(st.sampled_from(BITS), unique=True).map(sum)


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.actual: dict[int, Bits] = {}
        self.ledger: dict[int, Entry] = {}
        self.by_people: dict[int, Bits] = {}  # what was set by hand and is still there
        self.kind = "text"
        self.people: tuple[Person, ...] = ()
        self.policy = Policy(EVERYONE)
        # Everybody who ever was in the group keeps a row in the database.
        self.rows: dict[int, Person] = {}

    @initialize(kind=st.sampled_from(["text", "text", "text", "voice", "category", "role"]))
    def start(self, kind: str) -> None:
        self.kind = kind

    @rule(people=people, policy=policies, repair=st.booleans())
    def rows_change(self, people: list[Person], policy: Policy, repair: bool) -> None:
        self.rows = {
            **{u: Person(u, "dropped", p.facilitator, p.here) for u, p in self.rows.items()},
            **{p.user_id: p for p in people},
        }
        self.policy = policy
        self.sync(repair=repair)

    @rule(people=people, policy=policies, repair=st.booleans(), done=st.integers(0, 8))
    def rows_change_and_crash(
        self, people: list[Person], policy: Policy, repair: bool, done: int
    ) -> None:
        self.rows = {**self.rows, **{p.user_id: p for p in people}}
        self.policy = policy
        self.sync_and_crash(repair=repair, done=done)

    @rule(who=st.sampled_from(USERS), status=st.sampled_from(["active", "dropped"]))
    def one_person_changes(self, who: int, status: str) -> None:
        self.rows[who] = Person(who, status)

    @rule(whom=st.sampled_from(TARGETS), allow=masks, deny=masks)
    def give_by_hand(self, whom: int, allow: int, deny: int) -> None:
        self.give_by_hand_to(whom, allow, deny)

    def give_by_hand_to(self, whom: int, allow: int, deny: int) -> None:
        """A person sets bits. What the ledger already says is Muster's is not theirs by that."""
        if self.kind == "role":
            allow, deny = (1 if whom in USERS + STRANGERS and allow else 0), 0
        new = Bits(allow & ~deny, deny)
        # Discord keeps a bit on one side only.
        have = self.actual.get(whom, NOTHING).without(Bits(new.deny, new.allow)).union(new)
        ours = self.ledger[whom].bits if whom in self.ledger else NOTHING
        theirs = self.by_people.get(whom, NOTHING).without(Bits(new.deny, new.allow))
        put(self.actual, whom, have)
        put(self.by_people, whom, theirs.union(new.without(ours)))

    @rule(whom=st.sampled_from(TARGETS), mask=masks)
    def take_by_hand(self, whom: int, mask: int) -> None:
        lost = Bits(mask, mask) if self.kind != "role" else Bits(1, 0)
        put(self.actual, whom, self.actual.get(whom, NOTHING).without(lost))
        put(self.by_people, whom, self.by_people.get(whom, NOTHING).without(lost))

    @rule(who=st.sampled_from(USERS), allow=masks, deny=masks, repair=st.booleans())
    def somebody_with_a_past_joins_and_leaves(
        self, who: int, allow: int, deny: int, repair: bool
    ) -> None:
        """What they were given by hand before they joined is theirs when they leave again."""
        self.rows[who] = Person(who, "dropped")
        self.sync(repair=repair)
        self.give_by_hand_to(who, allow, deny)
        self.rows[who] = Person(who, "active")
        self.sync(repair=repair)
        self.rows[who] = Person(who, "dropped")
        self.sync(repair=repair)

    @rule(really=st.sampled_from([False, False, True]))
    def clear_by_hand(self, really: bool) -> None:
        """Somebody syncs the channel with its category: everything is gone."""
        if really:
            self.actual.clear()
            self.by_people.clear()

    def want(self) -> Desired:
        rows = tuple(self.rows.values())
        return desired(self.kind, rows, self.policy, ignored=frozenset({BOT}))

    def plan(self, *, repair: bool) -> Plan:
        place = Place(7, self.kind, dict(self.actual), dict(self.ledger))
        return diff(place, self.want(), repair=repair)

    def announce(self, plan: Plan) -> list[SetAccess]:
        todo = [c for c in plan.changes if isinstance(c, SetAccess)]
        for change in todo:
            old = self.ledger[change.target_id].bits if change.target_id in self.ledger else NOTHING
            self.ledger[change.target_id] = Entry(
                change.own.union(old), confirmed=False, is_role=change.is_role
            )
        return todo

    def call(self, change: SetAccess) -> None:
        assert self.actual.get(change.target_id, NOTHING) == change.before
        put(self.actual, change.target_id, change.after)

    def confirm(self, plan: Plan) -> None:
        for change in plan.changes:
            assert isinstance(change, SetAccess | Settle)
            if change.own is None or change.own == NOTHING:
                self.ledger.pop(change.target_id, None)
            else:
                self.ledger[change.target_id] = Entry(change.own, is_role=change.is_role)

    @rule(repair=st.booleans(), done=st.integers(0, 8))
    def sync_and_crash(self, repair: bool, done: int) -> None:
        for change in self.announce(self.plan(repair=repair))[:done]:
            self.call(change)
        if repair:
            self.forget_overruled()

    @rule(repair=st.booleans())
    def sync(self, repair: bool) -> None:
        want, before = self.want(), dict(self.actual)
        plan = self.plan(repair=repair)
        self.limit_holds_nothing_back_that_ended(plan, want)
        for change in self.announce(plan):
            self.call(change)
        self.confirm(plan)
        if repair:
            self.forget_overruled()
        self.nobody_away_was_touched(plan, want, before)
        again = self.plan(repair=repair)
        assert again.changes == (), "the second plan is empty"
        for target, bits in want.bits.items():
            if target != BOT:
                self.has_what_it_should(target, bits, again, repair=repair)
        for target in (self.actual.keys() | self.ledger.keys()) - want.bits.keys() - want.away:
            if target != BOT:
                assert target not in self.ledger
                assert self.actual.get(target, NOTHING) == self.by_people.get(target, NOTHING)

    def has_what_it_should(self, target: int, bits: Bits, after: Plan, *, repair: bool) -> None:
        have, theirs = self.actual.get(target, NOTHING), self.by_people.get(target, NOTHING)
        assert theirs.without(have) == NOTHING, "what people set is still there"
        assert have.without(theirs).without(bits) == NOTHING, "and nothing else but what we want"
        missing = bits.without(have) != NOTHING
        assert not (repair and missing)
        assert missing == (target in {b.target_id for b in after.by_hand})

    def limit_holds_nothing_back_that_ended(self, plan: Plan, want: Desired) -> None:
        safe = plan.only_safe()
        kept = [c for c in plan.changes if isinstance(c, SetAccess) and c.target_id in want.ended]
        assert set(kept) <= set(safe.changes)
        assert {c.verb for c in kept} <= {"revoke"}
        safe.check()
        try:
            plan.check()
        except UnsafePlan:
            assert len(safe.changes) < len(plan.changes)

    def nobody_away_was_touched(self, plan: Plan, want: Desired, before: dict[int, Bits]) -> None:
        assert not {c.target_id for c in plan.changes if isinstance(c, SetAccess)} & want.away
        for target in want.away | {BOT}:
            assert self.actual.get(target) == before.get(target)

    def forget_overruled(self) -> None:
        """Repairing takes the entries away that stand against what somebody is entitled to."""
        for target, theirs in list(self.by_people.items()):
            put(self.by_people, target, both(theirs, self.actual.get(target, NOTHING)))

    def teardown(self) -> None:
        self.sync(repair=False)

    @invariant()
    def people_decide_about_their_bits(self) -> None:
        for target, theirs in self.by_people.items():
            assert theirs.without(self.actual.get(target, NOTHING)) == NOTHING


def put(table: dict[int, Bits], target: int, bits: Bits) -> None:
    table[target] = bits
    if bits == NOTHING:
        del table[target]


def both(a: Bits, b: Bits) -> Bits:
    return Bits(a.allow & b.allow, a.deny & b.deny)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=examples(120), stateful_step_count=25, deadline=None)


def test_unexplained_removals_wait_and_ended_ones_do_not() -> None:
    """Twenty people lose access: nine have left the group, eleven have no row at all any more."""
    everybody = {n: Bits(VIEW_CHANNEL, 0) for n in range(100, 120)}
    place = Place(7, "text", everybody, {n: Entry(b) for n, b in everybody.items()})
    left = tuple(Person(n, "dropped") for n in range(100, 109))
    plan = diff(place, Desired({}, ended=desired("text", left, Policy(EVERYONE)).ended))
    safe = {c.target_id for c in plan.only_safe().changes if isinstance(c, SetAccess)}
    assert safe == set(range(100, 109))
    assert len(plan.changes) == 20
    try:
        plan.check()
    except UnsafePlan as error:
        assert "11 people" in str(error)  # noqa: PT017 - the message is what people read
    else:
        raise AssertionError("eleven of twenty should not go unasked")
