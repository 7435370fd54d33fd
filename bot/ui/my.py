"""How the members' home looks. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui.groups import PENDING, begins, name_of, options, rooms
from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain
from core.operations.groups import GroupView

PAGE = 4  # groups per page: a row of buttons each, and one row to turn pages (Discord allows 5)


def home(groups: Sequence[GroupView], page: int, *, pending: bool) -> tuple[str, LastingView]:
    """My groups with their channels, and what I can do with each."""
    view = LastingView()
    if not groups:
        view.button("Find a group", "groups", style=discord.ButtonStyle.success)
        return "You have no group yet. Pick one and its channels appear for you.", view
    pages = -(-len(groups) // PAGE)
    page = min(page, pages - 1)
    shown = groups[page * PAGE : (page + 1) * PAGE]
    parts = ["__Your groups__"]
    for row, group in enumerate(shown):
        parts += [name_of(group), f"{rooms(group, otherwise='Channels follow.')} · {begins(group)}"]
        which = f": {group.label}" if len(groups) > 1 else ""
        view.button(f"Switch{which}", "switch", group.id, row=row)
        view.button(f"Leave{which}", "leave", group.id, row=row)
    if pending:
        parts.append(PENDING)
    if page > 0:
        view.button("Back", "my", page - 1, row=4)
    if page < pages - 1:
        view.button("More", "my", page + 1, row=4)
    view.button("All groups", "groups", row=4)
    return lines(parts), view


def switch_choice(old: GroupView, others: Sequence[GroupView]) -> tuple[str, LastingView]:
    """Groups of the same cohort with room. Beyond 25 (Discord's limit) those are in /groups."""
    view = LastingView()
    if not others:
        view.button("See all groups", "groups").button("Back", "my")
        return (
            f"No other group of {plain(old.cohort_name)} has a free seat right now. "
            "In the list of groups you can ask to be told of one."
        ), view
    view.select("Switch to", "switch_to", options(others), old.id)
    if len(others) > len(options(others)):
        view.button("See all groups", "groups")
    view.button("Back", "my")
    return f"You are in {name_of(old)}. Where to? You see first what changes.", view
