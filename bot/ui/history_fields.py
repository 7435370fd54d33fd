"""Fields of groups, cohorts and settings, and their values, as people see them in the history."""

from __future__ import annotations

from typing import Any

from bot.ui.history_meetings import time_words, weeks_words
from bot.ui.reminders_words import offsets_words
from bot.ui.text import plain
from bot.ui.texts_words import texts_words
from core.words import LANGUAGES, mark, t

FIELDS = {
    "name": mark("name"),
    "status": mark("status"),
    "seats": mark("seats"),
    "start_date": mark("start date"),
    "meetings": mark("meetings"),
    "access_mode": mark("way of access"),
    "rooms": mark("rooms"),
    "rule": mark("meeting time"),
    "breaks": mark("weeks without meetings"),
    "shared": mark("shared channel"),
    "moderator_role_id": mark("moderator role"),
    "moderator_channel_id": mark("moderators' channel"),
    "zone": mark("time zone"),
    "language": mark("language"),
    "by_hand": mark("what was changed by hand"),
    "facilitators_moderate": mark("facilitators' extra rights"),
    "keep_nicknames": mark("keep nicknames"),
    "activity_line": mark("a line a day in each group"),
    "templates": mark("own words in messages"),
    "offsets": mark("reminders"),
    "attended_minutes": mark("minutes that count as having come"),
}
_VALUES = {
    ("by_hand", "report"): mark("only reported"),
    ("by_hand", "repair"): mark("put back"),
    ("access_mode", "overwrites"): mark("channel permissions"),
    ("access_mode", "role"): mark("a role"),
    ("rooms", "both"): mark("text and voice"),
    ("rooms", "text"): mark("text only"),
    ("rooms", "voice"): mark("voice only"),
    ("status", "draft"): mark("draft"),
    ("status", "open"): mark("open"),
    ("status", "closed"): mark("closed"),
    ("status", "cancelled"): mark("cancelled"),
    ("status", "completed"): mark("archived"),
    ("status", "merged"): mark("merged"),
    ("status", "preview"): mark("without channels yet"),
    ("status", "active"): mark("running"),
}
_IN_WORDS = {
    "rule": time_words,
    "breaks": weeks_words,
    "templates": texts_words,
    "offsets": offsets_words,
}


def field(key: str) -> str:
    """What people call a field of a group, a cohort or the settings."""
    return t(FIELDS[key]) if key in FIELDS else key


def value(key: str, what: Any) -> str:
    """A field's value as people see it, safe to show."""
    if key in _IN_WORDS and what is not None:
        return _IN_WORDS[key](what)
    if what is None:
        return t("Manage Server decides") if key == "moderator_role_id" else t("none")
    if isinstance(what, bool):
        return t("on") if what else t("off")
    if key == "moderator_role_id":
        return f"<@&{int(what)}>"
    if key in {"moderator_channel_id", "channel_id"}:
        return f"<#{int(what)}>"
    known = _VALUES.get((key, str(what)))
    return t(known) if known else plain(LANGUAGES.get(str(what), str(what)))


def from_to(key: str, old: Any, new: Any) -> str:
    """What became of one field: seats from 8 to 9."""
    return t(
        "{field} from {old} to {new}", field=field(key), old=value(key, old), new=value(key, new)
    )
