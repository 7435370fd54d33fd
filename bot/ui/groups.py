"""How groups look to members: the list, the post, what was gained and lost. Rendering only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import discord

from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain, when
from core.operations.group_views import GroupView
from core.words import day, mark, t, tn

# Groups per page. Discord allows 25 in a select; twelve lines are what a phone shows at once.
PAGE = 12
WATCH_LABEL = mark("Tell me when a seat is free")
PENDING = mark(
    "You still have to accept this server's rules. Your channels appear as soon as you have."
)


def name_of(group: GroupView) -> str:
    """As in: **Group 2** · Stats autumn."""
    return f"**{plain(group.name)}** · {plain(group.cohort_name)}"


def begins(group: GroupView) -> str:
    """As in: starts Sun 1 March 2026, or "started"; the day is the server's own."""
    if group.started:
        return t("started {day}", day=day(group.start_date))
    return t("starts {day}", day=day(group.start_date))


def rooms(group: GroupView) -> str:
    """The group's channels as links; empty where it has none yet."""
    links = [f"<#{i}>" for i in (group.text_id, group.voice_id) if i]
    return t("{one} and {other}", one=links[0], other=links[1]) if links[1:] else "".join(links)


def seats(group: GroupView) -> str:
    """As in: 3 of 8 seats free; a moderator may have put in more people than seats."""
    free = max(0, group.seats - group.taken)
    return tn("{free} of {n} seat free", "{free} of {n} seats free", group.seats, free=free)


def _line(group: GroupView) -> str:
    name = f"**{plain(group.name)}**"
    meets = [when(group.next_at, "F")] if group.next_at is not None else []
    if group.mine:
        where = rooms(group) or t("no channels yet")
        return " · ".join(["✅ " + name, t("you are here"), where, *meets])
    if group.full:
        return " · ".join(["🔒 " + name, t("full"), *meets])
    badge = [t("👍 good size")] if group.good_size else []
    return " · ".join(["▫️ " + name, seats(group), *badge, *meets])


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
        parts = [t("There is no group to join right now. Look again later, or ask a moderator.")]
    elif not any(not g.mine for g in joinable):
        parts.append(t("No other group has a free seat right now."))
    view = LastingView()
    if others:
        view.select(t("Join a group"), "join", options(others), page, row=0)
    if waiting:
        view.select(t(WATCH_LABEL), "watch_pick", options(waiting), page, row=1)
    if page > 0:
        view.button(t("Back"), "groups_page", page - 1, row=2)
    if page < pages - 1:
        view.button(t("More groups"), "groups_page", page + 1, row=2)
    if any(g.mine for g in joinable):
        view.button(t("My groups"), "my", row=2)
    if moderator:
        view.button(t("Post the list here"), "groups_post", row=3)
    return lines(parts), view


def post(joinable: Sequence[GroupView]) -> tuple[str, LastingView]:
    """The public post, the same for everybody."""
    parts = [t("👋 **Find your group**"), *_by_cohort(joinable)]
    if not joinable:
        parts.append(
            t("No group can be joined right now. The button shows whether you can wait for a seat.")
        )
    view = LastingView().button(t("Join a group"), "groups", style=discord.ButtonStyle.success)
    return lines(parts), view


def arrival(group: GroupView, *, ready: bool, pending: bool, left: str | None) -> str:
    """After a join or a switch: where they are, what they got, what follows."""
    name, first = name_of(group), day(group.start_date)
    if group.started:
        parts = [t("🎉 You are in {group}, which started {day}.", group=name, day=first)]
    else:
        parts = [t("🎉 You are in {group}, which starts {day}.", group=name, day=first)]
    if left is not None:
        parts.append(t("You left **{group}**.", group=plain(left)))
    if pending:
        parts.append(t(PENDING))
    elif ready and rooms(group):
        parts.append(t("Your channels: {channels}", channels=rooms(group)))
    else:
        parts.append(t("Your channels are not ready yet; they follow by themselves."))
    return "\n".join(parts)


def switch_preview(old: GroupView, new: GroupView) -> tuple[str, LastingView]:
    """What a switch takes and gives, before it happens."""
    target = plain(new.name)
    gain = rooms(new) or t("the channels of **{group}**, made when you come", group=target)
    parts = [t("Switch from {group} to **{other}**?", group=name_of(old), other=target)]
    lost = rooms(old)
    if lost and old.seated:
        parts.append(t("You lose {lost} and your seat, and gain {gain}.", lost=lost, gain=gain))
    elif lost:
        parts.append(t("You lose {lost}, and gain {gain}.", lost=lost, gain=gain))
    elif old.seated:
        parts.append(t("You lose your seat, and gain {gain}.", gain=gain))
    else:
        parts.append(t("You gain {gain}.", gain=gain))
    if old.full and old.seated:
        parts.append(t("Your group is full: your seat may be gone if you want it back."))
    label = t("Switch to {group}", group=new.name)
    view = LastingView().button(label, "switch_do", new.id, style=discord.ButtonStyle.success)
    return "\n".join(parts), view.button(t("Cancel"), "my")


def leave_preview(group: GroupView) -> tuple[str, LastingView]:
    """What leaving takes, before it happens."""
    parts = [t("Leave {group}?", group=name_of(group))]
    lost = rooms(group)
    if lost and group.seated:
        parts.append(t("You lose {lost} and your seat.", lost=lost))
    elif lost:
        parts.append(t("You lose {lost}.", lost=lost))
    elif group.seated:
        parts.append(t("You lose your seat."))
    if group.started:
        parts.append(t("It has started, so only a moderator can bring you back."))
    view = LastingView().button(t("Leave"), "leave_do", group.id, style=discord.ButtonStyle.danger)
    return "\n".join(parts), view.button(t("Stay"), "my")


def seat_free(label: str, server: str) -> str:
    """What somebody who waited for a seat is told."""
    return t(
        "🪑 A seat is free in **{group}** on {server}. "
        "Take it there with `/groups`: first come, first served.",
        group=plain(label),
        server=plain(server),
    )
