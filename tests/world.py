"""The bot on SimCord's simulated Discord, with the real database, for behaviour tests."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import discord
import simcord
from simcord import Env
from simcord.backend import serializers

import bot.demo.gaps  # noqa: F401 - routes that SimCord lacks
from bot.client import Muster
from core.clock import set_clock
from core.db.engine import Database
from core.discord_outbound import set_bot
from core.systems import telling
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

    async def hears(self, event: str, *about: Any) -> None:
        """The gateway tells the bot of `event`; everything that follows is done.

        SimCord's settle waits for what its own events began, not for a dispatch by the test.
        """
        for listener in self.bot.extra_events[f"on_{event}"]:
            await listener(*about)
        await self.settle()


@asynccontextmanager
async def world(database: Database, *, members: int = 4) -> AsyncIterator[World]:
    """A started bot in one guild with a channel #general and `members` people."""
    del database  # its fixture has set the ambient handle
    telling._called.clear()  # of the server of the same id that an earlier test had
    worker = Worker()
    bot = Muster(worker, rest_per_second=50, tree_memory=_SENT.memory)
    set_bot(bot)
    running = simcord.run(bot, settle_timeout=20)
    running._env.backend.commands |= pickle.loads(_SENT.commands)
    try:
        async with running as env:
            if _SENT.commands == _NONE:
                _SENT.commands = pickle.dumps(env.backend.commands)
            set_clock(env.now)
            with _unheard(env):
                home = env.create_guild(name="Study Hall")
                room = home.create_text_channel("general")
                may = discord.Permissions(manage_guild=True)
                keys = home.create_role("Moderators", permissions=may)
                mod = home.add_member(env.create_user("mod"), roles=[keys])
                people = [
                    home.add_member(env.create_user(f"member{n}")) for n in range(1, members + 1)
                ]
            invite(env, home)
            made = World(env, bot, worker, home, room, mod, people)
            await made.settle()
            yield made
    finally:
        await keeper.stop()  # what it still has to do is in the rows, and these go now
        set_clock(None)
        set_bot(None)


_NONE = pickle.dumps({})


class _Sent:
    """The commands that this process's first bot sent, and the memory that later ones find.

    Pickled: read anew for each world, that takes a tenth of a deep copy.
    """

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="muster-tree-")
        self.memory = Path(self._folder.name) / "commands.sha256"
        self.commands = _NONE


_SENT = _Sent()


@contextmanager
def _unheard(env: Env) -> Iterator[None]:
    """What is made meanwhile is there before the bot comes, who hears nothing of it."""
    heard = env.backend.subscribers[:]
    env.backend.subscribers.clear()
    yield
    env.backend.subscribers.extend(heard)


def invite(env: Env, guild: Any) -> None:
    """The bot comes into a server with channels and people: one event for all of it."""
    payload = serializers.guild_create_payload(env.backend, env.backend.guilds[guild.id])
    env.backend.emit("GUILD_CREATE", payload)


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
