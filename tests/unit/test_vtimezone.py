"""The clocks of a zone as calendar files carry them, beside what zoneinfo says of every hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from core.reconcile.feed_ics import FeedMeeting, feed, line, single
from core.reconcile.vtimezone import vtimezone
from core.schedule import UnknownZone

HOUR = timedelta(hours=1)
AT = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in Berlin, for the second time
ZONES = (
    "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo",
    "Africa/Casablanca", "Europe/Dublin", "Asia/Calcutta", "UTC", "America/St_Johns",
)  # fmt: skip


@pytest.mark.parametrize("name", ZONES)
def test_every_change_at_its_very_second(name: str) -> None:
    zone = ZoneInfo(name)

    def off(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta()

    made = vtimezone(name, 2025, 2028)
    first, *changes = [(o.DTSTART, o.TZOFFSETFROM, o.TZOFFSETTO) for o in made.subcomponents]
    assert first[1] == first[2] == off(datetime(2024, 12, 31, tzinfo=UTC))
    for wall, before, after in changes:
        # RFC 5545, 3.6.5: the onset is a wall time of the clock before it.
        onset = wall.replace(tzinfo=UTC) - before
        assert (off(onset - timedelta(seconds=1)), off(onset)) == (before, after)
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    hours = [begin + n * HOUR for n in range(4 * 366 * 24)]
    moved = sum(off(a) != off(b) for a, b in pairwise(hours) if b.year < 2029)
    assert sum(before != after for _, before, after in changes) == moved


def test_an_unknown_zone_is_an_error_here_and_utc_in_a_feed() -> None:
    with pytest.raises(UnknownZone):
        vtimezone("Mars/Olympus", 2026, 2026)
    text = single(1, meeting("Mars/Olympus")).decode()
    assert "DTSTART:20261025T013000Z" in text
    assert "VTIMEZONE" not in text


def test_the_second_of_two_equal_wall_times_is_said_in_utc() -> None:
    assert "DTSTART:20261025T013000Z" in single(1, meeting("Europe/Berlin")).decode()
    earlier = single(1, meeting("Europe/Berlin", AT - HOUR)).decode()
    # It begins in the first and ends in the second: a program would take both for the first.
    assert "DTSTART:20261025T003000Z" in earlier
    assert "DTEND:20261025T013000Z" in earlier
    before = single(1, meeting("Europe/Berlin", AT - 2 * HOUR)).decode()
    assert "DTSTART;TZID=Europe/Berlin:20261025T013000" in before


def test_the_order_of_the_rows_does_not_count() -> None:
    many = [meeting("Asia/Kolkata", AT + n * HOUR, n) for n in range(5)]
    assert feed(1, "x", "UTC", many) == feed(1, "x", "UTC", many[::-1])
    assert feed(1, "x", "UTC", many) != feed(2, "x", "UTC", many)


def test_a_line_is_a_line() -> None:
    assert line("a\r\nb\u2028c\x00\u202ed\ud800e  f") == "a b c d e f"
    assert line("👩\u200d🔬 Zoë") == "👩\u200d🔬 Zoë"


def meeting(zone: str, at: datetime = AT, number: int = 1) -> FeedMeeting:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    return FeedMeeting(number, 0, made, at, 60, "planned", number, "Group", "Cohort", zone)
