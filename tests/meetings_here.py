"""Meetings straight in the database, for tests of what people do with them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.db.models import Group, Projection


async def meet(
    group_id: int,
    *,
    number: int | None = 1,
    starts_at: datetime | None = None,
    minutes: int = 60,
    status: str = "planned",
) -> int:
    """A meeting of this group, in two days where no time (UTC) is given; its id."""
    at = starts_at or utcnow() + timedelta(days=2)
    async with get_database().transaction() as session:
        group = await session.get_one(Group, group_id)
        made = Meeting(
            guild_id=group.guild_id, group_id=group_id, occurrence_date=at.date(), number=number,
            starts_at=at, minutes=minutes, status=status, told_starts_at=at, created_at=utcnow(),
        )  # fmt: skip
        session.add(made)
        await session.flush()
        return made.id


async def posts_of(group_id: int, kind: str = "answers") -> list[Projection]:
    """The group's posts of a kind, oldest first."""
    async with get_database().transaction() as session:
        rows = await session.scalars(
            select(Projection)
            .where(Projection.group_id == group_id, Projection.kind == kind)
            .order_by(Projection.id)
        )
        return list(rows.all())
