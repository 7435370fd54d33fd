"""Rows of messages that go out once: written with the change that causes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Delivery

CHANNEL = "muster_deliveries"  # of Postgres' NOTIFY: something may be due earlier than known
_KEY_LIMIT = 160  # the column's


@dataclass(frozen=True)
class New:
    """One message to come. `key` is unique for ever: the same cause never writes a second row.

    Where it goes: a direct message to `user_id`, else a post in `channel_id` (Discord's id), else
    in the text channel of `group_id`, found when it is sent.
    """

    guild_id: int
    kind: str
    key: str
    due_at: datetime  # UTC
    user_id: int | None = None
    channel_id: int | None = None
    group_id: int | None = None
    meeting_id: int | None = None
    announcement_id: int | None = None
    about_id: int | None = None
    payload: dict[str, Any] = field(default_factory=dict)


async def enqueue(session: AsyncSession, rows: Iterable[New], now: datetime) -> int:
    """Write what is not there yet, and wake the dispatcher after the commit; how many were new."""
    values = [asdict(row) | {"next_at": row.due_at, "created_at": now} for row in rows]
    assert all(len(v["key"]) <= _KEY_LIMIT for v in values)
    if not values:
        return 0
    statement = insert(Delivery).on_conflict_do_nothing(index_elements=["key"])
    made = len((await session.scalars(statement.returning(Delivery.id), values)).all())
    if made:
        await wake(session)
    return made


async def wake(session: AsyncSession) -> None:
    """Have every process's dispatcher look at its rows again, after the commit."""
    await session.execute(text("select pg_notify(:channel, '')"), {"channel": CHANNEL})
