"""What moderators can do with a group. Each function is one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    AuditEntry,
    CohortStatus,
    Group,
    GroupStatus,
    ManagedObject,
    Membership,
    MembershipStatus,
)
from core.db.queries import events
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations import series
from core.operations.cohort_draft import MAX_SEATS
from core.operations.common import Actor, audit, clean, get_cohort, get_group
from core.operations.group_views import GroupView, show
from core.reconcile.trace import LIVE, RowChange, Trace, changed, ended
from core.words import mark, t

NAME_LIMIT = 80  # of Discord's 100, so that "… Voice" and a cohort's name fit beside it
_ENDED = {
    GroupStatus.completed: mark("“{group}” is completed; it cannot be changed."),
    GroupStatus.merged: mark("“{group}” is merged; it cannot be changed."),
    GroupStatus.cancelled: mark("“{group}” is cancelled; it cannot be changed."),
}


def _taken(name: str, error: IntegrityError) -> Exception:
    if "uq_groups_name" in str(error.orig):
        text = t("This cohort has a group “{name}” already. Choose another name.", name=name)
        return Refusal("name_taken", text)
    return error


def _seats(value: int) -> int:
    if not 1 <= value <= MAX_SEATS:
        text = t("Seats must be a number from {low} to {high}.", low=1, high=MAX_SEATS)
        raise Refusal("out_of_range", text)
    return value


async def create(actor: Actor, cohort_id: int, name: str, seats: int | None = None) -> GroupView:
    """Add a group to a cohort."""
    actor.must_moderate()
    name = clean(name, limit=NAME_LIMIT, what="group's name")
    try:
        async with get_database().transaction() as session:
            cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
            if cohort.status not in {CohortStatus.draft, CohortStatus.open}:
                raise Refusal("closed", t("This cohort is closed; it takes no new groups."))
            group = Group(
                guild_id=actor.guild_id, cohort_id=cohort_id, name=name,
                seats=_seats(seats if seats is not None else cohort.seats), created_at=utcnow(),
                rule=await _usual_rule(session, cohort_id),
            )  # fmt: skip
            session.add(group)
            await session.flush()
            await series.follow(session, [group.id], utcnow())
            entry = audit(
                session, actor, "group_created", cohort_id=cohort_id, group_id=group.id,
                after={"name": name, "seats": group.seats},
                trace=Trace(groups=(RowChange(group.id, None, {"status": GroupStatus.preview}),)),
            )  # fmt: skip
            group_id = group.id
    except IntegrityError as error:
        raise _taken(name, error) from error
    return await _noted(actor, group_id, entry)


async def _usual_rule(session: AsyncSession, cohort_id: int) -> dict[str, Any] | None:
    """When all live groups of a cohort meet; None where they differ or have no time yet."""
    found = await session.scalars(
        select(Group.rule).where(Group.cohort_id == cohort_id, Group.status.in_(LIVE))
    )
    rules = list(found)
    return rules[0] if rules and all(rule == rules[0] for rule in rules) else None


async def _noted(actor: Actor, group_id: int, entry: AuditEntry | None) -> GroupView:
    """The group as it is now, with the history's entry where something changed."""
    shown = await show(actor.guild_id, group_id)
    return replace(shown, entry_id=entry.id if entry is not None else None)


def must_live(group: Group | GroupView) -> None:
    """Raise Refusal(group_ended) for a group that was archived, merged or cancelled."""
    if group.status not in LIVE:
        raise Refusal("group_ended", t(_ENDED[GroupStatus(group.status)], group=group.name))


async def edit(
    actor: Actor, group_id: int, *, name: str | None = None, seats: int | None = None
) -> GroupView:
    """Rename a group (Discord follows) or change its seats; nobody loses a seat by it."""
    actor.must_moderate()
    name = clean(name, limit=NAME_LIMIT, what="group's name") if name is not None else None
    try:
        async with get_database().transaction() as session:
            group = await get_group(session, actor.guild_id, group_id, lock=True)
            must_live(group)
            before = {"name": group.name, "seats": group.seats}
            group.name = name or group.name
            group.seats = _seats(seats) if seats is not None else group.seats
            after = {"name": group.name, "seats": group.seats}
            entry = None
            if before != after:
                entry = audit(
                    session, actor, "group_edited", cohort_id=group.cohort_id, group_id=group_id,
                    before=before, after=after,
                    trace=Trace(groups=tuple(changed(group_id, before, after))),
                )  # fmt: skip
            await session.flush()
            await mark_due(session, [group_id], utcnow())
    except IntegrityError as error:
        raise _taken(name or "", error) from error
    return await _noted(actor, group_id, entry)


