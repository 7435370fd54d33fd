"""What a sync would change: for /sync plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Group, ManagedObject, Member
from core.db.queries import access as access_queries
from core.db.queries import managed
from core.db.queries.sync_states import mark_due
from core.discord_outbound.cache import GuildView, guild_view
from core.errors import TemporaryError
from core.operations.common import Actor, audit
from core.plan import Create, Plan, Rename, SetAccess
from core.reconcile import channels
from core.reconcile.by_hand import shown
from core.reconcile.event_plan import EventPlan, FindEvent, SettleEvent
from core.systems import access, events
from core.words import t

_Child = aliased(ManagedObject)


_NO_EVENTS = EventPlan()


@dataclass(frozen=True)
class PlannedGroup:
    """What a sync of one group would do, in sentences, and what was changed by hand."""

    group_id: int
    label: str
    lines: tuple[str, ...]
    by_hand: tuple[str, ...]


@dataclass
class Planned:
    """All groups with something to do or to report, and the sums for the preview's first line."""

    groups: list[PlannedGroup] = field(default_factory=list)
    creates: int = 0  # everything that would be made: categories, roles and channels
    categories: int = 0
    roles: int = 0
    channels: int = 0
    renames: int = 0
    grants: int = 0
    removals: int = 0
    by_hand: int = 0
    looked_at: int = 0


async def names(guild_id: int, view: GuildView) -> Callable[[int], str]:
    """From a Discord id to what a person would call it."""
    async with get_database().alone() as session:
        objects = await managed.object_names(session, guild_id)
        rows = await session.execute(
            select(Member.user_id, Member.name).where(Member.guild_id == guild_id)
        )
        people = {row.user_id: row.name for row in rows}

    def name_of(discord_id: int) -> str:
        if discord_id == view.everyone_id:
            return t("everyone")
        member, role = view.member(discord_id), view.role(discord_id)
        channel = view.channel_name(discord_id) or objects.get(discord_id)
        event = view.event_name(discord_id)
        if member is not None:
            return member.name
        if channel is not None:
            return f"#{channel}"
        if role is not None:
            return t("the role {role}", role=role.name)
        if event is not None:
            return f"“{event}”"
        return people.get(discord_id) or t("somebody who left")

    return name_of


async def plan(
    guild_id: int, group_ids: Sequence[int] | None = None, *, repair: bool = False
) -> Planned:
    """What a sync of these groups (None: all) would change; changes nothing itself.

    Raises TemporaryError where Discord does not show the guild now.
    """
    view = guild_view(guild_id)
    if view is None:
        raise TemporaryError(
            t("Discord does not show this server right now. Try again in a minute.")
        )
    name_of = await names(guild_id, view)
    async with get_database().transaction() as session:
        facts = [
            f
            for f in await access_queries.gather(session, group_ids)
            if f.group.guild_id == guild_id
        ]
        plans = [access.plan(f, view, utcnow(), repair=repair).whole for f in facts]
        of_events = await events.planned(session, facts, utcnow(), repair=repair)
        homes = await _new_categories(
            session,
            [(f, p) for f, p in zip(facts, plans, strict=True) if _makes_channels(p.changes)],
            view,
        )
    result = Planned(looked_at=len(facts))
    for fact, whole in zip(facts, _shared_once(facts, plans), strict=True):
        _add(result, fact, whole, of_events.get(fact.group.id, _NO_EVENTS),
             home=homes.get(fact.group.id), view=view, name_of=name_of)  # fmt: skip
    return result


def _add(
    result: Planned,
    fact: access_queries.Facts,
    whole: Plan,
    of_events: EventPlan,
    *,
    home: str | None,
    view: GuildView,
    name_of: Callable[[int], str],
) -> None:
    """One group's part, if there is anything to do or to report; `home` is its new category."""
    by_hand = shown(whole.by_hand, fact.state.by_hand if fact.state else {})
    result.by_hand += len(by_hand)
    on_calendar = [
        c.words() for c in of_events.changes if not isinstance(c, FindEvent | SettleEvent)
    ]
    if not (whole or by_hand or on_calendar):
        return
    born = [name_of(user) for user in _born_inside(whole.changes, fact, view)]
    _sum(result, whole.changes, home=home, born=len(born))
    result.groups.append(
        PlannedGroup(
            fact.group.id, f"{fact.group.name} · {fact.group.cohort_name}",
            (
                *([Create("category", home).words(name_of)] if home else []),
                *_without_category(whole).words(name_of),
                *(t("let {who} in from the start", who=name) for name in born),
                *on_calendar,
            ),
            tuple(b.words(name_of) for b in by_hand),
        )
    )  # fmt: skip


