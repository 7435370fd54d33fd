"""Who answered what: the people of a meeting, its post's facts, and what happened today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from core.config import GuildSettings
from core.db.calendar_models import CalendarEntry
from core.db.meeting_models import Meeting, Rsvp, Visit
from core.db.models import (
    Expected,
    Group,
    Guild,
    ManagedObject,
    Member,
    Membership,
    MembershipStatus,
    Projection,
    Role,
)
from core.db.queries.access import GUEST
from core.db.queries.attendance import came
from core.db.queries.built import Query
from core.db.queries.meetings import ends
from core.reconcile.answers import MeetingFacts, effective
from core.reconcile.trace import LIVE

# Marks the posts of one meeting, with the parameters of core.systems.answer_posts.marking: a part
# of a statement that changes what they show. An earlier one of its transaction took their lock.
MARK = """
    update projections set dirty = true
    where guild_id = :guild and kind in (:living, :line) and subject = :subject and not dirty
    """


# Writes an explicit answer; the database decides which of two is the later.
PUT = """
    insert into rsvps as r (meeting_id, user_id, guild_id, status, source, answered_at, reason)
    values (:meeting, :user, :guild, :status, :source, :at, :reason)
    on conflict (meeting_id, user_id) do update
    set status = excluded.status, source = excluded.source,
        answered_at = excluded.answered_at, reason = excluded.reason
    where r.answered_at is null or r.answered_at <= excluded.answered_at
    """


@dataclass(frozen=True)
class Somebody:
    """One of those whom a meeting is for. `answer` is the effective one, `role` may be GUEST."""

    user_id: int
    name: str
    role: str
    answer: str
    reason: str | None = None
    answered_at: datetime | None = None

    @property
    def guest(self) -> bool:
        return self.role == GUEST


async def audience(session: AsyncSession, guild_id: int, meeting_id: int) -> list[Somebody]:
    """The active people of the meeting's group and its guests, by name, guests last.

    Of a meeting that is over also those who have left since: what was said then stays said. A
    member of the group who is a guest as well (they switched to it since) counts once.
    """
    rows = await session.execute(_audience(), {"guild": guild_id, "meeting": meeting_id})
    found: dict[int, Somebody] = {}
    for user_id, name, role, status, interested, reason, at in rows:
        answer = effective(status or "pending", bool(interested))
        found.setdefault(user_id, Somebody(user_id, name or str(user_id), role, answer, reason, at))
    return list(found.values())


@cache
def _audience() -> Query:
    guild, meeting = bindparam("guild", type_=BigInteger), bindparam("meeting", type_=BigInteger)
    inside = (
        select(Membership.user_id, Membership.role.label("role"))
        .join(Meeting, Meeting.group_id == Membership.group_id)
        .where(
            Meeting.id == meeting,
            or_(Membership.status == MembershipStatus.active, Membership.ended_at >= ends()),
        )
    )
    guests = select(Visit.user_id, literal(GUEST).label("role")).where(
        Visit.meeting_id == meeting, Visit.guild_id == guild, Visit.ended_at.is_(None)
    )
    people = union_all(inside, guests).subquery()
    return (
        select(
            people.c.user_id, Member.name, people.c.role, Rsvp.status, Rsvp.interested,
            Rsvp.reason, Rsvp.answered_at,
        )
        .outerjoin(Rsvp, and_(Rsvp.meeting_id == meeting, Rsvp.user_id == people.c.user_id))
        .outerjoin(Member, and_(Member.guild_id == guild, Member.user_id == people.c.user_id))
        .order_by(people.c.role == GUEST, func.lower(Member.name), people.c.user_id)
    )  # fmt: skip


@dataclass(frozen=True)
class PostFacts:
    """A meeting's post: the meeting, its guild's settings, and how many came (None: unknown)."""

    guild_id: int
    group_id: int
    meeting: MeetingFacts
    settings: GuildSettings
    came: int | None


_MEETING = (
    select(Meeting, Guild.settings)
    .join(Guild, Guild.id == Meeting.guild_id)
    .where(Meeting.id == bindparam("meeting"), Meeting.guild_id == bindparam("guild"))
)


async def post_facts(session: AsyncSession, guild_id: int, meeting_id: int) -> PostFacts | None:
    """What a meeting's post depends on, beside its people."""
    values = {"guild": guild_id, "meeting": meeting_id}
    row = (await session.execute(_MEETING, values)).one_or_none()
    if row is None:
        return None
    meeting, raw = row
    known = (await came(session, [meeting_id]))[meeting_id] or None
    settings = GuildSettings.model_validate(raw)
    return PostFacts(guild_id, meeting.group_id, facts_of(meeting), settings, known)


