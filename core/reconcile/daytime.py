"""Pure: "it is 19:05 for me now" → the cities where it is that time, those of most people first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location

from core import words

DAY = 24 * 60  # minutes
# Every offset in use is a multiple of a quarter of an hour, from UTC-12 to UTC+14 (IANA tz).
STEP = 15
EARLIEST, LATEST = -12 * 60, 14 * 60
_HOURS, _HALF, _MINUTES = 24, 12, 60

_CLOCK = re.compile(
    r"""(?:(?P<h>\d{1,2})(?:\s*[:.h]\s*(?P<m>\d{2}))?|(?P<hm>\d{3,4}))  # 19, 19:05, 19.05, 19h05
        \s*(?:uhr|h|o['’]?clock)?\s*
        (?P<half>[ap]\.?\s?m\.?)?""",  # 7 pm, 7 p.m.
    re.VERBOSE,
)

# Shown first, in this order: large cities, at least one for each offset that many people have.
COMMON = (
    "Europe/Berlin", "Europe/London", "Europe/Vienna", "Europe/Zurich", "America/New_York",
    "America/Los_Angeles", "America/Chicago", "Europe/Paris", "Europe/Madrid", "Europe/Rome",
    "Europe/Amsterdam", "Europe/Warsaw", "Europe/Istanbul", "Europe/Athens", "Europe/Kyiv",
    "Europe/Lisbon", "Europe/Moscow", "America/Denver", "America/Phoenix", "America/Toronto",
    "America/Mexico_City", "America/Bogota", "America/Lima", "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires", "America/Santiago", "America/St_Johns", "America/Halifax",
    "America/Anchorage", "Pacific/Honolulu", "Africa/Cairo", "Africa/Johannesburg",
    "Africa/Lagos", "Africa/Nairobi", "Asia/Jerusalem", "Asia/Dubai", "Asia/Tehran",
    "Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Yangon",
    "Asia/Bangkok", "Asia/Jakarta", "Asia/Ho_Chi_Minh", "Asia/Shanghai", "Asia/Hong_Kong",
    "Asia/Singapore", "Asia/Manila", "Australia/Perth", "Asia/Tokyo", "Asia/Seoul",
    "Australia/Adelaide", "Australia/Darwin", "Australia/Sydney", "Australia/Brisbane",
    "Pacific/Auckland", "Pacific/Chatham",
)  # fmt: skip
_RANK = {zone: rank for rank, zone in enumerate(COMMON)}

# The zone of most people who use Discord in a language; English says nothing about a place.
_BY_LOCALE = {
    "bg": "Europe/Sofia", "cs": "Europe/Prague", "da": "Europe/Copenhagen",
    "de": "Europe/Berlin", "el": "Europe/Athens", "en-GB": "Europe/London",
    "es-ES": "Europe/Madrid", "fi": "Europe/Helsinki", "fr": "Europe/Paris",
    "hi": "Asia/Kolkata", "hr": "Europe/Zagreb", "hu": "Europe/Budapest",
    "id": "Asia/Jakarta", "it": "Europe/Rome", "ja": "Asia/Tokyo", "ko": "Asia/Seoul",
    "lt": "Europe/Vilnius", "nl": "Europe/Amsterdam", "no": "Europe/Oslo",
    "pl": "Europe/Warsaw", "pt-BR": "America/Sao_Paulo", "ro": "Europe/Bucharest",
    "sv-SE": "Europe/Stockholm", "th": "Asia/Bangkok", "tr": "Europe/Istanbul",
    "uk": "Europe/Kyiv", "vi": "Asia/Ho_Chi_Minh", "zh-CN": "Asia/Shanghai",
    "zh-TW": "Asia/Taipei",
}  # fmt: skip


def parse(typed: str) -> int | None:
    """The time of day that was typed, in minutes after midnight; None for what is no time.

    Understood: 19:05, 19.05 Uhr, 19h05, 1905, 19, 7pm, 7:05 p.m.
    """
    match = _CLOCK.fullmatch(typed.strip().lower())
    if match is None:
        return None
    digits = match["hm"]
    hour = int(digits[:-2] if digits else match["h"])
    minute = int(digits[-2:] if digits else match["m"] or 0)
    half = (match["half"] or "")[:1]
    if half:
        if not 1 <= hour <= _HALF:
            return None
        hour = hour % _HALF + (_HALF if half == "p" else 0)
    if hour == _HOURS and minute == 0:
        hour = 0
    return hour * 60 + minute if hour < _HOURS and minute < _MINUTES else None


def offsets(minutes: int, now: datetime) -> list[int]:
    """The offsets from UTC, in minutes, of places where it is `minutes` after midnight at `now`.

    `now` is aware. A clock that is some minutes off is taken for the nearest quarter of an hour.
    There are two where it is today in one place and yesterday in another.
    """
    utc = now.hour * 60 + now.minute
    ahead = round((minutes - utc) / STEP) * STEP % DAY
    return [o for o in (ahead, ahead - DAY) if EARLIEST <= o <= LATEST]


def offset(zone: str, now: datetime) -> int:
    """How far an IANA zone is from UTC at `now` (aware), in minutes."""
    return int((now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()).total_seconds() // 60)


def zones_at(wanted: Sequence[int], now: datetime) -> list[str]:
    """Every IANA zone with one of these offsets at `now`: common ones first, then by city."""
    found = [zone for zone in cities() if offset(zone, now) in wanted]
    return sorted(found, key=lambda z: (_RANK.get(z, len(COMMON)), city(z).casefold()))


def zone_for(locale: str) -> str | None:
    """The zone of most people whose Discord speaks `locale`; None where that cannot be said."""
    return _BY_LOCALE.get(locale)


@cache
def cities() -> tuple[str, ...]:
    """The zones that are somebody's own (no aliases of them), from the IANA table zone.tab."""
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and line[0] != "#")
    return tuple(sorted({row[2] for row in rows}))


def city(zone: str) -> str:
    """What people call it, in the language spoken now: Europe/Vienna is "Vienna" or "Wien"."""
    return _city(zone, words.language())


@cache
def _city(zone: str, language: str) -> str:
    if "/" not in zone:
        return zone
    name = str(get_timezone_location(zone, locale=language, return_city=True))
    return name.rsplit("/", 1)[-1]  # "Argentina/Buenos Aires"


@cache
def by_city() -> dict[str, str]:
    """IANA zones by the lower-case name of their city, in every language of Muster."""
    found = {_city(zone, code).casefold(): zone for code in words.LANGUAGES for zone in cities()}
    return found | {zone.rsplit("/", 1)[-1].replace("_", " ").casefold(): zone for zone in cities()}
