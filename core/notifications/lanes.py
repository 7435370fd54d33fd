"""One queue per place: its messages go one after the other, in order, and not too fast."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, cast

import structlog

from core.clock import utcnow
from core.discord_outbound.pacer import background
from core.notifications.outgoing import Claimed, Send
from core.notifications.pacing import Bookings, Throttle
from core.notifications.results import Result, broken, put_off

log = structlog.get_logger(__name__)

# Discord's documented example and what clients see: 5 messages in 5 seconds per channel.
CHANNEL_CALLS, CHANNEL_SECONDS = 5, 5.0
# As many as one window takes may wait in memory; the others come back when it is their turn.
QUEUE = 5
# At 48 calls a second and half a second per call as many are under way.
AT_ONCE = 24
_NEW_DMS = 0  # no channel has this id

Deliver = Callable[[Claimed, Send], Awaitable[Result]]


class Job(NamedTuple):
    row: Claimed
    send: Send

    @property
    def place(self) -> int:
        """The channel's id where it is known; people whom we never wrote to share one queue."""
        if self.send.user_id is None:
            return self.send.channel_id or _NEW_DMS
        return self.send.dm_channel_id or _NEW_DMS


@dataclass(slots=True)
class _Lane:
    throttle: Throttle
    bookings: Bookings
    jobs: deque[Job] = field(default_factory=deque)
    busy: bool = False  # in line, under way, or waiting for the timer
    timer: asyncio.TimerHandle | None = None


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
        # Places whose turn it is; a few workers serve them all: a task per place costs more than
        # all the rest that is done here for a message.
        self._ready: deque[_Lane] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._hired = False  # a worker that has not begun yet
        self._closing = False

    def put(self, job: Job) -> None:
        """Queue a job, or settle at once that it comes back later."""
        now = asyncio.get_running_loop().time()
        if now - self._tidied > CHANNEL_SECONDS:
            self._tidied = now
            self._forget_idle(now)
        place = job.place
        lane = self._lanes.get(place) or self._new(place)
        again = job.row.next_at is not None and job.row.next_at > job.row.due_at
        full = len(lane.jobs) >= QUEUE or (not again and lane.bookings.taken(now))
        if full:
            seconds = lane.bookings.next(now, len(lane.jobs), again=again)
            self._finished(put_off(job.row, utcnow() + timedelta(seconds=seconds)))
            return
        lane.jobs.append(job)
        if not lane.busy:
            self._line_up(lane, now)

    def _new(self, place: int) -> _Lane:
        if place == _NEW_DMS:
            lane = _Lane(Throttle(1, self._dm_seconds), Bookings(self._dm_seconds))
        else:
            interval = CHANNEL_SECONDS / CHANNEL_CALLS
            lane = _Lane(Throttle(CHANNEL_CALLS, CHANNEL_SECONDS), Bookings(interval))
        self._lanes[place] = lane
        return lane

    def _line_up(self, lane: _Lane, now: float) -> None:
        """Have the lane's next message sent as soon as its place takes one."""
        lane.busy, lane.timer = True, None
        wait = lane.throttle.wait(now)
        if wait > 0:
            loop = asyncio.get_running_loop()
            lane.timer = loop.call_later(wait, self._start, lane)
        else:
            self._start(lane)

    def _start(self, lane: _Lane) -> None:
        lane.timer = None
        self._ready.append(lane)
        self._hire()

    def _hire(self) -> None:
        """One at a time, and each the next: a burst that passes quickly needs no crowd."""
        if self._ready and not self._hired and len(self._workers) < AT_ONCE:
            self._hired = True
            self._workers.add(asyncio.create_task(self._work(), name="deliveries"))

    async def _work(self) -> None:
        """Send what is ready until nothing is."""
        background.set(True)
        self._hired = False
        loop = asyncio.get_running_loop()
        try:
            while self._ready and not self._closing:
                lane = self._ready.popleft()
                self._hire()
                if lane.jobs:
                    lane.throttle.start(loop.time())
                    await self._send(lane, lane.jobs.popleft())
                lane.busy = False
                if lane.jobs and not self._closing:
                    self._line_up(lane, loop.time())
        finally:
            # At once: what is put in before the event loop noticed the end needs another worker.
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _send(self, lane: _Lane, job: Job) -> None:
        try:
            result = await self._deliver(job.row, job.send)
        except Exception as error:
            log.exception("delivery_broke", delivery=job.row.id)
            result = broken(job.row, error)
        self._finished(result)
        if result.hold and result.settled.next_at is not None:
            for other in self._emptied(lane):
                self._finished(put_off(other.row, result.settled.next_at))

    @staticmethod
    def _emptied(lane: _Lane) -> Iterator[Job]:
        while lane.jobs:
            yield lane.jobs.popleft()

    def _forget_idle(self, now: float) -> None:
        """Drop the queues of places that are quiet."""
        for place, lane in list(self._lanes.items()):
            quiet = lane.throttle.idle(now) and not lane.bookings.taken(now)
            if not lane.busy and not lane.jobs and quiet:
                del self._lanes[place]

    def stop(self) -> None:
        """Begin nothing more."""
        self._closing = True

    async def close(self) -> None:
        """Begin nothing more, give back what waits, and return when what is under way is done."""
        self.stop()
        for lane in self._lanes.values():
            if lane.timer is not None:
                lane.timer.cancel()
            for job in self._emptied(lane):
                self._finished(put_off(job.row, job.row.next_at or job.row.due_at))
        if self._workers:
            await asyncio.wait(set(self._workers))

    def cancel(self) -> None:
        """End what is under way as well; it may have been sent, and its rows say so."""
        self.stop()
        for lane in self._lanes.values():
            if lane.timer is not None:
                lane.timer.cancel()
        for worker in self._workers:
            worker.cancel()
