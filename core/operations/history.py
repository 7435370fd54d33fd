"""Who changed what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.db.engine import get_database
from core.db.models import AuditEntry, Cohort, Group


@dataclass(frozen=True)
class Entry:
    """One change. `actor_id` None is Muster itself; ids are Discord's for people."""

    id: int
    at: datetime
    actor_id: int | None
    action: str
    group: str | None
    cohort: str | None
    user_id: int | None
    before: dict[str, Any]
    after: dict[str, Any]


async def page(
    guild_id: int,
    *,
    before_id: int | None = None,
    group_id: int | None = None,
    user_id: int | None = None,
    limit: int = 10,
) -> list[Entry]:
    """The newest changes of this guild, older than entry `before_id` where given.

    `user_id` finds what a person did and what was done about them.
    """
    query = (
        select(AuditEntry, Group.name, Cohort.name)
        .outerjoin(Group, Group.id == AuditEntry.group_id)
        .outerjoin(Cohort, Cohort.id == AuditEntry.cohort_id)
        .where(AuditEntry.guild_id == guild_id)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    if group_id is not None:
        query = query.where(AuditEntry.group_id == group_id)
    if user_id is not None:
        query = query.where((AuditEntry.actor_id == user_id) | (AuditEntry.user_id == user_id))
    async with get_database().transaction() as session:
        return [
            Entry(e.id, e.at, e.actor_id, e.action, group, cohort, e.user_id, e.before, e.after)
            for e, group, cohort in await session.execute(query)
        ]
