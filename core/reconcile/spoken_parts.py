"""Pure: a typed time, taken apart: its zone, its time of day, its length. No word gets lost."""

from __future__ import annotations

import re
import unicodedata
from datetime import time
from typing import Literal

from core.reconcile import spoken_words as said
from core.words import t

LONGEST = 100  # characters; the longest sensible text is about half as long
DAY_MINUTES = 24 * 60  # no meeting lasts longer; the column's constraint says so too
_HALF, _HOURS, _MINUTES = 12, 24, 60

Code = Literal[
    "empty", "too_long", "unreadable", "unknown_zone", "abbreviation", "offset", "two_zones",
    "no_time", "two_times", "no_such_time", "half_day", "no_day", "no_such_day", "ambiguous_day",
    "wrong_weekday", "past", "too_far", "bad_duration", "no_weekday",
]  # fmt: skip


class BadTime(ValueError):
    """A typed time that cannot be read. `str()` is the sentence for people.

    `words` are those it is about; `zones` are IANA names to offer (for an abbreviation). For
    "unknown_zone" the caller can add zones that are spelt nearly like `words`.
    """

    def __init__(
        self, code: Code, sentence: str, words: str = "", zones: tuple[str, ...] = ()
    ) -> None:
        super().__init__(sentence)
        self.code: Code = code
        self.sentence = sentence
        self.words = words
        self.zones = zones


# --- words ---------------------------------------------------------------------------------------


def clean(typed: str) -> str:
    """One line of plain words. Raises BadTime for what is no such thing."""
    if len(typed) > LONGEST:
        raise BadTime("too_long", t("That is too long for a time. Try “Wed 19:00”."))
    if any(unicodedata.category(c) in {"Cc", "Cf", "Co", "Cs"} and c not in "\t\n" for c in typed):
        raise BadTime("unreadable", t("There are invisible characters in that. Type it by hand."))
    text = " ".join(
        unicodedata.normalize("NFKC", typed).replace(", ", " ").replace("@", " ").split()
    )
    if not text:
        raise BadTime("empty", t("Type a time, such as “Wed 19:00” or “tomorrow 18:30”."))
    if any(c.isdigit() and not c.isascii() for c in text):
        raise unreadable(text)
    text = re.sub(r"(?<=\d)[Tt](?=\d\d:)", " ", text)  # 2026-03-04T19:00
    return re.sub(r"(?<=:\d\d)[-–](?=\d)", " - ", text)  # 19:00-20:30


def words_of(rest: str) -> list[str]:
    """Its words, without the small ones that join them ("at", "um")."""
    return [w for w in rest.split() if w.casefold() not in said.FILLERS]


def unreadable(what: str) -> BadTime:
    """The refusal of words that make no sense together."""
    text = t("I cannot read “{words}” as a time. Try “Wed 19:00”.", words=what)
    return BadTime("unreadable", text, what)


def unknown(what: str) -> BadTime:
    """The refusal of words of which nothing is known: perhaps a misspelt zone."""
    text = t("“{words}” is neither a day nor a time zone that I know.", words=what)
    return BadTime("unknown_zone", text, what)


# --- zones ---------------------------------------------------------------------------------------

# "UTC+2", "19:00+01:00"; "Etc/GMT+5" is a zone. "19:00-20:30" is read as two times, and refused.
_OFFSET = re.compile(
    r"(?<![/\w])(?:utc|gmt)\s?[+\-\u2212]\s?\d[\d:]*|(?<=:\d\d)\s?\+\d[\d:]*", re.IGNORECASE
)
_LONGEST_CITY = 4  # words: "New Salem, North Dakota"


def take_zone(rest: str) -> tuple[str | None, str]:
    """The zone in it and what is left. Raises BadTime for what may be meant as one and is none."""
    if (offset := _OFFSET.search(rest)) is not None:
        text = t("“{word}” knows no summer time. Name a place: Europe/Berlin.", word=offset[0])
        raise BadTime("offset", text, offset[0].strip())
    tokens = re.sub(r"(?<=\d)[zZ](?!\w)", " UTC", rest).split()
    found: str | None = None
    at = 0
    while at < len(tokens):
        size, zone = _zone_at(tokens, at)
        if zone is None:
            at += 1
            continue
        if found is not None:
            text = t("There are two time zones in that. Which one do you mean?")
            raise BadTime("two_zones", text, " ".join(tokens[at : at + size]))
        found = zone
        del tokens[at : at + size]
        if at < len(tokens) and tokens[at].casefold() in {"time", "zeit"}:
            del tokens[at]
    return found, " ".join(tokens)


def _zone_at(tokens: list[str], at: int) -> tuple[int, str | None]:
    """How many words from there are a zone, and which."""
    word = tokens[at].strip("().")
    if (places := said.ABBREVIATIONS.get(word.casefold())) is not None:
        text = t(
            "“{word}” is not the same all year, or not everywhere. Name a place, such as {zone}.",
            word=word, zone=places[0],
        )  # fmt: skip
        raise BadTime("abbreviation", text, word, places)
    for size in range(min(_LONGEST_CITY, len(tokens) - at), 0, -1):
        name = " ".join(tokens[at : at + size]).strip("()")
        if (zone := said.zone_named(name)) is not None:
            return size, zone
    if "/" in word and any(c.isalpha() for c in word):
        raise unknown(tokens[at])
    return 0, None


