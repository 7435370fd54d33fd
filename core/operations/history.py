"""Who changed what, and what of it stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import AuditEntry, Cohort, Group
from core.operations.common import guild_settings


@dataclass(frozen=True)
class Entry:
    """One change. `actor_id` None is Muster itself; ids are Discord's for people.

    `stands`: nobody took it back, or that was taken back in turn. For an entry that takes
    something back, `root` is the change that it is all about.
    """

    id: int
    at: datetime
    actor_id: int | None
    action: str
    group: str | None
    cohort: str | None
    user_id: int | None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    stands: bool = True
    root: Entry | None = None


def _entries() -> Select[AuditEntry, str, str]:
    return (
        select(AuditEntry, Group.name, Cohort.name)
        .outerjoin(Group, Group.id == AuditEntry.group_id)
        .outerjoin(Cohort, Cohort.id == AuditEntry.cohort_id)
    )


# Where entries about several people at once have their ids.
_PEOPLE = (AuditEntry.before, AuditEntry.after)


async def page(
    guild_id: int,
    *,
    before_id: int | None = None,
    group_id: int | None = None,
    user_id: int | None = None,
    since: datetime | None = None,
    limit: int = 10,
) -> list[Entry]:
    """The newest changes of this guild, older than entry `before_id` where given. Three statements.

    `group_id` also finds what was merged into it. `user_id` finds what a person did and what was
    done about them, alone or among others; `since` (UTC) leaves out what is older.
    """
    query = (
        _entries()
        .where(AuditEntry.guild_id == guild_id)
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    if group_id is not None:
        into = AuditEntry.after["into"].as_integer() == group_id
        merged = and_(AuditEntry.action == "group_merged", into)
        query = query.where(or_(AuditEntry.group_id == group_id, merged))
    if user_id is not None:
        among = (part["people"].contains([str(user_id)]) for part in _PEOPLE)
        query = query.where(
            or_(AuditEntry.actor_id == user_id, AuditEntry.user_id == user_id, *among)
        )
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    async with get_database().transaction() as session:
        return await _read(session, guild_id, query)


async def day_begun(guild_id: int, days: int) -> datetime:
    """When the earliest of the last so many days began in the guild's zone (UTC); 1: today."""
    async with get_database().transaction() as session:
        zone = ZoneInfo((await guild_settings(session, guild_id)).zone)
    first = utcnow().astimezone(zone).date() - timedelta(days=days - 1)
    return datetime.combine(first, time.min, zone).astimezone(UTC)


async def entry(session: AsyncSession, row: AuditEntry) -> Entry:
    """One entry as `page` gives it."""
    query = _entries().where(AuditEntry.id == row.id)
    return (await _read(session, row.guild_id, query))[0]


async def _read(
    session: AsyncSession, guild_id: int, query: Select[AuditEntry, str, str]
) -> list[Entry]:
    found = [_entry(e, g, c) for e, g, c in await session.execute(query)]
    stands = await standing(session, guild_id, [e.id for e in found])
    wanted = {int(e.before["root"]) for e in found if "root" in e.before}
    roots: dict[int, Entry] = {}
    if wanted:
        query = _entries().where(AuditEntry.id.in_(wanted), AuditEntry.guild_id == guild_id)
        roots = {e.id: _entry(e, g, c) for e, g, c in await session.execute(query)}
    return [
        replace(e, stands=stands[e.id], root=roots.get(int(e.before.get("root", 0)))) for e in found
    ]


def _entry(row: AuditEntry, group: str | None, cohort: str | None) -> Entry:
    return Entry(
        row.id, row.at, row.actor_id, row.action, group, cohort, row.user_id, row.before, row.after
    )


async def standing(session: AsyncSession, guild_id: int, ids: Sequence[int]) -> dict[int, bool]:
    """Which of these entries stand: no standing entry takes them back. One statement."""
    if not ids:
        return {}
    # Whoever takes an entry back is younger than it.
    rows = await session.execute(
        select(AuditEntry.id, AuditEntry.undoes_id)
        .where(AuditEntry.guild_id == guild_id, AuditEntry.undoes_id >= min(ids))
        .order_by(AuditEntry.id.desc())
    )
    taken_back: dict[int | None, bool] = defaultdict(bool)
    for entry_id, undoes_id in rows:  # the youngest first: about them nothing can change any more
        if not taken_back[entry_id]:
            taken_back[undoes_id] = True
    return {i: not taken_back[i] for i in ids}
