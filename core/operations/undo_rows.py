"""What undo needs to know of the database: an entry's trace, and the rows as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.meeting_models import Meeting
from core.db.models import (
    AuditEntry,
    Cohort,
    Expected,
    Group,
    Guild,
    ManagedObject,
    Membership,
    SyncState,
)
from core.operations.undo_old import derived
from core.reconcile.by_hand import kept_of, system_of
from core.reconcile.trace import KEY, RUNNING, Trace, held, parsed, plain_fields
from core.reconcile.undo_facts import ExpectedNow, GroupNow, MeetingNow, MemberNow, Now

COHORT_FIELDS = (
    "name", "status", "start_date", "meetings", "seats", "access_mode", "rooms", "breaks",
    "shared",
)  # fmt: skip
GROUP_FIELDS = ("name", "status", "seats", "opened_at", "merged_into_id", "rule", "offsets")
MEETING_FIELDS = ("starts_at", "minutes", "status", "moved")


async def trace_of(session: AsyncSession, entry: AuditEntry) -> Trace:
    """What the entry changed; worked out from its other details where it holds no rows."""
    rows = entry.before.get(KEY)
    return parsed(rows) if rows is not None else await derived(session, entry)


async def look(session: AsyncSession, guild_id: int, trace: Trace, *, lock: bool) -> Now:
    """All rows that the decision depends on. `lock`: they stay as they are until the commit.

    Cohorts before groups before memberships, each in order of id, as everywhere: nobody ever
    waits in a circle.
    """
    settings = await session.scalar(select(Guild.settings).where(Guild.id == guild_id))
    chosen = GuildSettings.model_validate(settings or {}).model_dump(mode="json")
    touched = trace.group_ids()
    cohort_ids = {c.id for c in trace.cohorts}
    cohort_ids |= set(
        await session.scalars(
            select(Group.cohort_id).where(Group.id.in_(touched), Group.guild_id == guild_id)
        )
    )
    cohorts = select(Cohort).where(Cohort.id.in_(cohort_ids), Cohort.guild_id == guild_id)
    found = await session.scalars(_locked(cohorts.order_by(Cohort.id), lock))
    mine = {c.id: c for c in found}
    if lock and touched:
        ids = select(Group.id).where(Group.id.in_(touched)).order_by(Group.id)
        await session.execute(ids.with_for_update(key_share=True))
    names = await session.scalars(
        select(func.lower(Cohort.name)).where(
            Cohort.guild_id == guild_id, Cohort.status.in_(RUNNING), Cohort.id.not_in(list(mine))
        )
    )
    return Now(
        await _members(session, list(mine), trace, lock=lock),
        await _groups(session, list(mine)),
        {i: plain_fields({f: getattr(c, f) for f in COHORT_FIELDS}) for i, c in mine.items()},
        frozenset(names),
        chosen,
        await _expected(session, list(mine)),
        await _kept(session, trace),
        await _meetings(session, {m.group_id for m in trace.meetings}),
        utcnow() if trace.meetings else None,
    )


def _locked(query: Any, lock: bool) -> Any:
    return query.with_for_update(key_share=True) if lock else query


async def _members(
    session: AsyncSession, cohort_ids: Sequence[int], trace: Trace, *, lock: bool
) -> dict[int, MemberNow]:
    ids = [m.id for m in trace.members]
    people = {m.user_id for m in trace.members}
    if lock and people:
        theirs = select(Membership.id).where(
            Membership.cohort_id.in_(cohort_ids), Membership.user_id.in_(people)
        )
        await session.execute(theirs.order_by(Membership.id).with_for_update())
    rows = await session.execute(
        select(
            Membership.id, Membership.user_id, Membership.group_id, Membership.cohort_id,
            Membership.role, Membership.seat, Membership.status, Membership.reason,
            Membership.ended_at,
        ).where(
            Membership.cohort_id.in_(cohort_ids),
            or_(Membership.status == "active", Membership.id.in_(ids)),
        )
    )  # fmt: skip
    return {
        i: MemberNow(i, user, group, cohort, role, seat, held(status, reason, ended_at))
        for i, user, group, cohort, role, seat, status, reason, ended_at in rows
    }


async def _groups(session: AsyncSession, cohort_ids: Sequence[int]) -> dict[int, GroupNow]:
    groups = await session.scalars(
        select(Group)
        .where(Group.cohort_id.in_(cohort_ids))
        .order_by(Group.id)
        .execution_options(populate_existing=True)
    )
    objects = await session.execute(
        select(ManagedObject.group_id, ManagedObject.state)
        .join(Group, Group.id == ManagedObject.group_id)
        .where(Group.cohort_id.in_(cohort_ids))
    )
    states: dict[int | None, set[str]] = {}
    for group_id, state in objects:
        states.setdefault(group_id, set()).add(state)
    return {
        g.id: GroupNow(
            g.id, g.cohort_id, plain_fields({f: getattr(g, f) for f in GROUP_FIELDS}),
            bool(states.get(g.id, set()) - {"intent"}), "deleted" in states.get(g.id, set()),
        )
        for g in groups
    }  # fmt: skip


async def _expected(session: AsyncSession, cohort_ids: Sequence[int]) -> tuple[ExpectedNow, ...]:
    rows = await session.execute(
        select(Expected.name, Expected.group_id, Expected.seat)
        .where(Expected.cohort_id.in_(cohort_ids))
        .order_by(Expected.id)
    )
    return tuple(ExpectedNow(*row) for row in rows)


async def _kept(session: AsyncSession, trace: Trace) -> frozenset[tuple[int, tuple[int, int, str]]]:
    if not trace.kept:
        return frozenset()
    rows = await session.execute(
        select(SyncState.group_id, SyncState.by_hand).where(
            SyncState.system.in_({system_of(k.note) for k in trace.kept}),
            SyncState.group_id.in_({k.group_id for k in trace.kept}),
        )
    )
    return frozenset((group_id, note) for group_id, state in rows for note in kept_of(state))


async def _meetings(session: AsyncSession, group_ids: set[int]) -> dict[int, MeetingNow]:
    if not group_ids:
        return {}
    rows = await session.scalars(
        select(Meeting)
        .where(Meeting.group_id.in_(group_ids))
        .order_by(Meeting.id)
        .execution_options(populate_existing=True)
    )
    return {
        m.id: MeetingNow(
            m.id, m.group_id, m.number, plain_fields({f: getattr(m, f) for f in MEETING_FIELDS})
        )
        for m in rows
    }
