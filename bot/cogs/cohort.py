"""/cohort: create, adopt, edit, show, open, close, cancel. Moderators only."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.cogs.choices import cohort_choices, cohort_id, with_cohort
from bot.ui import adopt_steps
from bot.ui.cohort_steps import ask_cancel, ask_close, ask_edit, ask_new, ask_open, show_card

Choice = app_commands.Choice[str]
ACCESS = [
    Choice(name="Each person is let in alone (usual)", value="overwrites"),
    Choice(name="A role for each group", value="role"),
]
ROOMS = [
    Choice(name="Text and voice (usual)", value="both"),
    Choice(name="Text only", value="text"),
    Choice(name="Voice only", value="voice"),
]


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class Cohorts(
    commands.GroupCog,
    group_name="cohort",
    group_description=app_commands.locale_str("Seasons, courses and series"),
):
    @app_commands.command(description="A new cohort with all its groups")
    @app_commands.describe(
        when="When all its groups meet, like: Wed 19:00 Europe/Berlin",
        access="How people are let in",
        rooms="Which channels a group gets",
    )
    @app_commands.choices(access=ACCESS, rooms=ROOMS)
    async def create(
        self,
        interaction: discord.Interaction,
        when: str | None = None,
        access: Choice | None = None,
        rooms: Choice | None = None,
    ) -> None:
        """Form, preview, [Create all] or [Keep as draft]."""
        await ask_new(
            interaction,
            access.value if access else "overwrites",
            rooms.value if rooms else "both",
            when,
        )

    @app_commands.command(description="Take over channels and people that are there already")
    async def adopt(self, interaction: discord.Interaction) -> None:
        """Choose, look, correct, [Adopt]."""
        await adopt_steps.begin(interaction)

    @app_commands.command(description="Change name, start, meetings or seats")
    @app_commands.describe(
        cohort="Which cohort", access="How people are let in", rooms="Which channels a group gets"
    )
    @app_commands.choices(access=ACCESS, rooms=ROOMS)
    @app_commands.autocomplete(cohort=cohort_choices)
    async def edit(
        self,
        interaction: discord.Interaction,
        cohort: str,
        access: Choice | None = None,
        rooms: Choice | None = None,
    ) -> None:
        """The form, filled in."""
        actor = await checks.moderator(interaction)
        changes = {"access_mode": access.value} if access else {}
        changes |= {"rooms": rooms.value} if rooms else {}
        await ask_edit(interaction, await cohort_id(actor.guild_id, cohort), changes)

    @app_commands.command(description="A cohort with its groups, seats and channels")
    @app_commands.describe(cohort="Which cohort")
    @app_commands.autocomplete(cohort=cohort_choices)
    async def show(self, interaction: discord.Interaction, cohort: str) -> None:
        """The card."""
        await with_cohort(interaction, cohort, show_card)

    @app_commands.command(description="Let members join, and create channels for who is in")
    @app_commands.describe(cohort="Which cohort")
    @app_commands.autocomplete(cohort=cohort_choices)
    async def open(self, interaction: discord.Interaction, cohort: str) -> None:
        """Preview first."""
        await with_cohort(interaction, cohort, ask_open)

    @app_commands.command(description="The season is over: channels become read-only")
    @app_commands.describe(cohort="Which cohort")
    @app_commands.autocomplete(cohort=cohort_choices)
    async def close(self, interaction: discord.Interaction, cohort: str) -> None:
        """Preview first."""
        await with_cohort(interaction, cohort, ask_close)

    @app_commands.command(description="It does not take place: its people lose access")
    @app_commands.describe(cohort="Which cohort")
    @app_commands.autocomplete(cohort=cohort_choices)
    async def cancel(self, interaction: discord.Interaction, cohort: str) -> None:
        """Preview first."""
        await with_cohort(interaction, cohort, ask_cancel)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Cohorts())
