"""The history's sentences about the server's calendar."""

from __future__ import annotations

from collections.abc import Callable

from bot.ui.calendar_panel import KINDS
from core.operations.history import Entry
from core.words import t

# From an entry, who did it, and the group it is about, to the sentence.
Said = Callable[[Entry, str, str], str]


def _connected(e: Entry, who: str, _group: str) -> str:
    kind = KINDS.get(str(e.after.get("backend")))
    return t(
        "{who} connected the server's calendar ({kind})", who=who, kind=t(kind) if kind else ""
    )


def _disconnected(e: Entry, who: str, _group: str) -> str:
    if e.after.get("removed"):
        return t("{who} disconnected the server's calendar and had its entries deleted", who=who)
    return t("{who} disconnected the server's calendar; its entries stay there", who=who)


def _invites(e: Entry, who: str, _group: str) -> str:
    if e.after.get("on"):
        return t("{who} switched invitations from the calendar on", who=who)
    return t("{who} switched invitations from the calendar off", who=who)


def _back(_e: Entry, who: str, group: str) -> str:
    return t("{who} had the entry of {group} put back into the calendar", who=who, group=group)


def _left_out(_e: Entry, who: str, group: str) -> str:
    return t("{who} left the entry of {group} out of the calendar", who=who, group=group)


OF_CALENDAR: dict[str, Said] = {
    "calendar_connected": _connected,
    "calendar_disconnected": _disconnected,
    "calendar_invites": _invites,
    "calendar_put_back": _back,
    "calendar_left_out": _left_out,
}
