"""Rows <-> APScheduler. Rows are the truth; APScheduler only wakes us, and may forget."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import sentry_sdk
import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import SyncState, SyncStatus
from core.db.queries import sync_states
from core.retry import Decision, decide
from core.words import SOURCE, speaking, unpack

log = structlog.get_logger(__name__)

# Shutting APScheduler down cancels its jobs, each with a traceback in the log.
LAST_SECONDS = 5.0

Run = Callable[[str, int], Awaitable[None]]


class Wakes:
    """The process's APScheduler, with what to run when a retry is due. Set up in `main.py`."""

    def __init__(self) -> None:
        self.scheduler: Any = None  # AsyncIOScheduler; APScheduler 3 has no types
        self._under_way = 0
        self._idle = asyncio.Event()
        self.run_retry: Run | None = None
        self.probe_seconds = 3600.0

    def start(self, run_retry: Run, *, probe_seconds: float) -> Any:
        """Start it in UTC, with nothing kept on disk. Needs a running event loop."""
        self.run_retry = run_retry
        self.probe_seconds = probe_seconds
        make: Any = AsyncIOScheduler
        self.scheduler = make(
            timezone="UTC",
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._under_way, self._idle = 0, asyncio.Event()
        self._idle.set()
        self.scheduler.add_listener(self._begun, EVENT_JOB_SUBMITTED)
        self.scheduler.add_listener(self._ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        self.scheduler.start()
        return self.scheduler

    def _begun(self, _event: Any) -> None:
        self._under_way += 1
        self._idle.clear()

    def _ended(self, _event: Any) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    async def finish(self) -> None:
        """Begin nothing new, give what is under way some seconds to end by itself, and stop."""
        if self.scheduler is not None:
            self.scheduler.pause()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), LAST_SECONDS)
        self.stop()

    def stop(self) -> None:
        if self.scheduler is not None:
            self.scheduler.shutdown(wait=False)
        self.scheduler = None
        self.run_retry = None

    def wake_at(self, system: str, group_id: int, at: datetime) -> None:
        """One replaceable date job for a group's system."""
        self._add(f"sync:{system}:{group_id}", system, group_id, at)

    def wake_by(self, system: str, group_id: int, at: datetime) -> None:
        """A date job beside that one; where there is one it stays, so that news put nothing off."""
        job = f"news:{system}:{group_id}"
        if self.scheduler is not None and self.scheduler.get_job(job) is None:
            self._add(job, system, group_id, at)

    def _add(self, job: str, system: str, group_id: int, at: datetime) -> None:
        if self.scheduler is None or self.run_retry is None:
            return  # a one-shot command: the row is what counts
        self.scheduler.add_job(
            self.run_retry,
            "date",
            run_date=at,
            args=(system, group_id),
            id=job,
            replace_existing=True,
        )


wakes = Wakes()


async def schedule_sync_retry(*, sync_type: str, group_id: int, attempt: int = 0) -> None:
    """Decide when `sync_type` of the group is tried again, from its row, and set the wake.

    `attempt` is a minimum: a running back-off is never reset by it. What is permanent waits for
    a change of its inputs and is probed now and then.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        row = await session.get(SyncState, (group_id, sync_type), with_for_update=True)
        if row is None:
            return
        if row.status != SyncStatus.parked and row.next_attempt_at is not None:
            # A failed run leaves no time; there is one, so it raised before it recorded anything.
            row.attempts, row.retry_after = row.attempts + 1, None
        decision = _decide(row, attempt)
        row.next_attempt_at = now + timedelta(seconds=decision.delay)
        row.status = SyncStatus.parked if decision.parked else SyncStatus.waiting
        at = row.next_attempt_at
        with speaking(SOURCE):  # for the log and Sentry, whatever the server speaks
            error = unpack(row.error_text) if row.error_text is not None else None
    if decision.report:
        sentry_sdk.capture_message(f"{sync_type} of group {group_id} keeps failing: {error}")
    log.info("retry", system=sync_type, group_id=group_id, at=at.isoformat(), error=error)
    wakes.wake_at(sync_type, group_id, at)


def _decide(row: SyncState, attempt: int) -> Decision:
    return decide(
        permanent=row.status == SyncStatus.parked,
        attempt=max(attempt, row.attempts - 1),
        jitter=random.random(),  # noqa: S311 - spreads retries, protects nothing
        retry_after=row.retry_after,
        probe=wakes.probe_seconds,
    )


async def reload() -> int:
    """Set the wakes of all rows that wait; at start, since APScheduler keeps nothing."""
    async with get_database().transaction() as session:
        rows = await sync_states.pending(session)
    for group_id, system, at in rows:
        wakes.wake_at(system, group_id, at)
    return len(rows)
