"""What tests of attendance share: groups with channels, meetings at a time, and that time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.clock import set_clock
from core.db.engine import get_database
from core.db.meeting_models import Answer, Attendance, Meeting, Rsvp, Visit
from core.db.models import ManagedObject, Membership, Role, User
from core.operations import membership
from tests.e2e._acting import made, mod_of
from tests.world import World

START = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)  # a Wednesday, after the cohort's start
WEEK = timedelta(days=7)


def at(moment: datetime) -> None:
    """It is `moment` now."""
    set_clock(lambda: moment)


def later(minutes: float, *, since: datetime = START) -> datetime:
    """It is so many minutes after the start now; negative: before."""
    moment = since + timedelta(minutes=minutes)
    at(moment)
    return moment


async def groups(w: World, *, people: int = 3, count: int = 2, name: str = "Stats") -> list[int]:
    """The world's first people in the first group of a new cohort, its channels made."""
    cohort = await made(w, name, groups=count, seats=8)
    for person in w.members[:people]:
        await membership.add(mod_of(w), cohort.group_ids[0], person.id, person.name)
    w.worker.bump(cohort.group_ids)
    await w.settle()
    ids: list[int] = cohort.group_ids
    return ids


async def lead(w: World, group_id: int, person: Any) -> None:
    """Make somebody a facilitator of a group."""
    await membership.add(mod_of(w), group_id, person.id, person.name, role=Role.facilitator)
    w.worker.bump([group_id])
    await w.settle()


async def meeting(
    w: World,
    group_id: int,
    starts_at: datetime = START,
    *,
    minutes: int = 60,
    number: int | None = 1,
    status: str = "planned",
    guild_id: int | None = None,
) -> int:
    """A meeting's row."""
    async with get_database().transaction() as session:
        row = Meeting(
            guild_id=guild_id or w.guild.id, group_id=group_id,
            occurrence_date=starts_at.date(), number=number, starts_at=starts_at,
            minutes=minutes, status=status, extra=number is None, created_at=starts_at - WEEK,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        return row.id


async def answer(w: World, meeting_id: int, person: Any, said: Answer, when: datetime) -> None:
    """Somebody's answer."""
    async with get_database().transaction() as session:
        session.add(
            Rsvp(meeting_id=meeting_id, user_id=person.id, guild_id=w.guild.id, status=said,
                 source="button", answered_at=when)
        )  # fmt: skip


async def visit(w: World, meeting_id: int, person: Any) -> None:
    """Somebody comes as a guest."""
    async with get_database().transaction() as session:
        await session.execute(insert(User).values(id=person.id).on_conflict_do_nothing())
        session.add(
            Visit(meeting_id=meeting_id, user_id=person.id, guild_id=w.guild.id, created_at=START)
        )


async def since(w: World, moment: datetime) -> None:
    """Everybody was in their group from then on."""
    async with get_database().transaction() as session:
        for row in await session.scalars(
            select(Membership).where(Membership.guild_id == w.guild.id)
        ):
            row.created_at = moment


async def room(w: World, group_id: int, *, guild: Any = None) -> Any:
    """The group's voice channel, as SimCord has it."""
    async with get_database().transaction() as session:
        found = await session.scalar(
            select(ManagedObject.discord_id).where(
                ManagedObject.group_id == group_id, ManagedObject.kind == "voice"
            )
        )
    return next(c for c in (guild or w.guild).channels.values() if c.id == found)


async def rows(meeting_id: int) -> dict[int, Attendance]:
    """The rows of a meeting by person."""
    async with get_database().transaction() as session:
        found = await session.scalars(select(Attendance).where(Attendance.meeting_id == meeting_id))
        return {row.user_id: row for row in found}


async def seen(w: World, meeting_id: int, person: Any, minutes: float) -> None:
    """Somebody was in a meeting's channel that long."""
    async with get_database().transaction() as session:
        session.add(
            Attendance(meeting_id=meeting_id, user_id=person.id, guild_id=w.guild.id,
                       seconds=int(minutes * 60))
        )  # fmt: skip
