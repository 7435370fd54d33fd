"""How the members' home looks. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui.groups import PENDING, begins, name_of, options, rooms
from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain, when
from core.operations.group_views import GroupView
from core.words import t

# A row of buttons each, and one with the ways on: Discord allows 5 rows. Where pages are turned,
# that takes a row as well.
ONE_PAGE, PAGE = 4, 3


def home(groups: Sequence[GroupView], page: int, *, pending: bool) -> tuple[str, LastingView]:
    """My groups with their channels, and what I can do with each."""
    view = LastingView()
    if not groups:
        view.button(t("Find a group"), "groups", style=discord.ButtonStyle.success)
        view.button(t("I can't see my group"), "why_mine")
        view.button(t("My settings"), "my_settings")
        return t("You have no group yet. Pick one and its channels appear for you."), view
    size = ONE_PAGE if len(groups) <= ONE_PAGE else PAGE
    pages = -(-len(groups) // size)
    page = min(page, pages - 1)
    shown = groups[page * size : (page + 1) * size]
    parts = [t("__Your groups__")]
    for row, group in enumerate(shown):
        parts += [name_of(group), f"{rooms(group) or t('Channels follow.')} · {begins(group)}"]
        switch, leave, decline = t("Switch"), t("Leave"), t("Can't come")
        if len(groups) > 1:
            switch = t("Switch: {group}", group=group.label)
            leave = t("Leave: {group}", group=group.label)
            decline = t("Can't come: {group}", group=group.label)
        if group.next_at is not None and group.next_id is not None:
            at, left = when(group.next_at, "F"), when(group.next_at, "R")
            parts.append(t("Next meeting: {time} ({left})", time=at, left=left))
            view.button(decline, "rsvp_no", group.next_id, row=row)
        view.button(switch, "switch", group.id, row=row).button(leave, "leave", group.id, row=row)
    if pending:
        parts.append(t(PENDING))
    for label, action in (
        (t("Meetings"), "my_meetings"), (t("Calendar"), "calendar"), (t("All groups"), "groups"),
        (t("I can't see my group"), "why_mine"), (t("My settings"), "my_settings"),
    ):  # fmt: skip
        view.button(label, action, row=size)
    if page > 0:
        view.button(t("Back"), "my", page - 1, row=4)
    if page < pages - 1:
        view.button(t("More"), "my", page + 1, row=4)
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
