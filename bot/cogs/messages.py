"""/messages: what was sent, what waits or failed and why, with Retry and Cancel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import announce_steps as announce_steps  # noqa: PLC0414 - registers its buttons
from bot.ui import lasting
from bot.ui import messages as ui
from bot.ui.lasting import Interaction
from core.operations import lookup, message_actions, messages
from core.operations.common import Actor
from core.operations.messages import Filter, Line
from core.words import mark, t, tn


async def show(interaction: Interaction, which: Filter) -> None:
    """The newest messages; acknowledged here."""
    await lasting.begin(interaction)
    await _list(interaction, await checks.moderator(interaction), which)


async def _list(interaction: Interaction, actor: Actor, which: Filter, note: str = "") -> None:
    text, view = ui.listing(which, await messages.page(actor, which))
    await lasting.show(interaction, f"{note}\n{text}" if note else text, view)


async def _newest(interaction: Interaction, _number: int, which: Filter) -> None:
    await show(interaction, which)


async def _older(interaction: Interaction, before: int, which: Filter) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    found = await messages.page(actor, which, before=before)
    await lasting.show(interaction, *ui.listing(which, found))


async def _newer(interaction: Interaction, after: int, which: Filter) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    found = await messages.page(actor, which, after=after)
    if not found.newer and len(found.lines) < messages.PAGE:
        found = await messages.page(actor, which)  # the first page is a full one
    await lasting.show(interaction, *ui.listing(which, found))


for _which in ui.FILTERS:
    lasting.on_press(f"messages_{_which}")(partial(_newest, which=_which))
    lasting.on_press(f"messages_{_which}_older")(partial(_older, which=_which))
    lasting.on_press(f"messages_{_which}_newer")(partial(_newer, which=_which))


@lasting.on_pick("messages_filter")
async def _filter(interaction: Interaction, _number: int, values: list[str]) -> None:
    await show(interaction, ui.filter_of(values[0]))


@lasting.on_pick("message_open")
async def _open(interaction: Interaction, _number: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    kind, _, number = values[0].partition(":")
    look = messages.announcement if kind == "a" else messages.line
    await _card(interaction, await look(actor, lookup.id_in(number)))


async def _card(interaction: Interaction, line: Line, note: str = "") -> None:
    await lasting.show(interaction, *ui.card(line, interaction.guild_id or 0, note))


_ACTIONS: dict[str, tuple[Callable[[Actor, int], Awaitable[Line]], str]] = {
    "message_retry": (message_actions.retry, mark("✅ It is sent again now.")),
    "message_cancel": (message_actions.cancel, mark("✅ It is not sent any more.")),
    "announcement_retry": (
        message_actions.retry_announcement, mark("✅ What failed is sent again now."),
    ),
    "announcement_cancel": (
        message_actions.cancel_announcement, mark("✅ The rest is not sent any more."),
    ),
}  # fmt: skip


async def _act(interaction: Interaction, number: int, action: str) -> None:
    """A button of the card: do it, and show the card as it is then."""
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    do_it, note = _ACTIONS[action]
    await _card(interaction, await do_it(actor, number), t(note))


for _action in _ACTIONS:
    lasting.on_press(_action)(partial(_act, action=_action))


@lasting.on_press("messages_retry")
async def _retry_all(interaction: Interaction, _number: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    n = await message_actions.retry_all(actor)
    note = tn("✅ {n} message is sent again now.", "✅ {n} messages are sent again now.", n)
    await _list(interaction, actor, "all", note)


class Messages(commands.Cog):
    @app_commands.command(description="What Muster sent, what waits, and what failed")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def messages(self, interaction: discord.Interaction) -> None:
        """The list, newest first, with Retry and Cancel."""
        await show(interaction, "all")


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Messages())
