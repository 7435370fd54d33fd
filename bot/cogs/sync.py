"""/sync: what would change, doing it, and what is not right."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import plans
from bot.ui import sync_status as status_ui
from bot.ui.answer import acknowledge, show
from core.errors import Refusal
from core.operations import cohorts, lookup
from core.words import t

EVERYTHING = "everything"  # the value of that choice


async def what_choices(
    interaction: discord.Interaction, typed: str
) -> list[app_commands.Choice[str]]:
    """Everything, cohorts and groups to choose from; nothing for people who are no moderators."""
    try:
        actor = await checks.moderator(interaction)
    except Refusal:
        return []
    found = [
        lookup.Choice(t("Everything"), EVERYTHING, 0),
        *await lookup.cohorts(actor.guild_id),
        *await lookup.groups(actor.guild_id),
    ]
    offered = lookup.matching(found, typed)
    labels = lookup.distinct(c.label for c in offered)
    return [
        app_commands.Choice(name=label, value=c.value)
        for label, c in zip(labels, offered, strict=True)
    ]


async def scope_of(guild_id: int, typed: str) -> plans.Scope:
    """What was chosen or typed, of this guild. Raises Refusal(not_found, ambiguous)."""
    if typed.strip().lower() in {"", EVERYTHING, t("Everything").lower()}:
        return plans.Scope(t("Everything"))
    try:
        chosen = await _resolve(guild_id, typed, ended=False)
    except Refusal as refusal:
        if refusal.code != "not_found":
            raise
        chosen = await _resolve(guild_id, typed, ended=True)
    if chosen.value.startswith("group:"):
        return plans.Scope(chosen.label, (chosen.id,))
    cohort = await cohorts.show(guild_id, chosen.id)
    return plans.Scope(chosen.label, tuple(cohort.group_ids))


async def _resolve(guild_id: int, typed: str, *, ended: bool) -> lookup.Choice:
    found = [
        *await lookup.cohorts(guild_id, ended=ended),
        *await lookup.groups(guild_id, ended=ended),
    ]
    return lookup.resolve(found, typed, "either")


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class Sync(
    commands.GroupCog,
    group_name="sync",
    group_description=app_commands.locale_str("Keep channels and access right"),
):
    def __init__(self, bot: Muster) -> None:
        self.bot = bot

    async def _look(self, interaction: discord.Interaction, what: str) -> plans.Preview:
        actor = await checks.moderator(interaction)
        await acknowledge(interaction)
        return await plans.look(actor.guild_id, await scope_of(actor.guild_id, what))

    @app_commands.command(description="Show what would change, before anything happens")
    @app_commands.describe(what="A cohort or a group; everything by default")
    @app_commands.autocomplete(what=what_choices)
    async def plan(self, interaction: discord.Interaction, what: str = EVERYTHING) -> None:
        """The changes in words, with [Do it]."""
        preview = await self._look(interaction, what)
        await plans.PlanView(preview).show(interaction)

    @app_commands.command(description="Make channels and access what they should be")
    @app_commands.describe(what="A cohort or a group; everything by default")
    @app_commands.autocomplete(what=what_choices)
    async def apply(self, interaction: discord.Interaction, what: str = EVERYTHING) -> None:
        """The preview, then at once the doing; what takes access away asks first."""
        preview = await self._look(interaction, what)
        view = plans.PlanView(preview)
        if preview.planned.removals:
            await view.show(interaction, t("Somebody would lose access, so look first:"))
        elif not preview.group_ids(repair=False):
            await view.show(interaction)
        else:
            actor = await checks.moderator(interaction)
            await show(interaction, view.texts[0])
            await plans.apply(interaction, actor, preview)

    @app_commands.command(description="What is not right, why, and when it is tried again")
    async def status(self, interaction: discord.Interaction) -> None:
        """What gave up, waits, was changed by hand or deleted; with [Repair]."""
        actor = await checks.moderator(interaction)
        await acknowledge(interaction)
        await status_ui.show_status(interaction, actor)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Sync(bot))
