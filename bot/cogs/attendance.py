"""/attendance show and export: for moderators, and for facilitators of their own groups."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.cogs.choices import Choice
from bot.ui import attendance as ui
from bot.ui import attendance_steps as steps
from core.errors import Refusal
from core.operations import attendance, lookup
from core.operations.common import Actor
from core.words import t


async def _groups(interaction: discord.Interaction, typed: str) -> list[Choice]:
    """The groups whose attendance the asker may see."""
    try:
        actor = await checks.actor_of(interaction)
    except Refusal:
        return []
    found = lookup.matching(await attendance.choices(actor), typed)
    return [Choice(name=c.label, value=c.value) for c in found]


async def _group_id(actor: Actor, typed: str | None) -> int:
    """The group that was meant; without one, their only one.

    Raises Refusal(not_allowed, which_group, not_found, ambiguous).
    """
    live = await attendance.choices(actor)
    if typed is None and len(live) == 1:
        return live[0].id
    if not live and not actor.moderator:
        raise Refusal(
            "not_allowed",
            t("Only moderators and the facilitators of this group can do that. "
              "Nothing was changed."),
        )  # fmt: skip
    if typed is None:
        raise Refusal("which_group", t("Of which group? Choose one of the list."))
    try:
        return lookup.resolve(live, typed, "group").id
    except Refusal as refusal:
        if refusal.code != "not_found":
            raise
    return lookup.resolve(await attendance.choices(actor, ended=True), typed, "group").id


@app_commands.guild_only()
class AttendanceCog(
    commands.GroupCog,
    group_name="attendance",
    group_description=app_commands.locale_str("Who came to the meetings"),
):
    @app_commands.command(description="Who came to a group's meetings, as a picture and a text")
    @app_commands.describe(group="The group; leave it out if you facilitate one only")
    @app_commands.autocomplete(group=_groups)
    async def show(self, interaction: discord.Interaction, group: str | None = None) -> None:
        """Members down, meetings across, with corrections and other pages."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        actor = await checks.actor_of(interaction)
        group_id = await _group_id(actor, group)
        await steps.show(interaction, actor, ui.number(group_id, 0, 0))

    @app_commands.command(description="Everybody and all meetings of a group as a spreadsheet")
    @app_commands.describe(group="The group; leave it out if you facilitate one only")
    @app_commands.autocomplete(group=_groups)
    async def export(self, interaction: discord.Interaction, group: str | None = None) -> None:
        """A CSV file."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        actor = await checks.actor_of(interaction)
        await steps.export(interaction, actor, await _group_id(actor, group))


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(AttendanceCog())
