"""/calendar: where a person's meetings can be had in their own calendar. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain, when
from core.db.calendar_models import FeedKind
from core.operations.feeds import Addresses, Choice, Link
from core.words import t

_OPTIONS = 25  # Discord's limit


def home(
    link: Link, where: Addresses, others: Sequence[Choice], note: str = ""
) -> tuple[str, LastingView]:
    """One calendar, with the way to its page and to the others. `note` must be safe to show."""
    parts = [
        *([note] if note else []),
        f"📅 **{plain(link.name)}**",
        t("Open the page and choose your calendar program. New, moved and cancelled meetings "
          "follow by themselves."),
        t("Read last by a calendar program: {ago}", ago=when(link.read_at, "R"))
        if link.read_at
        else t("No calendar program has read it yet."),
        t("The link is yours alone. Whoever has it sees these meetings."),
    ]  # fmt: skip
    view = LastingView()
    view.add_item(discord.ui.Button(label=t("Open my calendar page"), url=where.page, row=0))
    view.button(t("New link"), "calendar_new", link.id, row=0)
    view.button(t("Invitations by e-mail"), "address", row=4)
    _others(view, others, row=1)
    if link.kind is not FeedKind.member:
        view.button(t("My own calendar"), "calendar", row=4)
    view.button(t("My groups"), "my", row=4)
    return lines(parts), view


def as_file(others: Sequence[Choice]) -> tuple[str, LastingView]:
    """Beside the file itself, where no link can be given out."""
    view = LastingView()
    _others(view, others, row=1)
    view.button(t("Invitations by e-mail"), "address", row=4)
    view.button(t("My groups"), "my", row=4)
    return t(
        "Open this file: your calendar program takes the meetings from it. Later changes do not "
        "reach it, since Muster gives out no links here yet."
    ), view


def _others(view: LastingView, others: Sequence[Choice], *, row: int) -> None:
    options = [
        discord.SelectOption(label=one.name[:100], value=f"{one.kind}:{one.subject_id}")
        for one in others[:_OPTIONS]
    ]
    if options:
        view.select(t("Calendar of a group or cohort"), "calendar_of", options, row=row)


def ask_renewal(link: Link) -> tuple[str, LastingView]:
    """Before the old link ends."""
    view = LastingView()
    view.button(
        t("End it and make a new one"), "calendar_renew", link.id,
        style=discord.ButtonStyle.danger,
    )  # fmt: skip
    view.button(t("Back"), "calendar_one", link.id)
    return t(
        "The link of **{calendar}** ends: programs that use it show nothing new any more, until "
        "you add the new one there.",
        calendar=plain(link.name),
    ), view
