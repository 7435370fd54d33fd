"""The worker's end: asked for at any moment, it comes by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.clock import utcnow
from core.db.engine import Database
from core.notifications.scheduler import Wakes
from core.worker import QUIET, Worker


@pytest.mark.parametrize("moments", [0.0, QUIET / 2, QUIET * 1.5])
async def test_closing_is_not_forgotten(database: Database, moments: float) -> None:
    """Half way through the pause before a round is the moment that was lost once."""
    worker = Worker()
    running = asyncio.create_task(worker.run())
    worker.ask_sweep()
    await asyncio.sleep(moments)
    worker.close()
    await asyncio.wait_for(running, 10)


async def test_a_retry_that_is_under_way_ends_by_itself() -> None:
    begun, go_on, ends = asyncio.Event(), asyncio.Event(), list[str]()

    async def retry(system: str, _group_id: int) -> None:
        begun.set()
        try:
            await go_on.wait()
            ends.append(system)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    wakes = Wakes()
    wakes.start(retry, probe_seconds=3600)
    wakes.wake_at("discord", 1, utcnow())
    await begun.wait()
    stopping = asyncio.create_task(wakes.finish())
    await asyncio.sleep(0)
    wakes.wake_at("rsvps", 1, utcnow())  # too late to begin
    go_on.set()
    await stopping
    assert ends == ["discord"]
    assert wakes.scheduler is None


async def test_news_that_keep_coming_put_neither_themselves_nor_a_retry_off() -> None:
    wakes, now = Wakes(), utcnow()

    async def retry(system: str, group_id: int) -> None:
        raise AssertionError(f"too early: {system} {group_id}")

    scheduler = wakes.start(retry, probe_seconds=3600)
    wakes.wake_at("calendar", 1, now + timedelta(hours=6))
    for seconds in range(0, 60, 10):
        wakes.wake_by("calendar", 1, now + timedelta(seconds=20 + seconds))
    due = sorted(job.next_run_time for job in scheduler.get_jobs())
    wakes.stop()
    assert due == [now + timedelta(seconds=20), now + timedelta(hours=6)]
