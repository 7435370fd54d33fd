"""How long to wait, as a table."""

from __future__ import annotations

import pytest

from core.retry import Decision, decide


@pytest.mark.parametrize(
    ("attempt", "delay"),
    [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (11, 60)],
)
def test_quick_attempts_double_up_to_a_minute(attempt: int, delay: float) -> None:
    assert decide(permanent=False, attempt=attempt, jitter=0.25) == Decision(delay + 0.25)


@pytest.mark.parametrize(("attempt", "report"), [(12, True), (13, False), (1000, False)])
def test_half_hourly_after_twelve_with_one_report(attempt: int, report: bool) -> None:
    expected = Decision(1800.5, report=report)
    assert decide(permanent=False, attempt=attempt, jitter=0.5) == expected


@pytest.mark.parametrize("attempt", [0, 11, 12, 500])
def test_discord_itself_knows_best(attempt: int) -> None:
    got = decide(permanent=False, attempt=attempt, jitter=0.1, retry_after=300.0)
    assert got.delay == pytest.approx(300.1)
    assert not got.parked


@pytest.mark.parametrize("attempt", [0, 12, 99])
def test_permanent_waits_for_the_probe(attempt: int) -> None:
    got = decide(permanent=True, attempt=attempt, jitter=0.9, retry_after=5, probe=1234.0)
    assert got == Decision(1234.0, parked=True)
    assert decide(permanent=True, attempt=0, jitter=0).delay == 3600
