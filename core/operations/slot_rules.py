"""What a group's rule and a cohort's break weeks may be. No database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from core import schedule
from core.errors import Refusal
from core.schedule import Piece, Rule, Slot, from_day, monday
from core.words import t

LONGEST = 24 * 60  # minutes of a meeting: the column's constraint
MOST_DATES = 200  # the most meetings that a cohort can have
MOST_BREAKS = 60  # weeks: more than a year without a meeting is another cohort
DAY, WEEK = timedelta(days=1), timedelta(days=7)
_YEARS = range(2000, 2200)  # what lies outside is a slip of the finger


def checked(rule: Rule) -> Rule:
    """The rule, if a group can meet by it. Raises Refusal(out_of_range, unknown_zone, no_dates)."""
    for piece in rule.pieces:
        if not 1 <= piece.slot.minutes <= LONGEST:
            text = t("A meeting lasts {low} to {high} minutes.", low=1, high=LONGEST)
            raise Refusal("out_of_range", text)
        try:
            schedule.zone_info(piece.slot.zone)
        except schedule.UnknownZone as error:
            text = t("“{typed}” is no time zone I know. Try a city: Europe/Berlin.",
                     typed=error.zone[:60])  # fmt: skip
            raise Refusal("unknown_zone", text) from error
    _sane(rule.dates, MOST_DATES)
    return rule


def weeks(breaks: Iterable[date]) -> list[str]:
    """Break weeks as they are stored: ISO Mondays, in order. Raises Refusal(out_of_range)."""
    found = sorted({monday(day) for day in breaks})
    _sane(found, MOST_BREAKS)
    return [day.isoformat() for day in found]


def _sane(days: Sequence[date], most: int) -> None:
    if len(days) > most:
        raise Refusal("out_of_range", t("That are too many dates: {n} are possible.", n=most))
    for day in days:
        if day.year not in _YEARS:
            raise Refusal("out_of_range", t("{day} is too far away. Check the year.", day=str(day)))


def begins(rule: Rule, now: datetime) -> date:
    """The first day on which a group can meet by this rule: today, unless its time is past."""
    slot = rule.pieces[-1].slot
    clock = schedule.local(now, slot.zone)
    return clock.date() + (DAY if clock.time() >= slot.at else timedelta())


def combined(
    old: Rule | None, new: Rule, since: date | None, soonest: date, begun: Collection[date]
) -> Rule:
    """The rule that a group gets: `new` from the day `since` on, or for all that is to come.

    `soonest`: what `begins` says. `begun`: the days of the meetings of its series
    that have begun; they stay, and count.
    """
    if old is None or (since is None and not begun):
        return replace(new, since=since)
    first = max(since or soonest, soonest)
    if begun:
        last = max(begun)
        weekly = not new.monthly and not new.dates  # then one a week, also in this one
        first = max(first, monday(last) + WEEK if weekly else last + DAY)
    return from_day(old, new, first)


def simple(slot: Slot) -> Rule:
    """Every week at this time."""
    return Rule((Piece(slot),))
