"""Everything that the access of groups depends on, in a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    String,
    and_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.clock import utcnow
from core.config import GuildSettings
from core.db.meeting_models import Meeting, MeetingStatus, Visit
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    Guild,
    ManagedObject,
    ManagedOverwrite,
    Membership,
    SyncState,
    User,
)
from core.db.queries.built import IDS, Query
from core.db.queries.meetings import ends
from core.plan import Bits
from core.reconcile.permissions import Entry
from core.reconcile.reminders import PERSONAL

# Members before guests: whoever is both is a member.
_RANK = {"active": 0, "completed": 1, "dropped": 2, "removed": 3}
GUEST = "guest"  # a role in Facts.people: somebody of another group who comes to one meeting
# A guest sees the group's channels from so long before that meeting to so long after its end.
BEFORE, AFTER = timedelta(days=6), timedelta(days=3)
# Also where it does not take place after all: that is said in those channels.
VISITED = (MeetingStatus.planned, MeetingStatus.skipped, MeetingStatus.postponed)


@dataclass(frozen=True, slots=True)
class GroupRow:
    id: int
    guild_id: int
    cohort_id: int
    name: str
    status: str
    opened_at: datetime | None
    confirmed_removals_at: datetime | None
    cohort_name: str
    cohort_status: str
    start_date: date
    access_mode: str
    rooms: str
    rule: dict[str, Any] | None = None  # core.schedule.Rule
    offsets: Mapping[str, int] = field(default_factory=dict)  # core.reconcile.reminders
    shared: bool = False  # the cohort has a channel for all its groups


@dataclass(frozen=True, slots=True)
class ObjectRow:
    id: int
    kind: str
    cohort_id: int | None
    group_id: int | None
    ordinal: int
    parent_id: int | None
    discord_id: int | None
    state: str
    name: str
    renamed_at: tuple[datetime, ...]
    intent_at: datetime
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class StateRow:
    group_id: int
    status: str
    version: int
    inputs_hash: str | None
    attempts: int
    next_attempt_at: datetime | None
    by_hand: dict[str, Any]


@dataclass
class Facts:
    """One group with all that decides about its channels. Ids are database ids unless named."""

    group: GroupRow
    settings: GuildSettings
    people: list[tuple[int, str, str]] = field(default_factory=list)  # user id, status, role
    # Guests have the role GUEST: they see the channels and are none of the group's members.
    zones: dict[int, str] = field(default_factory=dict)  # people's own (IANA), where known
    personal: set[int] = field(default_factory=set)  # who wants reminders as direct messages
    objects: dict[str, ObjectRow] = field(default_factory=dict)
    category: ObjectRow | None = None
    shared: ObjectRow | None = None  # the channel of the whole cohort
    # By target, the group that wrote the entry in the shared channel.
    owners: Mapping[int, int] = field(default_factory=dict)
    # People whose place here ended while they are in another group of the cohort.
    elsewhere: set[int] = field(default_factory=set)
    ledger: Mapping[int, Mapping[int, Entry]] = field(default_factory=dict)
    state: StateRow | None = None


# The statements are built once: see core.db.queries.built. `some`: of `ids`, else of all.
_COHORTS = bindparam("cohorts", expanding=True, type_=BigInteger)


def _only(query: Query, column: Any, *, some: bool) -> Query:
    return query.where(column.in_(IDS)) if some else query


@cache
def _groups(*, some: bool) -> Query:
    query = (
        select(
            Group.id, Group.guild_id, Group.cohort_id, Group.name, Group.status, Group.opened_at,
            Group.confirmed_removals_at, Cohort.name, Cohort.status, Cohort.start_date,
            Cohort.access_mode, Cohort.rooms, Group.rule, Group.offsets, Cohort.shared,
            Guild.settings, SyncState.group_id, SyncState.status, SyncState.version,
            SyncState.inputs_hash, SyncState.attempts, SyncState.next_attempt_at,
            SyncState.by_hand,
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .join(Guild, Guild.id == Group.guild_id)
        .outerjoin(SyncState, and_(SyncState.group_id == Group.id, SyncState.system == "discord"))
        .where(Guild.left_at.is_(None))
        .order_by(Group.id)
    )  # fmt: skip
    if some:
        return query.where(Group.id.in_(IDS))
    touched = exists().where(ManagedObject.group_id == Group.id)
    return query.where(
        or_(Cohort.status != CohortStatus.draft, Group.opened_at.is_not(None), touched)
    )


async def _rows(session: AsyncSession, query: Any, values: Mapping[str, Any]) -> Any:
    """Plain rows, past the ORM's loading: columns need none of it, and a sweep reads 40,000."""
    return await (await session.connection()).execute(query, values)


