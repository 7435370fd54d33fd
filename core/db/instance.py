"""Who is alive: each process holds an advisory lock for its instance id on its own connection.

A lease written by an instance that no longer holds its lock is free at once, so a kill -9 costs
no waiting. LISTEN will live on the same connection.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg
from sqlalchemy import make_url, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.engine import Database
from core.db.models import ManagedObject, SyncState

_CLASS = 0x4D55  # first key of the lock pair, so that Muster's locks meet nobody else's


class Instance:
    """This process's life sign. `hold()` again after the connection broke (Postgres restarted)."""

    def __init__(self, database: Database) -> None:
        url = make_url(database.url).set(drivername="postgresql")
        self._dsn = url.render_as_string(hide_password=False)
        self.id = database.instance_id
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def hold(self) -> None:
        """Take the lock, or see that it is still held. Raises OSError where Postgres is away."""
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.execute("select 1")
            return
        self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute("select pg_advisory_lock($1, $2)", _CLASS, self.id)

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close()
        self._connection = None


async def renew_leases(session: AsyncSession, instance: int, until: datetime) -> None:
    """Keep what this instance holds until then (UTC): a slow opening outlasts one lease."""
    for table in (SyncState, ManagedObject):
        await session.execute(
            update(table).where(table.lease_by == instance).values(lease_until=until)
        )


async def release_dead_leases(session: AsyncSession) -> int:
    """Free what instances hold that are no longer alive; how many leases that was."""
    freed = 0
    holders: set[int] = set()
    for table in (SyncState, ManagedObject):
        rows = await session.scalars(select(table.lease_by).where(table.lease_by.is_not(None)))
        holders |= {r for r in rows if r is not None}
    for holder in holders:
        alive = not await session.scalar(
            text("select pg_try_advisory_xact_lock(:c, :i)"), {"c": _CLASS, "i": holder}
        )
        if alive:
            continue
        for table in (SyncState, ManagedObject):
            result = await session.execute(
                update(table)
                .where(table.lease_by == holder)
                .values(lease_by=None, lease_until=None)
                .returning(table.guild_id)
            )
            freed += len(result.all())
    return freed