async def open_(actor: Actor, group_id: int) -> GroupView:
    """Have this group's channels made, though its cohort may still be a draft.

    Raises Refusal(empty_group): a group without members gets no channels; its first opens it.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        must_live(group)
        inside = await session.scalar(
            select(func.count()).where(
                Membership.group_id == group_id, Membership.status == MembershipStatus.active
            )
        )
        if not inside:
            raise Refusal(
                "empty_group",
                t(
                    "Nobody is in “{group}” yet, so it has no channels. They are created as soon "
                    "as the first person joins an open cohort or you add somebody.",
                    group=group.name,
                ),
            )
        entry = None
        if group.opened_at is None:
            group.opened_at = utcnow()
            row = changed(group_id, {"opened_at": None}, {"opened_at": group.opened_at})
            entry = audit(
                session, actor, "group_opened", cohort_id=group.cohort_id, group_id=group_id,
                trace=Trace(groups=tuple(row)),
            )  # fmt: skip
        await session.flush()
        await series.follow(session, [group_id], utcnow())
        await mark_due(session, [group_id], utcnow())
    return await _noted(actor, group_id, entry)


async def archive(actor: Actor, group_id: int) -> GroupView:
    """The group is done: its people can still read, nobody can write, nothing is deleted."""
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        must_live(group)
        row = changed(group_id, {"status": group.status}, {"status": GroupStatus.completed})
        group.status, done = GroupStatus.completed, MembershipStatus.completed
        found = await session.execute(
            update(Membership)
            .where(Membership.group_id == group_id, Membership.status == MembershipStatus.active)
            .values(status=done, ended_at=now, reason="archived")
            .returning(Membership.id, Membership.user_id, Membership.group_id)
        )
        people = [(i, user, group) for i, user, group in found]
        entry = audit(
            session, actor, "group_archived", cohort_id=group.cohort_id, group_id=group_id,
            after={"people": [str(user) for _, user, _ in people]},
            trace=Trace(ended(people, done, "archived", now), tuple(row)),
        )  # fmt: skip
        await session.flush()
        await series.end(session, [group_id], entry.id, now)
        await mark_due(session, [group_id], now)
    return await _noted(actor, group_id, entry)


async def deleted(guild_id: int, group_id: int) -> int:
    """How many of the group's channels and roles somebody deleted on Discord."""
    async with get_database().alone() as session:
        found = await session.scalar(
            select(func.count()).where(
                ManagedObject.guild_id == guild_id,
                ManagedObject.group_id == group_id,
                ManagedObject.state == "deleted",
            )
        )
    return found or 0


async def repair(actor: Actor, group_id: int) -> list[str]:
    """Have everything made again that somebody deleted on Discord; what that is, by kind."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        shared = and_(
            ManagedObject.cohort_id == group.cohort_id, ManagedObject.kind == "text"
        )  # the channel of all its groups
        own = await session.scalars(
            select(ManagedObject).where(or_(ManagedObject.group_id == group_id, shared))
        )
        mine = own.all()
        parents = await session.scalars(
            select(ManagedObject).where(
                ManagedObject.id.in_([o.parent_id for o in mine if o.parent_id is not None])
            )
        )
        kinds = []
        for item in [*parents, *mine]:
            if item.state == "deleted":
                item.state, item.discord_id, item.intent_at = "intent", None, utcnow()
                item.renamed_at, item.adopted = [], False  # what comes now, Muster makes
                kinds.append(item.kind)
        if await events.bring_back(session, actor.guild_id, group_id):
            kinds.append("event")
        if kinds:
            audit(
                session, actor, "group_repaired", cohort_id=group.cohort_id, group_id=group_id,
                after={"kinds": kinds},
            )  # fmt: skip
        await mark_due(session, [group_id], utcnow(), systems=("discord", "rsvps"))
    return kinds
