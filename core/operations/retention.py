"""What happens to the data of servers that Muster left: kept for a time, then deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog
from sqlalchemy import delete, exists, select, update

from core.clock import utcnow
from core.db.calendar_models import CalendarAddress
from core.db.engine import get_database
from core.db.meeting_models import Attendance, Rsvp, Visit
from core.db.models import Base, Guild, Member, Membership, SeatWatch, User

log = structlog.get_logger(__name__)


async def note_left(present: Iterable[int]) -> None:
    """Mark every server as left that is not among `present` (guild ids): it was while we slept."""
    async with get_database().alone() as session:
        await session.execute(
            update(Guild)
            .where(Guild.left_at.is_(None), Guild.id.not_in(list(present)))
            .values(left_at=utcnow())
        )


async def delete_left(days: float) -> list[int]:
    """Delete everything of the servers that were left more than `days` days ago; their ids."""
    before = utcnow() - timedelta(days=days)
    async with get_database().transaction() as session:
        due = list(await session.scalars(select(Guild.id).where(Guild.left_at < before)))
    gone = [guild_id for guild_id in due if await _delete(guild_id, before)]
    if gone:
        log.info("left_guilds_deleted", guild_ids=gone)
    return gone


async def _delete(guild_id: int, before: object) -> bool:
    """All rows of one server in one transaction; False where it came back meanwhile."""
    async with get_database().transaction() as session:
        still = await session.scalar(
            select(Guild.id).where(Guild.id == guild_id, Guild.left_at < before).with_for_update()
        )
        if still is None:
            return False
        people = list(
            await session.scalars(select(Member.user_id).where(Member.guild_id == guild_id))
        )
        # What refers to others goes first. Every table but users belongs to one server.
        for table in reversed(Base.metadata.sorted_tables):
            if "guild_id" in table.c:
                await session.execute(delete(table).where(table.c.guild_id == guild_id))
        await session.execute(delete(Guild).where(Guild.id == guild_id))
        elsewhere = [
            exists().where(row.user_id == User.id)
            for row in (Member, Membership, SeatWatch, Rsvp, Visit, Attendance, CalendarAddress)
        ]  # fmt: skip
        # Zone and language of people who are on no other server go as well.
        await session.execute(
            delete(User).where(User.id.in_(people), *(~there for there in elsewhere))
        )
    return True