def facts_of(meeting: Meeting) -> MeetingFacts:
    """A row as core.reconcile.answers takes it."""
    return MeetingFacts(
        meeting.id, meeting.number, meeting.starts_at, meeting.minutes, meeting.status
    )


@dataclass(frozen=True)
class Home:
    """A group as its posts need it. `channel_id` is its text channel's id on Discord, if any."""

    guild_id: int
    live: bool
    channel_id: int | None
    settings: GuildSettings
    in_calendar: bool  # it has an entry in the guild's calendar
    has_posts: bool  # of any kind


async def home(session: AsyncSession, group_id: int) -> Home | None:
    """Where a group's posts stand."""
    row = (await session.execute(_home(), {"group": group_id})).one_or_none()
    if row is None:
        return None
    settings = GuildSettings.model_validate(row[3])
    return Home(
        row[0], row[1] in LIVE, row[2], settings, in_calendar=row[4], has_posts=row[5]
    )  # fmt: skip


@cache
def _home() -> Query:
    room = and_(
        ManagedObject.group_id == Group.id,
        ManagedObject.kind == "text",
        ManagedObject.state == "created",
    )
    entry = exists().where(CalendarEntry.group_id == Group.id)
    posts = exists().where(Projection.group_id == Group.id)
    return (
        select(Group.guild_id, Group.status, ManagedObject.discord_id, Guild.settings, entry, posts)
        .join(Guild, Guild.id == Group.guild_id)
        .outerjoin(ManagedObject, room)
        .where(Group.id == bindparam("group"), Guild.left_at.is_(None))
    )


@dataclass(frozen=True)
class Today:
    """How many joined, left and answered in a group within a day."""

    joined: int
    left: int
    answered: int

    def __bool__(self) -> bool:
        return bool(self.joined or self.left or self.answered)


async def today(
    session: AsyncSession, guild_id: int, group_id: int, since: datetime, until: datetime
) -> Today:
    """What happened from `since` up to `until` (UTC); one statement.

    Who left and came back, or the other way round, is both. Those who were there when the group
    opened did not join that day.
    """
    values = {"guild": guild_id, "group": group_id, "since": since, "until": until}
    return Today(*(await session.execute(_TODAY, values)).one())


# An old group's post about its opening is not kept.
_TODAY = text("""
    with opened as (
        select max(created_at) as at from deliveries
        where guild_id = :guild and group_id = :group and kind = 'assigned'
    ),
    mine as (select * from memberships where guild_id = :guild and group_id = :group)
    select
        (select count(distinct user_id) from mine
            where created_at >= :since and created_at < :until
            and coalesce(created_at > (select at from opened),
                exists (select from groups where id = :group and status = 'active'))),
        (select count(distinct user_id) from mine
            where status in ('dropped', 'removed') and ended_at >= :since and ended_at < :until),
        (select count(distinct r.user_id) from rsvps as r
            join meetings as m on m.id = r.meeting_id
            where r.guild_id = :guild and m.group_id = :group and r.status <> 'pending'
            and r.answered_at >= :since and r.answered_at < :until)
    """)


def _declines(whose: type[Membership | Visit]) -> ColumnElement[bool]:
    """Whether they said that they cannot come to the meeting."""
    said = exists().where(
        Rsvp.meeting_id == Meeting.id,
        Rsvp.user_id == whose.user_id,
        Rsvp.status == "not_attending",
    )
    return said.correlate(Meeting, whose)


async def seats_free(session: AsyncSession, meeting_ids: Sequence[int]) -> dict[int, int]:
    """By meeting: seats of its group that nobody needs at that meeting; may be below 0.

    Needed by participants and guests who did not say that they cannot come, and by those who are
    expected on the server. Facilitators hold no seat.
    """
    members = (
        select(func.count())
        .where(
            Membership.group_id == Meeting.group_id,
            Membership.status == MembershipStatus.active,
            Membership.role == Role.participant,
            ~_declines(Membership),
        )
        .correlate(Meeting)
        .scalar_subquery()
    )
    guests = (
        select(func.count())
        .where(
            Visit.meeting_id == Meeting.id,
            Visit.ended_at.is_(None),
            ~_declines(Visit),
        )
        .correlate(Meeting)
        .scalar_subquery()
    )
    expected = (
        select(func.count())
        .where(Expected.group_id == Meeting.group_id, Expected.role == Role.participant)
        .correlate(Meeting)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(Meeting.id, Group.seats - members - expected - guests)
        .join(Group, Group.id == Meeting.group_id)
        .where(Meeting.id.in_(meeting_ids))
    )
    return {row[0]: int(row[1]) for row in rows}
