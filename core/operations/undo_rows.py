"""What undo needs of the database: an entry's trace, the rows as they stand, and the writing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, or_, select, update
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
from core.db.queries.sync_states import mark_due
from core.operations import series
from core.operations.common import Actor, ensure_guild
from core.operations.settings import follow
from core.operations.undo_old import derived
from core.reconcile.by_hand import kept_of, system_of, with_kept
from core.reconcile.meeting_rows import SeriesDiff
from core.reconcile.trace import (
    ACTIVE,
    KEY,
    RUNNING,
    ExpectedChange,
    Held,
    KeptChange,
    MeetingChange,
    MemberChange,
    RowChange,
    Trace,
    changed,
    held,
    parsed,
    plain_fields,
)
from core.reconcile.undo_facts import (
    Decision,
    ExpectedNow,
    GroupNow,
    MeetingNow,
    MemberNow,
    Now,
)

COHORT_FIELDS = (
    "name", "status", "start_date", "meetings", "seats", "access_mode", "rooms", "breaks",
    "shared",
)  # fmt: skip
GROUP_FIELDS = ("name", "status", "seats", "opened_at", "merged_into_id", "rule", "offsets")
MEETING_FIELDS = ("starts_at", "minutes", "status", "moved")
UNDONE = "undone"  # the reason of a membership that was taken back


async def trace_of(session: AsyncSession, entry: AuditEntry) -> Trace:
    """What the entry changed; worked out from its other details where it holds no rows."""
    rows = entry.before.get(KEY)
    return parsed(rows) if rows is not None else await derived(session, entry)


# --- looking -----------------------------------------------------------------------------------


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


# --- writing -----------------------------------------------------------------------------------


async def carry_out(
    session: AsyncSession, actor: Actor, decision: Decision
) -> tuple[Trace, list[int], dict[int, SeriesDiff]]:
    """Write what was decided; what that changed, the groups to sync in order, their series."""
    members = await _end(session, decision)
    cohorts = await _update(session, Cohort, COHORT_FIELDS, decision.cohorts)
    groups = await _update(session, Group, GROUP_FIELDS, decision.groups)
    members += await _revive(session, decision)
    settings, unchosen, followers = await _settings(session, actor, decision)
    await _write_expected(session, actor.guild_id, decision.expected)
    await _write_kept(session, decision.kept)
    meetings = await _write_meetings(session, decision.meetings)
    trace = Trace(
        tuple(members), tuple(groups), tuple(cohorts), settings, unchosen,
        tuple(decision.expected), tuple(decision.kept), meetings,
    )  # fmt: skip
    losing = sorted({m.group_id for m, _ in decision.end})
    touched = {*trace.group_ids(), *followers}
    touched |= set(
        await session.scalars(select(Group.id).where(Group.cohort_id.in_(list(decision.cohorts))))
    )
    ordered = [*losing, *sorted(touched - set(losing))]
    moved = await series.follow(session, ordered, utcnow())
    await mark_due(session, ordered, utcnow())
    return trace, ordered, moved


async def _end(session: AsyncSession, decision: Decision) -> list[MemberChange]:
    now = utcnow()
    result, values = [], []
    for row, was in decision.end:
        after = was or Held("removed", UNDONE, now.isoformat())
        ended_at = datetime.fromisoformat(after.ended_at) if after.ended_at else now
        values.append(
            {"id": row.id, "status": after.status, "reason": after.reason, "ended_at": ended_at}
        )
        after = held(after.status, after.reason, ended_at)
        result.append(MemberChange(row.id, row.user_id, row.group_id, ACTIVE, after))
    if values:
        await session.execute(update(Membership), values)
    return result


async def _revive(session: AsyncSession, decision: Decision) -> list[MemberChange]:
    values = [
        {"id": row.id, "status": "active", "reason": None, "ended_at": None, "seat": seat}
        for row, seat in decision.revive
    ]
    if values:
        await session.execute(update(Membership), values)
    return [
        MemberChange(row.id, row.user_id, row.group_id, row.held, ACTIVE)
        for row, _ in decision.revive
    ]


async def _update(
    session: AsyncSession, table: Any, fields: Iterable[str], values: dict[int, dict[str, Any]]
) -> list[RowChange]:
    """Set these fields of these rows; the changes that it made."""
    result: list[RowChange] = []
    for row_id in sorted(values):
        row = await session.get_one(table, row_id)
        was = {f: getattr(row, f) for f in fields}
        for key, value in values[row_id].items():
            setattr(row, key, _typed(key, value))
        result += changed(row_id, was, {f: getattr(row, f) for f in fields})
    await session.flush()
    return result


def _typed(key: str, value: Any) -> Any:
    if value is None or not isinstance(value, str):
        return value
    if key == "start_date":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if key in {"opened_at", "starts_at"} else value


async def _settings(
    session: AsyncSession, actor: Actor, decision: Decision
) -> tuple[Any, tuple[str, ...], list[int]]:
    """Set them; (was, now), what of `was` nobody had chosen, and the groups that follow."""
    if not decision.settings:
        return None, (), []
    guild = await ensure_guild(session, actor.guild_id)
    before = GuildSettings.model_validate(guild.settings)
    old = before.model_dump(mode="json")
    chosen = {**before.model_dump(exclude_unset=True), **decision.settings}
    after = GuildSettings.model_validate(
        {k: v for k, v in chosen.items() if k not in decision.unchosen}
    )
    guild.settings = after.model_dump(mode="json", exclude_unset=True)
    followers = await follow(session, actor.guild_id, decision.settings)
    unchosen = tuple(sorted(decision.settings.keys() - before.model_fields_set))
    was = {k: old[k] for k in decision.settings}
    return (was, dict(decision.settings)), unchosen, followers


async def _write_expected(
    session: AsyncSession, guild_id: int, changes: Sequence[ExpectedChange]
) -> None:
    for change in sorted(changes, key=lambda c: c.added):  # a name can be on one list only
        if not change.added:
            await session.execute(
                delete(Expected).where(
                    Expected.group_id == change.group_id,
                    func.lower(Expected.name) == change.name.lower(),
                )
            )
            continue
        group = await session.get_one(Group, change.group_id)
        taken = select(Membership.seat).where(
            Membership.group_id == group.id, Membership.status == "active"
        )
        waiting = select(Expected.seat).where(Expected.group_id == group.id)
        seats = {*await session.scalars(taken), *await session.scalars(waiting)}
        seat = change.seat
        while seat is not None and seat in seats:
            seat += 1
        session.add(
            Expected(
                guild_id=guild_id, cohort_id=group.cohort_id, group_id=group.id, name=change.name,
                role=change.role, seat=seat, created_at=utcnow(),
            )
        )  # fmt: skip
        await session.flush()


async def _write_kept(session: AsyncSession, changes: Sequence[KeptChange]) -> None:
    for change in changes:
        one = (change.group_id, system_of(change.note))
        state = await session.get(SyncState, one, with_for_update=True)
        if state is not None:
            state.by_hand = with_kept(state.by_hand, change.note, keep=change.added)
    await session.flush()


async def _write_meetings(
    session: AsyncSession, changes: Sequence[MeetingChange]
) -> tuple[MeetingChange, ...]:
    """Set the fields of these meetings; the same changes, for the trace."""
    for change in changes:
        row = await session.get_one(Meeting, change.id)
        for key, value in change.now.items():
            setattr(row, key, _typed(key, value))
    await session.flush()
    return tuple(changes)
