"""Discord's events: who is interested, and what people do to them by hand."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.client import Muster
from core.discord_outbound.pacer import background
from core.operations import interest

_LOOKED_AT = ("name", "start_time", "end_time", "channel_id", "status")


class Interest(commands.Cog):
    """Hints, like all gateway events.

    discord.py has no raw form of these: people come with the member list, and whoever is missed
    is found by the reread after the next ready.
    """

    def __init__(self, bot: Muster) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """A new session: nobody told us who pressed Interested since the last one."""
        background.set(True)
        for guild in list(self.bot.guilds):
            await interest.reread(guild.id)

    @commands.Cog.listener()
    async def on_scheduled_event_user_add(
        self, event: discord.ScheduledEvent, user: discord.User
    ) -> None:
        await interest.noted(event.guild_id, event.id, user.id, interested=True)

    @commands.Cog.listener()
    async def on_scheduled_event_user_remove(
        self, event: discord.ScheduledEvent, user: discord.User
    ) -> None:
        await interest.noted(event.guild_id, event.id, user.id, interested=False)

    @commands.Cog.listener()
    async def on_scheduled_event_create(self, event: discord.ScheduledEvent) -> None:
        """One call of ours may have made two, where Discord failed half way; see left_over."""
        if self.bot.user and event.creator_id == self.bot.user.id and event.channel_id is not None:
            self.bot.worker.bump(
                await interest.group_of_stray(event.guild_id, event.id, event.channel_id)
            )

    @commands.Cog.listener()
    async def on_scheduled_event_update(
        self, before: discord.ScheduledEvent, after: discord.ScheduledEvent
    ) -> None:
        if any(getattr(before, name) != getattr(after, name) for name in _LOOKED_AT):
            self.bot.worker.bump(await interest.group_of_event(after.guild_id, after.id))

    @commands.Cog.listener()
    async def on_scheduled_event_delete(self, event: discord.ScheduledEvent) -> None:
        self.bot.worker.bump(await interest.group_of_event(event.guild_id, event.id))


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Interest(bot))
