"""How migrations run: async engine, bounded waits, one at a time.

`core.db.migrate` hands over the URL; there is no offline mode, since nothing uses one.
"""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from core.db.models import Base

_LOCK = 0x4D5553544552  # "MUSTER": one migration at a time, whoever starts it


def _run(connection: Connection) -> None:
    # A migration that cannot get its lock must not queue up every reader behind itself.
    connection.execute(text("set lock_timeout = '10s'"))
    connection.execute(text("set statement_timeout = '60s'"))
    connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
    connection.commit()


async def _main() -> None:
    engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main())
