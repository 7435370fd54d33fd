"""Two groups of a cohort become one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Expected, Group, GroupStatus, Membership, MembershipStatus
from core.db.queries import seats as seats_held
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations import group_views, series
from core.operations.common import Actor, audit, get_group
from core.operations.group_views import GroupView
from core.operations.groups import must_live
from core.reconcile.trace import ExpectedChange, MemberChange, Trace, begun, changed, ended
from core.words import t


async def merge(actor: Actor, source_id: int, target_id: int) -> tuple[GroupView, int]:
    """Everybody of one group moves to another of the same cohort; the target and how many moved.

    Seats are no obstacle: a moderator decided. The source's channels stay for moderators.
    Raises Refusal(same_group, other_cohort, group_ended).
    """
    actor.must_moderate()
    now = utcnow()
    if source_id == target_id:
        raise Refusal("same_group", t("Choose two different groups."))
    async with get_database().transaction() as session:
        # In order of id, so that two merges at once never wait for each other in a circle.
        locked = {
            i: await get_group(session, actor.guild_id, i, lock=True)
            for i in sorted((source_id, target_id))
        }
        source, target = locked[source_id], locked[target_id]
        must_live(source)
        must_live(target)
        if source.cohort_id != target.cohort_id:
            raise Refusal("other_cohort", t("Only groups of the same cohort can be merged."))
        members = await _move_everybody(session, source, target, now)
        expected = await _move_expected(session, source, target)
        row = changed(
            source_id, {"status": source.status, "merged_into_id": source.merged_into_id},
            {"status": GroupStatus.merged, "merged_into_id": target_id},
        )  # fmt: skip
        source.status, source.merged_into_id = GroupStatus.merged, target_id
        people = [m.user_id for m in members if m.went]
        entry = audit(
            session, actor, "group_merged", cohort_id=source.cohort_id, group_id=source_id,
            before={"people": [str(p) for p in people]},
            after={"into": target_id, "group": target.name},
            trace=Trace(members, tuple(row), expected=expected),
        )  # fmt: skip
        await session.flush()
        await series.follow(session, [source_id], now)
        await mark_due(session, [source_id, target_id], now)
    after = await group_views.show(actor.guild_id, target_id)
    return replace(after, entry_id=entry.id), len(people)


async def _move_everybody(
    session: AsyncSession, source: Group, target: Group, now: datetime
) -> tuple[MemberChange, ...]:
    """End the memberships of the source and begin the same ones in the target, with new seats."""
    rows = await session.scalars(
        select(Membership)
        .where(Membership.group_id == source.id, Membership.status == MembershipStatus.active)
        .with_for_update()  # who is just switching away is left out once that is done
    )
    moving = rows.all()
    for old in moving:
        old.status, old.ended_at, old.reason = MembershipStatus.dropped, now, "merged"
    await session.flush()
    seat = max((await seats_held.taken(session, [target.id]))[target.id], default=0)
    made = []
    for old in moving:
        seat += old.seat is not None
        made.append(
            Membership(
                guild_id=old.guild_id, cohort_id=old.cohort_id, group_id=target.id,
                user_id=old.user_id, role=old.role, created_at=now,
                seat=seat if old.seat is not None else None,
            )
        )  # fmt: skip
    session.add_all(made)
    await session.flush()
    return ended(
        [(m.id, m.user_id, m.group_id) for m in moving], MembershipStatus.dropped, "merged", now
    ) + begun([(m.id, m.user_id, m.group_id) for m in made])


async def _move_expected(
    session: AsyncSession, source: Group, target: Group
) -> tuple[ExpectedChange, ...]:
    """Who is not on the server yet comes into the other group then."""
    seat = max((await seats_held.taken(session, [target.id]))[target.id], default=0)
    waiting = await session.scalars(
        select(Expected).where(Expected.group_id == source.id).order_by(Expected.id)
    )
    changes = []
    for coming in waiting:
        changes.append(_expects(coming, added=False))
        seat += coming.seat is not None
        coming.group_id, coming.seat = target.id, seat if coming.seat is not None else None
        changes.append(_expects(coming, added=True))
    await session.flush()
    return tuple(changes)


def _expects(row: Expected, *, added: bool) -> ExpectedChange:
    return ExpectedChange(row.name, row.group_id, row.role, row.seat, added)
