"""What a plan says, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.errors import UnsafePlan
from core.plan import (
    NOTHING,
    Bits,
    ByHand,
    Create,
    Gone,
    Plan,
    Rename,
    SetAccess,
    Settle,
    merge,
)

NAMES = {1: "#group-1", 2: "#Group 1 Voice", 7: "Ada", 8: "Ben"}


def name_of(discord_id: int) -> str:
    return NAMES[discord_id]


def access(target: int, verb: str, *, place: int = 1, explained: bool = False) -> SetAccess:
    return SetAccess(
        place, target, is_role=False, before=Bits(1, 0), after=NOTHING, own=NOTHING, verb=verb,
        explained=explained,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (Create("category", "Stats"), "create the category “Stats”"),
        (Create("text", "group-1"), "create the text channel “group-1”"),
        (Create("voice", "Group 1 Voice"), "create the voice channel “Group 1 Voice”"),
        (Create("role", "Stats - Group 1"), "create the role “Stats - Group 1”"),
        (Rename("text", 1, "a", "b"), "rename the text channel “a” to “b”"),
        (
            Rename("text", 1, "a", "b", datetime(2026, 1, 1, tzinfo=UTC)),
            "rename the text channel “a” to “b” (a little later: Discord limits renames)",
        ),
        (Gone("voice", 2, "x"), "the voice channel “x” was deleted on Discord"),
        (access(7, "grant"), "let Ada into #group-1"),
        (access(8, "change"), "change the rights of Ben in #group-1"),
        (access(7, "revoke", place=2), "take access from Ada in #Group 1 Voice"),
    ],
)
def test_changes_in_words(change: Create | Rename | Gone | SetAccess, sentence: str) -> None:
    assert change.words(name_of) == sentence


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("lost", "Ada was taken out of #group-1 by hand"),
        ("denied", "Ada is kept out of #group-1 by hand"),
        ("extra", "Ada has access to #group-1 by hand"),
        ("renamed", "#group-1 was renamed by hand"),
    ],
)
def test_by_hand_in_words(what: str, sentence: str) -> None:
    assert ByHand(1, 7, what).words(name_of) == sentence


def test_bookkeeping_is_no_news_for_people() -> None:
    plan = Plan((Create("text", "a"), Settle(1, 7, is_role=False, own=NOTHING)))
    assert plan.words(name_of) == ["create the text channel “a”"]
    assert plan.changes[1].words(name_of) == "note that #group-1 is already right for Ada"
    assert bool(plan)
    assert not Plan(by_hand=(ByHand(1, 7, "lost"),), unchanged=3)


def test_bits() -> None:
    assert Bits(0b111, 0b1000).without(Bits(0b010, 0b1000)) == Bits(0b101, 0)
    assert Bits(1, 2).union(Bits(4, 2)) == Bits(5, 2)


@pytest.mark.parametrize(
    ("owned", "lost", "safe"),
    [
        (9, 9, True),  # small sets may change freely
        (10, 3, True),  # exactly 30 %
        (10, 4, False),
        (100, 30, True),
        (100, 31, False),
    ],
)
def test_the_safety_limit(owned: int, lost: int, safe: bool) -> None:
    plan = Plan(tuple(access(100 + n, "revoke") for n in range(lost)), owned=owned)
    plan.check(confirmed=True)
    if safe:
        plan.check()
        return
    with pytest.raises(UnsafePlan, match=f"{lost} people would lose access") as refused:
        plan.check()
    assert refused.value.kind == "unsafe_plan"
    assert plan.only_safe().changes == ()


def test_explained_removals_and_grants_are_never_counted() -> None:
    changes = [access(n, "revoke", explained=True) for n in range(100, 150)]
    changes += [access(n, "grant") for n in range(200, 250)]
    plan = Plan(tuple(changes), owned=50)
    plan.check()
    assert plan.only_safe() == plan


def test_a_person_in_two_channels_is_measured_in_both() -> None:
    """Six of twelve people are half of a group, however many channels it has."""
    places = [
        Plan(tuple(access(100 + n, "revoke", place=place) for n in range(6)), owned=12)
        for place in (1, 2)
    ]
    with pytest.raises(UnsafePlan, match=r"^6 people would lose access"):
        merge(places).check()


def test_what_is_safe_goes_on_when_the_rest_waits() -> None:
    ended, strange = access(7, "revoke", explained=True), access(8, "revoke")
    made = Create("text", "a")
    plan = Plan((ended, strange, made), (ByHand(1, 7, "lost"),), 3, 10, "rights")
    assert plan.only_safe() == Plan((ended, made), (ByHand(1, 7, "lost"),), 3, 10, "rights")


def test_the_hash_of_inputs() -> None:
    one = Plan((access(7, "grant"),), context="rights 1")
    assert one.inputs_hash() == Plan((access(7, "grant"),), context="rights 1").inputs_hash()
    # Not an input: what was right already, what people did by hand.
    same = Plan((access(7, "grant"),), (ByHand(1, 8, "lost"),), 9, 9, "rights 1")
    assert one.inputs_hash() == same.inputs_hash()
    assert one.inputs_hash() != Plan((access(8, "grant"),), context="rights 1").inputs_hash()
    assert one.inputs_hash() != Plan((access(7, "grant"),), context="rights 2").inputs_hash()
    assert len(one.inputs_hash()) == 64  # the column's width


def test_merging_keeps_order_and_adds_up() -> None:
    a = Plan((Create("text", "a"),), (ByHand(1, 7, "lost"),), 1, 2, "x")
    b = Plan((Create("voice", "b"),), (), 3, 4, "")
    assert merge([a, b]) == Plan((*a.changes, *b.changes), a.by_hand, 4, 6)
    assert merge([a, Plan(context="y")]).context == "x|y"
    assert merge([]) == Plan()
