"""Who was in which meeting's voice channel, and for how long."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.config import GuildSettings
from core.db.meeting_models import Attendance, Meeting, MeetingStatus, Rsvp, Visit
from core.db.models import Guild, ManagedObject, Membership, MembershipStatus
from core.db.queries.built import IDS, Query
from core.db.queries.meetings import ends
from core.reconcile.attendance import MARGIN, Seen

_LONGEST = timedelta(minutes=1440)  # the column's own limit: no older start can still run
_DEFAULT: int = GuildSettings.model_fields["attended_minutes"].default


def total(row: Any = Attendance) -> ColumnElement[int]:
    """Seconds of a row, a stay that is still open included as far as it was seen.

    `row` is Attendance or an alias of it; the statement joins its meeting.
    """
    inside = func.extract(
        "epoch",
        func.least(row.last_seen_at, ends()) - func.greatest(row.here_since, Meeting.starts_at),
    )
    still = case((row.here_since.is_(None), 0), else_=func.greatest(inside, 0))
    seconds: ColumnElement[int] = row.seconds + cast(func.floor(still), Integer)
    return seconds


def threshold() -> ColumnElement[int]:
    """GuildSettings.attended_minutes of the guild that the statement joins."""
    return func.coalesce(Guild.settings["attended_minutes"].as_integer(), _DEFAULT)


def enough(limit: ColumnElement[int] | int) -> ColumnElement[int]:
    """core.reconcile.attendance.enough, for SQL."""
    return func.least(limit * 60, Meeting.minutes * 30)


@dataclass(frozen=True)
class Running:
    """A meeting that takes place now, or soon, and Discord's id of its voice channel."""

    meeting_id: int
    guild_id: int
    group_id: int
    channel_id: int


async def running(
    session: AsyncSession, now: datetime, where: tuple[int, int] | None = None
) -> list[Running]:
    """Planned meetings from MARGIN before their start to their end, those with a voice channel.

    `where` is (guild id, channel id): only that channel's.
    """
    guild_id, channel_id = where or (None, None)
    values = {
        "now": now, "from": now - _LONGEST, "to": now + MARGIN,
        "guild": guild_id, "channel": channel_id,
    }  # fmt: skip
    query = _running(some=where is not None)
    rows: Sequence[Any] = (await session.execute(query, values)).all()
    return [Running(*row) for row in rows if row[3] is not None]


@cache
def _running(*, some: bool) -> Query:
    query = (
        select(Meeting.id, Meeting.guild_id, Meeting.group_id, ManagedObject.discord_id)
        .join(ManagedObject, ManagedObject.group_id == Meeting.group_id)
        .where(
            ManagedObject.kind == "voice",
            ManagedObject.state == "created",
            ManagedObject.guild_id == Meeting.guild_id,
            Meeting.status == MeetingStatus.planned,
            Meeting.starts_at.between(bindparam("from"), bindparam("to")),
            ends() > bindparam("now"),
        )
        .order_by(Meeting.id)
    )
    if not some:
        return query
    return query.where(
        Meeting.guild_id == bindparam("guild"), ManagedObject.discord_id == bindparam("channel")
    )


async def open_stays(
    session: AsyncSession, where: tuple[int, int] | None = None
) -> list[tuple[Attendance, Meeting]]:
    """Rows of people who were in a channel when last looked, locked, in order of their key."""
    guild_id, channel_id = where or (None, None)
    values = {"guild": guild_id, "channel": channel_id}
    rows = await session.execute(_open_stays(some=where is not None), values)
    return [(row, meeting) for row, meeting in rows]


@cache
def _open_stays(*, some: bool) -> Query:
    query = (
        select(Attendance, Meeting)
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .where(Attendance.here_since.is_not(None))
        .order_by(Attendance.meeting_id, Attendance.user_id)
        .with_for_update(of=Attendance)
        .execution_options(populate_existing=True)
    )
    if not some:
        return query
    channel = exists().where(
        ManagedObject.group_id == Meeting.group_id,
        ManagedObject.discord_id == bindparam("channel"),
    )
    return query.where(Attendance.guild_id == bindparam("guild"), channel)


