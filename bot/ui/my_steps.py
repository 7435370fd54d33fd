"""What the buttons and selects of a person's settings do."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import answer, lasting
from bot.ui import my_settings as ui
from bot.ui.answer import Field
from bot.ui.base import Modal
from bot.ui.lasting import Interaction, LastingView, PressWord
from bot.ui.setup import zone_now
from core.errors import Refusal
from core.operations import mine
from core.operations.settings import zone as find_zone
from core.operations.settings import zones_near
from core.words import t

_LONGEST = 60  # characters that can be typed; the longest zone has 32
_HOURS = 24
_OFF = "off"


async def _save(interaction: Interaction, **changes: Any) -> None:
    """Save, and show all of it again."""
    if not interaction.response.is_done():
        await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    after = await mine.change(actor, **changes)
    if {"zone", "switches"} & changes.keys():
        # The rows are marked as due in the database; this only saves waiting for the sweep.
        interaction.client.worker.bump(await mine.groups_of(actor))
    await lasting.show(interaction, *ui.settings(after, t("✅ Saved.")))


@lasting.on_press("my_settings")
async def _settings(interaction: Interaction, _number: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await lasting.show(interaction, *ui.settings(await mine.settings(actor)))


@lasting.on_press("my_messages")
async def _messages(interaction: Interaction, on: int) -> None:
    await _save(interaction, messages=bool(on))


@lasting.on_pick("my_language")
async def _language(interaction: Interaction, _number: int, values: list[str]) -> None:
    await _save(interaction, language=None if values[0] == "server" else values[0])


@lasting.on_pick("my_switches")
async def _switches(interaction: Interaction, _number: int, values: list[str]) -> None:
    """Ticked is on; what was not shown stays as it is."""
    await lasting.begin(interaction)
    shown = (await mine.settings(await checks.actor_of(interaction))).switches
    await _save(interaction, switches={name: name in values for name in shown})


class AskZone(Modal):
    def __init__(self) -> None:
        super().__init__(title=t("Time zone"))
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="zone", max_length=_LONGEST
        )
        self.add_item(
            discord.ui.Label(
                text=t("Your city"),
                description=t("A large city with the same time works too, like Europe/Berlin."),
                component=self.typed,
            )
        )

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """The zone echoed with its time of now, or what is spelt nearly like it."""
        await lasting.begin(interaction)
        try:
            zone = find_zone(self.typed.value)
        except Refusal:
            near = zones_near(self.typed.value)
            await lasting.show(interaction, *ui.misspelt(self.typed.value, near))
            return
        await _confirm(interaction, zone)


async def _confirm(interaction: Interaction, zone: str) -> None:
    """Only [Yes] saves it."""
    view = LastingView()
    yes = discord.ui.Button[Any](label=t("Yes, that is my time"), style=discord.ButtonStyle.success)
    view.add_item(PressWord("my_zone", zone, yes))
    view.button(t("Type it again"), "my_zone").button(t("Back"), "my_settings")
    await lasting.show(interaction, t("{zone}. Right?", zone=zone_now(zone)), view)


@lasting.on_word("my_zone")
async def _zone_chosen(interaction: Interaction, zone: str) -> None:
    await _save(interaction, zone=zone)


@lasting.on_press("my_zone")
async def _zone(interaction: Interaction, _number: int) -> None:
    await interaction.response.send_modal(AskZone())


@lasting.on_pick("my_city")
async def _city(interaction: Interaction, _number: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    await _confirm(interaction, find_zone(values[0]))


@lasting.on_press("my_quiet")
async def _quiet(interaction: Interaction, _number: int) -> None:
    """From and to, each a choice of full hours."""
    actor = await checks.actor_of(interaction)
    begin, end = (await mine.settings(actor)).quiet or (0, 8)
    hours = tuple((str(hour), f"{hour}:00") for hour in range(_HOURS))
    fields = [
        Field("from", t("From"), str(begin), options=(*hours, (_OFF, t("No quiet hours")))),
        Field("to", t("To"), str(end), options=hours),
    ]
    form = answer.Form(t("Quiet hours"), fields, _quiet_done, checks.actor_of)
    await interaction.response.send_modal(form)


async def _quiet_done(interaction: Interaction, typed: dict[str, str]) -> None:
    quiet = None if typed["from"] == _OFF else (int(typed["from"]), int(typed["to"]))
    await _save(interaction, quiet=quiet)
