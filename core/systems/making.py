"""Make what a group lacks, crash-safely: an intent row first, then the object, then its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Group, ManagedObject
from core.db.queries import managed
from core.db.queries.access import Facts
from core.db.queries.sync_states import mark_due
from core.discord_outbound import channels as outbound
from core.discord_outbound.cache import GuildView
from core.discord_outbound.permissions import LIST_LIMIT
from core.errors import MusterError, PermanentError, TemporaryError
from core.plan import Bits, Create
from core.reconcile.channels import ROLE_LIMIT, ROOMS, SHARED
from core.systems import access
from core.words import t

# Discord takes 100 entries at a channel's birth; two are @everyone's and the bot's own.
_BORN = LIST_LIMIT - 2
# A snowflake's time is Discord's clock, the intent's is ours.
_CLOCK_SLACK = timedelta(seconds=60)


@dataclass
class Made:
    """What came of making: kinds made, whom they let in at birth, and what did not work."""

    kinds: list[str] = field(default_factory=list)
    let_in: set[int] = field(default_factory=set)
    errors: list[MusterError] = field(default_factory=list)


async def make_all(facts: Facts, view: GuildView, creates: list[Create], reason: str) -> Made:
    """Make the group's missing objects in order, its category first. One failure ends it.

    Without the category or the role there is nothing to put the rest into.
    """
    made = Made()
    group_role = facts.objects.get("role")
    role_id = group_role.discord_id if group_role else None
    try:
        category = facts.category
        parent = (category.id, category.discord_id) if category else None
        if parent is None or category is None or category.state != "created":
            parent = await _category(facts, view, reason, made)
        for create in creates:
            if create.kind == "category":
                continue
            if create.kind == SHARED:
                await _shared(facts, view, create, role_id, reason, made)
                continue
            if create.kind == "role" and view.role_count >= ROLE_LIMIT:
                raise PermanentError(
                    t(
                        "The server has {have} roles, and Discord allows {limit}. "
                        "Delete roles that nobody needs, or let the cohort work without roles.",
                        have=view.role_count,
                        limit=ROLE_LIMIT,
                    ),
                    kind="too_many_roles",
                )
            entries, want = access.birth_overwrites(create.kind, facts, view, role_id)
            # The next round lets the others in, one by one.
            entries = dict(list(entries.items())[:_BORN])
            if create.kind == "role":
                entries = {}
            discord_id = await _one(facts, view, create, parent, entries, reason, made)
            if create.kind == "role":
                role_id = discord_id
            else:
                made.let_in |= entries.keys() - want.roles
    except (TemporaryError, PermanentError) as error:
        made.errors.append(error)
    return made


async def _category(
    facts: Facts, view: GuildView, reason: str, made: Made
) -> tuple[int, int | None]:
    """The (row id, Discord id) of the category for this group's channels."""
    group = facts.group
    foreign: dict[int, int] = {}
    async with get_database().transaction() as session:
        taken = await managed.taken_ids(session, group.guild_id)
        for category_id, _ in view.categories():
            children = [c for c, _, _ in view.children(category_id)]
            foreign[category_id] = sum(1 for c in children if c not in taken)
        row = await managed.category_for(
            session,
            guild_id=group.guild_id,
            cohort_id=group.cohort_id,
            cohort_name=group.cohort_name,
            rooms=len(ROOMS[group.rooms]),
            foreign=foreign,
            now=utcnow(),
        )
        # Promise the places now, so that the next group counts them.
        names = access.wanted_names(facts)
        for kind in (k for k in ROOMS[group.rooms] if k in names):
            name = names[kind]
            await managed.intent(
                session, guild_id=group.guild_id, kind=kind, name=name, now=utcnow(),
                group_id=group.id, parent_id=row.id,
            )  # fmt: skip
    if row.state == "created":
        return row.id, row.discord_id
    entries, _ = access.birth_overwrites("category", facts, view, None)
    discord_id = await _realize(row, view, None, entries, reason)
    made.kinds.append("category")
    return row.id, discord_id


