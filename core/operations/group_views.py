"""The groups as people see them: joinable ones, their own, one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.meeting_models import Meeting, MeetingStatus
from core.db.models import (
    Cohort,
    Expected,
    Group,
    Guild,
    ManagedObject,
    Membership,
    MembershipStatus,
    Role,
)
from core.db.queries.built import Query
from core.db.queries.meetings import ends
from core.operations.common import no_group
from core.reconcile.trace import LIVE

_Which = Literal["one", "open", "drafts"]
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
    role: str | None = None  # of whoever looks, in this group
    expected: int = 0  # people of a list who are not on the server yet: they hold a seat
    entry_id: int | None = None  # of the history, where an operation gave this
    next_at: datetime | None = None  # when its next meeting is or began (UTC)
    next_id: int | None = None  # that meeting

    @property
    def mine(self) -> bool:
        """Whether whoever looks is in it."""
        return self.role is not None

    @property
    def seated(self) -> bool:
        """Whether they hold a seat; facilitators need none."""
        return self.role == Role.participant

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
    """All live groups of the guild's open cohorts (and drafts), unsorted, in one statement."""
    return await _views(session, "drafts" if drafts else "open", guild_id, user_id)


async def _views(
    session: AsyncSession, which: _Which, guild_id: int, user_id: int | None, group_id: int = 0
) -> list[GroupView]:
    now = utcnow()
    values = {"guild": guild_id, "user": user_id or 0, "group": group_id, "now": now}
    rows: Sequence[Any] = (await session.execute(_query(which), values)).all()
    zone = GuildSettings.model_validate(rows[0][-1]).zone if rows else ""
    return [
        GroupView(
            group, name, cohort, cohort_name, start, status, members, seats,
            has_started(start, zone, now), text_id, voice_id, role, expected,
            next_at=next_at, next_id=next_id,
        )
        for group, name, cohort, cohort_name, start, status, members, seats,
            text_id, voice_id, role, expected, next_at, next_id, _ in rows
    ]  # fmt: skip


@cache
def _query(which: _Which) -> Query:
    """Of "one" group, whatever its status; of those that are "open"; with "drafts" also to be."""
    counts, waiting = _counted(Membership), _counted(Expected)
    query = (
        select(
            Group.id, Group.name, Cohort.id, Cohort.name, Cohort.start_date, Group.status,
            func.coalesce(counts.c.n, 0), Group.seats, _channel("text"), _channel("voice"),
            _role(), func.coalesce(waiting.c.n, 0), _following(Meeting.starts_at),
            _following(Meeting.id), Guild.settings,
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .join(Guild, Guild.id == Group.guild_id)
        .outerjoin(counts, counts.c.group_id == Group.id)
        .outerjoin(waiting, waiting.c.group_id == Group.id)
        .where(Group.guild_id == bindparam("guild"))
        .order_by(Cohort.start_date, Cohort.id, Group.id)
    )  # fmt: skip
    if which == "one":
        return query.where(Group.id == bindparam("group"))
    shown = ["open", "draft"] if which == "drafts" else ["open"]
    return query.where(Group.status.in_(LIVE), Cohort.status.in_(shown))


def _counted(model: type[Membership | Expected]) -> Any:
    """How many participants each group has; or how many are held a seat for, not here yet."""
    query = select(model.group_id, func.count().label("n")).where(
        model.guild_id == bindparam("guild"), model.role == Role.participant
    )
    if model is Membership:
        query = query.where(Membership.status == MembershipStatus.active)
    return query.group_by(model.group_id).subquery()


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


def _role() -> Any:
    return (
        select(Membership.role)
        .where(
            Membership.group_id == Group.id,
            Membership.user_id == bindparam("user"),
            Membership.status == MembershipStatus.active,
        )
        .scalar_subquery()
    )


def _following(column: Any) -> Any:
    """A column of the group's next meeting."""
    planned = Meeting.status == MeetingStatus.planned
    return (
        select(column)
        .where(Meeting.group_id == Group.id, planned, ends() > bindparam("now"))
        .order_by(Meeting.starts_at, Meeting.id)
        .limit(1)
        .scalar_subquery()
    )


async def joinable(guild_id: int, user_id: int | None) -> list[GroupView]:
    """What a member sees: full and started groups hidden, smallest first, their own always.

    Somebody who is in a group of the cohort may switch late, so started groups stay for them.
    """
    return (await joinable_and_full(guild_id, user_id))[0]


async def joinable_and_full(
    guild_id: int, user_id: int | None
) -> tuple[list[GroupView], list[GroupView]]:
    """`joinable`, and the groups that would do but for their seats ("tell me when one is free")."""
    async with get_database().alone() as session:
        rows = await views(session, guild_id, user_id=user_id)
    switching = {v.cohort_id for v in rows if v.mine}
    shown = [
        v for v in rows if v.mine or (not v.full and (not v.started or v.cohort_id in switching))
    ]
    shown.sort(key=lambda v: (not v.mine, v.start_date, v.cohort_id, v.members, v.id))
    return shown, [v for v in rows if v.full and not v.mine and not v.started]


async def of_member(guild_id: int, user_id: int) -> list[GroupView]:
    """The groups that a person is in now."""
    async with get_database().alone() as session:
        return [v for v in await views(session, guild_id, user_id=user_id, drafts=True) if v.mine]


async def show(guild_id: int, group_id: int, user_id: int | None = None) -> GroupView:
    """One group, whatever its status. Raises Refusal(group_not_found)."""
    async with get_database().alone() as session:
        found = await _views(session, "one", guild_id, user_id, group_id)
    if not found:
        raise no_group()
    return found[0]
