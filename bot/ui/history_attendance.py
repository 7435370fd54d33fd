"""The history's sentences about attendance and the messages that moderators write to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.ui.text import when
from core.operations.history import Entry
from core.reconcile.answers import name_of
from core.words import mark, t

# From an entry, who did it, whom it is about, and the group, to the sentence.
Said = Callable[[Entry, str, str, str], str]

_MARKED = {
    "attended": mark("{who} noted that {person} came to {group}: {meetings}"),
    "absent": mark("{who} noted that {person} was not there in {group}: {meetings}"),
    "excused": mark("{who} excused {person} in {group}: {meetings}"),
    None: mark("{who} took back what was noted about {person} in {group}: {meetings}"),
}
_MOST = 5  # meetings that are named


def _meeting(stored: Any) -> str:
    """(id, number, ISO time) as it was written."""
    try:
        _, number, moment = stored
        return f"{name_of(number)} ({when(datetime.fromisoformat(moment), 'd')})"
    except (TypeError, ValueError):
        return t("a meeting")


def _marked(e: Entry, who: str, person: str, group: str) -> str:
    meetings = e.after.get("meetings")
    found = [_meeting(m) for m in meetings] if isinstance(meetings, list) else []
    shown = ", ".join(found[:_MOST]) or t("a meeting")
    if len(found) > _MOST:
        shown = t("{shown} … {n} in all", shown=shown, n=len(found))
    said = _MARKED.get(e.after.get("mark"), _MARKED[None])
    return t(said, who=who, person=person, group=group, meetings=shown)


def _note(_e: Entry, who: str, person: str, group: str) -> str:
    return t("{who} wrote to {person} about {group}", who=who, person=person, group=group)


OF_PERSON: dict[str, Said] = {"attendance_marked": _marked, "note_sent": _note}
