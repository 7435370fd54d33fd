"""The rows of messages that meetings cause: read, written and moved by the reconciler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Delivery, DeliveryStatus, Meeting
from core.db.queries.built import IDS, Query
from core.db.queries.deliveries import New, enqueue, wake
from core.db.queries.meetings import ends
from core.reconcile.reminders import RECONCILED, SLACK, ReminderPlan, Row

_OPEN = (DeliveryStatus.pending, DeliveryStatus.failed)


async def rows(
    session: AsyncSession, group_ids: Sequence[int] | None, now: datetime
) -> dict[int, list[Row]]:
    """By group: what was written for meetings that are not over, and all that is still to come.

    Also what was due just now, as long as it would be wanted again.
    """
    values = {"now": now, "since": now - SLACK, "ids": group_ids}
    query = _rows(some=group_ids is not None)
    found: dict[int, list[Row]] = defaultdict(list)
    plain: Sequence[Any] = (await (await session.connection()).execute(query, values)).all()
    for row in plain:
        found[row[0]].append(Row(*row[1:]))
    return found


@cache
def _rows(*, some: bool) -> Query:
    of_meetings = select(Meeting.id).where(ends() > bindparam("now"))
    query = select(
        Delivery.group_id, Delivery.id, Delivery.kind, Delivery.key, Delivery.meeting_id,
        Delivery.user_id, Delivery.status, Delivery.due_at, Delivery.error_class,
    ).where(
        Delivery.kind.in_(RECONCILED),
        or_(
            Delivery.status.in_(_OPEN), Delivery.due_at >= bindparam("since"),
            Delivery.meeting_id.in_(of_meetings),
        ),
    )  # fmt: skip
    return query.where(Delivery.group_id.in_(IDS)) if some else query


async def write(
    session: AsyncSession, guild_id: int, group_id: int, plan: ReminderPlan, now: datetime
) -> None:
    """Carry the plan out. A row that is being sent meanwhile is left alone."""
    mine = (Delivery.guild_id == guild_id, Delivery.group_id == group_id)
    if plan.delete:
        await session.execute(
            delete(Delivery).where(*mine, Delivery.id.in_(plan.delete), Delivery.status.in_(_OPEN))
        )
    for row_id, want in plan.move:
        await session.execute(
            update(Delivery)
            .where(
                *mine,
                Delivery.id == row_id,
                Delivery.status.in_((*_OPEN, DeliveryStatus.skipped)),
            )
            .values(
                key=want.key, due_at=want.due_at, next_at=want.due_at, attempts=0,
                status=DeliveryStatus.pending, error_class=None, error_text=None,
                payload=dict(want.payload), meeting_id=want.meeting_id,
            )
        )  # fmt: skip
    await enqueue(
        session,
        [
            New(
                guild_id, want.kind, want.key, want.due_at, user_id=want.user_id,
                group_id=group_id, meeting_id=want.meeting_id, payload=dict(want.payload),
            )
            for want in plan.create
        ],
        now,
    )  # fmt: skip
    if plan.move:
        await wake(session)
