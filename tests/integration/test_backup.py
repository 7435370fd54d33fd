"""Dumps that come back whole or not at all."""

from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from core.clock import set_clock
from core.db.backup import _libpq, backup, restore
from core.db.postgres_tools import run_tool
from core.errors import ConfigurationError

MakeDatabase = Callable[..., Awaitable[str]]


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def read(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.fixture
async def filled(empty_database_url: str) -> str:
    await run(
        empty_database_url,
        "CREATE TABLE alembic_version (version_num text)",
        "CREATE TYPE state AS ENUM ('active', 'cancelled')",
        "CREATE TABLE groups (id bigint PRIMARY KEY, name text, state state)",
        "INSERT INTO groups VALUES (1, 'Ünï 💬 group', 'active')",
    )
    return empty_database_url


async def test_a_dump_is_private_and_named_after_its_instant(filled: str, tmp_path: Path) -> None:
    set_clock(lambda: datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
    first = await backup(filled, tmp_path / "new" / "folder")
    second = await backup(filled, tmp_path / "new" / "folder")
    assert first.name == "muster-2026-03-29T01-30-00Z.dump"
    assert second.name == "muster-2026-03-29T01-30-00Z-2.dump"
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert first.read_bytes()[:5] == b"PGDMP"


async def test_a_dump_comes_back_into_an_empty_database(
    filled: str, make_database: MakeDatabase, tmp_path: Path
) -> None:
    dump = await backup(filled, tmp_path)
    elsewhere = await make_database()
    await restore(elsewhere, dump)
    assert await read(elsewhere, "SELECT name FROM groups") == "Ünï 💬 group"


async def test_a_dump_is_found_beside_the_newcomer(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = await backup(filled, tmp_path)
    await run(filled, "UPDATE groups SET name = 'changed'")
    monkeypatch.chdir(tmp_path)
    await restore(filled, Path(dump.name))
    assert await read(filled, "SELECT name FROM groups") == "Ünï 💬 group"


async def test_nothing_yet_to_back_up(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing to back up"):
        await backup(empty_database_url, tmp_path)
    assert not list(tmp_path.iterdir())


async def test_a_dump_replaces_what_was_there_also_what_is_newer(
    filled: str, tmp_path: Path
) -> None:
    dump = await backup(filled, tmp_path)
    await run(
        filled,
        "UPDATE groups SET name = 'changed'",
        "CREATE TABLE meetings (group_id bigint REFERENCES groups)",
        "INSERT INTO meetings VALUES (1)",
    )
    await restore(filled, dump)
    assert await read(filled, "SELECT name FROM groups") == "Ünï 💬 group"
    assert await read(filled, "SELECT to_regclass('meetings')") is None
    # And again: a restored database can be dumped and restored as well.
    await restore(filled, await backup(filled, tmp_path))
    assert await read(filled, "SELECT state::text FROM groups") == "active"


async def test_a_torn_dump_changes_nothing(filled: str, tmp_path: Path) -> None:
    await run(filled, "INSERT INTO groups SELECT n, md5(n::text) FROM generate_series(2, 9999) n")
    dump = await backup(filled, tmp_path)
    whole = dump.read_bytes()
    await run(filled, "UPDATE groups SET name = 'newer'")
    dump.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(ConfigurationError, match=r"not restored|damaged"):
        await restore(filled, dump)
    assert await read(filled, "SELECT count(*) FROM groups WHERE name = 'newer'") == 9999


async def test_a_restore_that_fails_half_way_changes_nothing(
    filled: str, make_database: MakeDatabase, tmp_path: Path
) -> None:
    dump = await backup(filled, tmp_path)
    # What the dump brings in is refused at its last step, after everything was dropped.
    await run(
        filled,
        "CREATE SCHEMA guard",
        "CREATE FUNCTION guard.no() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$",
        "CREATE EVENT TRIGGER full_disk ON ddl_command_end WHEN TAG IN ('ALTER TABLE') "
        "EXECUTE FUNCTION guard.no()",
    )
    with pytest.raises(ConfigurationError, match=r"as it was: .*the disk is full"):
        await restore(filled, dump)
    assert await read(filled, "SELECT name FROM groups") == "Ünï 💬 group"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no file"),
        (b"", "not a backup that Muster made"),
        (b"-- SQL of something", "not a backup that Muster made"),
        (b"PGDMP and then nonsense", "is damaged"),
    ],
)
async def test_what_is_no_dump_is_refused(
    filled: str, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "file.dump"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=sentence):
        await restore(filled, file)


async def test_a_folder_is_no_dump(filled: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        await restore(filled, tmp_path)


async def test_a_dump_of_something_else_is_refused(
    filled: str, make_database: MakeDatabase, tmp_path: Path
) -> None:
    other = await make_database()
    await run(other, "CREATE TABLE customers (id int)")
    dump = tmp_path / "customers.dump"
    with dump.open("wb") as target:
        address = other.replace("+asyncpg", "")
        await run_tool("pg_dump", ["--format=custom", "--dbname", address], stdout=target)
    with pytest.raises(ConfigurationError, match="some other database"):
        await restore(filled, dump)
    assert await read(filled, "SELECT count(*) FROM groups") == 1


async def test_a_running_bot_keeps_a_restore_out(filled: str, tmp_path: Path) -> None:
    dump = await backup(filled, tmp_path)
    bot = await asyncpg.connect(filled.replace("+asyncpg", ""))
    try:
        with pytest.raises(ConfigurationError, match="Stop it, then restore"):
            await restore(filled, dump)
    finally:
        await bot.close()


async def test_a_backup_that_fails_leaves_no_file(filled: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        await backup(filled.replace("/test_", "/gone_"), tmp_path)
    assert not list(tmp_path.iterdir())


async def test_an_unreachable_database(filled: str, tmp_path: Path) -> None:
    dump = await backup(filled, tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be reached"):
        await restore("postgresql+asyncpg://postgres@127.0.0.1:1/muster", dump)


async def test_a_folder_that_cannot_be_written(filled: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="No backup can be written"):
        await backup(filled, tmp_path / "file" / "backups")


def test_the_password_is_on_no_command_line() -> None:
    address, environment = _libpq("postgresql+asyncpg://muster:hush-hush@127.0.0.1:1/muster")
    assert address == "postgresql://muster@127.0.0.1:1/muster"
    assert environment == {"PGPASSWORD": "hush-hush"}


async def test_the_programs_are_the_bundled_ones() -> None:
    assert (await run_tool("pg_dump", ["--version"])).out.startswith("pg_dump (PostgreSQL) 18")