# --- times of day and lengths --------------------------------------------------------------------

_AM_PM = r"(?P<half{n}>[ap])\.?\s?m\b\.?"
_TIME = re.compile(
    rf"""(?<![\w.:/+\-])(?:
        (?P<h1>\d{{1,2}})(?::|h)(?P<m1>\d\d)(?::00)?(?:\s?(?:{_AM_PM.format(n=1)}|uhr|h))?
      | (?P<h2>\d{{1,2}})\.(?P<m2>\d\d)\s?(?:{_AM_PM.format(n=2)}|uhr|h)
      | (?P<h3>\d{{1,2}})\.(?P<m3>00|1[3-9]|[2-9]\d)(?![.\d])  # 19.30; 19.10 may be a day
      | (?P<h4>\d{{1,2}})\s?(?:{_AM_PM.format(n=4)}|uhr(?:\s(?P<m4>\d\d))?|h|o['’]?clock)
    )(?![\w:/])""",
    re.VERBOSE | re.IGNORECASE,
)
_BARE = re.compile(r"(?<![\w.:/\-])(?<!\bin )\d{1,2}(?![\w.:/\-])", re.IGNORECASE)
# "90 min", "1.5 h", "2 hours"; a whole number with "h" may be a time and is looked at last.
_LENGTH = re.compile(
    r"(?<![\w.:,])(?P<n>\d{1,5}(?:[.,]\d{1,2})?)\s?(?P<unit>[^\W\d_]+)\.?(?!\w)", re.IGNORECASE
)
_UNTIL = re.compile(
    r"(?<![\w.:])(\d{1,2}):([0-5]\d)\s?(?:[-–]|to|until|bis)\s?(\d{1,2}):([0-5]\d)(?![\w:])",
    re.IGNORECASE,
)


def take_time(rest: str) -> tuple[time, str]:
    """The one time of day in it, and what is left. Raises BadTime."""
    found = list(_TIME.finditer(rest))
    if len(found) > 1:
        text = t("There are two times in that. Which one do you mean?")
        raise BadTime("two_times", text, " ".join(match[0] for match in found))
    if not found:
        return _take_bare_hour(rest)
    match = found[0]
    parts = {key[:-1]: value for key, value in match.groupdict().items() if value is not None}
    hour, minute, half = int(parts["h"]), int(parts.get("m", 0)), parts.get("half", "").lower()
    right = 1 <= hour <= _HALF if half else hour < _HOURS
    if not right or minute >= _MINUTES:
        text = t("“{words}” is no time of day. Try “19:00” or “7pm”.", words=match[0])
        raise BadTime("no_such_time", text, match[0])
    if half:
        hour = hour % _HALF + (_HALF if half == "p" else 0)
    return time(hour, minute), f"{rest[: match.start()]} {rest[match.end() :]}"


def _take_bare_hour(rest: str) -> tuple[time, str]:
    """Alone "19" is 19:00, "7" may be either of two; beside a month it is a day."""
    numbers = list(_BARE.finditer(rest))
    named = {w.casefold().strip(".") for w in rest.split()}
    if len(numbers) != 1 or named & said.months():
        text = t("At what time? Try “Wed 19:00” or “tomorrow 18:30”.")
        raise BadTime("no_time", text, rest)
    match = numbers[0]
    hour = int(match[0])
    if 1 <= hour <= _HALF:
        text = t("In the morning or in the evening? Type {am} or {pm}.",
                 am=f"{hour}am", pm=f"{hour}pm")  # fmt: skip
        raise BadTime("half_day", text, match[0])
    if hour >= _HOURS:
        text = t("“{words}” is no time of day. Try “19:00” or “7pm”.", words=match[0])
        raise BadTime("no_such_time", text, match[0])
    return time(hour), f"{rest[: match.start()]} {rest[match.end() :]}"


def take_length(rest: str, minutes: int) -> tuple[int, str]:
    """How long it lasts in minutes, `minutes` where nothing says so, and what is left."""
    if (until := _UNTIL.search(rest)) is not None:
        first, last = (int(h) * 60 + int(m) for h, m in (until.group(1, 2), until.group(3, 4)))
        if first < DAY_MINUTES and last < DAY_MINUTES and first != last:
            return (last - first) % DAY_MINUTES, rest.replace(until[0], f"{until[1]}:{until[2]}", 1)
    found = [m for m in _LENGTH.finditer(rest) if m["unit"].casefold() in said.CLOCK_UNITS]
    # "Wed 19h": the only one that says a time.
    hours = [m for m in found if m["unit"] in "hH" and m["n"].isdecimal()]
    found = [m for m in found if m not in hours]
    found += [m for m in hours[-1:] if _TIME.search(_without(rest, m))]
    if not found:
        return minutes, rest
    lasts = float(found[0]["n"].replace(",", "."))
    lasts *= said.CLOCK_UNITS[found[0]["unit"].casefold()]
    if len(found) > 1 or not 1 <= lasts <= DAY_MINUTES or lasts != int(lasts):
        text = t("“{words}” is no length of a meeting. Try “90 min”.", words=found[-1][0])
        raise BadTime("bad_duration", text, found[-1][0])
    return int(lasts), _without(rest, found[0])


def _without(rest: str, match: re.Match[str]) -> str:
    return f"{rest[: match.start()]} {rest[match.end() :]}"
