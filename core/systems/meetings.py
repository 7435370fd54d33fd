"""A group's meetings and the messages that they cause: rows only, no call to Discord."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import meetings, reminders, sync_states
from core.db.queries.meetings import GroupRow
from core.reconcile import reminders as pure
from core.reconcile.reminders import PERSONAL, GroupFacts, MeetingFact
from core.systems import activation
from core.systems.counts import CalendarCounts, MeetingCounts, ReminderCounts


async def sync_calendar(group_id: int) -> CalendarCounts:
    """Counts in the shape of core.sync's contract; there are no calendars yet."""
    async with get_database().transaction() as session:
        await sync_states.settle(session, group_id, "calendar", utcnow())
    return {"meetings": 0, "created": 0, "patched": 0, "unchanged": 0, "failed": 0}


async def sync_rsvps(group_id: int) -> MeetingCounts:
    """Counts in the shape of core.sync's contract."""
    async with get_database().transaction() as session:
        await sync_states.settle(session, group_id, "rsvps", utcnow())
    return {"meetings": 0}


async def sync_reminders(group_id: int) -> ReminderCounts:
    """Meetings as the rule says, then their messages; and the group runs once all is there."""
    now = utcnow()
    async with get_database().transaction() as session:
        await meetings.derive(session, [group_id], now)
        rows = await meetings.groups(session, [group_id], now)
        to_come = (await meetings.to_come(session, [group_id], now))[group_id]
        counts: ReminderCounts = {
            "meetings": len([m for m in to_come if m.status == "planned"]),
            "created": 0, "deleted": 0, "moved": 0, "unchanged": 0,
        }  # fmt: skip
        for group in rows:
            stored = (await reminders.rows(session, [group_id], now))[group_id]
            plan = pure.diff(stored, pure.desired(facts_of(group, to_come), now), now)
            await reminders.write(session, group.guild_id, group_id, plan, now)
            counts |= {
                "created": len(plan.create), "deleted": len(plan.delete),
                "moved": len(plan.move), "unchanged": plan.unchanged,
            }  # fmt: skip
            await activation.consider(session, group_id, now)
        await sync_states.settle(session, group_id, "reminders", now)
    return counts


def facts_of(group: GroupRow, to_come: Sequence[MeetingFact]) -> GroupFacts:
    """What the pure part asks for; a group that ended wants no messages."""
    people = group.people if group.live else {}
    return GroupFacts(
        group.id,
        group.zone,
        to_come if group.live else (),
        tuple(user for user, (role, _, _) in people.items() if role == "facilitator"),
        {user: zone or group.zone for user, (_, zone, _) in people.items()},
        tuple(user for user, (_, _, switches) in people.items() if switches.get(PERSONAL)),
        group.offsets,
    )


async def needing(session: AsyncSession, group_ids: Sequence[int], now: datetime) -> set[int]:
    """Which of these groups' messages are not as they should be; for the sweep."""
    found = await meetings.groups(session, group_ids, now)
    to_come = await meetings.to_come(session, group_ids, now)
    stored = await reminders.rows(session, None, now)
    return {
        group.id
        for group in found
        if pure.diff(stored[group.id], pure.desired(facts_of(group, to_come[group.id]), now), now)
    }
