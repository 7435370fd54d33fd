"""The time zone, asked as "what time is it for you now?", and echoed before it is saved."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import lasting, setup, setup_steps
from bot.ui.base import Modal
from bot.ui.lasting import Interaction, Panel, Pick, PressWord, press
from bot.ui.text import plain
from core.clock import utcnow
from core.errors import Refusal
from core.operations import settings
from core.reconcile import daytime
from core.words import t

PAGE = 25  # cities on a page: Discord's limit of a select
_LONGEST = 60  # characters that can be typed; the longest zone has 32
_SHOWN = 40  # characters of what cannot be understood that are repeated


@lasting.on_word("zone")
async def _zone_chosen(interaction: Interaction, zone: str) -> None:
    actor = await checks.moderator(interaction)
    await setup_steps.save(interaction, actor, zone=zone)


class AskTime(Modal):
    """One line: a time of day, or a city."""

    def __init__(self) -> None:
        super().__init__(title=t("Time zone"))
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="time", max_length=_LONGEST
        )
        self.add_item(
            discord.ui.Label(
                text=t("What time is it for you now?"),
                description=t("Like 19:05 or 7:05 pm. A city works too, like Berlin."),
                component=self.typed,
            )
        )

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Cities with that time, or the city that was typed, each to be confirmed."""
        await lasting.begin_panel(interaction)
        await checks.moderator(interaction)
        await lasting.show_panel(interaction, _understood(self.typed.value))


def _understood(typed: str) -> Panel:
    minutes = daytime.parse(typed)
    if minutes is not None:
        offsets = daytime.offsets(minutes, utcnow())
        return cities(min(offsets), 0) if offsets else _nowhere()
    try:
        return confirm(settings.zone(typed))
    except Refusal:
        return _misspelt(typed)


@lasting.on_press("setup_zone")
async def _ask(interaction: Interaction, _number: int) -> None:
    await checks.moderator(interaction)
    await interaction.response.send_modal(AskTime())


@lasting.on_press("setup_cities")
async def _cities(interaction: Interaction, number: int) -> None:
    """A page of cities; the offset and the page stand in the number."""
    await lasting.begin_panel(interaction)
    await checks.moderator(interaction)
    quarter, page = divmod(number, 100)
    await lasting.show_panel(
        interaction, cities(daytime.EARLIEST + quarter * daytime.STEP, page)
    )  # fmt: skip


@lasting.on_pick("setup_city")
async def _city(interaction: Interaction, _number: int, values: list[str]) -> None:
    await lasting.begin_panel(interaction)
    await checks.moderator(interaction)
    await lasting.show_panel(interaction, confirm(settings.zone(values[0])))


def _number(offset: int, page: int) -> int:
    return (offset - daytime.EARLIEST) // daytime.STEP * 100 + page


def cities(offset: int, page: int) -> Panel:
    """Cities whose clocks are `offset` minutes ahead of UTC now, or the same time a day off."""
    now = utcnow()
    wanted = (offset, offset + daytime.DAY, offset - daytime.DAY)
    found = daytime.zones_at(wanted, now)
    if not found:
        return _nowhere()
    last = (len(found) - 1) // PAGE
    page = max(0, min(page, last))
    text = t("It is {time} there now. Choose your city, or one with the same time all year.",
             time=setup.local_time(found[0]))  # fmt: skip
    view = Panel().text(f"**{t('Time zone')}**\n{text}").row(_select(found, page))
    buttons = [press(t("Another time"), "setup_zone"), press(t("Cancel"), "setup_cancel")]
    if page < last:
        buttons.insert(0, press(t("More cities"), "setup_cities", _number(offset, page + 1)))
    if page > 0:
        buttons.insert(0, press(t("Back"), "setup_cities", _number(offset, page - 1)))
    return view.row(*buttons)


def _select(zones: list[str], page: int) -> Pick:
    options = [
        discord.SelectOption(label=daytime.city(zone)[:100], value=zone, description=zone)
        for zone in zones[page * PAGE : (page + 1) * PAGE]
    ]
    return Pick(
        "setup_city", 0, discord.ui.Select(placeholder=t("Choose a city"), options=options)
    )  # fmt: skip


def confirm(zone: str) -> Panel:
    """The zone echoed with its time of now; only [Yes] saves it."""
    time = setup.local_time(zone)
    if "/" in zone:
        text = t("**{city}** ({zone}), it is **{time}** there now. Right?",
                 city=daytime.city(zone), zone=zone, time=time)  # fmt: skip
    else:
        text = t("**{zone}**, it is **{time}** there now. Right?", zone=zone, time=time)
    yes = discord.ui.Button[Any](label=t("Yes, that is my time"), style=discord.ButtonStyle.success)
    offset = daytime.offset(zone, utcnow())
    return (
        Panel()
        .text(text)
        .row(
            PressWord("zone", zone, yes),
            press(t("No, another city"), "setup_cities", _number(offset, 0)),
            press(t("Another time"), "setup_zone"),
        )
    )


def _misspelt(typed: str) -> Panel:
    """What looks like what was typed; nothing is taken for it."""
    short = plain(typed.strip()[:_SHOWN])
    near = settings.zones_near(typed)
    view = Panel()
    if near:
        view.text(
            t("“{typed}” is neither a time nor a city that I know. Did you mean one of these?",
              typed=short)
        ).row(_select(near, 0))  # fmt: skip
    else:
        view.text(
            t("“{typed}” is neither a time nor a city that I know. Type the time that your clock "
              "shows, like 19:05, or a large city with the same time.", typed=short)
        )  # fmt: skip
    again = press(t("Type it again"), "setup_zone", style=discord.ButtonStyle.primary)
    return view.row(again, press(t("Cancel"), "setup_cancel"))


def _nowhere() -> Panel:
    text = t("Nowhere is it that time now. Look at your clock again.")
    again = press(t("Type it again"), "setup_zone", style=discord.ButtonStyle.primary)
    return Panel().text(text).row(again, press(t("Cancel"), "setup_cancel"))
