"""Which events Discord should have for a group's meetings, and what differs out there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.plan import ByHand
from core.reconcile.event_plan import (
    ACTIVE,
    CANCELED,
    COMPLETED,
    CancelEvent,
    ChangeEvent,
    EndEvent,
    Event,
    EventGone,
    FindEvent,
    SettleEvent,
    StartEvent,
    marks_of,
)
from core.reconcile.events import (
    AHEAD,
    GUILD_LIMIT,
    allot,
    desired,
    matching,
    name_of,
    waiting_for,
    window,
)
from tests.unit._events import BOT, HOUR, NOW, OWLS, SOMEBODY, WEEK, event_of, made, meeting, plan


def test_a_new_group_gets_its_next_four() -> None:
    found = plan([meeting(n) for n in range(1, 9)], [])
    assert [w.meeting_id for w in found.makes] == [1, 2, 3, 4]
    assert found.words()[0] == "create the event “Owls - Week 1” on <t:1772539200:F>"
    assert [w.name for w in found.makes] == [f"Owls - Week {n}" for n in range(1, 5)]


def test_not_more_than_five_weeks_ahead() -> None:
    rows = [meeting(n, starts_at=NOW + WEEK * 2 * n) for n in range(1, 5)]
    assert window(desired(OWLS, rows, NOW).values(), NOW) == {1, 2}


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=-30), timedelta(seconds=40)])
def test_nothing_is_made_for_what_begins_now_or_before(late: timedelta) -> None:
    assert plan([meeting(1, starts_at=NOW + late)], []).changes == ()


def test_nothing_different_nothing_to_do() -> None:
    one = made(meeting(1))
    found = plan([one], [event_of(one, 50)])
    assert (found.changes, found.by_hand, found.unchanged) == ((), (), 1)
    assert found.next_at == one.starts_at


@pytest.mark.parametrize(
    ("after", "fields", "words"),
    [
        ({"starts_at": NOW + WEEK}, ("start", "end"), "move the event “Owls - Week 1” to <t:"),
        ({"minutes": 90}, ("end",), "move the event “Owls - Week 1” to <t:"),
        ({"number": 5}, ("name",), "rename an event to “Owls - Week 5”"),
        ({"number": None}, ("name",), "rename an event to “Owls - Extra meeting”"),
    ],
)
def test_what_the_meeting_changes_is_changed_and_nothing_else(
    after: dict[str, object], fields: tuple[str, ...], words: str
) -> None:
    one = made(meeting(1))
    moved = replace(one, **after)  # type: ignore[arg-type]
    [change] = plan([moved], [event_of(one, 50)]).changes
    assert isinstance(change, ChangeEvent)
    assert change.fields == fields
    assert change.words().startswith(words)


def test_another_voice_channel() -> None:
    one = made(meeting(1))
    found = plan([one], [event_of(one, 50)], group=replace(OWLS, channel_id=8))
    assert [c.words() for c in found.changes] == [
        "move the event “Owls - Week 1” to another channel"
    ]


@pytest.mark.parametrize(
    ("by_hand", "what"),
    [
        ({"name": "Party"}, "event_renamed"),
        ({"start": NOW + WEEK}, "event_moved"),
        ({"start": NOW + WEEK, "end": NOW + WEEK + HOUR}, "event_moved"),
        ({"channel_id": 9}, "event_rehomed"),
    ],
)
def test_by_hand_is_reported_and_repaired_only_where_wanted(
    by_hand: dict[str, object], what: str
) -> None:
    one = made(meeting(1))
    events = [event_of(one, 50, **by_hand)]
    found = plan([one], events)
    assert (found.changes, found.by_hand) == ((), (ByHand(50, 0, what),))
    [change] = plan([one], events, repair=True).changes
    assert isinstance(change, ChangeEvent)
    assert set(change.fields) == set(by_hand)


def test_a_name_by_hand_survives_a_move() -> None:
    one = made(meeting(1))
    moved = replace(one, starts_at=one.starts_at + HOUR)
    found = plan([moved], [event_of(one, 50, name="Party")])
    [change] = found.changes
    assert isinstance(change, ChangeEvent)
    assert change.fields == ("start", "end")
    assert found.by_hand == (ByHand(50, 0, "event_renamed"),)


@pytest.mark.parametrize("status", ["skipped", "postponed", "cancelled"])
def test_what_does_not_take_place_is_cancelled(status: str) -> None:
    one = made(meeting(1))
    dropped = replace(one, status=status)
    found = plan([dropped], [event_of(one, 50)])
    assert found.changes == (CancelEvent(50, 1, "Owls - Week 1"),)
    running = plan([dropped], [event_of(one, 50, status=ACTIVE)])
    assert running.changes == (EndEvent(50, 1, "Owls - Week 1", forget=True),)
    assert plan([dropped], []).changes == (SettleEvent(1, None),)


def test_an_ended_group_has_no_events() -> None:
    one = made(meeting(1))
    found = plan([one, meeting(2)], [event_of(one, 50)], group=replace(OWLS, live=False))
    assert found.changes == (CancelEvent(50, 1, "Owls - Week 1"),)


def test_a_missing_voice_channel_cancels_nothing() -> None:
    one = made(meeting(1))
    homeless = replace(OWLS, channel_id=None)
    assert plan([one, meeting(2)], [event_of(one, 50)], group=homeless).changes == ()
    assert plan([one], [], group=homeless).changes == (SettleEvent(1, None),)


def test_it_starts_with_the_meeting_and_ends_with_it() -> None:
    one = made(meeting(1))
    begun, over = one.starts_at, one.ends_at
    event = event_of(one, 50)
    assert plan([one], [event], now=begun).changes == (StartEvent(50, 1, "Owls - Week 1"),)
    running = replace(event, status=ACTIVE)
    assert plan([one], [running], now=begun).changes == ()
    assert plan([one], [running], now=begun).next_at == over
    assert plan([one], [running], now=over).changes == (EndEvent(50, 1, "Owls - Week 1"),)


def test_what_was_never_started_costs_no_call() -> None:
    """Discord takes it away by itself some hours later."""
    one = made(meeting(1))
    found = plan([one], [event_of(one, 50)], now=one.ends_at)
    assert found.changes == (SettleEvent(1, "ended", 50),)


@pytest.mark.parametrize("events", [True, False])
def test_discord_may_end_a_running_one_when_everybody_left(events: bool) -> None:
    one = made(meeting(1))
    there = [event_of(one, 50, status=COMPLETED)] if events else []
    found = plan([one], there, now=one.starts_at + HOUR / 2)
    assert found.changes == (SettleEvent(1, "ended", 50),)


def test_one_started_early_by_hand_is_left_alone() -> None:
    one = made(meeting(1))
    assert plan([one], [event_of(one, 50, status=ACTIVE)]).changes == ()


def test_a_running_meeting_that_moves_to_later_gets_another_event() -> None:
    one = made(meeting(1))
    later = replace(one, starts_at=one.starts_at + WEEK)
    running = event_of(one, 50, status=ACTIVE)
    now = one.starts_at + HOUR / 4
    found = plan([later], [running], now=now)
    assert found.changes == (EndEvent(50, 1, "Owls - Week 1", forget=True),)
    again = replace(later, event_id=None, event_state=None, event_hash=None)
    assert plan([again], [], now=now).makes


def test_a_start_in_the_past_is_never_sent() -> None:
    one = made(meeting(1))
    event = event_of(one, 50)
    earlier = replace(one, starts_at=NOW - HOUR / 4)
    found = plan([earlier], [event])
    change, start = found.changes
    assert isinstance(change, ChangeEvent)
    assert change.fields == ("end",)
    assert isinstance(start, StartEvent)


@pytest.mark.parametrize("status", [None, CANCELED])
def test_deleted_by_hand_is_flagged_and_not_made_again(status: int | None) -> None:
    one = made(meeting(1))
    events = [event_of(one, 50, status=status)] if status else []
    assert plan([one], events).changes == (EventGone(50, 1, "Owls - Week 1"),)
    flagged = replace(one, event_state="gone")
    assert plan([flagged], events).changes == ()
    renumbered = replace(flagged, number=9)
    assert plan([renumbered], events).changes == ()
    assert plan([replace(flagged, starts_at=one.starts_at + HOUR)], events).makes


def test_an_intent_is_looked_for_first() -> None:
    one = replace(meeting(1), event_state="intent", event_hash="x")
    assert plan([one, meeting(2)], []).changes[0] == FindEvent(1)


def test_the_marker_of_an_intent() -> None:
    one = meeting(1)
    event = event_of(one, 50)
    wish = replace(one, event_state="intent", event_hash=marks_of(event), event_intent_at=NOW)

    def found(*events: Event, taken: frozenset[int] = frozenset()) -> Event | None:
        return matching(wish, events, bot_id=BOT, taken=taken)

    assert found(event) == event
    assert found(replace(event, id=40), event) == replace(event, id=40)
    for other in (
        replace(event, name="Owls - Week 2"), replace(event, start=event.start + HOUR),
        replace(event, channel_id=8), replace(event, creator_id=SOMEBODY),
        replace(event, made_at=NOW - HOUR), replace(event, status=CANCELED),
    ):  # fmt: skip
        assert found(other) is None
    assert found(event, taken=frozenset({50})) is None


def test_one_that_no_row_knows_of_is_taken_over() -> None:
    """The rows came out of a backup."""
    one = meeting(1)
    [settled] = plan([one], [event_of(one, 50)]).changes
    assert settled == SettleEvent(1, "created", 50, marks_of(event_of(one, 50)))


def test_what_is_left_of_a_deleted_row_is_cancelled_and_foreign_ones_are_not() -> None:
    one = made(meeting(1))
    twin = event_of(one, 51)
    foreign = [
        replace(twin, id=52, creator_id=SOMEBODY), replace(twin, id=53, channel_id=8),
        replace(twin, id=54, name="Owls - Party"), replace(twin, id=55, status=ACTIVE),
    ]  # fmt: skip
    found = plan([one], [event_of(one, 50), twin, *foreign])
    assert found.changes == (CancelEvent(51, None, "Owls - Week 1"),)


def test_a_change_that_was_made_but_not_noted_is_noted() -> None:
    """The process died between the call and its row: what came after by hand is told apart."""
    one = made(meeting(1))
    moved = replace(one, starts_at=one.starts_at + HOUR)
    event = event_of(moved, 50)
    found = plan([moved], [event])
    assert found.changes == (SettleEvent(1, "created", 50, marks_of(event)),)


def test_what_has_begun_is_not_taken_for_left_over() -> None:
    """Discord takes it away itself; rows of meetings long over are not even read."""
    one = meeting(1)
    assert plan([], [event_of(one, 50)], now=one.starts_at).changes == ()


def test_the_soonest_get_the_last_places() -> None:
    wishes = [desired(OWLS, [meeting(n)], NOW)[n] for n in (3, 1, 2)]
    assert allot(wishes, GUILD_LIMIT - 2) == {1, 2}
    assert allot(wishes, GUILD_LIMIT + 3) == frozenset()
    whole = plan([meeting(n) for n in (1, 2, 3)], [])
    part = whole.within({1})
    assert ([w.meeting_id for w in part.makes], part.homeless) == ([1], 2)
    assert part.inputs_hash() != whole.inputs_hash()
    assert not whole.within(set())


def test_what_other_groups_wait_for() -> None:
    wants = [desired(OWLS, [meeting(n)], NOW)[n] for n in range(1, 7)]
    lacking = waiting_for([(1, w, w.meeting_id == 2) for w in wants], NOW)
    assert [w.meeting_id for w in lacking] == [1, 3, 4]
    assert AHEAD == 4


def test_names_fit() -> None:
    assert name_of("Owls", 12) == "Owls - Week 12"
    assert len(name_of("x" * 120, 1)) == 100
