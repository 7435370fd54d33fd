"""Rows about messages that are due: how fast they are handed over, how late, how near the limit."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stdout
from datetime import timedelta
from functools import partial
from typing import Any

import discord
from sqlalchemy import func, insert, select

from core.clock import utcnow
from core.db.engine import Database
from core.db.meeting_models import Announcement, Delivery
from core.db.models import Guild
from core.db.queries.deliveries import New, enqueue
from tests.bench import handing
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.sockets import LIMIT, QUIET, WARM_UP, _works
from tests.e2e import _discord_testbot as plain
from tests.e2e.discord_client import DiscordServer
from tests.e2e.process import running, until


async def _handed_over(ground: Ground, side: str) -> Figures:
    """In a process of its own, whose memory holds nothing else."""
    async with ground.database() as database:
        at = utcnow() + timedelta(days=1)
        await handing.fill(database, at, pending=handing.PENDING, due=handing.DUE)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.handing", database.url, side,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the process ended with {process.returncode}")
    figures: dict[str, float] = json.loads(out)
    return {
        "s for 5,000": figures["took"],
        "ms of stall": figures["stall"] * 1000,
        "MB": figures["memory"],
    }


# 5,000 in half a second are 10,000 a second.
@row(
    f"{handing.PENDING:,} pending deliveries, {handing.DUE:,} due at the same instant: hand-over",
    **{"s_for_5,000": 0.5, "ms_of_stall": 20, "MB": 120},
)
async def _hand_over(ground: Ground) -> tuple[Figures, Figures]:
    return await _handed_over(ground, "ours"), await _handed_over(ground, "naive")


SAMPLES = 100  # the second latest is the p99
POLL = 1.0  # seconds, as a loop that looks for due rows would be written


@asynccontextmanager
async def _polling(database: Database, handed: handing.Handed) -> AsyncIterator[None]:
    """What is written first: a loop that asks for due rows now and then."""

    async def poll() -> None:
        while True:
            async with database.transaction() as session:
                due = select(Delivery).where(
                    Delivery.status == "pending", Delivery.next_at <= utcnow()
                )
                for found in await session.scalars(due):
                    handed.lateness.append((utcnow() - found.due_at).total_seconds())
                    found.status = "sent"
            await asyncio.sleep(POLL)

    task = asyncio.create_task(poll())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _lateness(
    database: Database, work: Any, handed: handing.Handed, samples: int = SAMPLES
) -> Figures:
    """Half of them due at once, half a moment later; each when the one before is through."""
    async with database.transaction() as session:
        guild = {"id": handing.GUILD, "name": "Quiet", "joined_at": utcnow()}
        await session.execute(insert(Guild).values(guild))
    async with work:
        for n in range(WARM_UP + samples):
            due = utcnow() + timedelta(seconds=0.02 * (n % 2))
            new = New(handing.GUILD, "announce", f"k{n}", due, channel_id=10**6 + n,
                      payload={"text": "now"})  # fmt: skip
            async with database.transaction() as session:
                await enqueue(session, [new], utcnow())
            while len(handed.lateness) <= n:
                await asyncio.sleep(0.001)
    return {"ms p99": sorted(handed.lateness[WARM_UP:])[-2] * 1000}


@row("lateness of a delivery due now, with an idle bot: up to the send", ms_p99=50)
async def _late(ground: Ground) -> tuple[Figures, Figures]:
    async with ground.database() as database:
        handed = handing.Handed()
        ours = await _lateness(database, handing.sending(database, handed), handed)
    async with ground.database() as database:
        handed = handing.Handed()
        naive = await _lateness(database, _polling(database, handed), handed, 10)
    return ours, naive


REMINDERS, ROOMS = 5_000, 400  # a server may have 500 channels
NAIVE_REMINDERS, PER_CHANNEL = 300, 5  # Discord takes five in five seconds in one channel


async def _rooms(server: DiscordServer, count: int) -> list[int]:
    guild_id = server.seed["guild_id"]
    return [await server.create_channel(guild_id, f"room-{n}") for n in range(count)]


async def _due_in(
    server: DiscordServer, database: Database, rooms: list[int], seconds: float
) -> None:
    """All of them are due at the same moment, when the bot has long started."""
    guild_id, now = server.seed["guild_id"], utcnow()
    due = now + timedelta(seconds=seconds)
    base = {"guild_id": guild_id, "author_id": 1, "targets": {}, "ping": False, "created_at": now}
    texts = [base | {"draft_id": n, "content": f"message {n}"} for n in range(REMINDERS)]
    async with database.transaction() as session:
        returning = insert(Announcement).returning(Announcement.id, sort_by_parameter_order=True)
        made = list(await session.scalars(returning, texts))
        news = [
            New(guild_id, "announce", f"announce:{number}", due,
                channel_id=rooms[n % len(rooms)], announcement_id=number)
            for n, number in enumerate(made)
        ]  # fmt: skip
        await enqueue(session, news, now)


async def _all_sent(database: Database) -> bool:
    async with database.transaction() as session:
        query = select(func.count()).select_from(Delivery).where(Delivery.status == "sent")
        return await session.scalar(query) == REMINDERS


async def _commands(server: DiscordServer, database: Database) -> list[float]:
    """One command after another until all is sent; milliseconds to each acknowledgement."""
    where, who = server.seed["general_id"], server.seed["member_ids"][0]
    times: list[float] = []
    while not await _all_sent(database):
        answer = await server.slash(where, who, "ping")
        if answer.ack_ms is None:
            raise RuntimeError("/ping was not acknowledged")
        times.append(answer.ack_ms)
        await asyncio.sleep(0.1)
    return times


async def _reminders(ground: Ground, server: DiscordServer) -> Figures:
    rooms = await _rooms(server, ROOMS)
    # The helper prints the bot's log at its end, for pytest; the table is to stand alone.
    with redirect_stdout(io.StringIO()):
        async with (
            ground.database() as database,
            running(server, database.url, ground.folder(), **QUIET) as bot,
        ):
            await until(partial(_works, bot), what="the bot's start")
            await _due_in(server, database, rooms, seconds=1.0)
            waits = await _commands(server, database)
    posts = await server.wait_calls("POST", "/channels/{channel_id}/messages", REMINDERS)
    took = max(p["at"] for p in posts) - min(p["at"] for p in posts)
    return {
        "x ideal time": took / (REMINDERS / LIMIT),
        "answers of 429": (await server.status())["statuses"].get("429", 0),
        "ms to acknowledge p99": sorted(waits)[-max(2, len(waits) // 100)],
    }


async def _at_once(server: DiscordServer) -> Figures:
    """Plain discord.py, everything at once."""
    rooms = await _rooms(server, NAIVE_REMINDERS // PER_CHANNEL)
    client = discord.Client(intents=plain.intents())
    async with plain.pointed_at(server), client:
        await client.login("simulated")
        begun = time.perf_counter()
        await asyncio.gather(
            *(
                client.get_partial_messageable(rooms[n % len(rooms)]).send(f"message {n}")
                for n in range(NAIVE_REMINDERS)
            ),
            return_exceptions=True,
        )
        took = time.perf_counter() - begun
    statuses = (await server.status())["statuses"]
    return {
        "x ideal time": took / (NAIVE_REMINDERS / LIMIT),
        "answers of 429": statuses.get("429", 0),
    }


# Within 1.11 of the ideal time is at least 90 % of the limit.
@row(
    f"{REMINDERS:,} reminders due at once, over sockets at {LIMIT}/s",
    x_ideal_time=1.11, answers_of_429=0, ms_to_acknowledge_p99=500,
)  # fmt: skip
async def _over_sockets(ground: Ground) -> tuple[Figures, Figures]:
    async with DiscordServer(seed="small", openapi="") as server:
        ours = await _reminders(ground, server)
        await server.renew("small")
        naive = await _at_once(server)
    return ours, naive
