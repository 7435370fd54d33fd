"""Pure: the words in which people say days and zones, English and German, and what they mean."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

from babel.dates import get_day_names, get_month_names

from core import words
from core.reconcile import daytime

# Columns of the CLDR tables: "wednesday", "wed", and "we" for weekdays.
_WIDTHS: tuple[Literal["wide", "abbreviated"], ...] = ("wide", "abbreviated")
_DAY_WIDTHS: tuple[Literal["wide", "abbreviated", "short"], ...] = (*_WIDTHS, "short")

# What people write besides the forms of the CLDR tables (Babel).
_MORE_DAYS: dict[str, int] = {"tues": 1, "weds": 2, "thur": 3, "thurs": 3, "sonnabend": 5}
FILLERS = frozenset({"at", "on", "um", "am", "the", "den", "dem", "der", "@", "from", "ab"})
EVERY = frozenset({"every", "each", "all", "always", "weekly", "wöchentlich", "woechentlich",
                   "jede", "jeden", "jeder", "jedes", "alle", "immer"})  # fmt: skip
LASTING = frozenset({"for", "für", "fuer", "lang", "long", "à"})
NEXT = frozenset({"next", "coming", "nächste", "nächsten", "nächster", "naechste", "naechsten",
                  "naechster", "kommende", "kommenden", "kommender"})  # fmt: skip
THIS = frozenset({"this", "diese", "diesen", "dieser"})
DAYS_AHEAD = {
    ("today",): 0, ("tonight",): 0, ("heute",): 0,
    ("yesterday",): -1, ("gestern",): -1, ("tomorrow",): 1, ("morgen",): 1,
    ("übermorgen",): 2, ("uebermorgen",): 2, ("day", "after", "tomorrow"): 2,
}  # fmt: skip
# Minutes of a unit of time that a clock counts, and days of one that a calendar counts.
CLOCK_UNITS = dict.fromkeys(
    ("m", "min", "mins", "minute", "minutes", "minuten"), 1
) | dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"), 60)
DAY_UNITS = dict.fromkeys(("day", "days", "tag", "tage", "tagen"), 1) | dict.fromkeys(
    ("week", "weeks", "woche", "wochen"), 7
)

# Abbreviations stand for an offset, not for a place: "EST" is wrong in New York all summer, IST is
# India, Ireland or Israel. They are refused, and these places are offered instead.
ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("cet", "cest", "met", "mez", "mesz"), ("Europe/Berlin", "Europe/Paris")),
    **dict.fromkeys(("eet", "eest", "oez", "oesz"), ("Europe/Athens", "Europe/Kyiv")),
    **dict.fromkeys(("wet", "west"), ("Europe/Lisbon", "Atlantic/Canary")),
    "bst": ("Europe/London", "Asia/Dhaka"),
    "ist": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "msk": ("Europe/Moscow",),
    **dict.fromkeys(("et", "est", "edt", "est5edt"), ("America/New_York", "America/Toronto")),
    **dict.fromkeys(("ct", "cst", "cdt", "cst6cdt"), ("America/Chicago", "Asia/Shanghai")),
    **dict.fromkeys(("mt", "mst", "mdt", "mst7mdt"), ("America/Denver", "America/Phoenix")),
    **dict.fromkeys(("pt", "pst", "pdt", "pst8pdt"), ("America/Los_Angeles",)),
    **dict.fromkeys(("akst", "akdt"), ("America/Anchorage",)),
    "hst": ("Pacific/Honolulu",),
    **dict.fromkeys(("brt", "brst"), ("America/Sao_Paulo",)),
    "sast": ("Africa/Johannesburg",),
    "gst": ("Asia/Dubai",),
    "pkt": ("Asia/Karachi",),
    "sgt": ("Asia/Singapore",),
    "hkt": ("Asia/Hong_Kong",),
    "jst": ("Asia/Tokyo",),
    "kst": ("Asia/Seoul",),
    "awst": ("Australia/Perth",),
    **dict.fromkeys(("acst", "acdt"), ("Australia/Adelaide",)),
    **dict.fromkeys(("aest", "aedt"), ("Australia/Sydney", "Australia/Brisbane")),
    **dict.fromkeys(("nzst", "nzdt"), ("Pacific/Auckland",)),
}
_ALWAYS = {"utc": "UTC", "gmt": "UTC", "z": "UTC"}  # the same all year, and everywhere
_NO_PLACE = ("Factory",)


@cache
def weekdays() -> dict[str, int]:
    """0 (Monday) to 6 by what people call it, lower case: "wed", "mittwoch", "wednesdays"."""
    found = dict(_MORE_DAYS)
    for locale in words.LANGUAGES:
        for width in _DAY_WIDTHS:
            names = get_day_names(width, locale=locale)
            found |= {str(name).casefold().strip("."): day for day, name in names.items()}
            if width == "wide":
                found |= {f"{name}s".casefold(): day for day, name in names.items()}
    return found


@cache
def months() -> frozenset[str]:
    """Names of months, lower case, as a number beside one is a day: "april", "apr", "märz"."""
    tables = [get_month_names(w, locale=c) for c in words.LANGUAGES for w in _WIDTHS]
    return frozenset(str(name).casefold().strip(".") for t in tables for name in t.values())


@cache
def zone_names() -> dict[str, str]:
    """Every IANA zone that is a place, old names included, by its lower-case name."""
    listed = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    return {name.lower(): name for name in listed if name not in _NO_PLACE}


def zone_named(said: str) -> str | None:
    """The IANA zone called that: UTC, its own name in any case, or a city. Not an abbreviation."""
    key = " ".join(said.split()).casefold()
    if key in ABBREVIATIONS:
        return None
    return _ALWAYS.get(key) or zone_names().get(key.replace(" ", "_")) or daytime.by_city().get(key)
