"""A cohort that is under way: two weeks behind it, a meeting within the hour, the rest to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from simcord import MemberActor
from sqlalchemy import insert, select

from bot.demo.town import Town, moderator, shown_name
from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Attendance, Meeting, Rsvp, Source
from core.db.models import Role
from core.operations import answers, cohorts, groups, membership, slots
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.schedule import Piece, Rule, Slot
from core.worker import Worker

COHORT = "Photo walks"
# Names, and who is in them by their place in the town's list of people; the first one leads.
GROUPS = (("Harbour", (8, 1, 2, 5, 4)), ("Old town", (3, 6, 7)))
MEETINGS = 8
BEHIND = 2  # weeks that lie behind the cohort
# Its reminder, an hour before, is due two to seven minutes after the demo began.
UNTIL_NEXT = timedelta(minutes=67)
MINUTES = 60
# How those of the first group answered to the next meeting, in their order; the last is silent.
SAID = (Answer.attending, Answer.attending, Answer.tentative, Answer.not_attending)


async def begin(town: Town, worker: Worker) -> None:
    """Make the cohort as its moderator would, then what its past weeks left behind."""
    lead, first = moderator(town), _first_meeting(utcnow())
    draft = CohortDraft(COHORT, first.date(), meetings=MEETINGS, groups=len(GROUPS), seats=6)
    made = await cohorts.create(lead, draft, open_now=True)
    for group_id, (name, inside) in zip(made.group_ids, GROUPS, strict=True):
        await groups.edit(lead, group_id, name=name)
        for place, number in enumerate(inside):
            who = town.people[number]
            role = Role.facilitator if place == 0 else Role.participant
            await membership.add(lead, group_id, who.id, shown_name(who), role=role)
        slot = Slot(first.weekday(), first.time(), "UTC", MINUTES)
        await slots.change(lead, group_id, Rule((Piece(slot),)))
        await _past(town, group_id, first, [town.people[n] for n in inside])
    for group_id in made.group_ids:  # at once, the second would wait for the first's category
        worker.bump([group_id])
        await worker.drain()
    await _answer(town, made.group_ids[0])


def _first_meeting(now: datetime) -> datetime:
    """So that the third one is about an hour ahead, at a time that people would choose."""
    ahead = now + UNTIL_NEXT
    minute = ahead.minute - ahead.minute % 5
    return ahead.replace(minute=minute, second=0, microsecond=0) - timedelta(weeks=BEHIND)


async def _past(town: Town, group_id: int, first: datetime, people: list[MemberActor]) -> None:
    """The meetings that are over: everybody said yes, and one of them did not come."""
    async with get_database().transaction() as session:
        for week in range(BEHIND):
            starts = first + timedelta(weeks=week)
            row: dict[str, Any] = {
                "guild_id": town.guild.id, "group_id": group_id, "number": week + 1,
                "occurrence_date": starts.date(), "starts_at": starts, "minutes": MINUTES,
                "told_starts_at": starts, "created_at": starts - timedelta(days=7),
            }  # fmt: skip
            meeting_id = await session.scalar(insert(Meeting).values(row).returning(Meeting.id))
            told = [
                {"meeting_id": meeting_id, "user_id": p.id, "guild_id": town.guild.id,
                 "status": Answer.attending, "source": Source.button,
                 "answered_at": starts - timedelta(days=1)}
                for p in people
            ]  # fmt: skip
            await session.execute(insert(Rsvp), told)
            came = people[:-1] if week else people
            there = [
                {"meeting_id": meeting_id, "user_id": p.id, "guild_id": town.guild.id,
                 "seconds": 55 * 60, "last_seen_at": starts + timedelta(minutes=58)}
                for p in came
            ]  # fmt: skip
            await session.execute(insert(Attendance), there)


async def _answer(town: Town, group_id: int) -> None:
    inside = GROUPS[0][1]
    async with get_database().transaction() as session:
        meeting_id = await session.scalar(
            select(Meeting.id)
            .where(
                Meeting.guild_id == town.guild.id,
                Meeting.group_id == group_id,
                Meeting.starts_at > utcnow().astimezone(UTC),
            )
            .order_by(Meeting.starts_at)
            .limit(1)
        )
    assert meeting_id is not None
    for number, said in zip(inside, SAID, strict=False):
        who = town.people[number]
        actor = Actor(town.guild.id, who.id, shown_name(who))
        await answers.answer(actor, meeting_id, said, Source.button)
