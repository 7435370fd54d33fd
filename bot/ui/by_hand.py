"""What was changed by hand on Discord: who did it, with [Keep] and [Put back] for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot import checks
from bot.ui import lasting
from bot.ui.history_words import Who, names_in
from bot.ui.lasting import Interaction, LastingView, Press
from bot.ui.results import look_after, sync_groups
from bot.ui.text import lines, plain, when
from bot.ui.undo import undo_view
from core.operations import by_hand
from core.operations.by_hand import Difference
from core.words import t, tn

PAGE = 4  # differences with a row of buttons each; Discord allows five rows


def told(number: int, one: Difference, who: Who) -> str:
    """One difference in a line: where, what, and who did it where Discord's log knows."""
    label, what = plain(one.label), plain(one.text)
    text = t("{number}. {group}: {what}", number=number, group=label, what=what)
    if one.hand is None:
        return text
    return t(
        "{what} ({who}, {when})",
        what=text, who=who(one.hand.user_id), when=when(one.hand.at, "R"),
    )  # fmt: skip


def add_buttons(
    view: discord.ui.View, shown: Sequence[Difference], *, first: int = 1, row: int = 0
) -> None:
    """[Keep] and [Put back] for each of up to four differences, a row for each."""
    for place, one in enumerate(shown):
        for label, action in (
            (t("{number}: Keep it", number=first + place), "hand_keep"),
            (t("{number}: Put it back", number=first + place), "hand_back"),
        ):
            made: discord.ui.Button[Any] = discord.ui.Button(label=label, row=row + place)
            view.add_item(Press(action, one.number, made))


@lasting.on_press("hands")
async def open_list(interaction: Interaction, page: int) -> None:
    """The list from a page on, 0 the first, as a private answer."""
    actor = await checks.moderator(interaction)
    await lasting.begin(interaction)
    found = await by_hand.listed(actor.guild_id)
    await lasting.show(interaction, *_drawn(interaction, found, page))


def _drawn(
    interaction: Interaction, found: Sequence[Difference], page: int
) -> tuple[str, LastingView | None]:
    guild = interaction.guild
    assert guild is not None
    if not found:
        return t("✅ Nothing is changed by hand, or everything was decided about."), None
    start = page * PAGE if page * PAGE < len(found) else 0
    shown, view, who = found[start : start + PAGE], LastingView(), names_in(guild)
    add_buttons(view, shown, first=start + 1)
    if start:
        view.button(t("Back"), "hands", start // PAGE - 1, row=PAGE)
    if start + PAGE < len(found):
        view.button(t("More"), "hands", start // PAGE + 1, row=PAGE)
    head = tn(
        "**{n} thing was changed by hand on Discord**",
        "**{n} things were changed by hand on Discord**",
        len(found),
    )
    parts = [told(start + n, one, who) for n, one in enumerate(shown, 1)]
    hint = t(
        "**Keep it**: it is right like this, and is not shown any more. **Put it back**: it "
        "becomes as Muster had set it; nothing else changes."
    )
    return lines([head, *parts, hint]), view


@lasting.on_press("hand_keep")
async def _keep(interaction: Interaction, number: int) -> None:
    actor = await checks.moderator(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    decided = await by_hand.keep(actor, number)
    text = t("✅ It stays as it is: {what}.", what=plain(decided.difference.text))
    await lasting.show(interaction, text, undo_view(decided.entry_id))


@lasting.on_press("hand_back")
async def _put_back(interaction: Interaction, number: int) -> None:
    actor = await checks.moderator(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    decided = await by_hand.put_back(actor, number)
    group_id = decided.difference.group_id
    note = t("No longer: {what}.", what=plain(decided.difference.text))
    await sync_groups(interaction, [group_id], t("Put back"), note=note, post=False)
    look_after(interaction, [group_id])