async def gather(
    session: AsyncSession, group_ids: Sequence[int] | None = None, *, channels: bool = True
) -> list[Facts]:
    """Facts about the groups (None: all that have or want channels). Four statements.

    Two without `channels`: then what stands on Discord, and what the ledger has of it, is left out.
    """
    facts: dict[int, Facts] = {}
    parsed: dict[int, GuildSettings] = {}
    some = group_ids is not None
    values: dict[str, Any] = {"ids": group_ids}
    for row in await _rows(session, _groups(some=some), values):
        group, settings, state = GroupRow(*row[:15]), row[15], row[16:]
        if group.guild_id not in parsed:
            parsed[group.guild_id] = GuildSettings.model_validate(settings)
        facts[group.id] = Facts(group, parsed[group.guild_id])
        if state[0] is not None:
            facts[group.id].state = StateRow(*state)
    if not facts:
        return []
    cohorts = {fact.group.cohort_id for fact in facts.values()} if some else set()
    now = utcnow()
    values |= {"cohorts": cohorts, "opens": now + BEFORE, "ended": now - AFTER}
    _add_people(facts, await _rows(session, _people(some=some), values))
    if channels:
        _add_objects(facts, await _rows(session, _objects(some=some), values))
        _add_ledger(facts, await _rows(session, _ledger(some=some), values))
    return list(facts.values())


@cache
def _people(*, some: bool) -> Any:
    return union_all(
        _only(_members(), Membership.group_id, some=some),
        _only(_guests(), Meeting.group_id, some=some),
    )


def _add_people(facts: dict[int, Facts], rows: Iterable[Any]) -> None:
    """Everybody of `_members` and `_guests`: of each only what is best for them."""
    best: dict[int, dict[int, tuple[int, str, str]]] = defaultdict(dict)
    for group_id, user_id, status, role, zone, personal, elsewhere in rows:
        have = best[group_id].get(user_id)
        if have is None or (_RANK[status], role == GUEST) < (_RANK[have[1]], have[2] == GUEST):
            best[group_id][user_id] = (user_id, status, role)
        if zone is not None and group_id in facts:
            facts[group_id].zones[user_id] = zone
        if elsewhere and group_id in facts:
            facts[group_id].elsewhere.add(user_id)
        if personal and group_id in facts:
            facts[group_id].personal.add(user_id)
    for group_id, people in best.items():
        if group_id in facts:
            facts[group_id].people = list(people.values())


def _members() -> Query:
    """Active and completed people, and ended ones whom the ledger still has.

    The last column: whether somebody whose place ended is in a group of the cohort now.
    """
    in_ledger = exists().where(
        ManagedOverwrite.group_id == Membership.group_id,
        ManagedOverwrite.target_id == Membership.user_id,
    )
    in_shared = exists().where(
        ManagedOverwrite.cohort_id == Membership.cohort_id,
        ManagedOverwrite.target_id == Membership.user_id,
    )
    now_in = aliased(Membership)
    elsewhere = exists().where(
        now_in.cohort_id == Membership.cohort_id,
        now_in.user_id == Membership.user_id,
        now_in.status == "active",
    )
    return (
        select(
            Membership.group_id, Membership.user_id, Membership.status, Membership.role,
            User.zone, User.switches[PERSONAL].as_boolean().is_(True),
            case((Membership.status == "active", False), else_=elsewhere),
        )
        .join(User, User.id == Membership.user_id)
        .where(or_(Membership.status.in_(("active", "completed")), in_ledger, in_shared))
    )  # fmt: skip


