"""One migrated database for many tests, emptied after each: no copy, no cold catalogue.

A test cannot see another one's rows, numbers or connections. The database is given up, and the
next test gets a new copy of the template, where a test left anything but rows: a changed table, a
setting, a connection that somebody still holds (a process that goes on could write later). A new
one is dear: its connections know no table and no statement yet. Emptied tables keep the room of
their old rows, which is little.

All tests share `handle`, its pool and its compiled statements too: with an engine and connections
of its own, each test compiled every statement again and met a Postgres that knew no table yet,
which was more than half of its time.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event

from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database, set_database

# Seconds that closed connections get to end, and statements to wait for another's lock.
PATIENCE = 1.0
TABLES = """
SELECT quote_ident(tablename) FROM pg_tables
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
# All that a test might change besides rows: every change of these writes a newer row version.
SHAPE = """
SELECT md5(string_agg(changed, ' ')) FROM (
    SELECT concat(count(*), '/', max(xmin::text::bigint)) AS changed FROM pg_class
    UNION ALL SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM pg_attribute
    UNION ALL SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM pg_constraint
    UNION ALL SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM pg_trigger
    UNION ALL SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM pg_proc
    UNION ALL SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM pg_db_role_setting
    UNION ALL SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM alembic_version
) AS shapes
"""
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'pooled'
"""
NUMBERS = """
SELECT count(setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false))
FROM pg_sequences WHERE last_value IS NOT NULL
"""


class SharedDatabase:
    """`take` it for a test, `give_back` afterwards."""

    def __init__(self, server: EmbeddedPostgres, template: str) -> None:
        self._server = server
        self._template = template
        self._name = ""
        self._empty = ""
        self._shape = ""
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        # What is connected where is decided per connection, so that one engine serves them all.
        # More statements than production keeps: all that there are, compiled and prepared once.
        url = f"{server.url('none')}&prepared_statement_cache_size=2000"
        self.handle = Database(url, pool_use_lifo=True, query_cache_size=4000)
        event.listen(self.handle.engine.sync_engine, "do_connect", self._connect_pooled)

    def _connect_pooled(self, _dialect: Any, _record: Any, _args: Any, given: Any) -> None:
        given["database"] = self._name
        given["server_settings"] = {"application_name": "pooled"}

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Database]:
        """`handle` on a database without a row, the ambient one for as long as the block lasts.

        What the block leaves running ends with it.
        """
        before = asyncio.all_tasks()
        self.handle.url = await self.take()
        self.handle.instance_id = secrets.randbelow(2**31 - 1) + 1
        self.handle.lease_seconds = 60.0
        set_database(self.handle)
        try:
            yield self.handle
        finally:
            set_database(None)
            left = asyncio.all_tasks() - before - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await self.give_back()

    async def take(self) -> str:
        """The URL of a migrated database without a row."""
        if not self._name:
            self._name = f"shared_{uuid.uuid4().hex[:12]}"
            copy = f"CREATE DATABASE {self._name} TEMPLATE {self._template} STRATEGY wal_log"
            await self._administer("postgres", copy)
            await self._learn()
        return self._server.url(self._name)

    async def give_back(self) -> None:
        if not await self._emptied():
            await self.drop()

    async def drop(self) -> None:
        """No test gets this one again, and whoever is still connected to it no longer is."""
        await self.handle.close()
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        if not self._name:
            return
        gone = f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)"
        await self._administer("postgres", gone)
        self._name = ""

    async def _learn(self) -> None:
        """What a new database is like."""
        self._connection = await asyncpg.connect(self._server.dsn(self._name))
        tables = [row[0] for row in await self._connection.fetch(TABLES)]
        self._empty = "".join(f"DELETE FROM {table};" for table in tables)
        # replica: no foreign key is looked at, so the order does not matter.
        await self._connection.execute(
            f"SET lock_timeout = '{PATIENCE}s'; SET session_replication_role = replica"
        )
        self._shape = await self._connection.fetchval(SHAPE)

    async def _emptied(self) -> bool:
        """Whether the database is as it was when it was new."""
        connection, pool = self._connection, self.handle.engine.pool
        if connection is None or pool.checkedout():  # type: ignore[attr-defined] # a queue's
            return False
        try:
            for _ in range(round(PATIENCE / 0.01)):
                if not await connection.fetchval(OTHERS):
                    break
                await asyncio.sleep(0.01)
            else:
                return False
            await connection.execute(f"{self._empty}{NUMBERS}")
            return bool(await connection.fetchval(SHAPE) == self._shape)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return False

    async def _administer(self, database: str, statement: str) -> None:
        connection = await asyncpg.connect(self._server.dsn(database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
