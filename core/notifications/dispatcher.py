"""Sends what is due: claims rows, has them worked out, sends them, notes what became of them.

Rows are the truth. NOTIFY and a timer only wake it, a claim is a lease that runs out, and what may
have been sent before its holder died is recognized by its nonce (see `courier`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import sentry_sdk
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import claims
from core.discord_outbound.pacer import background
from core.notifications.asking import Prepare, decided
from core.notifications.courier import Courier
from core.notifications.lanes import Deliver, Job, Lanes
from core.notifications.outgoing import Claimed
from core.notifications.recorder import GaveUp, Recorder, Sent, nobody
from core.notifications.results import Result, put_off

log = structlog.get_logger(__name__)

# Rows per claim. With 250 the hand-over of 5,000 took 0.51 s, with 500 it takes 0.43 to 0.47 s and
# holds nothing else up for more than 15 ms (`make bench ONLY=hand-over`).
BATCH = 500
SLICE = 50  # of them without letting anybody else have a turn
# Rows in hand, twenty seconds of Discord's 50 a second: a batch that is being sent and noted, and
# one that Postgres looks up meanwhile. After a crash each is looked for before it is sent.
HELD = 2 * BATCH
LINGER = 0.05  # seconds that a result may wait for others to be written down with it
LONGEST_LEASE = 60.0  # seconds; well under what Discord remembers a nonce for
LONGEST_WAIT = 30.0  # seconds without a look at the rows, whatever was or was not heard


def _turn(row: Claimed) -> tuple[datetime, int]:
    return row.next_at or row.due_at, row.id


class Dispatcher:
    """`prepare` decides about claimed rows, in a transaction; `sent` follows up on sent ones.

    `gave_up` hears once per group and class of failure what needs a person.
    """

    def __init__(
        self,
        *,
        prepare: Prepare,
        sent: Sent,
        gave_up: GaveUp = nobody,
        dm_per_second: float = 1.0,
        deliver: Deliver | None = None,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._prepare = prepare
        self._deliver = deliver or Courier().deliver
        self._recorder = Recorder(sent, gave_up)
        self._dm_per_second = dm_per_second
        self._longest_wait = longest_wait
        self._held: dict[int, Claimed] = {}  # claimed, and not noted yet
        self._unprepared: list[Claimed] = []
        self._ahead: asyncio.Task[list[Claimed]] | None = None  # claims the next batch
        self._results: list[Result] = []
        self._wake = asyncio.Event()
        self._something = asyncio.Event()  # to write down
        self._enough = asyncio.Event()  # to write down without waiting for more
        self._closing = self._over = False
        self._renewed = 0.0
        self._lanes: Lanes | None = None

    def wake(self) -> None:
        """Look at the rows soon: something may be due earlier than known."""
        self._wake.set()

    def close(self) -> None:
        """End `run()`: what is being sent is finished, what was not begun is given back."""
        self._closing = True
        if self._lanes is not None:
            self._lanes.stop()
        self._wake.set()

    async def run(self) -> None:
        """Work until `close()`. An error of one round is reported and does not end it."""
        background.set(True)
        lanes = Lanes(self._deliver, self._finished, dm_per_second=self._dm_per_second)
        self._lanes = lanes
        writer = asyncio.create_task(self._write_on(), name="delivery notes")
        try:
            while not self._closing:
                self._wake.clear()
                wait = await self._safely(self._round(lanes))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), wait)
            await self._give_back()
            await lanes.close()
        finally:
            if self._ahead is not None:
                self._ahead.cancel()
            lanes.cancel()
            self._over = True
            self._something.set()
            self._enough.set()
            await writer
            await self._recorder.finish()

    async def drain(self) -> int:
        """Send everything that is due now, without pacing; how many rows that were.

        For tests and one-shot uses: never beside `run()`.
        """
        count = 0
        while rows := await self._claim():
            jobs, results = await decided(self._prepare, rows, utcnow())
            await self._write([*results, *await self._send_all(jobs)])
            count += len(rows)
        await self._recorder.finish()
        return count

    async def _send_all(self, jobs: Sequence[Job]) -> list[Result]:
        places: dict[int, list[Job]] = {}
        for job in jobs:
            places.setdefault(job.place, []).append(job)

        async def one_place(queue: list[Job]) -> list[Result]:
            background.set(True)  # a task has a context of its own
            return [await self._deliver(job.row, job.send) for job in queue]

        parts = await asyncio.gather(*(one_place(queue) for queue in places.values()))
        return [result for part in parts for result in part]

    async def _safely(self, work: Awaitable[float]) -> float:
        """The seconds to wait that `work` gives; a little where it breaks."""
        try:
            return await work
        except Exception as error:  # Postgres away, or a bug: neither may end the sending
            sentry_sdk.capture_exception(error)
            log.exception("dispatcher_round_failed")
            await asyncio.sleep(1 + random.random())  # noqa: S311 - spreads, protects nothing
            return 0.0

    async def _round(self, lanes: Lanes) -> float:
        """Claim and queue one batch; in how many seconds to look again."""
        await self._renew()
        if not self._unprepared:
            self._unprepared = await self._next_batch()
        full = len(self._unprepared) == BATCH
        if full and self._ahead is None and self._has_room:
            self._ahead = asyncio.create_task(self._claim(), name="next deliveries")
        jobs, results = await decided(self._prepare, self._unprepared, utcnow())
        self._unprepared = []
        for result in results:
            self._finished(result)
        for n, job in enumerate(jobs):
            lanes.put(job)
            if n % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if full:
            return 0.0
        if not self._has_room:
            return min(self._longest_wait, self._lease / 3)  # woken as soon as there is room
        return await self._until_next()

    @property
    def _has_room(self) -> bool:
        return len(self._held) <= HELD - BATCH

    async def _next_batch(self) -> list[Claimed]:
        """The one that was claimed ahead, else one that is claimed now, if there is room."""
        if self._ahead is None:
            return await self._claim() if self._has_room else []
        ahead, self._ahead = self._ahead, None
        return await ahead

    async def _give_back(self) -> None:
        """What was claimed and not begun."""
        rows = self._unprepared
        if self._ahead is not None:
            with suppress(Exception):  # there is no database, and nothing was claimed
                rows = [*rows, *await self._ahead]
        for row in rows:
            self._finished(put_off(row, row.next_at or row.due_at))

    @property
    def _lease(self) -> float:
        return min(get_database().lease_seconds, LONGEST_LEASE)

    async def _claim(self) -> list[Claimed]:
        database, now = get_database(), utcnow()
        async with database.alone() as session:
            rows = await claims.claim(
                session, now=now, holder=database.instance_id,
                until=now + timedelta(seconds=self._lease), most=BATCH,
            )  # fmt: skip
        claimed = sorted(map(Claimed._make, rows), key=_turn)
        self._held |= {row.id: row for row in claimed}
        return claimed

    async def _renew(self) -> None:
        """Keep the leases of what is in hand: a queue may be longer than one lease."""
        time = asyncio.get_running_loop().time()
        if not self._held or time - self._renewed < self._lease / 3:
            return
        database = get_database()
        async with database.transaction() as session:
            until = utcnow() + timedelta(seconds=self._lease)
            await claims.renew(session, self._held, holder=database.instance_id, until=until)
        self._renewed = time

    async def _until_next(self) -> float:
        """Seconds until something is due, as far as the rows say now."""
        database = get_database()
        async with database.transaction() as session:
            at = await claims.earliest(session, database.instance_id)
        longest = min(self._longest_wait, self._lease / 3) if self._held else self._longest_wait
        if at is None:
            return longest
        # What is due and was not claimed is just being claimed by somebody else.
        return min(max((at - utcnow()).total_seconds(), 0.005), longest)

    def _finished(self, result: Result) -> None:
        self._results.append(result)
        self._something.set()
        if len(self._results) >= BATCH:
            self._enough.set()

    async def _write_on(self) -> None:
        """Write results down as they come, many at a time while many are under way."""
        while True:
            await self._something.wait()
            if len(self._held) > len(self._results):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._enough.wait(), LINGER)
            batch, self._results = self._results[:BATCH], self._results[BATCH:]
            if not self._results and not self._over:
                self._something.clear()
            if len(self._results) < BATCH and not self._over:
                self._enough.clear()
            if not batch:
                return
            try:
                await self._write(batch)
            except Exception as error:  # the messages are sent: nothing may forget that
                self._results[:0] = batch
                self._something.set()
                sentry_sdk.capture_exception(error)
                log.exception("deliveries_not_noted", count=len(batch))
                await asyncio.sleep(1)

    async def _write(self, batch: Sequence[Result]) -> None:
        """Note the results, one by one where one of them cannot be. Raises without a database."""
        try:
            await self._recorder.write(batch)
        except Exception:  # noqa: BLE001 - told apart by the next statement
            async with get_database().transaction() as session:
                await session.execute(text("select 1"))
            for result in batch:
                await self._write_alone(result)
        short = not self._has_room
        for result in batch:
            self._held.pop(result.row.id, None)
        if short or any(result.settled.next_at is not None for result in batch):
            self.wake()

    async def _write_alone(self, result: Result) -> None:
        """What cannot be noted by itself is let go: its lease runs out, and it is met again.

        Raises where the connection was cut meanwhile, which says nothing about this one.
        """
        try:
            await self._recorder.write([result])
        except Exception as error:
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            sentry_sdk.capture_exception(error)
            log.exception("delivery_not_noted", delivery=result.row.id)
