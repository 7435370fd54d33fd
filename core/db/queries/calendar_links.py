"""The rows of guilds' calendars: what one is, and whose turn it is to read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.calendar_models import CalendarLink, LinkStatus
from core.db.meeting_models import Meeting, MeetingStatus
from core.db.models import Group, Guild
from core.db.queries.meetings import ends


@dataclass(frozen=True, slots=True)
class Link:
    """The calendar of a guild as the syncs need it; `secret` is sealed. Times are UTC.

    `connected_at` tells it from one that is connected while this one is being read or written.
    """

    guild_id: int
    server: str
    language: str
    backend: str
    url: str | None
    account: str | None
    secret: bytes | None
    address: str | None
    invites: bool
    status: str
    attendees_after: datetime | None
    connected_at: datetime


_LINK = (
    CalendarLink.guild_id, Guild.name, Guild.settings["language"].astext, CalendarLink.backend,
    CalendarLink.url, CalendarLink.account, CalendarLink.secret, CalendarLink.address,
    CalendarLink.invites, CalendarLink.status, CalendarLink.attendees_after,
    CalendarLink.created_at,
)  # fmt: skip


async def link_of(session: AsyncSession, guild_id: int) -> Link | None:
    """The guild's calendar, None where there is none."""
    row = (
        await session.execute(
            select(*_LINK)
            .join(Guild, Guild.id == CalendarLink.guild_id)
            .where(CalendarLink.guild_id == guild_id)
        )
    ).one_or_none()
    return None if row is None else Link(row[0], row[1], row[2] or "en", *row[3:])


async def note_link(session: AsyncSession, link: Link, **values: Any) -> bool:
    """Change columns of the link; False where it was stopped, ended or connected anew meanwhile."""
    found = await session.scalar(
        update(CalendarLink)
        .where(
            CalendarLink.guild_id == link.guild_id,
            CalendarLink.created_at == link.connected_at,
            CalendarLink.status == LinkStatus.on,
        )
        .values(**values)
        .returning(CalendarLink.guild_id)
        .execution_options(synchronize_session=False)
    )
    return found is not None


async def read_by(session: AsyncSession, link: Link, moment: datetime) -> str | None:
    """Have it read by then (UTC) at the latest; its status, None where it is connected anew."""
    found: str | None = await session.scalar(
        update(CalendarLink)
        .where(CalendarLink.guild_id == link.guild_id, CalendarLink.created_at == link.connected_at)
        .values(poll_at=func.least(CalendarLink.poll_at, moment))
        .returning(CalendarLink.status)
        .execution_options(synchronize_session=False)
    )
    return found


async def due_links(session: AsyncSession, now: datetime) -> list[int]:
    """Guilds whose calendar is to be read by now and that nobody is reading."""
    rows = await session.scalars(
        select(CalendarLink.guild_id)
        .join(Guild, Guild.id == CalendarLink.guild_id)
        .where(
            CalendarLink.status == LinkStatus.on,
            CalendarLink.poll_at <= now,
            Guild.left_at.is_(None),
            _free(now),
        )
        .order_by(CalendarLink.poll_at)
    )
    return list(rows)


def _free(now: datetime) -> Any:
    return or_(CalendarLink.lease_until.is_(None), CalendarLink.lease_until <= now)


async def stale_link(session: AsyncSession, group_id: int, before: datetime) -> int | None:
    """The group's guild, if its calendar works and was read last before then (UTC)."""
    found: int | None = await session.scalar(
        select(CalendarLink.guild_id)
        .join(Group, Group.guild_id == CalendarLink.guild_id)
        .where(
            Group.id == group_id,
            CalendarLink.status == LinkStatus.on,
            CalendarLink.attempts == 0,
            or_(CalendarLink.polled_at.is_(None), CalendarLink.polled_at <= before),
        )
    )
    return found


async def claim_link(
    session: AsyncSession, guild_id: int, *, instance: int, now: datetime, lease: float
) -> CalendarLink | None:
    """The link, held for `lease` seconds; None while somebody reads it, or it is stopped."""
    found: CalendarLink | None = await session.scalar(
        select(CalendarLink)
        .where(CalendarLink.guild_id == guild_id, CalendarLink.status == LinkStatus.on, _free(now))
        .with_for_update(skip_locked=True)
    )
    if found is None:
        return None
    found.lease_by, found.lease_until = instance, now + timedelta(seconds=lease)
    return found


async def release_link(session: AsyncSession, guild_id: int, instance: int) -> None:
    """Give back what claim_link took."""
    await session.execute(
        update(CalendarLink)
        .where(CalendarLink.guild_id == guild_id, CalendarLink.lease_by == instance)
        .values(lease_by=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )


async def meets_around(
    session: AsyncSession, guild_id: int, now: datetime, before: timedelta, after: timedelta
) -> bool:
    """Whether a meeting of the guild begins within `before`, runs, or ended within `after`."""
    found = await session.scalar(
        select(Meeting.id)
        .where(
            and_(
                Meeting.guild_id == guild_id,
                Meeting.status == MeetingStatus.planned,
                Meeting.starts_at <= now + before,
                Meeting.starts_at > now - after - timedelta(days=1),
                ends() > now - after,
            )
        )
        .limit(1)
    )
    return found is not None
