"""What people type for a time. Every expected instant is written out."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import schedule
from core.reconcile.spoken_parts import BadTime
from core.reconcile.spoken_time import read_day, read_slot, read_when
from core.words import speaking

BERLIN = "Europe/Berlin"
MONDAY = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)  # 13:00 in Berlin


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


READ = [
    ("Wed 19:00 Europe/Berlin", "03-04 18:00"),
    ("Wed 19:00 europe/berlin", "03-04 18:00"),
    ("19:00 Wed (Berlin)", "03-04 18:00"),
    ("Wed 19:00 Berlin time", "03-04 18:00"),
    ("Wed 19:00 Wien", "03-04 18:00"),
    ("wednesday 19:00 new york", "03-05 00:00"),
    ("Wed 19:00 America/New_York", "03-05 00:00"),
    ("Wed 19:00 US/Eastern", "03-05 00:00"),
    ("Wed 19:00 Asia/Calcutta", "03-04 13:30"),
    ("Wed 19:00 Japan", "03-04 10:00"),
    ("Wed 19:00 UTC", "03-04 19:00"),
    ("Wed 19:00 gmt", "03-04 19:00"),
    ("Wed 19:00Z", "03-04 19:00"),
    ("Wed 19:00 Etc/GMT+5", "03-05 00:00"),
    ("2026-03-04T19:00Z", "03-04 19:00"),
    ("2026-03-04 19:00", "03-04 18:00"),
    ("2026-03-04T19:00", "03-04 18:00"),
    ("4.3.2026 19:00", "03-04 18:00"),
    ("4.3. 19:00", "03-04 18:00"),
    ("04.03.26 um 19 Uhr", "03-04 18:00"),
    ("4 March 7pm", "03-04 18:00"),
    ("March 4th at 7 p.m.", "03-04 18:00"),
    ("Mittwoch, 4. März um 19 Uhr", "03-04 18:00"),
    ("14/3 19:00", "03-14 18:00"),
    ("2 march 14:00", "03-02 13:00"),
    ("1 march 2027 19:00", "+2027-03-01 18:00"),
    ("1 march 19:00", "+2027-03-01 18:00"),
    ("Mon 19:00", "03-02 18:00"),
    ("Mon 9:00", "03-09 08:00"),
    ("next mon 19:00", "03-09 18:00"),
    ("this mon 19:00", "03-02 18:00"),
    ("next friday 7pm", "03-06 18:00"),
    ("nächsten Freitag 19.30 Uhr", "03-06 18:30"),
    ("kommenden Fr 19h30", "03-06 18:30"),
    ("Mi 19 Uhr", "03-04 18:00"),
    ("Mi. um 19 Uhr 30", "03-04 18:30"),
    ("Mi 19.30", "03-04 18:30"),
    ("Wed 19", "03-04 18:00"),
    ("Wed 19h", "03-04 18:00"),
    ("Wed 7am", "03-04 06:00"),
    ("Wed 7:00", "03-04 06:00"),
    ("Wed 12am", "03-03 23:00"),
    ("Wed 12 pm", "03-04 11:00"),
    ("Wed 0:00", "03-03 23:00"),
    ("WED 7 O’CLOCK", "03-04 06:00"),
    ("tomorrow 18:30", "03-03 17:30"),
    ("18:30 tomorrow", "03-03 17:30"),
    ("morgen 18:30", "03-03 17:30"),
    ("heute um 14 Uhr", "03-02 13:00"),
    ("übermorgen 18:30", "03-04 17:30"),
    ("day after tomorrow 6pm", "03-04 17:00"),
    ("in 3 days 19:00", "03-05 18:00"),
    ("in 2 Wochen 19 Uhr", "03-16 18:00"),
    ("in 2 hours", "03-02 14:00"),
    ("in 90 min", "03-02 13:30"),
    ("in 2 Stunden", "03-02 14:00"),
    ("  wed\t19:00  ", "03-04 18:00"),
    ("Ｗｅｄ １９:00", "03-04 18:00"),
]


@pytest.mark.parametrize(("typed", "want"), READ, ids=[row[0] for row in READ])
def test_what_is_understood(typed: str, want: str) -> None:
    expected = datetime.fromisoformat(want[1:]).replace(tzinfo=UTC) if want[0] == "+" else utc(want)
    assert read_when(typed, now=MONDAY, zone=BERLIN).starts_at == expected


BAD = [
    ("", "empty", ""),
    (" \t ", "empty", ""),
    ("x" * 4000, "too_long", ""),
    ("Wed 19:00 " * 400, "too_long", ""),
    ("Wed 19:00\x00", "unreadable", ""),
    ("\u202eWed 19:00", "unreadable", ""),
    ("Wed\x1b[31m 19:00", "unreadable", ""),
    ("Wed\u200b19:00", "unreadable", ""),
    ("٤.٣.2026 19:00", "unreadable", "٤.٣.2026 19:00"),
    ("😀", "no_time", "😀"),
    ("Wed 19:00 😀", "unknown_zone", "😀"),
    ("19:00", "no_day", "19:00"),
    ("19:00 Berlin", "no_day", "19:00 Berlin"),
    ("Wed", "no_time", "Wed"),
    ("march 19", "no_time", "march 19"),
    ("in 2 weeks", "no_time", "in 2 weeks"),
    ("Wed 1930", "no_time", "Wed 1930"),
    ("Wed 19.10", "no_time", "Wed 19.10"),
    ("7", "half_day", "7"),
    ("Wed 7", "half_day", "7"),
    ("Wed 25:00", "no_such_time", "25:00"),
    ("Wed 19:60", "no_such_time", "19:60"),
    ("Wed 13pm", "no_such_time", "13pm"),
    ("Wed 0am", "no_such_time", "0am"),
    ("Wed 24", "no_such_time", "24"),
    ("Wed 19:00-20:30", "two_times", "19:00 20:30"),
    ("Wed 19:00 20:00", "two_times", "19:00 20:00"),
    ("Wed 19:00 Nowhere/Land", "unknown_zone", "Nowhere/Land"),
    ("Wed 19:00 Europe/Berln", "unknown_zone", "Europe/Berln"),
    ("Wed 19:00 Berln", "unknown_zone", "Berln"),
    ("Berln Wed 19:00", "unknown_zone", "Berln"),
    ("4.3.2026 19:00 Berln", "unknown_zone", "Berln"),
    ("Wed 19:00 New Yrok", "unknown_zone", "New Yrok"),
    ("tomorrow 19:00 blah", "unknown_zone", "blah"),
    ("Wednesdy 19:00", "unknown_zone", "Wednesdy"),
    ("Wed 19:00 Europe", "unknown_zone", "Europe"),
    ("Wed 19:00 Factory", "unknown_zone", "Factory"),
    ("Wed 19:00 ../etc/passwd", "unknown_zone", "../etc/passwd"),
    ("Wed 19:00 CET", "abbreviation", "CET"),
    ("Wed 19:00 IST", "abbreviation", "IST"),
    ("Wed 19:00 cst", "abbreviation", "cst"),
    ("Wed 7pm EST", "abbreviation", "EST"),
    ("4 march 7pm PDT", "abbreviation", "PDT"),
    ("Wed 19:00 UTC+2", "offset", "UTC+2"),
    ("Wed 19:00 GMT -5", "offset", "GMT -5"),
    ("2026-03-04T19:00+01:00", "offset", "+01:00"),
    ("Wed 19:00 Berlin Paris", "two_zones", "Paris"),
    ("31.2.2026 19:00", "no_such_day", "31.2.2026"),
    ("2026-02-30 19:00", "no_such_day", "2026-02-30"),
    ("2026-13-04 19:00", "no_such_day", "2026-13-04"),
    ("3.14.2026 19:00", "no_such_day", "3.14.2026"),
    ("31 february 19:00", "unreadable", "31 february"),
    ("-4 march 19:00", "unreadable", "-4 march"),
    ("4 march noon 19:00", "unknown_zone", "noon"),
    ("Wedn 19:00 Europe/Berln", "unknown_zone", "Europe/Berln"),
    ("3/4 19:00", "ambiguous_day", "3/4"),
    ("3/4/2026 19:00", "ambiguous_day", "3/4/2026"),
    ("Thu 4 March 19:00", "wrong_weekday", "Thu 4 March"),
    ("today 9:00", "past", "today 9:00"),
    ("2026-03-01 19:00", "past", "2026-03-01 19:00"),
    ("in 0 minutes", "past", "in 0 minutes"),
    ("1.1.9999 10:00", "too_far", "1.1.9999 10:00"),
    ("9999-12-31 23:59 Pacific/Honolulu", "no_such_day", "9999-12-31"),
    ("in 99999999999999999999 hours", "too_far", "in 99999999999999999999 hours"),
    ("in 99999999999999 days 19:00", "too_far", "in 99999999999999 days"),
    ("99999999999999:00 wed", "no_time", "99999999999999:00 wed"),
]


@pytest.mark.parametrize(("typed", "code", "words"), BAD, ids=[row[0][:40] for row in BAD])
def test_what_is_refused(typed: str, code: str, words: str) -> None:
    with pytest.raises(BadTime) as caught:
        read_when(typed, now=MONDAY, zone=BERLIN)
    assert (caught.value.code, caught.value.words) == (code, words)
    assert str(caught.value) == caught.value.sentence != ""


def test_the_answer_says_which_zone_and_what_its_clocks_show() -> None:
    found = read_when("Wed 19:00 new york", now=MONDAY, zone=BERLIN)
    assert (found.day, found.at) == (date(2026, 3, 4), time(19))
    assert found.zone == "America/New_York"
    found = read_when("Wed 19:00", now=MONDAY, zone="Asia/Tokyo")
    assert (found.zone, found.starts_at) == ("Asia/Tokyo", utc("03-04 10:00"))


def test_today_is_where_the_zone_is() -> None:
    late = utc("03-02 23:30")  # Tuesday already in Berlin, Monday in New York
    assert read_when("tomorrow 9:00", now=late, zone=BERLIN).starts_at == utc("03-04 08:00")
    there = read_when("tomorrow 9:00 New York", now=late, zone=BERLIN)
    assert there.starts_at == utc("03-03 14:00")


def test_a_time_alone_is_on_the_day_that_is_meant() -> None:
    meant = date(2026, 3, 11)
    assert read_when("19:00", now=MONDAY, zone=BERLIN, day=meant).starts_at == utc("03-11 18:00")
    there = read_when("7pm Tokyo", now=MONDAY, zone=BERLIN, day=meant)
    assert there.starts_at == utc("03-11 10:00")
    # A day that was typed wins.
    assert read_when("Wed 19", now=MONDAY, zone=BERLIN, day=meant).starts_at == utc("03-04 18:00")
    with pytest.raises(BadTime, match="over already"):
        read_when("12:00", now=MONDAY, zone=BERLIN, day=MONDAY.date())


@pytest.mark.parametrize(
    ("now", "typed", "zone", "want", "shown"),
    [
        ("03-25 12:00", "next sunday 02:30", BERLIN, "03-29 01:30", "03:30"),  # skipped
        ("10-21 12:00", "next sunday 02:30", BERLIN, "10-25 00:30", "02:30"),  # twice
        ("10-25 00:45", "sunday 02:30", BERLIN, "11-01 01:30", "02:30"),  # the first has passed
        ("03-28 18:00", "tomorrow 19:00", BERLIN, "03-29 17:00", "19:00"),  # 23 hours later
        ("03-28 18:00", "in 24 hours", BERLIN, "03-29 18:00", "20:00"),
        ("03-04 12:00", "sun 2:30am America/New_York", BERLIN, "03-08 07:30", "03:30"),
        ("04-20 12:00", "fri 00:30", "Africa/Cairo", "04-23 22:30", "01:30"),
        ("12-31 22:30", "tomorrow 10:00", BERLIN, "12-32 09:00", "10:00"),
    ],
)
def test_over_a_change_of_the_clocks(
    now: str, typed: str, zone: str, want: str, shown: str
) -> None:
    found = read_when(typed, now=utc(now), zone=zone)
    expected = datetime(2027, 1, 1, 9, tzinfo=UTC) if want[3:5] == "32" else utc(want)
    assert (found.starts_at, found.at) == (expected, time.fromisoformat(shown))


def test_an_abbreviation_comes_with_places() -> None:
    with pytest.raises(BadTime) as caught:
        read_slot("Wed 19:00 IST", zone=BERLIN)
    assert caught.value.zones == ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem")


SLOTS = [
    ("Wed 19:00", (2, "19:00", BERLIN, 60)),
    ("every Wednesday 7pm Europe/Berlin", (2, "19:00", BERLIN, 60)),
    ("Wednesdays at 7pm New York", (2, "19:00", "America/New_York", 60)),
    ("Mittwoch 19:30", (2, "19:30", BERLIN, 60)),
    ("mittwochs um 19 Uhr", (2, "19:00", BERLIN, 60)),
    ("jeden Mi 19 Uhr 1,5 h", (2, "19:00", BERLIN, 90)),
    ("all Wed 19:00 90 min", (2, "19:00", BERLIN, 90)),
    ("Sun 10am 45m", (6, "10:00", BERLIN, 45)),
    ("Wed 19:00 1.5h", (2, "19:00", BERLIN, 90)),
    ("Wed 19:00 for 2 hours", (2, "19:00", BERLIN, 120)),
    ("Wed 19h 2h", (2, "19:00", BERLIN, 120)),
    ("Wed 19h", (2, "19:00", BERLIN, 60)),
    ("Wed 19:00-20:30", (2, "19:00", BERLIN, 90)),
    ("Fr 22:00 bis 0:30", (4, "22:00", BERLIN, 150)),
]


@pytest.mark.parametrize(("typed", "want"), SLOTS, ids=[row[0] for row in SLOTS])
def test_slots(typed: str, want: tuple[int, str, str, int]) -> None:
    found = read_slot(typed, zone=BERLIN)
    assert found == schedule.Slot(want[0], time.fromisoformat(want[1]), want[2], want[3])


def test_a_slot_without_a_length_lasts_as_long_as_the_caller_says() -> None:
    assert read_slot("Wed 19:00", zone=BERLIN, minutes=120).minutes == 120


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        ("Wed", "no_time", "Wed"),
        ("19:00", "no_weekday", "19:00"),
        ("4.3. 19:00", "no_weekday", "4.3."),
        ("tomorrow 19:00", "no_weekday", "tomorrow"),
        ("Wed Fri 19:00", "no_weekday", "Wed Fri"),
        ("Wed 7 90 min", "half_day", "7"),
        ("Wed 19:00 Berln", "unknown_zone", "Berln"),
        ("Wed 19:00 Europe/Berln 90 min", "unknown_zone", "Europe/Berln"),
        ("Wed 19:00 0 min", "bad_duration", "0 min"),
        ("Wed 19:00 25 h", "bad_duration", "25 h"),
        ("Wed 19:00 99999 min", "bad_duration", "99999 min"),
        ("Wed 19:00 1.333 min", "unknown_zone", "1.333 min"),
        ("Wed 19:00 30 min 40 min", "bad_duration", "40 min"),
        ("", "empty", ""),
        ("x" * 4000, "too_long", ""),
    ],
)
def test_what_is_no_slot(typed: str, code: str, words: str) -> None:
    with pytest.raises(BadTime) as caught:
        read_slot(typed, zone=BERLIN)
    assert (caught.value.code, caught.value.words) == (code, words)


def test_sentences_are_in_the_readers_language() -> None:
    with speaking("de"), pytest.raises(BadTime) as caught:
        read_when("7", now=MONDAY, zone=BERLIN)
    assert "7am" in caught.value.sentence


def test_dateparser_is_not_loaded_for_what_people_mostly_type() -> None:
    code = """
