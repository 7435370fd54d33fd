"""Calendar, reminders and RSVPs of a group. There are no meetings yet, so there is nothing to
reconcile, and they say so: each counts the group's meetings.
"""

from __future__ import annotations

from core.systems.counts import CalendarCounts, MeetingCounts


async def count_meetings(group_id: int) -> int:
    """How many meetings the group has: none before groups have slots."""
    del group_id
    return 0


async def sync_calendar(group_id: int) -> CalendarCounts:
    meetings = await count_meetings(group_id)
    return {"meetings": meetings, "created": 0, "patched": 0, "unchanged": 0, "failed": 0}


async def sync_reminders(group_id: int) -> MeetingCounts:
    return {"meetings": await count_meetings(group_id)}


async def sync_rsvps(group_id: int) -> MeetingCounts:
    return {"meetings": await count_meetings(group_id)}