async def expected(
    session: AsyncSession, guild_ids: Iterable[int], pairs: Collection[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Those of (meeting id, user id) who belong there: in its group now, or its guest."""
    if not pairs:
        return set()
    meetings, people = {m for m, _ in pairs}, {u for _, u in pairs}
    inside = (
        select(Meeting.id, Membership.user_id)
        .join(Membership, Membership.group_id == Meeting.group_id)
        .where(
            Membership.guild_id.in_(set(guild_ids)),
            Membership.status == MembershipStatus.active,
            Meeting.id.in_(meetings),
            Membership.user_id.in_(people),
        )
    )
    guests = select(Visit.meeting_id, Visit.user_id).where(
        Visit.guild_id.in_(set(guild_ids)),
        Visit.ended_at.is_(None),
        Visit.meeting_id.in_(meetings),
        Visit.user_id.in_(people),
    )
    rows = await session.execute(inside.union(guests))
    return {(m, u) for m, u in rows} & set(pairs)


async def came(session: AsyncSession, meeting_ids: Collection[int]) -> dict[int, int | None]:
    """How many people came, guests included, by meeting; None where nothing is known."""
    found: dict[int, int | None] = dict.fromkeys(meeting_ids)
    if not found:
        return found
    rows = await session.execute(_came(), {"ids": list(found)})
    return found | {row[0]: row[1] for row in rows}


@cache
def _came() -> Query:
    long = total() >= enough(threshold())
    there = or_(Attendance.mark == "attended", and_(Attendance.mark.is_(None), long))
    return (
        select(Attendance.meeting_id, func.count(case((there, 1))))
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .join(Guild, and_(Guild.id == Meeting.guild_id, Guild.id == Attendance.guild_id))
        .where(Attendance.meeting_id.in_(IDS))
        .group_by(Attendance.meeting_id)
        .having(func.bool_or(or_(long, Attendance.mark.is_not(None))))
    )


async def rows_of(
    session: AsyncSession,
    guild_id: int,
    meeting_ids: Collection[int],
    user_ids: Collection[int],
) -> dict[tuple[int, int], Seen]:
    """By (meeting id, user id): seconds and mark."""
    rows = await session.execute(
        select(Attendance.meeting_id, Attendance.user_id, total(), Attendance.mark)
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .where(
            Attendance.guild_id == guild_id,
            Attendance.meeting_id.in_(meeting_ids),
            Attendance.user_id.in_(user_ids),
        )
    )
    return {(m, u): Seen(int(seconds), mark) for m, u, seconds, mark in rows}


async def answers_of(
    session: AsyncSession,
    guild_id: int,
    meeting_ids: Collection[int],
    user_ids: Collection[int],
) -> dict[tuple[int, int], tuple[str, bool]]:
    """By (meeting id, user id): the explicit answer, and whether they are interested."""
    rows = await session.execute(
        select(Rsvp.meeting_id, Rsvp.user_id, Rsvp.status, Rsvp.interested).where(
            Rsvp.guild_id == guild_id,
            Rsvp.meeting_id.in_(meeting_ids),
            Rsvp.user_id.in_(user_ids),
        )
    )
    return {(m, u): (status, interested) for m, u, status, interested in rows}


def anybody_seen(limit: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Whether somebody was in a meeting's channel for `limit` minutes, or half of it."""
    other = aliased(Attendance)
    return exists().where(other.meeting_id == Meeting.id, total(other) >= enough(limit))


async def rooms_of(session: AsyncSession, meeting_ids: Collection[int]) -> dict[int, int]:
    """Discord's id of the voice channel where these meetings are, by meeting."""
    if not meeting_ids:
        return {}
    rows = await session.execute(
        select(Meeting.id, ManagedObject.discord_id)
        .join(ManagedObject, ManagedObject.group_id == Meeting.group_id)
        .where(
            Meeting.id.in_(meeting_ids),
            ManagedObject.kind == "voice",
            ManagedObject.state == "created",
            ManagedObject.guild_id == Meeting.guild_id,
            ManagedObject.discord_id.is_not(None),
        )
    )
    return {meeting_id: channel for meeting_id, channel in rows if channel is not None}
