"""The row about /why: how soon it is acknowledged, and what it asks of the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
from simcord.actors import MemberActor
from simcord.builders import GuildHandle, UserHandle

from tests.bench.counting import counted
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.town import Size, Town, town

# 1,000 groups of 10 on one server, 10,000 members. Two groups of each cohort have their channels:
# Discord allows 500 on a server.
LARGE = Size(cohorts=10, groups=100, people=10, opened=2)
SMALL = Size(cohorts=1, groups=2, people=10, opened=2)
TIMES = 100  # the second slowest of a hundred is the p99


@dataclass
class Asked:
    """Milliseconds from the command to its acknowledgement; SQL statements of each command."""

    waits: list[float] = field(default_factory=list)
    statements: set[int] = field(default_factory=set)

    @property
    def p99(self) -> float:
        return sorted(self.waits)[-2]


@contextmanager
def acknowledged() -> Iterator[list[float]]:
    """The moments (perf_counter, in seconds) at which commands were acknowledged."""
    moments: list[float] = []
    original: Any = discord.InteractionResponse.defer

    async def defer(self: Any, **more: Any) -> Any:
        result = await original(self, **more)
        moments.append(time.perf_counter())
        return result

    discord.InteractionResponse.defer = defer  # type: ignore[method-assign]  # and back
    try:
        yield moments
    finally:
        discord.InteractionResponse.defer = original  # type: ignore[method-assign]


async def ask(size: Size, times: int) -> Asked:
    """A moderator asks about one person after another, each in a channel of their group."""
    async with town("ours", size) as t:
        guild = GuildHandle(t.env, t.env.backend.get_guild(t.built.guild_ids[0]))
        mod, room = moderator(t, guild)
        await t.env.settle()
        asked = Asked()
        cases = [(p, g.channel_ids[0]) for g in t.built.groups if g.channel_ids for p in g.people]
        with acknowledged() as moments:
            for user_id, channel_id in (cases * times)[:times]:
                user = UserHandle(t.env, t.env.backend.get_user(user_id))
                person = MemberActor(t.env, guild, user)
                begun = time.perf_counter()
                with counted(t.env) as cost:
                    result = await mod.slash(room, "why", member=person, channel=f"c{channel_id}")
                if "Everything is right" not in result.response.content:
                    raise RuntimeError(f"the answer was: {result.response.content}")
                asked.waits.append((moments[-1] - begun) * 1000)
                asked.statements.add(cost.sql)
    return asked


def moderator(t: Town, guild: GuildHandle) -> tuple[Any, Any]:
    """Somebody with Manage Server, and a room to ask in."""
    room = guild.create_text_channel("general")
    keys = guild.create_role("Keys", permissions=discord.Permissions(manage_guild=True))
    mod = guild.add_member(t.env.create_user("mod"), roles=[keys])
    return mod, room


@row(
    "/why with 1,000 groups and 10,000 members",
    ms_to_acknowledge_p99=250, SQL_statements=15, SQL_statements_more_than_with_2_groups=0,
)  # fmt: skip
async def _why(ground: Ground) -> tuple[Figures, Figures]:
    async with ground.database():
        small = await ask(SMALL, 3)
    async with ground.database():
        large = await ask(LARGE, TIMES)
    figures = {
        "ms to acknowledge p99": large.p99,
        "SQL statements": max(large.statements),
        "SQL statements more than with 2 groups": max(large.statements) - max(small.statements),
    }
    return figures, {}
