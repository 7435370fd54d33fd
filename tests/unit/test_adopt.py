"""From hand-made channels to a proposal, and that adopting it leaves nothing to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.plan import Bits
from core.reconcile.adopt import role_choices
from core.reconcile.hand_made import ADMINISTRATOR, Channel, Role
from core.reconcile.permissions import (
    MANAGE_MESSAGES,
    MANAGE_ROLES,
    VIEW_CHANNEL,
)
from tests.unit._hand_made import (
    ADA,
    BEN,
    BY_ROLE,
    CLEO,
    DAN,
    EVE,
    HIDDEN,
    HOME,
    IN,
    PAIRS,
    PEOPLE,
    look,
    server,
    shape,
    text,
    voice,
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
