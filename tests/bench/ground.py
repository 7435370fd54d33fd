"""What the rows stand on: one Postgres for the whole run, a fresh database for every side."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database, set_database
from core.db.migrate import upgrade

_TEMPLATE = "bench_template"


class Ground:
    """Gives out migrated databases and empty folders; both are gone at the end."""

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._count = 0

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A database of its own, migrated and empty, set as the ambient one."""
        self._count += 1
        name = f"bench_{self._count}"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY wal_log")
        handle = Database(self._server.url(name))
        set_database(handle)
        try:
            yield handle
        finally:
            set_database(None)
            await handle.close()
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def folder(self) -> Path:
        """A new, empty folder."""
        return Path(tempfile.mkdtemp(dir=self._folder))

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.dsn("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """Start the embedded Postgres, with its settings as in production, and stop it again."""
    folder = Path(tempfile.mkdtemp(prefix="muster-bench-"))
    try:
        server = await EmbeddedPostgres.start(folder / "data")
        try:
            await server.ensure_database(_TEMPLATE)
            await upgrade(server.url(_TEMPLATE))
            yield Ground(server, folder)
        finally:
            await server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
