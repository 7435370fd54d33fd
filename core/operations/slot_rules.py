"""What a group's rule and a cohort's break weeks may be. No database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from core import schedule
from core.errors import Refusal
from core.schedule import Piece, Rule, Slot, monday, with_slot
from core.words import t

LONGEST = 24 * 60  # minutes of a meeting: the column's constraint
MOST_DATES = 200  # the most meetings that a cohort can have
MOST_BREAKS = 60  # weeks: more than a year without a meeting is another cohort
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


def combined(old: Rule | None, new: Rule, since: date | None) -> Rule:
    """The rule that a group gets: `new`, or its slot only from the week of `since` on.

    From a week on only the time changes: another rhythm counts from the start, as does the first
    time of all. Raises Refusal(from_the_start) where that is wanted from a week on.
    """
    if since is None:
        return new
    if old is None or (old.every, old.monthly, old.dates) != (new.every, new.monthly, new.dates):
        text = t("That counts for all meetings to come. Leave “From when on” empty.")
        raise Refusal("from_the_start", text)
    return with_slot(old, new.pieces[-1].slot, since)


def simple(slot: Slot) -> Rule:
    """Every week at this time."""
    return Rule((Piece(slot),))
