"""Which messages a group's meetings cause, and what happens to them when a meeting moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.reconcile.reminders import (
    GroupFacts,
    MeetingFact,
    ReminderPlan,
    Row,
    Wanted,
    desired,
    diff,
)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday; Berlin is an hour ahead
WED = datetime(2026, 3, 11, 18, 0, tzinfo=UTC)


def meeting(number: int = 1, at: datetime = WED, status: str = "planned") -> MeetingFact:
    return MeetingFact(number, at.date(), at, 60, number, status)


def facts(*meetings: MeetingFact, **more: Any) -> GroupFacts:
    return GroupFacts(7, "Europe/Berlin", meetings or (meeting(),), **more)


def stored(wanted: tuple[Wanted, ...], **more: Any) -> list[Row]:
    return [
        replace(
            Row(n, w.kind, w.key, w.meeting_id, w.user_id, "pending", w.due_at), **more
        )
        for n, w in enumerate(wanted, 1)
    ]  # fmt: skip


def test_three_reminders_at_their_offsets() -> None:
    found = {w.kind: (w.key, WED - w.due_at) for w in desired(facts(), NOW)}
    unix = 1773252000  # 2026-03-11 18:00 UTC
    assert found == {
        "nudge": (f"remind:nudge:1:{unix}", timedelta(days=3)),
        "remind_first": (f"remind:remind_first:1:{unix}", timedelta(days=1)),
        "remind_last": (f"remind:remind_last:1:{unix}", timedelta(hours=1)),
    }


def test_a_day_before_is_24_hours_also_over_a_change_of_the_clocks() -> None:
    sunday = datetime(2026, 3, 29, 8, 0, tzinfo=UTC)  # Berlin springs forward at 01:00 UTC
    due = {w.kind: w.due_at for w in desired(facts(meeting(at=sunday)), NOW)}
    assert due["remind_first"] == datetime(2026, 3, 28, 8, 0, tzinfo=UTC)


def test_a_groups_own_offsets_and_none() -> None:
    chosen = facts(offsets={"remind_first": 0, "remind_last": 15})
    assert {w.kind: WED - w.due_at for w in desired(chosen, NOW)} == {
        "nudge": timedelta(days=3),
        "remind_last": timedelta(minutes=15),
    }


@pytest.mark.parametrize("status", ["skipped", "postponed", "cancelled"])
def test_what_does_not_take_place_reminds_nobody(status: str) -> None:
    assert desired(facts(meeting(status=status)), NOW) == ()


def test_nothing_changes_the_second_time() -> None:
    wanted = desired(facts(meeting(1), meeting(2, WED + timedelta(days=7))), NOW)
    assert diff(stored(wanted), wanted, NOW) == ReminderPlan(unchanged=6)


def test_a_moved_meeting_moves_its_reminders() -> None:
    old = desired(facts(), NOW)
    later = desired(facts(meeting(at=WED + timedelta(hours=3))), NOW)
    plan = diff(stored(old), later, NOW)
    assert plan == ReminderPlan(move=tuple(enumerate(later, 1)))


def test_what_was_sent_is_not_sent_again_when_a_meeting_comes_back() -> None:
    here, there = desired(facts(), NOW), desired(facts(meeting(at=WED + timedelta(days=1))), NOW)
    sent = stored(here, status="sent")
    moved = diff(sent, there, NOW)
    assert moved.create == there
    assert not moved.move
    assert not moved.delete
    both = sent + [replace(row, id=row.id + 10) for row in stored(there)]
    back = diff(both, here, NOW)
    assert back == ReminderPlan(delete=(11, 12, 13), unchanged=3)


def test_a_skipped_row_comes_back_with_its_time_but_not_what_a_moderator_took_back() -> None:
    wanted = desired(facts(), NOW)
    assert diff(stored(wanted, status="skipped"), wanted, NOW).move == tuple(enumerate(wanted, 1))
    taken = stored(wanted, status="skipped", error_class="cancelled")
    assert not diff(taken, wanted, NOW)


def test_no_reminder_is_made_for_a_moment_that_has_passed() -> None:
    soon = desired(facts(meeting(at=NOW + timedelta(hours=5))), NOW)
    assert [w.kind for w in diff([], soon, NOW).create] == ["remind_last"]
    exactly = desired(facts(meeting(at=NOW + timedelta(days=1))), NOW + timedelta(seconds=30))
    made = diff([], exactly, NOW + timedelta(seconds=30)).create
    assert [w.kind for w in made] == ["remind_first", "remind_last"]


def test_a_row_that_is_late_stays_for_the_one_who_sends_it() -> None:
    wanted = desired(facts(), NOW)
    late = WED - timedelta(hours=10)  # the bot was away when the first one was due
    assert not diff(stored(wanted), wanted, late)


def test_a_cancelled_meeting_takes_its_reminders_with_it() -> None:
    rows = stored(desired(facts(), NOW))
    assert diff(rows, desired(facts(meeting(status="cancelled")), NOW), NOW).delete == (1, 2, 3)


def test_personal_reminders_for_those_who_want_them_and_only_the_next_days() -> None:
    near, far = meeting(1, NOW + timedelta(days=2)), meeting(2, NOW + timedelta(days=9))
    found = [w for w in desired(facts(near, far, personal=(5, 6)), NOW) if w.kind == "remind_dm"]
    assert [(w.meeting_id, w.user_id) for w in found] == [(1, 5), (1, 6)]
    assert {near.starts_at - w.due_at for w in found} == {timedelta(hours=1)}


def test_the_weekly_overview_comes_on_monday_morning_where_the_group_meets() -> None:
    nine = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)  # 09:00 in Berlin
    (one,) = [w for w in desired(facts(facilitators=(4,)), nine) if w.kind == "digest"]
    assert (one.key, one.due_at, one.user_id) == ("digest:7:4:2026-11", nine, 4)
    # Half an hour later it is the next week's, and in that week the group does not meet.
    later = desired(facts(facilitators=(4,)), nine + timedelta(minutes=30))
    assert not [w for w in later if w.kind == "digest"]


def test_an_overview_that_waits_for_the_morning_is_not_taken_for_next_weeks() -> None:
    nine = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
    meetings = (meeting(1), meeting(2, WED + timedelta(days=7)))
    rows = stored(desired(facts(*meetings, facilitators=(4,)), nine))
    noon = nine + timedelta(hours=3)
    plan = diff(rows, desired(facts(*meetings, facilitators=(4,)), noon), noon)
    assert [w.key for w in plan.create] == ["digest:7:4:2026-12"]
    assert not plan.move
    assert not plan.delete


def test_facilitators_hear_two_weeks_before_the_clocks_split_the_group() -> None:
    """Berlin at 19:00 is New York at 14:00 from 8 March on, and at 13:00 again from the 29th."""
    weeks = [
        MeetingFact(n, day, datetime(day.year, day.month, day.day, hour, tzinfo=UTC), 60, n,
                    "planned")
        for n, (day, hour) in enumerate(
            [(date(2026, 3, 22), 18), (date(2026, 3, 29), 17), (date(2026, 4, 5), 17)], 1
        )
    ]  # fmt: skip
    group = facts(
        *weeks, facilitators=(4,),
        zones={4: "Europe/Berlin", 5: "Europe/Berlin", 6: "America/New_York"},
    )  # fmt: skip
    ahead = datetime(2026, 3, 16, 8, 0, tzinfo=UTC)
    (one,) = [w for w in desired(group, ahead) if w.kind == "shift"]
    assert (one.key, one.meeting_id, one.user_id) == ("shift:7:2026-03-29:4", 2, 4)
    assert one.due_at == ahead  # less than two weeks are left, so at once
    assert one.payload["times"] == [["19:00", 2], ["13:00", 1]]
    early = datetime(2026, 3, 8, 8, 0, tzinfo=UTC)
    (planned,) = [w for w in desired(group, early) if w.kind == "shift"]
    assert planned.due_at == datetime(2026, 3, 15, 17, 0, tzinfo=UTC)
    one_zone = facts(*weeks, facilitators=(4,), zones={4: "Europe/Berlin", 5: "Europe/Berlin"})
    assert not [w for w in desired(one_zone, ahead) if w.kind == "shift"]
