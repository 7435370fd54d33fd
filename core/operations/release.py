"""Give channels back to their people: Muster forgets them, and nothing changes on Discord."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    CohortStatus,
    Expected,
    Group,
    GroupStatus,
    ManagedObject,
    ManagedOverwrite,
    Membership,
    MembershipStatus,
    SeatWatch,
    SyncState,
    SyncStatus,
)
from core.errors import Refusal
from core.operations import series
from core.operations.common import Actor, audit, get_cohort, get_group
from core.reconcile.trace import LIVE
from core.words import t

# A sync of one group takes a few seconds; it is let finish rather than cut in half.
_TRIES, _PAUSE = 40, 0.25  # seconds


@dataclass(frozen=True)
class Released:
    """What was handed back: (kind, Discord id) of categories, channels and roles; live groups."""

    name: str
    objects: tuple[tuple[str, int], ...]
    groups: int
    people: int


class _Busy(Exception):
    """A sync of one of the groups is under way."""


async def preview_cohort(actor: Actor, cohort_id: int) -> Released:
    """What releasing the cohort would hand back. Raises Refusal as `release_cohort` would."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, actor.guild_id, cohort_id)
        groups = await _groups(session, cohort_id)
        return await _look(session, cohort.name, groups, cohort_id)


async def preview_group(actor: Actor, group_id: int) -> Released:
    """What releasing the group would hand back. Raises Refusal as `release_group` would."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id)
        return await _look(session, group.name, [group_id], None)


async def release_cohort(actor: Actor, cohort_id: int) -> Released:
    """The cohort ends as closed, and Muster forgets all its channels and roles, made or adopted.

    Who is in a group stays in the history. Raises Refusal(not_adopted, busy).
    """
    actor.must_moderate()

    async def once() -> Released:
        async with get_database().transaction() as session:
            cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
            groups = await _groups(session, cohort_id)
            released = await _release(session, cohort.name, groups, cohort_id)
            before = cohort.status
            if cohort.status in {CohortStatus.draft, CohortStatus.open}:
                cohort.status = CohortStatus.closed
            audit(
                session, actor, "cohort_released", cohort_id=cohort_id,
                before={"status": before, "objects": [str(i) for _, i in released.objects]},
                after={
                    "status": cohort.status, "groups": released.groups, "people": released.people,
                },
            )  # fmt: skip
            return released

    return await _patiently(once)


async def release_group(actor: Actor, group_id: int) -> Released:
    """Likewise for one group; its cohort goes on. Raises Refusal(not_adopted, busy)."""
    actor.must_moderate()

    async def once() -> Released:
        async with get_database().transaction() as session:
            group = await get_group(session, actor.guild_id, group_id, lock=True)
            before = group.status
            released = await _release(session, group.name, [group_id], None)
            await _empty_categories(session, group.cohort_id)
            audit(
                session, actor, "group_released", cohort_id=group.cohort_id, group_id=group_id,
                before={"status": before, "objects": [str(i) for _, i in released.objects]},
                after={"people": released.people},
            )  # fmt: skip
            return released

    return await _patiently(once)


async def _empty_categories(session: AsyncSession, cohort_id: int) -> None:
    """An adopted category goes back with the last of its cohort's channels."""
    child = aliased(ManagedObject)
    await session.execute(
        delete(ManagedObject).where(
            ManagedObject.cohort_id == cohort_id,
            ManagedObject.adopted,
            ~select(child.id).where(child.parent_id == ManagedObject.id).exists(),
        )
    )


async def _patiently(once: Callable[[], Coroutine[Any, Any, Released]]) -> Released:
    """Try until no sync of the groups is under way: one that runs would write its rows again."""
    for _ in range(_TRIES):
        try:
            return await once()
        except _Busy:
            await asyncio.sleep(_PAUSE)
    raise Refusal("busy", t("Muster is just working on these channels. Try again in a moment."))


