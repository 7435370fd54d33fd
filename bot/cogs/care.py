"""/ping: is it alive."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Muster


class Care(commands.Cog):
    def __init__(self, bot: Muster) -> None:
        self.bot = bot

    @app_commands.command(description="Is Muster awake?")
    async def ping(self, interaction: discord.Interaction) -> None:
        """Answer privately with the gateway's latency."""
        milliseconds = self.bot.latency * 1000
        shown = f" ({milliseconds:.0f} ms to Discord)" if 0 < milliseconds < 60_000 else ""
        await interaction.response.send_message(f"Here I am.{shown}", ephemeral=True)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Care(bot))
