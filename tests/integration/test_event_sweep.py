"""The sweep's look at Discord's events: one statement, however many groups there are."""

from __future__ import annotations

from datetime import timedelta

from core.clock import utcnow
from core.db.engine import Database, get_database
from core.db.meeting_models import Meeting
from core.db.queries import access as access_queries
from core.reconcile.event_plan import SCHEDULED
from core.systems import events
from tests.bench.counting import counted
from tests.bench.town import Size, Town, town

SMALL = Size(guilds=2, cohorts=1, groups=3, people=2)
WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)


async def _meet(t: Town, weeks: int = 12) -> None:
    """Weekly meetings of all groups, from tomorrow on."""
    first = utcnow().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    async with get_database().transaction() as session:
        session.add_all(
            Meeting(
                guild_id=g.guild_id, group_id=g.id, number=n + 1, minutes=60,
                occurrence_date=(first + WEEK * n).date(), starts_at=first + WEEK * n,
                created_at=utcnow(),
            )
            for g in t.built.groups
            for n in range(weeks)
        )  # fmt: skip


async def _needing(t: Town) -> tuple[set[int], int, int]:
    """Group ids, statements, calls of one look at everything."""
    async with get_database().transaction() as session:
        facts = await access_queries.gather(session)
        with counted(t.env) as cost:
            found = await events.needing(session, facts, utcnow())
    return found, cost.sql, cost.rest


async def test_nothing_changed_is_one_statement(database: Database) -> None:
    async with town("ours", SMALL) as t:
        await _meet(t)
        everybody = {g.id for g in t.built.groups}
        assert await _needing(t) == (everybody, 2, 0)
        for group in sorted(everybody):
            assert (await events.sync(group))["created"] == 4
        assert await _needing(t) == (set(), 1, 0)


async def test_it_finds_what_differs_and_nothing_else(database: Database) -> None:
    async with town("ours", SMALL) as t:
        await _meet(t)
        for group in t.built.groups:
            await events.sync(group.id)
        mine = t.built.groups[4]
        there = t.env.backend.get_guild(mine.guild_id).scheduled_events
        one = next(e for e in there.values() if e.channel_id == mine.channel_ids[1])
        t.env.backend.edit_scheduled_event(mine.guild_id, one.id, {"name": "Party"})
        await t.env.settle()
        assert (await _needing(t))[0] == {mine.id}
        counts = await events.sync(mine.id)
        assert (counts["moved"], counts["failed"]) == (0, 0)
        assert await _needing(t) == (set(), 2, 0)  # reported, and no news any more


async def test_a_full_server_is_no_reason_to_look_again(database: Database) -> None:
    async with town("ours", SMALL) as t:
        await _meet(t)
        guild_id = t.built.guild_ids[0]
        mine = {g.id for g in t.built.groups if g.guild_id == guild_id}
        for n in range(98):
            start = utcnow() + timedelta(days=60)
            t.env.backend.create_scheduled_event(
                guild_id, name=f"Party {n}", entity_type=3,
                scheduled_start_time=start.isoformat(),
                scheduled_end_time=(start + HOUR).isoformat(), entity_metadata={"location": "x"},
            )  # fmt: skip
        await t.env.settle()
        for group in sorted(mine):
            await events.sync(group)
        there = t.env.backend.get_guild(guild_id).scheduled_events.values()
        assert sum(e.status == SCHEDULED for e in there) == 100
        found, sql, rest = await _needing(t)
        assert (not found & mine, sql, rest) == (True, 2, 0)  # the other server has all to do
