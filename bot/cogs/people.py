"""The menu on a name: "Manage member". Moderators only."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.client import Muster
from bot.ui import manage


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
async def manage_member(
    interaction: discord.Interaction, member: discord.User | discord.Member
) -> None:
    """Their groups, with what can be done; rights are checked again on every press."""
    await manage.start(interaction, member)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    bot.tree.add_command(
        app_commands.ContextMenu(
            name=app_commands.locale_str("Manage member"), callback=manage_member
        )
    )
