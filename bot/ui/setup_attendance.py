"""The setting of how long somebody must be in the voice channel to have come."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import answer, lasting, setup_steps
from bot.ui.base import Modal
from bot.ui.lasting import Interaction
from bot.ui.text import plain
from core.config import ATTENDED_MINUTES
from core.errors import Refusal
from core.operations import settings
from core.words import t


class AskMinutes(Modal):
    """A number of minutes."""

    def __init__(self, now: int) -> None:
        super().__init__(title=t("Attendance"))
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="minutes", default=str(now), max_length=10
        )
        self.add_item(
            discord.ui.Label(
                text=t("Minutes in the voice channel"),
                description=t("Who was there that long came. Half of a shorter meeting does too."),
                component=self.typed,
            )
        )

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Save it, and draw the panel again."""
        actor = await checks.moderator(interaction)
        try:
            minutes = answer.number(self.typed.value, t("Minutes in the voice channel"))
            least, most = ATTENDED_MINUTES
            if not least <= minutes <= most:
                raise Refusal(
                    "out_of_range",
                    t("Between {least} and {most} minutes are possible.", least=least, most=most),
                )
        except Refusal as refusal:
            await lasting.begin_panel(interaction)
            await setup_steps.draw(interaction, actor, plain(str(refusal)))
            return
        await setup_steps.save(interaction, actor, attended_minutes=minutes)


@lasting.on_press("setup_attendance")
async def _ask(interaction: Interaction, _number: int) -> None:
    actor = await checks.moderator(interaction)
    now = (await settings.get(actor.guild_id)).attended_minutes
    await interaction.response.send_modal(AskMinutes(now))
