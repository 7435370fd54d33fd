"""Bring many people in at once: look at a list, then put everybody in, in one transaction."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    AuditEntry,
    Base,
    Cohort,
    CohortStatus,
    Expected,
    Group,
    Member,
    Membership,
    MembershipStatus,
    Role,
    SeatWatch,
    User,
)
from core.db.queries import seats
from core.db.queries.sync_states import mark_due
from core.discord_outbound.people import everybody
from core.errors import Refusal, TemporaryError
from core.operations.common import Actor, get_cohort
from core.reconcile.roster_list import Row
from core.reconcile.roster_match import Match, People, match
from core.reconcile.roster_seats import FACILITATOR, Place, Placed
from core.reconcile.trace import LIVE
from core.words import t

_ENTRY = 1000  # people per entry of the history


@dataclass(frozen=True)
class Facts:
    """A cohort that takes people: its live groups, and who is in it already.

    `inside` is the group by user id, `expected` by lower-case user name.
    """

    cohort_id: int
    cohort_name: str
    draft: bool
    places: tuple[Place, ...]
    inside: Mapping[int, int]
    expected: Mapping[str, int]


@dataclass(frozen=True)
class Looked:
    """A list beside the server's people. `matches` are in the order of its rows."""

    facts: Facts
    people: People
    matches: tuple[Match, ...]


@dataclass
class Imported:
    """What was done: people and expected user names by group id, entries of the history.

    `already` are people who came into a group of the cohort in the meantime.
    """

    entry_ids: list[int] = field(default_factory=list)
    people: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    expected: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    already: int = 0

    @property
    def group_ids(self) -> list[int]:
        return sorted({*self.people, *self.expected})

    @property
    def members(self) -> int:
        return sum(len(users) for users in self.people.values())

    @property
    def waiting(self) -> int:
        return sum(len(names) for names in self.expected.values())


