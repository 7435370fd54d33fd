"""The way up, the way down, and the models in step with both."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import asyncpg
import pytest
from alembic.util import CommandError

from core.db.backup import backup, restore
from core.db.engine import Database, set_database
from core.db.migrate import ROOT, check, downgrade, upgrade
from core.db.models import Base
from core.operations import cohorts, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor

MOD = Actor(500, 1, "mod", moderator=True)


async def read(url: str, query: str) -> list[str]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def tables(url: str) -> set[str]:
    return set(await read(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))


async def leftovers(url: str) -> list[str]:
    query = """
        SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname NOT LIKE 'alembic%'
        UNION ALL SELECT t.typname::text FROM pg_type t JOIN pg_namespace n
        ON n.oid = t.typnamespace WHERE n.nspname = 'public' AND t.typname NOT LIKE '%alembic%'
    """
    return await read(url, query)


async def test_up_down_and_up_again(empty_database_url: str) -> None:
    url = empty_database_url
    await upgrade(url)
    assert await tables(url) == {*Base.metadata.tables, "alembic_version"}
    await downgrade(url)
    assert await leftovers(url) == []
    await upgrade(url)
    assert await tables(url) == {*Base.metadata.tables, "alembic_version"}
    await check(url)


async def test_check_sees_a_difference(database_url: str) -> None:
    await check(database_url)
    await read(database_url, "ALTER TABLE groups ADD COLUMN surprise integer")
    with pytest.raises(CommandError, match="surprise"):
        await check(database_url)


async def test_two_processes_migrate_at_once(empty_database_url: str) -> None:
    code = (
        "import asyncio, sys; from core.db.migrate import upgrade as u; asyncio.run(u(sys.argv[1]))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, empty_database_url,
            cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in processes:
        _, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
    await check(empty_database_url)


async def test_a_restored_dump_runs(
    database: Database, make_database: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    draft = CohortDraft("Stats", date(2099, 1, 1), seats=2)
    made = await cohorts.create(MOD, draft, open_now=True)
    await membership.join(Actor(500, 7, "Ünï 💬"), made.group_ids[0])
    dump = await backup(database.url, tmp_path)
    elsewhere = await make_database()
    await restore(elsewhere, dump)
    await upgrade(elsewhere)
    await check(elsewhere)
    restored = Database(elsewhere)
    set_database(restored)
    try:
        # New rows get new ids, and the rules hold: the sequences and constraints came along.
        moved = await membership.join(Actor(500, 7, "Ünï 💬"), made.group_ids[1])
        assert moved.previous_id == made.group_ids[0]
        assert (await cohorts.show(500, made.id)).people == 1
        another = await cohorts.create(MOD, CohortDraft("B", date(2099, 1, 1)), open_now=True)
        assert another.id > made.id
    finally:
        await restored.close()
        set_database(database)