def _shared_once(facts: Sequence[access_queries.Facts], plans: Sequence[Plan]) -> list[Plan]:
    """Whichever group comes first makes what a cohort shares: the others' plans leave it out."""
    told: set[int] = set()
    result = []
    for fact, plan in zip(facts, plans, strict=True):
        mine = [c for c in plan.changes if isinstance(c, Create) and c.kind == channels.SHARED]
        again = bool(mine) and fact.group.cohort_id in told
        told |= {fact.group.cohort_id} if mine else set()
        kept = tuple(c for c in plan.changes if c not in mine)
        result.append(replace(plan, changes=kept) if again else plan)
    return result


def _makes_channels(changes: Sequence[object]) -> bool:
    return any(isinstance(c, Create) and c.kind in {"text", "voice"} for c in changes)


def _without_category(plan: Plan) -> Plan:
    """Categories are shared by groups, so they are told of once; see _new_categories."""
    kept = tuple(c for c in plan.changes if not (isinstance(c, Create) and c.kind == "category"))
    return Plan(kept)


def _sum(result: Planned, changes: Sequence[object], *, home: str | None, born: int) -> None:
    """Add one group's changes to the sums."""
    result.categories += home is not None
    result.creates += home is not None
    result.grants += born
    for change in changes:
        if isinstance(change, Create) and change.kind != "category":
            result.creates += 1
            result.roles += change.kind == "role"
            result.channels += change.kind != "role"
        result.renames += isinstance(change, Rename)
        if isinstance(change, SetAccess):
            result.removals += change.verb == "revoke"
            result.grants += change.verb != "revoke"


async def _new_categories(
    session: AsyncSession, making: Sequence[tuple[access_queries.Facts, Plan]], view: GuildView
) -> dict[int, str]:
    """By group id, the category that would be made for it; later groups of it are not listed.

    Goes through the groups in order, as the sync does, with Discord's limit of 50 channels per
    category (core.reconcile.channels.CATEGORY_LIMIT).
    """
    cohorts = {f.group.cohort_id for f, _ in making}
    rows = await session.execute(
        select(ManagedObject, func.count(_Child.id))
        .outerjoin(_Child, _Child.parent_id == ManagedObject.id)
        .where(ManagedObject.cohort_id.in_(cohorts), ManagedObject.kind == "category")
        .group_by(ManagedObject.id)
    )
    inside: dict[int, dict[int, int]] = {cohort: {} for cohort in cohorts}
    made: set[tuple[int, int]] = set()
    for item, promised in rows:
        assert item.cohort_id is not None
        there = len(list(view.children(item.discord_id))) if item.discord_id else 0
        full = channels.CATEGORY_LIMIT if item.state == "deleted" else 0
        inside[item.cohort_id][item.ordinal] = max(promised, there, full)
        if item.state != "intent":
            made.add((item.cohort_id, item.ordinal))
    homes: dict[int, str] = {}
    for fact, plan in making:
        group, own = fact.group, fact.category
        rooms = sum(isinstance(c, Create) and c.kind in {"text", "voice"} for c in plan.changes)
        if own is not None and own.state != "deleted":
            ordinal = own.ordinal  # its place there was promised before
        else:
            ordinal = channels.fitting_category(inside[group.cohort_id], rooms)
            taken = inside[group.cohort_id].get(ordinal, 0)
            inside[group.cohort_id][ordinal] = taken + rooms
        if (group.cohort_id, ordinal) not in made:
            made.add((group.cohort_id, ordinal))
            homes[group.id] = channels.category_name(group.cohort_name, ordinal)
    return homes


def _born_inside(
    changes: Sequence[object], fact: access_queries.Facts, view: GuildView
) -> list[int]:
    """Who gets access by a channel's birth rather than by a change of its own."""
    if not any(isinstance(c, Create) for c in changes):
        return []
    return [p.user_id for p in access.people_of(fact, view) if p.status == "active" and p.here]


async def confirm(actor: Actor, group_ids: Sequence[int]) -> None:
    """A moderator saw the plan and said yes: also to removals that nothing explains."""
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        mine = await session.scalars(
            update(Group)
            .where(Group.guild_id == actor.guild_id, Group.id.in_(list(group_ids)))
            .values(confirmed_removals_at=now)
            .returning(Group.id)
        )
        ids = list(mine)
        audit(session, actor, "sync_applied", after={"groups": len(ids)})
        await mark_due(session, ids, now, systems=("discord",))