async def facts(actor: Actor, cohort_id: int) -> Facts:
    """The cohort as it is now, in a few statements. Raises Refusal(cohort_not_found, closed)."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, actor.guild_id, cohort_id)
        rows = await session.scalars(_live(cohort_id))
        return await _facts(session, cohort, rows.all())


async def preview(actor: Actor, cohort_id: int, rows: Sequence[Row]) -> Looked:
    """Match the rows with the people of the server. Nothing is changed.

    Raises Refusal as `facts` does, and TemporaryError while the server cannot be seen.
    """
    found = await facts(actor, cohort_id)
    everyone = everybody(actor.guild_id)
    if everyone is None:
        raise TemporaryError(t("Discord does not show the server right now"), kind="guild_away")

    def compare() -> tuple[People, list[Match]]:
        people = People(everyone)
        return people, match(rows, people)

    # Ten thousand lines take a second or two, in which others are not to wait for an answer.
    people, matches = await asyncio.to_thread(compare)
    return Looked(found, people, tuple(matches))


def _live(cohort_id: int) -> Any:
    return (
        select(Group).where(Group.cohort_id == cohort_id, Group.status.in_(LIVE)).order_by(Group.id)
    )


async def _facts(session: AsyncSession, cohort: Cohort, groups: Sequence[Group]) -> Facts:
    if cohort.status not in {CohortStatus.draft, CohortStatus.open}:
        raise Refusal("closed", t("This cohort is closed; it takes nobody any more."))
    if not groups:
        raise Refusal("no_groups", t("This cohort has no groups. Make one first: /group create."))
    ids = [group.id for group in groups]
    members = await session.execute(
        select(Membership.user_id, Membership.group_id, Membership.role).where(
            Membership.cohort_id == cohort.id, Membership.status == MembershipStatus.active
        )
    )
    inside: dict[int, int] = {}
    helpers: dict[int, int] = defaultdict(int)
    for user_id, group_id, role in members:
        inside[user_id] = group_id
        helpers[group_id] += role == Role.facilitator
    waiting = await session.execute(
        select(func.lower(Expected.name), Expected.group_id, Expected.role).where(
            Expected.cohort_id == cohort.id
        )
    )
    expected: dict[str, int] = {}
    for name, group_id, role in waiting:
        expected[name] = group_id
        helpers[group_id] += role == Role.facilitator
    taken = await seats.taken(session, ids)
    places = [Place(g.id, g.name, g.seats, len(taken[g.id]), helpers[g.id]) for g in groups]
    return Facts(
        cohort.id, cohort.name, cohort.status == CohortStatus.draft, tuple(places), inside, expected
    )


async def apply(
    actor: Actor, cohort_id: int, placed: Sequence[Placed], *, over: bool = False
) -> Imported:
    """Put everybody into their group, all or nobody; past the seats only with `over`.

    Who is in the cohort by now stays where they are. Raises Refusal(not_allowed,
    cohort_not_found, closed, no_groups, import_changed); then nothing was changed.
    """
    actor.must_moderate()
    try:
        async with get_database().transaction() as session:
            return await _apply(session, actor, cohort_id, placed, over=over)
    except IntegrityError as error:
        # Somebody joined a group that was made after ours were locked: the index decides.
        if "uq_memberships" in str(error.orig):
            raise _changed() from error
        raise


async def _apply(
    session: AsyncSession, actor: Actor, cohort_id: int, placed: Sequence[Placed], *, over: bool
) -> Imported:
    now = utcnow()
    cohort = await get_cohort(session, actor.guild_id, cohort_id)
    # All groups of the cohort in order of id: no join can come in between, and two imports
    # never wait for each other in a circle.
    rows = await session.scalars(_live(cohort_id).with_for_update(key_share=True))
    groups = {group.id: group for group in rows}
    await session.refresh(cohort)  # closed while we waited for the groups
    known = await _facts(session, cohort, list(groups.values()))
    done = Imported()
    todo = [p for p in placed if not _is_in(p, known)]
    done.already = len(placed) - len(todo)
    if any(p.group_id not in groups for p in todo):
        raise _changed()
    numbers = await _numbers(session, groups, todo, over=over)
    await _write(session, actor, cohort_id, todo, numbers, now)
    for one in todo:
        if one.user_id is None:
            done.expected[one.group_id].append(one.name)
        else:
            done.people[one.group_id].append(one.user_id)
    if todo:
        done.entry_ids = await _note(session, actor, cohort_id, todo, now)
    await mark_due(session, done.group_ids, now)
    return done


def _is_in(one: Placed, known: Facts) -> bool:
    return one.user_id in known.inside if one.user_id else one.name.lower() in known.expected


def _changed() -> Refusal:
    return Refusal(
        "import_changed",
        t("The groups changed in the meantime, so nothing was done. Look at the new numbers."),
    )


async def _numbers(
    session: AsyncSession, groups: Mapping[int, Group], todo: Sequence[Placed], *, over: bool
) -> list[int | None]:
    """A seat number for each of `todo`; None for facilitators."""
    taken = await seats.taken(session, groups)
    numbers: list[int | None] = []
    for one in todo:
        if one.role == FACILITATOR:
            numbers.append(None)
            continue
        held, limit = taken[one.group_id], groups[one.group_id].seats
        number = seats.next_free(held, limit)
        if number is None:
            if not over:
                raise _changed()
            number = seats.beyond(held, limit)
        held.add(number)
        numbers.append(number)
    return numbers


async def _write(
    session: AsyncSession,
    actor: Actor,
    cohort_id: int,
    todo: Sequence[Placed],
    numbers: Sequence[int | None],
    now: datetime,
) -> None:
    """The rows of everybody, in a few statements."""
    # In order of id, so that two imports at once never wait for each other in a circle.
    known = sorted({p.user_id: p.name for p in todo if p.user_id is not None}.items())
    await _insert(session, User, [{"id": user_id} for user_id, _ in known])
    # A name that is there came from Discord; the list's is only for those never seen.
    members = [{"guild_id": actor.guild_id, "user_id": u, "name": n[:100]} for u, n in known]
    await _insert(session, Member, members)
    shared = {"guild_id": actor.guild_id, "cohort_id": cohort_id, "created_at": now}
    inside, waiting = [], []
    for one, seat in zip(todo, numbers, strict=True):
        row = {**shared, "group_id": one.group_id, "role": one.role, "seat": seat}
        if one.user_id is None:
            waiting.append({**row, "name": one.name[:100]})
        else:
            inside.append({**row, "user_id": one.user_id})
    await _insert(session, Membership, inside, may_be_there=False)
    await _insert(session, Expected, waiting, may_be_there=False)
    for group_id in {p.group_id for p in todo}:
        users = [p.user_id for p in todo if p.group_id == group_id and p.user_id is not None]
        await session.execute(
            delete(SeatWatch).where(SeatWatch.group_id == group_id, SeatWatch.user_id.in_(users))
        )


async def _insert(
    session: AsyncSession,
    table: type[Base],
    rows: list[dict[str, Any]],
    *,
    may_be_there: bool = True,
) -> None:
    """Many rows through one prepared statement: a list of values takes seconds to compile."""
    if rows:
        statement = insert(table.__table__)  # type: ignore[arg-type]  # a Table
        if may_be_there:
            statement = statement.on_conflict_do_nothing()
        await (await session.connection()).execute(statement, rows)


async def _note(
    session: AsyncSession, actor: Actor, cohort_id: int, todo: Sequence[Placed], now: datetime
) -> list[int]:
    """The history: people as [user id, group id, role, previous group], expected as [name, id]."""
    entries = []
    for start in range(0, len(todo), _ENTRY):
        part = todo[start : start + _ENTRY]
        entry = AuditEntry(
            guild_id=actor.guild_id, at=now, actor_id=actor.user_id, action="members_imported",
            cohort_id=cohort_id, before={},
            after={
                "people": [
                    [p.user_id, p.group_id, p.role, None] for p in part if p.user_id is not None
                ],
                "expected": [[p.name, p.group_id] for p in part if p.user_id is None],
            },
        )  # fmt: skip
        session.add(entry)
        entries.append(entry)
    await session.flush()
    return [entry.id for entry in entries]
