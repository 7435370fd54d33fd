"""A simulated Discord beside its database rows, in which nothing is left to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import discord
import simcord
from simcord import Env

from bot.client import Muster
from core import sync
from core.clock import set_clock
from core.discord_outbound import set_bot
from core.operations import membership
from core.operations.common import Actor
from core.reconcile.channels import names
from core.worker import Worker
from tests.bench.building import Built, build
from tests.bench.naive import Naive

Side = Literal["ours", "naive"]


@dataclass(frozen=True)
class Size:
    """How much there is. `opened` of a cohort's groups have their channels (None: all)."""

    guilds: int = 1
    cohorts: int = 1  # per guild
    groups: int = 1  # per cohort
    people: int = 12  # per group
    spare: int = 0  # people of each guild who are in no group
    opened: int | None = None
    access_mode: str = "overwrites"


@dataclass
class Town:
    """The started world. Ours is the real bot, naive a plain client with its algorithm."""

    env: Env
    bot: discord.Client
    worker: Worker
    built: Built
    naive: Naive | None = None

    async def join(self, user_id: int, group_id: int) -> tuple[int, int | None]:
        """Somebody joins or switches, in the database; (group now, group before)."""
        moved = await membership.join(self._actor(user_id), group_id)
        return group_id, moved.previous_id

    async def leave(self, user_id: int, group_id: int) -> tuple[int, int | None]:
        """Somebody leaves, in the database."""
        await membership.leave(self._actor(user_id), group_id)
        return group_id, None

    async def follow(self, change: tuple[int, int | None]) -> None:
        """Have Discord follow a change of the database."""
        if self.naive is not None:
            await self.naive.change(*change)
            return
        result = await sync.sync_after_group_change(*change)
        for part in (result["new_group"], result["old_group"]):
            if part is not None and ("error" in part["discord"] or part["discord"].get("failed")):
                raise RuntimeError(f"the sync failed: {part['discord']}")

    def _actor(self, user_id: int) -> Actor:
        return Actor(self.built.guild_ids[0], user_id, f"user {user_id}")

    def can_see(self, user_id: int, group_id: int) -> bool:
        """Whether Discord itself shows both of a group's channels to somebody."""
        group = self.built.group(group_id)
        guild = self.bot.get_guild(group.guild_id)
        assert guild is not None
        category = guild.get_channel(group.category_id)
        assert isinstance(category, discord.CategoryChannel)
        titles = names("", group.name)
        mine = [c for c in category.channels if c.name in {titles["text"], titles["voice"]}]
        member = guild.get_member(user_id)
        assert member is not None
        return len(mine) == 2 and all(c.permissions_for(member).view_channel for c in mine)


@asynccontextmanager
async def town(side: Side, size: Size) -> AsyncIterator[Town]:
    """Build everything silently, then start the bot in it. Needs the ambient database."""
    worker = Worker()
    intents = discord.Intents(guilds=True, members=True)
    # SimCord replaces the HTTP client, so no pacer is in the way of either side.
    bot = Muster(worker) if side == "ours" else discord.Client(intents=intents)
    runner = simcord.run(bot)
    env = runner._env
    built = await build(env.backend, size)
    set_bot(bot)
    try:
        async with runner:
            set_clock(env.now)
            for guild in bot.guilds:
                # SimCord's start waits for no member lists; the real gateway's does.
                await guild.chunk()
            naive = Naive(bot) if side == "naive" else None
            yield Town(env, bot, worker, built, naive)
    finally:
        set_clock(None)
        set_bot(None)
