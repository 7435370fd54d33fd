"""Events of meetings over sockets: kill -9 at every step, and every kind of broken answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.db.engine import Database
from core.db.meeting_models import Meeting
from core.db.models import SyncState
from tests.e2e.discord_client import DiscordServer, ServerProcess
from tests.e2e.process import cohort_with, running, until
from tests.e2e.test_crash import FAULTS

PATH = "*/guilds/*/scheduled-events"


@pytest.fixture
async def server(process: ServerProcess) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(seed="small", process=process) as client:
        await client.configure(global_limit=0)
        yield client
        assert await client.violations() == []


async def _meet(database: Database, server: DiscordServer, group: int, weeks: int) -> None:
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    async with database.transaction() as session:
        for n in range(weeks):
            start = first + timedelta(weeks=n)
            session.add(
                Meeting(
                    guild_id=server.seed["guild_id"], group_id=group, number=n + 1, minutes=60,
                    occurrence_date=start.date(), starts_at=start, created_at=datetime.now(UTC),
                )
            )  # fmt: skip


async def _events(server: DiscordServer) -> list[dict[str, Any]]:
    """Scheduled and running ones, in the order in which they were made."""
    found = (await server.dump(server.seed["guild_id"]))["events"]
    return [e for e in found if e["status"] in {1, 2}]


async def _has_all(database: Database, server: DiscordServer, count: int) -> bool:
    """Every meeting has its event, every event is a meeting's, and nothing is left to do."""
    async with database.transaction() as session:
        ids = list(await session.scalars(select(Meeting.event_id).where(Meeting.event_id > 0)))
        states = set(await session.scalars(select(SyncState.status)))
    there = sorted(int(e["id"]) for e in await _events(server))
    return sorted(i or 0 for i in ids) == there and len(there) == count and states == {"ok"}


@pytest.mark.parametrize("nth", [2, 3], ids=["before the id", "before the next"])
async def test_killed_while_making(
    server: DiscordServer, database: Database, tmp_path: Path, nth: int
) -> None:
    ada = server.seed["member_ids"][0]
    [group] = await cohort_with(server, "Stats", [ada])
    await _meet(database, server, group, 2)
    point = {"KILL_AT": "core.db.queries.events:write", "KILL_NTH": str(nth)}
    async with running(server, database.url, tmp_path, **point) as bot:
        assert await bot.ended() == -9
    assert len(await _events(server)) == nth // 2
    async with running(server, database.url, tmp_path) as bot:
        await until(lambda: _has_all(database, server, 2), what="two events")
        assert await bot.stop() == 0
        assert bot.unhandled() == []
    names = Counter(e["name"] for e in await _events(server))
    assert names == {"Group 1 - Week 1": 1, "Group 1 - Week 2": 1}


async def test_making_fails_in_every_way(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """Nothing is doubled: not by a late answer, not by a broken one, not by discord.py itself."""
    ada = server.seed["member_ids"][0]
    [group] = await cohort_with(server, "Stats", [ada])
    await _meet(database, server, group, 4)
    for spec in FAULTS.values():
        await server.fault(**spec, method="POST", path=PATH)
    async with running(server, database.url, tmp_path) as bot:
        await until(lambda: _has_all(database, server, 4), timeout=90, what="four events")
        assert await bot.stop() == 0
        assert bot.unhandled() == []
    assert all(f["hits"] == 1 for f in await server.faults())
    assert len({e["name"] for e in await _events(server)}) == 4
