"""[Undo]: on every answer to a moderator's change, and in /history. It works for ever."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import lasting, undo_words
from bot.ui.history_words import names_in
from bot.ui.lasting import Interaction, LastingView, Press
from bot.ui.results import look_after, sync_groups
from bot.ui.text import lines, plain
from core.errors import Refusal
from core.operations import lookup, settings, undo
from core.operations.common import Actor
from core.operations.undo import Done, Preview
from core.reconcile.undo_facts import Code
from core.words import t

_MARKS = 1_000_000  # a preview's mark is smaller; see core.reconcile.undo_facts.Decision
_POSTED = 3  # from so many groups on, moderators read of it in their channel


def undo_button(view: discord.ui.View, entry_id: int | None) -> None:
    """Add a lasting [Undo] for an entry of the history; nothing where there is no entry."""
    if entry_id is None:
        return
    made: discord.ui.Button[Any] = discord.ui.Button(label=t("Undo"))
    view.add_item(Press("undo", entry_id, made))


def undo_view(entry_id: int | None) -> LastingView | None:
    """A view of only that button, or None."""
    if entry_id is None:
        return None
    view = LastingView()
    undo_button(view, entry_id)
    return view


@lasting.on_press("undo")
async def _ask(interaction: Interaction, entry_id: int) -> None:
    await ask(interaction, entry_id)


@lasting.on_pick("undo")
async def _picked(interaction: Interaction, _number: int, values: list[str]) -> None:
    await ask(interaction, lookup.id_in(values[0]))


async def ask(interaction: Interaction, entry_id: int) -> None:
    """A private preview of its own, with [Undo] [Cancel]; what was pressed stays as it is."""
    actor = await checks.moderator(interaction)
    await interaction.response.defer(ephemeral=True, thinking=True)
    await _show(interaction, actor, entry_id)


async def _show(interaction: Interaction, actor: Actor, entry_id: int, note: str = "") -> None:
    try:
        shown = await undo.preview(actor, entry_id)
    except Refusal as refusal:
        await lasting.show(interaction, plain(str(refusal)))
        return
    guild = interaction.guild
    assert guild is not None
    warned = await _locked_out(interaction, shown)
    parts = [note, warned, *undo_words.preview(shown, names_in(guild))]
    view = LastingView()
    if shown.does:
        number = entry_id * _MARKS + shown.mark
        view.button(t("Undo"), "undo_now", number, style=discord.ButtonStyle.danger)
        view.button(t("Cancel"), "undo_not", entry_id)
    await lasting.show(interaction, lines(p for p in parts if p), view if shown.does else None)


async def _locked_out(interaction: Interaction, shown: Preview) -> str:
    """A warning where whoever presses would be no moderator any more."""
    role = next(
        (x for x in shown.does if x.code == Code.setting and x.field == "moderator_role_id"), None
    )
    user = interaction.user
    if role is None or not isinstance(user, discord.Member):
        return ""
    now = await settings.get(user.guild.id)
    if checks.is_moderator(user, now.model_copy(update={"moderator_role_id": role.old})):
        return ""
    return t(
        "⚠️ You would lock yourself out: afterwards you could not use any moderators' command, nor "
        "change it back."
    )


@lasting.on_press("undo_not")
async def _cancel(interaction: Interaction, _entry_id: int) -> None:
    await lasting.begin(interaction)
    await lasting.show(interaction, t("Cancelled. Nothing changed."))


@lasting.on_press("undo_now")
async def _do(interaction: Interaction, number: int) -> None:
    entry_id, seen = divmod(number, _MARKS)
    actor = await checks.moderator(interaction)
    await lasting.begin(interaction)
    try:
        done = await undo.apply(actor, entry_id, seen=seen)
    except Refusal as refusal:
        if refusal.code == "changed_meanwhile":
            await _show(interaction, actor, entry_id, f"⚠️ {plain(str(refusal))}")
            return
        await lasting.show(interaction, plain(str(refusal)))
        return
    await _follow(interaction, done)


async def _follow(interaction: Interaction, done: Done) -> None:
    """What the change of the rows means on Discord, with progress; then what was done."""
    title = t("Done again") if done.entry.action == "undone" else t("Taken back")
    view = undo_view(done.entry_id)
    if not done.group_ids:
        text = lines([f"✅ **{title}**", *undo_words.done(done)])
        await lasting.show(interaction, text, view)
        return
    ids = list(done.group_ids)
    await sync_groups(
        interaction, ids, title, note=undo_words.done(done), view=view, post=len(ids) >= _POSTED
    )
    look_after(interaction, ids)
