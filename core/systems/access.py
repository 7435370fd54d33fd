"""What a group's channels are, beside what they should be: gather's facts in, a plan out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.db.models import CohortStatus, GroupStatus
from core.db.queries.access import GUEST, Facts, ObjectRow
from core.discord_outbound.cache import GuildView
from core.plan import Bits, Plan, SetAccess, merge
from core.reconcile import adopted, channels, permissions
from core.reconcile.permissions import Desired, Person, Place, Policy
from core.reconcile.trace import LIVE
from core.systems import shared_place


@dataclass
class GroupPlan:
    """A group's plan in its parts: the objects, and the access place by place."""

    facts: Facts
    objects: Plan
    places: dict[int, tuple[str, Plan]] = field(default_factory=dict)  # place id: kind, plan
    whole: Plan = field(default_factory=Plan)

    def unchanged_people(self) -> int:
        """How many of the group's people needed nothing; guests are none of them."""
        touched = {
            c.target_id
            for _, plan in self.places.values()
            for c in plan.changes
            if isinstance(c, SetAccess)
        }
        return sum(
            status == "active" and role != GUEST and user not in touched
            for user, status, role in self.facts.people
        )


def policy_of(facts: Facts, view: GuildView, *, repair: bool = False) -> Policy:
    """The guild's decisions and the group's condition, as far as access depends on them."""
    settings, status = facts.settings, facts.group.status
    role = facts.objects.get("role")
    moderator = settings.moderator_role_id
    if moderator is not None and view.role(moderator) is None:
        moderator = None  # deleted since; /check says so
    in_role_mode = facts.group.access_mode == "role"
    there = role is not None and role.state == "created"
    return Policy(
        everyone_id=view.everyone_id,
        moderator_role_id=moderator,
        group_role_id=role.discord_id if role and there and in_role_mode else None,
        role_mode=in_role_mode,
        facilitators_moderate=settings.facilitators_moderate,
        read_only=status == GroupStatus.completed,
        hidden=status in {GroupStatus.cancelled, GroupStatus.merged},
        repair=repair or settings.by_hand == "repair",
    )


def people_of(facts: Facts, view: GuildView) -> tuple[Person, ...]:
    """The group's people and guests, with who of them is on the server and let in."""
    return tuple(
        Person(user, status, role == "facilitator", view.is_here(user))
        for user, status, role in facts.people
    )


def wants_channels(facts: Facts) -> bool:
    """Open, and somebody is in it (or it has been opened before): an empty group gets nothing."""
    group = facts.group
    if group.status not in LIVE:
        return False
    if group.cohort_status != CohortStatus.open and group.opened_at is None:
        return False
    started = any(o.state == "created" for o in facts.objects.values())
    return started or any(status == "active" and role != GUEST for _, status, role in facts.people)


def _known(item: ObjectRow, view: GuildView) -> channels.Known:
    actual = None
    if item.discord_id is not None:
        if item.kind == "role":
            role = view.role(item.discord_id)
            actual = role.name if role else None
        else:
            actual = view.channel_name(item.discord_id)
    # What an adopted object is called is its people's business.
    name = actual if item.adopted and actual is not None else item.name
    return channels.Known(item.kind, item.discord_id, item.state, name, actual, item.renamed_at)


def wanted_names(facts: Facts) -> dict[str, str]:
    """By kind, what this group should have, its category included once it has one."""
    group = facts.group
    all_names = channels.names(group.cohort_name, group.name)
    wanted = {k: all_names[k] for k in channels.kinds(group.rooms, group.access_mode)}
    if any(o.adopted for o in facts.objects.values()):
        wanted = {}  # an adopted group has what it was adopted with, and gets nothing beside it
    # What was made stays managed even if the cohort's rooms changed since.
    wanted |= {k: all_names[k] for k in facts.objects if k in all_names}
    if facts.category is not None:
        wanted["category"] = channels.category_name(group.cohort_name, facts.category.ordinal)
    if shared_place.wanted(facts):
        wanted[channels.SHARED] = channels.shared_name(group.cohort_name)
    return wanted


