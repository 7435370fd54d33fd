"""The table of a group's attendance: which people, which meetings, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting, MeetingStatus, Visit
from core.db.models import Cohort, Group, Member, Membership, Role
from core.db.queries import attendance as queries
from core.operations.common import Actor, guild_settings
from core.operations.meeting_rights import must_manage
from core.operations.meeting_views import zone_of
from core.reconcile.answers import effective, name_of
from core.reconcile.attendance import Seen, Verdict, verdict

MEETINGS = 12  # of one page: more columns cannot be told apart on a phone
PEOPLE = 20  # of one page: with their rows of marks they fit Discord's 2,000 characters


@dataclass(frozen=True)
class Column:
    """A meeting that began. `anybody_seen`: somebody was there for long enough."""

    id: int
    number: int | None
    starts_at: datetime
    minutes: int
    anybody_seen: bool

    @property
    def name(self) -> str:
        return name_of(self.number)

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Cell:
    """One person in one meeting. `answer` is the effective one."""

    verdict: Verdict
    answer: str
    seconds: int
    marked: bool


@dataclass(frozen=True)
class Person:
    """`cells` are as the sheet's meetings; None: not expected there, and not there."""

    user_id: int
    name: str
    facilitator: bool
    guest: bool
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Sheet:
    """One page of a group's attendance: meetings oldest first, facilitators and names first."""

    group_id: int
    label: str
    meetings: tuple[Column, ...]
    people: tuple[Person, ...]
    page: tuple[int, int]  # (of the meetings: 0 has the newest, of the people)
    all_meetings: int
    all_people: int
    zone: str  # the group's (IANA)
    threshold: int  # minutes that count as having come


@dataclass(frozen=True)
class Stay:
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Known:
    """Somebody who is or was in the group, or its guest."""

    name: str
    facilitator: bool = False
    active: bool = False
    stays: tuple[Stay, ...] = ()
    visits: frozenset[int] = frozenset()

    def expected(self, meeting: Column) -> bool:
        return meeting.id in self.visits or any(
            s.since < meeting.ends_at and (s.until is None or s.until > meeting.starts_at)
            for s in self.stays
        )


