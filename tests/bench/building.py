"""Builds guilds on SimCord and the rows that belong to them, in bulk and without a single call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol

from simcord.backend import Backend
from simcord.backend.models import Channel, Overwrite
from simcord.enums import ChannelType, OverwriteType
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import models
from core.db.engine import get_database
from core.plan import Bits
from core.reconcile.channels import CATEGORY_LIMIT, category_name, names
from core.reconcile.permissions import HAS_ROLE, HIDDEN, TEXT_ACCESS, VOICE_ACCESS

# SimCord's clock stands at 2026-01-01; everything here was made long before.
MADE = datetime(2025, 12, 1, tzinfo=UTC)
STARTS = date(2099, 1, 1)  # nobody is too late to join
PER_CATEGORY = CATEGORY_LIMIT // 2  # groups, each with a text and a voice channel
TYPES = {"category": ChannelType.CATEGORY, "text": ChannelType.TEXT, "voice": ChannelType.VOICE}
ACCESS = {"text": Bits(TEXT_ACCESS, 0), "voice": Bits(VOICE_ACCESS, 0)}
# asyncpg takes 32,767 parameters a statement; no table here has more than 12 columns.
CHUNK = 2500


class Sized(Protocol):
    """See `tests.bench.town.Size`."""

    guilds: int
    cohorts: int
    groups: int
    people: int
    spare: int
    opened: int | None
    access_mode: str


@dataclass
class BuiltGroup:
    id: int
    guild_id: int
    cohort_id: int
    name: str
    people: list[int]
    category_id: int = 0  # Discord's id
    channel_ids: list[int] = field(default_factory=list)  # Discord's ids: text, voice


@dataclass
class Built:
    """What was built, in order."""

    guild_ids: list[int] = field(default_factory=list)
    groups: list[BuiltGroup] = field(default_factory=list)
    spare: list[int] = field(default_factory=list)  # of the first guild

    def group(self, group_id: int) -> BuiltGroup:
        return next(g for g in self.groups if g.id == group_id)


async def build(backend: Backend, size: Any) -> Built:
    """Guilds, people, cohorts, groups, channels, and the ledger of it all: nothing to do."""
    built = Built()
    async with get_database().transaction() as session:
        for number in range(size.guilds):
            await _guild(session, backend, size, built, number)
    return built


async def _insert(session: AsyncSession, table: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Insert in chunks; the ids in the order of `rows` where the table gives them out."""
    ids: list[int] = []
    own = "id" in table.__table__.columns and table.__table__.columns["id"].identity is not None
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        if own:
            statement = insert(table).returning(table.id, sort_by_parameter_order=True)
            ids += (await session.scalars(statement, part)).all()
        else:
            await session.execute(insert(table), part)
    return ids


async def _guild(
    session: AsyncSession, backend: Backend, size: Sized, built: Built, number: int
) -> None:
    guild = backend.create_guild(f"Guild {number + 1}")
    await _insert(session, models.Guild, [{"id": guild.id, "name": guild.name, "joined_at": MADE}])
    count = size.cohorts * size.groups * size.people + size.spare
    users = [backend.make_user(f"user{number}-{n}").id for n in range(count)]
    for user in users:
        backend.add_member(guild.id, user)
    await _insert(session, models.User, [{"id": u} for u in users])
    await _insert(
        session,
        models.Member,
        [{"guild_id": guild.id, "user_id": u, "name": f"user {u}"} for u in users],
    )
    built.guild_ids.append(guild.id)
    if number == 0:
        built.spare = users[count - size.spare :]
    for cohort in range(size.cohorts):
        span = size.groups * size.people
        inside = users[cohort * span : (cohort + 1) * span]
        await _cohort(session, backend, size, built, guild.id, cohort, inside)


async def _cohort(
    session: AsyncSession,
    backend: Backend,
    size: Sized,
    built: Built,
    guild_id: int,
    number: int,
    users: list[int],
) -> None:
    name = f"Cohort {number + 1}"
    row = {
        "guild_id": guild_id, "name": name, "start_date": STARTS, "meetings": 8, "seats": 500,
        "status": "open", "access_mode": size.access_mode, "created_at": MADE,
    }  # fmt: skip
    [cohort_id] = await _insert(session, models.Cohort, [row])
    opened = size.groups if size.opened is None else size.opened
    labels = [f"Group {n + 1}" for n in range(size.groups)]
    ids = await _insert(
        session,
        models.Group,
        [
            {
                "guild_id": guild_id, "cohort_id": cohort_id, "name": label, "seats": 500,
                "status": "active" if n < opened else "preview", "created_at": MADE,
            }
            for n, label in enumerate(labels)
        ],
    )  # fmt: skip
    groups = [
        BuiltGroup(i, guild_id, cohort_id, label, users[n * size.people : (n + 1) * size.people])
        for n, (i, label) in enumerate(zip(ids, labels, strict=True))
    ]
    built.groups += groups
    await _memberships(session, groups)
    await _Rooms(session, backend, size.access_mode, name).make(groups, opened)


