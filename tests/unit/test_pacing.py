"""How fast messages follow each other in one place."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.notifications.pacing import Bookings, Throttle


@given(st.lists(st.floats(0, 3), max_size=60))
def test_never_more_than_five_in_five_seconds(pauses: list[float]) -> None:
    throttle, now, starts = Throttle(5, 5.0), 0.0, list[float]()
    for pause in pauses:
        now += pause
        now += throttle.wait(now)
        throttle.start(now)
        starts.append(now)
    # A float's last digit may be lost in the sum; a millionth of a second is nobody's limit.
    assert all(b - a >= 5.0 - 1e-6 for a, b in zip(starts, starts[5:], strict=False))


def test_a_quiet_place_starts_at_once() -> None:
    throttle = Throttle(5, 5.0)
    assert [throttle.wait(0.0) for _ in range(5)] == [0.0] * 5
    for _ in range(5):
        throttle.start(0.0)
    assert throttle.wait(1.0) == 4.0
    assert not throttle.idle(4.9)
    assert throttle.idle(5.0)


@given(st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_places_are_given_away_in_order_and_once(pauses: list[float]) -> None:
    bookings, now, given_away = Bookings(1.0), 0.0, list[float]()
    for pause in pauses:
        now += pause
        given_away.append(now + bookings.next(now, 5, again=False))
    gaps = [b - a for a, b in pairwise(given_away)]
    assert all(gap >= 1.0 - 1e-6 for gap in gaps)
    assert bookings.taken(given_away[-1])


def test_who_comes_back_is_not_sent_to_the_end() -> None:
    bookings = Bookings(1.0)
    for _ in range(1000):
        bookings.next(0.0, 5, again=False)
    assert bookings.next(10.0, 5, again=True) == 6.0
