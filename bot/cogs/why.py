"""/why: the first broken link between a person and a channel. Moderators only."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import why, why_mine, why_places
from core.errors import Refusal

# Importing it is what registers the members' buttons.
assert why_mine is not None


async def channel_choices(
    interaction: discord.Interaction, typed: str
) -> list[app_commands.Choice[str]]:
    """Channels to choose from, those of the person's groups first; nothing for members."""
    try:
        await checks.moderator(interaction)
    except Refusal:
        return []
    assert isinstance(interaction.user, discord.Member)
    # Discord sends what was chosen before: an id, as no person is looked up while typing.
    member = getattr(interaction.namespace, "member", None)
    first = await why.where_they_belong(interaction.user.guild.id, getattr(member, "id", 0))
    found = why_places.matching(await why_places.offered(interaction.user), typed, first)
    return [app_commands.Choice(name=label, value=value) for label, value in found]


class Why(commands.Cog):
    @app_commands.command(description="Why somebody sees a channel or does not")
    @app_commands.describe(member="Whom", channel="Which channel")
    @app_commands.autocomplete(channel=channel_choices)
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def why(
        self,
        interaction: discord.Interaction,
        member: discord.User | discord.Member,
        channel: str,
    ) -> None:
        """One sentence, with [Fix] where there is one."""
        await why.command(interaction, member, channel)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    bot.add_dynamic_items(why.Fix)
    await bot.add_cog(Why())
