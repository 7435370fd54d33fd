"""Hints, retries and the sweep: turns "look at group 12 again" into syncs, one at a time.

Hints are not durable and need not be: rows and the sweep are. Many bumps of one group within a
moment become one sync.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import asyncpg
import sentry_sdk
import structlog
from sqlalchemy.exc import DBAPIError

from core import sync
from core.clock import utcnow
from core.db.engine import get_database
from core.db.instance import Instance, release_dead_leases, renew_leases
from core.db.queries import sync_states
from core.db.queries.deliveries import CHANNEL
from core.discord_outbound.pacer import background
from core.notifications import actions, scheduler
from core.notifications.dispatcher import Dispatcher
from core.operations import presence, retention
from core.systems import calendar_answers, undelivered

log = structlog.get_logger(__name__)

# Long enough for a burst of gateway events to become one sync, short enough for nobody to notice.
QUIET = 0.2  # seconds
# Several groups at once keep REST busy without crowding out people's own actions.
AT_ONCE = 4


class Worker:
    """The process's background work: syncs, and (by `dispatcher`) messages that are due.

    `drain()` does the syncs that are due now, `dispatcher.drain()` the messages, for tests.
    `dm_per_second`: direct messages a second to people whom Muster never wrote to.
    """

    def __init__(self, *, dm_per_second: float = 1.0) -> None:
        self.dispatcher = Dispatcher(
            prepare=actions.prepare,
            sent=actions.sent,
            gave_up=undelivered.tell,
            dm_per_second=dm_per_second,
        )
        self._bumped: set[int] = set()
        self._held: Counter[int] = Counter()  # groups that somebody else syncs now
        self._touched: set[int] = set()  # guilds whose rights or channels changed
        self._wake = asyncio.Event()
        self._sweep_asked = False
        self._closing = False
        # Set by the bot: what else is looked after when a group was synced (seats, posts).
        self.after_group: Callable[[int], Awaitable[None]] | None = None

    def bump(self, group_ids: Iterable[int]) -> None:
        """Say that these groups may have changed."""
        self._bumped |= set(group_ids)
        if self._bumped:
            self._wake.set()

    @contextmanager
    def holding(self, group_ids: Iterable[int]) -> Iterator[Callable[[int], None]]:
        """Leave these groups alone: whoever asks syncs them, and says what that came to.

        Call what is given with each that is done. What was bumped meanwhile is synced then.
        """
        left = set(group_ids)
        self._held.update(left)

        def done(group_id: int) -> None:
            if group_id not in left:
                return
            left.remove(group_id)
            self._held[group_id] -= 1
            if not self._held[group_id]:
                del self._held[group_id]
            if group_id in self._bumped:
                self._wake.set()

        try:
            yield done
        finally:
            for group_id in list(left):
                done(group_id)

    def rights_changed(self, guild_id: int) -> None:
        """Say that what Muster may do in this guild may be another: messages may wait for it."""
        self._touched.add(guild_id)
        self._wake.set()

    def ask_sweep(self) -> None:
        """Have a sweep soon: after ready, and by the clock."""
        self._sweep_asked = True
        self._wake.set()

    def close(self) -> None:
        """End `run()` once the round and the messages that are under way are done."""
        self._closing = True
        self._wake.set()
        self.dispatcher.close()

    async def run(self) -> None:
        """Work until `close()`. An error of one round is reported and does not end it."""
        # Neither ends with the other: what broke for good is raised when both are through.
        ends = await asyncio.gather(self._syncs(), self.dispatcher.run(), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def _syncs(self) -> None:
        background.set(True)
        while True:
            await self._wake.wait()
            if self._closing:
                return
            await asyncio.sleep(QUIET)
            try:
                await self.drain()
            except (DBAPIError, OSError) as error:
                sentry_sdk.capture_exception(error)
                log.exception("worker_round_failed")
                self.ask_sweep()
                await asyncio.sleep(1 + random.random())  # noqa: S311 - spreads, protects nothing

    async def drain(self) -> int:
        """Do everything that was said, asked for or is due; how many groups were synced."""
        if not self._closing:  # the wake of close() is not to be forgotten
            self._wake.clear()
        touched, self._touched = self._touched, set()
        try:
            await undelivered.look_again(touched)
        except (DBAPIError, OSError):
            self._touched |= touched  # no row says it, so no sweep would find it
            raise
        swept: list[int] = []
        if self._sweep_asked:
            self._sweep_asked = False
            swept = await self.sweep()
        groups, self._bumped = self._bumped, set()
        groups |= set(await self._due())
        return len(swept) + await self._sync_all(groups - set(swept))

    async def sweep(self) -> list[int]:
        """Free dead instances' leases, then open every group that needs it."""
        async with get_database().transaction() as session:
            await release_dead_leases(session)
        opened = await sync.sweep(leave=self._held)
        await self._look_after(opened)
        return opened

    async def _due(self) -> list[int]:
        async with get_database().alone() as session:
            return sorted({g for g, _ in await sync_states.due(session, utcnow())})

    async def _sync_all(self, group_ids: Iterable[int]) -> int:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(group_id: int) -> bool:
            async with gate:
                if self._put_off(group_id):
                    return False
                await sync.sync_group(group_id)
                await self._look_after([group_id])
                return True

        return sum(await asyncio.gather(*(one(g) for g in sorted(group_ids))))

    def _put_off(self, group_id: int) -> bool:
        """Leave it for later, where somebody else syncs it now; whether that is so."""
        if group_id not in self._held:
            return False
        self._bumped.add(group_id)
        return True

    async def _look_after(self, group_ids: Iterable[int]) -> None:
        if self.after_group is None:
            return
        for group_id in group_ids:
            await self.after_group(group_id)

    async def retry(self, system: str, group_id: int) -> None:
        """What APScheduler's date jobs call."""
        background.set(True)
        if not self._put_off(group_id):
            await sync.sync_system(system, group_id)
            await self._look_after([group_id])


