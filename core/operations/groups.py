"""What can be done with a group, and what members see of the groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    GroupStatus,
    ManagedObject,
    Membership,
    MembershipStatus,
)
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations.cohorts import LIVE, MAX_SEATS
from core.operations.common import Actor, audit, clean, get_cohort, get_group, guild_settings

NAME_LIMIT = 80  # of Discord's 100, so that "… Voice" and a cohort's name fit beside it
GOOD_SIZE = (3, 4)  # groups of this size get a badge: there is company, and room


@dataclass(frozen=True)
class GroupView:
    """A group as people see it. Channel ids are Discord's, None while there is no channel."""

    id: int
    name: str
    cohort_id: int
    cohort_name: str
    start_date: date
    status: str
    members: int
    seats: int
    started: bool
    text_id: int | None = None
    voice_id: int | None = None
    mine: bool = False

    @property
    def label(self) -> str:
        """Unique within a guild's live groups."""
        return f"{self.name} · {self.cohort_name}"

    @property
    def full(self) -> bool:
        return self.members >= self.seats

    @property
    def good_size(self) -> bool:
        return GOOD_SIZE[0] <= self.members <= GOOD_SIZE[1]


def has_started(start: date, zone: str, now: datetime) -> bool:
    """From the start date's first minute in the guild's zone."""
    return now.astimezone(ZoneInfo(zone)).date() >= start


async def views(
    session: AsyncSession, guild_id: int, *, user_id: int | None = None, drafts: bool = False
) -> list[GroupView]:
    """All live groups of the guild's open cohorts (and drafts), unsorted, in two statements."""
    settings = await guild_settings(session, guild_id)
    return await _select(session, guild_id, settings.zone, user_id=user_id, drafts=drafts)


