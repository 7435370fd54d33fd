"""The rows of an adoption. Part of core.operations.adopt; everything here is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    GroupStatus,
    ManagedObject,
    ManagedOverwrite,
    Member,
    Membership,
    Role,
    User,
)
from core.db.queries.sync_states import mark_due
from core.operations.cohort_draft import MAX_SEATS, NAME_LIMIT
from core.operations.common import Actor, audit, clean, guild_settings
from core.reconcile import adopt as decide
from core.reconcile.hand_made import Group as Proposed
from core.reconcile.hand_made import Proposal, Row, Server

SEATS = 8  # as for new cohorts; more where a group has more people
_CHUNK = 1000  # rows a statement, of asyncpg's 32,767 parameters at eleven a row and fewer


@dataclass(frozen=True)
class Adopted:
    """The new cohort. `group_ids` in the order of the proposal."""

    cohort_id: int
    name: str
    group_ids: tuple[int, ...]
    people: int
    entry_id: int | None = None  # of the history, for undo


def checked_name(name: str) -> str:
    """The cohort's name as it would be saved. Raises Refusal(empty_name, too_long)."""
    return clean(name, limit=NAME_LIMIT, what="cohort's name")


async def write(session: AsyncSession, actor: Actor, server: Server, proposal: Proposal) -> Adopted:
    """The cohort, its groups, objects, people and ledger, the history's entry, and the marks."""
    now = utcnow()
    cohort, groups = await _write_groups(session, actor, proposal, now)
    ids = {p.key: g.id for p, g in zip(proposal.groups, groups, strict=True)}
    homes = await _write_homes(session, server, proposal, cohort, now)
    await _write_objects(session, server, proposal, homes, groups, now)
    await _write_people(session, actor.guild_id, server, proposal)
    await _write_members(session, proposal, groups, now)
    rows = decide.ledger(server, proposal)
    await _write_ledger(session, actor.guild_id, rows, ids)
    entry = audit(
        session, actor, "cohort_adopted", cohort_id=cohort.id,
        after={
            "name": cohort.name, "groups": len(groups), "people": proposal.people,
            "access_mode": cohort.access_mode,
            "objects": [
                *(str(i) for i in proposal.categories),
                *(str(c) for g in proposal.groups for c in _objects(proposal, g).values()),
            ],
        },
    )  # fmt: skip
    await mark_due(session, ids.values(), now)
    await session.flush()
    return Adopted(cohort.id, cohort.name, tuple(ids.values()), proposal.people, entry.id)


async def _write_groups(
    session: AsyncSession, actor: Actor, proposal: Proposal, now: datetime
) -> tuple[Cohort, list[Group]]:
    zone = ZoneInfo((await guild_settings(session, actor.guild_id)).zone)
    biggest = max((len(g.people) - len(g.helpers) for g in proposal.groups), default=0)
    cohort = Cohort(
        guild_id=actor.guild_id, name=checked_name(proposal.name),
        # It runs already: nobody joins by themselves until a moderator sets another day.
        start_date=now.astimezone(zone).date(), meetings=SEATS,
        seats=min(max(SEATS, biggest), MAX_SEATS), status=CohortStatus.open, created_at=now,
        access_mode="role" if proposal.by_role else "overwrites", rooms=proposal.rooms,
    )  # fmt: skip
    session.add(cohort)
    await session.flush()
    groups = [
        Group(
            guild_id=actor.guild_id, cohort_id=cohort.id, name=g.name, seats=cohort.seats,
            status=GroupStatus.active, opened_at=now, created_at=now,
        )
        for g in proposal.groups
    ]  # fmt: skip
    session.add_all(groups)
    await session.flush()
    return cohort, groups


def _objects(proposal: Proposal, group: Proposed) -> dict[str, int]:
    """By kind, the Discord ids of what this group has."""
    role = group.role if proposal.by_role else None
    found = {"text": group.text, "voice": group.voice, "role": role}
    return {kind: i for kind, i in found.items() if i is not None}


async def _write_homes(
    session: AsyncSession, server: Server, proposal: Proposal, cohort: Cohort, now: datetime
) -> dict[int, ManagedObject]:
    """The adopted categories, by their Discord id."""
    homes = {
        discord_id: ManagedObject(
            guild_id=cohort.guild_id, kind="category", cohort_id=cohort.id, ordinal=ordinal,
            discord_id=discord_id, state="created", adopted=True, intent_at=now,
            name=server.categories.get(discord_id, "")[:100],
        )
        for ordinal, discord_id in enumerate(proposal.categories, 1)
    }  # fmt: skip
    session.add_all(homes.values())
    await session.flush()
    return homes


async def _write_objects(
    session: AsyncSession,
    server: Server,
    proposal: Proposal,
    homes: Mapping[int, ManagedObject],
    groups: Sequence[Group],
    now: datetime,
) -> None:
    names = {c.id: c.name for c in server.channels} | {r.id: r.name for r in server.roles.values()}
    home_of = {c.id: c.category_id for c in server.channels}
    for found, group in zip(proposal.groups, groups, strict=True):
        for kind, discord_id in _objects(proposal, found).items():
            home = homes.get(home_of.get(discord_id) or 0)
            session.add(
                ManagedObject(
                    guild_id=group.guild_id, kind=kind, group_id=group.id, adopted=True,
                    discord_id=discord_id, state="created", name=names[discord_id][:100],
                    parent_id=home.id if home else None, intent_at=now,
                )
            )  # fmt: skip
    await session.flush()


async def _write_people(
    session: AsyncSession, guild_id: int, server: Server, proposal: Proposal
) -> None:
    """Users and members, by the names that the server knows them by."""
    people = sorted({p for g in proposal.groups for p in g.people})
    for start in range(0, len(people), _CHUNK):
        some = people[start : start + _CHUNK]
        await session.execute(
            insert(User).values([{"id": p} for p in some]).on_conflict_do_nothing()
        )
        members = insert(Member).values(
            [{"guild_id": guild_id, "user_id": p, "name": server.people[p][:100]} for p in some]
        )
        await session.execute(
            members.on_conflict_do_update(
                index_elements=[Member.guild_id, Member.user_id],
                set_={"name": members.excluded.name},
            )
        )


async def _write_members(
    session: AsyncSession, proposal: Proposal, groups: Sequence[Group], now: datetime
) -> None:
    """Active memberships; participants hold the seats from 1 on, facilitators none."""
    for found, group in zip(proposal.groups, groups, strict=True):
        participants = [p for p in found.people if p not in found.helpers]
        seats = {p: seat for seat, p in enumerate(participants, 1)}
        session.add_all(
            Membership(
                guild_id=group.guild_id, cohort_id=group.cohort_id, group_id=group.id, user_id=p,
                role=Role.facilitator if p in found.helpers else Role.participant,
                seat=seats.get(p), created_at=now,
            )
            for p in found.people
        )  # fmt: skip
    await session.flush()


async def _write_ledger(
    session: AsyncSession, guild_id: int, rows: Sequence[Row], ids: Mapping[int, int]
) -> None:
    values = [
        {
            "place_id": r.place_id, "target_id": r.target_id, "guild_id": guild_id,
            "group_id": ids[r.group], "is_role": r.is_role, "allow": r.bits.allow,
            "deny": r.bits.deny, "confirmed": True, "adopted": True,
        }
        for r in rows
    ]  # fmt: skip
    for start in range(0, len(values), _CHUNK):
        await session.execute(insert(ManagedOverwrite).values(values[start : start + _CHUNK]))
