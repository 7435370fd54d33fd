"""Pure: what should be the case in a place that Muster adopted rather than made.

Nothing there is hidden, opened or tidied up. What stood when it was adopted is right as it
stands; people who join later are let in as anywhere, and who leaves loses what the ledger holds.
"""

from __future__ import annotations

from core.plan import NOTHING, Bits
from core.reconcile import permissions
from core.reconcile.permissions import GRANTABLE, Desired, Entry, Person, Place, Policy


def desired(
    place: Place,
    people: tuple[Person, ...],
    policy: Policy,
    *,
    ignored: frozenset[int] = frozenset(),
) -> Desired:
    """Like permissions.desired, for an adopted place.

    Neither @everyone, the moderators nor the bot get an entry. An archived group's people keep
    what they have: an adopted channel does not become read-only.
    """
    usual = permissions.desired(place.kind, people, policy, ignored=ignored)
    bits: dict[int, Bits] = {}
    roles: set[int] = set()
    role = policy.group_role_id
    if role is not None and place.kind not in {"role", "category"}:
        entry = place.ledger.get(role)
        if entry is not None:
            bits[role] = _standing(place, role, entry)
        elif role in usual.bits:
            bits[role] = usual.bits[role]  # the group's role was made again: it has to open this
        roles |= {role} & bits.keys()
    entitled = {"active", "completed"} if policy.read_only else {"active"}
    for person in people:
        target = person.user_id
        inside = person.status in entitled and person.here and not policy.hidden
        entry = place.ledger.get(target)
        if inside and entry is not None and (entry.adopted or policy.read_only):
            bits[target] = _standing(place, target, entry)
        elif target in usual.bits:
            bits[target] = usual.bits[target]
    ended = frozenset(p.user_id for p in people) - bits.keys() - usual.away
    return Desired(bits, frozenset(roles), away=usual.away, ended=ended, ignored=ignored)


def _standing(place: Place, target: int, entry: Entry) -> Bits:
    """The bits as they were adopted; beyond GRANTABLE only while they stand there.

    Whatever people once gave by hand, Muster itself never hands out more than it may.
    """
    if place.kind == "role":
        return entry.bits
    have = place.actual.get(target, NOTHING)
    return Bits(
        entry.bits.allow & (GRANTABLE | have.allow), entry.bits.deny & (GRANTABLE | have.deny)
    )
