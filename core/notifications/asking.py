"""Asks what is to be done about claimed rows; one that cannot be worked out stops no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.engine import get_database
from core.notifications.lanes import Job
from core.notifications.outgoing import Claimed, Decisions, Send, Skip, Wait
from core.notifications.results import Result, broken, skipped, waits

log = structlog.get_logger(__name__)

Prepare = Callable[[AsyncSession, Sequence[Claimed], datetime], Awaitable[Decisions]]


async def decided(
    prepare: Prepare, rows: Sequence[Claimed], now: datetime
) -> tuple[list[Job], list[Result]]:
    """What is to be sent, in the order of `rows`, and what became of the others.

    Raises where the database is at fault; nothing is decided then. `now` is UTC.
    """
    if not rows:
        return [], []
    errors: dict[int, Exception] = {}
    try:
        async with get_database().transaction() as session:
            decisions = await prepare(session, rows, now)
    except Exception:  # noqa: BLE001 - one of them may be at fault, so each is asked for alone
        decisions, errors = await _one_by_one(prepare, rows, now)
    jobs, results = [], []
    for row in rows:
        decision = decisions.get(row.id)
        match decision:
            case Send() if (decision.user_id, decision.channel_id) != (None, None):
                jobs.append(Job(row, decision))
            case Skip():
                results.append(skipped(row, decision))
            case Wait():
                results.append(waits(row, decision, now))
            case _:
                missing = LookupError(f"no usable decision about delivery {row.id}")
                results.append(broken(row, errors.get(row.id, missing)))
    return jobs, results


async def _one_by_one(
    prepare: Prepare, rows: Sequence[Claimed], now: datetime
) -> tuple[Decisions, dict[int, Exception]]:
    """Each row in a transaction of its own, and the errors of those that are at fault."""
    decisions: Decisions = {}
    errors: dict[int, Exception] = {}
    for row in rows:
        try:
            async with get_database().transaction() as session:
                decisions |= await prepare(session, [row], now)
        except Exception as error:
            async with get_database().transaction() as session:
                await session.execute(text("select 1"))  # raises where the row is innocent
            log.exception("delivery_not_prepared", delivery=row.id, kind=row.kind)
            errors[row.id] = error
    return decisions, errors
