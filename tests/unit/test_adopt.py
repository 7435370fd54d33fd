"""From hand-made channels to a proposal, and that adopting it leaves nothing to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plan import NOTHING, Bits
from core.reconcile import adopted
from core.reconcile.adopt import ledger, propose, role_choices
from core.reconcile.hand_made import ADMINISTRATOR, Channel, Proposal, Role, Server, Wishes
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

EVERYONE, BOT, MODS, HOME = 1, 2, 3, 4
HIDDEN, IN = Bits(0, VIEW_CHANNEL), Bits(VIEW_CHANNEL, 0)
ADA, BEN, CLEO, DAN, EVE = 11, 12, 13, 14, 15
PEOPLE = {ADA: "Ada", BEN: "Ben", CLEO: "Cleo", DAN: "Dan", EVE: "Eve"}
PLAIN = Role(EVERYONE, "@everyone", permissions=TEXT_ACCESS | VOICE_ACCESS)


def text(number: int, name: str, entries: dict[int, Bits] | None = None) -> Channel:
    return Channel(number, "text", name, HOME, {EVERYONE: HIDDEN, **(entries or {})})


def voice(number: int, name: str, entries: dict[int, Bits] | None = None) -> Channel:
    return replace(text(number, name, entries), kind="voice")


def server(*channels: Channel, roles: dict[int, frozenset[int]] | None = None) -> Server:
    made = {
        i: Role(
            i, f"Role {i}", members, opens=frozenset(c.id for c in channels if c.sees(i))
        )
        for i, members in (roles or {}).items()
    }  # fmt: skip
    return Server(PLAIN, channels, made, PEOPLE, {HOME: "stats-autumn"}, "Study Hall")


def look(made: Server, **wishes: object) -> Proposal:
    return propose(made, Wishes(**{"categories": (HOME,), **wishes}))  # type: ignore[arg-type]


def shape(proposal: Proposal) -> list[tuple[str, int | None, int | None, tuple[int, ...]]]:
    return [(g.name, g.text, g.voice, g.people) for g in proposal.groups]


PAIRS = server(
    text(100, "group-1", {ADA: IN, BEN: IN}),
    voice(101, "Group 1 Voice", {ADA: IN, BEN: IN}),
    text(200, "group-2", {CLEO: IN}),
    voice(201, "Group 2 Voice", {CLEO: IN}),
)


def test_pairs_by_name() -> None:
    found = look(PAIRS)
    assert shape(found) == [
        ("Group 1", 100, 101, (ADA, BEN)), ("Group 2", 200, 201, (CLEO,)),
    ]  # fmt: skip
    assert (found.name, found.by_role, found.rooms) == ("Stats autumn", False, "both")
    assert (found.people, found.categories, found.left_out) == (3, (HOME,), ())
    assert not found.dependent | found.outside | found.blind


def test_pairs_by_access_where_names_say_nothing() -> None:
    found = look(
        server(
            text(100, "🦊", {ADA: IN}), text(200, "owls", {BEN: IN}),
            voice(101, "Lounge", {BEN: IN}), voice(201, "Den", {ADA: IN}),
        )
    )  # fmt: skip
    assert shape(found) == [("🦊", 100, 201, (ADA,)), ("Owls", 200, 101, (BEN,))]


def test_names_that_are_the_same_are_told_apart_by_access() -> None:
    twins = server(
        text(100, "room", {ADA: IN}), text(200, "room", {BEN: IN}),
        voice(101, "room", {BEN: IN}), voice(201, "room", {ADA: IN}),
    )  # fmt: skip
    assert shape(look(twins)) == [("Room", 100, 201, (ADA,)), ("Room (2)", 200, 101, (BEN,))]


def test_nobody_is_paired_against_access() -> None:
    other = server(text(100, "owls", {ADA: IN}), voice(101, "owls", {BEN: IN}))
    assert shape(look(other)) == [("Owls", 100, None, (ADA,)), ("Owls (2)", None, 101, (BEN,))]


def test_pairs_by_hand() -> None:
    found = look(PAIRS, pairs={101: 200, 201: None})
    assert [(g.text, g.voice) for g in found.groups] == [(100, None), (200, 101), (None, 201)]
    assert set(found.several) == {ADA, BEN, CLEO}


def test_left_out_channels_and_people() -> None:
    found = look(PAIRS, out=frozenset({101, 200, 201}), without=frozenset({BEN}))
    assert shape(found) == [("Group 1", 100, None, (ADA,))]
    assert found.left_out == (101, 200, 201)
    assert found.outside == {BEN}
    assert found.rooms == "text"


def test_who_is_in_two_groups_is_in_none_until_somebody_says() -> None:
    helper = Bits(VIEW_CHANNEL | MANAGE_MESSAGES, 0)
    made = server(text(100, "a", {ADA: IN, EVE: helper}), text(200, "b", {BEN: IN, EVE: helper}))
    found = look(made)
    assert [g.people for g in found.groups] == [(ADA,), (BEN,)]
    assert found.several == {EVE: (100, 200)}
    assert found.outside == {EVE}
    chosen = look(made, home={EVE: 200})
    assert [g.people for g in chosen.groups] == [(ADA,), (BEN, EVE)]
    assert chosen.groups[1].helpers == {EVE}
    assert not chosen.several
    assert look(made, home={EVE: 999}).several == found.several


def test_common_rooms_stay_out_until_somebody_says() -> None:
    everybody = dict.fromkeys((ADA, BEN, CLEO), IN)
    made = server(
        text(90, "announcements"), text(91, "general", everybody),
        text(100, "a", {ADA: IN}), text(200, "b", {BEN: IN}), text(300, "c", {CLEO: IN}),
    )  # fmt: skip
    found = look(made)
    assert [g.key for g in found.groups] == [100, 200, 300]
    assert found.left_out == (90, 91)
    assert [g.key for g in look(made, kept=frozenset({90})).groups] == [90, 100, 200, 300]


def test_where_nobody_is_anywhere_every_channel_is_a_group() -> None:
    assert shape(look(server(text(100, "a"), text(200, "b")))) == [
        ("A", 100, None, ()), ("B", 200, None, ()),
    ]  # fmt: skip


BY_ROLE = server(
    text(90, "general", {31: IN, 32: IN}),
    text(100, "team-a", {31: IN}), voice(101, "Team A", {31: IN}), text(200, "team-b", {32: IN}),
    roles={31: frozenset({ADA, BEN}), 32: frozenset({CLEO, 99})},
)  # fmt: skip


def test_a_role_each_is_role_mode() -> None:
    found = look(BY_ROLE)
    assert found.by_role
    assert [(g.role, g.people) for g in found.groups] == [(31, (ADA, BEN)), (32, (CLEO,))]
    assert found.left_out == (90,)
    assert not found.dependent
    assert not look(BY_ROLE, one_by_one=True).by_role
    assert look(BY_ROLE, one_by_one=True).dependent == {ADA, BEN, CLEO}
    assert not look(BY_ROLE, role_of={200: None}).by_role
    assert not look(BY_ROLE, role_of={200: 31}).by_role


def test_a_role_for_all_is_nobodys() -> None:
    students = {31: frozenset({ADA}), 32: frozenset({BEN}), 40: frozenset(PEOPLE)}
    made = server(
        text(100, "a", {31: IN, 40: IN}), text(200, "b", {32: IN, 40: IN}), roles=students
    )
    found = look(made)
    assert [g.people for g in found.groups] == [(ADA,), (BEN,)]
    assert found.outside == {CLEO, DAN, EVE}
    assert look(made, categories=(), channels=(100,)).groups[0].people == (ADA,)


@pytest.mark.parametrize("bits", [ADMINISTRATOR, MANAGE_ROLES, MANAGE_MESSAGES, 1 << 5])
def test_staff_are_no_group(bits: int) -> None:
    role = replace(BY_ROLE.roles[31], permissions=bits)
    made = replace(BY_ROLE, roles={**BY_ROLE.roles, 31: role})
    found = look(made, kept=frozenset({100}), role_of={100: 31})
    assert found.groups[0].people == ()
    assert not found.by_role
    assert role not in role_choices(made, found.groups[0])


def test_a_role_out_of_reach_is_not_handed_out() -> None:
    role = replace(BY_ROLE.roles[31], in_reach=False)
    made = replace(BY_ROLE, roles={**BY_ROLE.roles, 31: role})
    found = look(made)
    assert not found.by_role
    assert found.groups[0].people == (ADA, BEN)
    assert not look(made, role_of={100: 31}).by_role


def test_a_chosen_role_that_opens_nothing_is_matched_by_name() -> None:
    open_rooms = server(
        Channel(100, "text", "team-a", HOME), Channel(200, "text", "team-b", HOME),
        roles={31: frozenset({ADA})},
    )  # fmt: skip
    named = replace(open_rooms, roles={31: replace(open_rooms.roles[31], name="Team A")})
    assert look(named).people == 0
    found = look(named, roles=(31,), kept=frozenset({200}))
    assert [g.people for g in found.groups] == [(ADA,), ()]
    assert not found.by_role
    assert found.dependent == {ADA}


def test_who_is_kept_out_by_hand_is_not_proposed() -> None:
    made = server(text(100, "a", {31: IN, BEN: HIDDEN}), roles={31: frozenset({ADA, BEN})})
    assert look(made).groups[0].people == (ADA,)


def test_whoever_left_the_server_is_not_proposed() -> None:
    assert look(server(text(100, "a", {ADA: IN, 99: IN}))).groups[0].people == (ADA,)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("📚┃stats-1", "📚┃stats 1"), ("x" * 100, "X" + "x" * 79), ("", "Group 1"),
        ("---", "Group 1"), ("@everyone", "@everyone"), ("┃a┃", "A"),
    ],
)  # fmt: skip
def test_odd_names(raw: str, shown: str) -> None:
    assert look(server(text(100, raw, {ADA: IN}))).groups[0].name == shown


def test_names_of_a_hundred_characters_stay_apart() -> None:
    made = server(text(100, "x" * 100, {ADA: IN}), text(200, "X" * 100, {BEN: IN}))
    first, second = (g.name for g in look(made).groups)
    assert (len(first), len(second)) == (80, 80)
    assert second.endswith(" (2)")


def test_lets_in_as_discord_does() -> None:
    made = server(
        text(100, "a", {31: IN, 32: HIDDEN, BEN: HIDDEN, CLEO: IN}),
        roles={31: frozenset({ADA, BEN}), 32: frozenset({ADA, DAN})},
    )
    boss = Role(50, "Admin", frozenset({EVE}), ADMINISTRATOR)
    made = replace(made, roles={**made.roles, 50: boss})
    inside = [p for p in PEOPLE if made.lets_in(made.channels[0], p)]
    assert inside == [ADA, CLEO, EVE]


# --- the next plan is empty ----------------------------------------------------------------------


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


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=40, deadline=None)
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
