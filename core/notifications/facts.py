"""Everything that a batch of messages depends on, in a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.config import GuildSettings
from core.db.meeting_models import (
    Announcement,
    Attendance,
    Delivery,
    Meeting,
    MeetingStatus,
    Rsvp,
    Visit,
)
from core.db.models import (
    AuditEntry,
    Cohort,
    Group,
    Guild,
    ManagedObject,
    Member,
    Membership,
    Role,
    User,
)
from core.db.queries.attendance import total
from core.db.queries.meetings import ends
from core.notifications.kinds import KINDS
from core.notifications.known import (
    AnnouncementFact,
    Facts,
    GroupFact,
    Late,
    MeetingFact,
    PersonFact,
    Room,
    Server,
)
from core.notifications.outgoing import Claimed
from core.reconcile.answers import effective
from core.reconcile.attendance import Seen

# Whose texts name the next meeting of the group, beside the one that the row is about.
_NEXT = {"assigned", "assigned_dm", "digest", "skipped", "cancelled"}


def _in(column: Any, ids: Collection[int]) -> ColumnElement[bool]:
    """One array instead of a value each: asyncpg takes 32,767 of those."""
    return column == any_(  # type: ignore[no-any-return]  # a column is Any here
        bindparam(None, sorted(ids), type_=ARRAY(BigInteger), unique=True)
    )


async def _rows(session: AsyncSession, query: Any) -> Sequence[Any]:
    """Plain rows, past the ORM's loading."""
    return (await (await session.connection()).execute(query)).all()


async def gather(session: AsyncSession, rows: Sequence[Claimed], now: datetime) -> Facts:
    """What decides about these rows. At most 14 statements, 7 for reminders only."""
    facts = Facts()
    guilds = {row.guild_id for row in rows}
    found = await _rows(
        session,
        select(Guild.id, Guild.name, Guild.settings, Guild.left_at).where(_in(Guild.id, guilds)),
    )
    for guild_id, name, chosen, left_at in found:
        settings = GuildSettings.model_validate(chosen)
        facts.servers[guild_id] = Server(guild_id, name, settings, left_at is not None)
    await _add_groups(session, facts, guilds, rows)
    await _add_meetings(session, facts, guilds, rows, now)
    await _add_answers(session, facts, guilds)
    await _add_people(session, facts, guilds, rows)
    await _add_announcements(session, facts, guilds, rows)
    await _add_late(session, facts, guilds, rows, now)
    return facts


_TextRoom, _VoiceRoom = aliased(ManagedObject), aliased(ManagedObject)


