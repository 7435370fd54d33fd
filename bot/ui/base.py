"""Views and modals that answer errors like commands do, and buttons that survive restarts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import discord

from bot import errors
from core import words
from core.words import t

MET = "met"  # in an interaction's extras: a view or form of this process has it
TIMEOUT = 14 * 60  # seconds; an interaction's token lives for 15 minutes

Handler = Callable[[discord.Interaction], Coroutine[Any, Any, None]]


class Remembered:
    """What views and forms of one process share: they say that they met a press, and of errors."""

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Nobody is refused here; what follows speaks the person's language."""
        words.speak(interaction.locale.value)
        interaction.extras[MET] = True
        return True

    async def on_error(
        self, interaction: discord.Interaction, error: Exception, _item: Any = None, /
    ) -> None:
        """The same ladder as for commands. Views give the item too, forms do not."""
        await errors.answer(interaction, error)


class View(Remembered, discord.ui.View):
    """A private view of one person. Rights are checked by what the buttons call, on each press."""

    def __init__(self, *, timeout: float | None = TIMEOUT) -> None:
        super().__init__(timeout=timeout)

    def add_button(
        self,
        label: str,
        handler: Handler,
        *,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
        emoji: str | None = None,
        row: int | None = None,
    ) -> None:
        """A button that runs `handler` when pressed."""
        button: discord.ui.Button[Any] = discord.ui.Button(
            label=label[:80], style=style, emoji=emoji, row=row
        )
        button.callback = handler  # type: ignore[method-assign, assignment]  # discord.py's own way
        self.add_item(button)

    def add_select(
        self,
        placeholder: str,
        options: list[discord.SelectOption],
        handler: Callable[[discord.Interaction, list[str]], Awaitable[None]],
        *,
        row: int | None = None,
    ) -> None:
        """A select of at most 25 options (Discord's limit) that runs `handler` with the values."""
        select: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=placeholder[:150], options=options[:25], row=row
        )

        async def chosen(interaction: discord.Interaction) -> None:
            await handler(interaction, select.values)

        select.callback = chosen  # type: ignore[method-assign]  # discord.py's own way
        self.add_item(select)


class Modal(Remembered, discord.ui.Modal):
    """A form of one person."""


def confirm_view(label: str, do_it: Handler, *, danger: bool = False) -> View:
    """[Do it] [Cancel] under a preview."""
    view = View()
    style = discord.ButtonStyle.danger if danger else discord.ButtonStyle.success

    async def cancel(interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content=t("Cancelled. Nothing changed."), view=None)

    view.add_button(label, do_it, style=style)
    view.add_button(t("Cancel"), cancel)
    return view
