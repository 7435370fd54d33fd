"""The meetings of the next seven days, and who comes to them: for moderators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Visit
from core.db.models import Cohort, Group, Member, Membership, MembershipStatus
from core.db.queries.meetings import ends
from core.operations.common import guild_settings
from core.operations.home import WEEK


@dataclass(frozen=True)
class Day:
    """A day in the guild's zone: its meetings, and the people's answers to all of them."""

    day: date
    meetings: int = 0
    answers: dict[str, int] = field(default_factory=dict)  # by core.db.meeting_models.Answer


@dataclass(frozen=True)
class DayMeeting:
    """One meeting of a day with everybody's names by answer; guests are among them."""

    id: int
    label: str
    number: int | None
    starts_at: datetime
    names: dict[str, list[str]]


def _counts_as() -> ColumnElement[str]:
    """The effective answer, as core.reconcile.answers has it."""
    return case(
        (and_(Rsvp.status.is_not(None), Rsvp.status != Answer.pending), Rsvp.status),
        (Rsvp.interested.is_(True), literal(Answer.attending)),
        else_=literal(Answer.pending),
    )


def _audience(*where: ColumnElement[bool]) -> Any:
    """(meeting, its start, user) for the members of its group and its guests."""
    members = (
        select(Meeting.id.label("meeting_id"), Meeting.starts_at, Membership.user_id)
        .join(Membership, Membership.group_id == Meeting.group_id)
        .where(Membership.status == MembershipStatus.active, *where)
    )
    guests = (
        select(Meeting.id, Meeting.starts_at, Visit.user_id)
        .join(Visit, Visit.meeting_id == Meeting.id)
        .where(Visit.ended_at.is_(None), *where)
    )
    return union_all(members, guests).subquery()


def _answers(*where: ColumnElement[bool]) -> Select[Any]:
    """(meeting_id, user_id, answer) of everybody whom those meetings are for."""
    people = _audience(*where)
    return select(people.c.meeting_id, people.c.user_id, _counts_as().label("answer")).outerjoin(
        Rsvp, and_(Rsvp.meeting_id == people.c.meeting_id, Rsvp.user_id == people.c.user_id)
    )


def _within(guild_id: int, start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Meeting.guild_id == guild_id,
        Meeting.status == MeetingStatus.planned,
        Meeting.starts_at < end,
        ends() > start,
    )


async def days(guild_id: int) -> list[Day]:
    """The days of the coming week on which somebody meets, in two statements and the settings."""
    now = utcnow()
    where = _within(guild_id, now, now + WEEK)
    each = _answers(*where).subquery()
    answers = select(each.c.meeting_id, each.c.answer, func.count()).group_by(
        each.c.meeting_id, each.c.answer
    )
    async with get_database().transaction() as session:
        zone = ZoneInfo((await guild_settings(session, guild_id)).zone)
        meetings = await session.execute(select(Meeting.id, Meeting.starts_at).where(*where))
        on = {row.id: row.starts_at.astimezone(zone).date() for row in meetings}
        found = {day: Day(day, list(on.values()).count(day)) for day in set(on.values())}
        for meeting_id, answer, number in await session.execute(answers):
            kept = found[on[meeting_id]].answers
            kept[answer] = kept.get(answer, 0) + number
    return [found[day] for day in sorted(found)]


async def meetings_of(
    guild_id: int, day: date, *, page: int, size: int
) -> tuple[Sequence[DayMeeting], int]:
    """One page of a day's meetings (in the guild's zone) with names, and how many there are."""
    now = utcnow()
    async with get_database().transaction() as session:
        zone = ZoneInfo((await guild_settings(session, guild_id)).zone)
        rows = await session.execute(
            select(Meeting.id, Group.name, Cohort.name, Meeting.number, Meeting.starts_at)
            .join(Group, Group.id == Meeting.group_id)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(*_within(guild_id, now, now + WEEK))
            .order_by(Meeting.starts_at, Meeting.id)
        )
        there = [r for r in rows if r.starts_at.astimezone(zone).date() == day]
        shown = there[page * size : (page + 1) * size]
        names = await _names(session, guild_id, [r.id for r in shown])
    return [
        DayMeeting(r.id, f"{r[1]} · {r[2]}", r.number, r.starts_at, names[r.id]) for r in shown
    ], len(there)


async def _names(
    session: AsyncSession, guild_id: int, meeting_ids: Sequence[int]
) -> dict[int, dict[str, list[str]]]:
    each = _answers(Meeting.id.in_(meeting_ids)).subquery()
    rows = await session.execute(
        select(each.c.meeting_id, each.c.answer, func.coalesce(Member.nickname, Member.name))
        .join(Member, and_(Member.guild_id == guild_id, Member.user_id == each.c.user_id))
        .order_by(Member.name)
    )
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for meeting_id, answer, name in rows:
        found[meeting_id][answer].append(name)
    return found
