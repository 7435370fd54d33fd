"""A whole term in the demo, its clock moved from one thing that happens to the next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import func, select

from bot.demo import term
from bot.demo.life import DM_PER_SECOND, simulated
from bot.demo.stage import Stage
from bot.demo.time_machine import TimeMachine
from bot.demo.town import build
from core.clock import utcnow
from core.config import Settings
from core.db.engine import Database, get_database
from core.db.meeting_models import Attendance, Delivery, Meeting
from core.db.models import Cohort, Group, Projection
from core.worker import Worker


@asynccontextmanager
async def rehearsal() -> AsyncIterator[TimeMachine]:
    """The demo without its page."""
    worker = Worker(dm_per_second=DM_PER_SECOND)
    async with simulated(worker, Settings()) as env:
        town = await build(env, worker)
        await term.begin(town, worker)
        stage = Stage(town)
        machine = TimeMachine(stage, worker)
        running = asyncio.create_task(worker.run())
        try:
            yield machine
        finally:
            worker.close()
            await running
            machine.close()
            await stage.close()


async def messages() -> Counter[tuple[str, str]]:
    """How many rows of each kind came to which end, in the cohort that is under way."""
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(Delivery.kind, Delivery.status, func.count())
            .join(Group, Group.id == Delivery.group_id)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(Cohort.name == term.COHORT)
            .group_by(Delivery.kind, Delivery.status)
        )
        return Counter({(kind, status): n for kind, status, n in rows})


async def test_a_reminder_is_among_the_next_things(database: Database) -> None:
    async with rehearsal() as machine:
        before = utcnow()
        for _ in range(5):  # what is due at once, where the machine is busy, comes before it
            await machine.forward("next")
            if (await messages())["remind_last", "sent"]:
                break
        assert (await messages())["remind_last", "sent"]
        assert utcnow() - before < timedelta(minutes=70)  # the meeting itself is no further
        await machine.forward("day")
        assert timedelta(days=1) < utcnow() - before < timedelta(days=1, minutes=90)


async def test_a_whole_term(database: Database) -> None:
    async with rehearsal() as machine:
        begun = utcnow()
        await machine.forward("term")
        assert utcnow() - begun > timedelta(weeks=term.MEETINGS - term.BEHIND - 1)
        ends = await messages()
        assert {status for _, status in ends} <= {"sent", "skipped"}
        groups, left = len(term.GROUPS), term.MEETINGS - term.BEHIND
        # One that concerns nobody (all of a small group said no) is skipped, and only that.
        assert ends["remind_last", "sent"] + ends["remind_last", "skipped"] == groups * left
        assert ends["remind_last", "sent"] >= groups * left - 2
        # A day and three days before: not for the first one, which was an hour away.
        assert ends["remind_first", "sent"] == groups * (left - 1)
        async with database.transaction() as session:
            kinds = Counter(await session.scalars(
                select(Projection.kind).where(Projection.kind.in_(("answers", "answers_line")))
            ))  # fmt: skip
            seen = await session.execute(
                select(Meeting.id, func.count(Attendance.user_id))
                .outerjoin(Attendance, Attendance.meeting_id == Meeting.id)
                .join(Group, Group.id == Meeting.group_id)
                .join(Cohort, Cohort.id == Group.cohort_id)
                .where(Cohort.name == term.COHORT)
                .group_by(Meeting.id)
            )
            people = {row[0]: row[1] for row in seen}
        assert kinds["answers_line"] == groups * left
        assert kinds["answers"] == 0
        assert len(people) == groups * term.MEETINGS
        assert sum(n > 0 for n in people.values()) > len(people) / 2
