"""Pure: who should see which channel, and what has to change so that they do.

A *place* is a channel, or in role mode the group's role, where having the role is the bit 1.
Both are compared by the same rules, bit by bit:

- a bit in the ledger is ours, every other bit belongs to somebody else and survives;
- what we want and never set is added, except where a person denied it by hand;
- what we set and somebody took away is reported, and put back only where the guild says so;
- what we set and no longer want is taken away, and nothing else with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.plan import NOTHING, Bits, ByHand, Change, Plan, SetAccess, Settle

# Discord's permission bits (API documentation, "Bitwise Permission Flags").
MANAGE_CHANNELS = 1 << 4
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
READ_MESSAGE_HISTORY = 1 << 16
CONNECT = 1 << 20
SPEAK = 1 << 21
MUTE_MEMBERS = 1 << 22
MANAGE_ROLES = 1 << 28

TEXT_ACCESS = VIEW_CHANNEL | SEND_MESSAGES | READ_MESSAGE_HISTORY
VOICE_ACCESS = VIEW_CHANNEL | CONNECT | SPEAK
HIDDEN = Bits(0, VIEW_CHANNEL)
HAS_ROLE = Bits(1, 0)
# Never hand out anything beyond this, whatever a setting or a bug asks for.
GRANTABLE = TEXT_ACCESS | VOICE_ACCESS | MANAGE_MESSAGES | MUTE_MEMBERS


@dataclass(frozen=True)
class Person:
    """Somebody of a group. `status` as in memberships; `here`: on the server and let in."""

    user_id: int
    status: str
    facilitator: bool = False
    here: bool = True


@dataclass(frozen=True)
class Entry:
    """A ledger entry. Unconfirmed: announced, but Discord was not yet seen to have it.

    Adopted: people set it before Muster came, and it is right as it stands; see adopted.py.
    """

    bits: Bits
    confirmed: bool = True
    is_role: bool = False
    adopted: bool = False


@dataclass(frozen=True)
class Place:
    """One channel or role as it is, beside what the ledger says that we set."""

    id: int
    kind: str  # text, voice, category or role
    actual: Mapping[int, Bits]
    ledger: Mapping[int, Entry]
    adopted: bool = False  # not made by Muster: who else has access there is not its business


@dataclass(frozen=True)
class Policy:
    """What a guild decided, as far as access depends on it. Role ids, or None."""

    everyone_id: int
    moderator_role_id: int | None = None
    group_role_id: int | None = None  # set in role mode, once the role is there
    role_mode: bool = False  # also while the role is missing: then nobody gets in some other way
    facilitators_moderate: bool = False
    read_only: bool = False
    hidden: bool = False  # a cancelled group: nobody but moderators
    repair: bool = False


@dataclass(frozen=True)
class Desired:
    """Bits by target; `away` are people whose access is neither given nor taken now.

    `ended` are people of the group who get nothing of their own here, for a reason that is known:
    they left, or the group's role lets them in.
    """

    bits: Mapping[int, Bits]
    roles: frozenset[int] = frozenset()
    away: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()
    ignored: frozenset[int] = field(default_factory=frozenset)  # the bot itself


def member_bits(kind: str, *, facilitator: bool, policy: Policy) -> Bits:
    """What one person of a group gets in a place of `kind`."""
    if kind == "role":
        return HAS_ROLE
    text = kind == "text"
    if policy.read_only:
        allow = VIEW_CHANNEL | (READ_MESSAGE_HISTORY if text else 0)
        return Bits(allow, SEND_MESSAGES if text else CONNECT)
    allow = TEXT_ACCESS if text else VOICE_ACCESS
    if facilitator and policy.facilitators_moderate:
        allow |= MANAGE_MESSAGES if text else MUTE_MEMBERS
    return Bits(allow & GRANTABLE, 0)


def desired(
    kind: str, people: tuple[Person, ...], policy: Policy, *, ignored: frozenset[int] = frozenset()
) -> Desired:
    """Who should have what in a place of `kind` ("text", "voice", "category" or "role")."""
    entitled = {"active", "completed"} if policy.read_only else {"active"}
    bits: dict[int, Bits] = {}
    roles: set[int] = set()
    if kind != "role":
        bits[policy.everyone_id] = HIDDEN
        roles.add(policy.everyone_id)
        if policy.moderator_role_id is not None:
            allow = TEXT_ACCESS | VOICE_ACCESS if kind == "category" else 0
            allow |= {"text": TEXT_ACCESS, "voice": VOICE_ACCESS}.get(kind, 0)
            bits[policy.moderator_role_id] = Bits(allow, 0)
            roles.add(policy.moderator_role_id)
    by_role = (policy.role_mode or policy.group_role_id is not None) and kind != "role"
    if policy.group_role_id is not None and kind not in {"role", "category"} and not policy.hidden:
        bits[policy.group_role_id] = member_bits(kind, facilitator=False, policy=policy)
        roles.add(policy.group_role_id)
    mine = () if policy.hidden or kind == "category" else people
    for person in mine:
        extra = person.facilitator and policy.facilitators_moderate and not policy.read_only
        if person.status in entitled and person.here and (not by_role or extra):
            bits[person.user_id] = member_bits(kind, facilitator=person.facilitator, policy=policy)
    current = {p.user_id for p in people if p.status in entitled and not policy.hidden}
    away = frozenset(p.user_id for p in people if p.user_id in current and not p.here)
    ended = frozenset(p.user_id for p in people) - bits.keys() - away
    return Desired(bits, frozenset(roles), away=away, ended=ended, ignored=ignored)


def _wanted(
    place: Place, want: Desired, target: int, *, repair: bool
) -> tuple[Change | None, ByHand | None]:
    """The change, and the thing done by hand, for a target that should have access."""
    bits, entry = want.bits[target], place.ledger.get(target)
    have = place.actual.get(target, NOTHING)
    is_role = target in want.roles
    ours = entry.bits if entry else NOTHING
    foreign = have.without(ours)
    # What others gave already stays theirs, also when we take ours away one day.
    own, rest, lost = bits.without(foreign), foreign, NOTHING
    if repair:
        rest = foreign.without(Bits(bits.deny, bits.allow))
    else:
        own = own.without(Bits(foreign.deny, foreign.allow))
        if entry and entry.confirmed:
            lost = Bits(ours.allow & bits.allow, ours.deny & bits.deny).without(have)
    after = rest.union(own.without(lost))
    note = _by_hand(place.id, target, bits.without(after), lost)
    own = own.union(lost)  # the ledger remembers it, else it would be given again next time
    if after == have:
        if own == ours and (entry is None or entry.confirmed):
            return None, note
        return Settle(place.id, target, is_role, own), note
    verb = "grant" if have == NOTHING or entry is None else "change"
    return SetAccess(place.id, target, is_role, have, after, own, verb), note


def _by_hand(place_id: int, target: int, missing: Bits, lost: Bits) -> ByHand | None:
    """In one word what a person did, where something that we want is missing after all."""
    if missing == NOTHING:
        return None
    if not missing.allow:
        return ByHand(place_id, target, "extra")  # a deny is missing: they may more than planned
    return ByHand(place_id, target, "lost" if lost.allow else "denied")


def _unwanted(place: Place, want: Desired, target: int) -> Change:
    """Take back what the ledger says is ours, and only that."""
    entry = place.ledger[target]
    have = place.actual.get(target, NOTHING)
    after = have.without(entry.bits)
    if after == have:
        return Settle(place.id, target, entry.is_role, None)
    explained = entry.is_role or target in want.ended
    return SetAccess(place.id, target, entry.is_role, have, after, NOTHING, "revoke", explained)


def claimed(kind: str, have: Bits, ours: Bits, should: Bits | None) -> Bits:
    """What the ledger has to say, unconfirmed, so that the next plan undoes what a hand did.

    Bits against what `should` be there become ours, so that they may be taken away; without a
    `should` (None), everything that lets the target in does. All other bits stay others'.
    """
    if should is None:
        lets_in = HAS_ROLE.allow if kind == "role" else GRANTABLE
        return ours.union(Bits(have.allow & lets_in, 0))
    return ours.union(Bits(have.allow & should.deny, have.deny & should.allow))


def reclaimed(kind: str, have: Bits, ours: Bits, should: Bits) -> Bits | None:
    """`claimed` for what lets one person in. None: nothing is missing, or it was never given."""
    if not should.allow & ~have.allow and not have.deny & should.allow:
        return None
    claim = claimed(kind, have, ours, should)
    return claim if claim != NOTHING else None


def _is_right(place: Place, want: Desired) -> bool:
    """The common case, without looking at bits one by one: nothing differs, nothing is extra."""
    return (
        len(place.ledger) == len(want.bits)
        and len(place.actual.keys() - want.ignored) == len(want.bits)
        and all(
            place.actual.get(target) == bits
            and (entry := place.ledger.get(target)) is not None
            and entry.confirmed
            and entry.bits == bits
            for target, bits in want.bits.items()
        )
    )


def diff(place: Place, want: Desired, *, repair: bool = False) -> Plan:
    """What has to change in `place`. Applying it and diffing again gives an empty plan."""
    owned = sum(not e.is_role for e in place.ledger.values())
    if _is_right(place, want):
        return Plan(unchanged=len(want.bits), owned=owned)
    changes: list[Change] = []
    by_hand: list[ByHand] = []
    unchanged = 0
    for target in want.bits:
        if target in want.ignored:
            continue
        change, note = _wanted(place, want, target, repair=repair)
        unchanged += change is None
        if change:
            changes.append(change)
        if note:
            by_hand.append(note)
    over = place.ledger.keys() - want.bits.keys() - want.away - want.ignored
    changes += [_unwanted(place, want, target) for target in over]
    known = want.bits.keys() | place.ledger.keys() | want.away | want.ignored
    sees = VIEW_CHANNEL | HAS_ROLE.allow
    by_hand += [
        ByHand(place.id, target, "extra")
        for target, bits in place.actual.items()
        if target not in known and bits.allow & sees and not place.adopted
    ]
    changes.sort(key=_order)
    return Plan(tuple(changes), tuple(sorted(by_hand)), unchanged, owned)


def _order(change: Change) -> tuple[int, int]:
    """Removals first, so that a switch never shows two groups; then by target."""
    if isinstance(change, SetAccess):
        return (0 if change.verb == "revoke" else 1, change.target_id)
    return (2, change.target_id if isinstance(change, Settle) else 0)
