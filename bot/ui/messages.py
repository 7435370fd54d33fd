"""The messages of a server in words: the list, and one of them. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import discord

from bot.ui.lasting import LastingView
from bot.ui.text import CONTENT_LIMIT, lines, plain, when
from core.errors import sentence
from core.notifications.kinds import KINDS
from core.operations.messages import STATUSES, Filter, Line, Page, Tally
from core.words import mark, t, tn

FILTERS: dict[Filter, str] = {
    "all": mark("All messages"),
    "waiting": mark("Waiting"),
    "sent": mark("Sent"),
    "failed": mark("Failed"),
    "skipped": mark("Not sent, for a reason"),
}
_EMPTY: dict[Filter, str] = {
    "all": mark("There are no messages yet."),
    "waiting": mark("Nothing waits."),
    "sent": mark("Nothing was sent yet."),
    "failed": mark("Nothing failed."),
    "skipped": mark("Nothing was left out."),
}
ICONS = {
    "pending": "🕓", "sending": "📤", "sent": "✅", "failed": "⚠️", "dead": "⚠️", "skipped": "⏭️",
}  # fmt: skip
_ON_TIME = 5  # seconds: what reads as at once
_HOUR, _DAY = 3600, 86400
_WHY = 110  # characters of a reason in the list; the card shows all of it
_NAMES = 3  # of an announcement's targets in one line
_CAUSES = 5  # in a card


def title(kind: str) -> str:
    """What people call a kind of message."""
    found = KINDS.get(kind)
    return t(found.title) if found is not None else t("A message of another version")


def late(due: datetime, sent: datetime) -> str:
    """How much later than it should have been."""
    seconds = (sent - due).total_seconds()
    if seconds < _ON_TIME:
        return t("on time")
    if seconds < 2 * 60:
        return t("late by {n} s", n=round(seconds))
    if seconds < 2 * _HOUR:
        return t("late by {n} min", n=round(seconds / 60))
    if seconds < 2 * _DAY:
        return t("late by {n} h", n=round(seconds / _HOUR))
    return t("late by {n} days", n=round(seconds / _DAY))


def where(line: Line) -> str:
    """Whom, or in which channel; safe to show."""
    if line.user_id is not None:
        return plain(line.person) if line.person else f"<@{line.user_id}>"
    if line.group:
        return plain(line.group)
    return f"<#{line.channel_id}>" if line.channel_id is not None else t("a channel")


def _why(text: str | None, limit: int) -> str:
    short = plain(text or t("the reason is not known")).strip().rstrip(".")
    return short if len(short) <= limit else f"{short[: limit - 1]}…"


def became(line: Line, limit: int = _WHY) -> str:
    """In a few words: sent and how late, failed because, waiting for, left out because."""
    why = _why(line.why, limit)
    due, again = when(line.due_at), when(line.next_at, "R")
    if line.status == "sent" and line.sent_at is not None:
        said = f"{when(line.sent_at)} · {late(line.due_at, line.sent_at)}"
        if line.error_class is not None:
            said = t("{sent}, in the channel instead: {why}", sent=said, why=why)
        return said
    if line.status == "pending" and line.why is not None:
        return t("waits: {why} (since {due})", why=why, due=due)
    other = {
        "sending": t("is being sent"),
        "pending": t("comes {due} ({left})", due=due, left=when(line.due_at, "R")),
        "failed": t("failed: {why}. Tried again {next}", why=why, next=again),
        "dead": t("failed: {why}", why=why),
    }.get(line.status)
    return other or t("not sent: {why}", why=why)


def one(line: Line) -> str:
    """A message as one line of the list."""
    if line.announcement is not None:
        return _announcement(line, line.announcement)
    return f"{ICONS[line.status]} **{title(line.kind)}** · {where(line)} · {became(line)}"


def _announcement(line: Line, tally: Tally) -> str:
    names = ", ".join(plain(name) for name in tally.names[:_NAMES])
    if len(tally.names) > _NAMES:
        names = t("{shown} … {n} in all", shown=names, n=len(tally.names))
    icon = "⚠️" if tally.failed else "🗑️" if tally.withdrawn else "📣"
    posts = tn("{n} post", "{n} posts", tally.posts)
    parts = [f"{icon} **{title('announce')}**", names, posts, stands(tally), when(line.due_at)]
    return " · ".join(part for part in parts if part)


def stands(tally: Tally) -> str:
    """5 sent, 1 failed because the channel is gone."""
    parts = [t("withdrawn")] if tally.withdrawn else []
    counted = (
        (tally.sent if not tally.withdrawn else 0, mark("{n} sent")),
        (tally.waiting, mark("{n} waiting")),
        (tally.failed, mark("{n} failed")),
        (tally.skipped if not tally.withdrawn else 0, mark("{n} not sent")),
        (tally.unchanged, mark("{n} not changed yet")),
    )
    parts += [t(text, n=n) for n, text in counted if n]
    shown = ", ".join(parts)
    if tally.why and not tally.withdrawn:
        return t("{counts} because {why}", counts=shown, why=_why(tally.why[0][1], _WHY))
    return shown


def listing(which: Filter, page: Page) -> tuple[str, LastingView]:
    """The list with its filter, a select that opens a line, and the pages."""
    view = LastingView()
    options = [
        discord.SelectOption(label=t(label), value=value, default=value == which)
        for value, label in FILTERS.items()
    ]
    view.select(t("Which messages"), "messages_filter", options, row=0)
    if page.lines:
        view.select(t("Open one"), "message_open", _options(page.lines), row=1)
        above, below = (t("Sooner"), t("Later")) if which == "waiting" else (t("Newer"), t("Older"))
        if page.newer:
            view.button(above, f"messages_{which}_newer", page.lines[0].id, row=2)
        if page.older:
            view.button(below, f"messages_{which}_older", page.lines[-1].id, row=2)
    if which == "failed" and page.lines:
        view.button(
            t("Retry all failed"), "messages_retry", row=2, style=discord.ButtonStyle.primary
        )
    view.button(t("Home"), "home", row=2)
    head = f"**{t('Messages')}** · {t(FILTERS[which])}"
    shown = [one(line) for line in page.lines] or [t(_EMPTY[which])]
    return lines([head, *shown]), view


def _options(shown: Sequence[Line]) -> list[discord.SelectOption]:
    """One for each line, numbered as they stand there: labels must differ."""
    made = []
    for n, line in enumerate(shown, 1):
        about = line.announcement
        value = f"m:{line.id}" if about is None else f"a:{about.id}"
        if about is not None:
            what = " ".join(about.text.split())
        else:
            what = line.person or line.group or ""
        made.append(
            discord.SelectOption(
                label=f"{n}. {title(line.kind)}"[:100], value=value, emoji=ICONS[line.status],
                description=what[:100] or None,
            )
        )  # fmt: skip
    return made


def card(line: Line, guild_id: int, note: str = "") -> tuple[str, LastingView]:
    """One message with all that is known, and what can be done about it now."""
    if line.announcement is not None:
        return _announcement_card(line, line.announcement, note)
    parts = [
        *([note] if note else []),
        f"{ICONS[line.status]} **{title(line.kind)}**",
        t("To: {where}", where=where(line)) + (f" · {plain(line.cohort)}" if line.cohort else ""),
        t("Due: {due}", due=when(line.due_at, "F")),
        sentence(became(line, 600)),
    ]
    if line.attempts > 1:
        parts.append(tn("{n} try so far.", "{n} tries so far.", line.attempts))
    if line.message_id is not None and line.user_id is None:
        url = f"https://discord.com/channels/{guild_id}/{line.channel_id}/{line.message_id}"
        parts.append(f"[{t('Open the post')}]({url})")
    view = LastingView()
    if line.can_retry:
        view.button(t("Retry"), "message_retry", line.id, style=discord.ButtonStyle.primary)
    if line.can_cancel:
        view.button(t("Cancel"), "message_cancel", line.id, style=discord.ButtonStyle.danger)
    return lines(parts), view.button(t("Messages"), "messages_all")


def _announcement_card(line: Line, tally: Tally, note: str) -> tuple[str, LastingView]:
    parts = [
        *([note] if note else []),
        _announcement(line, tally),
        *(f"• {n} × {_why(why, 200)}" for n, why in tally.why[:_CAUSES]),
    ]
    view = LastingView()
    if not tally.withdrawn:
        view.button(t("Edit"), "announcement_edit", tally.id)
        view.button(
            t("Withdraw"), "announcement_withdraw", tally.id, style=discord.ButtonStyle.danger
        )
    if tally.failed or tally.unchanged:
        view.button(t("Retry"), "announcement_retry", tally.id, style=discord.ButtonStyle.primary)
    if line.can_cancel and not tally.withdrawn:
        view.button(t("Do not send the rest"), "announcement_cancel", tally.id)
    view.button(t("Messages"), "messages_all")
    head = "\n".join(parts)[:1200]
    return f"{head}\n\n{tally.text}"[:CONTENT_LIMIT], view


def filter_of(value: str) -> Filter:
    """What was chosen; anything else is all."""
    return next((name for name in STATUSES if name == value), "all")