async def _add_groups(
    session: AsyncSession, facts: Facts, guilds: set[int], rows: Sequence[Claimed]
) -> None:
    ids = {row.group_id for row in rows if row.group_id is not None}
    if not ids:
        return
    query = (
        select(
            Group.id, Group.guild_id, Group.name, Group.status, Cohort.name, Cohort.rooms,
            _TextRoom.id, _TextRoom.discord_id, _TextRoom.state,
            _VoiceRoom.id, _VoiceRoom.discord_id, _VoiceRoom.state,
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .outerjoin(_TextRoom, and_(_TextRoom.group_id == Group.id, _TextRoom.kind == "text"))
        .outerjoin(_VoiceRoom, and_(_VoiceRoom.group_id == Group.id, _VoiceRoom.kind == "voice"))
        .where(_in(Group.guild_id, guilds), _in(Group.id, ids))
    )  # fmt: skip
    people = select(Membership.group_id, Membership.user_id, Membership.role).where(
        _in(Membership.guild_id, guilds), _in(Membership.group_id, ids),
        Membership.status == "active",
    )  # fmt: skip
    inside: dict[int, dict[int, str]] = defaultdict(dict)
    for group_id, user_id, role in await _rows(session, people.order_by(Membership.id)):
        inside[group_id][user_id] = role
    for row in await _rows(session, query):
        group_id, rooms = row[0], row[5]
        # Voice channels have a chat of their own, where posts go if there is no other.
        known, channel_id, state = row[9:12] if rooms == "voice" else row[6:9]
        room = Room(channel_id, state == "deleted") if known is not None else None
        facts.groups[group_id] = GroupFact(
            row[0], row[1], row[2], row[3], row[4], room, inside[group_id]
        )


def _columns() -> tuple[Any, ...]:
    return (
        Meeting.id, Meeting.group_id, Meeting.number, Meeting.starts_at, ends(), Meeting.status,
        Meeting.extra, Meeting.told_starts_at,
    )  # fmt: skip


async def _add_meetings(
    session: AsyncSession, facts: Facts, guilds: set[int], rows: Sequence[Claimed], now: datetime
) -> None:
    ids = {row.meeting_id for row in rows if row.meeting_id is not None}
    here = _in(Meeting.guild_id, guilds)
    if ids:
        found = await _rows(session, select(*_columns()).where(here, _in(Meeting.id, ids)))
        facts.meetings |= {row[0]: MeetingFact(*row) for row in found}
    planned = Meeting.status == MeetingStatus.planned
    if wanted := {row.group_id for row in rows if row.kind in _NEXT and row.group_id}:
        await _nearest(session, facts, "next_id", [
            here, planned, _in(Meeting.group_id, wanted), ends() > now
        ])  # fmt: skip
    if wanted := {row.group_id for row in rows if row.kind == "digest" and row.group_id}:
        await _nearest(session, facts, "last_id", [
            here, planned, _in(Meeting.group_id, wanted), ends() <= now
        ])  # fmt: skip
    if moved := {row.meeting_id for row in rows if row.kind == "moved" and row.meeting_id}:
        newest = select(Delivery.meeting_id, func.max(Delivery.id)).where(
            _in(Delivery.guild_id, guilds), _in(Delivery.meeting_id, moved),
            Delivery.kind == "moved",
        )  # fmt: skip
        facts.newest = dict(await _rows(session, newest.group_by(Delivery.meeting_id)))


async def _nearest(
    session: AsyncSession, facts: Facts, name: str, where: list[ColumnElement[bool]]
) -> None:
    """The meeting nearest to now of each group: the first to come, or the last that was."""
    order = Meeting.starts_at.asc() if name == "next_id" else Meeting.starts_at.desc()
    query = select(*_columns()).where(*where).ext(distinct_on(Meeting.group_id))
    for row in await _rows(session, query.order_by(Meeting.group_id, order, Meeting.id)):
        facts.meetings[row[0]] = MeetingFact(*row)
        group = facts.groups.get(row[1])
        if group is not None:
            facts.groups[row[1]] = replace(group, **{name: row[0]})


async def _add_answers(session: AsyncSession, facts: Facts, guilds: set[int]) -> None:
    ids = facts.meetings.keys()
    if not ids:
        return
    query = select(Rsvp.meeting_id, Rsvp.user_id, Rsvp.status, Rsvp.interested).where(
        _in(Rsvp.guild_id, guilds), _in(Rsvp.meeting_id, ids)
    )
    for meeting_id, user_id, status, interested in await _rows(session, query):
        answers = facts.answers.setdefault(meeting_id, {})
        answers[user_id] = effective(status, interested)
    visits = select(Visit.meeting_id, Visit.user_id).where(
        _in(Visit.guild_id, guilds), _in(Visit.meeting_id, ids), Visit.ended_at.is_(None)
    )
    for meeting_id, user_id in await _rows(session, visits):
        facts.guests.setdefault(meeting_id, set()).add(user_id)
    last = {group.last_id for group in facts.groups.values() if group.last_id is not None}
    if not last:
        return
    came = (
        select(Attendance.meeting_id, Attendance.user_id, total(), Attendance.mark)
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .where(_in(Attendance.guild_id, guilds), _in(Attendance.meeting_id, last))
    )
    for meeting_id, user_id, seconds, mark in await _rows(session, came):
        facts.seen.setdefault(meeting_id, {})[user_id] = Seen(int(seconds), mark)


async def _add_people(
    session: AsyncSession, facts: Facts, guilds: set[int], rows: Iterable[Claimed]
) -> None:
    wanted = {user for group in facts.groups.values() for user in group.people}
    wanted |= {user for guests in facts.guests.values() for user in guests}
    wanted |= {u for row in rows for u in (row.user_id, row.about_id) if u is not None}
    wanted |= {u for row in rows for u in row.payload.get("mention", ())}
    if not wanted:
        return
    query = (
        select(
            Member.guild_id, User.id, Member.name, Member.nickname, Member.left_at, User.zone,
            User.dm_enabled, User.language, User.quiet_from, User.quiet_to, User.switches,
            User.dm_channel_id,
        )
        .join(User, User.id == Member.user_id)
        .where(_in(Member.guild_id, guilds), _in(Member.user_id, wanted))
    )  # fmt: skip
    for row in await _rows(session, query):
        facts.people[row[0], row[1]] = PersonFact(
            row[1],
            row[3] or row[2],
            row[4] is None,
            row[5],
            row[6],
            row[7],
            (row[8], row[9]),
            row[10],
            row[11],
        )


async def _add_announcements(
    session: AsyncSession, facts: Facts, guilds: set[int], rows: Iterable[Claimed]
) -> None:
    ids = {row.announcement_id for row in rows if row.announcement_id is not None}
    if not ids:
        return
    query = select(
        Announcement.id, Announcement.content, Announcement.withdrawn_at, Announcement.version
    ).where(_in(Announcement.guild_id, guilds), _in(Announcement.id, ids))
    unsure = {row.announcement_id for row in rows if row.unsure_since is not None}
    earlier = await _earlier(session, guilds, ids & unsure)
    for number, content, withdrawn_at, version in await _rows(session, query):
        facts.announcements[number] = AnnouncementFact(
            content, withdrawn_at is not None, version, tuple(earlier[number])
        )


async def _earlier(
    session: AsyncSession, guilds: set[int], ids: set[int]
) -> defaultdict[int, list[str]]:
    """The texts that announcements had before, from the history."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    if ids:
        number = AuditEntry.after["announcement"].as_integer()
        query = select(number, AuditEntry.before["text"].as_string()).where(
            _in(AuditEntry.guild_id, guilds),
            AuditEntry.action == "announcement_edited",
            _in(number, ids),
        )
        for announcement_id, text in await _rows(session, query):
            found[announcement_id].append(text)
    return found


async def _add_late(
    session: AsyncSession, facts: Facts, guilds: set[int], rows: Iterable[Claimed], now: datetime
) -> None:
    """What was not said in time, by facilitator; by 0 where a group has none."""
    since = [datetime.fromisoformat(r.payload["since"]) for r in rows if r.kind == "missed"]
    if not since:
        return
    leads = and_(
        Membership.group_id == Delivery.group_id,
        Membership.status == "active",
        Membership.role == Role.facilitator,
    )
    query = (
        select(
            Delivery.guild_id, Membership.user_id, Delivery.kind, Group.name, Delivery.due_at
        )
        .join(Group, Group.id == Delivery.group_id)
        .outerjoin(Membership, leads)
        .where(
            _in(Delivery.guild_id, guilds),
            Delivery.error_class == "too_late",
            Delivery.kind.in_([kind.name for kind in KINDS.values() if kind.counts]),
            Delivery.due_at >= min(since),
            Delivery.due_at <= now,
            or_(Membership.user_id.is_(None), Membership.guild_id == Delivery.guild_id),
        )
        .order_by(Delivery.due_at, Delivery.id)
    )  # fmt: skip
    for guild_id, user_id, *what in await _rows(session, query):
        facts.late.setdefault((guild_id, user_id or 0), []).append(Late(*what))