def plan(facts: Facts, view: GuildView, now: datetime, *, repair: bool = False) -> GroupPlan:
    """The whole plan of one group, from the database's facts and the gateway cache."""
    policy = policy_of(facts, view, repair=repair)
    people = people_of(facts, view)
    rows = dict(facts.objects)
    if facts.category is not None:
        rows["category"] = facts.category
    known = {kind: _known(row, view) for kind, row in rows.items()}
    if facts.shared is not None:
        known[channels.SHARED] = _known(facts.shared, view)
    names = wanted_names(facts)
    names |= {kind: known[kind].name for kind, row in rows.items() if row.adopted}
    objects = channels.diff(names, known, now, create=wants_channels(facts))
    result = GroupPlan(facts, objects)
    ignored = view.self_ids
    rights: list[str] = []
    for kind, row in rows.items():
        place = _place_of(kind, row, facts, view)
        if place is None:
            continue
        want = (
            adopted.desired(place, people, policy, ignored=ignored)
            if row.adopted
            else permissions.desired(kind, people, policy, ignored=ignored)
        )
        part = permissions.diff(place, want, repair=policy.repair)
        result.places[place.id] = (kind, part)
        if part:
            rights.append(str(_rights(kind, place.id, view)))
    shared = shared_place.place_of(facts, view)
    if shared is not None:
        want = shared_place.desired(facts, people, policy, ignored=ignored)
        part = permissions.diff(shared_place.scoped(facts, shared, want), want,
                                repair=policy.repair)  # fmt: skip
        result.places[shared.id] = (channels.SHARED, part)
        if part:
            rights.append(str(_rights("text", shared.id, view)))
    parts = [result.objects, *(p for _, p in result.places.values())]
    whole = merge(parts)
    if whole:
        context = f"{view.permissions}:{view.top_role}:{','.join(rights)}"
        whole = Plan(whole.changes, whole.by_hand, whole.unchanged, whole.owned, context)
    result.whole = whole
    return result


def _place_of(kind: str, row: ObjectRow, facts: Facts, view: GuildView) -> Place | None:
    """What stands there now; None where it is not there: the objects' plan flags that."""
    if row.state != "created" or row.discord_id is None:
        return None
    actual = actual_of(kind, row.discord_id, view)
    if actual is None:
        return None
    ledger = facts.ledger.get(row.discord_id, {})
    return Place(row.discord_id, kind, actual, ledger, adopted=row.adopted)


def _rights(kind: str, place_id: int, view: GuildView) -> int:
    """The bot's own rights there: part of what a retry depends on."""
    return view.permissions if kind == "role" else view.channel_permissions(place_id) or 0


def actual_of(kind: str, discord_id: int, view: GuildView) -> Mapping[int, Bits] | None:
    """The entries of a channel, or who has a role; None where it is not there."""
    if kind != "role":
        return view.overwrites(discord_id) if view.channel_name(discord_id) is not None else None
    role = view.role(discord_id)
    return None if role is None else dict.fromkeys(role.member_ids, permissions.HAS_ROLE)


def birth_overwrites(
    kind: str, facts: Facts, view: GuildView, group_role_id: int | None
) -> tuple[dict[int, tuple[Bits, bool]], Desired]:
    """The entries a new channel is born with: (bits, is a role) by target."""
    policy = policy_of(facts, view)
    if group_role_id is not None:
        policy = Policy(**{**policy.__dict__, "group_role_id": group_role_id})
    people = people_of(facts, view)
    if kind == channels.SHARED:
        want = shared_place.desired(facts, people, policy, ignored=view.self_ids)
    else:
        want = permissions.desired(kind, people, policy, ignored=view.self_ids)
    return {t: (bits, t in want.roles) for t, bits in want.bits.items()}, want
