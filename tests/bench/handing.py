"""A process of its own for the hand-over: `python -m tests.bench.handing URL SIDE`.

Prints one JSON line. Nothing simulated is in it, so its memory is the dispatcher's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psutil
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import Database, set_database
from core.db.instance import Instance
from core.db.meeting_models import Delivery
from core.db.models import Guild
from core.db.queries.deliveries import CHANNEL, wake
from core.discord_outbound.outcome import Outcome
from core.notifications.dispatcher import Dispatcher
from core.notifications.outgoing import Claimed, Decisions, Done, Message, Send
from core.notifications.results import Result, sent

PENDING, DUE = 100_000, 5_000
GUILD = 500
LEAD = 4.0  # seconds before the instant, in which 5,000 rows get their time


async def fill(database: Database, at: datetime, *, pending: int, due: int) -> None:
    """So many rows that are to go out, so many of them at this instant (UTC)."""
    columns = (
        "guild_id", "kind", "key", "channel_id", "payload", "due_at", "next_at", "created_at",
    )  # fmt: skip
    times = [at if n < due else at + timedelta(days=1 + n % 99) for n in range(pending)]
    rows = [
        (GUILD, "announce", f"k{n}", 10**6 + n, f'{{"text": "message {n}"}}', when, when, at)
        for n, when in enumerate(times)
    ]
    async with database.transaction() as session:
        guild = {"id": GUILD, "name": "Large", "joined_at": at}
        await session.execute(insert(Guild).values(guild))
    async with database.engine.begin() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.copy_records_to_table("deliveries", records=rows, columns=columns)
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.exec_driver_sql("vacuum analyze deliveries")


async def plainly(_: AsyncSession, claimed: Sequence[Claimed], __: datetime) -> Decisions:
    """Send the payload's text: what a message says is measured elsewhere."""
    return {
        row.id: Send(Message(row.payload["text"]), channel_id=row.channel_id) for row in claimed
    }


async def no_follow_up(_: AsyncSession, __: Sequence[Done]) -> None:
    """Nothing more to do."""


class Handed:
    """In place of Discord: takes a message and notes the time (perf_counter, seconds)."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.lateness: list[float] = []  # seconds

    async def deliver(self, row: Claimed, send: Send) -> Result:
        self.at.append(time.perf_counter())
        self.lateness.append((utcnow() - row.due_at).total_seconds())
        message = SimpleNamespace(id=row.id, channel=SimpleNamespace(id=send.channel_id))
        return sent(row, send, Outcome(value=message), None)


@asynccontextmanager
async def sending(database: Database, handed: Handed) -> AsyncIterator[Dispatcher]:
    """The dispatcher as the bot runs it, with its listening connection."""
    made = Dispatcher(prepare=plainly, sent=no_follow_up, deliver=handed.deliver)
    instance = Instance(database)
    instance.listen(CHANNEL, made.wake)
    await instance.hold()
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        made.close()
        await task
        await instance.close()


class Stalls:
    """The longest time for which nothing else in the event loop had its turn, in seconds."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            self.worst = max(self.worst, time.perf_counter() - begun - 0.001)


async def _all_noted(database: Database, count: int) -> None:
    while True:
        async with database.transaction() as session:
            query = select(func.count()).select_from(Delivery).where(Delivery.status == "sent")
            if await session.scalar(query) == count:
                return
        await asyncio.sleep(0.05)


def memory() -> float:
    """This process's own, in MB, as it is now."""
    return float(psutil.Process().memory_info().rss) / 2**20


async def ours(database: Database) -> dict[str, float]:
    """Everything is claimed, worked out, handed over and noted as sent."""
    handed, stalls = Handed(), Stalls()
    async with sending(database, handed):
        at = utcnow() + timedelta(seconds=LEAD)
        async with database.transaction() as session:
            due = Delivery.id <= DUE
            await session.execute(update(Delivery).where(due).values(next_at=at, due_at=at))
            await wake(session)
        watching = asyncio.create_task(stalls.watch())
        begun = time.perf_counter() + (at - utcnow()).total_seconds()
        while len(handed.at) < DUE:
            await asyncio.sleep(0.02)
        took = max(handed.at) - begun
        await _all_noted(database, DUE)
        watching.cancel()
    return {"took": took, "stall": stalls.worst, "memory": memory()}


async def one_by_one(database: Database) -> dict[str, float]:
    """What is written first: a job per row in memory, which reads, sends and notes its row."""
    jobs, count = 5_000, 500
    make: Any = AsyncIOScheduler
    scheduler = make(timezone="UTC", job_defaults={"misfire_grace_time": None})
    at = utcnow() + timedelta(seconds=8)
    handed, stalls = Handed(), Stalls()

    async def send(number: int) -> None:
        async with database.transaction() as session:
            row = await session.get_one(Delivery, number)
            handed.at.append(time.perf_counter())
            row.status, row.sent_at = "sent", utcnow()

    scheduler.start()
    watching = asyncio.create_task(stalls.watch())
    begun = time.perf_counter()
    for n in range(jobs):
        run_date = at if n < count else at + timedelta(days=1)
        scheduler.add_job(send, "date", run_date=run_date, args=(n + 1,))
    adding = time.perf_counter() - begun
    begun = time.perf_counter() + (at - utcnow()).total_seconds()
    while len(handed.at) < count:
        await asyncio.sleep(0.02)
    took = max(handed.at) - begun
    await _all_noted(database, count)
    watching.cancel()
    scheduler.shutdown(wait=False)
    # Measured on a tenth of the rows, each of which costs the same.
    return {"took": took * DUE / count, "stall": stalls.worst, "memory": memory(), "adding": adding}


async def main(url: str, side: str) -> None:
    """Measure one side on a database that is filled, and print it."""
    database = Database(url)
    set_database(database)
    gc.collect()
    gc.freeze()  # as the bot does when it is ready
    try:
        figures = await (ours if side == "ours" else one_by_one)(database)
    finally:
        set_database(None)
        await database.close()
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(main(*sys.argv[1:3]))