async def _groups(session: AsyncSession, cohort_id: int) -> list[int]:
    rows = await session.scalars(
        select(Group.id).where(Group.cohort_id == cohort_id).order_by(Group.id)
    )
    return list(rows)


def _owned(
    table: type[ManagedObject | ManagedOverwrite],
    groups: Sequence[int],
    cohort_id: int | None,
) -> ColumnElement[bool]:
    """Rows of these groups, and of the cohort itself where one is given."""
    mine = table.group_id.in_(groups)
    # Never compared with None: that would be every row without a cohort, of anybody.
    return mine if cohort_id is None else or_(mine, table.cohort_id == cohort_id)


async def _look(
    session: AsyncSession, name: str, groups: Sequence[int], cohort_id: int | None
) -> Released:
    rows = await session.execute(
        select(ManagedObject.kind, ManagedObject.discord_id, ManagedObject.adopted)
        .where(_owned(ManagedObject, groups, cohort_id))
        .order_by(ManagedObject.id)
    )
    found = rows.all()
    if not any(adopted for *_, adopted in found):
        raise Refusal(
            "not_adopted",
            t("Nothing of “{name}” is adopted, so there is nothing to release.", name=name),
        )
    live = await session.scalar(
        select(func.count()).where(Group.id.in_(groups), Group.status.in_(LIVE))
    )
    people = await session.scalar(
        select(func.count()).where(
            Membership.group_id.in_(groups), Membership.status == MembershipStatus.active
        )
    )
    return Released(
        name, tuple((kind, i) for kind, i, _ in found if i is not None), live or 0, people or 0
    )


async def _release(
    session: AsyncSession, name: str, groups: Sequence[int], cohort_id: int | None
) -> Released:
    """Forget the objects and their ledger, and end the groups. Raises _Busy."""
    now = utcnow()
    await _hold_syncs(session, groups, now)
    released = await _look(session, name, groups, cohort_id)
    await session.execute(
        delete(ManagedOverwrite).where(_owned(ManagedOverwrite, groups, cohort_id))
    )
    # The channels of groups first: they refer to their category.
    await session.execute(delete(ManagedObject).where(ManagedObject.group_id.in_(groups)))
    await session.execute(delete(ManagedObject).where(_owned(ManagedObject, groups, cohort_id)))
    await _end(session, groups, now)
    return released


async def _hold_syncs(session: AsyncSession, groups: Sequence[int], now: datetime) -> None:
    """A sync that starts now waits for us, and then finds no channels. Raises _Busy where one runs.

    In order of id, as everywhere.
    """
    states = await session.scalars(
        select(SyncState)
        .where(SyncState.group_id.in_(groups))
        .order_by(SyncState.group_id, SyncState.system)
        .with_for_update()
    )
    if any(s.lease_by is not None and (s.lease_until or now) > now for s in states):
        raise _Busy


async def _end(session: AsyncSession, groups: Sequence[int], now: datetime) -> None:
    """The groups are over: their people, their meetings, and what was to be looked after."""
    await session.execute(delete(Expected).where(Expected.group_id.in_(groups)))
    await session.execute(delete(SeatWatch).where(SeatWatch.group_id.in_(groups)))
    await session.execute(
        update(Membership)
        .where(Membership.group_id.in_(groups), Membership.status == MembershipStatus.active)
        .values(status=MembershipStatus.completed, ended_at=now, reason="released")
    )
    await session.execute(
        update(Group)
        .where(Group.id.in_(groups), Group.status.in_(LIVE))
        .values(status=GroupStatus.completed)
    )
    await series.follow(session, groups, now)
    # Nothing is left to be looked after: not even what had given up, or was changed by hand.
    await session.execute(
        update(SyncState)
        .where(SyncState.group_id.in_(groups))
        .values(
            status=SyncStatus.ok, attempts=0, next_attempt_at=None, inputs_hash=None,
            error_class=None, error_text=None, retry_after=None, told_at=None, by_hand={},
            version=SyncState.version + 1,
        )
    )  # fmt: skip
