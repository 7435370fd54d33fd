"""Two transactions at once: knowing that one waits for the other."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_WAITS = text("select exists (select from pg_locks where not granted)")


async def until_it_waits(session: AsyncSession, task: asyncio.Task[object]) -> None:
    """Until `task` waits for a lock, which this session's transaction holds."""
    while not await session.scalar(_WAITS):
        assert not task.done()
