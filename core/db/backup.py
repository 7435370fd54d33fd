"""Dumps of the database, and bringing one back: pg_dump and pg_restore, one file, one transaction.

Works for the embedded Postgres and for one of the operator's own, from PostgreSQL 15 on.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import IO

import asyncpg
from sqlalchemy import make_url

from core.clock import utcnow
from core.db.postgres_tools import ToolResult, run_tool
from core.errors import ConfigurationError

# The first bytes of every dump in pg_dump's custom format.
MAGIC = b"PGDMP"
# Every dump of Muster holds alembic's table; one of something else would wipe ours out.
MARK = " TABLE public alembic_version "
# Whoever wrote between our look and our transaction holds locks no longer than this.
LOCK_TIMEOUT = "10s"


async def backup(url: str, target_dir: Path) -> Path:
    """Dump the database at `url` into a new file in `target_dir` and return its path.

    The file's name holds the UTC time; only its owner may read it (it holds names and answers of
    members). The bot may go on running: the dump is of one instant. Raises ConfigurationError with
    one sentence; then no file is left.
    """
    address, secret = _libpq(url)
    try:
        target_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, file = await asyncio.to_thread(_new_file, target_dir)
    except OSError as error:
        raise ConfigurationError(
            f"No backup can be written into {target_dir}: {error.strerror}."
        ) from error
    try:
        with file:
            options = ["--format=custom", "--no-owner", "--no-privileges", "--dbname", address]
            result = await run_tool("pg_dump", options, env=secret, stdout=file)
            if result.code:
                raise ConfigurationError(f"The backup was not made: {result.reason}")
            file.flush()
            os.fsync(file.fileno())
        # A backup that cannot be read back is none; this reads what was written.
        if MARK not in (await _list(path)).out:
            raise ConfigurationError(
                "There is nothing to back up: the database holds nothing of Muster yet."
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


async def restore(url: str, file: Path) -> None:
    """Put the dump `file` in place of everything that the database at `url` holds.

    One transaction: it either holds all of the dump afterwards or all that it held before. Run the
    migrations after it, since the dump may be of an older Muster. Raises ConfigurationError with
    one sentence: no such file, not a dump of Muster, the database in use, or Postgres's own reason.
    """
    await _check_dump(file)
    await _check_unused(url)
    address, secret = _libpq(url)
    handle, name = tempfile.mkstemp(prefix="muster-restore-", suffix=".sql")  # 0600 by itself
    script = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            # --file=- is standard output. Nothing has touched the database before this has
            # read the whole dump, so a torn one is found in time.
            options = ["--no-owner", "--no-privileges", "--file=-", str(file.absolute())]
            result = await run_tool("pg_restore", options, stdout=target)
        if result.code == 0:
            result = await _replace(address, secret, script)
        if result.code:
            raise ConfigurationError(
                f"{file} was not restored, and the database is as it was: {result.reason}"
            )
    finally:
        script.unlink(missing_ok=True)


async def _replace(address: str, secret: dict[str, str], script: Path) -> ToolResult:
    """Run `script` in an emptied database; psql puts all of it into one transaction."""
    commands = [
        # --clean would leave tables that are newer than the dump, and trip over their keys.
        "DROP SCHEMA IF EXISTS public CASCADE",
        "CREATE SCHEMA public AUTHORIZATION pg_database_owner",
        "GRANT USAGE ON SCHEMA public TO PUBLIC",
    ]
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    options += ["--output=/dev/null", "--dbname", address]
    options += [f"--command={command}" for command in commands]
    env = secret | {"PGOPTIONS": f"-c lock_timeout={LOCK_TIMEOUT} -c client_min_messages=warning"}
    return await run_tool("psql", [*options, f"--file={script}"], env=env)


async def _check_dump(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(MAGIC))
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {file}.") from error
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    if magic != MAGIC:
        raise ConfigurationError(f"{file} is not a backup that Muster made.")
    listing = await _list(file)
    if listing.code:
        raise ConfigurationError(f"{file} is damaged: {listing.reason}")
    if MARK not in listing.out:
        raise ConfigurationError(f"{file} is a dump of some other database, not of Muster.")


async def _list(file: Path) -> ToolResult:
    # Absolute: Postgres's programs are run in another folder than ours.
    return await run_tool("pg_restore", ["--list", str(file.absolute())])


async def _check_unused(url: str) -> None:
    """Refuse while a bot is connected: it would go on with what it remembers of the old rows."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain, timeout=10)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
        raise ConfigurationError(f"The database cannot be reached: {error}") from error
    try:
        others = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    if others:
        raise ConfigurationError(
            "Something is still connected to this database, probably a running Muster. "
            "Stop it, then restore."
        )


def _libpq(url: str) -> tuple[str, dict[str, str]]:
    """`url` for libpq, and its password for the environment: a command line is everybody's."""
    parsed = make_url(url)
    secret = {"PGPASSWORD": str(parsed.password)} if parsed.password else {}
    # set(password=None) would keep it.
    bare = parsed.set(drivername="postgresql")._replace(password=None)
    return bare.render_as_string(hide_password=False), secret


def _new_file(folder: Path) -> tuple[Path, IO[bytes]]:
    """Create a file named after the UTC time; never one that is there already."""
    stamp = utcnow().strftime("%Y-%m-%dT%H-%M-%SZ")
    for number in range(1, 1000):
        path = folder / f"muster-{stamp}{f'-{number}' if number > 1 else ''}.dump"
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        return path, os.fdopen(handle, "wb")
    raise FileExistsError(17, "a thousand backups in one second")
