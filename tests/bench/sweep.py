"""Rows about many groups at once: the sweep, and planning by itself."""

from __future__ import annotations

import statistics
import time

import discord

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import access as access_queries
from core.discord_outbound.cache import guild_view
from core.systems import access
from tests.bench import terms
from tests.bench.counting import Cost, counted
from tests.bench.ground import Ground
from tests.bench.naive import Naive
from tests.bench.registry import Figures, row
from tests.bench.town import Side, Size, Town, town

# 1,000 groups of 12 in 5 guilds; 100 groups are a cohort's most.
LARGE = Size(guilds=5, cohorts=2, groups=100, people=12)
ROUNDS = 3  # the median of three: the first one also fills caches


async def sweep(side: Side, size: Size = LARGE, rounds: int = ROUNDS) -> Cost:
    """A sweep that finds nothing to do; the median by time of several."""
    async with town(side, size) as t:
        if t.naive is not None:
            return await _naive_sweep(t, t.naive)
        await terms.hold(t)
        return await idle(t, rounds)


async def idle(t: Town, rounds: int = ROUNDS) -> Cost:
    """Sweeps of a town in which everything is right; the median by time."""
    costs = []
    for _ in range(rounds):
        with counted(t.env) as cost:
            opened = await t.worker.sweep()
        if opened:
            raise RuntimeError(f"{len(opened)} groups were opened, and nothing had changed")
        costs.append(cost)
    return sorted(costs, key=lambda c: c.seconds)[len(costs) // 2]


async def _naive_sweep(t: Town, naive: Naive) -> Cost:
    # Nobody hears of the 24,000 changes: that spares the naive side the events' time, and the
    # benchmark a minute. It decides nothing by them.
    t.env.backend.subscribers.clear()
    with counted(t.env) as cost:
        for group in t.built.groups:
            await naive.sync(group.id)
            t.env.backend.transcript.clear()  # SimCord keeps every event; that is no part of it
    return cost


async def plan_ours(size: Size = LARGE, rounds: int = ROUNDS) -> float:
    """CPU seconds for the plans of all groups, gathered before."""
    async with town("ours", size) as t:
        async with get_database().transaction() as session:
            facts = await access_queries.gather(session)
        views = {guild_id: guild_view(guild_id) for guild_id in t.built.guild_ids}
        times = []
        for _ in range(rounds):
            now, start = utcnow(), time.process_time()
            for fact in facts:
                view = views[fact.group.guild_id]
                assert view is not None
                if access.plan(fact, view, now).whole:
                    raise RuntimeError("a plan has changes, and nothing had changed")
            times.append(time.process_time() - start)
        if len(facts) != len(t.built.groups):
            raise RuntimeError(f"{len(facts)} of {len(t.built.groups)} groups were planned")
    return statistics.median(times)


async def plan_naive(size: Size = LARGE, rounds: int = ROUNDS) -> float:
    """CPU seconds of the only thing that the naive algorithm works out: who has access now."""
    async with town("naive", size) as t:
        times = []
        for _ in range(rounds):
            start = time.process_time()
            for group in t.built.groups:
                for channel_id in group.channel_ids:
                    channel = t.bot.get_channel(channel_id)
                    assert isinstance(channel, discord.TextChannel | discord.VoiceChannel)
                    Naive.with_access(channel)
            times.append(time.process_time() - start)
    return statistics.median(times)


def _figures(cost: Cost) -> Figures:
    return {"REST calls": cost.rest, "SQL statements": cost.sql, "s": cost.seconds}


@row(
    "sweep of 1,000 groups of 12 with 12 meetings in 5 guilds, nothing changed",
    REST_calls=0, SQL_statements=10, s=3.0,
)  # fmt: skip
async def _sweep(ground: Ground) -> tuple[Figures, Figures]:
    async with ground.database():
        ours = await sweep("ours")
    async with ground.database():
        naive = await sweep("naive")
    return _figures(ours), _figures(naive)


@row("planning alone, 1,000 groups of 12", s_of_CPU=0.5)
async def _plan(ground: Ground) -> tuple[Figures, Figures]:
    async with ground.database():
        ours = await plan_ours()
    async with ground.database():
        naive = await plan_naive()
    return {"s of CPU": ours}, {"s of CPU": naive}
