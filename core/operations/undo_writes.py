"""What undo writes: every row that was decided about, back as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.meeting_models import Meeting
from core.db.models import Cohort, Expected, Group, Membership, SyncState
from core.db.queries.sync_states import mark_due
from core.operations import series
from core.operations.common import Actor, ensure_guild
from core.operations.settings import follow
from core.operations.undo_rows import COHORT_FIELDS, GROUP_FIELDS
from core.reconcile.by_hand import system_of, with_kept
from core.reconcile.meeting_rows import SeriesDiff
from core.reconcile.trace import (
    ACTIVE,
    ExpectedChange,
    Held,
    KeptChange,
    MeetingChange,
    MemberChange,
    RowChange,
    Trace,
    changed,
    held,
)
from core.reconcile.undo_facts import Decision

UNDONE = "undone"  # the reason of a membership that was taken back


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