import sys
from datetime import UTC, datetime
from core.reconcile.spoken_parts import BadTime
from core.reconcile.spoken_time import read_slot, read_when
now = datetime(2026, 3, 2, 12, tzinfo=UTC)
for typed in ("Wed 19:00", "2026-03-04 19:00", "tomorrow 7pm", "in 2 hours", "next friday 7pm"):
    read_when(typed, now=now, zone="Europe/Berlin")
read_slot("Wed 19:00", zone="Europe/Berlin")
assert "dateparser" not in sys.modules
read_when("4.3. 19:00", now=now, zone="Europe/Berlin")
assert "dateparser" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


PIECES = st.lists(
    st.sampled_from(
        ["Wed", "19:00", "7", "7pm", "Berlin", "Europe/Berlin", "IST", "4.3.", "march", "4", "next",
         "in", "2", "hours", "weeks", "UTC+2", "-", "/", "h", "90", "min", "99999999999", "😀", "ß",
         "2026-03-04", "morgen", "Uhr", "a", "m", ".", ":", "T", "Z", "İ"]
    ),
    max_size=8,
)  # fmt: skip


@settings(deadline=None)  # the first text loads dateparser
@given(PIECES.map(" ".join) | PIECES.map("".join) | st.text(max_size=110))
def test_anything_typed_is_an_answer_or_a_refusal(typed: str) -> None:
    try:
        assert read_when(typed, now=MONDAY, zone=BERLIN).starts_at > MONDAY
    except BadTime as error:
        assert error.sentence  # noqa: PT017 - either is fine; anything else is not
    try:
        assert read_slot(typed, zone=BERLIN).minutes >= 1
    except BadTime as error:
        assert error.sentence  # noqa: PT017 - likewise


