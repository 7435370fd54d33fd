"""Series over the changes of the clocks. Expected instants are written out, never computed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import pytest

from core.reconcile.clock_shifts import clock_shifts
from core.schedule import (
    Occurrence,
    Piece,
    Rule,
    Slot,
    UnknownZone,
    from_day,
    instant,
    local,
    monthly,
    night_for,
    occurrences,
    with_slot,
)

BERLIN, NEW_YORK, KOLKATA = "Europe/Berlin", "America/New_York", "Asia/Kolkata"
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


def day(text: str) -> date:
    """A day; "03-22" is one of 2026."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text if text[4] == "-" else f"2026-{text}").replace(tzinfo=UTC)


def weekly(weekday: int, at: str, zone: str = BERLIN, every: int = 1) -> Rule:
    slot = Slot(weekday, time.fromisoformat(at), zone)
    return Rule((Piece(slot),), every=every)  # type: ignore[arg-type]


def starts(found: tuple[Occurrence, ...]) -> list[datetime]:
    return [o.starts_at for o in found]


def numbered(found: tuple[Occurrence, ...]) -> list[tuple[date, int | None]]:
    return [(o.day, o.number) for o in found]


# --- the table of daylight saving -----------------------------------------------------------------

TABLE = [
    ("Berlin 19:00 into summer", SUN, "19:00", BERLIN, "03-22", ["03-22 18:00", "03-29 17:00"]),
    ("Berlin 19:00 into winter", SUN, "19:00", BERLIN, "10-18", ["10-18 17:00", "10-25 18:00"]),
    ("Berlin in the gap", SUN, "02:30", BERLIN, "03-22",
     ["03-22 01:30", "03-29 01:30", "04-05 00:30"]),
    ("Berlin in the fold", SUN, "02:30", BERLIN, "10-18",
     ["10-18 00:30", "10-25 00:30", "11-01 01:30"]),
    ("New York in the gap", SUN, "02:30", NEW_YORK, "03-01",
     ["03-01 07:30", "03-08 07:30", "03-15 06:30"]),
    ("New York in the fold", SUN, "01:30", NEW_YORK, "10-25",
     ["10-25 05:30", "11-01 05:30", "11-08 06:30"]),
    ("Kolkata has none", WED, "19:00", KOLKATA, "03-04",
     ["03-04 13:30", "03-11 13:30", "03-18 13:30", "03-25 13:30", "04-01 13:30"]),
    ("Lord Howe moves by half an hour", SUN, "19:00", "Australia/Lord_Howe", "03-29",
     ["03-29 08:00", "04-05 08:30"]),
    ("Lord Howe in its gap of half an hour", SUN, "02:15", "Australia/Lord_Howe", "09-27",
     ["09-26 15:45", "10-03 15:45", "10-10 15:15"]),
    ("Lord Howe in its fold", SUN, "01:45", "Australia/Lord_Howe", "03-29",
     ["03-28 14:45", "04-04 14:45", "04-11 15:15"]),
    ("Cairo in the gap after midnight", FRI, "00:30", "Africa/Cairo", "04-17",
     ["04-16 22:30", "04-23 22:30", "04-30 21:30"]),
    ("Casablanca leaves for Ramadan and comes back", WED, "19:00", "Africa/Casablanca", "02-11",
     ["02-11 18:00", "02-18 19:00", "02-25 19:00", "03-04 19:00", "03-11 19:00", "03-18 19:00",
      "03-25 18:00"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("weekday", "at", "zone", "start", "want"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_daylight_saving(weekday: int, at: str, zone: str, start: str, want: list[str]) -> None:
    found = occurrences(weekly(weekday, at, zone), day(start), len(want))
    assert starts(found) == [utc(text) for text in want]
    assert [o.starts_at.tzinfo for o in found] == [UTC] * len(want)
    assert [o.number for o in found] == list(range(1, len(want) + 1))


@pytest.mark.parametrize(
    ("on", "at", "zone", "shown"),
    [
        ("03-29", "02:30", BERLIN, "03:30"),
        ("03-08", "02:30", NEW_YORK, "03:30"),
        ("10-25", "02:30", BERLIN, "02:30"),
        ("04-24", "00:30", "Africa/Cairo", "01:30"),
        ("10-04", "02:15", "Australia/Lord_Howe", "02:45"),
    ],
)
def test_a_skipped_time_is_shown_moved_forward(on: str, at: str, zone: str, shown: str) -> None:
    starts_at = instant(day(on), time.fromisoformat(at), zone)
    seen = local(starts_at, zone)
    assert (seen.date(), seen.time()) == (day(on), time.fromisoformat(shown))


def test_berlin_at_seven_seen_from_new_york() -> None:
    found = occurrences(weekly(SUN, "19:00"), day("03-01"), 6)
    days = ("03-01", "03-08", "03-15", "03-22", "03-29", "04-05")
    assert [o.day for o in found] == [day(d) for d in days]
    assert [local(o.starts_at, NEW_YORK).hour for o in found] == [13, 14, 14, 14, 13, 13]


@pytest.mark.parametrize(
    ("weekday", "at", "zone", "start", "day_before", "quarter_before"),
    [  # of the second meeting, the one behind the change
        (SUN, "19:00", BERLIN, "03-22", "03-28 17:00", "03-29 16:45"),
        (SUN, "19:00", BERLIN, "10-18", "10-24 18:00", "10-25 17:45"),
        (SUN, "02:30", BERLIN, "03-22", "03-28 01:30", "03-29 01:15"),
        (SUN, "02:30", BERLIN, "10-18", "10-24 00:30", "10-25 00:15"),
        (SUN, "02:30", NEW_YORK, "03-01", "03-07 07:30", "03-08 07:15"),
        (SUN, "01:30", NEW_YORK, "10-25", "10-31 05:30", "11-01 05:15"),
        (SUN, "19:00", "Australia/Lord_Howe", "03-29", "04-04 08:30", "04-05 08:15"),
        (FRI, "00:30", "Africa/Cairo", "04-17", "04-22 22:30", "04-23 22:15"),
    ],
)
def test_reminders_are_subtracted_in_utc(
    weekday: int, at: str, zone: str, start: str, day_before: str, quarter_before: str
) -> None:
    meeting = occurrences(weekly(weekday, at, zone), day(start), 2)[1]
    assert meeting.starts_at - timedelta(hours=24) == utc(day_before)
    assert meeting.starts_at - timedelta(minutes=15) == utc(quarter_before)


def test_a_clock_of_its_own_fold_is_not_believed() -> None:
    assert instant(day("10-25"), time(2, 30, fold=1), BERLIN) == utc("10-25 00:30")


# --- zones ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "want"),
    [
        ("US/Eastern", "03-04 17:00"),
        ("Asia/Calcutta", "03-04 06:30"),
        ("Europe/Kiev", "03-04 10:00"),
        ("UTC", "03-04 12:00"),
    ],
)
def test_renamed_zones_work(zone: str, want: str) -> None:
    assert instant(day("03-04"), time(12), zone) == utc(want)


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berln", "", "Europe", "../etc/passwd", "/etc/localtime", "a\0b", "localtime",
     "right/Europe/Berlin", "posix/Europe/Berlin", "Factory", "x" * 5000, "Berlin", " UTC"],
)  # fmt: skip
def test_an_unknown_zone_is_an_error_and_never_a_fallback(zone: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        instant(day("03-04"), time(12), zone)
    assert caught.value.zone == zone
    with pytest.raises(UnknownZone):
        occurrences(weekly(WED, "19:00", zone), day("03-04"), 1)


def test_what_is_no_slot_is_refused() -> None:
    for wrong in (
        lambda: Slot(7, time(19), BERLIN),
        lambda: Slot(0, time(19), BERLIN, 0),
        lambda: Slot(0, time(19, tzinfo=UTC), BERLIN),
        lambda: instant(day("03-04"), time(19, tzinfo=UTC), BERLIN),
        lambda: Rule(()),
        lambda: weekly(WED, "19:00", every=3),
    ):
        with pytest.raises(ValueError):
            wrong()


# --- series ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "first"), [("03-04", "03-04"), ("03-05", "03-11"), ("03-03", "03-04")]
)
def test_the_first_matching_weekday_on_or_after_the_start(start: str, first: str) -> None:
    assert occurrences(weekly(WED, "19:00"), day(start), 1)[0].day == day(first)


def test_two_weekly_over_a_change() -> None:
    found = occurrences(weekly(WED, "19:00", every=2), day("03-05"), 3)
    assert starts(found) == [utc("03-11 18:00"), utc("03-25 18:00"), utc("04-08 17:00")]


def test_a_break_week_over_a_change_and_the_series_goes_on_after_it() -> None:
    found = occurrences(weekly(WED, "19:00"), day("03-18"), 3, breaks={day("03-23")})
    assert starts(found) == [utc("03-18 18:00"), utc("04-01 17:00"), utc("04-08 17:00")]
    assert [o.number for o in found] == [1, 2, 3]


def test_a_break_in_the_first_week_keeps_the_rhythm() -> None:
    rule = weekly(WED, "19:00", every=2)
    found = occurrences(rule, day("03-04"), 2, breaks={day("03-06")})  # any day of that week
    assert numbered(found) == [(day("03-18"), 1), (day("04-01"), 2)]


def test_a_postponed_meeting_over_a_change_does_not_count() -> None:
    found = occurrences(weekly(SUN, "19:00"), day("03-15"), 3, postponed={day("03-22")})
    assert numbered(found) == [
        (day("03-15"), 1), (day("03-22"), None), (day("03-29"), 2), (day("04-05"), 3),
    ]  # fmt: skip
    assert starts(found)[2:] == [utc("03-29 17:00"), utc("04-05 17:00")]


def test_a_slot_change_by_week_over_a_change_of_the_clocks() -> None:
    rule = with_slot(weekly(WED, "19:00"), Slot(FRI, time(18, 30), BERLIN, 90), day("03-26"))
    found = occurrences(rule, day("03-18"), 3)
    assert starts(found) == [utc("03-18 18:00"), utc("03-27 17:30"), utc("04-03 16:30")]
    assert [o.minutes for o in found] == [60, 90, 90]


def test_a_postponed_meeting_stays_so_when_the_slot_changes() -> None:
    rule = with_slot(weekly(WED, "19:00"), Slot(FRI, time(19), BERLIN), day("03-09"))
    found = occurrences(rule, day("03-04"), 2, postponed={day("03-11")})
    assert numbered(found) == [(day("03-04"), 1), (day("03-13"), None), (day("03-20"), 2)]


def test_a_running_series_that_moves_to_another_zone() -> None:
    rule = with_slot(weekly(WED, "19:00"), Slot(WED, time(19), NEW_YORK), day("03-16"))
    found = occurrences(rule, day("03-04"), 6)
    assert starts(found) == [
        utc("03-04 18:00"), utc("03-11 18:00"),  # Berlin
        utc("03-18 23:00"), utc("03-25 23:00"), utc("04-01 23:00"), utc("04-08 23:00"),
    ]  # fmt: skip


def test_a_slot_that_changes_before_the_first_meeting_replaces_the_first() -> None:
    # Wednesday would begin on 11 March, but from the 9th on it is Friday: so Friday the 6th.
    rule = with_slot(weekly(WED, "19:00"), Slot(FRI, time(19), BERLIN), day("03-09"))
    assert occurrences(rule, day("03-05"), 1)[0].day == day("03-06")


def test_with_slot_keeps_what_is_before_and_drops_what_is_after() -> None:
    first, second, third = (Slot(d, time(19), BERLIN) for d in (MON, TUE, THU))
    rule = with_slot(Rule((Piece(first),)), second, day("03-11"))
    assert rule.pieces == (Piece(first), Piece(second, day("03-09")))
    assert with_slot(rule, third, day("03-12")).pieces == (
        Piece(first),
        Piece(third, day("03-09")),
    )
    assert with_slot(rule, third, day("03-02")).pieces == (
        Piece(first),
        Piece(third, day("03-02")),
    )
    assert with_slot(rule, second, day("03-23")) == rule
    assert with_slot(rule, first, day("03-04")).pieces == (Piece(first),)


def test_monthly_on_the_31st_is_the_last_day_of_shorter_months() -> None:
    assert [*islice(monthly(day("01-31"), 31), 5)] == [
        *map(day, ("01-31", "02-28", "03-31", "04-30", "05-31"))
    ]
    assert [*islice(monthly(date(2028, 2, 1), 30), 2)] == [date(2028, 2, 29), date(2028, 3, 30)]
    assert [*islice(monthly(day("12-15"), 10), 2)] == [date(2027, 1, 10), date(2027, 2, 10)]


def test_a_monthly_series_over_a_change_with_a_break_and_a_postponed_one() -> None:
    rule = Rule((Piece(Slot(SAT, time(19), BERLIN)),), monthly=True, dates=(day("01-31"),))
    found = occurrences(rule, day("01-31"), 4, {day("04-27")}, {day("02-28")})
    assert numbered(found) == [
        (day("01-31"), 1), (day("02-28"), None), (day("03-31"), 2), (day("05-31"), 3),
        (day("06-30"), 4),
    ]  # fmt: skip
    assert starts(found)[:3] == [utc("01-31 18:00"), utc("02-28 18:00"), utc("03-31 17:00")]


def test_explicit_dates_are_used_as_they_are() -> None:
    days = tuple(map(day, ("04-09", "03-05", "03-26", "03-05", "03-06")))
    rule = Rule((Piece(Slot(MON, time(19), BERLIN)),), dates=days)
    found = occurrences(rule, day("05-01"), 1, {day("03-23")}, {day("03-06")})
    assert numbered(found) == [(day("03-05"), 1), (day("03-06"), None), (day("04-09"), 2)]
    assert starts(found) == [utc("03-05 18:00"), utc("03-06 18:00"), utc("04-09 17:00")]


def test_a_postponed_meeting_of_a_new_rhythm_takes_no_number_from_the_old_one() -> None:
    dates = (day("03-06"), day("03-20"))
    rule = from_day(
        weekly(TUE, "19:00"), Rule(weekly(FRI, "19:00").pieces, dates=dates), day("03-04")
    )
    found = occurrences(rule, day("03-02"), 2, postponed={day("03-06")})
    assert numbered(found) == [(day("03-03"), 1), (day("03-06"), None), (day("03-20"), 2)]


def test_rules_survive_json() -> None:
    later = Slot(FRI, time(7, 5, 30), KOLKATA, 45)
    for rule in (
        with_slot(weekly(WED, "19:00", every=2), later, day("03-09")),
        Rule((Piece(Slot(SAT, time(19), BERLIN)),), monthly=True, dates=(day("01-31"),)),
    ):
        assert Rule.from_json(json.loads(json.dumps(rule.to_json()))) == rule
    assert Slot(WED, time(19), BERLIN).to_json() == {
        "weekday": 2, "at": "19:00", "zone": BERLIN, "minutes": 60,
    }  # fmt: skip


# --- what the clocks do to people -----------------------------------------------------------------


def test_a_change_that_splits_a_group() -> None:
    found = occurrences(weekly(SUN, "19:00"), day("03-01"), 6)
    zones = {1: BERLIN, 2: "Europe/Vienna", 3: KOLKATA, 4: NEW_YORK, 5: BERLIN}
    assert [(s.day, s.groups) for s in clock_shifts(found, zones)] == [
        (day("03-08"), (
            (time(19), time(19), (1, 2, 5)),
            (time(13), time(14), (4,)),
            (time(23, 30), time(23, 30), (3,)),
        )),
        (day("03-29"), (
            (time(19), time(19), (1, 2, 5)),
            (time(14), time(13), (4,)),
            (time(23, 30), time(22, 30), (3,)),
        )),
    ]  # fmt: skip


def test_a_change_that_is_the_same_for_everybody_splits_nobody() -> None:
    found = occurrences(weekly(SUN, "19:00"), day("03-15"), 4)
    assert clock_shifts(found, {1: BERLIN, 2: "Europe/London"}) == ()
    assert clock_shifts(found, {1: KOLKATA}) == ()
    # A new time is a new time for everybody: no matter of the clocks.
    rule = with_slot(weekly(WED, "19:00"), Slot(FRI, time(9), NEW_YORK), day("06-08"))
    assert clock_shifts(occurrences(rule, day("06-01"), 3), {1: BERLIN, 2: KOLKATA}) == ()


def test_a_postponed_meeting_is_no_first_meeting_at_new_times() -> None:
    found = occurrences(weekly(SUN, "19:00"), day("03-22"), 3, postponed={day("03-29")})
    assert [s.day for s in clock_shifts(found, {1: BERLIN, 2: KOLKATA})] == [day("04-05")]


@pytest.mark.parametrize(
    ("at", "night"),
    [("21:59", False), ("22:00", True), ("02:30", True), ("04:59", True), ("05:00", False)],
)
def test_night_is_from_eleven_to_six(at: str, night: bool) -> None:
    assert night_for(utc(f"01-14 {at}"), BERLIN) is night  # 23:00 to 06:00 in Berlin
