"""Pure: what people type for a time ("next friday 7pm", "Mi 19 Uhr Berlin") → an instant or a slot.

Zone, time of day and weekday are read word by word; calendar dates by dateparser. No word is ever
passed over: one that nobody understands is refused, since it may have been the zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.reconcile import spoken_words as said
from core.reconcile.spoken_parts import (
    DAY_MINUTES,
    BadTime,
    clean,
    take_length,
    take_time,
    take_zone,
    unknown,
    unreadable,
    words_of,
)
from core.schedule import Slot, instant
from core.words import LANGUAGES, t

FAR = timedelta(days=5 * 366)  # five years: further away it is a slip of the keyboard
_DAYS, _MONTHS = 7, 12
_AHEAD = re.compile(r"in (?P<n>\d+) ?(?P<unit>[^\W\d_]+)\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class When:
    """An instant (UTC), and the local date and time that the clocks of `zone` (IANA) show then."""

    starts_at: datetime
    day: date
    at: time
    zone: str


def read_when(typed: str, *, now: datetime, zone: str, day: date | None = None) -> When:
    """The time that was typed, seen at `now` (aware) by somebody in `zone` (IANA).

    A time without a day is on `day`; a weekday is the next one whose time has not come yet, "next
    friday" the first Friday after today. A time that the clocks skip moves forward, of one that
    comes twice the first counts. Raises BadTime.
    """
    text = clean(typed)
    spoken, rest = take_zone(text)
    used = spoken or zone
    if (ahead := _AHEAD.fullmatch(rest)) and ahead["unit"].casefold() in said.CLOCK_UNITS:
        minutes = int(ahead["n"][:9]) * said.CLOCK_UNITS[ahead["unit"].casefold()]
        _plus_days(now.date(), minutes // DAY_MINUTES, text)
        starts_at = (now + timedelta(minutes=minutes)).replace(second=0, microsecond=0)
        return _when(starts_at.astimezone(UTC), used, now, text)
    at, rest = take_time(rest)
    left = words_of(rest)
    if left:
        today = now.astimezone(ZoneInfo(used)).date()
        day = _read_day(left, today, lambda d: _instant(d, at, used) > now)
    if day is None:
        raise BadTime("no_day", t("Which day? Try “Wed 19:00” or “tomorrow 18:30”."), text)
    return _when(_instant(day, at, used), used, now, text)


def read_day(typed: str, *, now: datetime, zone: str) -> date:
    """The day that was typed, seen at `now` (aware) by somebody in `zone` (IANA).

    A weekday is the next one, today included. Raises BadTime.
    """
    left = words_of(clean(typed))
    if not left:
        raise unreadable(typed.strip())
    return _read_day(left, now.astimezone(ZoneInfo(zone)).date(), lambda _: True)


def read_slot(typed: str, *, zone: str, minutes: int = 60) -> Slot:
    """The weekly slot that was typed ("every Wednesday 7pm Europe/Berlin 90 min").

    `zone` (IANA) and `minutes` hold where none was typed. Raises BadTime.
    """
    spoken, rest = take_zone(clean(typed))
    minutes, rest = take_length(rest, minutes)
    at, rest = take_time(rest)
    left = [w for w in words_of(rest) if w.casefold() not in said.EVERY | said.LASTING]
    days = [said.weekdays().get(w.casefold().strip(".")) for w in left]
    if days and days[0] is not None and len(days) == 1:
        return Slot(days[0], at, spoken or zone, minutes)
    strange = " ".join(w for w, d in zip(left, days, strict=True) if d is None)
    if strange and len(strange.split()) < len(left):
        raise unknown(strange)
    text = t("Which day of the week, each week? Try “Wed 19:00”.")
    raise BadTime("no_weekday", text, " ".join(left) or typed.strip())


# --- days ----------------------------------------------------------------------------------------

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.?(?:\s?(?:\d{2}|\d{4}))?")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(?:\d{2}|\d{4}))?")


def _read_day(left: list[str], today: date, ahead: Callable[[date], bool]) -> date:
    """The day that these words name. Raises BadTime; a word too many may have been a zone."""
    if (found := _day(left, today, ahead)) is not None:
        return found
    for size in range(len(left) - 1, 0, -1):
        if _day(left[:size], today, ahead) is not None:
            raise unknown(" ".join(left[size:]))
        if _day(left[-size:], today, ahead) is not None:
            raise unknown(" ".join(left[:-size]))
    what = " ".join(left)
    raise unknown(what) if len(left) == 1 and what.isalpha() else unreadable(what)


def _day(left: list[str], today: date, ahead: Callable[[date], bool]) -> date | None:
    key = tuple(w.casefold().strip(".") for w in left)
    if (days := said.DAYS_AHEAD.get(key)) is not None:
        return today + timedelta(days=days)
    if key[0] == "in" and len(key) == 3 and key[1].isdecimal() and key[2] in said.DAY_UNITS:  # noqa: PLR2004
        return _plus_days(today, int(key[1][:9]) * said.DAY_UNITS[key[2]], " ".join(left))
    which = key[0] if key[0] in said.NEXT | said.THIS else ""
    weekday = said.weekdays().get(key[1] if which and len(key) > 1 else key[0])
    if weekday is None:
        return _calendar_day(" ".join(left), today)
    coming = today + timedelta(days=(weekday - today.weekday()) % _DAYS)
    if len(key) == (2 if which else 1):
        stays = which not in said.NEXT and (coming > today or which or ahead(today))
        return coming if coming > today or stays else coming + timedelta(days=_DAYS)
    found = _calendar_day(" ".join(left[1:]), today) if not which else None
    if found is not None and found.weekday() != weekday:
        text = t("{day} is no {weekday}.", day=found.isoformat(), weekday=left[0])
        raise BadTime("wrong_weekday", text, " ".join(left))
    return found


def _calendar_day(text: str, today: date) -> date | None:
    """A date of the calendar; without a year the next one from `today` on."""
    if not any(c.isdigit() for c in text) or re.search(r"(?:^|\s)[\-+]", text):
        return None
    if (iso := _ISO.fullmatch(text)) is not None:
        try:
            return date(*map(int, iso.groups()))
        except ValueError as error:
            raise _no_such_day(text) from error
    european, slashed = _DOTTED.fullmatch(text), _SLASHED.fullmatch(text)
    if slashed and slashed[1] != slashed[2] and max(int(slashed[1]), int(slashed[2])) <= _MONTHS:
        what = t("Is {words} the day first, or the month? Type it as 2026-03-04.", words=text)
        raise BadTime("ambiguous_day", what, text)
    if european and int(european[2]) > _MONTHS:
        raise _no_such_day(text)
    found = _by_dateparser(text, today)
    if found is None and (european or slashed):
        raise _no_such_day(text)
    return found


def _by_dateparser(text: str, today: date) -> date | None:
    # Imported on first use: 20 MB and 0.3 s for what most people never type (decision 0006).
    from dateparser.date import DateDataParser  # noqa: PLC0415

    settings = {
        "DATE_ORDER": "DMY",
        "PARSERS": ["absolute-time"],  # nothing relative: that is read above, or refused
        "PREFER_DATES_FROM": "future",
        # It takes the day of its base for past; ours is still to come.
        "RELATIVE_BASE": datetime.combine(today - timedelta(days=1), time()),
        "REQUIRE_PARTS": ["day", "month"],
    }
    parser = DateDataParser(languages=list(LANGUAGES), settings=settings)
    found = parser.get_date_data(text).date_obj
    # A time or a zone in there was not ours to lose.
    plain = found is not None and found.tzinfo is None and found.time() == time()
    return found.date() if found is not None and plain else None


# --- instants ------------------------------------------------------------------------------------


def _no_such_day(what: str) -> BadTime:
    text = t("There is no such day as “{words}”.", words=what)
    return BadTime("no_such_day", text, what)


def _too_far(what: str) -> BadTime:
    text = t("“{words}” is more than five years away. Is that what you meant?", words=what)
    return BadTime("too_far", text, what)


def _plus_days(today: date, days: int, what: str) -> date:
    if days > FAR.days:
        raise _too_far(what)
    return today + timedelta(days=days)


def _instant(day: date, at: time, zone: str) -> datetime:
    try:
        return instant(day, at, zone)
    except OverflowError as error:
        raise _no_such_day(day.isoformat()) from error


def _when(starts_at: datetime, zone: str, now: datetime, what: str) -> When:
    if starts_at <= now:
        text = t("“{words}” is over already.", words=what)
        raise BadTime("past", text, what)
    if starts_at - now > FAR:
        raise _too_far(what)
    shown = starts_at.astimezone(ZoneInfo(zone))
    return When(starts_at, shown.date(), shown.time(), zone)
