"""The channel that all groups of a cohort see: each group's plan is about its own people in it.

Two groups at work at once touch different people: a person is the business of the group that they
are in, and of their past ones only where they are in none. So whoever switches keeps their entry
without a call. Entries of roles belong to the group that wrote them.
"""

from __future__ import annotations

from dataclasses import replace

from core.db.queries.access import GUEST, Facts
from core.discord_outbound.cache import GuildView
from core.plan import Bits
from core.reconcile import permissions
from core.reconcile.permissions import Desired, Person, Place, Policy


def wanted(facts: Facts) -> bool:
    """Whether the cohort has one, or had: what was made stays managed. Adopted ones get nothing."""
    if any(o.adopted for o in facts.objects.values()):
        return False
    there = facts.shared is not None and facts.shared.state == "created"
    return facts.group.shared or there


def place_of(facts: Facts, view: GuildView) -> Place | None:
    """The channel as it is, with everybody's entries; None where it is not there."""
    row = facts.shared
    if row is None or row.state != "created" or row.discord_id is None or not wanted(facts):
        return None
    if view.channel_name(row.discord_id) is None:
        return None
    actual: dict[int, Bits] = dict(view.overwrites(row.discord_id))
    return Place(row.discord_id, "text", actual, facts.ledger.get(row.discord_id, {}))


def desired(
    facts: Facts, people: tuple[Person, ...], policy: Policy, *, ignored: frozenset[int]
) -> Desired:
    """Who of this group should have what there; nobody once it is switched off.

    Guests have a group of their own in the cohort, and so do those who are in another one now.
    """
    guests = {user for user, _, role in facts.people if role == GUEST}
    others = guests | facts.elsewhere
    mine = tuple(p for p in people if p.user_id not in others)
    if not facts.group.shared:
        policy = replace(policy, hidden=True)
    return permissions.desired("text", mine, policy, ignored=ignored)


def scoped(facts: Facts, place: Place, want: Desired) -> Place:
    """What of the channel is this group's business: its people, past ones too, and its entries.

    Who is in another group by now is that group's. Roles have no membership that would tell.
    """
    ended = {user for user, _, role in facts.people if role != GUEST}
    written = {target for target, owner in facts.owners.items() if owner == facts.group.id}
    mine = (written | ended | want.bits.keys()) - facts.elsewhere
    ledger = {target: entry for target, entry in place.ledger.items() if target in mine}
    actual = {target: bits for target, bits in place.actual.items() if target in mine}
    return replace(place, actual=actual, ledger=ledger)
