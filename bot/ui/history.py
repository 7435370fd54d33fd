"""/history: pages of changes with what can be undone, and above them what was changed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import discord

from bot import checks
from bot.ui import by_hand as hand_ui
from bot.ui.answer import acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.history_words import Who, action, names_in, sentence
from bot.ui.lasting import Pick
from bot.ui.text import lines
from core.discord_outbound.cache import called
from core.errors import TemporaryError
from core.operations import by_hand, history, undo
from core.operations.by_hand import Difference
from core.operations.history import Entry
from core.words import t, tn

PAGE = 10  # entries of the history per page
HANDS = 3  # rows of buttons that Discord leaves beside the select and the pages


@dataclass(frozen=True)
class Filter:
    """What is asked for; None leaves nothing out. `since` is UTC."""

    user_id: int | None = None
    group_id: int | None = None
    since: datetime | None = None


class HistoryView(View):
    """[Older] [Newer] and a select to undo. `starts` are the entries before which pages began."""

    def __init__(
        self,
        *,
        user_id: int | None = None,
        group_id: int | None = None,
        since: datetime | None = None,
        starts: tuple[int | None, ...] = (None,),
    ) -> None:
        super().__init__()
        self._wanted, self._starts = Filter(user_id, group_id, since), starts

    async def show(self, interaction: discord.Interaction) -> None:
        """Read this page with the asker's rights of now, and show it."""
        actor = await checks.moderator(interaction)
        await acknowledge(interaction)
        wanted = self._wanted
        found = await history.page(
            actor.guild_id, before_id=self._starts[-1], group_id=wanted.group_id,
            user_id=wanted.user_id, since=wanted.since, limit=PAGE + 1,
        )  # fmt: skip
        hands = await _hands(actor.guild_id, wanted) if len(self._starts) == 1 else []
        guild = interaction.guild
        assert guild is not None
        who = names_in(guild)
        hand_ui.add_buttons(self, hands[:HANDS])
        self._add_undo(found[:PAGE], guild)
        if len(found) > PAGE:
            self.add_button(t("Older"), self._go((*self._starts, found[PAGE - 1].id)), row=4)
        if len(self._starts) > 1:
            self.add_button(t("Newer"), self._go(self._starts[:-1]), row=4)
        if len(hands) > HANDS:
            self.add_button(t("More by hand"), _more_hands, row=4)
        told = [f"- {sentence(e, who)}" for e in found[:PAGE]] or [t("Nothing was changed yet.")]
        text = lines([*_told(hands, who), *told])
        await show(interaction, text, self if self.children else None)

    def _add_undo(self, found: list[Entry], guild: discord.Guild) -> None:
        """A lasting select of what can be taken back; each choice opens a preview of its own."""
        options = [
            discord.SelectOption(label=_label(e, guild), value=str(e.id))
            for e in found
            if undo.can(e)
        ]

        if options:
            made: discord.ui.Select[Any] = discord.ui.Select(
                placeholder=t("Undo one of these…"), options=options, row=3
            )
            self.add_item(Pick("undo", 0, made))

    def _go(self, starts: tuple[int | None, ...]) -> Handler:
        async def pressed(interaction: discord.Interaction) -> None:
            self.stop()
            wanted = self._wanted
            turned = HistoryView(
                user_id=wanted.user_id, group_id=wanted.group_id, since=wanted.since, starts=starts
            )
            await turned.show(interaction)

        return pressed


async def _more_hands(interaction: discord.Interaction) -> None:
    await hand_ui.open_list(interaction, 0)


async def _hands(guild_id: int, wanted: Filter) -> list[Difference]:
    try:
        return await by_hand.listed(guild_id, group_id=wanted.group_id, user_id=wanted.user_id)
    except TemporaryError:
        return []  # Discord does not show the server now; the history is ours and is there


def _told(hands: list[Difference], who: Who) -> list[str]:
    if not hands:
        return []
    head = tn(
        "**{n} thing was changed by hand on Discord**",
        "**{n} things were changed by hand on Discord**",
        len(hands),
    )
    return [head, *(hand_ui.told(n, one, who) for n, one in enumerate(hands[:HANDS], 1))]


def _label(entry: Entry, guild: discord.Guild) -> str:
    """The sentence without what a label does not show: markdown, mentions, defused signs."""

    def who(user_id: int | None) -> str:
        member = guild.get_member(user_id) if user_id is not None else None
        if user_id is None:
            return "Muster"
        return called(member) if member else t("somebody who left")

    said = action(entry, who).replace("\u200b", "").replace("\\", "")
    return said[:100]  # Discord's limit for an option
