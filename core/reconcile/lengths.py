"""Pure: lengths of time as typed ("1 day", "2 h", "1 Std 30 Min", "off"), and in words."""

from __future__ import annotations

import re

from core.words import t, tn

HOUR, DAY, WEEK = 60, 1440, 10080  # in minutes
_UNITS = {
    1: ("m", "min", "mins", "minute", "minutes", "minuten"),
    HOUR: ("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"),
    DAY: ("d", "day", "days", "t", "tag", "tage", "tagen"),
    WEEK: ("w", "wk", "week", "weeks", "woche", "wochen"),
}
_MINUTES = {name: minutes for minutes, names in _UNITS.items() for name in names}
_OFF = {"off", "none", "no", "never", "0", "-", "aus", "keine", "nein", "nie", ""}
_PART = re.compile(r"\s*(\d{1,5}(?:[.,]\d{1,2})?)\s*([^\W\d_]+)\.?\s*,?", re.UNICODE)


def minutes(typed: str) -> int | None:
    """How many minutes that is, rounded; 0 for "off"; None where it cannot be read."""
    text = " ".join(typed.split()).casefold()
    if text in _OFF:
        return 0
    total, at = 0.0, 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or found[2] not in _MINUTES:
            return None
        total += float(found[1].replace(",", ".")) * _MINUTES[found[2]]
        at = found.end()
    return round(total)


def spoken(length: int) -> str:
    """Minutes in words: 1 day, 1 hour 30 minutes; "off" for 0. `minutes` reads it again."""
    if length == 0:
        return t("off")
    days, rest = divmod(length, DAY)
    hours, left = divmod(rest, HOUR)
    parts = [
        tn("{n} day", "{n} days", days) if days else "",
        tn("{n} hour", "{n} hours", hours) if hours else "",
        tn("{n} minute", "{n} minutes", left) if left else "",
    ]
    return " ".join(part for part in parts if part)
