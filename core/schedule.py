"""Pure: a weekly slot in local time → the meetings of a series, daylight saving included.

A series is kept as weekday + wall time + IANA zone; instants (UTC) are worked out from it. Naive
local arithmetic comes first and the zone last: "a week later" is the same wall time, not 168 hours.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count as count_up
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

DAYS = 7
MINUTES = 60  # how long a meeting lasts where nobody said it
# A meeting that begins then is asked about: "this is at night for …". Our choice of hours.
NIGHT_FROM, NIGHT_UNTIL = time(23), time(6)
# Files of a zone directory that are no place: what they mean depends on the machine.
_NO_PLACE = frozenset({"localtime", "posixrules", "Factory"})
_NO_FOLDER = ("posix/", "right/")  # the latter counts leap seconds

Every = Literal[1, 2]


class UnknownZone(ValueError):
    """No such IANA zone; `zone` is what was asked for."""

    def __init__(self, zone: str) -> None:
        super().__init__(f"unknown time zone: {zone!r}")
        self.zone = zone


@dataclass(frozen=True, slots=True)
class Slot:
    """A weekday (0 is Monday), a naive wall time, an IANA zone and how many minutes it lasts."""

    weekday: int
    at: time
    zone: str
    minutes: int = MINUTES

    def __post_init__(self) -> None:
        if not 0 <= self.weekday < DAYS or self.minutes < 1:
            raise ValueError(f"no such slot: weekday {self.weekday}, {self.minutes} minutes")
        if self.at.tzinfo is not None:
            raise ValueError("a slot's time is a wall time, without a zone of its own")

    def to_json(self) -> dict[str, Any]:
        at = self.at.isoformat("minutes" if self.at == self.at.replace(second=0) else "auto")
        return {"weekday": self.weekday, "at": at, "zone": self.zone, "minutes": self.minutes}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Slot:
        """What `to_json` made. Raises KeyError or ValueError for anything else."""
        at = time.fromisoformat(value["at"])
        return cls(int(value["weekday"]), at, str(value["zone"]), int(value["minutes"]))


@dataclass(frozen=True, slots=True)
class Piece:
    """A slot in force from the week of `since` on (its Monday is kept); None: always."""

    slot: Slot
    since: date | None = None

    def __post_init__(self) -> None:
        if self.since is not None:
            object.__setattr__(self, "since", monday(self.since))


@dataclass(frozen=True, slots=True)
class Rule:
    """How a group meets.

    Every week or every two weeks by its pieces; `monthly`: from `dates[0]` on, on its day of the
    month, from the start where there is none; `dates` alone: on these days. Pieces are kept by
    `since`. All of that from the day `since` on; until then by `before`, whose numbers go on.
    """

    pieces: tuple[Piece, ...]
    every: Every = 1
    monthly: bool = False
    dates: tuple[date, ...] = ()
    since: date | None = None
    before: Rule | None = None

    def __post_init__(self) -> None:
        if not self.pieces or self.every not in get_args(Every):
            raise ValueError("a rule needs a slot, and every 1 or 2 weeks")
        by_since = sorted(self.pieces, key=lambda p: p.since or date.min)
        object.__setattr__(self, "pieces", tuple(by_since))
        object.__setattr__(self, "dates", tuple(sorted(set(self.dates))))

    def slot_for(self, day: date) -> Slot:
        """The slot in force in the week of `day`; the first one before any began."""
        if self.before is not None and self.since is not None and day < self.since:
            return self.before.slot_for(day)
        return self.own_slot(day)

    def own_slot(self, day: date) -> Slot:
        """Likewise, of the rule as it is from `since` on: weeks begin before it does."""
        week, found = monday(day), self.pieces[0]
        for piece in self.pieces[1:]:
            if piece.since is None or piece.since <= week:
                found = piece
        return found.slot

    def to_json(self) -> dict[str, Any]:
        return {
            "pieces": [
                {"slot": p.slot.to_json(), "since": p.since.isoformat() if p.since else None}
                for p in self.pieces
            ],
            "every": self.every,
            "monthly": self.monthly,
            "dates": [day.isoformat() for day in self.dates],
            **({"since": self.since.isoformat()} if self.since else {}),
            **({"before": self.before.to_json()} if self.before else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rule:
        """What `to_json` made. Raises KeyError or ValueError for anything else."""
        pieces = tuple(
            Piece(Slot.from_json(p["slot"]), date.fromisoformat(p["since"]) if p["since"] else None)
            for p in value["pieces"]
        )
        dates = tuple(date.fromisoformat(day) for day in value["dates"])
        since = date.fromisoformat(value["since"]) if value.get("since") else None
        before = cls.from_json(value["before"]) if value.get("before") else None
        return cls(pieces, value["every"], bool(value["monthly"]), dates, since, before)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A meeting of a series: `day` (local date, its identity), `starts_at` (UTC), minutes.

    `number` is None for one that was postponed: it does not count.
    """

    day: date
    starts_at: datetime
    minutes: int
    number: int | None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


