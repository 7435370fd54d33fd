"""Who should see what, and what changes, in literals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.plan import NOTHING, Bits, ByHand, Plan, SetAccess, Settle
from core.reconcile.permissions import (
    HAS_ROLE,
    HIDDEN,
    MANAGE_MESSAGES,
    MUTE_MEMBERS,
    TEXT_ACCESS,
    VIEW_CHANNEL,
    VOICE_ACCESS,
    Desired,
    Entry,
    Person,
    Place,
    Policy,
    desired,
    diff,
)

EVERYONE, MODS, GROUP_ROLE, BOT = 1, 2, 3, 4
ADA, BEN, CYD, DAN = 11, 12, 13, 14
POLICY = Policy(EVERYONE)
ROLE_MODE = Policy(EVERYONE, group_role_id=GROUP_ROLE)
SEND, READ, CONNECT = 1 << 11, 1 << 16, 1 << 20
REACT, UNKNOWN = 1 << 6, 1 << 60  # a bit that Muster never sets, and one that nobody knows yet
PEOPLE = (
    Person(ADA, "active"), Person(BEN, "active", facilitator=True), Person(CYD, "dropped"),
    Person(DAN, "active", here=False),
)  # fmt: skip
TEXT = Bits(TEXT_ACCESS, 0)


def test_text() -> None:
    want = desired("text", PEOPLE, POLICY)
    assert want.bits == {EVERYONE: HIDDEN, ADA: TEXT, BEN: TEXT}
    assert (set(want.away), set(want.ended), set(want.roles)) == ({DAN}, {CYD}, {EVERYONE})


def test_voice() -> None:
    voice = Bits(VOICE_ACCESS, 0)
    assert desired("voice", PEOPLE, POLICY).bits == {EVERYONE: HIDDEN, ADA: voice, BEN: voice}


def test_a_category_lets_in_nobody_but_moderators() -> None:
    policy = Policy(EVERYONE, moderator_role_id=MODS)
    want = desired("category", PEOPLE, policy)
    assert want.bits == {EVERYONE: HIDDEN, MODS: Bits(TEXT_ACCESS | VOICE_ACCESS, 0)}
    assert desired("text", (), policy).bits[MODS] == TEXT
    assert desired("voice", (), policy).bits[MODS] == Bits(VOICE_ACCESS, 0)
    assert MODS not in desired("role", (), policy).bits


def test_role_mode() -> None:
    assert desired("role", PEOPLE, ROLE_MODE).bits == {ADA: HAS_ROLE, BEN: HAS_ROLE}
    text = desired("text", PEOPLE, ROLE_MODE)
    assert text.bits == {EVERYONE: HIDDEN, GROUP_ROLE: TEXT}
    assert text.roles == {EVERYONE, GROUP_ROLE}
    # While the role is not made (again) yet, nobody gets in by another way.
    waiting = Policy(EVERYONE, role_mode=True)
    assert desired("text", PEOPLE, waiting).bits == {EVERYONE: HIDDEN}


def test_facilitators_get_more_only_by_setting() -> None:
    more = replace(POLICY, facilitators_moderate=True)
    assert desired("text", PEOPLE, more).bits[BEN] == Bits(TEXT_ACCESS | MANAGE_MESSAGES, 0)
    assert desired("voice", PEOPLE, more).bits[BEN] == Bits(VOICE_ACCESS | MUTE_MEMBERS, 0)
    assert desired("text", PEOPLE, more).bits[ADA] == TEXT
    by_role = desired("text", PEOPLE, replace(ROLE_MODE, facilitators_moderate=True))
    assert by_role.bits.keys() == {EVERYONE, GROUP_ROLE, BEN}
    # When the setting is taken back the reason is known: nothing suspicious about it.
    assert BEN in desired("text", PEOPLE, ROLE_MODE).ended


def test_read_only() -> None:
    people = (*PEOPLE, Person(15, "completed"))
    archived = replace(POLICY, read_only=True, facilitators_moderate=True)
    want = desired("text", people, archived)
    reading = Bits(VIEW_CHANNEL | READ, SEND)
    assert want.bits == {EVERYONE: HIDDEN, ADA: reading, BEN: reading, 15: reading}
    assert want.ended == {CYD}
    assert desired("voice", people, archived).bits[ADA] == Bits(VIEW_CHANNEL, CONNECT)
    assert 15 not in desired("text", people, POLICY).bits


def test_hidden() -> None:
    want = desired("text", PEOPLE, replace(POLICY, hidden=True, moderator_role_id=MODS))
    assert want.bits.keys() == {EVERYONE, MODS}
    assert want.ended == {ADA, BEN, CYD, DAN}
    assert desired("role", PEOPLE, replace(ROLE_MODE, hidden=True)).bits == {}
    assert GROUP_ROLE not in desired("text", PEOPLE, replace(ROLE_MODE, hidden=True)).bits


def place(
    actual: dict[int, Bits], ledger: dict[int, Bits | Entry] | None = None, kind: str = "text"
) -> Place:
    entries = {
        target: bits if isinstance(bits, Entry) else Entry(bits)
        for target, bits in (ledger or {}).items()
    }
    return Place(99, kind, actual, entries)


def access(
    target: int, before: Bits, after: Bits, own: Bits, verb: str, *, is_role: bool = False
) -> SetAccess:
    return SetAccess(99, target, is_role, before, after, own, verb)


def settle(target: int, own: Bits | None) -> Settle:
    return Settle(99, target, is_role=False, own=own)


def want(bits: dict[int, Bits], **sets: frozenset[int]) -> Desired:
    return Desired(bits, **sets)


def test_nothing_different_nothing_to_do() -> None:
    right = {ADA: TEXT, BEN: TEXT}
    assert diff(place(right, dict(right)), want(right)) == Plan(unchanged=2, owned=2)
    # Also where somebody else has an entry that shows them nothing.
    actual = {**right, CYD: Bits(0, SEND)}
    assert not diff(place(actual, dict(right)), want(right))


def test_grants_and_removals_come_in_a_safe_order() -> None:
    plan = diff(
        place({CYD: TEXT}, {CYD: TEXT}), want({BEN: TEXT, ADA: TEXT}, ended=frozenset({CYD}))
    )
    assert plan.changes == (
        access(CYD, TEXT, NOTHING, NOTHING, "revoke"),
        access(ADA, NOTHING, TEXT, TEXT, "grant"),
        access(BEN, NOTHING, TEXT, TEXT, "grant"),
    )


def test_foreign_bits_survive_both_ways() -> None:
    theirs = Bits(REACT, UNKNOWN)
    grant = diff(place({ADA: theirs}), want({ADA: TEXT})).changes
    assert grant == (access(ADA, theirs, theirs.union(TEXT), TEXT, "grant"),)
    ended = frozenset({ADA})
    revoke = diff(place({ADA: theirs.union(TEXT)}, {ADA: TEXT}), want({}, ended=ended)).changes
    assert revoke == (access(ADA, theirs.union(TEXT), theirs, NOTHING, "revoke"),)


def test_what_a_person_gave_before_stays_theirs() -> None:
    plan = diff(place({ADA: Bits(VIEW_CHANNEL, 0)}), want({ADA: TEXT}))
    assert plan.changes == (
        access(ADA, Bits(VIEW_CHANNEL, 0), TEXT, Bits(SEND | READ, 0), "grant"),
    )
    settled = place({ADA: TEXT}, {ADA: Bits(SEND | READ, 0)})
    assert not diff(settled, want({ADA: TEXT}))
    # All of it was given by hand: nothing of ours is there to be noted or taken away.
    assert diff(place({ADA: TEXT}), want({ADA: TEXT})) == Plan(unchanged=1)


def test_a_deny_by_hand_is_respected_or_repaired() -> None:
    have = Bits(0, SEND)
    plan = diff(place({ADA: have}), want({ADA: TEXT}))
    own = Bits(VIEW_CHANNEL | READ, 0)
    assert plan.changes == (access(ADA, have, have.union(own), own, "grant"),)
    assert plan.by_hand == (ByHand(99, ADA, "denied"),)
    repaired = diff(place({ADA: have}), want({ADA: TEXT}), repair=True)
    assert repaired.changes == (access(ADA, have, TEXT, TEXT, "grant"),)
    assert repaired.by_hand == ()


def test_what_was_taken_away_by_hand() -> None:
    here = place({}, {ADA: TEXT})
    assert diff(here, want({ADA: TEXT})) == Plan((), (ByHand(99, ADA, "lost"),), 1, 1)
    assert diff(here, want({ADA: TEXT}), repair=True).changes == (
        access(ADA, NOTHING, TEXT, TEXT, "grant"),
    )


def test_a_tick_turned_into_a_cross_by_hand() -> None:
    """The bit stays ours in the ledger: when the cross goes, it is not given again unasked."""
    have = Bits(VIEW_CHANNEL | READ, SEND)
    expected = Plan((), (ByHand(99, ADA, "lost"),), 1, 1)
    assert diff(place({ADA: have}, {ADA: TEXT}), want({ADA: TEXT})) == expected
    empty = place({ADA: Bits(VIEW_CHANNEL | READ, 0)}, {ADA: TEXT})
    assert diff(empty, want({ADA: TEXT})) == expected


def test_only_what_is_new_is_added_to_what_was_taken_away() -> None:
    more = Bits(TEXT_ACCESS | MANAGE_MESSAGES, 0)
    have = Bits(VIEW_CHANNEL | READ, 0)  # somebody took Send Messages away
    plan = diff(place({ADA: have}, {ADA: TEXT}), want({ADA: more}))
    after = Bits(VIEW_CHANNEL | READ | MANAGE_MESSAGES, 0)
    assert plan.changes == (access(ADA, have, after, more, "change"),)
    assert plan.by_hand == (ByHand(99, ADA, "lost"),)


def test_a_channel_opened_to_everyone_by_hand_is_said_so() -> None:
    everyone = frozenset({EVERYONE})
    open_ = Bits(VIEW_CHANNEL, 0)
    here = place({EVERYONE: open_}, {EVERYONE: Entry(HIDDEN, is_role=True)})
    plan = diff(here, want({EVERYONE: HIDDEN}, roles=everyone))
    assert plan == Plan((), (ByHand(99, EVERYONE, "extra"),), 1, 0)
    shut = diff(here, want({EVERYONE: HIDDEN}, roles=everyone), repair=True)
    assert shut.changes == (access(EVERYONE, open_, HIDDEN, HIDDEN, "change", is_role=True),)


@pytest.mark.parametrize("had", [None, TEXT])
def test_a_crash_between_ledger_and_call(had: Bits | None) -> None:
    announced = place({} if had is None else {ADA: had}, {ADA: Entry(TEXT, confirmed=False)})
    if had is None:
        expected: SetAccess | Settle = access(ADA, NOTHING, TEXT, TEXT, "grant")
    else:
        expected = settle(ADA, TEXT)
    assert diff(announced, want({ADA: TEXT})).changes == (expected,)
    # Had they left meanwhile, what may be there is taken away all the same.
    gone = diff(announced, want({}, ended=frozenset({ADA}))).changes
    assert [type(c) for c in gone] == [Settle if had is None else SetAccess]
    assert diff(place({}), want({})) == Plan()


def test_ended_memberships() -> None:
    here = place({ADA: TEXT, BEN: TEXT}, {ADA: TEXT, BEN: TEXT})
    plan = diff(here, want({}, ended=frozenset({ADA})))
    assert [(c.target_id, c.explained) for c in plan.changes if isinstance(c, SetAccess)] == [
        (ADA, True), (BEN, False),
    ]  # fmt: skip
    settled = diff(place({}, {ADA: TEXT}), want({}, ended=frozenset({ADA})))
    assert settled.changes == (settle(ADA, None),)


def test_away_and_the_bot_are_left_alone() -> None:
    here = place({ADA: TEXT, BOT: TEXT}, {ADA: TEXT, BOT: TEXT})
    assert not diff(here, want({}, away=frozenset({ADA}), ignored=frozenset({BOT})))
    assert not diff(place({}), want({BOT: TEXT}, ignored=frozenset({BOT})))


def test_access_that_nobody_gave_here_is_reported() -> None:
    plan = diff(place({ADA: TEXT, BEN: Bits(SEND, 0)}), want({}))
    assert plan == Plan((), (ByHand(99, ADA, "extra"),))
    role = diff(place({ADA: HAS_ROLE}, kind="role"), want({}))
    assert role.by_hand == (ByHand(99, ADA, "extra"),)


def test_a_change_of_the_moderator_role_is_explained() -> None:
    here = place({MODS: TEXT}, {MODS: Entry(TEXT, is_role=True)})
    plan = diff(here, want({}))
    assert plan.changes == (access(MODS, TEXT, NOTHING, NOTHING, "revoke", is_role=True),)
    assert plan.owned == 0
