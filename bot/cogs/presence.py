"""Who comes into a group's voice channel while it meets, and who is there after a start."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.client import Muster
from core.operations import presence


class Presence(commands.Cog):
    """Events only say where to look; bots are nobody."""

    def __init__(self) -> None:
        # Between a lost connection and its resumption Discord tells of what happened meanwhile:
        # nobody knows when, so it is not taken for this moment.
        self._deaf = False

    @commands.Cog.listener()
    async def on_disconnect(self) -> None:
        self._deaf = True

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        self._deaf = False
        await presence.tick()

    @commands.Cog.listener()
    async def on_resumed(self) -> None:
        self._deaf = False
        await presence.tick()

    @commands.Cog.listener()
    async def on_guild_available(self, _guild: discord.Guild) -> None:
        await presence.tick()

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """A change of the channel; muting and the like is none."""
        if member.bot or before.channel == after.channel:
            return
        if before.channel is not None:
            await presence.changed(member.guild.id, before.channel.id, leaving=not self._deaf)
        if after.channel is not None:
            await presence.changed(member.guild.id, after.channel.id, leaving=False)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Presence())
