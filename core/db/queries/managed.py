"""The ledger: which objects and which permission entries on Discord are Muster's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.models import Cohort, ManagedObject, ManagedOverwrite
from core.plan import Bits
from core.reconcile.channels import category_name, fitting_category

_LEDGER = text(
    """
    insert into managed_overwrites (guild_id, cohort_id, group_id,
        place_id, target_id, is_role, allow, deny, confirmed)
    select cast(:guild as bigint), cast(:cohort as bigint), cast(:group as bigint), r.*
    from unnest(cast(:place_id as bigint[]), cast(:target_id as bigint[]),
        cast(:is_role as boolean[]), cast(:allow as bigint[]), cast(:deny as bigint[]),
        cast(:confirmed as boolean[])) as r
    on conflict (place_id, target_id) do update
    set is_role = excluded.is_role, allow = excluded.allow, deny = excluded.deny,
        confirmed = excluded.confirmed
    """
)


_CLAIM = text("""
    update managed_objects set lease_by = :instance, lease_until = :until
    where id = :id and state = 'intent'
        and (lease_by is null or lease_by = :instance or lease_until <= :now)
    returning id
    """)
_CREATED = text("""
    update managed_objects
    set discord_id = :discord_id, state = 'created', lease_by = null, lease_until = null
    where id = :id
    """)


async def intent(
    session: AsyncSession,
    *,
    guild_id: int,
    kind: str,
    name: str,
    now: datetime,
    cohort_id: int | None = None,
    group_id: int | None = None,
    ordinal: int = 1,
    parent_id: int | None = None,
) -> ManagedObject:
    """The row for an object about to be made; the one that stands there, if there is one.

    Name and parent of one that was not made yet become those that are wanted now.
    """
    values = {
        "guild_id": guild_id, "kind": kind, "cohort_id": cohort_id, "group_id": group_id,
        "ordinal": ordinal, "parent_id": parent_id, "name": name, "intent_at": now,
    }  # fmt: skip
    owned = ("group_id", "kind") if cohort_id is None else ("cohort_id", "kind", "ordinal")
    row: ManagedObject = (await session.scalars(_intent(owned), values)).one()
    return row


@cache
def _intent(owned: tuple[str, ...]) -> Any:
    """Its values are given as columns when it is sent."""
    statement = insert(ManagedObject)
    new, unmade = statement.excluded, ManagedObject.state == "intent"
    parent = func.coalesce(new.parent_id, ManagedObject.parent_id)
    return (
        statement.on_conflict_do_update(
            index_elements=owned,
            set_={
                "name": case((unmade, new.name), else_=ManagedObject.name),
                "parent_id": case((unmade, parent), else_=ManagedObject.parent_id),
            },
        )
        .returning(ManagedObject)
        .execution_options(populate_existing=True)
    )


async def claim_object(
    session: AsyncSession, object_id: int, *, instance: int, now: datetime, lease: float
) -> bool:
    """One maker at a time per object, across processes."""
    values = {
        "id": object_id, "instance": instance, "now": now, "until": now + timedelta(seconds=lease),
    }  # fmt: skip
    return await session.scalar(_CLAIM, values) is not None


async def category_for(
    session: AsyncSession,
    *,
    guild_id: int,
    cohort_id: int,
    cohort_name: str,
    rooms: int,
    foreign: Mapping[int, int],
    now: datetime,
) -> ManagedObject:
    """The cohort's category with room for `rooms` more channels, or the next one as an intent.

    `foreign` counts channels by category (Discord id) that are not Muster's. Promises count
    from the moment they are made: the cohort's row is locked, so two groups never share a place.
    """
    await session.execute(
        select(Cohort.id).where(Cohort.id == cohort_id).with_for_update(key_share=True)
    )
    found = await session.scalars(
        select(ManagedObject).where(
            ManagedObject.cohort_id == cohort_id, ManagedObject.kind == "category"
        )
    )
    categories = {c.ordinal: c for c in found}
    promised = Counter(
        (
            await session.scalars(
                select(ManagedObject.parent_id).where(
                    ManagedObject.parent_id.in_([c.id for c in categories.values()])
                )
            )
        ).all()
    )
    children = {
        # A category that somebody deleted is full, as far as new channels are concerned.
        o: 10**6 if c.state == "deleted" else promised[c.id] + foreign.get(c.discord_id or 0, 0)
        for o, c in categories.items()
    }
    ordinal = fitting_category(children, rooms)
    if ordinal in categories:
        return categories[ordinal]
    return await intent(
        session, guild_id=guild_id, kind="category", name=category_name(cohort_name, ordinal),
        now=now, cohort_id=cohort_id, ordinal=ordinal,
    )  # fmt: skip


async def taken_ids(session: AsyncSession, guild_id: int) -> frozenset[int]:
    """Discord ids that are already somebody's in this guild."""
    rows = await session.scalars(
        select(ManagedObject.discord_id).where(
            ManagedObject.guild_id == guild_id, ManagedObject.discord_id.is_not(None)
        )
    )
    return frozenset(r for r in rows if r is not None)


