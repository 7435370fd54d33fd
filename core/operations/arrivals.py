"""People of an imported list who come to the server: their seat becomes a membership."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    AuditEntry,
    Cohort,
    CohortStatus,
    Expected,
    Group,
    Membership,
    MembershipStatus,
)
from core.db.queries.sync_states import mark_due
from core.discord_outbound.people import everybody
from core.notifications import notices
from core.operations.common import ensure_person
from core.reconcile.trace import LIVE


async def arrived(guild_id: int, user_id: int, username: str, name: str) -> list[int]:
    """Somebody with this unique user name is here: groups that waited for them have them now.

    `name` is what they are called on this server. Returns the ids of the groups to sync. Two
    calls at once do it once: the groups are locked, and the row is there to take only once.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        waited = (Expected.guild_id == guild_id, func.lower(Expected.name) == username.lower())
        ids = (await session.scalars(select(Expected.group_id).where(*waited))).all()
        if not ids:
            return []
        # As a join does, so that nobody counts the seats between the two rows.
        found = await session.scalars(
            select(Group)
            .where(Group.id.in_(ids), Group.guild_id == guild_id)
            .order_by(Group.id)
            .with_for_update(key_share=True)
        )
        groups = {group.id: group for group in found}
        taken = await session.scalars(delete(Expected).where(*waited).returning(Expected))
        expected = [row for row in taken if row.group_id in groups]
        if not expected:
            return []  # another call was quicker
        await ensure_person(session, guild_id, user_id, name)
        came = [
            row.group_id
            for row in expected
            if await _let_in(session, groups[row.group_id], row, user_id, now)
        ]
        await mark_due(session, came, now)
        return sorted(came)


async def _let_in(
    session: AsyncSession, group: Group, row: Expected, user_id: int, now: datetime
) -> bool:
    """The membership with the seat that was held; False where it would be a second one, or late."""
    cohort = await session.get_one(Cohort, group.cohort_id)
    current = await session.scalar(
        select(Membership.id).where(
            Membership.cohort_id == group.cohort_id,
            Membership.user_id == user_id,
            Membership.status == MembershipStatus.active,
        )
    )
    ended = group.status not in LIVE or cohort.status not in {CohortStatus.draft, CohortStatus.open}
    if current is not None or ended:
        return False
    session.add(
        Membership(
            guild_id=group.guild_id, cohort_id=group.cohort_id, group_id=group.id,
            user_id=user_id, role=row.role, seat=row.seat, created_at=now,
        )
    )  # fmt: skip
    session.add(
        AuditEntry(
            guild_id=group.guild_id, at=now, actor_id=None, action="expected_arrived",
            cohort_id=group.cohort_id, group_id=group.id, user_id=user_id, before={},
            after={"group_id": group.id, "group": group.name, "name": row.name},
        )
    )  # fmt: skip
    await session.flush()
    await notices.came(session, group, user_id, now)
    return True


async def catch_up(guild_id: int) -> list[int]:
    """Look for expected people who are here already: they came while nobody listened.

    Returns the ids of the groups to sync; one statement where nobody is expected.
    """
    async with get_database().alone() as session:
        rows = await session.scalars(
            select(func.lower(Expected.name)).where(Expected.guild_id == guild_id).distinct()
        )
        names = set(rows)
    here = everybody(guild_id) if names else None
    touched: set[int] = set()
    for person in here or ():
        if not person.bot and person.username.lower() in names:
            touched |= set(await arrived(guild_id, person.id, person.username, person.shown))
    return sorted(touched)
