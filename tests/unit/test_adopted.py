"""What is adopted needs nothing done, and goes on as other groups do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from core.plan import NOTHING, Bits
from core.reconcile import adopted
from core.reconcile.adopt import ledger, propose
from core.reconcile.hand_made import Channel, Proposal, Role, Server, Wishes
from core.reconcile.permissions import (
    CONNECT,
    HAS_ROLE,
    MANAGE_MESSAGES,
    MANAGE_ROLES,
    MUTE_MEMBERS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    TEXT_ACCESS,
    VIEW_CHANNEL,
    VOICE_ACCESS,
    Entry,
    Person,
    Place,
    Policy,
    diff,
)
from tests.examples import examples
from tests.unit._hand_made import (
    ADA,
    BOT,
    BY_ROLE,
    EVE,
    EVERYONE,
    HOME,
    IN,
    MODS,
    PAIRS,
    PEOPLE,
    PLAIN,
    look,
)


def places(made: Server, proposal: Proposal) -> list[tuple[Place, tuple[Person, ...], Policy]]:
    """Every adopted place with its ledger, people and policy, as core.systems.access makes them."""
    rows = ledger(made, proposal)
    found = []
    for group in proposal.groups:
        people = tuple(
            Person(p, "active", facilitator=p in group.helpers) for p in group.people
        )  # fmt: skip
        role = group.role if proposal.by_role else None
        policy = Policy(EVERYONE, MODS, group_role_id=role, role_mode=proposal.by_role)
        actual = {c.id: (c.kind, c.overwrites) for c in made.channels if c.id in group.channels}
        if role is not None:
            actual[role] = ("role", dict.fromkeys(made.roles[role].members, HAS_ROLE))
        for place_id, (kind, entries) in actual.items():
            mine = {
                r.target_id: Entry(r.bits, is_role=r.is_role, adopted=True)
                for r in rows
                if r.place_id == place_id
            }
            found.append((Place(place_id, kind, entries, mine, adopted=True), people, policy))
    return found


bits = st.sampled_from(
    [
        VIEW_CHANNEL, SEND_MESSAGES, READ_MESSAGE_HISTORY, CONNECT, MANAGE_MESSAGES, MUTE_MEMBERS,
        MANAGE_ROLES, 1 << 15, 1 << 40, 1 << 62,
    ]
)  # fmt: skip
masks = st.lists(bits, max_size=4).map(lambda some: sum({*some}))
entry = st.builds(lambda a, d: Bits(a, d & ~a), masks, masks)
names = st.sampled_from(["a", "b", "a voice", "🦊", "", "x" * 100, "A", "general"])
targets = st.sampled_from([EVERYONE, BOT, MODS, *PEOPLE, 31, 32, 33, 99])


@st.composite
def servers(draw: st.DrawFn) -> Server:
    channels = tuple(
        Channel(
            100 + n, draw(st.sampled_from(["text", "voice"])), draw(names), HOME,
            draw(st.dictionaries(targets, entry, max_size=6)),
        )
        for n in range(draw(st.integers(1, 6)))
    )  # fmt: skip
    members = st.frozensets(st.sampled_from([*PEOPLE, 99]))
    roles = {
        i: Role(
            i, draw(names), draw(members), draw(masks) & ~VIEW_CHANNEL & draw(masks),
            frozenset(c.id for c in channels if c.sees(i)), in_reach=draw(st.booleans()),
        )
        for i in (31, 32, 33, MODS)
    }  # fmt: skip
    return Server(PLAIN, channels, roles, PEOPLE, {HOME: "home"}, "Hall")


@st.composite
def wishes_for(draw: st.DrawFn) -> Wishes:
    ids = st.integers(100, 105)
    return Wishes(
        categories=(HOME,),
        roles=tuple(draw(st.lists(st.sampled_from([31, 32, MODS]), max_size=2))),
        out=draw(st.frozensets(ids, max_size=2)),
        kept=draw(st.frozensets(ids, max_size=3)),
        pairs=draw(st.dictionaries(ids, st.none() | ids, max_size=2)),
        role_of=draw(st.dictionaries(ids, st.none() | st.sampled_from([31, 32, 33]), max_size=3)),
        without=draw(st.frozensets(st.sampled_from([*PEOPLE]), max_size=2)),
        home=draw(st.dictionaries(st.sampled_from([*PEOPLE]), ids, max_size=3)),
        one_by_one=draw(st.booleans()),
    )


@settings(max_examples=examples(40), deadline=None)
@given(servers(), wishes_for(), st.booleans(), st.booleans())
def test_adopting_leaves_nothing_to_do(
    made: Server, wishes: Wishes, moderate: bool, repair: bool
) -> None:
    proposal = propose(made, wishes)
    for place, people, policy in places(made, proposal):
        for read_only in (False, True):
            now = replace(policy, facilitators_moderate=moderate, read_only=read_only)
            want = adopted.desired(place, people, now, ignored=frozenset({BOT}))
            plan = diff(place, want, repair=repair)
            assert not plan.changes
            assert not plan.by_hand


@settings(max_examples=examples(40), deadline=None)
@given(servers(), wishes_for())
def test_everybody_is_once_and_every_channel_is_once(made: Server, wishes: Wishes) -> None:
    proposal = propose(made, wishes)
    people = [p for g in proposal.groups for p in g.people]
    channels = [c for g in proposal.groups for c in g.channels]
    assert len(people) == len({*people})
    assert sorted([*channels, *proposal.left_out]) == [c.id for c in made.channels]
    assert {*people} <= PEOPLE.keys() - wishes.without
    assert not {*people} & (proposal.outside | proposal.several.keys())
    called = [g.name for g in proposal.groups]
    assert len({n.lower() for n in called}) == len(called)
    assert all(0 < len(n) <= 80 for n in called)
    assert not {*channels} & wishes.out
    keys = [(r.place_id, r.target_id) for r in ledger(made, proposal)]
    assert len(keys) == len({*keys})


@settings(max_examples=examples(40), deadline=None)
@given(servers(), wishes_for())
def test_who_leaves_loses_their_own_entry_and_no_other(made: Server, wishes: Wishes) -> None:
    proposal = propose(made, wishes)
    for place, people, policy in places(made, proposal):
        for gone in people:
            rest = tuple(
                replace(p, status="dropped") if p.user_id == gone.user_id else p for p in people
            )
            plan = diff(place, adopted.desired(place, rest, policy))
            assert {c.target_id for c in plan.changes} <= {gone.user_id}  # type: ignore[union-attr]
            for change in plan.changes:
                assert getattr(change, "after", NOTHING) == NOTHING
                assert getattr(change, "explained", True)


@settings(max_examples=examples(40), deadline=None)
@given(servers(), wishes_for())
def test_who_comes_gets_what_members_get(made: Server, wishes: Wishes) -> None:
    proposal = propose(made, wishes)
    for place, people, policy in places(made, proposal):
        plan = diff(place, adopted.desired(place, (*people, Person(77, "active")), policy))
        if place.kind == "role":
            expected = {77: HAS_ROLE}
        elif proposal.by_role:
            expected = {}
        else:
            expected = {77: Bits(TEXT_ACCESS if place.kind == "text" else VOICE_ACCESS, 0)}
        assert {c.target_id: c.after for c in plan.changes} == expected  # type: ignore[union-attr]


def test_a_group_that_ends_stays_as_it_is() -> None:
    """Cancelled: its people lose their entries; the role's and everybody else's stay."""
    for place, people, policy in places(BY_ROLE, look(BY_ROLE)):
        gone = tuple(replace(p, status="removed") for p in people)
        want = adopted.desired(place, gone, replace(policy, hidden=True))
        plan = diff(place, want)
        if place.kind == "role":
            assert {c.target_id for c in plan.changes} == {*BY_ROLE.roles[place.id].members} - {99}  # type: ignore[union-attr]
        else:
            assert plan.changes == ()


def test_what_was_given_by_hand_is_never_handed_out_again() -> None:
    """Somebody had Manage Roles in a channel, and lost it there: repair does not put it back."""
    had = Bits(VIEW_CHANNEL | MANAGE_ROLES, 0)
    ledger_ = {ADA: Entry(had, adopted=True)}
    people = (Person(ADA, "active"),)
    place = Place(100, "text", {ADA: IN}, ledger_, adopted=True)
    plan = diff(place, adopted.desired(place, people, Policy(EVERYONE)), repair=True)
    assert [type(c).__name__ for c in plan.changes] == ["Settle"]
    place = Place(100, "text", {}, ledger_, adopted=True)
    plan = diff(place, adopted.desired(place, people, Policy(EVERYONE)), repair=True)
    assert [c.after for c in plan.changes] == [IN]  # type: ignore[union-attr]
    assert [
        b.what for b in diff(place, adopted.desired(place, people, Policy(EVERYONE))).by_hand
    ] == ["lost"]


def test_a_role_made_again_opens_its_channels() -> None:
    (place, people, policy), *_ = places(BY_ROLE, look(BY_ROLE))
    plan = diff(place, adopted.desired(place, people, replace(policy, group_role_id=71)))
    assert {c.target_id: c.after for c in plan.changes} == {  # type: ignore[union-attr]
        71: Bits(TEXT_ACCESS, 0), 31: NOTHING,
    }  # fmt: skip


def test_whoever_else_gets_in_is_their_own_business() -> None:
    (place, people, policy), *_ = places(PAIRS, look(PAIRS))
    more = replace(place, actual={**place.actual, EVE: IN})
    assert diff(more, adopted.desired(more, people, policy)).by_hand == ()
    usual = replace(more, adopted=False)
    assert [b.target_id for b in diff(usual, adopted.desired(usual, people, policy)).by_hand] == [
        EVE
    ]
