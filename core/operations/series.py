"""What other operations do to meetings: a group that ends takes its meetings along, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import String, cast, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Delivery, DeliveryStatus, Meeting, MeetingStatus
from core.db.models import Cohort, CohortStatus, Group, GroupStatus, Projection
from core.db.queries import meetings as rows
from core.db.queries.deliveries import New, enqueue
from core.errors import Refusal
from core.notifications import notices
from core.reconcile.meeting_rows import SeriesDiff
from core.reconcile.trace import LIVE, MeetingChange
from core.systems import answer_posts
from core.words import t


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
    changed = await rows.derive(session, runs[True], now) if runs[True] else {}
    await redraw(session, [*runs[True], *runs[False]], now)
    return changed


async def must_not_have_begun(session: AsyncSession, cohort_id: int, now: datetime) -> None:
    """Raise Refusal(begun) once a meeting of the cohort's series was held: its weeks are counted.

    `now` is aware (UTC).
    """
    held = select(Meeting.id).join(Group, Group.id == Meeting.group_id).where(
        Group.cohort_id == cohort_id, Meeting.guild_id == Group.guild_id,
        Meeting.extra.is_(False), Meeting.status == MeetingStatus.planned,
        Meeting.starts_at <= now,
    )  # fmt: skip
    if await session.scalar(held.limit(1)) is not None:
        raise Refusal(
            "begun",
            t("Its meetings have begun, so its first day stays. Give its groups another meeting "
              "time from a day on instead."),
        )  # fmt: skip


async def redraw(session: AsyncSession, group_ids: Sequence[int], now: datetime) -> None:
    """Times, numbers or states of these groups' meetings changed: their posts show it."""
    found = await session.scalars(
        select(Meeting.id)
        .join(Projection, Projection.subject == cast(Meeting.id, String))
        .where(
            Projection.guild_id == Meeting.guild_id,
            Projection.kind.in_((answer_posts.LIVING, answer_posts.LINE)),
            Meeting.group_id.in_(group_ids),
            rows.ends() > now,
        )
    )
    await answer_posts.mark(session, found.all())


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
    session: AsyncSession,
    changes: Sequence[MeetingChange],
    entry_id: int,
    now: datetime,
    *,
    number: int | None = None,
) -> None:
    """Have the groups told of these changes, that the history's entry `entry_id` made.

    `number`: what people knew a meeting by that has none any more, since it was postponed.
    """
    made: list[New] = []
    for change in changes:
        row = await session.get(Meeting, change.id, populate_existing=True)
        if row is None or row.starts_at <= now:
            continue
        if not await _announced(session, row.group_id):
            row.told_starts_at = row.starts_at
            continue
        after = change.now.get("status")
        if change.was is None or (after == MeetingStatus.planned and row.extra):
            made.append(notices.meeting("added", row, entry_id, now))
        elif after == MeetingStatus.planned:
            if await _heard(session, row):
                made.append(notices.meeting("restored", row, entry_id, now))
        elif after is not None:
            known = {"number": number} if number is not None else {}
            made.append(notices.meeting("skipped", row, entry_id, now, **known))
        elif "starts_at" in change.now:
            payload = {"again": True} if change.asked else {}
            made.append(notices.meeting("moved", row, entry_id, now, **payload))
    await enqueue(session, made, now)


async def tell_moved(
    session: AsyncSession, changed: Mapping[int, SeriesDiff], entry_id: int, now: datetime
) -> None:
    """Have groups whose series changed (what `follow` gave) told, each of the first that moved.

    One message for all: the times of the later ones count as told with it. Likewise of the first
    that does not take place any more.
    """
    await _tell_dropped(session, changed, entry_id, now)
    moved = [i for diff in changed.values() for i, _ in diff.change]
    found = await session.scalars(
        select(Meeting)
        .where(
            Meeting.id.in_(moved), Meeting.status == MeetingStatus.planned,
            Meeting.starts_at > now, Meeting.starts_at.is_distinct_from(Meeting.told_starts_at),
        )
        .order_by(Meeting.group_id, Meeting.starts_at)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    by_group: dict[int, list[Meeting]] = {}
    for row in found:
        by_group.setdefault(row.group_id, []).append(row)
    made = []
    for group_id, (first, *later) in by_group.items():
        if not await _announced(session, group_id):
            later.append(first)
        else:
            more = {"later": True} if later else {}
            made.append(notices.meeting("moved", first, entry_id, now, **more))
        for row in later:
            row.told_starts_at = row.starts_at
    await enqueue(session, made, now)


async def _tell_dropped(
    session: AsyncSession, changed: Mapping[int, SeriesDiff], entry_id: int, now: datetime
) -> None:
    made = []
    for group_id, diff in changed.items():
        if not diff.remove or not await _announced(session, group_id):
            continue
        found = await session.scalars(
            select(Meeting)
            .where(Meeting.id.in_(diff.remove), Meeting.starts_at > now)
            .order_by(Meeting.starts_at)
            .execution_options(populate_existing=True)
        )
        rows_of = found.all()
        for first in rows_of[:1]:
            more = {"later": True} if len(rows_of) > 1 else {}
            made.append(notices.meeting("cancelled", first, entry_id, now, **more))
    await enqueue(session, made, now)


async def _announced(session: AsyncSession, group_id: int) -> bool:
    """Whether the group runs: before that nobody was told of any time."""
    status = await session.scalar(select(Group.status).where(Group.id == group_id))
    return status == GroupStatus.active


async def tell_back(
    session: AsyncSession, group_ids: Sequence[int], entry_id: int, now: datetime
) -> None:
    """Have groups that run again told so, where they heard that their next meeting is cancelled."""
    following = await rows.next_of(session, group_ids, now)
    made = [
        notices.meeting("restored", row, entry_id, now)
        for row in following.values()
        if row.starts_at > now and await _heard(session, row, "cancelled")
    ]
    await enqueue(session, made, now)


async def _heard(session: AsyncSession, row: Meeting, kind: str = "skipped") -> bool:
    """Whether the group was told last that this meeting is off: else nothing is news."""
    last = select(Delivery.kind).where(
        Delivery.guild_id == row.guild_id,
        Delivery.meeting_id == row.id,
        Delivery.kind.in_((kind, "restored")),
        Delivery.status.in_((DeliveryStatus.sending, DeliveryStatus.sent)),
    )
    return await session.scalar(last.order_by(Delivery.id.desc()).limit(1)) == kind


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