async def sheet(actor: Actor, group_id: int, *, meetings: int = 0, people: int = 0) -> Sheet:
    """A page of meetings and people, both counted from 0. Raises Refusal(not_allowed)."""
    now = utcnow()
    async with get_database().transaction() as session:
        await must_manage(session, actor, group_id)
        settings = await guild_settings(session, actor.guild_id)
        threshold = settings.attended_minutes
        label, zone = await named(session, actor.guild_id, group_id, settings.zone, now)
        total = await session.scalar(
            select(func.count()).where(*_began(actor.guild_id, group_id, now))
        )
        meetings = max(0, min(meetings, ((total or 1) - 1) // MEETINGS))
        columns = await columns_of(
            session, actor.guild_id, group_id, threshold, now,
            limit=MEETINGS, offset=meetings * MEETINGS,
        )  # fmt: skip
        known = await people_of(session, actor.guild_id, group_id)
        ids = {c.id for c in columns}
        shown = {u: k for u, k in known.items() if k.active or k.visits & ids}
        people = max(0, min(people, (len(shown) - 1) // PEOPLE)) if shown else 0
        part = dict(list(shown.items())[people * PEOPLE : (people + 1) * PEOPLE])
        cells = await cells_of(session, actor.guild_id, columns, part, threshold)
    rows = tuple(
        Person(user, k.name, k.facilitator, not k.stays, cells[user]) for user, k in part.items()
    )
    return Sheet(
        group_id, label, columns, rows, (meetings, people), total or 0, len(shown), zone, threshold
    )


async def named(
    session: AsyncSession, guild_id: int, group_id: int, fallback: str, now: datetime
) -> tuple[str, str]:
    """(the group's name and its cohort's, the group's zone). The group must be there."""
    group, cohort, rule = (
        await session.execute(
            select(Group.name, Cohort.name, Group.rule)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(Group.id == group_id, Group.guild_id == guild_id)
        )
    ).one()
    return f"{group} · {cohort}", zone_of(rule, now.date(), fallback)


def _began(guild_id: int, group_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Meeting.guild_id == guild_id,
        Meeting.group_id == group_id,
        Meeting.status == MeetingStatus.planned,
        Meeting.starts_at <= now,
    )


async def columns_of(
    session: AsyncSession,
    guild_id: int,
    group_id: int,
    threshold: int,
    now: datetime,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> tuple[Column, ...]:
    """The meetings that began by `now` (UTC), oldest first; the offset is from the newest."""
    seen = queries.anybody_seen(threshold)
    rows = await session.execute(
        select(Meeting.id, Meeting.number, Meeting.starts_at, Meeting.minutes, seen)
        .where(*_began(guild_id, group_id, now))
        .order_by(Meeting.starts_at.desc(), Meeting.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return tuple(Column(*row) for row in reversed(rows.all()))


async def people_of(session: AsyncSession, guild_id: int, group_id: int) -> dict[int, Known]:
    """Everybody who was ever in the group or its guest, as they are shown: by role and name."""
    stays = (
        await session.execute(
            select(
                Membership.user_id, Member.name, Membership.role, Membership.created_at,
                Membership.ended_at,
            )
            .outerjoin(
                Member,
                and_(Member.guild_id == Membership.guild_id, Member.user_id == Membership.user_id),
            )
            .where(Membership.guild_id == guild_id, Membership.group_id == group_id)
            .order_by(Membership.id)
        )
    ).all()  # fmt: skip
    visits = (
        await session.execute(
            select(Visit.user_id, Member.name, Visit.meeting_id)
            .join(Meeting, Meeting.id == Visit.meeting_id)
            .outerjoin(
                Member, and_(Member.guild_id == Visit.guild_id, Member.user_id == Visit.user_id)
            )
            .where(
                Visit.guild_id == guild_id, Meeting.group_id == group_id, Visit.ended_at.is_(None)
            )
        )
    ).all()
    found: dict[int, Known] = {}
    for user, name, role, since, end in stays:
        before = found.get(user)
        found[user] = Known(
            name or str(user), role == Role.facilitator, end is None,
            (*(before.stays if before else ()), Stay(since, end)), frozenset(),
        )  # fmt: skip
    for user, name, meeting_id in visits:
        k = found.get(user) or Known(name or str(user))
        found[user] = Known(k.name, k.facilitator, k.active, k.stays, k.visits | {meeting_id})

    def rank(item: tuple[int, Known]) -> tuple[bool, bool, str, int]:
        user, k = item
        return not k.stays, not k.facilitator, k.name.casefold(), user

    return dict(sorted(found.items(), key=rank))


async def cells_of(
    session: AsyncSession,
    guild_id: int,
    columns: Sequence[Column],
    people: Mapping[int, Known],
    threshold: int,
) -> dict[int, tuple[Cell | None, ...]]:
    """By person: a cell for each of these meetings, in two statements."""
    ids = [c.id for c in columns]
    rows = await queries.rows_of(session, guild_id, ids, people)
    answers = await queries.answers_of(session, guild_id, ids, people)

    def cell(user: int, known: Known, meeting: Column) -> Cell | None:
        seen = rows.get((meeting.id, user))
        there = seen is not None and (seen.mark is not None or seen.seconds > 0)
        if not there and not known.expected(meeting):
            return None
        answer = effective(*answers.get((meeting.id, user), ("pending", False)))
        said = verdict(
            seen, minutes=meeting.minutes, threshold=threshold, anybody_seen=meeting.anybody_seen
        )
        found = seen or Seen()
        return Cell(said, answer, found.seconds, found.mark is not None)

    return {user: tuple(cell(user, k, c) for c in columns) for user, k in people.items()}
