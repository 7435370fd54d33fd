"""The embedded Postgres against what happens to it: kills, stale files, other bots, long paths."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from core.db import postgres_folders as folders
from core.db.embedded import EmbeddedPostgres
from core.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
# A bot of its own: it starts the Postgres of the folder it is given, says so, and waits.
BOT = """
import asyncio, sys
from pathlib import Path
from core.db.embedded import EmbeddedPostgres

async def main():
    server = await EmbeddedPostgres.start(Path(sys.argv[1]))
    print(server.pid, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await server.stop()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the tests' data directory lies."""
    base = Path(tempfile.mkdtemp(prefix="muster-test-"))
    yield base
    shutil.rmtree(base)


@pytest.fixture
async def data(folder: Path) -> AsyncIterator[Path]:
    """A data directory with a stopped Postgres, in which 42 is kept.

    The tests use it one after the other, and each leaves it so: that is what they prove. After one
    that did not, it is made anew, over the half-made files of a first start that was killed.
    """
    data, half = folder / "data", folder / "data" / "postgres.new"
    if not data.exists():
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        server = await EmbeddedPostgres.start(data)
        assert not half.exists()
        connection = await asyncpg.connect(server.dsn("postgres"))
        await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        await connection.close()
        await server.stop()
    yield data
    left = folders.postgres_processes(data / "postgres")
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if left:
        shutil.rmtree(data)
    assert not left, "a test left a Postgres behind"


def works(pid: int) -> bool:
    """Whether the process is there; one that has ended and waits to be asked how is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def answer(server: EmbeddedPostgres) -> int:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        return int(await connection.fetchval("SELECT answer FROM kept"))
    finally:
        await connection.close()


async def start_bot(data: Path) -> tuple[asyncio.subprocess.Process, int]:
    bot = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BOT,
        str(data),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert bot.stdout is not None
    # structlog's lines may come first; the pid is the line that is a number.
    while line := (await asyncio.wait_for(bot.stdout.readline(), 60)).decode().strip():
        if line.isdigit():
            return bot, int(line)
    pytest.fail("the bot did not start its Postgres")


async def stop_bot(bot: asyncio.subprocess.Process) -> None:
    await asyncio.wait_for(bot.communicate(b"\n"), 60)


async def test_from_nothing_to_rows_and_away_again(tmp_path: Path) -> None:
    server = await EmbeddedPostgres.start(tmp_path / "new" / "data")
    pid = server.pid
    assert pid is not None
    await server.ensure_database("muster")
    await server.ensure_database("muster")
    connection = await asyncpg.connect(server.dsn())
    assert await connection.fetchval("SHOW listen_addresses") == ""
    assert await connection.fetchval("SHOW fsync") == "on"
    assert await connection.fetchval("SELECT current_database()") == "muster"
    socket_folder = Path(await connection.fetchval("SHOW unix_socket_directories"))
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    assert not tmp_path.joinpath("new/data").stat().st_mode & (stat.S_IROTH | stat.S_IRGRP)
    await connection.close()
    await server.stop()
    await server.stop()
    assert not works(pid)
    assert not socket_folder.exists()


async def test_a_folder_above_it_that_somebody_closes_meanwhile(data: Path) -> None:
    """As root it runs as a user of its own, who must reach it also to stop it."""
    server = await EmbeddedPostgres.start(data)
    pid = server.pid
    assert pid is not None
    data.parent.chmod(0o700)
    await server.stop()
    assert not works(pid)


async def test_a_name_that_is_no_database_name_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        await postgres.ensure_database('x"; DROP DATABASE postgres; --')


async def test_rows_survive_a_killed_postgres_and_its_address_stays(data: Path) -> None:
    server = await EmbeddedPostgres.start(data)
    before = server.url()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await server.ensure_running()
    assert await answer(server) == 42
    assert server.url() == before
    await server.stop()


async def test_a_killed_bot_leaves_a_postgres_that_the_next_attaches_to(data: Path) -> None:
    bot, pid = await start_bot(data)
    bot.kill()
    await bot.wait()
    server = await EmbeddedPostgres.start(data)
    assert server.pid == pid
    assert await answer(server) == 42
    await server.stop()
    assert not works(pid)


async def test_a_second_bot_does_not_stop_the_first_ones_postgres(data: Path) -> None:
    bot, pid = await start_bot(data)
    second = await EmbeddedPostgres.start(data)
    assert second.pid == pid
    await second.stop()
    assert works(pid)
    await stop_bot(bot)
    assert not works(pid)


async def test_the_first_bot_leaves_it_to_the_second(data: Path) -> None:
    bot, pid = await start_bot(data)
    second = await EmbeddedPostgres.start(data)
    await stop_bot(bot)
    assert second.pid == pid
    assert await answer(second) == 42
    await second.stop()
    assert not works(pid)


async def test_two_starts_at_once_share_one_postgres(data: Path) -> None:
    first, second = await asyncio.gather(EmbeddedPostgres.start(data), EmbeddedPostgres.start(data))
    assert first.pid == second.pid
    await asyncio.gather(first.stop(), second.stop())
    assert first.pid is None


@pytest.mark.parametrize("whose", ["another program", "a zombie", "nobody", "torn file"])
async def test_a_stale_pid_file_does_not_keep_it_from_starting(data: Path, whose: str) -> None:
    server = await EmbeddedPostgres.start(data)
    assert server.pid is not None
    pid_file = data / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(server.pid, signal.SIGKILL)
    while folders.postgres_processes(data / "postgres"):
        await asyncio.sleep(0)
    lines[0] = str(os.getpid())
    if whose == "nobody":
        lines[0] = "4194303"  # Linux hands out no higher pid
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended; nobody has asked how
    if whose == "a zombie":
        lines[0] = str(child)
    text = "12" if whose == "torn file" else "\n".join(lines) + "\n"
    pid_file.write_text(text)
    await server.stop()

    again = await EmbeddedPostgres.start(data)
    os.waitpid(child, 0)
    assert await answer(again) == 42
    await again.stop()


async def test_a_path_too_long_for_a_socket(data: Path) -> None:
    long = data.parent / ("with a space and " + "long " * 30)
    data.rename(long)
    server = await EmbeddedPostgres.start(long)
    assert await answer(server) == 42
    await server.stop()
    long.rename(data)


async def test_the_environment_does_not_bend_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "9", "PGDATA": "/nowhere", "PGOPTIONS": "--nonsense=1"}.items():
        monkeypatch.setenv(name, value)
    server = await EmbeddedPostgres.start(data)
    assert await answer(server) == 42
    await server.stop()


@pytest.mark.parametrize("torn", [0.0, 0.3])
async def test_a_start_that_is_cancelled_leaves_nothing(
    data: Path, monkeypatch: pytest.MonkeyPatch, torn: float
) -> None:
    starting = asyncio.create_task(EmbeddedPostgres.start(data))
    # Its users' lock is taken just before it looks at Postgres.
    while not (data / "postgres" / "postmaster.pid").exists():
        await asyncio.sleep(0)
    # Postgres makes that file first and writes it then; here it takes `torn` seconds for it.
    whole, since = folders.read_pid_file, time.monotonic()
    monkeypatch.setattr(
        folders,
        "read_pid_file",
        lambda cluster: whole(cluster) if time.monotonic() >= since + torn else None,
    )
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not folders.postgres_processes(data / "postgres")


async def test_files_of_another_major_version(data: Path) -> None:
    version = data / "postgres" / "PG_VERSION"
    ours = version.read_text()
    version.write_text("16\n")
    try:
        with pytest.raises(ConfigurationError, match="written by PostgreSQL 16"):
            await EmbeddedPostgres.start(data)
    finally:
        version.write_text(ours)


async def test_what_postgres_complains_about_is_passed_on(data: Path) -> None:
    with pytest.raises(ConfigurationError, match="invalid value for parameter"):
        await EmbeddedPostgres.start(data, settings={"max_connections": "none"})


async def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="MUSTER_DATA_DIR"):
        await EmbeddedPostgres.start(tmp_path / "file" / "data")


async def test_a_name_that_a_shell_would_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="plainer name"):
        await EmbeddedPostgres.start(tmp_path / "$HOME")


async def test_a_large_log_is_put_aside(data: Path) -> None:
    log = data / "postgres" / "server.log"
    with log.open("r+b") as file:
        file.truncate(11 * 1024 * 1024)
    server = await EmbeddedPostgres.start(data)
    await server.stop()
    assert log.stat().st_size < 1024 * 1024
    assert log.with_suffix(".log.1").stat().st_size == 11 * 1024 * 1024
