"""A group's meetings and the messages that they cause: rows only, no call to Discord."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core import schedule
from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import GroupStatus, Role
from core.db.queries import access, meetings, reminders, sync_states
from core.db.queries.access import GUEST, Facts
from core.reconcile import reminders as pure
from core.reconcile.reminders import GroupFacts, MeetingFact, ReminderPlan, Row
from core.reconcile.trace import LIVE
from core.systems import activation
from core.systems.counts import ReminderCounts


async def sync_reminders(group_id: int) -> ReminderCounts:
    """Meetings as the rule says, then their messages; and the group runs once all is there."""
    now = utcnow()
    counts: ReminderCounts = {
        "meetings": 0, "created": 0, "deleted": 0, "moved": 0, "unchanged": 0,
    }  # fmt: skip
    async with get_database().transaction() as session:
        await meetings.derive(session, [group_id], now)
        to_come = (await meetings.to_come(session, [group_id], now))[group_id]
        stored = (await reminders.rows(session, [group_id], now))[group_id]
        # Where nothing is to come and nothing was written, nothing is wanted, whoever is in it.
        some = bool(to_come or stored)
        for facts in await access.gather(session, [group_id], channels=False) if some else []:
            plan = _plan(facts, to_come, stored, now)
            await reminders.write(session, facts.group.guild_id, group_id, plan, now)
            counts = {
                "meetings": len([m for m in to_come if m.status == "planned"]),
                "created": len(plan.create), "deleted": len(plan.delete),
                "moved": len(plan.move), "unchanged": plan.unchanged,
            }  # fmt: skip
            if facts.group.status == GroupStatus.preview:
                for whole in await access.gather(session, [group_id]):
                    await activation.consider(session, whole, now)
        await sync_states.settle(session, group_id, "reminders", now)
    return counts


def _plan(
    facts: Facts, to_come: Sequence[MeetingFact], stored: Sequence[Row], now: datetime
) -> ReminderPlan:
    """What to change in a group's messages to come; one that ended wants none."""
    group = facts.group
    live = group.status in LIVE
    people = {u: role for u, status, role in facts.people if status == "active"} if live else {}
    zone = meetings.zone_of(group.rule, now) or facts.settings.zone
    wanted = GroupFacts(
        group.id,
        zone,
        to_come if live else (),
        tuple(user for user, role in people.items() if role == Role.facilitator),
        {user: _known(facts.zones.get(user), zone) for user, role in people.items()
         if role != GUEST},
        tuple(user for user in people if user in facts.personal),
        group.offsets,
    )  # fmt: skip
    return pure.diff(stored, pure.desired(wanted, now), now)


def _known(zone: str | None, fallback: str) -> str:
    """A person's zone; one that this machine's tables do not have must not stop a whole group."""
    try:
        schedule.zone_info(zone or "")
    except schedule.UnknownZone:
        return fallback
    return zone or fallback


async def needing(session: AsyncSession, facts: Sequence[Facts], now: datetime) -> set[int]:
    """Of the groups that a sweep gathered, those whose messages to come are not right.

    Two statements, whatever there is.
    """
    to_come = await meetings.to_come(session, None, now)
    stored = await reminders.rows(session, None, now)
    return {
        fact.group.id
        for fact in facts
        if _plan(fact, to_come[fact.group.id], stored[fact.group.id], now)
    }
