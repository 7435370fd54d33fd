"""/muster, the moderators' home, and /help. Every press is authorized again, also a year later."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import attention_steps as attention_steps  # noqa: PLC0414 - registers its buttons
from bot.ui import calendar_panel, care, cohort_steps, lasting, setup_steps
from bot.ui import home as ui
from bot.ui import sync_status as status_ui
from bot.ui.history import HistoryView
from bot.ui.lasting import Interaction
from core.operations import attention, calendar_status, check, home, lookup, sync_status


async def show_home(interaction: Interaction) -> None:
    """The three lines and the seven buttons."""
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    guild = interaction.guild
    assert guild is not None
    found = await home.show(actor.guild_id)
    people = await attention.entries(actor.guild_id)
    calendar = await calendar_status.status(actor.guild_id)
    line, asks = calendar_panel.line(calendar), calendar.needs if calendar is not None else 0
    await lasting.show(interaction, *ui.home(found, guild.name, len(people), line, asks))


@lasting.on_press("home")
async def _home(interaction: Interaction, _number: int) -> None:
    await show_home(interaction)


@lasting.on_press("home_cohorts")
async def _cohorts(interaction: Interaction, page: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    shown, total = await home.cohorts(actor.guild_id, page=min(page, 10_000), size=ui.PAGE)
    await lasting.show(interaction, *ui.cohort_list(page, shown, total))


@lasting.on_pick("home_cohort")
async def _cohort(interaction: Interaction, _number: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    await cohort_steps.show_card(interaction, lookup.id_in(values[0]))


@lasting.on_press("home_needs")
async def _needs(interaction: Interaction, page: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    states = status_ui.status_lines(await sync_status.status(actor.guild_id))
    findings = [care.finding_text(f) for f in await check.check(actor.guild_id)]
    full = await home.crowded(actor.guild_id)
    awaited = await home.expected(actor.guild_id)
    people = await attention.entries(actor.guild_id)
    unsent = await home.unsent(actor.guild_id)
    shown = ui.needs(page, states, findings, full, awaited, people, unsent)
    await lasting.show(interaction, *shown)


@lasting.on_press("home_check")
async def _check(interaction: Interaction, _number: int) -> None:
    await care.show_check(interaction)


@lasting.on_press("home_status")
async def _status(interaction: Interaction, _number: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    await status_ui.show_status(interaction, actor)


@lasting.on_press("home_history")
async def _history(interaction: Interaction, _number: int) -> None:
    await checks.moderator(interaction)
    await lasting.begin(interaction)
    await HistoryView(user_id=None, group_id=None).show(interaction)


@lasting.on_press("home_settings")
async def _settings(interaction: Interaction, _number: int) -> None:
    await setup_steps.open_panel(interaction)


class HomeCog(commands.Cog):
    @app_commands.command(
        name="muster", description="The moderators' home: everything in one place"
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def muster(self, interaction: discord.Interaction) -> None:
        """Cohorts, this week, what needs attention, check, history, settings."""
        await show_home(interaction)

    @app_commands.command(name="help", description="What you can do here")
    @app_commands.guild_only()
    async def help(self, interaction: discord.Interaction) -> None:
        """By role: members see their doors, moderators theirs as well."""
        actor = await checks.actor_of(interaction)
        await lasting.begin(interaction)
        await lasting.show(interaction, *ui.help_text(moderator=actor.moderator))


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(HomeCog())
