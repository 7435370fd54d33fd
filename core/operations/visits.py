"""Guests: who cannot come to their own meeting visits another group of the cohort that week.

A guest holds no seat and displaces nobody: there has to be room at that very meeting. Access
follows from the row, from six days before the meeting to three days after it
(core.db.queries.access), wherever the meeting is moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Source, Visit
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    ManagedObject,
    Membership,
    MembershipStatus,
    User,
)
from core.db.queries import answers as queries
from core.db.queries.access import AFTER, BEFORE
from core.db.queries.deliveries import enqueue
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.notifications import notices
from core.operations.common import Actor, audit, guild_settings
from core.operations.meeting_facts import known
from core.reconcile.answers import MeetingFacts
from core.reconcile.trace import LIVE
from core.systems import answer_posts
from core.words import t

MOST = 25  # Discord's limit of a select


@dataclass(frozen=True)
class Offer:
    """A meeting of another group with room for a guest. `zone`: the reader's, else the server's."""

    meeting: MeetingFacts
    group_id: int
    group_name: str
    free: int
    zone: str


@dataclass(frozen=True)
class Visiting:
    """A booked visit. Access lasts from `begins_at` to `ends_at` (UTC). Channels: Discord's ids."""

    id: int
    meeting: MeetingFacts
    group_id: int
    group_name: str
    begins_at: datetime
    ends_at: datetime
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Missed:
    """The meeting that somebody of its group said they cannot come to, and its ISO week.

    The week is one of the server's `zone` (IANA).
    """

    meeting: Meeting
    cohort_id: int
    since: datetime
    until: datetime
    zone: str


async def offers(actor: Actor, missed_meeting_id: int) -> list[Offer]:
    """Where the actor could be a guest instead: the same cohort and ISO week (the server's zone).

    Only meetings still to come with room; empty where the actor did not decline this one.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        missed = await _missed(session, actor, missed_meeting_id)
        if missed is None:
            return []
        rows = (await session.execute(_hosts(actor, missed, now).limit(4 * MOST))).all()
        free = await queries.seats_free(session, [m.id for m, _ in rows])
        zone = known(await session.scalar(select(User.zone).where(User.id == actor.user_id)))
    shown = zone or missed.zone
    return [
        Offer(queries.facts_of(meeting), meeting.group_id, name, free[meeting.id], shown)
        for meeting, name in rows
        if free.get(meeting.id, 0) > 0
    ][:MOST]


async def _missed(session: AsyncSession, actor: Actor, meeting_id: int) -> _Missed | None:
    row = (
        await session.execute(
            select(Meeting, Group.cohort_id)
            .join(Group, Group.id == Meeting.group_id)
            .join(Rsvp, and_(Rsvp.meeting_id == Meeting.id, Rsvp.user_id == actor.user_id))
            .where(
                Meeting.id == meeting_id,
                Meeting.guild_id == actor.guild_id,
                Rsvp.status == Answer.not_attending,
                exists().where(
                    Membership.group_id == Meeting.group_id,
                    Membership.user_id == actor.user_id,
                    Membership.status == MembershipStatus.active,
                ),
            )
        )
    ).one_or_none()
    if row is None:
        return None
    zone = ZoneInfo((await guild_settings(session, actor.guild_id)).zone)
    day = row[0].starts_at.astimezone(zone).date()
    monday = day - timedelta(days=day.weekday())
    since, until = (datetime.combine(d, time(), zone) for d in (monday, monday + timedelta(days=7)))
    return _Missed(row[0], row[1], since, until, zone.key)


def _hosts(actor: Actor, missed: _Missed, now: datetime) -> Select[Meeting, str]:
    """Meetings of other groups of the cohort in that week, the earliest first."""
    return (
        select(Meeting, Group.name)
        .join(Group, Group.id == Meeting.group_id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(
            Meeting.guild_id == actor.guild_id,
            Group.cohort_id == missed.cohort_id,
            Group.id != missed.meeting.group_id,
            Group.status.in_(LIVE),
            Cohort.status.in_((CohortStatus.open, CohortStatus.closed)),
            Meeting.status == MeetingStatus.planned,
            Meeting.starts_at > now,
            Meeting.starts_at >= missed.since,
            Meeting.starts_at < missed.until,
        )
        .order_by(Meeting.starts_at, Meeting.id)
    )


async def visit(actor: Actor, missed_meeting_id: int, host_meeting_id: int) -> Visiting:
    """Book the actor as a guest of one meeting. Another visit instead of the same one ends.

    Raises Refusal: not_declined, no_such_visit, no_room.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        missed = await _missed(session, actor, missed_meeting_id)
        if missed is None:
            raise Refusal(
                "not_declined",
                t("You can be a guest elsewhere once you said that you can't come to your own."),
            )
        # The lock makes guests wait for each other, and lets presses on the same meeting pass.
        query = _hosts(actor, missed, now).where(Meeting.id == host_meeting_id)
        row = (
            await session.execute(query.with_for_update(of=Meeting, key_share=True))
        ).one_or_none()
        if row is None:
            raise Refusal(
                "no_such_visit", t("That meeting is not open to guests any more. Pick another one.")
            )
        host, name = row
        mine = await _current(session, actor, missed_meeting_id)
        if host.id not in mine:
            await _must_have_room(session, host, name)
        await _end(session, actor, [m for m in mine if m != host.id], now)
        visit_id = await _book(session, actor, host, missed_meeting_id, now)
        await enqueue(
            session,
            [notices.guest(actor.guild_id, visit_id, host.group_id, host.id, actor.user_id, now)],
            now,
        )
        if host.id not in mine:
            audit(
                session, actor, "visit_booked", cohort_id=missed.cohort_id, group_id=host.group_id,
                user_id=actor.user_id, after={"meeting_id": host.id, "number": host.number},
            )  # fmt: skip
        await answer_posts.mark(session, [host.id])
        await mark_due(session, [host.group_id], now)
        channels = await _channels(session, host.group_id)
    return _visiting(visit_id, host, name, channels)


