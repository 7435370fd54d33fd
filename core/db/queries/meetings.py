"""The rows of a series: worked out from its rule, never counted up by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from core import schedule
from core.db.meeting_models import Meeting, MeetingStatus
from core.db.models import Cohort, CohortStatus, Group
from core.db.queries.built import IDS, Query
from core.reconcile.meeting_rows import Have, SeriesDiff, follow
from core.reconcile.reminders import MeetingFact
from core.reconcile.trace import LIVE
from core.schedule import Occurrence


async def derive(
    session: AsyncSession, group_ids: Iterable[int], now: datetime
) -> dict[int, SeriesDiff]:
    """Bring the meetings of these groups to what their rules say; what was changed, by group.

    Only live groups that are open have meetings. The groups' rows are locked, in order of id, so
    that two changes of one series wait for each other.
    """
    groups = (await session.execute(_with_rules(), {"ids": sorted(set(group_ids))})).all()
    have = await stored(session, [g[0] for g in groups])
    changed: dict[int, SeriesDiff] = {}
    for group_id, guild_id, raw, start, count, breaks in groups:
        rule = schedule.Rule.from_json(raw)
        _, found = follow(rule, start, count, breaks, have[group_id], now)
        if found:
            await _write(session, guild_id, group_id, found, now)
            changed[group_id] = found
    return changed


@cache
def _with_rules() -> Query:
    return (
        select(
            Group.id, Group.guild_id, Group.rule, Cohort.start_date, Cohort.meetings, Cohort.breaks
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(
            Group.id.in_(IDS),
            Group.status.in_(LIVE),
            Group.rule.is_not(None),
            or_(Cohort.status == CohortStatus.open, Group.opened_at.is_not(None)),
        )
        .order_by(Group.id)
        .with_for_update(of=Group, key_share=True)
    )


async def stored(session: AsyncSession, group_ids: Sequence[int]) -> dict[int, list[Have]]:
    """All meetings of these groups as they stand, by group, in order of time."""
    found: dict[int, list[Have]] = defaultdict(list)
    if not group_ids:
        return found
    plain: Sequence[Any] = (await session.execute(_stored(), {"ids": group_ids})).all()
    for row in plain:
        found[row[0]].append(Have(*row[1:]))
    return found


@cache
def _stored() -> Query:
    return (
        select(
            Meeting.group_id, Meeting.id, Meeting.occurrence_date, Meeting.starts_at,
            Meeting.minutes, Meeting.number, Meeting.status, Meeting.moved, Meeting.extra,
        )
        .where(Meeting.group_id.in_(IDS))
        .order_by(Meeting.starts_at)
    )  # fmt: skip


async def _write(
    session: AsyncSession,
    guild_id: int,
    group_id: int,
    found: SeriesDiff,
    now: datetime,
) -> None:
    """Nothing is deleted: what the series does not want any more keeps its answers, cancelled."""
    mine = Meeting.group_id == group_id
    turned = ((MeetingStatus.cancelled, found.remove), (MeetingStatus.planned, found.back))
    for status, ids in turned:
        if ids:
            await session.execute(
                update(Meeting).where(mine, Meeting.id.in_(ids)).values(status=status)
            )
    for meeting_id, target in found.change:
        await session.execute(
            update(Meeting).where(mine, Meeting.id == meeting_id).values(**_values(target))
        )
    for meeting_id, day in found.aside:
        await session.execute(
            update(Meeting).where(mine, Meeting.id == meeting_id).values(occurrence_date=day)
        )
    if found.create:
        made = [
            _values(o) | {"guild_id": guild_id, "group_id": group_id, "created_at": now,
                          "told_starts_at": o.starts_at}
            for o in found.create
        ]  # fmt: skip
        await session.execute(insert(Meeting), made)


def _values(target: Occurrence) -> dict[str, object]:
    return {
        "occurrence_date": target.day,
        "starts_at": target.starts_at,
        "minutes": target.minutes,
        "number": target.number,
    }


def zone_of(rule: dict[str, Any] | None, now: datetime) -> str | None:
    """The IANA zone of the slot in which a group meets now; None where it has no slot."""
    return None if rule is None else schedule.Rule.from_json(rule).slot_for(now.date()).zone


async def to_come(
    session: AsyncSession, group_ids: Sequence[int] | None, now: datetime
) -> dict[int, list[MeetingFact]]:
    """By group (None: all): its meetings that are not over, whatever their status, in order."""
    query = _to_come(some=group_ids is not None)
    # Past the ORM's loading: a sweep reads 12,000 rows.
    rows = await (await session.connection()).execute(query, {"now": now, "ids": group_ids})
    found: dict[int, list[MeetingFact]] = defaultdict(list)
    plain: Sequence[Any] = rows.all()
    for row in plain:
        found[row[0]].append(MeetingFact(*row[1:]))
    return found


@cache
def _to_come(*, some: bool) -> Query:
    query = (
        select(
            Meeting.group_id, Meeting.id, Meeting.occurrence_date, Meeting.starts_at,
            Meeting.minutes, Meeting.number, Meeting.status,
        )
        .where(ends() > bindparam("now"))
        .order_by(Meeting.starts_at, Meeting.id)
    )  # fmt: skip
    return query.where(Meeting.group_id.in_(IDS)) if some else query


async def next_of(
    session: AsyncSession, group_ids: Sequence[int], now: datetime
) -> dict[int, Meeting]:
    """By group: the first planned meeting that is not over at `now` (UTC)."""
    rows = await session.scalars(_next_of(), {"ids": group_ids, "now": now})
    return {m.group_id: m for m in rows}


@cache
def _next_of() -> Select[Meeting]:
    return (
        select(Meeting)
        .where(
            Meeting.group_id.in_(IDS),
            Meeting.status == MeetingStatus.planned,
            ends() > bindparam("now"),
        )
        .order_by(Meeting.group_id, Meeting.starts_at, Meeting.id)
        .ext(distinct_on(Meeting.group_id))
    )


@cache
def ends() -> ColumnElement[datetime]:
    """The end of a meeting (UTC), for SQL."""
    return Meeting.starts_at + Meeting.minutes * literal(timedelta(minutes=1))