@given(st.text("abcdefghijklmnopqrstuvwxyzäöüABCXYZ", min_size=1, max_size=20))
def test_no_word_is_ever_passed_over(word: str) -> None:
    """A word more is an error, or a zone, or one of the few that say nothing."""
    plain = read_when("Wed 19:00", now=MONDAY, zone=BERLIN)
    try:
        found = read_when(f"Wed 19:00 {word}", now=MONDAY, zone=BERLIN)
    except BadTime:
        return
    small = {
        "at",
        "on",
        "um",
        "am",
        "the",
        "den",
        "dem",
        "der",
        "from",
        "ab",
        "uhr",
        "h",
        "pm",
        "z",
    }
    assert found.zone != plain.zone or (word.casefold() in small and found.day == plain.day)


@pytest.mark.parametrize(
    ("typed", "want"),
    [("today", 2), ("yesterday", 1), ("mon", 2), ("Wed", 4), ("4 March", 4), ("2026-03-03", 3)],
)
def test_a_day_alone_has_no_time_that_could_be_over(typed: str, want: int) -> None:
    evening = datetime(2026, 3, 2, 21, tzinfo=UTC)
    assert read_day(typed, now=evening, zone="Europe/Berlin") == date(2026, 3, want)


@pytest.mark.parametrize("typed", ["", "@", "someday", "30 Feb", "Wed Thu", "19:00"])
def test_what_is_no_day(typed: str) -> None:
    with pytest.raises(BadTime):
        read_day(typed, now=datetime(2026, 3, 2, tzinfo=UTC), zone="UTC")