async def _select(
    session: AsyncSession,
    guild_id: int,
    zone: str,
    *,
    user_id: int | None = None,
    drafts: bool = False,
    group_id: int | None = None,
) -> list[GroupView]:
    counts = (
        select(Membership.group_id, func.count().label("n"))
        .where(
            Membership.guild_id == guild_id,
            Membership.status == MembershipStatus.active,
            Membership.role == "participant",
        )
        .group_by(Membership.group_id)
        .subquery()
    )

    def channel(kind: str) -> Any:
        return (
            select(ManagedObject.discord_id)
            .where(
                ManagedObject.group_id == Group.id,
                ManagedObject.kind == kind,
                ManagedObject.state == "created",
            )
            .scalar_subquery()
        )

    mine = (
        select(Membership.id)
        .where(
            Membership.group_id == Group.id,
            Membership.user_id == (user_id or 0),
            Membership.status == MembershipStatus.active,
        )
        .exists()
    )
    query = (
        select(
            Group.id, Group.name, Cohort.id, Cohort.name, Cohort.start_date, Group.status,
            func.coalesce(counts.c.n, 0), Group.seats, channel("text"), channel("voice"), mine,
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .outerjoin(counts, counts.c.group_id == Group.id)
        .where(Group.guild_id == guild_id)
        .order_by(Cohort.start_date, Cohort.id, Group.id)
    )  # fmt: skip
    if group_id is not None:
        query = query.where(Group.id == group_id)
    else:
        shown = ["open", "draft"] if drafts else ["open"]
        query = query.where(Group.status.in_(LIVE), Cohort.status.in_(shown))
    now = utcnow()
    rows = cast("list[Any]", (await session.execute(query)).all())
    return [
        GroupView(
            group, name, cohort, cohort_name, start, status, members, seats,
            has_started(start, zone, now), text_id, voice_id, bool(is_mine),
        )
        for group, name, cohort, cohort_name, start, status, members, seats,
            text_id, voice_id, is_mine in rows
    ]  # fmt: skip


async def joinable(guild_id: int, user_id: int | None) -> list[GroupView]:
    """What a member sees: full and started groups hidden, smallest first, their own always.

    Somebody who is in a group of the cohort may switch late, so started groups stay for them.
    """
    async with get_database().transaction() as session:
        rows = await views(session, guild_id, user_id=user_id)
    switching = {v.cohort_id for v in rows if v.mine}
    shown = [
        v for v in rows if v.mine or (not v.full and (not v.started or v.cohort_id in switching))
    ]
    return sorted(shown, key=lambda v: (not v.mine, v.start_date, v.cohort_id, v.members, v.id))


async def full_groups(guild_id: int, user_id: int) -> list[GroupView]:
    """Groups that would do but for their seats: "tell me when one is free"."""
    async with get_database().transaction() as session:
        rows = await views(session, guild_id, user_id=user_id)
    return [v for v in rows if v.full and not v.mine and not v.started]


async def of_member(guild_id: int, user_id: int) -> list[GroupView]:
    """The groups that a person is in now."""
    async with get_database().transaction() as session:
        return [v for v in await views(session, guild_id, user_id=user_id, drafts=True) if v.mine]


async def show(guild_id: int, group_id: int, user_id: int | None = None) -> GroupView:
    """One group, whatever its status. Raises Refusal(group_not_found)."""
    async with get_database().transaction() as session:
        await get_group(session, guild_id, group_id)
        zone = (await guild_settings(session, guild_id)).zone
        found = await _select(session, guild_id, zone, user_id=user_id, group_id=group_id)
    return found[0]


def _taken(name: str, error: IntegrityError) -> Exception:
    if "uq_groups_name" in str(error.orig):
        return Refusal(
            "name_taken", f"This cohort has a group “{name}” already. Choose another name."
        )
    return error


def _seats(value: int) -> int:
    if not 1 <= value <= MAX_SEATS:
        raise Refusal("out_of_range", f"Seats must be a number from 1 to {MAX_SEATS}.")
    return value


async def create(actor: Actor, cohort_id: int, name: str, seats: int | None = None) -> GroupView:
    """Add a group to a cohort."""
    actor.must_moderate()
    name = clean(name, limit=NAME_LIMIT, what="group's name")
    try:
        async with get_database().transaction() as session:
            cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
            if cohort.status not in {CohortStatus.draft, CohortStatus.open}:
                raise Refusal("closed", "This cohort is closed; it takes no new groups.")
            group = Group(
                guild_id=actor.guild_id, cohort_id=cohort_id, name=name,
                seats=_seats(seats if seats is not None else cohort.seats), created_at=utcnow(),
            )  # fmt: skip
            session.add(group)
            await session.flush()
            audit(
                session, actor, "group_created", cohort_id=cohort_id, group_id=group.id,
                after={"name": name, "seats": group.seats},
            )  # fmt: skip
            group_id = group.id
    except IntegrityError as error:
        raise _taken(name, error) from error
    return await show(actor.guild_id, group_id)


def _must_live(group: Group) -> None:
    if group.status not in LIVE:
        raise Refusal("group_ended", f"“{group.name}” is {group.status}; it cannot be changed.")


async def edit(
    actor: Actor, group_id: int, *, name: str | None = None, seats: int | None = None
) -> GroupView:
    """Rename a group (Discord follows) or change its seats; nobody loses a seat by it."""
    actor.must_moderate()
    name = clean(name, limit=NAME_LIMIT, what="group's name") if name is not None else None
    try:
        async with get_database().transaction() as session:
            group = await get_group(session, actor.guild_id, group_id, lock=True)
            _must_live(group)
            before = {"name": group.name, "seats": group.seats}
            group.name = name or group.name
            group.seats = _seats(seats) if seats is not None else group.seats
            after = {"name": group.name, "seats": group.seats}
            if before != after:
                audit(
                    session, actor, "group_edited", cohort_id=group.cohort_id, group_id=group_id,
                    before=before, after=after,
                )  # fmt: skip
            await session.flush()
            await mark_due(session, [group_id], utcnow())
    except IntegrityError as error:
        raise _taken(name or "", error) from error
    return await show(actor.guild_id, group_id)


async def open_(actor: Actor, group_id: int) -> GroupView:
    """Have this group's channels made, though its cohort may still be a draft.

    Raises Refusal(empty_group): a group without members gets no channels; its first opens it.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        _must_live(group)
        inside = await session.scalar(
            select(func.count()).where(
                Membership.group_id == group_id, Membership.status == MembershipStatus.active
            )
        )
        if not inside:
            raise Refusal(
                "empty_group",
                f"Nobody is in “{group.name}” yet, so it has no channels. They are created as "
                "soon as the first person joins an open cohort or you add somebody.",
            )
        if group.opened_at is None:
            group.opened_at = utcnow()
            audit(session, actor, "group_opened", cohort_id=group.cohort_id, group_id=group_id)
        await mark_due(session, [group_id], utcnow())
    return await show(actor.guild_id, group_id)


async def archive(actor: Actor, group_id: int) -> GroupView:
    """The group is done: its people can still read, nobody can write, nothing is deleted."""
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        _must_live(group)
        group.status = GroupStatus.completed
        people = await session.scalars(
            update(Membership)
            .where(Membership.group_id == group_id, Membership.status == MembershipStatus.active)
            .values(status=MembershipStatus.completed, ended_at=now, reason="archived")
            .returning(Membership.user_id)
        )
        audit(
            session, actor, "group_archived", cohort_id=group.cohort_id, group_id=group_id,
            after={"people": [str(p) for p in people]},
        )  # fmt: skip
        await mark_due(session, [group_id], now)
    return await show(actor.guild_id, group_id)


async def repair(actor: Actor, group_id: int) -> list[str]:
    """Have everything made again that somebody deleted on Discord; what that is, by kind."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        own = await session.scalars(select(ManagedObject).where(ManagedObject.group_id == group_id))
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
                item.renamed_at = []
                kinds.append(item.kind)
        if kinds:
            audit(
                session, actor, "group_repaired", cohort_id=group.cohort_id, group_id=group_id,
                after={"kinds": kinds},
            )  # fmt: skip
        await mark_due(session, [group_id], utcnow(), systems=("discord",))
    return kinds


async def merge(actor: Actor, source_id: int, target_id: int) -> tuple[GroupView, int]:
    """Everybody of one group moves to another of the same cohort; the target and how many moved.

    Seats are no obstacle: a moderator decided. The source's channels stay for moderators.
    Raises Refusal(same_group, other_cohort, group_ended).
    """
    actor.must_moderate()
    now = utcnow()
    if source_id == target_id:
        raise Refusal("same_group", "Choose two different groups.")
    async with get_database().transaction() as session:
        # In order of id, so that two merges at once never wait for each other in a circle.
        locked = {
            i: await get_group(session, actor.guild_id, i, lock=True)
            for i in sorted((source_id, target_id))
        }
        source, target = locked[source_id], locked[target_id]
        _must_live(source)
        _must_live(target)
        if source.cohort_id != target.cohort_id:
            raise Refusal("other_cohort", "Only groups of the same cohort can be merged.")
        people = await _move_everybody(session, source, target, now)
        source.status, source.merged_into_id = GroupStatus.merged, target_id
        audit(
            session, actor, "group_merged", cohort_id=source.cohort_id, group_id=source_id,
            before={"people": [str(p) for p in people]},
            after={"into": target_id, "group": target.name},
        )  # fmt: skip
        await mark_due(session, [source_id, target_id], now)
    return await show(actor.guild_id, target_id), len(people)


async def _move_everybody(
    session: AsyncSession, source: Group, target: Group, now: datetime
) -> list[int]:
    """End the memberships of the source and begin the same ones in the target, with new seats."""
    rows = await session.scalars(
        select(Membership)
        .where(Membership.group_id == source.id, Membership.status == MembershipStatus.active)
        .with_for_update()  # who is just switching away is left out once that is done
    )
    moving = rows.all()
    for old in moving:
        old.status, old.ended_at, old.reason = MembershipStatus.dropped, now, "merged"
    await session.flush()
    highest = await session.scalar(
        select(func.max(Membership.seat)).where(
            Membership.group_id == target.id, Membership.status == MembershipStatus.active
        )
    )
    seat = highest or 0
    for old in moving:
        seat += old.seat is not None
        session.add(
            Membership(
                guild_id=old.guild_id, cohort_id=old.cohort_id, group_id=target.id,
                user_id=old.user_id, role=old.role, created_at=now,
                seat=seat if old.seat is not None else None,
            )
        )  # fmt: skip
    await session.flush()
    return [old.user_id for old in moving]
