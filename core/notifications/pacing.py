"""How fast messages may follow each other in one place; pure, with the event loop's time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Throttle:
    """At most `calls` starts within any `seconds`. All times are the event loop's, in seconds."""

    calls: int
    seconds: float
    _starts: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """How long until the next one may start; 0: at once."""
        if len(self._starts) < self.calls:
            return 0.0
        return max(0.0, self._starts[0] + self.seconds - now)

    def start(self, now: float) -> None:
        """Count one that starts now."""
        if len(self._starts) >= self.calls:
            self._starts.popleft()
        self._starts.append(now)

    def idle(self, now: float) -> bool:
        """Whether the past has no bearing on the next one any more."""
        return not self._starts or now - self._starts[-1] >= self.seconds


@dataclass(slots=True)
class Bookings:
    """Who finds a queue full is told when to come back, in the order of asking.

    Not everybody waits in memory: one busy channel would hold up all the others, and its rows
    would be held for hours.
    """

    interval: float  # seconds from one to the next
    _until: float = 0.0  # up to then the places are given away

    def taken(self, now: float) -> bool:
        """Whether somebody was told to come back at a time that is still to come."""
        return self._until > now

    def next(self, now: float, waiting: int, *, again: bool) -> float:
        """In how many seconds to come back, behind `waiting` who are in the queue.

        Who came back and found it full `again` goes before those whose time is still to come.
        """
        behind = (waiting + 1) * self.interval
        if again:
            return behind
        at = max(self._until, now + behind)
        self._until = at + self.interval
        return at - now
