"""People who may need a word, in the moderators' "Needs attention". Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain
from core.operations.attention import Entry
from core.reconcile.answers import name_of
from core.reconcile.attendance import Cause
from core.words import mark, t

_LINES = {
    Cause.facilitator: mark("👀 **{name}** facilitates {group}, and was not there last time."),
    Cause.silent: mark("👀 **{name}** of {group}: not there and no answer for three weeks."),
    Cause.missed: mark("👀 **{name}** of {group} missed two meetings in a row without a word."),
}
_SHORT = {
    Cause.facilitator: mark("facilitates, and was not there last time"),
    Cause.silent: mark("not there and no answer for three weeks"),
    Cause.missed: mark("missed two in a row without a word"),
}


def line(entry: Entry) -> str:
    """One line of the list."""
    return t(_LINES[entry.cause], name=plain(entry.name), group=plain(entry.label))


def option(entry: Entry) -> discord.SelectOption:
    """The same in the select that opens the card."""
    return discord.SelectOption(
        label=f"{entry.name} · {entry.label}"[:100],
        value=str(entry.membership_id),
        description=t(_SHORT[entry.cause])[:100],
    )


def card(entry: Entry, note: str = "") -> tuple[str, LastingView]:
    """One person: which meetings, and what can be done. `note` must be safe to show."""
    parts = [*([note, ""] if note else []), line(entry), f"<@{entry.user_id}>"]
    for missed in entry.missed:
        said = f" · {t('had said that they can’t come')}" if missed.notice else ""
        parts.append(f"▫️ {name_of(missed.number)} · <t:{missed.starts_at_unix}:D>{said}")
    parts.append("-# " + t("Only moderators see this. Nothing happens by itself."))
    number = entry.membership_id
    view = (
        LastingView()
        .button(t("Message"), "attention_message", number, style=discord.ButtonStyle.primary)
        .button(t("Move"), "attention_move", number)
        .button(t("Excuse"), "attention_excuse", number)
        .button(t("Later"), "attention_later", number)
    )
    return lines(parts), back(view)


def back(view: LastingView) -> LastingView:
    """The way back to the list."""
    return view.button(t("Needs attention"), "home_needs", row=1).button(t("Home"), "home", row=1)


def select(view: LastingView, entries: Sequence[Entry]) -> LastingView:
    """A select that opens one person's card; nothing where there is nobody."""
    if entries:
        view.select(
            t("Look at somebody"), "attention_person", [option(e) for e in entries[:25]], row=0
        )
    return view
