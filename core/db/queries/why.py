"""One person beside one group: memberships, history and imports, a statement each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Subquery, and_, case, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Meeting, Visit
from core.db.models import (
    AuditEntry,
    Cohort,
    Expected,
    Group,
    ManagedObject,
    Member,
    Membership,
    SyncState,
)
from core.db.queries.access import AFTER, BEFORE, VISITED
from core.db.queries.meetings import ends
from core.reconcile import why

_ROOMS = ("text", "voice")
# What ends somebody's membership by the hand of somebody who is named in the history.
_ENDING = ("member_removed", "member_moved")
# The history is written in the transaction that ends the membership, moments after its time.
_SAME = timedelta(seconds=60)


@dataclass(frozen=True)
class PlaceRow:
    """A channel of Muster's: a group's, or a cohort's (its category, or its shared channel)."""

    kind: str
    group_id: int | None
    cohort_id: int | None


@dataclass(frozen=True)
class Spell:
    """One membership of a person in a group. Times are UTC."""

    group_id: int
    group: str
    status: str
    ended_at: datetime | None


@dataclass(frozen=True)
class Mine:
    """A group that somebody is or was in, newest first, with its channels by kind."""

    group_id: int
    label: str
    status: str
    channels: tuple[tuple[str, int], ...] = ()


async def place(session: AsyncSession, guild_id: int, discord_id: int) -> PlaceRow | None:
    """Whose channel this is; None where it is not Muster's."""
    row = (
        await session.execute(
            select(ManagedObject.kind, ManagedObject.group_id, ManagedObject.cohort_id).where(
                ManagedObject.guild_id == guild_id, ManagedObject.discord_id == discord_id
            )
        )
    ).one_or_none()
    return PlaceRow(*row) if row else None


@dataclass(frozen=True)
class OfGroup:
    """A channel of a group, or a group that has none yet (`discord_id` None).

    A cohort's shared channel has no group, and the cohort's name for a label.
    """

    group_id: int | None
    label: str  # of the group
    name: str = ""
    discord_id: int | None = None
    deleted: bool = False


