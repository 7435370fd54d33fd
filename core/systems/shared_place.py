"""The channel that all groups of a cohort see: each group's plan is about its own people in it.

An entry in the ledger belongs to the cohort and to the group that wrote it, so two groups at work
at once touch different people. Whoever switches keeps their entry: the group that they left lets
go of it, and the one that they came to takes it over without a call.
"""

from __future__ import annotations

from dataclasses import replace

from core.db.queries.access import GUEST, Facts
from core.discord_outbound.cache import GuildView
from core.plan import Bits
from core.reconcile import permissions
from core.reconcile.permissions import Desired, Entry, Person, Place, Policy


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
    """What of the channel is this group's business: its own entries, and those of its people."""
    group_id, owners = facts.group.id, facts.owners
    ended = {user for user, _, role in facts.people if role != GUEST} - facts.elsewhere
    mine = {target for target, owner in owners.items() if owner == group_id}
    mine = (mine | ended | want.bits.keys()) - facts.elsewhere
    ledger: dict[int, Entry] = {}
    for target in mine & place.ledger.keys():
        entry = place.ledger[target]
        if owners.get(target) != group_id and target in want.bits and not entry.is_role:
            entry = replace(entry, confirmed=False)  # is written again, as ours
        ledger[target] = entry
    actual = {target: bits for target, bits in place.actual.items() if target in mine}
    return replace(place, actual=actual, ledger=ledger)
