"""A question with one select over as many pages as its options take, and the way back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord

from bot import checks
from bot.ui.answer import acknowledge, show
from bot.ui.base import Handler, View
from core.words import t

Interaction = discord.Interaction[Any]
Picked = Callable[[Interaction, list[int]], Awaitable[None]]
OPTIONS = 25  # Discord's limit for a select


class Pick(View):
    """For moderators. Options' values are numbers; `many` lets several of a page be chosen."""

    def __init__(
        self,
        question: str,
        options: Sequence[discord.SelectOption],
        picked: Picked,
        back: Handler,
        *,
        many: bool,
        page: int = 0,
    ) -> None:
        super().__init__()
        self._all = (question, options, picked, back)
        self._many, self._question, self._back = many, question, back
        here = list(options[page * OPTIONS : (page + 1) * OPTIONS])
        pages = max(1, -(-len(options) // OPTIONS))
        if here:
            select: discord.ui.Select[Any] = discord.ui.Select(
                placeholder=_placeholder(page, pages),
                options=here,
                max_values=len(here) if many else 1,
            )

            async def chosen(interaction: Interaction) -> None:
                await checks.moderator(interaction)
                self.stop()
                await acknowledge(interaction)
                await picked(interaction, [int(v) for v in select.values])

            select.callback = chosen  # type: ignore[method-assign]  # discord.py's own way
            self.add_item(select)
        if page > 0:
            self.add_button(t("Previous"), self._turn(page - 1))
        if page + 1 < pages:
            self.add_button(t("Next"), self._turn(page + 1))
        self.add_button(t("Back"), self._leave)

    async def show(self, interaction: Interaction) -> None:
        """Ask in place of what was shown."""
        await acknowledge(interaction)
        await show(interaction, self._question, self)

    def _turn(self, page: int) -> Handler:
        async def pressed(interaction: Interaction) -> None:
            await checks.moderator(interaction)
            self.stop()
            await Pick(*self._all, many=self._many, page=page).show(interaction)

        return pressed

    async def _leave(self, interaction: Interaction) -> None:
        await checks.moderator(interaction)
        self.stop()
        await self._back(interaction)


def _placeholder(page: int, pages: int) -> str:
    if pages == 1:
        return t("Choose")
    return t("Choose: page {page} of {pages}", page=page + 1, pages=pages)
