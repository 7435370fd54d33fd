"""The history's sentences about announcements and messages that were tried again or cancelled."""

from __future__ import annotations

from collections.abc import Callable

from bot.ui.text import plain
from core.notifications.kinds import KINDS
from core.operations.history import Entry
from core.words import t, tn

# From an entry, who did it, and whom it is about, to the sentence.
Said = Callable[[Entry, str, str], str]
_MOST = 5  # groups and cohorts that are named
_SHOWN = 120  # characters of an old text


def to(e: Entry) -> str:
    """Whom an announcement went to, safe to show."""
    found = e.after.get("names")
    names = [plain(str(name)) for name in found] if isinstance(found, list) else []
    shown = ", ".join(names[:_MOST]) or t("nobody")
    if len(names) > _MOST:
        return t("{shown} … {n} in all", shown=shown, n=len(names))
    return shown


def _announced(e: Entry, who: str, _person: str) -> str:
    posts = int(e.after.get("posts", 0))
    said = tn("{who} announced something to {names}: {n} post",
              "{who} announced something to {names}: {n} posts",
              posts, who=who, names=to(e))  # fmt: skip
    people = int(e.after.get("people", 0))
    if not people:
        return said
    return tn("{said}, {n} person was mentioned", "{said}, {n} people were mentioned", people,
              said=said)  # fmt: skip


def _edited(e: Entry, who: str, _person: str) -> str:
    old = str(e.before.get("text", ""))
    short = " ".join(old.split())
    if len(short) > _SHOWN:
        short = f"{short[:_SHOWN]}…"
    return t("{who} changed an announcement to {names}; before: “{text}”",
             who=who, names=to(e), text=plain(short))  # fmt: skip


def _withdrawn(e: Entry, who: str, _person: str) -> str:
    return t("{who} withdrew an announcement to {names}", who=who, names=to(e))


def _what(e: Entry) -> str:
    kind = KINDS.get(str(e.after.get("kind")))
    return t(kind.title) if kind is not None else t("a message")


def _where(e: Entry, person: str) -> str:
    if e.user_id is not None:
        return person
    return plain(e.group) if e.group else t("a channel")


def _retried(e: Entry, who: str, person: str) -> str:
    return t("{who} had a message sent again: {what} ({where})",
             who=who, what=_what(e), where=_where(e, person))  # fmt: skip


def _all_retried(e: Entry, who: str, _person: str) -> str:
    return tn("{who} had {n} message sent again", "{who} had {n} messages sent again",
              int(e.after.get("n", 0)), who=who)  # fmt: skip


def _cancelled(e: Entry, who: str, person: str) -> str:
    n = int(e.after.get("n", 1))
    if n > 1:
        return tn("{who} cancelled {n} message: {what}", "{who} cancelled {n} messages: {what}", n,
                  who=who, what=_what(e))  # fmt: skip
    return t("{who} cancelled a message: {what} ({where})",
             who=who, what=_what(e), where=_where(e, person))  # fmt: skip


OF_MESSAGES: dict[str, Said] = {
    "announced": _announced,
    "announcement_edited": _edited,
    "announcement_withdrawn": _withdrawn,
    "message_retried": _retried,
    "messages_retried": _all_retried,
    "message_cancelled": _cancelled,
}
