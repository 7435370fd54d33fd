"""The Postgres that Muster brings along, for everybody who has none: started, shared, stopped.

One data directory holds one Postgres. Every Muster process that uses it holds a shared lock on
`postgres.users.lock` while it runs (the kernel drops it when the process dies, however it dies);
whoever leaves last stops Postgres. So a second bot on the same data directory attaches to the
first one's Postgres and never stops it under its feet, and after a kill -9 the next start simply
attaches to the Postgres that was left running. Starting and stopping take turns by
`postgres.turn.lock`. Postgres listens on a Unix socket in a private folder and nowhere else.

Not on Windows: there it would have to listen on a TCP port that every local program can reach.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shlex
import shutil
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import asyncpg
import structlog
from sqlalchemy import URL

from core.db import postgres_folders as folders
from core.db.postgres_tools import MAJOR_VERSION, ToolResult, programs, run_tool
from core.errors import ConfigurationError

log = structlog.get_logger(__name__)

USER = "postgres"
PORT = 5432  # only part of the socket's name; nothing listens on a port
POLL = 0.05  # seconds between two looks at a lock or at a Postgres that is on its way
STARTS = 3  # a start may lose against the last breaths of a killed Postgres
STOP_SECONDS = 60
LOG_LIMIT = 10 * 1024 * 1024  # bytes; the log of the time before is kept once
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")  # what Postgres takes unquoted: at most 63 bytes


class EmbeddedPostgres:
    """A handle on the Postgres of one data directory; made by `start`, given back by `stop`."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str], patience: float) -> None:
        self._data_dir = data_dir
        self._cluster = data_dir / "postgres"
        self._settings = settings
        self._patience = patience
        self._owner: tuple[int, int] | None = None
        self._socket_folder: Path | None = None
        self._use: int | None = None  # file descriptor that holds our share of the users' lock

    @classmethod
    async def start(
        cls,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        patience: float = 300.0,
    ) -> Self:
        """Start the Postgres of `data_dir`, or attach to it where it runs, and wait until it works.

        `settings` are server settings such as {"fsync": "off"}; they count only where this call is
        the one that starts it. `patience` is in seconds and covers a crash recovery, which takes as
        long as there is to replay. Raises ConfigurationError with one sentence.
        """
        server = cls(folders.prepare(data_dir), settings or {}, patience)
        try:
            async with server._turn():
                server._use = server._open("postgres.users.lock")
                fcntl.flock(server._use, fcntl.LOCK_SH)
                try:
                    await server._ensure_running()
                except BaseException:
                    await server._leave()
                    raise
        except PermissionError as error:
            raise ConfigurationError(folders.not_yours(server._data_dir)) from error
        return server

    async def ensure_running(self) -> None:
        """Start Postgres again where it died; its address stays. Does nothing where it runs."""
        async with self._turn():
            await self._ensure_running()

    async def stop(self) -> None:
        """Give the handle back; the last one stops Postgres. Calling it again does nothing."""
        if self._use is not None:
            async with self._turn():
                await self._leave()

    @property
    def pid(self) -> int | None:
        """The process id of the running server, None where it does not run."""
        known = folders.read_pid_file(self._cluster)
        alive = known is not None and known[0] in folders.postgres_processes(self._cluster)
        return known[0] if known and alive else None

    def url(self, database: str = "muster") -> str:
        """The address of `database` for SQLAlchemy with asyncpg."""
        return self._address("postgresql+asyncpg", database)

    def dsn(self, database: str = "muster") -> str:
        """The address of `database` for libpq's programs and for plain asyncpg."""
        return self._address("postgresql", database)

    async def ensure_database(self, name: str) -> None:
        """Create the empty database `name` unless it is there already."""
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} cannot be the name of a database.")
        connection = await self._connect()
        try:
            known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
            if known is None:
                # Two at once: the other one made it.
                with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                    await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    def _address(self, driver: str, database: str) -> str:
        query = {"host": str(self._socket_folder), "port": str(PORT)}
        url = URL.create(driver, username=USER, database=database, query=query)
        return url.render_as_string(hide_password=False)

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(
            host=str(self._socket_folder), port=PORT, user=USER, database="postgres", timeout=10
        )

    def _open(self, name: str) -> int:
        return os.open(self._data_dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Only one process at a time starts or stops this Postgres."""
        handle = self._open("postgres.turn.lock")
        try:
            async with asyncio.timeout(self._patience + STOP_SECONDS):
                while not _take(handle):
                    await asyncio.sleep(POLL)
        except BaseException as error:
            os.close(handle)
            if isinstance(error, TimeoutError):
                raise ConfigurationError(
                    f"Another Muster has been starting or stopping the Postgres in "
                    f"{self._data_dir} for too long. Stop it, then try again."
                ) from error
            raise
        try:
            yield
        finally:
            os.close(handle)

    async def _leave(self) -> None:
        if self._use is None:
            return
        os.close(self._use)
        self._use = None
        handle = self._open("postgres.users.lock")
        try:
            if _take(handle):
                await self._stop_server()
            else:
                log.info("postgres_left_running", why="another Muster uses it")
        finally:
            os.close(handle)

    async def _stop_server(self) -> None:
        if self.pid is not None:
            base = ["stop", "-D", str(self._cluster), "-w", "-t", str(STOP_SECONDS)]
            result = await self._run_tool("pg_ctl", [*base, "-m", "fast"])
            if result.code and self.pid is not None:
                log.warning("postgres_stop_slow", reason=result.reason)
                await self._run_tool("pg_ctl", [*base, "-m", "immediate"])
        folders.remove_socket_folder(self._socket_folder, self._owner)

    async def _run_tool(self, name: str, arguments: Sequence[str]) -> ToolResult:
        # Each time: whoever else uses a folder above may have closed it to the owner meanwhile.
        if self._owner:
            folders.make_traversable(self._cluster, programs())
        return await run_tool(name, arguments, owner=self._owner)

    async def _ensure_running(self) -> None:
        self._owner = folders.owner_of(self._cluster)
        if not (self._cluster / "PG_VERSION").exists():
            await self._create_cluster()
        self._check_version()
        reason = "it was never ready"
        for _ in range(STARTS):
            if self.pid is None:
                reason = await self._launch() or reason
            if self.pid is not None and await self._answers():
                return
        raise ConfigurationError(
            f"The built-in Postgres did not start: {reason} (its log: {self._log_file})"
        )

    def _check_version(self) -> None:
        found = (self._cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
        if found != str(MAJOR_VERSION):
            raise ConfigurationError(
                f"The data in {self._data_dir} was written by PostgreSQL {found}, and this Muster "
                f"brings PostgreSQL {MAJOR_VERSION}. Make a backup with the Muster that wrote it, "
                "then restore it into an empty MUSTER_DATA_DIR."
            )

    async def _create_cluster(self) -> None:
        """Make the database files beside their place and move them there when they are whole."""
        staging = self._data_dir / "postgres.new"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        if self._owner:
            os.chown(staging, *self._owner)
        # The built-in locale is the same on every machine, so a dump sorts the same everywhere.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        rights = ["--auth-local=trust", "--auth-host=reject", "--username", USER]
        result = await self._run_tool(
            "initdb", ["-D", str(staging), "--encoding=UTF8", *locale, *rights]
        )
        if result.code:
            raise ConfigurationError(
                f"The database files in {self._data_dir} could not be made: {result.reason}"
            )
        if self._cluster.is_dir():
            self._cluster.rmdir()  # only ever an empty one: a cluster has its PG_VERSION
        staging.rename(self._cluster)

    async def _launch(self) -> str | None:
        """Start the server; None where it is ready, else why it is not."""
        # Processes of a killed server notice within moments and go; before that, it may not start.
        deadline = asyncio.get_running_loop().time() + self._patience
        while left := folders.postgres_processes(self._cluster):
            if asyncio.get_running_loop().time() > deadline:
                return f"processes of an earlier one still run: {sorted(left)}"
            await asyncio.sleep(POLL)
        kept = folders.clear_leftovers(self._cluster, self._owner)
        mine = self._socket_folder if self._socket_folder and self._socket_folder.is_dir() else None
        self._socket_folder = mine or kept or folders.make_socket_folder(self._owner)
        start_of_log = self._rotate_log()
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
            "log_checkpoints": "off",  # a line every five minutes for ever, of use to nobody here
            **self._settings,
        }
        words = " ".join(shlex.quote(f"--{key}={value}") for key, value in options.items())
        where = ["-D", str(self._cluster), "-l", str(self._log_file), "-o", words]
        # -t: how long pg_ctl watches over it, in seconds, a recovery included.
        start = ["start", *where, "-w", "-t", str(int(self._patience))]
        result = await self._past_the_pid_file(self._run_tool("pg_ctl", start))
        return self._complaint(start_of_log) or result.reason if result.code else None

    async def _past_the_pid_file(self, run: Coroutine[None, None, ToolResult]) -> ToolResult:
        """Cancelled or not, go on until there is a pid: a server without one cannot be stopped."""
        starting = asyncio.create_task(run)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            while self.pid is None and (
                not starting.done() or folders.postgres_processes(self._cluster)
            ):
                await asyncio.sleep(POLL)
            starting.cancel()
            await asyncio.wait([starting])
            raise

    async def _answers(self) -> bool:
        """Wait until it takes connections; False where it goes away or patience ends first."""
        known = folders.read_pid_file(self._cluster)
        self._socket_folder = known[1] if known else self._socket_folder
        deadline = asyncio.get_running_loop().time() + self._patience
        while asyncio.get_running_loop().time() < deadline:
            try:
                await (await self._connect()).close()
            except asyncpg.TooManyConnectionsError:
                return True  # it works, only not for us right now
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if self.pid is None:
                    return False
                await asyncio.sleep(POLL)
            else:
                return True
        return False

    @property
    def _log_file(self) -> Path:
        return self._cluster / "server.log"

    def _rotate_log(self) -> int:
        """Put a large log aside; returns where in it the next start begins, in bytes."""
        size = self._log_file.stat().st_size if self._log_file.exists() else 0
        if size > LOG_LIMIT:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))
            return 0
        return size

    def _complaint(self, offset: int) -> str | None:
        if not self._log_file.exists():
            return None
        lines = self._log_file.read_bytes()[offset:].decode(errors="replace").splitlines()
        telling = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        return telling[-1].split(":  ", 1)[-1] if telling else None


def _take(handle: int) -> bool:
    """Try to lock a file for ourselves alone; held until the descriptor is closed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