async def _must_have_room(session: AsyncSession, host: Meeting, name: str) -> None:
    free = await queries.seats_free(session, [host.id])
    if free.get(host.id, 0) < 1:
        raise Refusal(
            "no_room",
            t("“{group}” has no room left that week. Pick another group.", group=name),
        )


async def _current(session: AsyncSession, actor: Actor, missed_id: int) -> list[int]:
    """Meetings that they already visit instead of the missed one."""
    rows = await session.scalars(
        select(Visit.meeting_id).where(
            Visit.guild_id == actor.guild_id,
            Visit.user_id == actor.user_id,
            Visit.missed_id == missed_id,
            Visit.ended_at.is_(None),
        )
    )
    return list(rows)


async def _book(
    session: AsyncSession, actor: Actor, host: Meeting, missed_id: int, now: datetime
) -> int:
    made = insert(Visit).values(
        guild_id=actor.guild_id, meeting_id=host.id, user_id=actor.user_id, missed_id=missed_id,
        created_at=now,
    )  # fmt: skip
    visit_id: int = (
        await session.execute(
            made.on_conflict_do_update(
                index_elements=[Visit.meeting_id, Visit.user_id],
                set_={"ended_at": None, "missed_id": missed_id},
            ).returning(Visit.id)
        )
    ).scalar_one()
    coming: dict[str, Any] = {
        "status": Answer.attending, "source": Source.button, "answered_at": now, "reason": None,
    }  # fmt: skip
    await session.execute(
        insert(Rsvp)
        .values(meeting_id=host.id, user_id=actor.user_id, guild_id=actor.guild_id, **coming)
        .on_conflict_do_update(index_elements=[Rsvp.meeting_id, Rsvp.user_id], set_=coming)
    )
    return visit_id


async def cancel(actor: Actor, missed_meeting_id: int) -> list[int]:
    """Take the actor's visit instead of this meeting back; ids of the groups they were to visit.

    Raises Refusal(no_such_visit).
    """
    now = utcnow()
    async with get_database().transaction() as session:
        mine = await _current(session, actor, missed_meeting_id)
        if not mine:
            raise Refusal("no_such_visit", t("You are no guest of another group that week."))
        return await _end(session, actor, mine, now)


async def _end(
    session: AsyncSession, actor: Actor, meeting_ids: list[int], now: datetime
) -> list[int]:
    if not meeting_ids:
        return []
    await session.execute(
        update(Visit)
        .where(
            Visit.guild_id == actor.guild_id,
            Visit.user_id == actor.user_id,
            Visit.meeting_id.in_(meeting_ids),
        )
        .values(ended_at=now)
    )
    rows = await session.execute(
        select(Meeting.id, Meeting.number, Meeting.group_id, Group.cohort_id)
        .join(Group, Group.id == Meeting.group_id)
        .where(Meeting.id.in_(meeting_ids), Meeting.guild_id == actor.guild_id)
    )
    touched = []
    for meeting_id, number, group_id, cohort_id in rows:
        touched.append(group_id)
        audit(
            session, actor, "visit_cancelled", cohort_id=cohort_id, group_id=group_id,
            user_id=actor.user_id, after={"meeting_id": meeting_id, "number": number},
        )  # fmt: skip
    await answer_posts.mark(session, meeting_ids)
    await mark_due(session, touched, now)
    return touched


async def _channels(session: AsyncSession, group_id: int) -> tuple[int, ...]:
    rows = await session.scalars(
        select(ManagedObject.discord_id)
        .where(
            ManagedObject.group_id == group_id,
            ManagedObject.kind.in_(("text", "voice")),
            ManagedObject.state == "created",
        )
        .order_by(ManagedObject.kind)
    )
    return tuple(i for i in rows if i is not None)


def _visiting(visit_id: int, host: Meeting, name: str, channels: tuple[int, ...]) -> Visiting:
    facts = queries.facts_of(host)
    return Visiting(
        visit_id, facts, host.group_id, name, facts.starts_at - BEFORE, facts.ends_at + AFTER,
        channels,
    )  # fmt: skip