async def _shared(
    facts: Facts, view: GuildView, create: Create, role_id: int | None, reason: str, made: Made
) -> None:
    """The cohort's own channel, with this group's people; the other groups are due with theirs."""
    group = facts.group
    async with get_database().transaction() as session:
        parent = await managed.category_for(
            session, guild_id=group.guild_id, cohort_id=group.cohort_id,
            cohort_name=group.cohort_name, rooms=1, foreign={}, now=utcnow(),
        )  # fmt: skip
        row = await managed.intent(
            session, guild_id=group.guild_id, kind="text", name=create.name, now=utcnow(),
            cohort_id=group.cohort_id, parent_id=parent.id,
        )  # fmt: skip
    if row.state == "created":
        return
    if parent.state != "created":
        entries, _ = access.birth_overwrites("category", facts, view, None)
        parent.discord_id = await _realize(parent, view, None, entries, reason)
    entries, want = access.birth_overwrites(SHARED, facts, view, role_id)
    entries = dict(list(entries.items())[:_BORN])
    await _realize(row, view, parent.discord_id, entries, reason, group_id=group.id)
    made.kinds.append(SHARED)
    made.let_in |= entries.keys() - want.roles
    async with get_database().transaction() as session:
        others = await session.scalars(
            select(Group.id).where(
                Group.guild_id == group.guild_id, Group.cohort_id == group.cohort_id,
                Group.id != group.id, Group.status.in_(("preview", "active")),
            )
        )  # fmt: skip
        await mark_due(session, others.all(), utcnow(), systems=("discord",))


async def _one(
    facts: Facts,
    view: GuildView,
    create: Create,
    parent: tuple[int, int | None],
    entries: Mapping[int, tuple[Bits, bool]],
    reason: str,
    made: Made,
) -> int:
    in_category = create.kind != "role"
    async with get_database().alone() as session:
        row = await managed.intent(
            session,
            guild_id=facts.group.guild_id,
            kind=create.kind,
            name=create.name,
            now=utcnow(),
            group_id=facts.group.id,
            parent_id=parent[0] if in_category else None,
        )
    if row.state == "created" and row.discord_id is not None:
        return row.discord_id
    discord_id = await _realize(row, view, parent[1] if in_category else None, entries, reason)
    made.kinds.append(create.kind)
    return discord_id


async def _realize(
    row: ManagedObject,
    view: GuildView,
    parent_id: int | None,
    entries: Mapping[int, tuple[Bits, bool]],
    reason: str,
    *,
    group_id: int | None = None,
) -> int:
    """Claim the intent, look for an earlier attempt's object, else make it; save its id."""
    database, now = get_database(), utcnow()
    # An earlier attempt may have got as far as Discord.
    before = row.intent_at < now - timedelta(seconds=1) or row.lease_by is not None
    async with database.alone() as session:
        mine = await managed.claim_object(
            session, row.id, instance=database.instance_id, now=now, lease=database.lease_seconds
        )
        taken = await managed.taken_ids(session, row.guild_id) if before else frozenset()
    if not mine:
        raise TemporaryError(t("somebody else is making it right now"), kind="busy", retry_after=1)
    found = None
    if before:
        found = await outbound.find(
            row.guild_id, row.kind, row.name, parent_id=parent_id,
            since=row.intent_at - _CLOCK_SLACK, taken=taken, ask=True,
        )  # fmt: skip
    if found is not None:
        # Every entry that it was born with is ours: we made it, whoever saved it.
        entries = _entries_at_birth(row.kind, found, view)
    discord_id = found or await outbound.create(
        row.guild_id, row.kind, row.name, parent_id=parent_id, overwrites=entries, reason=reason
    )
    async with database.transaction() as session:
        await managed.created(
            session, row.id, discord_id, entries,
            guild_id=row.guild_id, cohort_id=row.cohort_id, group_id=row.group_id or group_id,
        )  # fmt: skip
    return discord_id


def _entries_at_birth(kind: str, discord_id: int, view: GuildView) -> dict[int, tuple[Bits, bool]]:
    if kind == "role":
        return {}
    return {
        target: (bits, view.role(target) is not None)
        for target, bits in view.overwrites(discord_id).items()
        if target not in view.self_ids
    }
