"""The database handle: one pool, one transaction per `async with`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from core.clock import utcnow
from core.errors import ConfigurationError

# A connection that lay for as long is asked whether it still works before it is used. Asked each
# time, that was a quarter of all that goes between Muster and Postgres; and a Postgres that stops
# is away for longer than this, while what was in use when it stopped has failed and is known.
LAY = timedelta(seconds=1)
_SINCE = "muster_lies_since"


def asyncpg_url(url: str) -> str:
    """`url` with the asyncpg driver, whatever spelling of postgres it came with.

    Raises ConfigurationError where it is not a Postgres URL at all.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ConfigurationError(
            "DATABASE_URL is not a Postgres address. Write it as "
            "postgresql://user:password@host:5432/database, or leave it out to use the "
            "built-in database."
        )
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _ask_what_lay(engine: Engine) -> None:
    """Make the pool of `engine` replace connections that ended while they lay in it."""

    def laid_down(_connection: Any, record: Any) -> None:
        record.info[_SINCE] = utcnow()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.pop(_SINCE, None)
        if since is None or timedelta() <= utcnow() - since < LAY:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            if engine.dialect.is_disconnect(error, connection, None):
                raise InvalidatePoolError from error
            raise

    event.listen(engine, "checkin", laid_down)
    event.listen(engine, "checkout", taken)


class Database:
    """An asyncpg pool behind SQLAlchemy. Never hold a transaction across a network call."""

    def __init__(
        self, url: str, *, pool_size: int = 10, lease_seconds: float = 60.0, **options: Any
    ) -> None:
        self.url = asyncpg_url(url)
        # How this process signs its claims, and for how long they count. The id fits the
        # 32-bit key of the advisory lock that shows it is alive (core.db.instance).
        self.instance_id = secrets.randbelow(2**31 - 1) + 1
        self.lease_seconds = lease_seconds
        self.engine = create_async_engine(self.url, pool_size=pool_size, max_overflow=5, **options)
        _ask_what_lay(self.engine.sync_engine)
        each = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        # An UPDATE changes rows, not objects that were read before it: nothing here reads one
        # again, and to look through them takes as long as to send the statement.
        options = {"expire_on_commit": False, "execution_options": {"synchronize_session": False}}
        self._sessions = async_sessionmaker(self.engine, **options)
        self._alone = async_sessionmaker(each, **options)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncSession]:
        """For statements that each stand for themselves: nothing is begun or committed around them.

        A transaction of one statement goes to Postgres and back three times, this once. Several
        that read see no less of the same moment than in a transaction, where each has its own too;
        what one has written stays, whatever becomes of the next.
        """
        async with self._alone() as session:
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


_database: Database | None = None


def set_database(database: Database | None) -> None:
    """Set the ambient handle; called once by the composition root."""
    global _database  # noqa: PLW0603 - one of the two ambient handles of the design
    _database = database


def get_database() -> Database:
    """The ambient handle. Raises RuntimeError before `set_database`."""
    if _database is None:
        raise RuntimeError("set_database() has not been called")
    return _database
