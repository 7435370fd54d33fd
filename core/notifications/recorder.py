"""Writes down what became of deliveries, many at a time, and tells whoever follows up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import sentry_sdk
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import claims
from core.notifications.outgoing import Claimed, Done
from core.notifications.results import Result

log = structlog.get_logger(__name__)

Sent = Callable[[AsyncSession, Sequence[Done]], Awaitable[None]]
# With the row, the class of the failure and a sentence made by t().
GaveUp = Callable[[Claimed, str, str], Awaitable[None]]
# Moderators hear of a kind of trouble in a group again after this long without it.
_NEWS_AGAIN = timedelta(days=7)


async def nobody(row: Claimed, error_class: str, text: str) -> None:
    """Where nobody is to be told."""


class Recorder:
    """`sent` runs in the transaction that notes the rows; `gave_up` after it, by itself."""

    def __init__(self, sent: Sent, gave_up: GaveUp) -> None:
        self._sent = sent
        self._gave_up = gave_up
        self._telling: set[asyncio.Task[None]] = set()

    async def write(self, results: Sequence[Result]) -> None:
        """One transaction for all. Raises what the database raises; nothing is noted then."""
        database = get_database()
        async with database.transaction() as session:
            news = await self._news(session, results)
            ours = await claims.settle(
                session, [r.settled for r in results], holder=database.instance_id
            )
            opened = dict(r.dm for r in results if r.dm is not None)
            await claims.remember_dms(session, opened)
            await self._follow_up(session, [r.done for r in results if r.done and r.row.id in ours])
        for result in news:
            if result.row.id in ours:
                self._tell(result)

    async def _news(self, session: AsyncSession, results: Sequence[Result]) -> list[Result]:
        """Of what moderators should hear, what no earlier row of the group has shown already."""
        told = [r for r in results if r.tell is not None]
        if not told:
            return []
        known = await claims.known_trouble(
            session,
            [r.row.guild_id for r in told],
            [r.settled.error_class or "" for r in told],
            utcnow() - _NEWS_AGAIN,
        )
        news = []
        for result in told:
            trouble = (result.row.guild_id, result.row.group_id, result.settled.error_class or "")
            if trouble not in known:
                known.add(trouble)
                news.append(result)
        return news

    async def _follow_up(self, session: AsyncSession, done: Sequence[Done]) -> None:
        """Run the hook; where it breaks, row by row, so that one cannot undo what others did."""
        if not done:
            return
        try:
            async with session.begin_nested():
                await self._sent(session, done)
        except Exception as error:
            if len(done) == 1:
                sentry_sdk.capture_exception(error)
                log.exception("delivery_follow_up_broke", delivery=done[0].row.id)
                return
            for one in done:
                await self._follow_up(session, [one])

    def _tell(self, result: Result) -> None:
        task = asyncio.create_task(self._told(result), name="delivery gave up")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _told(self, result: Result) -> None:
        try:
            error_class = result.settled.error_class or ""
            await self._gave_up(result.row, error_class, result.tell or "")
        except Exception as error:  # the delivery itself is settled
            sentry_sdk.capture_exception(error)
            log.exception("delivery_telling_broke", delivery=result.row.id)

    async def finish(self) -> None:
        """Return when everybody was told."""
        if self._telling:
            await asyncio.wait(set(self._telling))
