"""What moderators see first: how much there is, what this week brings, what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Delivery, DeliveryStatus, Meeting, MeetingStatus
from core.db.models import (
    Cohort,
    CohortStatus,
    Expected,
    Group,
    GroupStatus,
    ManagedObject,
    Membership,
    MembershipStatus,
    SeatWatch,
    SyncState,
    SyncStatus,
)
from core.operations.common import guild_settings
from core.reconcile.trace import LIVE

WEEK = timedelta(days=7)
_PATIENCE = timedelta(hours=1)  # a message that fails for so long may need a person


@dataclass(frozen=True)
class Needs:
    """How many groups (people, where it says so) want a look of a person."""

    gave_up: int = 0
    trying: int = 0  # a temporary failure; Muster tries again by itself
    by_hand: int = 0
    deleted: int = 0
    full: int = 0
    waiting: int = 0  # people who asked to be told of a free seat
    expected: int = 0  # people on a list who are not on the server yet
    unsent: int = 0  # messages of the last seven days that were given up, or fail for an hour

    @property
    def urgent(self) -> int:
        """What does not go away without a person."""
        return self.gave_up + self.by_hand + self.deleted


@dataclass(frozen=True)
class CohortLine:
    """One cohort in the list: how it stands and how big it is."""

    id: int
    name: str
    status: str
    start_date: date
    groups: int
    people: int


@dataclass(frozen=True)
class Home:
    """Counts of one guild, and what happens within a week (days in the guild's zone)."""

    open: int
    drafts: int
    groups: int
    people: int
    needs: Needs
    starting: tuple[tuple[str, date], ...] = ()
    joined: int = 0
    left: int = 0


async def show(guild_id: int) -> Home:
    """The home panel's facts, in eight statements whatever there is."""
    now = utcnow()
    async with get_database().alone() as session:
        settings = await guild_settings(session, guild_id)
        today = now.astimezone(ZoneInfo(settings.zone)).date()
        counted = await session.execute(
            select(Cohort.status, func.count())
            .where(Cohort.guild_id == guild_id)
            .group_by(Cohort.status)
        )
        cohorts: dict[str, int] = {row[0]: row[1] for row in counted}
        starting = await session.execute(
            select(Cohort.name, Cohort.start_date)
            .where(
                Cohort.guild_id == guild_id,
                Cohort.status.in_((CohortStatus.draft, CohortStatus.open)),
                Cohort.start_date.between(today, today + WEEK),
            )
            .order_by(Cohort.start_date, Cohort.id)
            .limit(20)
        )
        joined, left = await _movement(session, guild_id, now - WEEK)
        groups, people, full = await _groups(session, guild_id)
        return Home(
            open=cohorts.get(CohortStatus.open, 0),
            drafts=cohorts.get(CohortStatus.draft, 0),
            groups=groups,
            people=people,
            needs=await _needs(session, guild_id, full),
            starting=tuple((row.name, row.start_date) for row in starting),
            joined=joined,
            left=left,
        )


def _running(guild_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Group.guild_id == guild_id,
        Group.status.in_(LIVE),
        Cohort.status.in_((CohortStatus.draft, CohortStatus.open)),
    )


async def _groups(session: AsyncSession, guild_id: int) -> tuple[int, int, int]:
    """(groups, different people in them, full groups) of cohorts that run or are drafts."""
    inside = (
        select(
            Group.id.label("group_id"),
            Group.seats,
            func.count(Membership.seat).label("taken"),
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .outerjoin(
            Membership,
            and_(Membership.group_id == Group.id, Membership.status == MembershipStatus.active),
        )
        .where(*_running(guild_id))
        .group_by(Group.id)
        .subquery()
    )
    row = (
        await session.execute(
            select(
                func.count(), func.count(case((inside.c.taken >= inside.c.seats, 1)))
            ).select_from(inside)
        )
    ).one()
    people = await session.scalar(
        select(func.count(Membership.user_id.distinct()))
        .join(Group, Group.id == Membership.group_id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(*_running(guild_id), Membership.status == MembershipStatus.active)
    )
    return row[0], people or 0, row[1]


async def _movement(session: AsyncSession, guild_id: int, since: datetime) -> tuple[int, int]:
    """(people who joined a group, people who left one) since then; a switch is neither."""
    came = and_(Membership.created_at >= since, Membership.status == MembershipStatus.active)
    went = and_(
        Membership.ended_at >= since,
        Membership.status.in_((MembershipStatus.dropped, MembershipStatus.removed)),
        func.coalesce(Membership.reason, "") != "switched",
    )
    row = (
        await session.execute(
            select(func.count(case((came, 1))), func.count(case((went, 1)))).where(
                Membership.guild_id == guild_id,
                or_(Membership.created_at >= since, Membership.ended_at >= since),
            )
        )
    ).one()
    return row[0], row[1]


async def _needs(session: AsyncSession, guild_id: int, full: int) -> Needs:
    notes: Any = SyncState.by_hand["notes"]
    # A rename that waits for its turn is no failure and has no class.
    trying = and_(SyncState.status == SyncStatus.waiting, SyncState.error_class.is_not(None))
    states = (
        await session.execute(
            select(
                func.count(case((SyncState.status == SyncStatus.parked, 1))),
                func.count(case((trying, 1))),
                func.count(case((func.jsonb_array_length(notes) > 0, 1))),
            ).where(SyncState.guild_id == guild_id)
        )
    ).one()
    deleted, events, waiting, expected, unsent = (
        await session.execute(select(*(n.scalar_subquery() for n in _numbers(guild_id))))
    ).one()
    return Needs(
        gave_up=states[0],
        trying=states[1],
        by_hand=states[2],
        deleted=deleted + events,
        full=full,
        waiting=waiting,
        expected=expected,
        unsent=unsent,
    )


def _numbers(guild_id: int) -> tuple[Select[int], ...]:
    """Deleted objects, deleted events, people who wait, people expected, messages not sent."""
    now = utcnow()
    return (
        select(func.count()).where(
            ManagedObject.guild_id == guild_id, ManagedObject.state == "deleted"
        ),
        select(func.count()).where(
            Meeting.guild_id == guild_id,
            Meeting.event_state == "gone",
            Meeting.status == MeetingStatus.planned,
            Meeting.starts_at > now,
        ),
        select(func.count()).where(SeatWatch.guild_id == guild_id, SeatWatch.told_at.is_(None)),
        select(func.count())
        .select_from(Expected)
        .join(Group, Group.id == Expected.group_id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(*_running(guild_id)),
        _unsent(guild_id, now),
    )


def _unsent(guild_id: int, now: datetime) -> Select[int]:
    return select(func.count()).where(
        Delivery.guild_id == guild_id,
        Delivery.due_at > now - WEEK,
        or_(
            Delivery.status == DeliveryStatus.dead,
            and_(Delivery.status == DeliveryStatus.failed, Delivery.due_at < now - _PATIENCE),
        ),
    )


async def unsent(guild_id: int) -> int:
    """Messages of the last seven days that were given up, or fail for an hour."""
    async with get_database().transaction() as session:
        return await session.scalar(_unsent(guild_id, utcnow())) or 0


async def cohorts(guild_id: int, *, page: int, size: int) -> tuple[list[CohortLine], int]:
    """One page of the cohorts, those that run first, and how many there are in all."""
    running = case(
        (Cohort.status == CohortStatus.open, 0), (Cohort.status == CohortStatus.draft, 1)
    )
    counted = (
        select(
            Group.cohort_id,
            func.count(Group.id.distinct()).label("groups"),
            func.count(Membership.id).label("people"),
        )
        .outerjoin(
            Membership,
            and_(Membership.group_id == Group.id, Membership.status == MembershipStatus.active),
        )
        .where(Group.guild_id == guild_id, Group.status != GroupStatus.merged)
        .group_by(Group.cohort_id)
        .subquery()
    )
    query = (
        select(
            Cohort.id, Cohort.name, Cohort.status, Cohort.start_date,
            func.coalesce(counted.c.groups, 0), func.coalesce(counted.c.people, 0),
        )
        .outerjoin(counted, counted.c.cohort_id == Cohort.id)
        .where(Cohort.guild_id == guild_id)
        .order_by(running.nulls_last(), Cohort.start_date.desc(), Cohort.id)
        .offset(page * size)
        .limit(size)
    )  # fmt: skip
    async with get_database().transaction() as session:
        rows = (await session.execute(query)).all()
        total = await session.scalar(
            select(func.count()).select_from(Cohort).where(Cohort.guild_id == guild_id)
        )
    return [CohortLine(*row) for row in rows], total or 0


@dataclass(frozen=True)
class Crowded:
    """A full group, and how many people asked to be told of a free seat there."""

    label: str
    waiting: int


async def crowded(guild_id: int) -> list[Crowded]:
    """The full groups, those that most people wait for first."""
    taken = (
        select(func.count(Membership.seat))
        .where(Membership.group_id == Group.id, Membership.status == MembershipStatus.active)
        .scalar_subquery()
    )
    waiting = (
        select(func.count(SeatWatch.id))
        .where(SeatWatch.group_id == Group.id, SeatWatch.told_at.is_(None))
        .scalar_subquery()
    )
    query = (
        select(Group.name, Cohort.name, waiting)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(*_running(guild_id), taken >= Group.seats)
        .order_by(waiting.desc(), Group.id)
    )
    async with get_database().transaction() as session:
        rows = (await session.execute(query)).all()
    return [Crowded(f"{group} · {cohort}", n) for group, cohort, n in rows]


async def expected(guild_id: int) -> list[tuple[str, str]]:
    """(name, group's label) of everybody on a list who is not on the server yet."""
    query = (
        select(Expected.name, Group.name, Cohort.name)
        .join(Group, Group.id == Expected.group_id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(*_running(guild_id))
        .order_by(Cohort.id, Group.id, Expected.name)
    )
    async with get_database().transaction() as session:
        rows = (await session.execute(query)).all()
    return [(name, f"{group} · {cohort}") for name, group, cohort in rows]