def monday(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


@cache
def zone_info(zone: str) -> ZoneInfo:
    """The zone of that IANA name, old names included. Raises UnknownZone; never falls back."""
    if zone in _NO_PLACE or zone.startswith(_NO_FOLDER):
        raise UnknownZone(zone)
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:  # not there · no name · a folder, too long
        raise UnknownZone(zone) from error


def instant(day: date, at: time, zone: str) -> datetime:
    """When the wall time `at` of `day` is in an IANA zone, aware and in UTC.

    A time that the clocks skip moves forward by what they skip (02:30 in Berlin on 29 March 2026
    is shown as 03:30); of a time that comes twice the first one counts. Raises UnknownZone.
    """
    if at.tzinfo is not None:
        raise ValueError("a wall time has no zone of its own")
    # fold=0 is the offset before the change: the first of two, and forward out of a gap.
    return datetime.combine(day, at.replace(fold=0), zone_info(zone)).astimezone(UTC)


def local(moment: datetime, zone: str) -> datetime:
    """An aware instant on the clocks of an IANA zone. Raises UnknownZone."""
    return moment.astimezone(UTC).astimezone(zone_info(zone))


def night_for(starts_at: datetime, zone: str) -> bool:
    """Whether it begins between 23:00 and 06:00 on the clocks of an IANA zone."""
    at = local(starts_at, zone).time()
    return at >= NIGHT_FROM or at < NIGHT_UNTIL


def monthly(start: date, day: int) -> Iterator[date]:
    """The days from `start` on that are the `day`-th (1 to 31) of their month, without end.

    In a shorter month it is the last day: 31 January, 28 February, 31 March.
    """
    for month in count_up(start.year * 12 + start.month - 1):
        first = date(month // 12, month % 12 + 1, 1)
        found = first.replace(day=min(day, monthrange(first.year, first.month)[1]))
        if found >= start:
            yield found


def with_slot(rule: Rule, slot: Slot, since: date) -> Rule:
    """The rule with `slot` from the week of `since` on; what was to begin then or later is gone."""
    week = monday(since)
    kept = tuple(p for p in rule.pieces if p.since is None or p.since < week)
    if kept and kept[-1].slot == slot:
        return replace(rule, pieces=kept)
    return replace(rule, pieces=(*kept, Piece(slot, week)))


def from_day(old: Rule, new: Rule, since: date) -> Rule:
    """`old` until the day `since`, then `new`: what was numbered by then counts.

    Where the rhythm is the same only the slot changes, from the week of the first such day on: no
    meeting comes to lie before `since`. What was to begin on that day or later is gone.
    """
    if old.since is not None and since <= old.since:
        return replace(new, since=since) if old.before is None else from_day(old.before, new, since)
    if (old.every, old.monthly, old.dates) == (new.every, new.monthly, new.dates):
        weekly = not new.monthly and not new.dates
        return with_slot(old, new.pieces[-1].slot, _first(new, since) if weekly else since)
    return replace(new, since=since, before=old)


def occurrences(
    rule: Rule,
    start: date,
    count: int,
    breaks: Collection[date] = (),
    postponed: Collection[date] = (),
) -> tuple[Occurrence, ...]:
    """The series from its first day on or after `start`, until `count` meetings are numbered.

    `breaks`: break weeks, by any day in them; nothing is in them and the series goes on after.
    `postponed`: days of meetings that do not count (in a weekly or monthly series: the meeting of
    that week, so that it stays postponed when the slot changes); they come without a number.
    Explicit `dates` are all used, whatever `start` and `count` say: nothing is added at their end.
    Raises UnknownZone, and OverflowError beyond the year 9999.
    """
    listed = bool(rule.dates) and not rule.monthly
    off = {monday(day) for day in breaks}
    mine = {day for day in postponed if rule.since is None or day >= rule.since}
    later = mine if listed else {monday(day) for day in mine}
    found = list[Occurrence]()
    if rule.before is not None and rule.since is not None:
        earlier = occurrences(rule.before, start, count, breaks, set(postponed) - mine)
        found = [o for o in earlier if o.day < rule.since]
    number = max((o.number or 0 for o in found), default=0)
    for day, slot in _days(rule, start):
        if number >= count and not listed:
            break
        if monday(day) in off:
            continue
        counts = (day if listed else monday(day)) not in later
        number += counts
        starts_at = instant(day, slot.at, slot.zone)
        found.append(Occurrence(day, starts_at, slot.minutes, number if counts else None))
    return tuple(found)


def _days(rule: Rule, start: date) -> Iterator[tuple[date, Slot]]:
    """The days of a series and their slots, without end except for explicit dates."""
    first = max(start, rule.since or start, *(rule.dates if rule.monthly else ()))
    if not rule.monthly and not rule.dates:
        return _weeks(rule, first)
    if rule.monthly:
        days: Iterable[date] = monthly(first, (rule.dates or (start,))[0].day)
    else:
        days = (day for day in rule.dates if rule.since is None or day >= rule.since)
    return ((day, rule.slot_for(day)) for day in days)


def _weeks(rule: Rule, start: date) -> Iterator[tuple[date, Slot]]:
    first = _first(rule, start)
    # A slot that changes before the first meeting was never in force: the next one anchors.
    while len(rule.pieces) > 1 and (rule.pieces[1].since or date.min) <= monday(first):
        rule = replace(rule, pieces=rule.pieces[1:])
        first = _first(rule, start)
    for step in count_up():
        week = monday(first) + timedelta(days=DAYS * rule.every * step)
        slot = rule.own_slot(week)
        yield week + timedelta(days=slot.weekday), slot


def _first(rule: Rule, start: date) -> date:
    return start + timedelta(days=(rule.pieces[0].slot.weekday - start.weekday()) % DAYS)
