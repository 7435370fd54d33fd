"""The bot on SimCord's simulated Discord, with the real database, for behaviour tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import discord
import simcord
from simcord import Env

import bot.demo.gaps  # noqa: F401 - routes that SimCord lacks
from bot.client import Muster
from core.clock import set_clock
from core.db.engine import Database
from core.discord_outbound import set_bot
from core.systems.projections import keeper
from core.worker import Worker


@dataclass
class World:
    """`guild` has an owner-moderator `mod` and members; `worker.drain()` does background work."""

    env: Env
    bot: Muster
    worker: Worker
    guild: Any
    room: Any
    mod: Any
    members: list[Any]

    async def settle(self) -> None:
        """Everything that gateway events asked for is done."""
        await self.env.settle()
        await self.worker.drain()
        await self.worker.dispatcher.drain()
        await keeper.settled()
        await self.env.settle()


@asynccontextmanager
async def world(database: Database, *, members: int = 4) -> AsyncIterator[World]:
    """A started bot in one guild with a channel #general and `members` people."""
    del database  # its fixture has set the ambient handle
    worker = Worker()
    bot = Muster(worker, rest_per_second=50)
    set_bot(bot)
    try:
        async with simcord.run(bot, settle_timeout=20) as env:
            set_clock(env.now)
            home = env.create_guild(name="Study Hall")
            room = home.create_text_channel("general")
            may = discord.Permissions(manage_guild=True)
            keys = home.create_role("Moderators", permissions=may)
            mod = home.add_member(env.create_user("mod"), roles=[keys])
            people = [home.add_member(env.create_user(f"member{n}")) for n in range(1, members + 1)]
            made = World(env, bot, worker, home, room, mod, people)
            await made.settle()
            yield made
    finally:
        await keeper.stop()  # what it still has to do is in the rows, and these go now
        set_clock(None)
        set_bot(None)


def text_of(result: Any) -> str:
    """All that the person was told: the answer and what followed it."""
    shown = [result.response] if result.response else []
    return "\n".join(words_of(m) for m in [*shown, *result.followups])


def words_of(message: Any) -> str:
    """A message's text, also where it stands in a panel of Components V2."""
    parts = [message.content, *(c.get("content", "") for c in parts_of(message))]
    return "\n".join(part for part in parts if part)


def parts_of(message: Any) -> list[dict[str, Any]]:
    """All components of a message, the inner ones too, in the order in which they are read."""
    raw = message.components
    found: list[dict[str, Any]] = []
    rest = [c if isinstance(c, dict) else c.to_dict() for c in raw]
    while rest:
        part = rest.pop(0)
        found.append(part)
        inner = [*part.get("components", [])]
        inner += [part["accessory"]] if part.get("accessory") else []
        rest = [*inner, *rest]
    return found
