"""A group's rows of meetings beside its series: what is made, changed, taken away and left."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

from core.reconcile.meeting_rows import Have, applied, diff, follow
from core.schedule import Occurrence, Slot, occurrences, with_slot
from tests.unit.test_schedule import (
    BERLIN,
    FRI,
    MON,
    WED,
    day,
    numbered,
    utc,
    weekly,
)

NOW = utc("03-12 12:00")  # a Thursday


def have(found: tuple[Occurrence, ...], **of: dict[str, object]) -> list[Have]:
    """Rows for a series: ids are its numbers times ten; `of` changes some ("n3")."""
    rows = []
    for o in found:
        changes = of.get(f"n{o.number}", {})
        rows.append(Have((o.number or 0) * 10, o.day, o.starts_at, o.minutes, o.number))
        rows[-1] = Have(**{**{f: getattr(rows[-1], f) for f in Have.__slots__}, **changes})
    return rows


WEDNESDAYS = occurrences(weekly(WED, "19:00"), day("03-04"), 6)  # two of them are past


def fridays_from(since: str, **more: set[date]) -> tuple[Occurrence, ...]:
    rule = with_slot(weekly(WED, "19:00"), Slot(FRI, time(20), BERLIN, 90), day(since))
    return occurrences(rule, day("03-04"), 6, **more)


def test_right_rows_need_nothing() -> None:
    assert not diff(have(WEDNESDAYS), WEDNESDAYS, NOW)


def test_a_late_opening_makes_only_what_is_to_come() -> None:
    found = diff([], WEDNESDAYS, NOW)
    assert found.create == WEDNESDAYS[2:]
    assert found.create[0].number == 3
    running = utc("03-11 18:30")
    assert diff([], WEDNESDAYS, running).create == WEDNESDAYS[1:]


def test_a_new_slot_keeps_each_meeting_with_its_answers() -> None:
    want = fridays_from("03-16")
    found = diff(have(WEDNESDAYS), want, NOW)
    assert found.change == tuple((n * 10, want[n - 1]) for n in (3, 4, 5, 6))
    assert not found.create
    assert not found.remove


def test_a_missing_row_does_not_push_the_answers_of_the_others_along() -> None:
    want = fridays_from("03-16")
    rows = [row for row in have(WEDNESDAYS) if row.number != 3]
    found = diff(rows, want, NOW)
    assert found.change == tuple((n * 10, want[n - 1]) for n in (4, 5, 6))
    assert found.create == (want[2],)


def test_a_meeting_held_this_week_is_not_held_again() -> None:
    want = fridays_from("03-09")  # Wednesday the 11th is over, Friday the 13th is tomorrow
    found = diff(have(WEDNESDAYS), want, NOW)
    assert [row for row, _ in found.change] == [30, 40, 50, 60]
    assert not found.create


def test_a_meeting_whose_new_time_this_week_is_over_stays() -> None:
    tuesday_noon = utc("03-17 12:00")
    rule = with_slot(weekly(WED, "19:00"), Slot(MON, time(19), BERLIN), day("03-16"))
    want = occurrences(rule, day("03-04"), 6)
    found = diff(have(WEDNESDAYS), want, tuesday_noon)
    assert [row for row, _ in found.change] == [40, 50, 60]
    assert not found.create
    assert not found.remove


def test_postponing_renumbers_and_adds_one_at_the_end() -> None:
    want = occurrences(weekly(WED, "19:00"), day("03-04"), 6, postponed={day("03-25")})
    rows = have(WEDNESDAYS, n4={"status": "postponed"})
    found = diff(rows, want, NOW)
    assert [(row, o.day, o.number) for row, o in found.change] == [
        (40, day("03-25"), None), (50, day("04-01"), 4), (60, day("04-08"), 5),
    ]  # fmt: skip
    assert numbered(found.create) == [(day("04-15"), 6)]


def test_a_postponed_row_keeps_its_day_through_a_new_slot() -> None:
    want = fridays_from("03-16", postponed={day("03-25")})
    rows = have(WEDNESDAYS, n4={"status": "postponed"}, n5={"number": 4}, n6={"number": 5})
    found = diff(rows, want, NOW)
    by_id = dict(found.change)
    assert (by_id[40].day, by_id[40].starts_at, by_id[40].number) == (
        day("03-25"), utc("03-25 18:00"), None,
    )  # fmt: skip
    assert (by_id[50].day, by_id[50].number) == (day("04-03"), 4)
    assert numbered(found.create) == [(day("04-17"), 6)]


def test_a_skipped_meeting_counts_and_stays() -> None:
    rows = have(WEDNESDAYS, n4={"status": "skipped"}, n5={"status": "cancelled"})
    assert not diff(rows, WEDNESDAYS, NOW)
    found = diff(rows, fridays_from("03-16"), NOW)
    assert [row for row, _ in found.change] == [30, 60]
    assert not found.create
    assert not found.remove


def test_a_time_that_a_person_chose_stays() -> None:
    rows = have(WEDNESDAYS, n3={"moved": True, "starts_at": utc("03-19 09:00"), "minutes": 30})
    assert not diff(rows, WEDNESDAYS, NOW)
    (row, target), *_ = diff(rows, fridays_from("03-16"), NOW).change
    assert row == 30
    assert target == Occurrence(day("03-20"), utc("03-19 09:00"), 30, 3)


def test_a_meeting_moved_into_the_past_is_past() -> None:
    rows = have(WEDNESDAYS, n3={"moved": True, "starts_at": utc("03-12 09:00")})
    assert [row for row, _ in diff(rows, fridays_from("03-16"), NOW).change] == [40, 50, 60]


def test_fewer_meetings_take_away_the_last_ones_but_nothing_past() -> None:
    fewer = occurrences(weekly(WED, "19:00"), day("03-04"), 4)
    assert diff(have(WEDNESDAYS), fewer, NOW).remove == (50, 60)
    assert diff(have(WEDNESDAYS), (), NOW).remove == (30, 40, 50, 60)
    rows = have(WEDNESDAYS, n5={"status": "skipped"}, n6={"extra": True})
    assert diff(rows, fewer, NOW).remove == ()


def test_a_break_moves_the_numbers_and_adds_one_at_the_end() -> None:
    want = occurrences(weekly(WED, "19:00"), day("03-04"), 6, breaks={day("03-16")})
    found = diff(have(WEDNESDAYS), want, NOW)
    by_id = dict(found.change)
    # Answers stay with their day; the meeting of the break week becomes the one at the end.
    assert {row: (o.day, o.number) for row, o in by_id.items()} == {
        40: (day("03-25"), 3), 50: (day("04-01"), 4), 60: (day("04-08"), 5),
        30: (day("04-15"), 6),
    }  # fmt: skip
    assert not found.create


EXTRA = Have(99, day("03-20"), utc("03-20 10:00"), 60, None, extra=True)


def test_an_extra_steps_aside_for_the_series() -> None:
    """Its day is known to nobody; its time, its answers and its id stay."""
    assert not diff([*have(WEDNESDAYS), EXTRA], WEDNESDAYS, NOW)
    rows = [*have(WEDNESDAYS), EXTRA]
    found = diff(rows, fridays_from("03-16"), NOW)
    assert dict(found.change)[30] == Occurrence(day("03-20"), utc("03-20 19:00"), 90, 3)
    assert found.aside == ((99, day("03-21")),)
    after = {row.id: row for row in applied(rows, found)}
    assert after[99] == replace(EXTRA, day=day("03-21"))
    assert not diff(list(after.values()), fridays_from("03-16"), NOW)


def test_extras_side_by_side_get_different_days() -> None:
    second = replace(EXTRA, id=98, day=day("03-27"))
    third = replace(EXTRA, id=97, day=day("03-21"))
    found = diff([EXTRA, second, third], fridays_from("03-16"), NOW)
    assert [o.day for o in found.create] == [day(f"{d}") for d in (
        "03-20", "03-27", "04-03", "04-10",
    )]  # fmt: skip
    assert found.aside == ((98, day("03-28")), (99, day("03-19")))


def test_a_postpone_adds_its_last_one_on_the_day_of_an_extra() -> None:
    extra = replace(EXTRA, day=day("04-15"))
    rows = have(WEDNESDAYS, n4={"status": "postponed"})
    rule = weekly(WED, "19:00")
    _, found = follow(rule, day("03-04"), 6, (), [*rows, extra], NOW)
    assert numbered(found.create) == [(day("04-15"), 6)]
    assert found.aside == ((99, day("04-16")),)


def test_a_new_hour_on_the_same_day_changes_every_row_to_come() -> None:
    rule = with_slot(weekly(WED, "19:00"), Slot(WED, time(18), BERLIN), day("03-23"))
    found = diff(have(WEDNESDAYS), occurrences(rule, day("03-04"), 6), NOW)
    assert [(row, o.starts_at) for row, o in found.change] == [
        (40, utc("03-25 17:00")), (50, utc("04-01 16:00")), (60, utc("04-08 16:00")),
    ]  # fmt: skip