async def _memberships(session: AsyncSession, groups: list[BuiltGroup]) -> None:
    await _insert(
        session,
        models.Membership,
        [
            {
                "guild_id": g.guild_id, "cohort_id": g.cohort_id, "group_id": g.id,
                "user_id": user, "seat": seat, "created_at": MADE,
            }
            for g in groups
            for seat, user in enumerate(g.people, 1)
        ],
    )  # fmt: skip
    await _insert(
        session,
        models.SyncState,
        [
            {"group_id": g.id, "guild_id": g.guild_id, "system": s, "status": "ok", "version": 1}
            for g in groups
            for s in ("discord", "calendar", "reminders", "rsvps")
        ],
    )


class _Rooms:
    """Categories, roles and channels of one cohort, with what the ledger says of them."""

    def __init__(
        self, session: AsyncSession, backend: Backend, access_mode: str, cohort: str
    ) -> None:
        self._session = session
        self._backend = backend
        self._by_role = access_mode == "role"
        self._cohort = cohort
        self._objects: list[dict[str, Any]] = []
        self._ledger: list[dict[str, Any]] = []

    async def make(self, groups: list[BuiltGroup], opened: int) -> None:
        """The category always; channels for the first `opened` groups."""
        for start in range(0, max(opened, 1), PER_CATEGORY):
            category, row_id = await self._category(groups[0], start // PER_CATEGORY + 1)
            # Groups without channels will get theirs in the last one.
            for group in groups[start:]:
                group.category_id = category.id
            for group in groups[start : min(start + PER_CATEGORY, opened)]:
                self._group(group, category.id, row_id)
        await _insert(self._session, models.ManagedObject, self._objects)
        await _insert(self._session, models.ManagedOverwrite, self._ledger)

    async def _category(self, group: BuiltGroup, ordinal: int) -> tuple[Channel, int]:
        name = category_name(self._cohort, ordinal)
        entries = {group.guild_id: (HIDDEN, True)}
        category = self._channel(group, "category", name, None, entries, TEXT_ACCESS | VOICE_ACCESS)
        row = self._object(group, "category", category.id, name, None)
        row |= {"cohort_id": group.cohort_id, "group_id": None, "ordinal": ordinal}
        [row_id] = await _insert(self._session, models.ManagedObject, [row])
        return category, row_id

    def _group(self, group: BuiltGroup, category_id: int, row_id: int) -> None:
        title = names(self._cohort, group.name)
        people = dict.fromkeys(group.people)
        role_id = 0
        if self._by_role:
            role_id = self._backend.create_role(group.guild_id, title["role"], permissions=0).id
            self._objects.append(self._object(group, "role", role_id, title["role"], None))
            for user in people:
                self._backend.guilds[group.guild_id].members[user].role_ids.append(role_id)
                self._ledger.append(self._entry(group, role_id, user, HAS_ROLE, is_role=False))
        for kind in ("text", "voice"):
            bits = ACCESS[kind]
            entries = {group.guild_id: (HIDDEN, True)}
            entries |= {role_id: (bits, True)} if role_id else dict.fromkeys(people, (bits, False))
            made = self._channel(group, kind, title[kind], category_id, entries, bits.allow)
            self._objects.append(self._object(group, kind, made.id, title[kind], row_id))
            group.channel_ids.append(made.id)

    def _channel(
        self,
        group: BuiltGroup,
        kind: str,
        name: str,
        parent_id: int | None,
        entries: dict[int, tuple[Bits, bool]],
        own: int,
    ) -> Channel:
        """A channel with `entries`, which go into the ledger, and the bot's own, which does not."""
        overwrites = [
            Overwrite(target, OverwriteType.ROLE if is_role else OverwriteType.MEMBER, *bits)
            for target, (bits, is_role) in entries.items()
        ]
        overwrites.append(Overwrite(self._backend.bot_user.id, OverwriteType.MEMBER, own))
        made = self._backend.create_channel(
            group.guild_id, name, type=TYPES[kind], overwrites=overwrites, parent_id=parent_id
        )
        for target, (bits, is_role) in entries.items():
            entry = self._entry(group, made.id, target, bits, is_role=is_role)
            if kind == "category":
                entry |= {"group_id": None, "cohort_id": group.cohort_id}
            self._ledger.append(entry)
        return made

    @staticmethod
    def _object(
        group: BuiltGroup, kind: str, discord_id: int, name: str, parent_id: int | None
    ) -> dict[str, Any]:
        return {
            "guild_id": group.guild_id, "kind": kind, "group_id": group.id, "cohort_id": None,
            "ordinal": 1, "parent_id": parent_id, "discord_id": discord_id, "state": "created",
            "name": name, "intent_at": MADE,
        }  # fmt: skip

    @staticmethod
    def _entry(
        group: BuiltGroup, place_id: int, target_id: int, bits: Bits, *, is_role: bool
    ) -> dict[str, Any]:
        return {
            "place_id": place_id, "target_id": target_id, "guild_id": group.guild_id,
            "group_id": group.id, "cohort_id": None, "is_role": is_role,
            "allow": bits.allow, "deny": bits.deny,
        }  # fmt: skip
