"""This week, from the moderators' home: who comes, day by day."""

from __future__ import annotations

from datetime import date

from bot import checks
from bot.client import Muster
from bot.ui import lasting
from bot.ui import week as ui
from bot.ui.lasting import Interaction
from core.errors import Refusal
from core.operations import home, week
from core.words import t


@lasting.on_press("home_week")
async def _week(interaction: Interaction, _number: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    found = await home.show(actor.guild_id)
    await lasting.show(interaction, *ui.week(found, await week.days(actor.guild_id)))


@lasting.on_pick("week_day")
async def _day(interaction: Interaction, _number: int, values: list[str]) -> None:
    try:
        chosen = date.fromisoformat(values[0])
    except ValueError as error:
        raise _no_day() from error
    await _show_day(interaction, chosen, 0)


@lasting.on_press("week_page")
async def _page(interaction: Interaction, number: int) -> None:
    ordinal, page = divmod(number, 1000)
    try:
        chosen = date.fromordinal(ordinal)
    except (ValueError, OverflowError) as error:
        raise _no_day() from error
    await _show_day(interaction, chosen, page)


def _no_day() -> Refusal:
    return Refusal("no_date", t("There is no such day. Open “This week” again."))


async def _show_day(interaction: Interaction, chosen: date, page: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    shown, total = await week.meetings_of(actor.guild_id, chosen, page=page, size=ui.PAGE)
    await lasting.show(interaction, *ui.day(chosen, shown, page, total))


async def setup(_bot: Muster) -> None:
    """Called by discord.py; the buttons above are all that there is."""
