"""What other operations do to meetings: a group that ends takes its meetings along, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Delivery, DeliveryStatus, Meeting, MeetingStatus
from core.db.models import Cohort, CohortStatus, Group
from core.db.queries import meetings as rows
from core.db.queries.deliveries import New, enqueue
from core.notifications import notices
from core.reconcile.trace import LIVE, MeetingChange
from core.schedule import SeriesDiff


async def follow(
    session: AsyncSession, group_ids: Iterable[int], now: datetime
) -> dict[int, SeriesDiff]:
    """Bring what is to come into line with the groups: what changed of the series, by group.

    A group that runs has the meetings of its rule, also those that ended with it and are still to
    come. Of any other group nothing to come takes place.
    """
    found = await session.execute(
        select(Group.id, Group.status, Group.opened_at, Cohort.status)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(Group.id.in_(sorted(set(group_ids))))
        .order_by(Group.id)
    )
    runs: dict[bool, list[int]] = {True: [], False: []}
    for group_id, status, opened_at, cohort in found:
        is_open = cohort == CohortStatus.open or (
            cohort == CohortStatus.draft and opened_at is not None
        )
        runs[status in LIVE and is_open].append(group_id)
    await _turn(session, runs[True], MeetingStatus.cancelled, MeetingStatus.planned, now)
    await _turn(session, runs[False], MeetingStatus.planned, MeetingStatus.cancelled, now)
    return await rows.derive(session, runs[True], now) if runs[True] else {}


async def _turn(
    session: AsyncSession,
    group_ids: Sequence[int],
    old: MeetingStatus,
    new: MeetingStatus,
    now: datetime,
) -> None:
    if group_ids:
        await session.execute(
            update(Meeting)
            .where(
                Meeting.group_id.in_(group_ids), Meeting.status == old, Meeting.starts_at > now
            )
            .values(status=new)
        )  # fmt: skip


async def tell(
    session: AsyncSession, changes: Sequence[MeetingChange], entry_id: int, now: datetime
) -> None:
    """Have the groups told of these changes, that the history's entry `entry_id` made."""
    made: list[New] = []
    for change in changes:
        row = await session.get(Meeting, change.id, populate_existing=True)
        if row is None or row.starts_at <= now:
            continue
        after = change.now.get("status")
        if change.was is None or (after == MeetingStatus.planned and row.extra):
            made.append(notices.meeting("added", row, entry_id, now))
        elif after == MeetingStatus.planned:
            if await _heard(session, row):
                made.append(notices.meeting("restored", row, entry_id, now))
        elif after is not None:
            made.append(notices.meeting("skipped", row, entry_id, now))
        elif "starts_at" in change.now:
            payload = {"again": True} if change.asked else {}
            made.append(notices.meeting("moved", row, entry_id, now, **payload))
    await enqueue(session, made, now)


async def _heard(session: AsyncSession, row: Meeting) -> bool:
    """Whether the group was told that this meeting does not take place: else nothing is news."""
    told = select(Delivery.id).where(
        Delivery.guild_id == row.guild_id,
        Delivery.meeting_id == row.id,
        Delivery.kind == "skipped",
        Delivery.status.in_((DeliveryStatus.sending, DeliveryStatus.sent)),
    )
    return await session.scalar(told.limit(1)) is not None


async def end(
    session: AsyncSession, group_ids: Sequence[int], entry_id: int, now: datetime
) -> None:
    """Groups ended by this entry of the history: nothing to come takes place, and they hear it.

    Each is told of its next meeting only; that the group ended says the rest.
    """
    following = await rows.next_of(session, group_ids, now)
    await follow(session, group_ids, now)
    made = [
        notices.meeting("cancelled", row, entry_id, now)
        for _, row in sorted(following.items())
        if row.starts_at > now
    ]
    await enqueue(session, made, now)
