"""Which groups' posts with answers are not what they should be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, String, and_, bindparam, cast, exists, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Meeting, MeetingStatus
from core.db.models import Group, ManagedObject, Projection, SyncState, SyncStatus
from core.db.queries.built import Query
from core.db.queries.meetings import ends
from core.reconcile.trace import LIVE


async def needing_posts(
    session: AsyncSession, now: datetime, kinds: Sequence[str], living: str
) -> list[tuple[int, int, int]]:
    """(guild, group, channel) of groups whose posts are not what they should be; one statement.

    A post that was not shown yet, a living post of a meeting that is not the next one any more,
    or none for the next one. Groups whose retry waits come by themselves.
    """
    query = _needing(tuple(kinds), living)
    rows = await session.execute(query, {"now": now})
    return [(guild_id, group_id, channel or 0) for guild_id, group_id, channel in rows]


@cache
def _needing(kinds: tuple[str, ...], living: str) -> Query:
    following = (
        select(Meeting.group_id, Meeting.id)
        .where(Meeting.status == MeetingStatus.planned, ends() > bindparam("now"))
        .order_by(Meeting.group_id, Meeting.starts_at, Meeting.id)
        .ext(distinct_on(Meeting.group_id))
        .subquery()
    )
    there = (
        select(Projection.group_id, Projection.subject, Projection.channel_id)
        .where(Projection.kind == living)
        .subquery()
    )
    of_next = and_(there.c.group_id == Group.id, there.c.subject == cast(following.c.id, String))
    text = and_(
        ManagedObject.group_id == Group.id,
        ManagedObject.kind == "text",
        ManagedObject.state == "created",
    )
    elsewhere = or_(there.c.channel_id.is_(None), there.c.channel_id != ManagedObject.discord_id)
    missing = and_(
        Group.status.in_(LIVE),
        following.c.id.is_not(None),
        ManagedObject.discord_id.is_not(None),
        elsewhere,
    )
    return (
        select(Group.guild_id, Group.id, ManagedObject.discord_id)
        .outerjoin(following, following.c.group_id == Group.id)
        .outerjoin(there, of_next)
        .outerjoin(ManagedObject, text)
        .where(~_waits(), or_(_stale(following.c.id, kinds, living), missing))
        .order_by(Group.id)
    )


def _stale(next_id: Any, kinds: Sequence[str], living: str) -> ColumnElement[bool]:
    """A post of the group was not shown yet, or lives on for another meeting than the next."""
    passed = or_(next_id.is_(None), Projection.subject != cast(next_id, String))
    return exists().where(
        Projection.group_id == Group.id,
        Projection.kind.in_(kinds),
        or_(
            Projection.dirty,
            Projection.shown_hash.is_(None),
            and_(Projection.kind == living, passed),
        ),
    )


def _waits() -> ColumnElement[bool]:
    return exists().where(
        SyncState.group_id == Group.id,
        SyncState.system == "rsvps",
        SyncState.status.in_((SyncStatus.waiting, SyncStatus.parked)),
    )