class _Ticks:
    """What the clock does: each of them looks again at its next turn where Postgres was away."""

    def __init__(
        self,
        worker: Worker,
        instance: Instance,
        *,
        retention_days: float,
        revive: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self._worker = worker
        self._instance = instance
        self._retention_days = retention_days
        self._revive = revive

    async def heartbeat(self) -> None:
        try:
            await self._instance.hold()
            database = get_database()
            async with database.transaction() as session:
                until = utcnow() + timedelta(seconds=database.lease_seconds)
                await renew_leases(session, self._instance.id, until)
        except (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("life_sign_lost", error=str(error))
            if self._revive is not None:
                await self._revive()

    async def sweep(self) -> None:
        self._worker.ask_sweep()

    async def presence(self) -> None:
        try:
            await presence.tick()
        except (OSError, DBAPIError) as error:
            log.warning("presence_not_read", error=str(error))

    async def calendars(self) -> None:
        try:
            self._worker.bump(await calendar_answers.poll_due())
        except (OSError, DBAPIError) as error:
            log.warning("calendars_not_read", error=str(error))

    async def daily(self) -> None:
        await retention.delete_left(self._retention_days)


async def start(
    worker: Worker,
    instance: Instance,
    *,
    sweep_minutes: float,
    probe: float,
    retention_days: float = 90,
    revive: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Take up work after a start: life sign, dead leases, wakes, ticks.

    `probe` is in seconds. Data of servers left longer ago than `retention_days` is deleted.
    `revive` starts the embedded Postgres again where it died.
    """
    instance.listen(CHANNEL, worker.dispatcher.wake)
    await instance.hold()
    async with get_database().transaction() as session:
        freed = await release_dead_leases(session)
    jobs = scheduler.wakes.start(worker.retry, probe_seconds=probe)
    ticks = _Ticks(worker, instance, retention_days=retention_days, revive=revive)
    life_sign = min(10, get_database().lease_seconds / 3)
    jobs.add_job(ticks.sweep, "interval", minutes=sweep_minutes, id="sweep")
    jobs.add_job(ticks.presence, "interval", minutes=1, id="presence")
    jobs.add_job(ticks.calendars, "interval", minutes=1, id="calendars")
    # Also at once: a process that is restarted every night would never get to it.
    jobs.add_job(ticks.daily, "interval", days=1, id="daily", next_run_time=utcnow())
    jobs.add_job(ticks.heartbeat, "interval", seconds=life_sign, id="heartbeat")
    waiting = await scheduler.reload()
    log.info("worker_started", freed=freed, waiting=waiting, instance=instance.id)


async def stop(instance: Instance) -> None:
    """Stop waking, and give up the life sign."""
    await scheduler.wakes.finish()
    await instance.close()
