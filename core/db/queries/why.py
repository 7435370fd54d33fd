"""One person beside one group: memberships, history and imports, a statement each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

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

# What ends somebody's membership by the hand of somebody who is named in the history.
_ENDING = ("member_removed", "member_moved")
# The history is written in the transaction that ends the membership, moments after its time.
_SAME = timedelta(seconds=60)


@dataclass(frozen=True)
class PlaceRow:
    """A channel of Muster's. A category belongs to a cohort, so it has no group."""

    kind: str
    group_id: int | None


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
            select(ManagedObject.kind, ManagedObject.group_id).where(
                ManagedObject.guild_id == guild_id, ManagedObject.discord_id == discord_id
            )
        )
    ).one_or_none()
    return PlaceRow(row[0], row[1]) if row else None


@dataclass(frozen=True)
class OfGroup:
    """A channel of a group, or a group that has none yet (`discord_id` None)."""

    group_id: int
    label: str  # of the group
    name: str = ""
    discord_id: int | None = None
    deleted: bool = False


async def places(session: AsyncSession, guild_id: int) -> list[OfGroup]:
    """Every group's channels, and the groups without any; newest cohort first. One statement."""
    room = ManagedObject.kind.in_(("text", "voice")) & ManagedObject.discord_id.is_not(None)
    rows = await session.execute(
        select(
            Group.id, Group.name, Cohort.name, ManagedObject.name, ManagedObject.discord_id,
            ManagedObject.state,
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .outerjoin(ManagedObject, (ManagedObject.group_id == Group.id) & room)
        .where(Group.guild_id == guild_id)
        .order_by(Cohort.id.desc(), Group.id, ManagedObject.id)
    )  # fmt: skip
    return [
        OfGroup(group_id, f"{group} · {cohort}", name or "", discord_id, state == "deleted")
        for group_id, group, cohort, name, discord_id, state in rows
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


async def groups_of(session: AsyncSession, guild_id: int, user_id: int) -> list[Mine]:
    """The groups that somebody is or was in, current ones first, in two statements."""
    rows = await session.execute(
        select(Membership.group_id, Group.name, Cohort.name, Membership.status)
        .join(Group, Group.id == Membership.group_id)
        .join(Cohort, Cohort.id == Membership.cohort_id)
        .where(Membership.guild_id == guild_id, Membership.user_id == user_id)
        .order_by(Membership.status != "active", Membership.id.desc())
    )
    found: dict[int, tuple[str, str]] = {}
    for group_id, group, cohort, status in rows:
        found.setdefault(group_id, (f"{group} · {cohort}", status))
    channels: dict[int, list[tuple[str, int]]] = {}
    places = await session.execute(
        select(ManagedObject.group_id, ManagedObject.name, ManagedObject.discord_id)
        .where(
            ManagedObject.group_id.in_(found),
            ManagedObject.kind.in_(("text", "voice")),
            ManagedObject.state == "created",
        )
        .order_by(ManagedObject.id)
    )
    for owner, name, discord_id in places:
        channels.setdefault(owner or 0, []).append((name, discord_id or 0))
    return [Mine(g, label, s, tuple(channels.get(g, ()))) for g, (label, s) in found.items()]
