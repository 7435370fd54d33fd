"""/announce: one text to many groups, sent once, changed or withdrawn everywhere later."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import announce_steps
from core.errors import Refusal
from core.operations import announce_targets, lookup
from core.words import t

Choice = app_commands.Choice[str]


async def target_choices(interaction: discord.Interaction, typed: str) -> list[Choice]:
    """Groups and cohorts to choose from; nothing for people who are no moderators."""
    try:
        actor = await checks.moderator(interaction)
    except Refusal:
        return []
    found = await _choices(actor.guild_id)
    return [Choice(name=c.label, value=c.value) for c in lookup.matching(found, typed)]


async def _choices(guild_id: int) -> list[lookup.Choice]:
    """All targets with labels that can be told apart."""
    targets = await announce_targets.choices(guild_id)
    unique = lookup.unique([(n, target.label) for n, target in enumerate(targets)], "target")
    return [lookup.Choice(c.label, targets[c.id].value, c.id) for c in unique]


class Announce(commands.Cog):
    @app_commands.command(description="Say something in the channels of several groups at once")
    @app_commands.describe(to="Who gets it; more can be chosen in the preview")
    @app_commands.autocomplete(to=target_choices)
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def announce(self, interaction: discord.Interaction, to: str | None = None) -> None:
        """The text, then a preview with whom it goes to; nothing is sent before a press."""
        actor = await checks.moderator(interaction)
        chosen = []
        if to is not None:
            found = await _choices(actor.guild_id)
            if not found:
                raise Refusal("no_target", t("There is no cohort yet: /cohort create makes one."))
            chosen.append(lookup.resolve(found, to, "target").value)
        await announce_steps.begin(interaction, chosen)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Announce())
