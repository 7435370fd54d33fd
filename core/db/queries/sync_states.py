"""Rows that say what has to be looked at again, by whom it is held, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, case, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.models import Guild, SyncState, SyncStatus
from core.db.queries.built import table_of
from core.plan import ByHand
from core.reconcile.by_hand import recorded

SYSTEMS = ("discord", "calendar", "reminders", "rsvps")


# In order of id, so that two transactions never wait for each other in a circle.
_MARK = text("""
    insert into sync_states as s (group_id, system, guild_id, version, next_attempt_at)
    select g.id, one.system, g.guild_id, 1, :now
    from groups as g, unnest(cast(:systems as text[])) as one (system)
    where g.id = any(:ids)
    order by g.id, one.system
    on conflict (group_id, system) do update
    set status = 'due', version = s.version + 1, next_attempt_at = :now, attempts = 0
    """)


async def mark_due(
    session: AsyncSession,
    group_ids: Iterable[int],
    now: datetime,
    systems: Sequence[str] = SYSTEMS,
) -> None:
    """Say that the inputs of these groups changed; in the transaction that changes them."""
    ids = sorted(set(group_ids))
    if not ids:
        return
    await session.execute(_MARK, {"ids": ids, "systems": list(systems), "now": now})


_FREE = "(s.lease_by is null or s.lease_by = :instance or s.lease_until <= :now)"
# One statement, because each run of each system of a group begins with it. No row where there is
# no such group.
_CLAIM = text(f"""
    insert into sync_states as s (group_id, system, guild_id, lease_by, lease_until)
    select g.id, :system, g.guild_id, :instance, :until from groups as g where g.id = :group
    on conflict (group_id, system) do update
    set lease_by = case when {_FREE} then excluded.lease_by else s.lease_by end,
        lease_until = case when {_FREE} then excluded.lease_until else s.lease_until end,
        version = case when {_FREE} then s.version else s.version + 1 end
    returning s.lease_by = :instance
    """)  # noqa: S608 - put together from what stands above


async def claim(
    session: AsyncSession,
    group_id: int,
    system: str,
    *,
    instance: int,
    now: datetime,
    lease: float,
) -> bool:
    """Take the lease for `lease` seconds; False while another instance holds it.

    The row's version is raised for a holder to see that it has to look again.
    """
    values = {
        "group": group_id, "system": system, "instance": instance,
        "now": now, "until": now + timedelta(seconds=lease),
    }  # fmt: skip
    taken: bool | None = await session.scalar(_CLAIM, values)
    return bool(taken)


async def record(
    session: AsyncSession, group_id: int, system: str, *, version: int | None, **values: Any
) -> bool:
    """Write the result and give the lease back. False: a newer trigger came in between."""
    given = {f"new_{name}": value for name, value in values.items()}
    current = await session.scalar(
        _record(frozenset(values), versioned=version is not None),
        {"group": group_id, "name": system, "seen": version, **given},
    )
    return version is None or current == version


@cache
def _record(columns: frozenset[str], *, versioned: bool) -> Any:
    """Each set of columns that there is has its statement; of the table: see `table_of`."""
    state = table_of(SyncState).c
    values: dict[str, Any] = {c: bindparam(f"new_{c}", type_=state[c].type) for c in columns}
    if versioned:
        status = values.get("status", state.status)
        values["status"] = case((state.version == bindparam("seen"), status), else_="due")
    return (
        update(table_of(SyncState))
        .where(state.group_id == bindparam("group"), state.system == bindparam("name"))
        .values(lease_by=None, lease_until=None, **values)
        .returning(state.version)
    )


async def by_hand(
    session: AsyncSession, group_id: int, system: str, found: Sequence[ByHand]
) -> dict[str, Any]:
    """The new value of a row's column, where a look at Discord found this; see `recorded`.

    What somebody accepts meanwhile waits until the transaction ends.
    """
    if not found:
        return recorded((), {})
    known = await session.scalar(
        select(SyncState.by_hand)
        .where(SyncState.group_id == group_id, SyncState.system == system)
        .with_for_update()
    )
    return recorded(found, known or {})


async def due(session: AsyncSession, now: datetime) -> list[tuple[int, str]]:
    """(group id, system) of all that should be looked at by `now`, oldest first."""
    return [(g, s) for g, s in await session.execute(_DUE, {"now": now})]


_DUE = text("""
    select group_id, system from sync_states
    where status <> 'ok' and (next_attempt_at is null or next_attempt_at <= :now)
    order by next_attempt_at nulls first, group_id
    """)


async def pending(session: AsyncSession) -> list[tuple[int, str, datetime]]:
    """(group id, system, when) of everything that waits for a later time (UTC)."""
    rows = await session.execute(
        select(SyncState.group_id, SyncState.system, SyncState.next_attempt_at).where(
            SyncState.status != SyncStatus.ok, SyncState.next_attempt_at.is_not(None)
        )
    )
    return [(g, s, at) for g, s, at in rows if at is not None]


async def claim_telling(
    session: AsyncSession,
    guild_id: int,
    group_id: int,
    system: str,
    now: datetime,
    *,
    shared: str | None = None,
) -> bool:
    """True for the one who tells moderators that this system gave up.

    `shared`: the error class of a problem of the whole server; one tells for all its groups.
    """
    mine = (SyncState.guild_id == guild_id, SyncState.system == system)
    told = None
    if shared is not None:
        # Of two groups that find it at once only one tells.
        await session.execute(
            select(Guild.id).where(Guild.id == guild_id).with_for_update(key_share=True)
        )
        told = await session.scalar(
            select(SyncState.group_id)
            .where(
                *mine,
                SyncState.group_id != group_id,
                SyncState.error_class == shared,
                SyncState.told_at.is_not(None),
            )
            .limit(1)
        )
    claimed = await session.scalar(
        update(SyncState)
        .where(*mine, SyncState.group_id == group_id, SyncState.told_at.is_(None))
        .values(told_at=now)
        .returning(SyncState.group_id)
    )
    return claimed is not None and told is None


async def settle(session: AsyncSession, group_id: int, system: str, now: datetime) -> None:
    """Note that a system which has nothing to do for this group is up to date."""
    await session.execute(_SETTLE, {"group": group_id, "system": system, "now": now})


_SETTLE = text("""
    update sync_states set status = 'ok', attempts = 0, next_attempt_at = null, last_ok_at = :now
    where group_id = :group and system = :system and status <> 'ok'
    """)
