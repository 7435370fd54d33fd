"""A series as calendars write it: literals for each case, and the property that it is the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reconcile.recurrence import Recurrence, recurrence
from core.reconcile.series import Attendee, Instance, Series
from core.schedule import Piece, Rule, Slot, UnknownZone, instant, monthly, occurrences, zone_info

BERLIN = "Europe/Berlin"


def on(day: date, at: time = time(19), zone: str = BERLIN, minutes: int = 60) -> Instance:
    return Instance(day, instant(day, at, zone), minutes, "Group 1")


def series(
    instances: Sequence[Instance], at: time = time(19), zone: str = BERLIN, every: int = 1,
    attendees: Sequence[Attendee] = (),
) -> Series:  # fmt: skip
    return Series("uid", "Group 1", "", zone, at, 60, every, tuple(instances), tuple(attendees))


def days(first: date, count: int, step: int = 7) -> list[date]:
    return [first + timedelta(days=step * n) for n in range(count)]


def expanded(found: Recurrence) -> dict[date, datetime]:
    """Day → UTC, worked out as RFC 5545 says, without our own calendar arithmetic."""
    ruled = [found.first + timedelta(weeks=found.every * n) for n in range(found.count)]
    assert set(found.without) <= set(ruled)
    assert not set(found.also) & set(ruled)
    kept = sorted({*ruled, *found.also} - set(found.without))
    zone = zone_info(found.zone)
    starts = {
        day: datetime.combine(day, found.at, zone).astimezone(UTC)  # a gap: the offset before it
        for day in kept
    }
    for changed in found.changed:
        assert changed.instance.day in starts
        own = changed.wall and changed.wall.replace(tzinfo=zone)
        starts[changed.instance.day] = (own or changed.instance.starts_at).astimezone(UTC)
    return starts


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_weekly() -> None:
    found = recurrence(series([on(day) for day in days(date(2026, 2, 5), 12)]))
    assert found == Recurrence(date(2026, 2, 5), time(19), BERLIN, 1, 12)
    assert found.rule == {"FREQ": "WEEKLY", "COUNT": 12}
    assert found.lines() == ("RRULE:FREQ=WEEKLY;COUNT=12",)


def test_one_meeting_is_a_rule_of_one() -> None:
    assert recurrence(series([on(date(2026, 2, 5))])).lines() == ("RRULE:FREQ=WEEKLY;COUNT=1",)


def test_every_two_weeks_with_a_skipped_one() -> None:
    kept = [day for day in days(date(2026, 2, 5), 6, 14) if day != date(2026, 3, 5)]
    found = recurrence(series([on(day) for day in kept], every=2))
    assert found.lines() == (
        "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=6",
        "EXDATE;TZID=Europe/Berlin:20260305T190000",
    )


def test_an_extra_one_stands_beside_the_rule() -> None:
    thursdays = days(date(2026, 2, 5), 3)
    found = recurrence(series([on(day) for day in [*thursdays, date(2026, 2, 10)]]))
    assert found.lines() == (
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "RDATE;TZID=Europe/Berlin:20260210T190000",
    )
    assert not found.changed


def test_an_extra_one_at_another_time_is_written_out_as_well() -> None:
    extra = on(date(2026, 2, 10), time(8))
    found = recurrence(series([*(on(day) for day in days(date(2026, 2, 5), 3)), extra]))
    assert found.also == (date(2026, 2, 10),)
    assert [(c.instance, c.wall) for c in found.changed] == [(extra, wall("2026-02-10T08:00"))]


def test_a_moved_one_keeps_its_day() -> None:
    moved = Instance(date(2026, 2, 12), utc("2026-02-13T17:30"), 60, "Group 1")
    found = recurrence(series([on(date(2026, 2, 5)), moved, on(date(2026, 2, 19))]))
    assert (found.count, found.without, found.also) == (3, (), ())
    assert [(c.instance.day, c.wall) for c in found.changed] == [
        (date(2026, 2, 12), wall("2026-02-13T18:30"))
    ]


def test_monthly_lists_are_named_day_by_day() -> None:
    """Though 31 January and 31 October 2026 are both Saturdays: a rule would leave out 38 weeks."""
    listed = tuple(islice(monthly(date(2026, 1, 31), 31), 10))
    found = recurrence(series([on(day) for day in listed]))
    assert (found.count, found.without) == (1, ())
    assert found.also == tuple(listed[1:])


def test_a_slot_that_changes_its_weekday() -> None:
    """Thursdays, then Mondays: the Mondays are named."""
    rule = Rule(
        (Piece(Slot(3, time(19), BERLIN)), Piece(Slot(0, time(18), BERLIN), date(2026, 3, 2)))
    )
    run = occurrences(rule, date(2026, 2, 5), 6)
    found = recurrence(series([Instance(o.day, o.starts_at, 60, "Group 1") for o in run]))
    assert found.count == 4
    assert found.also == (date(2026, 3, 2), date(2026, 3, 9))
    assert [c.wall for c in found.changed] == [wall("2026-03-02T18:00"), wall("2026-03-09T18:00")]


def test_another_length_title_or_answer_is_written_out() -> None:
    ann = Attendee("ann@example.org", "Ann", "accepted")
    thursdays = days(date(2026, 2, 5), 5)
    instances = [on(day) for day in thursdays]
    instances[1] = on(thursdays[1], minutes=90)
    instances[2] = Instance(thursdays[2], instances[2].starts_at, 60, "Exam")
    instances[3] = Instance(
        thursdays[3], instances[3].starts_at, 60, "Group 1", {"ann@example.org": "declined"}
    )
    # The same as for the series, and somebody who is no longer there: nothing of their own.
    same = {"ann@example.org": "accepted", "bob@example.org": "declined"}
    instances[4] = Instance(thursdays[4], instances[4].starts_at, 60, "Group 1", same)  # type: ignore[arg-type]
    found = recurrence(series(instances, attendees=[ann]))
    assert [c.instance.day for c in found.changed] == thursdays[1:4]
    assert [c.partstats["ann@example.org"] for c in found.changed] == [
        "accepted", "accepted", "declined",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "at", "first", "starts"),
    [
        (BERLIN, "19:00", "2026-03-22", ["2026-03-22T18:00", "2026-03-29T17:00"]),
        (BERLIN, "02:30", "2026-03-29", ["2026-03-29T01:30", "2026-04-05T00:30"]),
        (BERLIN, "02:30", "2026-10-25", ["2026-10-25T00:30", "2026-11-01T01:30"]),
        ("America/New_York", "02:30", "2026-03-08", ["2026-03-08T07:30", "2026-03-15T06:30"]),
        ("America/New_York", "01:30", "2026-11-01", ["2026-11-01T05:30", "2026-11-08T06:30"]),
        ("Asia/Kolkata", "19:00", "2026-03-26", ["2026-03-26T13:30", "2026-04-02T13:30"]),
        ("Australia/Lord_Howe", "19:00", "2026-04-02", ["2026-04-02T08:00", "2026-04-09T08:30"]),
        ("Africa/Cairo", "00:30", "2026-04-24", ["2026-04-23T22:30", "2026-04-30T21:30"]),
        ("Africa/Casablanca", "19:00", "2026-02-12", ["2026-02-12T18:00", "2026-02-19T19:00"]),
        ("US/Eastern", "19:00", "2026-03-05", ["2026-03-06T00:00", "2026-03-12T23:00"]),
    ],
)
def test_over_a_change_of_the_clocks(zone: str, at: str, first: str, starts: list[str]) -> None:
    usual = time.fromisoformat(at)
    two = [on(day, usual, zone) for day in days(date.fromisoformat(first), 2)]
    found = recurrence(series(two, usual, zone))
    assert list(expanded(found).values()) == [utc(text) for text in starts]
    assert found.count == 2


def test_a_time_that_the_clocks_skip_is_written_out() -> None:
    """RFC 5545 lets readers leave such a day out; written out it is there for everybody."""
    instances = [on(day, time(2, 30)) for day in days(date(2026, 3, 22), 3)]
    found = recurrence(series(instances, time(2, 30)))
    assert [c.wall for c in found.changed] == [wall("2026-03-29T03:30")]


def test_the_second_of_a_time_that_comes_twice_is_said_in_utc() -> None:
    moved = Instance(date(2026, 10, 25), utc("2026-10-25T01:30"), 60, "Group 1")
    found = recurrence(series([moved], time(2, 30)))
    assert [c.wall for c in found.changed] == [None]
    assert expanded(found) == {moved.day: moved.starts_at}


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(UnknownZone):
        recurrence(series([on(date(2026, 2, 5))], zone="Europe/Atlantis"))


def test_no_meeting_and_two_on_a_day_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one"):
        recurrence(series([]))
    with pytest.raises(ValueError, match="each day once"):
        recurrence(series([on(date(2026, 2, 5)), on(date(2026, 2, 5))]))


ZONES = [BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Nuuk", "UTC"]


@given(
    zone=st.sampled_from(ZONES),
    at=st.sampled_from(
        [time(0, 30), time(1, 30), time(2, 15), time(2, 30), time(19), time(23, 30)]
    ),
    every=st.sampled_from([1, 2]),
    scattered=st.integers(0, 2**120 - 1),
    weekly=st.integers(1, 15),
    moves=st.lists(st.integers(-3000, 3000), max_size=5),
)
def test_expanding_gives_exactly_the_meetings(
    zone: str, at: time, every: int, scattered: int, weekly: int, moves: list[int]
) -> None:
    """`scattered`: bits, of which about every fourth pair is a day; `moves`: minutes."""
    first = date(2026, 1, 2)
    odd = {first + timedelta(days=3 * n) for n in range(120) if scattered >> n & 3 == 3}
    chosen = sorted(odd | set(days(first, weekly, 7 * every)))
    late = dict(zip(chosen, moves, strict=False))
    instances = [
        Instance(d, instant(d, at, zone) + timedelta(minutes=late.get(d, 0)), 60, "Group 1")
        for d in chosen
    ]
    found = recurrence(series(instances, at, zone, every))
    assert expanded(found) == {i.day: i.starts_at for i in instances}
    # Never more to write than naming every day.
    assert len(found.also) + len(found.without) < len(instances)
