"""Who is alive: each process holds an advisory lock for its instance id on its own connection.

A lease written by an instance that no longer holds its lock is free at once, so a kill -9 costs
no waiting. LISTEN lives on the same connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import make_url, select, text, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.calendar_models import CalendarLink
from core.db.engine import Database
from core.db.meeting_models import Delivery
from core.db.models import ManagedObject, SyncState

_CLASS = 0x4D55  # first key of the lock pair, so that Muster's locks meet nobody else's
_LEASED = (SyncState, ManagedObject, Delivery, CalendarLink)
# A connection that died without a word (a cable, a firewall) answers nothing, and says nothing.
_PATIENCE = 5.0  # seconds

# Whoever holds our lock on a connection that we gave up: ourselves, as the server still believes.
_FORMER = """
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and classid = $1 and objid = $2 and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())
        and pid <> pg_backend_pid()
    """


class Instance:
    """This process's life sign. `hold()` again after the connection broke (Postgres restarted)."""

    def __init__(self, database: Database) -> None:
        url = make_url(database.url).set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self.id = database.instance_id
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._heard: dict[str, Callable[[], None]] = {}

    def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Have `heard` called on every NOTIFY of `channel`; call it before the first `hold()`.

        Also whenever one may have been missed: when the connection breaks, and when it is back.
        """
        self._heard[channel] = heard

    async def hold(self) -> None:
        """Take the lock, or see that it is still held. Raises OSError where Postgres is away."""
        if self._connection is not None and not self._connection.is_closed():
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._connection.execute("select 1")
            except TimeoutError:
                self._connection.terminate()
                raise
            return
        async with asyncio.timeout(2 * _PATIENCE):
            self._connection = await self._connected()

    async def _connected(self) -> asyncpg.Connection[asyncpg.Record]:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(_FORMER, _CLASS, self.id)
            await connection.execute("select pg_advisory_lock($1, $2)", _CLASS, self.id)
            for channel, heard in self._heard.items():
                await connection.add_listener(channel, _ignoring(heard))
                connection.add_termination_listener(_ignoring(heard))
                heard()
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            with suppress(TimeoutError):
                await self._connection.close(timeout=_PATIENCE)
        self._connection = None


def _ignoring(heard: Callable[[], None]) -> Callable[..., None]:
    """What asyncpg calls with the connection, the channel and more."""

    def call(*_: Any) -> None:
        heard()

    return call


async def renew_leases(session: AsyncSession, instance: int, until: datetime) -> None:
    """Keep what this instance holds until then (UTC): a slow opening outlasts one lease.

    Deliveries are renewed one by one by the dispatcher, which knows what it has in hand.
    """
    for table in (SyncState, ManagedObject, CalendarLink):
        await session.execute(
            update(table).where(table.lease_by == instance).values(lease_until=until)
        )


async def release_dead_leases(session: AsyncSession) -> int:
    """Free what instances hold that are no longer alive; how many leases that was."""
    freed = 0
    held = [select(table.lease_by).where(table.lease_by.is_not(None)) for table in _LEASED]
    holders = (await session.scalars(union(*held))).all()
    for holder in holders:
        alive = not await session.scalar(
            text("select pg_try_advisory_xact_lock(:c, :i)"), {"c": _CLASS, "i": holder}
        )
        if alive:
            continue
        for table in _LEASED:
            result = await session.execute(
                update(table)
                .where(table.lease_by == holder)
                .values(lease_by=None, lease_until=None)
                .returning(table.guild_id)
            )
            freed += len(result.all())
    return freed
