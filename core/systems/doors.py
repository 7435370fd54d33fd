"""A group's channels as one person meets them: gather's facts and the cache in, facts out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.db.queries.access import GUEST, Facts, ObjectRow
from core.discord_outbound import seen
from core.discord_outbound.cache import GuildView
from core.plan import NOTHING, Bits, Create, SetAccess
from core.reconcile import permissions as p
from core.reconcile.channels import SHARED
from core.reconcile.why import Door, GroupRole
from core.systems import access
from core.systems.access import GroupPlan

ROOMS = ("text", "voice")
_NEEDED = {"text": p.TEXT_ACCESS, "voice": p.VOICE_ACCESS}
_USES = {"text": p.SEND_MESSAGES, "voice": p.CONNECT}


def role_of(facts: Facts, view: GuildView) -> GroupRole:
    """The group's role, where the cohort works with roles."""
    row = facts.objects.get("role")
    if facts.group.access_mode != "role" or row is None:
        return GroupRole()
    role = view.role(row.discord_id) if row.discord_id is not None else None
    state = "deleted" if row.state == "created" and role is None else row.state
    too_low = role is not None and role.position >= view.top_role
    return GroupRole(state, row.name, row.discord_id, too_low)


def of_group(
    facts: Facts, view: GuildView, user_id: int, now: datetime, only: int | None = None
) -> tuple[Door, ...]:
    """The group's text and voice channel for this person, or the one with the Discord id `only`.

    Its own people have the one that the cohort shares as well, while it is on.
    """
    plan = access.plan(facts, view, now)
    rows = rooms_of(facts)
    both = facts.group.shared and rows.keys() - {SHARED} and _belongs(facts, user_id)
    if only is None and not both:
        rows.pop(SHARED, None)
    return tuple(
        _door(plan, view, kind, row, user_id)
        for kind, row in rows.items()
        if only is None or row.discord_id == only
    )


def rooms_of(facts: Facts) -> dict[str, ObjectRow]:
    """The channels that people of the group can be in, by kind; the cohort's shared one last."""
    rows = {kind: facts.objects[kind] for kind in ROOMS if kind in facts.objects}
    return rows | ({SHARED: facts.shared} if facts.shared is not None else {})


def _belongs(facts: Facts, user_id: int) -> bool:
    return any(user == user_id and role != GUEST for user, _, role in facts.people)


def foreign(guild_id: int, user_id: int, discord_id: int, kind: str) -> Door:
    """A channel that no group of Muster's owns."""
    bits = seen.rights(guild_id, user_id, discord_id)
    return Door(discord_id, kind, "", sees=bool(bits & p.VIEW_CHANNEL))


def _door(plan: GroupPlan, view: GuildView, kind: str, row: ObjectRow, user_id: int) -> Door:
    guild_id, there = view.id, row.discord_id is not None and row.state == "created"
    there = there and view.channel_name(row.discord_id or 0) is not None
    if not there or row.discord_id is None:
        owed = any(isinstance(c, Create) for c in plan.whole.changes)
        need = p.MANAGE_CHANNELS | p.MANAGE_ROLES | p.VIEW_CHANNEL | _NEEDED[row.kind]
        return Door(
            row.discord_id, kind, row.state, there=False, sees=False, uses=False,
            owed=owed or row.state == "intent", lacks_here=need & ~view.permissions,
        )  # fmt: skip
    bits = seen.rights(guild_id, user_id, row.discord_id)
    through, name = seen.way_in(guild_id, user_id, row.discord_id)
    by_hand = _by_hand(plan, view, row, user_id)
    lacks, lacks_here = _lacks(plan, view, row)
    return Door(
        row.discord_id, kind, row.state,
        sees=bool(bits & p.VIEW_CHANNEL), uses=bool(bits & _USES[row.kind]),
        through=through, name=name, owed=_owed(plan, row.discord_id, user_id),
        lacks=lacks, lacks_here=lacks_here, by_hand=by_hand,
        trace=_trace(plan, view, row, user_id, by_hand), missing=_missing(plan, view, row, user_id),
    )  # fmt: skip


def _role_id(facts: Facts) -> int | None:
    role = facts.objects.get("role")
    in_use = facts.group.access_mode == "role" and role is not None and role.state == "created"
    return role.discord_id if role is not None and in_use else None


