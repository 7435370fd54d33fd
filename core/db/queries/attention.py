"""Members who may need a look of a person: two statements, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Subquery,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Answer, Attendance, Meeting, MeetingStatus, Rsvp, Snooze
from core.db.models import (
    Cohort,
    Group,
    Guild,
    Member,
    Membership,
    MembershipStatus,
    Role,
)
from core.db.queries.attendance import anybody_seen, enough, threshold, total
from core.db.queries.meetings import ends
from core.reconcile.attendance import SILENT_DAYS, WINDOW
from core.reconcile.trace import LIVE


@dataclass(frozen=True)
class Suspect:
    """A member who was not at the last meeting of which anything is known.

    `answered`: a meeting of the last three weeks, or one to come. `snoozed`: the causes that
    somebody does not want to see now.
    """

    membership_id: int
    group_id: int
    cohort_id: int
    user_id: int
    name: str
    label: str
    facilitator: bool
    since: datetime
    answered: bool
    snoozed: frozenset[str]


def _held(guild_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Meetings that took place within WINDOW."""
    return (
        Meeting.guild_id == guild_id,
        Meeting.status == MeetingStatus.planned,
        Meeting.starts_at > now - WINDOW,
        ends() <= now,
    )


async def suspects(
    session: AsyncSession,
    guild_id: int,
    now: datetime,
    *,
    limit: int,
    membership_id: int | None = None,
) -> list[Suspect]:
    """Facilitators first, then by name, of live groups; everybody who is fine is left out here.

    What is left out is decided by core.reconcile.attendance.attention as well; here it is only
    made sure that `limit` does not hide people behind others who missed a single meeting.
    """
    away = _away(guild_id, now)
    facilitates = Membership.role == Role.facilitator
    silent = and_(
        Membership.created_at <= now - timedelta(days=SILENT_DAYS), ~_answered(now), ~_there(now)
    )
    query = (
        select(
            Membership.id, Membership.group_id, Membership.cohort_id, Membership.user_id,
            Member.name, Group.name, Cohort.name, Membership.role, Membership.created_at,
            _answered(now), _snoozed(now),
        )
        .join(away, away.c.id == Membership.id)
        .join(Group, Group.id == Membership.group_id)
        .join(Cohort, Cohort.id == Membership.cohort_id)
        .outerjoin(
            Member,
            and_(Member.guild_id == Membership.guild_id, Member.user_id == Membership.user_id),
        )
        .where(
            Membership.guild_id == guild_id,
            away.c.flags[1],
            or_(facilitates, away.c.flags[2], silent),
        )
        .order_by(Membership.role, Member.name, Membership.id)
        .limit(limit)
    )  # fmt: skip
    if membership_id is not None:
        query = query.where(Membership.id == membership_id)
    return [_suspect(*row) for row in await session.execute(query)]


def _suspect(
    row_id: int,
    group_id: int,
    cohort_id: int,
    user_id: int,
    name: str | None,
    group: str,
    cohort: str,
    role: str,
    since: datetime,
    answered: bool,
    snoozed: list[str] | None,
) -> Suspect:
    return Suspect(
        row_id, group_id, cohort_id, user_id, name or str(user_id), f"{group} · {cohort}",
        role == Role.facilitator, since, answered, frozenset(snoozed or ()),
    )  # fmt: skip


def _away(guild_id: int, now: datetime) -> Subquery:
    """By membership: whether they were away, for the last two meetings of which anything is known.

    `flags` has the newest first. Only those two are looked for in each group.
    """
    known = exists().where(
        Attendance.meeting_id == Meeting.id,
        or_(Attendance.mark.is_not(None), total() >= enough(threshold())),
    )
    last = (
        select(Meeting.id, Meeting.starts_at, enough(threshold()).label("enough"))
        .join(Guild, Guild.id == Meeting.guild_id)
        .where(*_held(guild_id, now), Meeting.group_id == Group.id, known)
        .order_by(Meeting.starts_at.desc(), Meeting.id)
        .limit(2)
        .lateral()
    )
    short = func.coalesce(Attendance.seconds, 0) < last.c.enough
    away = case((Attendance.mark.is_not(None), Attendance.mark == "absent"), else_=short)
    newest = func.array_agg(
        aggregate_order_by(away, last.c.starts_at.desc()), type_=ARRAY(Boolean)
    )  # fmt: skip
    return (
        select(Membership.id, newest.label("flags"))
        .select_from(Group)
        .join(last, true())
        .join(Membership, Membership.group_id == Group.id)
        .outerjoin(
            Attendance,
            and_(Attendance.meeting_id == last.c.id, Attendance.user_id == Membership.user_id),
        )
        .where(
            Group.guild_id == guild_id,
            Group.status.in_(LIVE),
            Membership.status == MembershipStatus.active,
            Membership.created_at < last.c.starts_at,
        )
        .group_by(Membership.id)
        .subquery()
    )


