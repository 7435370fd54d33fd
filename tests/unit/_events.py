"""Meetings of a group, and Discord's events of them, as values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.reconcile.event_plan import (
    SCHEDULED,
    Event,
    EventPlan,
    Group,
    Meeting,
    marks_of,
)
from core.reconcile.events import (
    desired,
    diff,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)
OWLS = Group("Owls", live=True, channel_id=7)
BOT, SOMEBODY = 1, 2


def meeting(n: int, **more: object) -> Meeting:
    """Week n, tomorrow for n = 1."""
    plain = Meeting(n, n, False, NOW + timedelta(days=1) + WEEK * (n - 1), 60, "planned")
    return replace(plain, **more)  # type: ignore[arg-type]


def event_of(m: Meeting, number: int, **more: object) -> Event:
    """The event as Muster makes it."""
    [want] = desired(OWLS, [m], m.starts_at - HOUR).values()
    made = Event(number, want.name, want.start, want.end, 7, SCHEDULED, BOT, NOW)
    return replace(made, **more)  # type: ignore[arg-type]


def made(m: Meeting, number: int = 50) -> Meeting:
    marks = marks_of(event_of(m, number))
    return replace(m, event_id=number, event_state="created", event_hash=marks)


def plan(
    meetings: list[Meeting], events: list[Event], *, now: datetime = NOW, repair: bool = False,
    group: Group = OWLS,
) -> EventPlan:  # fmt: skip
    return diff(group, meetings, {e.id: e for e in events}, now, bot_id=BOT, repair=repair)
