"""One queue per place: its messages go one after the other, in order, and not too fast."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from core.clock import utcnow
from core.discord_outbound.pacer import background
from core.notifications.outgoing import Claimed, Send
from core.notifications.pacing import Bookings, Throttle
from core.notifications.results import Result, put_off

# Discord's documented example and what clients see: 5 messages in 5 seconds per channel.
CHANNEL_CALLS, CHANNEL_SECONDS = 5, 5.0
# As many as one window takes may wait in memory; the others come back when it is their turn.
QUEUE = 5
# At 48 calls a second and half a second per call as many are under way.
AT_ONCE = 24
_NEW_DMS = 0  # no channel has this id

Deliver = Callable[[Claimed, Send], Awaitable[Result]]


@dataclass(frozen=True)
class Job:
    row: Claimed
    send: Send

    @property
    def place(self) -> int:
        """The channel's id where it is known; people whom we never wrote to share one queue."""
        if self.send.user_id is None:
            return self.send.channel_id or _NEW_DMS
        return self.send.dm_channel_id or _NEW_DMS


@dataclass
class _Lane:
    throttle: Throttle
    bookings: Bookings
    jobs: deque[Job] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class Lanes:
    """`finished` is called with every result, from within the event loop."""

    def __init__(
        self, deliver: Deliver, finished: Callable[[Result], None], *, dm_per_second: float
    ) -> None:
        self._deliver = deliver
        self._finished = finished
        self._dm_seconds = 1 / dm_per_second
        self._lanes: dict[int, _Lane] = {}
        self._tidied = 0.0
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._closing = asyncio.Event()

    def put(self, job: Job) -> None:
        """Queue a job, or settle at once that it comes back later."""
        now = asyncio.get_running_loop().time()
        if now - self._tidied > CHANNEL_SECONDS:
            self._tidied = now
            self._forget_idle(now)
        lane = self._lanes.get(job.place) or self._new(job.place)
        again = job.row.next_at is not None and job.row.next_at > job.row.due_at
        full = len(lane.jobs) >= QUEUE or (not again and lane.bookings.taken(now))
        if full:
            seconds = lane.bookings.next(now, len(lane.jobs), again=again)
            self._finished(put_off(job.row, utcnow() + timedelta(seconds=seconds)))
            return
        lane.jobs.append(job)
        if lane.task is None:
            lane.task = asyncio.create_task(self._run(lane), name=f"lane {job.place}")

    def _new(self, place: int) -> _Lane:
        if place == _NEW_DMS:
            lane = _Lane(Throttle(1, self._dm_seconds), Bookings(self._dm_seconds))
        else:
            interval = CHANNEL_SECONDS / CHANNEL_CALLS
            lane = _Lane(Throttle(CHANNEL_CALLS, CHANNEL_SECONDS), Bookings(interval))
        self._lanes[place] = lane
        return lane

    async def _run(self, lane: _Lane) -> None:
        background.set(True)
        loop = asyncio.get_running_loop()
        try:
            while lane.jobs and await self._may_start(lane):
                async with self._gate:
                    if self._closing.is_set():
                        return
                    job = lane.jobs.popleft()
                    lane.throttle.start(loop.time())
                    result = await self._deliver(job.row, job.send)
                self._finished(result)
                if result.hold and result.settled.next_at is not None:
                    for other in self._emptied(lane):
                        self._finished(put_off(other.row, result.settled.next_at))
        finally:
            lane.task = None

    async def _may_start(self, lane: _Lane) -> bool:
        """Wait for the place's next turn; False: we are stopping."""
        wait = lane.throttle.wait(asyncio.get_running_loop().time())
        if wait > 0:
            try:
                await asyncio.wait_for(self._closing.wait(), wait)
            except TimeoutError:
                return True
        return not self._closing.is_set()

    @staticmethod
    def _emptied(lane: _Lane) -> Iterator[Job]:
        while lane.jobs:
            yield lane.jobs.popleft()

    def _forget_idle(self, now: float) -> None:
        """Drop the queues of places that are quiet."""
        for place, lane in list(self._lanes.items()):
            quiet = lane.throttle.idle(now) and not lane.bookings.taken(now)
            if lane.task is None and not lane.jobs and quiet:
                del self._lanes[place]

    def stop(self) -> None:
        """Begin nothing more."""
        self._closing.set()

    async def close(self) -> None:
        """Begin nothing more, give back what waits, and return when what is under way is done."""
        self.stop()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for lane in self._lanes.values():
            for job in self._emptied(lane):
                self._finished(put_off(job.row, job.row.next_at or job.row.due_at))
        if tasks:
            await asyncio.wait(tasks)

    def cancel(self) -> None:
        """End what is under way as well; it may have been sent, and its rows say so."""
        for lane in self._lanes.values():
            if lane.task is not None:
                lane.task.cancel()
