"""A dispatcher beside real rows, with a stage for Discord where the test is not about Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import event, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import Database
from core.db.meeting_models import Delivery
from core.db.models import Guild
from core.db.queries.deliveries import New, enqueue
from core.discord_outbound.outcome import Outcome
from core.notifications.dispatcher import Dispatcher
from core.notifications.outgoing import Claimed, Decisions, Done, Message, Send
from core.notifications.results import Result, failed, sent

GUILD = 500


async def guild(database: Database, guild_id: int = GUILD) -> None:
    async with database.transaction() as session:
        values = {"id": guild_id, "name": "Study Hall", "joined_at": utcnow()}
        await session.execute(insert(Guild).values(values))


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements of the block."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def add(
    database: Database, *texts: str, due: datetime | None = None, **more: Any
) -> list[int]:
    """Rows of kind "announce", each in a channel of its own; their ids."""

    def one(n: int, text: str) -> New:
        usual: dict[str, Any] = {"channel_id": 1000 + n, "guild_id": GUILD}
        usual |= {"kind": "announce", "key": f"k:{text}", "payload": {"text": text}}
        return New(**usual | {"due_at": due or utcnow() - timedelta(seconds=1)} | more)

    new = [one(n, text) for n, text in enumerate(texts)]
    async with database.transaction() as session:
        await enqueue(session, new, utcnow())
        found = await session.execute(select(Delivery.key, Delivery.id))
        ids = {key: id_ for key, id_ in found}  # noqa: C416 - a Row is no tuple for dict()
    return [ids[r.key] for r in new]


async def rows(database: Database) -> dict[str, Delivery]:
    """All deliveries, by their text."""
    async with database.transaction() as session:
        found = (await session.scalars(select(Delivery).order_by(Delivery.id))).all()
    return {row.key.removeprefix("k:"): row for row in found}


async def statuses(database: Database) -> dict[str, str]:
    """The status of all deliveries, by their text."""
    return {text: row.status for text, row in (await rows(database)).items()}


def all_sent(database: Database) -> Callable[[], Awaitable[bool]]:
    """For `until`: every delivery is noted as sent."""

    async def check() -> bool:
        return set((await statuses(database)).values()) == {"sent"}

    return check


async def plainly(_: AsyncSession, claimed: Sequence[Claimed], __: datetime) -> Decisions:
    """The simplest `prepare`: send the payload's text to where the row says."""
    return {
        row.id: Send(
            Message(row.payload["text"]),
            user_id=row.user_id,
            channel_id=row.channel_id,
            fallback_channel_id=row.payload.get("fallback"),
        )
        for row in claimed
    }


async def no_follow_up(_: AsyncSession, __: Sequence[Done]) -> None:
    """The simplest `sent`."""


@dataclass
class Stage:
    """In place of Discord: `shown` are the texts in order; `trouble` answers instead, by text."""

    shown: list[str] = field(default_factory=list)
    trouble: dict[str, list[Outcome]] = field(default_factory=dict)
    before: Callable[[Claimed], Awaitable[None]] | None = None
    _count: int = 0

    async def deliver(self, row: Claimed, send: Send) -> Result:
        if self.before is not None:
            await self.before(row)
        await asyncio.sleep(0)
        if self.trouble.get(send.message.text):
            return failed(row, self.trouble[send.message.text].pop(0))
        self.shown.append(send.message.text)
        self._count += 1
        place = SimpleNamespace(id=send.channel_id or 9000 + (send.user_id or 0))
        message = SimpleNamespace(id=self._count, channel=place)
        return sent(row, send, Outcome(value=message), None)


def dispatcher(stage: Stage, **more: Any) -> Dispatcher:
    settings = {"prepare": plainly, "sent": no_follow_up, "deliver": stage.deliver}
    return Dispatcher(**{**settings, **more})


@asynccontextmanager
async def running(made: Dispatcher) -> AsyncIterator[asyncio.Task[None]]:
    """`run()` for as long as the block lasts."""
    task = asyncio.create_task(made.run())
    try:
        yield task
    finally:
        made.close()
        async with asyncio.timeout(20):
            await task


async def until(check: Callable[[], Any], timeout: float = 10) -> None:
    """Poll until `check` (plain or awaitable) gives something true."""
    async with asyncio.timeout(timeout):
        while True:
            value = check()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return
            await asyncio.sleep(0.01)
