"""Rows that say when a group is looked at again, and who looks."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import update

from core import sync
from core.clock import set_clock, utcnow
from core.db.engine import Database
from core.db.instance import Instance, release_dead_leases
from core.db.meeting_models import Meeting
from core.db.models import ManagedOverwrite, SyncState
from core.db.queries import events, managed, sync_states
from core.errors import TemporaryError
from core.notifications.scheduler import schedule_sync_retry
from core.operations import cohorts, groups, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.integration._locks import until_it_waits
from tests.world import World, world

MOD = Actor(500, 1, "mod", moderator=True)
NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def group(database: Database) -> int:
    set_clock(lambda: NOW)
    draft = CohortDraft("Stats", date(2026, 3, 1), groups=1)
    made = await cohorts.create(MOD, draft, open_now=True)
    await membership.join(Actor(500, 7, "ada"), made.group_ids[0])
    return made.group_ids[0]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Mock:
    mock = Mock()
    monkeypatch.setattr("core.notifications.scheduler.sentry_sdk.capture_message", mock)
    return mock


async def row(database: Database, group: int, system: str = "discord") -> SyncState:
    async with database.transaction() as session:
        return await session.get_one(SyncState, (group, system))


async def test_a_group_without_meetings_has_nothing_to_show(database: Database, group: int) -> None:
    async with database.alone() as session:
        assert await events.without_meetings(session, group, NOW)
    assert (await row(database, group, "rsvps")).status == "ok"


async def test_a_meeting_that_is_made_meanwhile_is_not_missed(
    database: Database, group: int
) -> None:
    async def look() -> bool:
        async with database.alone() as session:
            return await events.without_meetings(session, group, NOW)

    async with database.transaction() as session:
        session.add(
            Meeting(guild_id=500, group_id=group, occurrence_date=NOW.date(), minutes=60,
                    starts_at=NOW, created_at=NOW)
        )  # fmt: skip
        await sync_states.mark_due(session, [group], NOW)
        looking = asyncio.create_task(look())
        await until_it_waits(session, looking)
    assert not await looking  # it saw none, and waited for the row that this transaction held
    assert (await row(database, group, "rsvps")).status == "due"


async def failed(database: Database, group: int, **values: Any) -> None:
    """Leave the row as a failed run records it."""
    values = {"status": "waiting", "next_attempt_at": None, **values}
    async with database.transaction() as session:
        await session.execute(
            update(SyncState)
            .where(SyncState.group_id == group, SyncState.system == "discord")
            .values(**values)
        )


async def seconds(database: Database, group: int) -> float:
    at = (await row(database, group)).next_attempt_at
    assert at is not None
    return (at - NOW).total_seconds()


@pytest.mark.parametrize(
    ("attempts", "minimum", "low"), [(1, 0, 1), (4, 0, 8), (7, 0, 60), (1, 3, 8), (40, 0, 1800)]
)
async def test_a_running_back_off_is_not_reset(
    database: Database, group: int, told: Mock, attempts: int, minimum: int, low: float
) -> None:
    await failed(database, group, attempts=attempts)
    await schedule_sync_retry(sync_type="discord", group_id=group, attempt=minimum)
    assert low <= await seconds(database, group) <= low + 1
    told.assert_not_called()


async def test_one_report_when_the_quick_attempts_are_over(
    database: Database, group: int, told: Mock
) -> None:
    for attempts in (12, 13, 14):
        await failed(database, group, attempts=attempts, error_text="discord is down")
        await schedule_sync_retry(sync_type="discord", group_id=group, attempt=0)
    told.assert_called_once_with(f"discord of group {group} keeps failing: discord is down")


async def test_discords_waiting_time_and_the_probe(
    database: Database, group: int, told: Mock
) -> None:
    await failed(database, group, attempts=1, retry_after=500.0)
    await schedule_sync_retry(sync_type="discord", group_id=group, attempt=0)
    assert 500 <= await seconds(database, group) <= 501
    await failed(database, group, attempts=1, status="parked")
    await schedule_sync_retry(sync_type="discord", group_id=group, attempt=0)
    assert await seconds(database, group) == 3600
    assert (await row(database, group)).status == "parked"
    await schedule_sync_retry(sync_type="discord", group_id=10**6, attempt=0)  # no such group


async def test_a_system_that_raises_before_it_records_backs_off_too(
    database: Database, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(group_id: int) -> Any:
        raise RuntimeError("no calendar")

    monkeypatch.setattr("core.sync.sync_group_calendar", broken)
    delays = []
    for _ in range(6):
        await sync.sync_system("calendar", group)
        at = (await row(database, group, "calendar")).next_attempt_at
        assert at is not None
        delays.append(int((at - NOW).total_seconds()))
    assert delays == sorted(delays)
    assert delays[-1] >= 16


async def test_a_new_change_starts_afresh(database: Database, group: int) -> None:
    await failed(database, group, attempts=9, status="parked")
    await groups.edit(MOD, group, seats=5)
    state = await row(database, group)
    assert (state.status, state.attempts, state.next_attempt_at) == ("due", 0, NOW)
    async with database.transaction() as session:
        assert (group, "discord") in await sync_states.due(session, NOW)


async def claim(database: Database, group: int, instance: int, now: datetime = NOW) -> bool:
    async with database.transaction() as session:
        return await sync_states.claim(
            session, group, "discord", instance=instance, now=now, lease=60
        )


async def test_one_holder_at_a_time(database: Database, group: int) -> None:
    results = await asyncio.gather(*(claim(database, group, n) for n in range(1, 9)))
    assert sum(results) == 1
    holder = 1 + results.index(True)
    assert await claim(database, group, holder)  # its own
    version = (await row(database, group)).version
    assert not await claim(database, group, 99)
    assert (await row(database, group)).version == version + 1  # the holder looks again
    assert await claim(database, group, 99, NOW + timedelta(seconds=60))  # run out


async def test_a_trigger_during_a_run_is_not_lost(database: Database, group: int) -> None:
    assert await claim(database, group, 1)
    version = (await row(database, group)).version
    await groups.edit(MOD, group, seats=5)
    async with database.transaction() as session:
        fresh = await sync_states.record(session, group, "discord", version=version, status="ok")
    state = await row(database, group)
    assert not fresh
    assert (state.status, state.lease_by) == ("due", None)
    async with database.transaction() as session:
        assert await sync_states.record(
            session, group, "discord", version=state.version, status="ok"
        )
    assert (await row(database, group)).status == "ok"


async def test_a_dead_instances_leases_are_free_at_once(database: Database, group: int) -> None:
    instance = Instance(database)
    await instance.hold()
    await instance.hold()  # the heartbeat
    assert await claim(database, group, instance.id)
    async with database.transaction() as session:
        intent = await managed.intent(
            session, guild_id=500, kind="text", name="x", now=NOW, group_id=group
        )
        assert await managed.claim_object(
            session, intent.id, instance=instance.id, now=NOW, lease=60
        )
    async with database.transaction() as session:
        assert await release_dead_leases(session) == 0  # it lives
    assert not await claim(database, group, 99)
    await instance.close()  # the kernel closes a killed process's connection just so
    async with database.transaction() as session:
        assert await release_dead_leases(session) == 2
    assert await claim(database, group, 99)


async def opened(w: World) -> tuple[int, Any]:
    """A group with one member, its channels made; and that member."""
    mod = Actor(w.guild.id, w.mod.id, "mod", moderator=True)
    made = await cohorts.create(
        mod, CohortDraft("Stats", date(2027, 3, 1), groups=1), open_now=True
    )
    me = w.members[0]
    await membership.join(Actor(w.guild.id, me.id, me.name), made.group_ids[0])
    assert (await sync.sync_group(made.group_ids[0]))["discord"]["failed"] == 0  # type: ignore[typeddict-item]
    await w.settle()
    return made.group_ids[0], me


async def test_who_returns_after_a_removal_half_done_gets_in(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after Discord took the access away and before the ledger knew."""
    async with world(database) as w:
        group, me = await opened(w)
        actor = Actor(w.guild.id, me.id, me.name)
        await membership.leave(actor, group)
        with monkeypatch.context() as patch:

            async def dies(*_: object, **__: object) -> None:
                raise RuntimeError("killed")

            patch.setattr("core.db.queries.managed.forget", dies)
            assert "error" in (await sync.sync_group(group))["discord"]
        text = w.bot.get_guild(w.guild.id).get_channel(w.guild.channels["group-1"].id)  # type: ignore[union-attr]
        assert not text.permissions_for(me.member).view_channel  # type: ignore[union-attr]
        state = await row(database, group)
        assert (state.status, state.error_class) == ("waiting", "unexpected")
        assert state.lease_by is None
        await membership.join(actor, group)
        await sync.sync_group(group)
        assert text.permissions_for(me.member).view_channel  # type: ignore[union-attr]
        assert (await sync.sweep()) == []
        async with database.transaction() as session:
            from sqlalchemy import select

            confirmed = await session.scalars(select(ManagedOverwrite.confirmed))
            assert all(confirmed)


async def test_a_server_that_is_away_is_asked_less_and_less(
    database: Database, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.systems.discord.guild_view", lambda _: None)
    for _ in range(5):
        result = await sync.sync_group(group)
        assert "error" in result["discord"]
    assert (await row(database, group)).attempts == 5
    assert await seconds(database, group) >= 16
    error = TemporaryError("x", kind="guild_away")
    assert (await row(database, group)).error_class == error.kind
    assert utcnow() == NOW