def _there(now: datetime) -> ColumnElement[bool]:
    """Whether a member was seen for a moment or excused within three weeks."""
    return exists().where(
        Attendance.meeting_id == Meeting.id,
        Attendance.user_id == Membership.user_id,
        Attendance.guild_id == Membership.guild_id,
        Meeting.group_id == Membership.group_id,
        Meeting.starts_at >= now - timedelta(days=SILENT_DAYS),
        or_(Attendance.seconds > 0, Attendance.mark.in_(("attended", "excused"))),
    )


def _answered(now: datetime) -> ColumnElement[bool]:
    """Whether a member answered lately, by a press or by Discord's "Interested"."""
    lately = now - timedelta(days=SILENT_DAYS)
    asked = Meeting.starts_at >= lately
    explicit = and_(Rsvp.status != Answer.pending, or_(Rsvp.answered_at >= lately, asked))
    return exists().where(
        Rsvp.meeting_id == Meeting.id,
        Rsvp.guild_id == Membership.guild_id,
        Rsvp.user_id == Membership.user_id,
        Meeting.group_id == Membership.group_id,
        or_(explicit, and_(Rsvp.interested, asked)),
    )


def _snoozed(now: datetime) -> Any:
    return (
        select(func.array_agg(Snooze.cause))
        .where(
            Snooze.guild_id == Membership.guild_id,
            Snooze.group_id == Membership.group_id,
            Snooze.user_id == Membership.user_id,
            Snooze.until > now,
        )
        .scalar_subquery()
    )


@dataclass(frozen=True)
class Was:
    """One member and one meeting that took place while they were in the group."""

    meeting_id: int
    number: int | None
    starts_at: datetime
    minutes: int
    seconds: int
    mark: str | None
    status: str
    interested: bool
    anybody_seen: bool
    threshold: int


async def past(
    session: AsyncSession, guild_id: int, membership_ids: Collection[int], now: datetime
) -> dict[int, list[Was]]:
    """By membership: the meetings of the last WINDOW, newest first."""
    found: dict[int, list[Was]] = {i: [] for i in membership_ids}
    if not found:
        return found
    rows: Sequence[Any] = (
        await session.execute(
            select(
                Membership.id, Meeting.id, Meeting.number, Meeting.starts_at, Meeting.minutes,
                func.coalesce(total(), 0), Attendance.mark,
                func.coalesce(Rsvp.status, Answer.pending.value),
                func.coalesce(Rsvp.interested, False),
                anybody_seen(threshold()), threshold(),
            )
            .join(Meeting, Meeting.group_id == Membership.group_id)
            .join(Guild, Guild.id == Meeting.guild_id)
            .outerjoin(
                Attendance,
                and_(Attendance.meeting_id == Meeting.id,
                     Attendance.user_id == Membership.user_id),
            )
            .outerjoin(
                Rsvp, and_(Rsvp.meeting_id == Meeting.id, Rsvp.user_id == Membership.user_id)
            )
            .where(
                *_held(guild_id, now),
                Membership.guild_id == guild_id,
                Membership.id.in_(found),
                Membership.created_at < ends(),
            )
            .order_by(Meeting.starts_at.desc(), Meeting.id)
        )
    ).all()  # fmt: skip
    for membership_id, *row in rows:
        found[membership_id].append(Was(*row))
    return found