async def places(session: AsyncSession, guild_id: int) -> list[OfGroup]:
    """Every group's channels, and the groups without any; newest cohort first. One statement.

    Before a cohort's groups comes the channel that they share.
    """
    made = ManagedObject.discord_id.is_not(None)
    of_groups = (
        select(
            Cohort.id, Group.id, ManagedObject.id, Group.name, Cohort.name, ManagedObject.name,
            ManagedObject.discord_id, ManagedObject.state,
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .outerjoin(
            ManagedObject,
            and_(ManagedObject.group_id == Group.id, ManagedObject.kind.in_(_ROOMS), made),
        )
        .where(Group.guild_id == guild_id)
    )  # fmt: skip
    shared = (
        select(
            Cohort.id, literal(None), ManagedObject.id, literal(None), Cohort.name,
            ManagedObject.name, ManagedObject.discord_id, ManagedObject.state,
        )
        .join(Cohort, Cohort.id == ManagedObject.cohort_id)
        .where(ManagedObject.guild_id == guild_id, ManagedObject.kind == "text", made)
    )  # fmt: skip
    found = union_all(of_groups, shared).subquery()
    cohort_id, group_id, object_id, *rest = found.c
    rows = await session.execute(
        select(group_id, *rest).order_by(
            cohort_id.desc(), group_id.asc().nulls_first(), object_id
        )
    )  # fmt: skip
    return [
        OfGroup(
            group_id, f"{group} · {cohort}" if group else cohort, name or "", discord_id,
            state == "deleted",
        )
        for group_id, group, cohort, name, discord_id, state in rows
    ]  # fmt: skip


async def speaks_for(
    session: AsyncSession, guild_id: int, cohort_id: int, user_id: int, username: str
) -> int | None:
    """The group of a cohort that decides about somebody in the channel that all share.

    The one they are in, else were in last, else are expected in; else the first one that runs.
    """
    mine = and_(Membership.group_id == Group.id, Membership.user_id == user_id)
    listed = and_(Expected.group_id == Group.id, func.lower(Expected.name) == username.lower())
    found: int | None = await session.scalar(
        select(Group.id)
        .outerjoin(Membership, mine)
        .outerjoin(Expected, listed)
        .where(Group.guild_id == guild_id, Group.cohort_id == cohort_id)
        .order_by(
            (Membership.status == "active").desc().nulls_last(),
            Membership.id.desc().nulls_last(),
            Expected.id.nulls_last(),
            Group.status.in_(("preview", "active")).desc(),
            Group.id,
        )
        .limit(1)
    )
    return found


async def visits(
    session: AsyncSession, guild_id: int, group_id: int, user_id: int
) -> list[why.Visit]:
    """Somebody's visits to meetings of a group, also those that were taken back."""
    rows = await session.execute(
        select(Meeting.starts_at, ends(), Meeting.status, Visit.ended_at)
        .join(Meeting, Meeting.id == Visit.meeting_id)
        .where(
            Visit.guild_id == guild_id, Visit.user_id == user_id, Meeting.group_id == group_id
        )
    )  # fmt: skip
    return [
        why.Visit(begins - BEFORE, over + AFTER, status in VISITED, ended_at)
        for begins, over, status, ended_at in rows
    ]


async def spells(session: AsyncSession, cohort_id: int, user_id: int) -> list[Spell]:
    """All memberships of a person in the groups of a cohort, newest first."""
    rows = await session.execute(
        select(Membership.group_id, Group.name, Membership.status, Membership.ended_at)
        .join(Group, Group.id == Membership.group_id)
        .where(Membership.cohort_id == cohort_id, Membership.user_id == user_id)
        .order_by(Membership.id.desc())
    )
    return [Spell(*row) for row in rows]


async def ended_by(
    session: AsyncSession, guild_id: int, cohort_id: int, user_id: int, ended_at: datetime
) -> int | None:
    """The moderator who ended a membership at that moment, where the history names one."""
    found: int | None = await session.scalar(
        select(AuditEntry.actor_id)
        .where(
            AuditEntry.guild_id == guild_id,
            AuditEntry.cohort_id == cohort_id,
            AuditEntry.user_id == user_id,
            AuditEntry.action.in_(_ENDING),
            AuditEntry.at.between(ended_at, ended_at + _SAME),
        )
        .order_by(AuditEntry.id)
        .limit(1)
    )
    return found


async def is_expected(session: AsyncSession, group_id: int, username: str) -> bool:
    """Whether this unique user name is on an imported list of the group and has not arrived."""
    found = await session.scalar(
        select(Expected.id).where(
            Expected.group_id == group_id, func.lower(Expected.name) == username.lower()
        )
    )
    return found is not None


async def person(
    session: AsyncSession, guild_id: int, user_id: int
) -> tuple[str, datetime | None] | None:
    """(name, when they left) of somebody whom Muster knows on this server."""
    row = (
        await session.execute(
            select(Member.name, Member.left_at).where(
                Member.guild_id == guild_id, Member.user_id == user_id
            )
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


async def sync_reason(session: AsyncSession, group_id: int) -> str:
    """Why the group's channels wait or gave up, as stored (core.words.unpack says it)."""
    text = await session.scalar(
        select(SyncState.error_text).where(
            SyncState.group_id == group_id, SyncState.system == "discord"
        )
    )
    return text or ""


async def groups_of(
    session: AsyncSession, guild_id: int, user_id: int, now: datetime
) -> list[Mine]:
    """The groups that somebody is or was in, also as a guest, current ones first.

    `status` is that of the membership; "guest": a visit lies ahead or is under way, "visited": it
    is over. Two statements. The channel that a cohort shares comes with its first group here.
    """
    mine = _inside(guild_id, user_id, now)
    rows = await session.execute(
        select(mine.c.group_id, Group.name, Cohort.name, Cohort.id, mine.c.status)
        .join(Group, Group.id == mine.c.group_id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .order_by(mine.c.rank, mine.c.id.desc())
    )
    found: dict[int, tuple[str, str]] = {}
    first: dict[int, int] = {}  # by cohort
    for group_id, group, cohort, cohort_id, status in rows:
        found.setdefault(group_id, (f"{group} · {cohort}", status))
        first.setdefault(cohort_id, group_id)
    channels: dict[int, list[tuple[str, int]]] = {}
    places = await session.execute(
        select(
            ManagedObject.group_id, ManagedObject.cohort_id, ManagedObject.name,
            ManagedObject.discord_id,
        )
        .where(
            or_(ManagedObject.group_id.in_(found), ManagedObject.cohort_id.in_(first)),
            ManagedObject.kind.in_(_ROOMS),
            ManagedObject.state == "created",
        )
        .order_by(ManagedObject.id)
    )  # fmt: skip
    for group_id, cohort_id, name, discord_id in places:
        owner = group_id if group_id is not None else first[cohort_id or 0]
        channels.setdefault(owner, []).append((name, discord_id or 0))
    return [Mine(g, label, s, tuple(channels.get(g, ()))) for g, (label, s) in found.items()]


def _inside(guild_id: int, user_id: int, now: datetime) -> Subquery:
    """Somebody's memberships and visits: group_id, status, id, rank (current ones are lowest)."""
    members = select(
        Membership.group_id, Membership.status, Membership.id,
        case((Membership.status == "active", 0), else_=2).label("rank"),
    ).where(Membership.guild_id == guild_id, Membership.user_id == user_id)  # fmt: skip
    open_ = and_(Visit.ended_at.is_(None), Meeting.status.in_(VISITED), ends() + AFTER > now)
    guests = (
        select(
            Meeting.group_id, case((open_, "guest"), else_="visited"), Visit.id,
            case((open_, 1), else_=3),
        )
        .join(Meeting, Meeting.id == Visit.meeting_id)
        .where(Visit.guild_id == guild_id, Visit.user_id == user_id)
    )  # fmt: skip
    return union_all(members, guests).subquery()
