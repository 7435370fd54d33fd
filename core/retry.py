"""Pure: how long to wait before a failed system is looked at again."""

from __future__ import annotations

from dataclasses import dataclass

# After these many attempts the problem is not a hiccup: half-hourly, and one Sentry report.
QUICK_ATTEMPTS = 12
LONGEST_QUICK_DELAY = 60.0  # seconds
SLOW_DELAY = 30 * 60.0  # seconds


@dataclass(frozen=True)
class Decision:
    """Wait `delay` seconds. `parked` means nothing happens until inputs change or the probe."""

    delay: float
    parked: bool = False
    report: bool = False


def decide(
    *,
    permanent: bool,
    attempt: int,
    jitter: float,
    retry_after: float | None = None,
    probe: float = 3600.0,
) -> Decision:
    """What to do after failed attempt number `attempt` (0 is the first).

    `jitter` is a random number from 0 to 1 second, drawn by the caller; `retry_after` is
    Discord's own answer in seconds and wins; `probe` is the interval for parked systems.
    """
    if permanent:
        return Decision(delay=probe, parked=True)
    if retry_after is not None:
        return Decision(delay=retry_after + jitter)
    if attempt >= QUICK_ATTEMPTS:
        return Decision(delay=SLOW_DELAY + jitter, report=attempt == QUICK_ATTEMPTS)
    return Decision(delay=min(2.0**attempt, LONGEST_QUICK_DELAY) + jitter)