def _owed(plan: GroupPlan, discord_id: int, user_id: int) -> bool:
    """Whether a sync has something to give, to the person or to the role that they have."""
    role_id = _role_id(plan.facts)
    by_role = plan.facts.group.access_mode == "role"
    if by_role and role_id is None:
        return True  # the role is still to be made
    places = {discord_id: {user_id, role_id}} | ({role_id: {user_id}} if role_id else {})
    return any(
        isinstance(change, SetAccess)
        and change.verb != "revoke"
        and change.target_id in targets
        for place, targets in places.items()
        for change in plan.places.get(place, ("", plan.objects))[1].changes
    )  # fmt: skip


def _lacks(plan: GroupPlan, view: GuildView, row: ObjectRow) -> tuple[int, int]:
    """The bits that the bot is missing (in the channel, on the server) to let somebody in."""
    here = p.MANAGE_ROLES & ~view.permissions
    bits = view.channel_permissions(row.discord_id or 0) or 0
    if plan.facts.group.access_mode == "role":
        return 0, here
    if not bits & p.VIEW_CHANNEL:
        return p.VIEW_CHANNEL, here
    return (p.MANAGE_ROLES | _NEEDED[row.kind]) & ~bits & ~here, here


def _should(plan: GroupPlan, view: GuildView, row: ObjectRow, target: int) -> Bits:
    """What somebody of the group, or its role, should have in a channel of `row`'s kind."""
    policy = access.policy_of(plan.facts, view)
    people = access.people_of(plan.facts, view)
    want = p.desired(row.kind, people, policy, ignored=view.self_ids)
    plain = p.member_bits(row.kind, facilitator=False, policy=policy)
    return want.bits.get(target, plain)


def _missing(plan: GroupPlan, view: GuildView, row: ObjectRow, user_id: int) -> int:
    should = _should(plan, view, row, user_id).allow
    return should & ~seen.rights(view.id, user_id, row.discord_id or 0)


def _by_hand(plan: GroupPlan, view: GuildView, row: ObjectRow, user_id: int) -> str:
    """What was changed by hand so that the person does not get in; see core.reconcile.why.Door."""
    assert row.discord_id is not None
    role_id = _role_id(plan.facts)
    have = view.overwrites(row.discord_id).get(user_id, NOTHING)
    if have.deny & _should(plan, view, row, user_id).allow:
        return "denied"
    notes = {(n.place_id, n.target_id): n.what for n in plan.whole.by_hand}
    own = notes.get((row.discord_id, user_id), "")
    if own in {"lost", "denied"}:
        return own
    if role_id is not None and notes.get((role_id, user_id)) == "lost":
        return "role_lost"
    closed = role_id is not None and notes.get((row.discord_id, role_id)) in {"lost", "denied"}
    return "role_closed" if closed else ""


def _trace(plan: GroupPlan, view: GuildView, row: ObjectRow, user_id: int, by_hand: str) -> str:
    """What must have happened to the entry, for Discord's audit log keeps three kinds apart."""
    target = _role_id(plan.facts) if by_hand == "role_closed" else user_id
    if row.discord_id is None or target not in view.overwrites(row.discord_id):
        return "delete"
    return "update" if target in plan.facts.ledger.get(row.discord_id, {}) else "create"


def claims(
    facts: Facts, view: GuildView, user_id: int, discord_id: int, now: datetime
) -> Sequence[tuple[int, int, bool, Bits, bool]]:
    """Rows for the ledger, not yet confirmed, after which a sync puts this access back.

    As `managed.write_ledger` takes them: for the person and, where roles let people in, for the
    group's role in that channel and for the person's having it.
    """
    plan = access.plan(facts, view, now)
    role_id = _role_id(facts)
    found = []
    for row in rooms_of(facts).values():
        if row.discord_id != discord_id:
            continue
        actual, ledger = view.overwrites(discord_id), facts.ledger.get(discord_id, {})
        for target in (user_id, role_id):
            if target is None or (target == user_id and role_id is not None
                                  and not actual.get(target, NOTHING).deny):  # fmt: skip
                continue
            entry = ledger.get(target)
            ours = entry.bits if entry else NOTHING
            claim = p.reclaimed(
                row.kind, actual.get(target, NOTHING), ours, _should(plan, view, row, target)
            )
            if claim is not None:
                found.append((discord_id, target, target == role_id, claim, False))
    role = view.role(role_id) if role_id is not None else None
    if role is not None and user_id not in role.member_ids:
        mine = facts.ledger.get(role.id, {}).get(user_id)
        found += [(role.id, user_id, False, p.HAS_ROLE, False)] if mine else []
    return found
