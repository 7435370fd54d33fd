"""Rows over real sockets: the limit of 50 calls a second, and how fast a command is answered."""

from __future__ import annotations

import asyncio
import io
import statistics
import time
from contextlib import redirect_stdout
from functools import partial

import discord

from bot.client import Muster
from core.config import Settings
from core.worker import Worker
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.town import Side
from tests.e2e import _discord_testbot as plain
from tests.e2e.discord_client import CATEGORY, VOICE, DiscordServer
from tests.e2e.process import Bot, running, until

CALLS = 400
LIMIT = 50  # calls a second and bot (Discord's documentation, "Global Rate Limit")
CHANNELS = 40  # times the ten members of the small world: 400 different overwrites
COMMANDS = 100
WARM_UP = 10  # the first commands also load what later ones find loaded
# Idle: no sweep and no probe comes in between.
QUIET = {"MUSTER_SWEEP_MINUTES": "60", "MUSTER_PROBE_MINUTES": "60"}


def _client(side: Side) -> discord.Client:
    """Ours with its pacer as it ships, or discord.py by itself."""
    if side == "ours":
        return Muster(Worker(), rest_per_second=Settings.model_fields["rest_per_second"].default)
    return discord.Client(intents=plain.intents())


async def hammer(server: DiscordServer, side: Side, calls: int = CALLS) -> Figures:
    """`calls` permission writes at once; refusals, time over the ideal one, calls given up."""
    guild_id, members = server.seed["guild_id"], server.seed["member_ids"]
    parent = await server.create_channel(guild_id, "rooms", kind=CATEGORY)
    rooms = [
        await server.create_channel(guild_id, f"room {n}", kind=VOICE, parent_id=parent)
        for n in range(-(-calls // len(members)))
    ]
    pairs = [(room, member) for room in rooms for member in members][:calls]
    connect = str(discord.Permissions(connect=True).value)
    async with plain.pointed_at(server), _client(side) as client:
        await client.login("simulated")
        begun = time.perf_counter()
        results = await asyncio.gather(
            *(
                client.http.edit_channel_permissions(room, member, connect, "0", 1)
                for room, member in pairs
            ),
            return_exceptions=True,
        )
        took = time.perf_counter() - begun
    failed = [r for r in results if isinstance(r, BaseException)]
    strange = [e for e in failed if not isinstance(e, discord.HTTPException)]
    if strange:
        raise strange[0]
    statuses = (await server.status())["statuses"]
    return {
        "answers of 429": statuses.get("429", 0),
        "x ideal time": took / (calls / LIMIT),
        "calls given up": len(failed),
    }


@row(
    f"{CALLS} concurrent calls against the {LIMIT}/s limit, over sockets",
    answers_of_429=0, x_ideal_time=1.15, calls_given_up=0,
)  # fmt: skip
async def _hammer(_: Ground) -> tuple[Figures, Figures]:
    async with DiscordServer(seed="small", openapi="") as server:
        ours = await hammer(server, "ours")
        await server.renew("small")
        naive = await hammer(server, "naive")
    return ours, naive


async def _answer_times(
    server: DiscordServer, command: str, options: dict[str, object] | None = None
) -> Figures:
    """Milliseconds from the event on the wire to the first answer's arrival, one at a time."""
    where, who = server.seed["general_id"], server.seed["member_ids"][0]
    times = []
    for _ in range(WARM_UP + COMMANDS):
        answer = await server.slash(where, who, command, options)
        if answer.ack_ms is None:
            raise RuntimeError(f"/{command} was not acknowledged")
        times.append(answer.ack_ms)
    return {"ms p50": statistics.median(times[WARM_UP:])}


async def _works(bot: Bot) -> bool:
    """Started, and past its first look at everything."""
    return '"event": "running"' in bot.log


@row("slash command over sockets, idle: acknowledged", ms_p50=15.0)
async def _slash(ground: Ground) -> tuple[Figures, Figures]:
    async with DiscordServer(seed="small", openapi="") as server:
        # The helper prints the bot's log at its end, for pytest; the table is to stand alone.
        with redirect_stdout(io.StringIO()):
            async with (
                ground.database() as database,
                running(server, database.url, ground.folder(), **QUIET) as bot,
            ):
                await until(partial(_works, bot), what="the bot's start")
                ours = await _answer_times(server, "ping")
        await server.renew("small")
        async with plain.running(server):
            someone = server.seed["member_ids"][1]
            naive = await _answer_times(server, "echo", {"text": "a", "who": someone})
    return ours, naive
