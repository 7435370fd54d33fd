"""How the members' home looks. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui.groups import PENDING, begins, name_of, options, rooms
from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain
from core.operations.groups import GroupView
from core.operations.mine import Mine
from core.words import LANGUAGES, t

PAGE = 4  # groups per page: a row of buttons each, and one row to turn pages (Discord allows 5)


def home(groups: Sequence[GroupView], page: int, *, pending: bool) -> tuple[str, LastingView]:
    """My groups with their channels, and what I can do with each."""
    view = LastingView()
    if not groups:
        view.button(t("Find a group"), "groups", style=discord.ButtonStyle.success)
        view.button(t("I can't see my group"), "why_mine")
        view.button(t("My settings"), "my_settings")
        return t("You have no group yet. Pick one and its channels appear for you."), view
    pages = -(-len(groups) // PAGE)
    page = min(page, pages - 1)
    shown = groups[page * PAGE : (page + 1) * PAGE]
    parts = [t("__Your groups__")]
    for row, group in enumerate(shown):
        parts += [name_of(group), f"{rooms(group) or t('Channels follow.')} · {begins(group)}"]
        switch, leave = t("Switch"), t("Leave")
        if len(groups) > 1:
            switch = t("Switch: {group}", group=group.label)
            leave = t("Leave: {group}", group=group.label)
        view.button(switch, "switch", group.id, row=row).button(leave, "leave", group.id, row=row)
    if pending:
        parts.append(t(PENDING))
    if page > 0:
        view.button(t("Back"), "my", page - 1, row=4)
    if page < pages - 1:
        view.button(t("More"), "my", page + 1, row=4)
    view.button(t("All groups"), "groups", row=4)
    view.button(t("I can't see my group"), "why_mine", row=4)
    view.button(t("My settings"), "my_settings", row=4)
    return lines(parts), view


def settings(mine: Mine) -> tuple[str, LastingView]:
    """What a person decides about themselves, everything by one press."""
    chosen = LANGUAGES[mine.language] if mine.language else t("the server's")
    parts = [
        f"**{t('My settings')}**",
        t("📬 Messages to you: on. You hear of a seat that you wait for.")
        if mine.messages
        else t("📪 Messages to you: off. What you wait for is said in a channel instead."),
        t("🗣️ Their language: {language}. What you see here follows your Discord.",
          language=chosen),
    ]  # fmt: skip
    view = LastingView().button(
        t("Turn messages off") if mine.messages else t("Turn messages on"),
        "my_messages",
        int(not mine.messages),
        row=1,
    )
    options = [
        discord.SelectOption(label=t("The server's language"), value="server",
                             default=mine.language is None),
        *(
            discord.SelectOption(label=name, value=code, default=mine.language == code)
            for code, name in LANGUAGES.items()
        ),
    ]  # fmt: skip
    view.select(t("Language of messages to you"), "my_language", options, row=0)
    view.button(t("My data"), "my_data", row=1).button(t("Back"), "my", row=1)
    return lines(parts), view


def switch_choice(old: GroupView, others: Sequence[GroupView]) -> tuple[str, LastingView]:
    """Groups of the same cohort with room. Beyond 25 (Discord's limit) those are in /groups."""
    view = LastingView()
    if not others:
        view.button(t("See all groups"), "groups").button(t("Back"), "my")
        return t(
            "No other group of {cohort} has a free seat right now. "
            "In the list of groups you can ask to be told of one.",
            cohort=plain(old.cohort_name),
        ), view
    view.select(t("Switch to"), "switch_to", options(others), old.id)
    if len(others) > len(options(others)):
        view.button(t("See all groups"), "groups")
    view.button(t("Back"), "my")
    text = t("You are in {group}. Where to? You see first what changes.", group=name_of(old))
    return text, view
