"""Discord's own "Interested" on a meeting's event: noted beside people's answers, never as one."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import and_, exists, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Group, ManagedObject, Member, Membership
from core.db.models import meeting_models as tables
from core.db.queries import events as rows
from core.discord_outbound import events as outbound
from core.discord_outbound.cache import guild_view
from core.errors import PermanentError, TemporaryError
from core.systems import answer_posts

log = structlog.get_logger(__name__)

# Events whose people are being read from Discord, with those whom the gateway told of meanwhile:
# what it says is newer than the list.
_reading: dict[int, set[int]] = {}


async def noted(guild_id: int, event_id: int, user_id: int, *, interested: bool) -> int | None:
    """Somebody pressed Interested, or took it back; the meeting's id where that is news.

    Events of others, and people whom Muster does not know on this server, are left alone.
    """
    if event_id in _reading:
        _reading[event_id].add(user_id)
    async with get_database().transaction() as session:
        meeting = await session.scalar(
            select(tables.Meeting.id).where(
                tables.Meeting.guild_id == guild_id, tables.Meeting.event_id == event_id
            )
        )
        if meeting is None:
            return None
        changed = await _write(session, guild_id, meeting, [user_id], interested=interested)
        if not changed:
            return None
        await answer_posts.mark(session, [meeting])
    return meeting


async def _write(
    session: AsyncSession,
    guild_id: int,
    meeting_id: int,
    user_ids: Sequence[int],
    *,
    interested: bool,
) -> list[int]:
    """Set the flag for these people; those for whom it was another before."""
    rsvp = tables.Rsvp
    mine = and_(rsvp.meeting_id == meeting_id, rsvp.guild_id == guild_id)
    if not interested:
        gone = await session.scalars(
            update(rsvp)
            .where(mine, rsvp.user_id.in_(user_ids), rsvp.interested)
            .values(interested=False)
            .returning(rsvp.user_id)
        )
        return list(gone)
    known = await _known(session, guild_id, user_ids)
    if not known:
        return []
    statement = insert(rsvp).values(
        [
            {"meeting_id": meeting_id, "user_id": u, "guild_id": guild_id, "interested": True}
            for u in known
        ]
    )
    found = await session.scalars(
        statement.on_conflict_do_update(
            index_elements=[rsvp.meeting_id, rsvp.user_id],
            set_={"interested": true()},
            where=~rsvp.interested,
        ).returning(rsvp.user_id)
    )
    return list(found)


async def _known(session: AsyncSession, guild_id: int, user_ids: Sequence[int]) -> list[int]:
    """Of these, who is in a group here, or known on this server; in order, against deadlocks."""
    found = await session.scalars(
        select(Member.user_id).where(Member.guild_id == guild_id, Member.user_id.in_(user_ids))
        .union(
            select(Membership.user_id).where(
                Membership.guild_id == guild_id, Membership.user_id.in_(user_ids),
                Membership.status == "active",
            )
        )
    )  # fmt: skip
    return sorted(found)


async def reread(guild_id: int) -> int:
    """Ask Discord who is interested in the meetings to come; how many flags were wrong.

    For what happened while nobody listened: once per event after a new session. An event that
    cannot be read now is left as it is.
    """
    view, now = guild_view(guild_id), utcnow()
    if view is None:
        return 0
    async with get_database().transaction() as session:
        found = await session.execute(
            select(tables.Meeting.id, tables.Meeting.event_id)
            .where(
                tables.Meeting.guild_id == guild_id,
                tables.Meeting.event_state == "created",
                tables.Meeting.event_id.is_not(None),
                tables.Meeting.status == tables.MeetingStatus.planned,
            )
            .order_by(tables.Meeting.starts_at)
        )
        pairs = [(meeting, event) for meeting, event in found if event is not None]
    events, changed = view.events(), 0
    for meeting_id, event_id in pairs:
        event = events.get(event_id)
        if event is not None and (event.end is None or event.end > now):
            changed += await _reread_one(guild_id, meeting_id, event_id)
    if changed:
        log.info("interest_reread", guild_id=guild_id, changed=changed)
    return changed


async def _reread_one(guild_id: int, meeting_id: int, event_id: int) -> int:
    newer = _reading.setdefault(event_id, set())
    try:
        people = await outbound.interested(guild_id, event_id)
        if people is None:
            return 0
        async with get_database().transaction() as session:
            rsvp = tables.Rsvp
            noted_now = set(
                await session.scalars(
                    select(rsvp.user_id).where(
                        rsvp.meeting_id == meeting_id, rsvp.guild_id == guild_id, rsvp.interested
                    )
                )
            )
            changed: list[int] = []
            for users, flag in ((people - noted_now, True), (noted_now - people, False)):
                if todo := sorted(users - newer):
                    changed += await _write(session, guild_id, meeting_id, todo, interested=flag)
            if changed:
                await answer_posts.mark(session, [meeting_id])
            return len(changed)
    except (TemporaryError, PermanentError) as error:
        log.info("interest_not_read", guild_id=guild_id, event_id=event_id, why=error.text)
        return 0
    finally:
        _reading.pop(event_id, None)


async def group_of_event(guild_id: int, event_id: int) -> list[int]:
    """The group whose meeting has this event; nothing for events of others."""
    async with get_database().transaction() as session:
        found = await rows.group_of(session, guild_id, event_id)
    return [found] if found is not None else []


async def group_of_stray(guild_id: int, event_id: int, channel_id: int) -> list[int]:
    """The group in whose voice channel there is an event of ours that no row knows of."""
    known = exists().where(tables.Meeting.guild_id == guild_id, tables.Meeting.event_id == event_id)
    async with get_database().transaction() as session:
        found = await session.scalars(
            select(Group.id)
            .join(ManagedObject, ManagedObject.group_id == Group.id)
            .where(
                Group.guild_id == guild_id,
                ManagedObject.kind == "voice",
                ManagedObject.discord_id == channel_id,
                ~known,
            )
        )
        return list(found)
