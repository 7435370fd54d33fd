"""Calendar, reminders and RSVPs of a group.

There are no meetings yet, so there is nothing to reconcile, and they say so: each counts the
group's meetings and notes that it is up to date.
"""

from __future__ import annotations

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import sync_states
from core.systems.counts import CalendarCounts, MeetingCounts


async def _up_to_date(group_id: int, system: str) -> int:
    """Note it, and give the number of the group's meetings: none before groups have slots."""
    async with get_database().transaction() as session:
        await sync_states.settle(session, group_id, system, utcnow())
    return 0


async def sync_calendar(group_id: int) -> CalendarCounts:
    """Counts in the shape of core.sync's contract."""
    meetings = await _up_to_date(group_id, "calendar")
    return {"meetings": meetings, "created": 0, "patched": 0, "unchanged": 0, "failed": 0}


async def sync_reminders(group_id: int) -> MeetingCounts:
    """Counts in the shape of core.sync's contract."""
    return {"meetings": await _up_to_date(group_id, "reminders")}


async def sync_rsvps(group_id: int) -> MeetingCounts:
    """Counts in the shape of core.sync's contract."""
    return {"meetings": await _up_to_date(group_id, "rsvps")}
