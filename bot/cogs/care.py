"""/ping, /check and /history: is it well, and who did what."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.cogs import choices
from bot.ui import care
from bot.ui.answer import acknowledge
from bot.ui.history import HistoryView
from core.operations import history
from core.words import t

_PLAUSIBLE = 60_000  # milliseconds; before the first heartbeat the latency is infinite or no number
# Days back, the one that it is counted as the first.
TIMES = [
    app_commands.Choice(name="Today", value=1),
    app_commands.Choice(name="The last 7 days", value=7),
    app_commands.Choice(name="The last 30 days", value=30),
]


class Care(commands.Cog):
    def __init__(self, bot: Muster) -> None:
        self.bot = bot

    @app_commands.command(description="Is Muster awake?")
    async def ping(self, interaction: discord.Interaction) -> None:
        """Answer privately with the gateway's latency."""
        milliseconds = self.bot.latency * 1000
        text = t("Here I am.")
        if 0 < milliseconds < _PLAUSIBLE:
            text = t("Here I am. ({ms} ms to Discord)", ms=round(milliseconds))
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(description="Does Muster have every permission that it needs?")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def check(self, interaction: discord.Interaction) -> None:
        """What is missing, what it stops, and the way to give it."""
        await care.show_check(interaction)

    @app_commands.command(description="Who changed what")
    @app_commands.describe(
        member="Only what this person did, or what was done about them",
        group="Only what concerns this group",
        time="Only what was changed in this time",
    )
    @app_commands.choices(time=TIMES)
    @app_commands.autocomplete(group=choices.group_choices)
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def history(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        group: str | None = None,
        time: app_commands.Choice[int] | None = None,
    ) -> None:
        """The newest changes as sentences, with older ones and [Undo] a press away."""
        actor = await checks.moderator(interaction)
        await acknowledge(interaction)
        group_id = await choices.group_id(actor.guild_id, group) if group else None
        since = await history.day_begun(actor.guild_id, time.value) if time else None
        view = HistoryView(user_id=member.id if member else None, group_id=group_id, since=since)
        await view.show(interaction)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Care(bot))
