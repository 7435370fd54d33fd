"""From what people type or choose about times to values; every refusal names a way out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial, reduce
from typing import ParamSpec, TypeVar

from bot.ui import meeting_words
from bot.ui.answer import Field, calendar_day, number
from core.clock import utcnow
from core.errors import Refusal
from core.operations import settings
from core.operations.slot_rules import simple
from core.reconcile.spoken_parts import BadTime
from core.reconcile.spoken_time import When, read_day, read_slot, read_when
from core.schedule import Piece, Rule, Slot
from core.words import mark, t

MINUTES = 60  # how long a meeting lasts where nobody said it, as in core.schedule
RHYTHMS = {
    "weekly": mark("Every week"),
    "biweekly": mark("Every two weeks"),
    "monthly": mark("Once a month, on the same day of the month"),
    "dates": mark("On certain dates only"),
}
_TYPED = 100  # characters for a time, as core.reconcile.spoken_time reads them
_DATES = 1000  # characters for a list of dates: eighty of them
T = TypeVar("T")
P = ParamSpec("P")


async def aside(what: Callable[P, T], *typed: P.args, **more: P.kwargs) -> T:
    """One of the readers below, beside the event loop: a list of dates takes seconds to read."""
    return await asyncio.to_thread(what, *typed, **more)


def read(what: Callable[[], T]) -> T:
    """Whatever core.reconcile.spoken_time reads; what it cannot read becomes a Refusal.

    A zone that is spelt nearly right comes with suggestions, and never counts as one of them.
    """
    try:
        return what()
    except BadTime as error:
        near = list(error.zones) or (
            settings.zones_near(error.words)[:3] if error.code == "unknown_zone" else []
        )
        if not near:
            raise Refusal(error.code, error.sentence) from error
        meant = reduce(lambda one, other: t("{one} or {other}", one=one, other=other), near)
        text = t("{sentence} Did you mean {zones}?", sentence=error.sentence, zones=meant)
        raise Refusal(error.code, text) from error


def moment(typed: str, zone: str, day: date | None = None) -> When:
    """The instant that was typed, by the clocks of `zone` (IANA) where no other was named.

    A time without a day is on `day`. Raises Refusal.
    """
    return read(lambda: read_when(typed, now=utcnow(), zone=zone, day=day))


def minutes(typed: str) -> int | None:
    """The length that was typed, None for nothing. Raises Refusal(no_number)."""
    return number(typed, t("Minutes")) if typed.strip() else None


def days(typed: str, zone: str) -> tuple[date, ...]:
    """Days with commas between them: 2026-03-02, 2.3.2026, "4 March". Raises Refusal."""
    found = []
    for part in typed.replace(";", ",").replace("\n", ",").split(","):
        if not part.strip():
            continue
        try:
            found.append(calendar_day(part))
        except Refusal:
            found.append(read(partial(read_day, part, now=utcnow(), zone=zone)))
    return tuple(sorted(set(found)))


def fields(
    rule: Rule | None, zone: str, length: int = MINUTES, *, typed: str | None = None
) -> list[Field]:
    """What a form asks about the time of a group, as it is now."""
    last = rule.pieces[-1].slot if rule is not None else None
    shown = typed if typed is not None else meeting_words.typed(last) if last else ""
    listed = ", ".join(day.isoformat() for day in rule.dates) if rule is not None else ""
    return [
        Field("when", t("When"), shown,
              t("Like “Wed 19:00”; without a zone it is {zone}", zone=zone), _TYPED),
        Field("minutes", t("Minutes"), str(last.minutes if last else length), limit=20),
        Field("rhythm", t("How often"), meeting_words.rhythm_of(rule),
              options=tuple((key, t(label)) for key, label in RHYTHMS.items())),
        Field("dates", t("Dates"), listed,
              t("Only for certain dates, or the first day of a monthly one"), _DATES,
              required=False),
    ]  # fmt: skip


def weeks_field(breaks: tuple[str, ...] | list[str]) -> Field:
    """A cohort's weeks without meetings."""
    return Field(
        "breaks", t("Weeks without meetings"), ", ".join(breaks),
        t("Any day of each week, with commas, like 2026-04-06"), _DATES, required=False,
    )  # fmt: skip


def filled(typed: Mapping[str, str], rule: Rule | None) -> dict[str, str]:
    """What a command left out, as it is now: only what was typed changes.

    Whoever types dates means these dates, unless a rhythm was chosen.
    """
    values = {key: value for key, value in typed.items() if value}
    usual = {field.key: field.value for field in fields(rule, "")} if rule is not None else {}
    if values.get("dates") and "rhythm" not in values:
        values["rhythm"] = "monthly" if usual.get("rhythm") == "monthly" else "dates"
    if "rhythm" in values and values["rhythm"] != usual.get("rhythm"):
        usual.pop("dates", None)
    return {**dict.fromkeys(typed, ""), **usual, **values}


def rule_of(typed: Mapping[str, str], zone: str) -> Rule:
    """A form's or command's time as a rule. Raises Refusal."""
    length = minutes(typed.get("minutes", ""))
    rhythm = typed.get("rhythm") or "weekly"
    dates = days(typed.get("dates", ""), zone)
    length = MINUTES if length is None else length
    slot = _slot(typed["when"], zone, length, weekly="week" in rhythm)
    if rhythm == "dates":
        if not dates:
            raise Refusal("no_dates", t("Type the dates, like 2026-03-04, 2026-03-18."))
        return Rule((Piece(slot),), dates=dates)
    if rhythm == "monthly":
        return Rule((Piece(slot),), monthly=True, dates=dates[:1])
    return Rule((Piece(slot),), every=2) if rhythm == "biweekly" else simple(slot)


def _slot(typed: str, zone: str, length: int, *, weekly: bool) -> Slot:
    def spoken() -> Slot:
        try:
            found = read_slot(typed, zone=zone, minutes=length)
        except BadTime as error:
            if weekly or error.code != "no_weekday":
                raise
            # By dates or by the month, the day of the week follows from the date.
            found = read_slot("Mon" + " " + typed, zone=zone, minutes=length)
        return found

    if not length >= 1:
        raise Refusal("out_of_range", t("A meeting lasts {low} to {high} minutes.", low=1,
                                        high=24 * 60))  # fmt: skip
    return read(spoken)


def since(typed: str, zone: str) -> date | None:
    """The day from which a new time counts, None for all that is to come. Raises Refusal."""
    found = days(typed, zone)
    if len(found) > 1:
        raise Refusal("two_days", t("There are two days in that. Which one do you mean?"))
    return found[0] if found else None
