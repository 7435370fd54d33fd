"""Two groups in which something is to be done, for /sync."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from core.clock import utcnow
from core.operations import cohorts, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.e2e._acting import on_discord
from tests.world import World

DENY_VIEW = discord.Permissions(view_channel=True).value


@dataclass
class Made:
    """A world with a cohort "Stats autumn" of two groups, nobody in them and nothing made."""

    w: World
    cohort: int
    groups: list[int]

    @property
    def mod(self) -> Actor:
        return Actor(self.w.guild.id, self.w.mod.id, "mod", moderator=True)

    async def put(self, number: int, group: int) -> Any:
        """Member `number` joins one of the groups; nothing is synced."""
        person = self.w.members[number]
        await membership.join(Actor(self.w.guild.id, person.id, person.name), self.groups[group])
        return person

    async def slash(self, command: str, **options: Any) -> Any:
        return await self.w.mod.slash(self.w.room, command, **options)

    def channel(self, name: str) -> Any:
        guild = self.w.bot.get_guild(self.w.guild.id)
        assert guild is not None
        return guild.get_channel(self.w.guild.channels[name].id)

    async def keep_out(self, person: Any) -> None:
        """Somebody denies a person the text channel by hand."""
        entry = Overwrite(person.id, OverwriteType.MEMBER, 0, DENY_VIEW)
        self.w.env.backend.set_overwrite(self.w.guild.channels["group-1"].id, entry)
        await self.w.settle()


def labels(result: Any) -> list[str]:
    return [
        c.get("label") or c.get("placeholder")
        for row in result.response.components
        for c in row["components"]
    ]


async def cohort_in(
    guild_id: int, mod_id: int, name: str, groups: int = 2
) -> tuple[int, list[int]]:
    made = await cohorts.create(
        Actor(guild_id, mod_id, "mod", moderator=True),
        CohortDraft(name, (utcnow() + timedelta(days=30)).date(), groups=groups),
        open_now=True,
    )
    return made.id, made.group_ids


def in_season(test: Callable[[Made], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """`on_discord` with a cohort that is open."""

    async def run(w: World) -> None:
        cohort, groups = await cohort_in(w.guild.id, w.mod.id, "Stats autumn")
        await test(Made(w, cohort, groups))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return on_discord(run)
