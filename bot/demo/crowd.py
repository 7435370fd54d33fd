"""What the demo's members do while its clock is moved: they answer, and they come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, select

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Source
from core.db.models import ManagedObject, Member, Membership, MembershipStatus
from core.db.queries.meetings import ends
from core.errors import Refusal
from core.operations import answers
from core.operations.common import Actor

ASKED = timedelta(days=2)  # people make up their mind so long before a meeting
# By the sum of the meeting's number and the person's seat, the same in every rehearsal: most come,
# and some never say a word.
HABITS = (
    Answer.attending, Answer.attending, None, Answer.attending, Answer.tentative,
    Answer.attending, Answer.not_attending,
)  # fmt: skip


async def answer(now: datetime) -> None:
    """Everybody who said nothing yet about a meeting of these days does as they always do."""
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(
                Meeting.id, Meeting.guild_id, Meeting.number, Membership.seat,
                Member.user_id, Member.name,
            )
            .join(Membership, Membership.group_id == Meeting.group_id)
            .join(
                Member,
                and_(
                    Member.guild_id == Meeting.guild_id, Member.user_id == Membership.user_id
                ),
            )
            .outerjoin(
                Rsvp, and_(Rsvp.meeting_id == Meeting.id, Rsvp.user_id == Member.user_id)
            )
            .where(
                Meeting.status == MeetingStatus.planned,
                Meeting.starts_at.between(now, now + ASKED),
                Membership.status == MembershipStatus.active,
                Rsvp.meeting_id.is_(None),
            )
        )  # fmt: skip
        silent = rows.all()
    for meeting_id, guild_id, number, seat, user_id, name in silent:
        said = HABITS[((number or 0) + (seat or 0)) % len(HABITS)]  # who leads has no seat
        if said is None:
            continue
        try:
            await answers.answer(Actor(guild_id, user_id, name), meeting_id, said, Source.button)
        except Refusal:  # moved or over in this very moment
            continue


async def attend(env: Any) -> None:
    """Whoever said yes sits in the voice channel while the group meets. Holds the stage's lock."""
    now = utcnow()
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(Meeting.guild_id, Rsvp.user_id, ManagedObject.discord_id)
            .join(Rsvp, Rsvp.meeting_id == Meeting.id)
            .join(ManagedObject, ManagedObject.group_id == Meeting.group_id)
            .where(
                ManagedObject.kind == "voice",
                ManagedObject.state == "created",
                Meeting.status == MeetingStatus.planned,
                Rsvp.status == Answer.attending,
                Meeting.starts_at <= now,
                ends() > now,
            )
        )
        there = {(guild_id, user_id): channel for guild_id, user_id, channel in rows}
    for guild in env.backend.guilds.values():
        for user_id in [u for u in guild.voice_states if (guild.id, u) not in there]:
            env.backend.set_voice_state(guild.id, user_id, None)
    for (guild_id, user_id), channel_id in there.items():
        if user_id not in env.backend.guilds[guild_id].voice_states:
            env.backend.set_voice_state(guild_id, user_id, channel_id)
    await env.settle()
