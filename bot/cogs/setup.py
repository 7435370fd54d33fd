"""/setup and /settings: one panel for the first steps and for every later change."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Muster
from bot.ui import setup_attendance as setup_attendance  # noqa: PLC0414 - registers its button
from bot.ui import setup_calendar as setup_calendar  # noqa: PLC0414 - likewise
from bot.ui import setup_steps
from bot.ui import setup_zone as setup_zone  # noqa: PLC0414 - likewise
from bot.ui import texts as texts  # noqa: PLC0414 - likewise


class Setup(commands.Cog):
    @app_commands.command(description="The first steps, each with a suggestion")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def setup(self, interaction: discord.Interaction) -> None:
        """What is chosen, what is suggested, and [Accept all]."""
        await setup_steps.open_panel(interaction)

    @app_commands.command(description="How Muster works on this server")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def settings(self, interaction: discord.Interaction) -> None:
        """The same panel."""
        await setup_steps.open_panel(interaction)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Setup())
