"""A whole term in the demo, its clock moved from one thing that happens to the next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import and_, func, select

from bot.demo import term
from bot.demo.life import DM_PER_SECOND, simulated
from bot.demo.stage import Stage
from bot.demo.time_machine import TimeMachine
from bot.demo.town import build
from core.clock import utcnow
from core.config import Settings
from core.db.engine import Database, get_database
from core.db.meeting_models import Attendance, Delivery, DeliveryStatus, Meeting, Rsvp
from core.db.models import Cohort, Group, Projection
from core.worker import Worker
from tests.e2e.process import until

# A shorter term than the demo's: each week goes the same way.
MEETINGS = 5
OPEN = (DeliveryStatus.pending, DeliveryStatus.sending, DeliveryStatus.failed)


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


async def _nothing_before(moment: datetime) -> bool:
    """What the demo's beginning has to say is said, however busy the machine is."""
    async with get_database().transaction() as session:
        first = await session.scalar(
            select(func.min(Delivery.next_at)).where(Delivery.status.in_(OPEN))
        )
        return first is None or first > moment


async def _first_moves(machine: TimeMachine) -> None:
    """The next thing is a reminder within minutes; after it, a day."""
    before = utcnow()
    await until(lambda: _nothing_before(before + timedelta(minutes=1)))
    await machine.forward("next")
    assert await messages() >= Counter({("remind_last", "sent"): len(term.GROUPS)})
    assert utcnow() - before < timedelta(minutes=10)
    await machine.forward("day")
    assert timedelta(days=1) < utcnow() - before < timedelta(days=1, minutes=15)


async def test_a_whole_term(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(term, "MEETINGS", MEETINGS)
    async with rehearsal() as machine:
        begun = utcnow()
        await _first_moves(machine)
        await machine.forward("term")
        assert utcnow() - begun > timedelta(weeks=term.MEETINGS - term.BEHIND - 1)
        ends = await messages()
        assert {status for _, status in ends} <= {"sent", "skipped"}
        groups, left = len(term.GROUPS), term.MEETINGS - term.BEHIND
        assert ends["remind_last", "sent"] == groups * left
        assert ends["remind_last", "skipped"] == 0
        # A day and three days before: not for the first one, which was an hour away.
        assert ends["remind_first", "sent"] == groups * (left - 1)
        await until(lambda: _every_post_is_a_line(groups * left))
        came = await _came()
        assert len(came) == groups * term.MEETINGS
        assert [said for said, there in came if there != said] == [5, 3]  # who stayed away, once


async def _every_post_is_a_line(meetings: int) -> bool:
    """What says who comes has shrunk for each meeting; that follows its end a moment later."""
    async with get_database().transaction() as session:
        kinds = await session.scalars(
            select(Projection.kind).where(Projection.kind.in_(("answers", "answers_line")))
        )
        return Counter(kinds) == {"answers_line": meetings}


async def _came() -> list[tuple[int, int]]:
    """How many said yes to each meeting, and how many of them were there."""
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(func.count(Rsvp.user_id), func.count(Attendance.user_id))
            .select_from(Meeting)
            .join(Group, Group.id == Meeting.group_id)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .outerjoin(Rsvp, and_(Rsvp.meeting_id == Meeting.id, Rsvp.status == "attending"))
            .outerjoin(
                Attendance,
                and_(
                    Attendance.meeting_id == Meeting.id, Attendance.user_id == Rsvp.user_id
                ),
            )
            .where(Cohort.name == term.COHORT)
            .group_by(Meeting.id)
            .order_by(Meeting.id)
        )  # fmt: skip
        return [(said, there) for said, there in rows]
