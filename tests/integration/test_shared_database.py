"""What one test leaves in its database, the next one does not find (`tests/shared_database.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from core.db.embedded import EmbeddedPostgres
from tests.shared_database import SharedDatabase


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def shared(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[SharedDatabase]:
    one = SharedDatabase(postgres, template)
    yield one
    await one.drop()


async def add_guild(connection: asyncpg.Connection, number: int) -> None:
    await connection.execute(
        "INSERT INTO guilds (id, name, joined_at) VALUES ($1, 'Study Hall', '2026-01-01Z')", number
    )


async def test_rows_are_gone_and_numbers_start_again(shared: SharedDatabase) -> None:
    first = await shared.take()
    async with connected(first) as connection:
        await add_guild(connection, 1)
        name = await connection.fetchval("SELECT sequencename FROM pg_sequences LIMIT 1")
        assert await connection.fetchval(f"SELECT nextval('{name}')") == 1
    await shared.give_back()
    assert await shared.take() == first
    async with connected(first) as connection:
        assert await connection.fetchval("SELECT count(*) FROM guilds") == 0
        assert await connection.fetchval(f"SELECT nextval('{name}')") == 1
    await shared.give_back()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE guilds ADD COLUMN surprise integer",
        "CREATE TABLE surprise (id integer)",
        "DROP TABLE alembic_version CASCADE",
        "UPDATE alembic_version SET version_num = 'none'",
        "CREATE FUNCTION surprise() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ],
)
async def test_whoever_changed_more_than_rows_was_its_last_test(
    shared: SharedDatabase, change: str
) -> None:
    first = await shared.take()
    async with connected(first) as connection:
        await connection.execute(change)
    await shared.give_back()
    assert await shared.take() != first
    await shared.give_back()


async def test_whoever_stays_connected_is_left_behind(shared: SharedDatabase) -> None:
    first = await shared.take()
    async with connected(first) as connection:
        await shared.give_back()
        second = await shared.take()
        assert second != first
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await add_guild(connection, 1)
    await shared.give_back()


async def test_what_others_do_in_their_database_changes_nothing(
    shared: SharedDatabase, make_database: Callable[..., Awaitable[str]]
) -> None:
    first = await shared.take()
    async with connected(first) as connection:
        await add_guild(connection, 1)
    # A database of somebody else's changes nothing for this one.
    async with connected(await make_database()) as other:
        await other.execute("CREATE TABLE theirs (id integer)")
        await shared.give_back()
    assert await shared.take() == first
    await shared.give_back()
