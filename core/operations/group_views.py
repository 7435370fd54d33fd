"""The groups as people see them: joinable ones, their own, one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting, MeetingStatus
from core.db.models import Cohort, Expected, Group, ManagedObject, Membership, MembershipStatus
from core.db.queries.meetings import ends
from core.operations.common import get_group, guild_settings
from core.reconcile.trace import LIVE

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
    expected: int = 0  # people of a list who are not on the server yet: they hold a seat
    entry_id: int | None = None  # of the history, where an operation gave this
    next_at: datetime | None = None  # when its next meeting is or began (UTC)
    next_id: int | None = None  # that meeting

    @property
    def taken(self) -> int:
        """Seats that are not free."""
        return self.members + self.expected

    @property
    def label(self) -> str:
        """Unique within a guild's live groups."""
        return f"{self.name} · {self.cohort_name}"

    @property
    def full(self) -> bool:
        return self.taken >= self.seats

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


def _participants(guild_id: int) -> Any:
    """How many participants each group has."""
    return (
        select(Membership.group_id, func.count().label("n"))
        .where(
            Membership.guild_id == guild_id,
            Membership.status == MembershipStatus.active,
            Membership.role == "participant",
        )
        .group_by(Membership.group_id)
        .subquery()
    )


def _expected(guild_id: int) -> Any:
    """How many seats of each group are held for people who are not on the server yet."""
    return (
        select(Expected.group_id, func.count().label("n"))
        .where(Expected.guild_id == guild_id, Expected.role == "participant")
        .group_by(Expected.group_id)
        .subquery()
    )


def _channel(kind: str) -> Any:
    return (
        select(ManagedObject.discord_id)
        .where(
            ManagedObject.group_id == Group.id,
            ManagedObject.kind == kind,
            ManagedObject.state == "created",
        )
        .scalar_subquery()
    )


def _mine(user_id: int | None) -> Any:
    return (
        select(Membership.id)
        .where(
            Membership.group_id == Group.id,
            Membership.user_id == (user_id or 0),
            Membership.status == MembershipStatus.active,
        )
        .exists()
    )


def _following(column: Any, now: datetime) -> Any:
    """A column of the group's next meeting."""
    planned = Meeting.status == MeetingStatus.planned
    return (
        select(column)
        .where(Meeting.group_id == Group.id, planned, ends() > now)
        .order_by(Meeting.starts_at, Meeting.id)
        .limit(1)
        .scalar_subquery()
    )


async def _select(
    session: AsyncSession,
    guild_id: int,
    zone: str,
    *,
    user_id: int | None = None,
    drafts: bool = False,
    group_id: int | None = None,
) -> list[GroupView]:
    now = utcnow()
    counts, waiting = _participants(guild_id), _expected(guild_id)
    query = (
        select(
            Group.id, Group.name, Cohort.id, Cohort.name, Cohort.start_date, Group.status,
            func.coalesce(counts.c.n, 0), Group.seats, _channel("text"), _channel("voice"),
            _mine(user_id), func.coalesce(waiting.c.n, 0), _following(Meeting.starts_at, now),
            _following(Meeting.id, now),
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .outerjoin(counts, counts.c.group_id == Group.id)
        .outerjoin(waiting, waiting.c.group_id == Group.id)
        .where(Group.guild_id == guild_id)
        .order_by(Cohort.start_date, Cohort.id, Group.id)
    )  # fmt: skip
    if group_id is not None:
        query = query.where(Group.id == group_id)
    else:
        shown = ["open", "draft"] if drafts else ["open"]
        query = query.where(Group.status.in_(LIVE), Cohort.status.in_(shown))
    rows = cast("list[Any]", (await session.execute(query)).all())
    return [
        GroupView(
            group, name, cohort, cohort_name, start, status, members, seats,
            has_started(start, zone, now), text_id, voice_id, bool(is_mine), expected,
            next_at=next_at, next_id=next_id,
        )
        for group, name, cohort, cohort_name, start, status, members, seats,
            text_id, voice_id, is_mine, expected, next_at, next_id in rows
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
    async with get_database().alone() as session:
        await get_group(session, guild_id, group_id)
        zone = (await guild_settings(session, guild_id)).zone
        found = await _select(session, guild_id, zone, user_id=user_id, group_id=group_id)
    return found[0]