def _guests() -> Query:
    """Guests whose access is open now as active, those whom the ledger still has as dropped.

    The meeting's time of now decides, so access moves with it. Whoever left the cohort is no
    guest of it any more.
    """
    inside = exists().where(
        Membership.user_id == Visit.user_id,
        Membership.cohort_id == Group.cohort_id,
        Membership.status == "active",
    )
    is_open = and_(
        Visit.ended_at.is_(None),
        Meeting.status.in_(VISITED),
        Meeting.starts_at <= bindparam("opens"),
        ends() > bindparam("ended"),
        inside,
    )
    in_ledger = exists().where(
        ManagedOverwrite.group_id == Meeting.group_id, ManagedOverwrite.target_id == Visit.user_id
    )
    return (
        select(
            Meeting.group_id, Visit.user_id, case((is_open, "active"), else_="dropped"),
            literal(GUEST), literal(None, String), literal(value=False),
            literal(value=False),
        )
        .join(Meeting, Meeting.id == Visit.meeting_id)
        .join(Group, Group.id == Meeting.group_id)
        .where(or_(is_open, in_ledger))
    )  # fmt: skip


@cache
def _objects(*, some: bool) -> Query:
    query = select(
        ManagedObject.id, ManagedObject.kind, ManagedObject.cohort_id, ManagedObject.group_id,
        ManagedObject.ordinal, ManagedObject.parent_id, ManagedObject.discord_id,
        ManagedObject.state, ManagedObject.name, ManagedObject.renamed_at, ManagedObject.intent_at,
        ManagedObject.adopted,
    )  # fmt: skip
    if some:
        mine = or_(ManagedObject.group_id.in_(IDS), ManagedObject.cohort_id.in_(_COHORTS))
        query = query.where(mine)
    # In order, so that a plan's hash stays the same from one look to the next.
    return query.order_by(ManagedObject.id)


def _add_objects(facts: dict[int, Facts], rows: Iterable[Any]) -> None:
    by_id: dict[int, ObjectRow] = {}
    for row in rows:
        stamps = tuple(datetime.fromisoformat(t) for t in row[9])
        columns = [*row[:9], stamps, *row[10:]]
        by_id[row[0]] = ObjectRow(*columns)
    shared = {i.cohort_id: i for i in by_id.values() if i.kind == "text" and i.cohort_id}
    for fact in facts.values():
        fact.shared = shared.get(fact.group.cohort_id)
    for item in by_id.values():
        if item.group_id in facts:
            facts[item.group_id].objects[item.kind] = item
            if item.parent_id is not None:
                facts[item.group_id].category = by_id.get(item.parent_id)


@cache
def _ledger(*, some: bool) -> Query:
    query = select(
        ManagedOverwrite.place_id, ManagedOverwrite.target_id, ManagedOverwrite.allow,
        ManagedOverwrite.deny, ManagedOverwrite.confirmed, ManagedOverwrite.is_role,
        ManagedOverwrite.adopted, ManagedOverwrite.cohort_id, ManagedOverwrite.group_id,
    )  # fmt: skip
    if some:
        mine = or_(ManagedOverwrite.group_id.in_(IDS), ManagedOverwrite.cohort_id.in_(_COHORTS))
        query = query.where(mine)
    return query


def _add_ledger(facts: dict[int, Facts], rows: Iterable[Any]) -> None:
    ledger: dict[int, dict[int, Entry]] = defaultdict(dict)
    # Tens of thousands of rows hold a handful of different values: entries are shared.
    shared: dict[tuple[Any, ...], Entry] = {}
    owners: dict[int, dict[int, int]] = defaultdict(dict)
    for place, target, *values, cohort_id, group_id in rows:
        if cohort_id is not None and group_id is not None:
            owners[place][target] = group_id
        key = tuple(values)
        if (entry := shared.get(key)) is None:
            allow, deny, *flags = key
            entry = shared[key] = Entry(Bits(allow, deny), *flags)
        ledger[place][target] = entry
    for fact in facts.values():
        fact.ledger = ledger
        if fact.shared is not None and fact.shared.discord_id is not None:
            fact.owners = owners.get(fact.shared.discord_id, {})
