"""/calendar → Invitations by e-mail: a member's own address, given, shown back and deleted."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import lasting
from bot.ui.base import Modal
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import lines, plain
from core.errors import Refusal
from core.operations import addresses
from core.operations.addresses import LONGEST, Mine
from core.operations.common import Actor
from core.words import t


def view_of(found: Mine, note: str = "") -> tuple[str, LastingView]:
    """What was given, what it means, and the buttons. `note` must be safe to show."""
    parts = [*([note] if note else []), f"✉️ **{t('Invitations by e-mail')}**"]
    view = LastingView()
    if found.masked is not None:
        parts.append(
            t("Your address here: {address}", address=plain(found.masked)) if found.masked
            else t("Your address cannot be read any more. Give it again.")
        )  # fmt: skip
        view.button(t("Change it"), "address_ask")
        view.button(t("Delete it"), "address_delete", style=discord.ButtonStyle.danger)
    elif found.can:
        parts.append(t("You gave no address."))
        view.button(t("Give an address"), "address_ask", style=discord.ButtonStyle.success)
    else:
        parts.append(t("Invitations by e-mail are not possible here."))
    if found.can or found.masked is not None:
        parts.append(
            t("With an address your groups' meetings are invitations in your own calendar, and "
              "what you answer there counts. Whoever can read the calendar of your group may see "
              "the address; Muster shows it to nobody else and keeps it encrypted.")
        )  # fmt: skip
    if not found.connected:
        parts.append(t("This server sends no invitations now, so nothing comes yet."))
    elif not found.told:
        parts.append(
            t("The calendar of this server tells nobody by itself: you find your invitations only "
              "where you can see that calendar. Its moderators know how.")
        )  # fmt: skip
    view.button(t("Calendar"), "calendar")
    return lines(parts), view


class Ask(Modal):
    """An e-mail address."""

    def __init__(self) -> None:
        super().__init__(title=t("Invitations by e-mail"))
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="address", placeholder=t("name@example.org"), max_length=LONGEST
        )
        self.add_item(
            discord.ui.Label(
                text=t("Your e-mail address"),
                description=t("Whoever can read your group's calendar may see it."),
                component=self.typed,
            )
        )

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Keep it, and show it back."""
        await lasting.begin(interaction)
        actor = await checks.actor_of(interaction)
        try:
            groups = await addresses.give(actor, self.typed.value)
        except Refusal as refusal:
            await _show(interaction, actor, f"⚠️ {plain(str(refusal))}")
            return
        _client(interaction).worker.bump(groups)
        await _show(interaction, actor, t("✅ Saved."))


def _client(interaction: Interaction) -> Any:
    return interaction.client


async def _show(interaction: Interaction, actor: Actor, note: str = "") -> None:
    await lasting.show(interaction, *view_of(await addresses.mine(actor), note))


@lasting.on_press("address")
async def _open(interaction: Interaction, _number: int) -> None:
    await lasting.begin(interaction)
    await _show(interaction, await checks.actor_of(interaction))


@lasting.on_press("address_ask")
async def _ask(interaction: Interaction, _number: int) -> None:
    await interaction.response.send_modal(Ask())


@lasting.on_press("address_delete")
async def _delete(interaction: Interaction, _number: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    _client(interaction).worker.bump(await addresses.forget(actor))
    await _show(interaction, actor, t("✅ Deleted. Your groups' entries follow in a moment."))
