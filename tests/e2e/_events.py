"""A group with meetings, and Discord's own events of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.db.models import SyncState
from core.operations import settings
from core.systems import events
from tests.e2e._acting import filled, made, mod_of
from tests.world import World, words_of

SCHEDULED, ACTIVE, COMPLETED, CANCELED = 1, 2, 3, 4
FIRST = datetime(2026, 1, 7, 19, tzinfo=UTC)  # SimCord's clock stands at 2026-01-01
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)


async def group_with(w: World, *, weeks: int = 8, name: str = "Stats", **more: Any) -> int:
    """An open group with two people, its channels, and meetings from FIRST on."""
    cohort = await made(w, name, **more)
    await filled(w, cohort)
    await add(w, cohort.group_ids[0], *(FIRST + WEEK * n for n in range(weeks)))
    return int(cohort.group_ids[0])


async def add(w: World, group_id: int, *starts: datetime, guild_id: int | None = None) -> None:
    async with get_database().transaction() as session:
        for n, start in enumerate(starts, 1):
            session.add(
                Meeting(
                    guild_id=guild_id or w.guild.id, group_id=group_id, number=n, minutes=60,
                    occurrence_date=start.date(), starts_at=start, created_at=utcnow(),
                )
            )  # fmt: skip


async def rows(group_id: int) -> list[Meeting]:
    async with get_database().transaction() as session:
        query = select(Meeting).where(Meeting.group_id == group_id).order_by(Meeting.starts_at)
        return list(await session.scalars(query))


async def put(meeting: Meeting, **values: Any) -> None:
    async with get_database().transaction() as session:
        await session.execute(update(Meeting).where(Meeting.id == meeting.id).values(**values))


async def state(group_id: int) -> SyncState:
    async with get_database().transaction() as session:
        return await session.get_one(SyncState, (group_id, "rsvps"))


def there(w: World, guild: Any = None) -> list[Any]:
    """Discord's own events that are not over, soonest first."""
    found = w.env.backend.get_guild((guild or w.guild).id).scheduled_events.values()
    open_now = [e for e in found if e.status in {SCHEDULED, ACTIVE}]
    return sorted(open_now, key=lambda e: e.scheduled_start_time)


def event(w: World, event_id: int | None) -> Any:
    return w.env.backend.get_guild(w.guild.id).scheduled_events[event_id or 0]


async def calls(w: World, group_id: int) -> int:
    """How many calls a sync of the group costs."""
    before = len(w.env.http_requests)
    await events.sync(group_id)
    await w.env.settle()
    return len(w.env.http_requests) - before


async def office(w: World) -> Any:
    """The moderators' channel."""
    room = w.guild.create_text_channel("office")
    await settings.change(mod_of(w), moderator_channel_id=room.id)
    return room


def said(room: Any) -> list[str]:
    return [words_of(m) for m in room.history()]
