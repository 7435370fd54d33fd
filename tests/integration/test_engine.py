"""The database handle: connections that ended while they lay in the pool are not used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from core.clock import set_clock
from core.db.engine import LAY, Database

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
ENDED = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name"


@pytest.fixture
async def handle(database_url: str) -> AsyncIterator[Database]:
    """A pool of one connection that has been used."""
    handle = Database(
        database_url, pool_size=1,
        connect_args={"server_settings": {"application_name": "lying"}},
    )  # fmt: skip
    set_clock(lambda: NOW)
    await backend(handle)
    yield handle
    await handle.close()


async def backend(handle: Database) -> int:
    """Which process of Postgres serves the pool's connection."""
    async with handle.transaction() as session:
        found: int = await session.scalar(text("SELECT pg_backend_pid()"))
        return found


async def test_what_ended_while_it_lay_is_replaced(handle: Database, database_url: str) -> None:
    before = await backend(handle)
    other = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    assert await other.fetchval(f"{ENDED} = 'lying'") == 1
    await other.close()
    set_clock(lambda: NOW + LAY)
    assert await backend(handle) != before


@pytest.mark.parametrize(
    ("later", "asked"),
    [
        (timedelta(), 0),
        (LAY - timedelta(milliseconds=1), 0),
        (LAY, 1),
        (timedelta(days=1), 1),
        (-LAY, 1),
    ],
)
async def test_asked_only_after_it_lay(
    handle: Database, monkeypatch: pytest.MonkeyPatch, later: timedelta, asked: int
) -> None:
    pings: list[object] = []
    monkeypatch.setattr(handle.engine.dialect, "do_ping", pings.append)
    set_clock(lambda: NOW + later)
    await backend(handle)
    assert len(pings) == asked


async def test_a_statement_alone_is_committed_by_itself(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO guilds (id, name, joined_at) VALUES (1, 'a', :at)"), {"at": NOW}
        )
        async with database.alone() as other:
            assert await other.scalar(text("SELECT count(*) FROM guilds")) == 0
    async with database.alone() as session:
        await session.execute(text("UPDATE guilds SET name = 'b'"))
        async with database.transaction() as other:
            assert await other.scalar(text("SELECT name FROM guilds")) == "b"
