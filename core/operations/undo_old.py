"""Entries that hold no rows: what they changed, worked out from their other details.

Imports write people and groups instead of rows, and so did everything before undo existed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.models import AuditEntry, Expected, Membership
from core.reconcile.trace import ACTIVE, ExpectedChange, MemberChange, Trace, changed, held

_CAME = {"joined", "switched", "member_added", "member_moved", "expected_arrived"}
_WENT = {"left", "member_removed"}
_NUMBERS = {"meetings", "seats"}  # cohort fields that were noted as texts


async def derived(session: AsyncSession, entry: AuditEntry) -> Trace:
    """As much as can be known for sure; an empty trace where that is nothing."""
    before, after = entry.before, entry.after
    if entry.action == "members_imported":
        return await _imported(session, entry)
    if entry.user_id is not None:
        rows = await _memberships(session, entry, [entry.user_id])
        return Trace(tuple(_one_person(entry, entry.user_id, rows)))
    if entry.action == "settings_changed":
        return Trace(settings=(before, after))
    if entry.action == "group_edited" and entry.group_id:
        return Trace(groups=tuple(changed(entry.group_id, before, after)))
    if entry.action == "cohort_edited" and entry.cohort_id:
        return Trace(cohorts=tuple(changed(entry.cohort_id, _typed(before), _typed(after))))
    return Trace()


def _one_person(entry: AuditEntry, user_id: int, rows: Sequence[Membership]) -> list[MemberChange]:
    before, after = entry.before, entry.after
    if entry.action in _CAME and "group_id" in after:
        return _came(entry, rows, (user_id, int(after["group_id"]), before.get("group_id")))
    if entry.action in _WENT and "group_id" in before:
        return _went(_last(entry, rows, user_id, int(before["group_id"]), active=False))
    return []


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: int(v) if k in _NUMBERS else v for k, v in fields.items()}


async def _imported(session: AsyncSession, entry: AuditEntry) -> Trace:
    people = [
        (int(user), int(group), previous)
        for user, group, _role, previous in entry.after.get("people", ())
    ]
    rows = await _memberships(session, entry, [user for user, _, _ in people])
    members = [change for person in people for change in _came(entry, rows, person)]
    listed = [(str(name), int(group)) for name, group in entry.after.get("expected", ())]
    waiting = await session.scalars(
        select(Expected).where(Expected.group_id.in_({group for _, group in listed}))
    )
    there = {(row.name, row.group_id): row for row in waiting}
    expected = []
    for name, group_id in listed:
        row = there.get((name, group_id))
        role, seat = (row.role, row.seat) if row is not None else ("participant", None)
        expected.append(ExpectedChange(name, group_id, role, seat, added=True))
    return Trace(tuple(members), expected=tuple(expected))


async def _memberships(
    session: AsyncSession, entry: AuditEntry, user_ids: Sequence[int]
) -> Sequence[Membership]:
    rows = await session.scalars(
        select(Membership)
        .where(Membership.guild_id == entry.guild_id, Membership.user_id.in_(user_ids))
        .order_by(Membership.id)
    )
    return rows.all()


def _came(
    entry: AuditEntry, rows: Sequence[Membership], person: tuple[int, int, int | None]
) -> list[MemberChange]:
    """By (user, group, previous group): the membership that began, and the one that ended."""
    user_id, group_id, previous_id = person
    new = _last(entry, rows, user_id, group_id, active=True)
    if new is None:
        return []
    result = [MemberChange(new.id, user_id, group_id, None, ACTIVE)]
    if previous_id is not None:
        result += _went(_last(entry, rows, user_id, int(previous_id), active=False))
    return result


def _went(row: Membership | None) -> list[MemberChange]:
    if row is None or row.status == "active":
        return []
    now = held(row.status, row.reason, row.ended_at)
    return [MemberChange(row.id, row.user_id, row.group_id, ACTIVE, now)]


def _last(
    entry: AuditEntry, rows: Sequence[Membership], user_id: int, group_id: int, *, active: bool
) -> Membership | None:
    """The membership that began (or ended) by the moment of the entry, the latest of them."""
    mine = [m for m in rows if m.user_id == user_id and m.group_id == group_id]
    if active:
        begun = [m for m in mine if m.created_at <= entry.at]
        return max(begun, key=lambda m: m.id, default=None)
    over = [(m.ended_at, m) for m in mine if m.ended_at is not None and m.ended_at <= entry.at]
    return max(over, key=lambda pair: (pair[0], pair[1].id), default=(None, None))[1]