async def created(
    session: AsyncSession,
    object_id: int,
    discord_id: int,
    entries: Mapping[int, tuple[Bits, bool]],
    *,
    guild_id: int,
    cohort_id: int | None,
    group_id: int | None,
) -> None:
    """Save the id and the entries that the object was born with, in one go."""
    await session.execute(_CREATED, {"id": object_id, "discord_id": discord_id})
    rows = [
        (discord_id, target, is_role, bits, True) for target, (bits, is_role) in entries.items()
    ]
    await write_ledger(session, rows, guild_id=guild_id, cohort_id=cohort_id, group_id=group_id)


async def write_ledger(
    session: AsyncSession,
    rows: Sequence[tuple[int, int, bool, Bits, bool]],
    *,
    guild_id: int,
    cohort_id: int | None,
    group_id: int | None,
) -> None:
    """Upsert (place, target, is role, bits, confirmed)."""
    if not rows:
        return
    # One array a column: the statement is the same for one row and for thousands.
    columns = {
        "place_id": [row[0] for row in rows], "target_id": [row[1] for row in rows],
        "is_role": [row[2] for row in rows], "allow": [row[3].allow for row in rows],
        "deny": [row[3].deny for row in rows], "confirmed": [row[4] for row in rows],
    }  # fmt: skip
    await session.execute(
        _LEDGER, {"guild": guild_id, "cohort": cohort_id, "group": group_id, **columns}
    )


async def forget(session: AsyncSession, place_id: int, target_ids: Sequence[int] | None) -> None:
    """Drop ledger entries of a place; all of them with None (the place is gone)."""
    query = delete(ManagedOverwrite).where(ManagedOverwrite.place_id == place_id)
    if target_ids is not None:
        query = query.where(ManagedOverwrite.target_id.in_(target_ids))
    await session.execute(query)


async def mark_deleted(session: AsyncSession, guild_id: int, discord_id: int) -> None:
    """Somebody deleted a managed object on Discord. It is flagged until a person decides."""
    await session.execute(
        update(ManagedObject)
        .where(ManagedObject.guild_id == guild_id, ManagedObject.discord_id == discord_id)
        .values(state="deleted")
    )
    await forget(session, discord_id, None)


async def renamed(session: AsyncSession, discord_id: int, name: str, now: datetime) -> None:
    """Note a rename; the last two times are kept for Discord's limit of two per ten minutes."""
    row = await session.scalar(select(ManagedObject).where(ManagedObject.discord_id == discord_id))
    if row is not None:
        row.name = name
        row.renamed_at = [*row.renamed_at, now.isoformat()][-2:]


async def object_names(session: AsyncSession, guild_id: int) -> dict[int, str]:
    """Names of managed objects by Discord id."""
    rows = await session.execute(
        select(ManagedObject.discord_id, ManagedObject.name).where(
            ManagedObject.guild_id == guild_id, ManagedObject.discord_id.is_not(None)
        )
    )
    return {i: n for i, n in rows if i is not None}
