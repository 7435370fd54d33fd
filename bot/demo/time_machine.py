"""The demo's clock: real time, plus as far as somebody moved it forward.

A jump skips nothing: what is due on the way is done at its own moment, in order, so a whole term
can be rehearsed in a minute. SimCord's clock is moved past the timers of its own bot, since a day
has too many of them; everything of Muster's is due by rows.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, TypedDict

import structlog
from sqlalchemy import and_, exists, func, or_, select

from bot.demo import crowd
from bot.demo.stage import Stage
from core.clock import real, set_clock, utcnow
from core.db.engine import get_database
from core.db.meeting_models import Delivery, DeliveryStatus, Meeting, MeetingStatus
from core.db.queries.meetings import ends
from core.operations import presence
from core.systems import calendar_answers
from core.worker import Worker

log = structlog.get_logger(__name__)

JUMPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
MOVES = frozenset({*JUMPS, "next", "term"})
# A term of weeks has some ten moments a week and group; more would be a mistake of ours.
MOST_STOPS = 400
PATIENCE = 30.0  # seconds for what is due at one moment; it takes less than one
_OPEN = (DeliveryStatus.pending, DeliveryStatus.failed)


class Now(TypedDict):
    """`now` is ISO, UTC; `moved` seconds ahead of real time; `busy` while it is moved."""

    now: str
    moved: float
    busy: bool


class TimeMachine:
    def __init__(self, stage: Stage, worker: Worker) -> None:
        self._stage, self._worker = stage, worker
        self._moved = timedelta()
        self._turn = asyncio.Lock()
        self._stop = False
        set_clock(self.now)

    def now(self) -> datetime:
        """Real time plus what was moved; core.clock's source while the demo runs."""
        return real() + self._moved

    def close(self) -> None:
        """Give the real clock back, and stop on the way."""
        self._stop = True
        set_clock(None)

    def state(self) -> Now:
        return {
            "now": utcnow().isoformat(),
            "moved": self._moved.total_seconds(),
            "busy": self._turn.locked(),
        }

    async def forward(self, to: str) -> None:
        """Move to the next thing that happens ("next"), by a jump, or to the end ("term").

        Raises KeyError for anything else. A second request waits for the first.
        """
        async with self._turn:
            if to == "next":
                goal = await self._next(utcnow()) or utcnow()
            elif to == "term":
                goal = await self._end() or utcnow()
            else:
                goal = utcnow() + JUMPS[to]
            for _ in range(MOST_STOPS):
                stop = min(await self._next(utcnow()) or goal, goal)
                await self._move(stop)
                if to == "term":
                    await crowd.answer(utcnow())
                if self._stop or stop >= goal:
                    return

    async def _move(self, goal: datetime) -> None:
        """Be at `goal`, and have everything done that is due by then."""
        ahead = (goal - utcnow()).total_seconds()
        if ahead > 0:
            env: Any = self._stage.env
            async with self._stage.lock:
                self._moved += timedelta(seconds=ahead)
                behind = (utcnow() - env.now()).total_seconds()
                env._move_clock(env._virtual_time + max(0.0, behind))  # noqa: SLF001 - see above
        async with self._stage.lock:
            await crowd.attend(self._stage.env)
        await presence.tick()
        self._worker.bump(await calendar_answers.poll_due())
        self._worker.ask_sweep()
        await self._worker.drain()
        self._worker.dispatcher.wake()
        try:
            async with asyncio.timeout(PATIENCE):
                while await self._unsent():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log.info("demo_moves_on", at=utcnow().isoformat())

    async def _next(self, now: datetime) -> datetime | None:
        """The next moment at which something is due: a message, a beginning, an end."""
        async with get_database().transaction() as session:
            found = [
                await session.scalar(
                    select(func.min(Delivery.next_at)).where(
                        Delivery.status.in_(_OPEN), Delivery.next_at > now
                    )
                ),
                await session.scalar(
                    select(func.min(Meeting.starts_at)).where(
                        Meeting.status == MeetingStatus.planned, Meeting.starts_at > now
                    )
                ),
                await session.scalar(
                    select(func.min(ends())).where(
                        Meeting.status == MeetingStatus.planned, ends() > now
                    )
                ),
            ]
        return min((moment for moment in found if moment is not None), default=None)

    async def _end(self) -> datetime | None:
        """When the last meeting of all is over."""
        async with get_database().transaction() as session:
            last: datetime | None = await session.scalar(
                select(func.max(ends())).where(Meeting.status == MeetingStatus.planned)
            )
            return last

    async def _unsent(self) -> bool:
        async with get_database().transaction() as session:
            waiting = and_(Delivery.status == DeliveryStatus.pending, Delivery.next_at <= utcnow())
            return bool(
                await session.scalar(
                    select(exists().where(or_(waiting, Delivery.status == DeliveryStatus.sending)))
                )
            )
