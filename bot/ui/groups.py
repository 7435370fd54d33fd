"""How groups look to members: the list, the post, what was gained and lost. Rendering only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import discord

from bot.ui.lasting import LastingView
from bot.ui.text import count, lines, plain
from core.operations.groups import GroupView
from core.words import day

# Groups per page. Discord allows 25 in a select; twelve lines are what a phone shows at once.
PAGE = 12
POST_LABEL = "Join a group"
WATCH_LABEL = "Tell me when a seat is free"
PENDING = "You still have to accept this server's rules. Your channels appear as soon as you have."
LATER = "Your channels are not ready yet; they follow by themselves."


def name_of(group: GroupView) -> str:
    """As in: **Group 2** · Stats autumn."""
    return f"**{plain(group.name)}** · {plain(group.cohort_name)}"


def begins(group: GroupView) -> str:
    """As in: starts Sun 1 March 2026, or "started"; the day is the server's own."""
    return f"{'started' if group.started else 'starts'} {day(group.start_date)}"


def rooms(group: GroupView, *, otherwise: str = "no channels yet") -> str:
    """The group's channels as links."""
    return " and ".join(f"<#{i}>" for i in (group.text_id, group.voice_id) if i) or otherwise


def seats(group: GroupView) -> str:
    """As in: 3 of 8 seats free; a moderator may have put in more people than seats."""
    return f"{max(0, group.seats - group.members)} of {count(group.seats, 'seat')} free"


def _line(group: GroupView) -> str:
    if group.mine:
        return f"✅ **{plain(group.name)}** · you are here · {rooms(group)}"
    if group.full:
        return f"🔒 **{plain(group.name)}** · full"
    badge = " · 👍 good size" if group.good_size else ""
    return f"▫️ **{plain(group.name)}** · {seats(group)}{badge}"


def _by_cohort(groups: Iterable[GroupView]) -> list[str]:
    ordered = sorted(groups, key=lambda g: (g.start_date, g.cohort_id))
    found = []
    for _, some in groupby(ordered, key=lambda g: g.cohort_id):
        members = list(some)
        found.append(f"__{plain(members[0].cohort_name)}__ · {begins(members[0])}")
        found += [_line(g) for g in members]
    return found


def options(groups: Sequence[GroupView]) -> list[discord.SelectOption]:
    """Choices of a select, at most 25, with labels that can be told apart."""
    made: list[discord.SelectOption] = []
    used: dict[str, int] = {}
    for group in groups[:25]:
        label = group.label[:95]
        used[label] = used.get(label, 0) + 1
        suffix = f" ({used[label]})" if used[label] > 1 else ""
        made.append(
            discord.SelectOption(
                label=label + suffix,
                value=f"group:{group.id}",
                description=f"{seats(group)} · {begins(group)}"[:100],
            )
        )
    return made


def list_page(
    joinable: Sequence[GroupView], full: Sequence[GroupView], page: int, *, moderator: bool
) -> tuple[str, LastingView]:
    """The private list: join one, be told of a seat, and for moderators the post."""
    pages = max(1, -(-max(len(joinable), len(full)) // PAGE))
    page = min(page, pages - 1)
    part = slice(page * PAGE, (page + 1) * PAGE)
    shown, waiting = joinable[part], full[part]
    others = [g for g in shown if not g.mine]
    parts = _by_cohort([*shown, *waiting])
    if not parts:
        parts = ["There is no group to join right now. Look again later, or ask a moderator."]
    elif not any(not g.mine for g in joinable):
        parts.append("No other group has a free seat right now.")
    view = LastingView()
    if others:
        view.select("Join a group", "join", options(others), page, row=0)
    if waiting:
        view.select(WATCH_LABEL, "watch_pick", options(waiting), page, row=1)
    if page > 0:
        view.button("Back", "groups_page", page - 1, row=2)
    if page < pages - 1:
        view.button("More groups", "groups_page", page + 1, row=2)
    if any(g.mine for g in joinable):
        view.button("My groups", "my", row=2)
    if moderator:
        view.button("Post the list here", "groups_post", row=3)
    return lines(parts), view


def post(joinable: Sequence[GroupView]) -> tuple[str, LastingView]:
    """The public post, the same for everybody."""
    parts = ["👋 **Find your group**", *_by_cohort(joinable)]
    if not joinable:
        parts.append("No group has a free seat right now. Press the button to be told of one.")
    view = LastingView().button(POST_LABEL, "groups", style=discord.ButtonStyle.success)
    return lines(parts), view


def arrival(group: GroupView, *, ready: bool, pending: bool, left: str | None) -> str:
    """After a join or a switch: where they are, what they got, what follows."""
    parts = [f"🎉 You are in {name_of(group)}, which {begins(group)}."]
    if left is not None:
        parts.append(f"You left **{plain(left)}**.")
    if pending:
        parts.append(PENDING)
    elif ready and (group.text_id or group.voice_id):
        parts.append(f"Your channels: {rooms(group)}")
    else:
        parts.append(LATER)
    return "\n".join(parts)


def switch_preview(old: GroupView, new: GroupView) -> tuple[str, LastingView]:
    """What a switch takes and gives, before it happens."""
    gain = rooms(new, otherwise=f"the channels of **{plain(new.name)}**, made when you come")
    text = (
        f"Switch from {name_of(old)} to **{plain(new.name)}**?\n"
        f"You lose {rooms(old)} and your seat, and gain {gain}."
    )
    if old.full:
        text += "\nYour group is full: your seat may be gone if you want it back."
    view = LastingView().button(
        f"Switch to {new.name}", "switch_do", new.id, style=discord.ButtonStyle.success
    )
    return text, view.button("Cancel", "my")


def leave_preview(group: GroupView) -> tuple[str, LastingView]:
    """What leaving takes, before it happens."""
    parts = [f"Leave {name_of(group)}?", f"You lose {rooms(group)} and your seat."]
    if group.started:
        parts.append("It has started, so only a moderator can bring you back.")
    view = LastingView().button("Leave", "leave_do", group.id, style=discord.ButtonStyle.danger)
    return "\n".join(parts), view.button("Stay", "my")


def seat_free(label: str, server: str) -> str:
    """What somebody who waited for a seat is told."""
    return (
        f"🪑 A seat is free in **{plain(label)}** on {plain(server)}. "
        "Take it there with `/groups`: first come, first served."
    )
