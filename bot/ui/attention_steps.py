"""What is done about somebody who may need a word: by moderators, checked on each press."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import attention as ui
from bot.ui import lasting, manage
from bot.ui.base import Modal
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import plain
from core.errors import Refusal
from core.operations import attention, lookup
from core.words import t


async def _card(interaction: Interaction, membership_id: int, note: str = "") -> None:
    actor = await checks.moderator(interaction)
    try:
        entry = await attention.one(actor, membership_id)
    except Refusal as refusal:
        if refusal.code != "no_longer":
            raise
        await lasting.show(interaction, note or plain(str(refusal)), ui.back(LastingView()))
        return
    await lasting.show(interaction, *ui.card(entry, note))


@lasting.on_pick("attention_person")
async def _person(interaction: Interaction, _number: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    await _card(interaction, lookup.id_in(values[0]))


@lasting.on_press("attention_excuse")
async def _excuse(interaction: Interaction, number: int) -> None:
    await lasting.begin(interaction)
    entry = await attention.excuse(await checks.moderator(interaction), number)
    note = t("✅ {name} is excused for these meetings.", name=plain(entry.name))
    await _card(interaction, number, note)


@lasting.on_press("attention_later")
async def _later(interaction: Interaction, number: int) -> None:
    await lasting.begin(interaction)
    entry = await attention.later(await checks.moderator(interaction), number)
    note = t("✅ {name} is not shown here for a week.", name=plain(entry.name))
    await lasting.show(interaction, note, ui.back(LastingView()))


@lasting.on_press("attention_move")
async def _move(interaction: Interaction, number: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    entry = await attention.one(actor, number)
    guild = interaction.guild
    member = guild.get_member(entry.user_id) if guild else None
    if member is None:
        raise Refusal(
            "not_here",
            t("{person} is not on this server. Invite them first, then try again.",
              person=entry.name),
        )  # fmt: skip
    await manage.ask_where(interaction, actor, member)


@lasting.on_press("attention_message")
async def _message(interaction: Interaction, number: int) -> None:
    actor = await checks.moderator(interaction)
    entry = await attention.one(actor, number)
    await interaction.response.send_modal(Note(number, entry.name))


class Note(Modal):
    """What a moderator writes to somebody."""

    def __init__(self, membership_id: int, name: str) -> None:
        super().__init__(title=t("Message to {name}", name=name)[:45])  # Discord's limit
        self._membership_id = membership_id
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="text",
            style=discord.TextStyle.paragraph,
            max_length=attention.LONGEST,
        )
        self.add_item(
            discord.ui.Label(
                text=t("Your message"),
                description=t("They get it as a direct message, with your name."),
                component=self.typed,
            )
        )

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Hand it over; rights are checked again."""
        await lasting.begin(interaction)
        actor = await checks.moderator(interaction)
        name = await attention.message(
            actor, self._membership_id, self.typed.value, interaction.id
        )  # fmt: skip
        note = t("✅ Your message to {name} is on its way.", name=plain(name))
        await _card(interaction, self._membership_id, note)
