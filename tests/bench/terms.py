"""A term of meetings for every group of a town, everything about them done: nothing is due."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, time
from typing import Any

from sqlalchemy import insert, update

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.db.models import Cohort, Group, Projection
from core.db.queries import access, events, meetings, reminders
from core.reconcile import events as pure
from core.reconcile.event_plan import Group as EventGroup
from core.reconcile.event_plan import Wanted
from core.schedule import Piece, Rule, Slot
from core.systems import meetings as meeting_system
from tests.bench.town import Town

MEETINGS = 12
STARTS = date(2026, 1, 5)  # SimCord's clock stands at 2026-01-01
RULE = Rule((Piece(Slot(2, time(19), "Europe/Berlin")),))
_VOICE = 2  # Discord's number of events in a voice channel


async def hold(t: Town) -> None:
    """Slots, meetings, messages to come, posts, and as many events as each server has room for."""
    now, ids = utcnow(), [g.id for g in t.built.groups]
    async with get_database().transaction() as session:
        await session.execute(update(Cohort).values(start_date=STARTS, meetings=MEETINGS))
        await session.execute(update(Group).values(rule=RULE.to_json()))
        await meetings.derive(session, ids, now)
        to_come = await meetings.to_come(session, None, now)
        for facts in await access.gather(session):
            group = facts.group
            plan = meeting_system._plan(facts, to_come[group.id], [], now)
            await reminders.write(session, group.guild_id, group.id, plan, now)
    async with get_database().transaction() as session:
        await session.execute(insert(Projection), [
            {
                "guild_id": g.guild_id, "group_id": g.id, "kind": "answers",
                "subject": str(to_come[g.id][0].id), "channel_id": g.channel_ids[0],
                "message_id": g.channel_ids[0] + 1, "shown_hash": "shown", "dirty": False,
                "created_at": now,
            }
            for g in t.built.groups
        ])  # fmt: skip
        wishes: dict[int, list[Wanted]] = defaultdict(list)
        rows = await events.of_all(session, now)
        for g in t.built.groups:
            hosts = EventGroup(g.name, live=True, channel_id=g.channel_ids[1])
            wanted = pure.desired(hosts, rows[g.id], now)
            inside = pure.window(wanted.values(), now)
            wishes[g.guild_id] += [w for w in wanted.values() if w.meeting_id in inside]
        for guild_id, wanted_here in wishes.items():
            places = pure.allot(wanted_here, 0)
            for want in wanted_here:
                if want.meeting_id in places:
                    await session.execute(_made(t, guild_id, want))
    await t.env.settle()


def _made(t: Town, guild_id: int, want: Wanted) -> Any:
    """The event stands on Discord; the statement that notes it."""
    event = t.env.backend.create_scheduled_event(
        guild_id, name=want.name, entity_type=_VOICE, creator_id=t.env.backend.bot_user.id,
        scheduled_start_time=want.start.isoformat(), scheduled_end_time=want.end.isoformat(),
        channel_id=want.channel_id,
    )  # fmt: skip
    return (
        update(Meeting)
        .where(Meeting.guild_id == guild_id, Meeting.id == want.meeting_id)
        .values(event_id=event.id, event_state="created", event_hash=want.marks())
    )
