"""Joining, switching and leaving, as many people at once as Discord can bring."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from core.clock import set_clock
from core.db.engine import Database
from core.db.models import (
    AuditEntry,
    Cohort,
    Group,
    Member,
    Membership,
    Role,
    SeatWatch,
    SyncState,
)
from core.errors import Refusal
from core.operations import (
    cohorts,
    group_views,
    groups,
    membership,
    merging,
    people,
    seats,
    settings,
)
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.integration._locks import until_it_waits

GUILD = 500
MOD = Actor(GUILD, 1, "mod", moderator=True)
NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _february() -> None:
    set_clock(lambda: NOW)


def person(number: int) -> Actor:
    return Actor(GUILD, 1000 + number, f"person {number}")


async def cohort(
    *, groups: int = 3, seats: int = 8, name: str = "Stats", start: date = date(2026, 3, 1)
) -> list[int]:
    draft = CohortDraft(name, start, groups=groups, seats=seats)
    return (await cohorts.create(MOD, draft, open_now=True)).group_ids


async def outcomes(calls: Sequence[Awaitable[Any]]) -> Counter[str]:
    """How often each refusal came; "done" for what worked. Anything else fails the test."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    strange = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Refusal)]
    assert not strange, strange
    return Counter(r.code if isinstance(r, Refusal) else "done" for r in results)


async def active(database: Database) -> list[tuple[int, int]]:
    """(user id, group id) of every active membership."""
    async with database.transaction() as session:
        rows = await session.execute(
            select(Membership.user_id, Membership.group_id).where(Membership.status == "active")
        )
        return [(u, g) for u, g in rows]


async def refusal(call: Awaitable[Any]) -> str:
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


async def test_fifty_people_and_eight_seats(database: Database) -> None:
    full, other, _ = await cohort()
    found = await outcomes([membership.join(person(n), full) for n in range(50)])
    assert found == {"done": 8, "group_full": 42}
    inside = await active(database)
    assert len(inside) == len({u for u, _ in inside}) == 8
    assert {g for _, g in inside} == {full}
    async with database.transaction() as session:
        seats = await session.scalars(select(Membership.seat).order_by(Membership.seat))
        assert seats.all() == list(range(1, 9))
    assert (await group_views.show(GUILD, full)).full
    assert not (await group_views.show(GUILD, other)).full


async def test_one_person_joins_three_groups_at_once(database: Database) -> None:
    ids = await cohort()
    found = await outcomes([membership.join(person(1), group) for group in ids * 3])
    assert found["done"] >= 1
    assert set(found) <= {"done", "already_in_group"}
    assert len(await active(database)) == 1


async def test_a_storm_of_switches(database: Database) -> None:
    ids = await cohort(groups=4, seats=6)
    for n in range(12):
        await membership.join(person(n), ids[n % 4])
    calls = [membership.join(person(n), ids[(n + hop) % 4]) for n in range(12) for hop in (1, 2, 3)]
    found = await outcomes(calls)
    assert found["done"] >= 1
    assert set(found) <= {"done", "already_in_group", "group_full"}
    inside = await active(database)
    assert sorted(u for u, _ in inside) == [1000 + n for n in range(12)]
    assert max(Counter(g for _, g in inside).values()) <= 6
    async with database.transaction() as session:
        history = await session.scalar(select(func.count()).select_from(Membership))
    assert history == 12 + found["done"]


async def test_joins_while_moderators_work_on_the_same_cohort(database: Database) -> None:
    """Edits, merges, archiving and closing meet a storm of joins; nobody waits in a circle."""
    ids = await cohort(groups=4, seats=50)
    for n in range(8):
        await membership.join(person(n), ids[n % 4])
    cohort_id = (await group_views.show(GUILD, ids[0])).cohort_id
    calls: list[Awaitable[Any]] = []
    for n in range(40):
        calls.append(membership.join(person(n), ids[n % 4]))
        if n % 5 == 0:
            calls.append(cohorts.edit(MOD, cohort_id, seats=50 + n))
            calls.append(groups.edit(MOD, ids[n % 4], seats=60))
    calls.insert(20, merging.merge(MOD, ids[3], ids[0]))
    calls.insert(25, merging.merge(MOD, ids[0], ids[1]))
    calls.append(groups.archive(MOD, ids[2]))
    calls.append(cohorts.close(MOD, cohort_id))
    found = await outcomes(calls)
    allowed = {"done", "already_in_group", "group_not_found", "closed", "group_ended"}
    assert set(found) <= allowed, found
    assert await active(database) == []


@pytest.mark.parametrize("round_", range(3))
async def test_a_merge_while_people_switch_away(database: Database, round_: int) -> None:
    ids = await cohort(seats=50)
    for n in range(20):
        await membership.join(person(n), ids[0])
    calls: list[Awaitable[Any]] = [membership.join(person(n), ids[2]) for n in range(20)]
    calls.insert(3 + 5 * round_, merging.merge(MOD, ids[0], ids[1]))
    found = await outcomes(calls)
    assert set(found) <= {"done", "already_in_group"}
    inside = await active(database)
    assert sorted(u for u, _ in inside) == [1000 + n for n in range(20)]
    assert {g for _, g in inside} <= {ids[1], ids[2]}


async def test_the_rules_of_joining(database: Database) -> None:
    first, second, _ = await cohort(seats=1)
    assert await refusal(membership.join(person(1), 999999)) == "group_not_found"
    assert (await membership.join(person(1), first)).bypassed == ()
    assert await refusal(membership.join(person(1), first)) == "already_in_group"
    assert await refusal(membership.join(person(2), first)) == "group_full"
    moved = await membership.join(person(1), second)
    assert (moved.previous_id, moved.group_id) == (first, second)
    assert await refusal(membership.leave(person(1), first)) == "not_in_group"
    await membership.leave(person(1), second)
    assert await refusal(membership.leave(person(1), second)) == "not_in_group"
    assert await active(database) == []
    async with database.transaction() as session:
        actions = await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
        assert actions.all() == ["cohort_created", "joined", "switched", "left"]


async def test_drafts_and_ended_groups_take_nobody(database: Database) -> None:
    draft = CohortDraft("Draft", date(2026, 3, 1))
    made = await cohorts.create(MOD, draft, open_now=False)
    assert await refusal(membership.join(person(1), made.group_ids[0])) == "group_not_found"
    await membership.add(MOD, made.group_ids[0], 77, "early bird")
    await cohorts.open_(MOD, made.id)
    await membership.join(person(1), made.group_ids[0])
    await groups.archive(MOD, made.group_ids[0])
    assert await refusal(membership.join(person(2), made.group_ids[0])) == "group_not_found"
    assert await refusal(membership.add(MOD, made.group_ids[0], 5, "x")) == "group_not_found"
    await cohorts.cancel(MOD, made.id)
    assert await refusal(membership.join(person(2), made.group_ids[1])) == "group_not_found"


@pytest.mark.parametrize(
    ("zone", "started"),
    [("UTC", False), ("Pacific/Auckland", True), ("America/New_York", False)],
)
async def test_a_group_starts_in_the_guilds_zone(
    database: Database, zone: str, started: bool
) -> None:
    """At 23:30 UTC on the day before, the day has begun in Auckland and nowhere west of it."""
    ids = await cohort(start=date(2026, 3, 1))
    await membership.join(person(1), ids[0])
    await settings.change(MOD, zone=zone)
    set_clock(lambda: datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    assert (await group_views.show(GUILD, ids[1])).started is started
    if not started:
        await membership.join(person(2), ids[1])
        return
    assert await refusal(membership.join(person(2), ids[1])) == "group_already_started"
    # Who is in the cohort may still switch; a moderator may add anybody, and is told.
    assert (await membership.join(person(1), ids[1])).previous_id == ids[0]
    added = await membership.add(MOD, ids[1], person(2).user_id, "late")
    assert added.bypassed == ("group_already_started",)


async def test_moderators_pass_the_seats_and_are_told(database: Database) -> None:
    ids = await cohort(seats=1)
    await membership.join(person(1), ids[0])
    assert (await membership.add(MOD, ids[0], 2001, "second")).bypassed == ("group_full",)
    assert (await group_views.show(GUILD, ids[0])).members == 2
    assert await refusal(membership.add(MOD, ids[1], 2001, "second")) == "already_in_cohort"
    assert await refusal(membership.move(MOD, ids[1], 2002, "nobody")) == "not_in_cohort"
    assert (await membership.move(MOD, ids[1], 2001, "second")).previous_id == ids[0]
    # A facilitator takes no seat, so none was passed over.
    added = await membership.add(MOD, ids[0], 2003, "guide", role=Role.facilitator)
    assert added.bypassed == ()
    assert (await group_views.show(GUILD, ids[0])).members == 1
    await membership.remove(MOD, ids[0], 2003, "x" * 500)
    for call in (
        membership.add(person(3), ids[0], 5, "x"), membership.move(person(3), ids[0], 5, "x"),
        membership.remove(person(3), ids[0], 5),
    ):  # fmt: skip
        assert await refusal(call) == "not_allowed"


async def test_fewer_seats_than_people_throw_nobody_out(database: Database) -> None:
    ids = await cohort(seats=4)
    for n in range(4):
        await membership.join(person(n), ids[0])
    await groups.edit(MOD, ids[0], seats=2)
    assert len(await active(database)) == 4
    await membership.leave(person(0), ids[0])
    assert await refusal(membership.join(person(9), ids[0])) == "group_full"
    await membership.leave(person(1), ids[0])
    assert await refusal(membership.join(person(9), ids[0])) == "group_full"
    await membership.leave(person(2), ids[0])
    await membership.join(person(9), ids[0])


async def test_merging(database: Database) -> None:
    a, b, c = await cohort(seats=2)
    for n, group in enumerate((a, a, b, b)):
        await membership.join(person(n), group)
    target, moved = await merging.merge(MOD, a, b)
    assert (target.id, target.members, moved) == (b, 4, 2)
    assert sorted(await active(database)) == [(1000 + n, b) for n in range(4)]
    assert await refusal(merging.merge(MOD, a, b)) == "group_ended"
    assert await refusal(merging.merge(MOD, b, b)) == "same_group"
    (other,) = await cohort(groups=1, name="Other")
    assert await refusal(merging.merge(MOD, c, other)) == "other_cohort"
    async with database.transaction() as session:
        due = await session.scalars(select(SyncState.group_id).distinct())
        assert {a, b} <= set(due)


async def test_closing_and_cancelling(database: Database) -> None:
    ids = await cohort()
    for n in range(3):
        await membership.join(person(n), ids[n])
    cohort_id = (await group_views.show(GUILD, ids[0])).cohort_id
    closed = await cohorts.close(MOD, cohort_id)
    assert {g[2] for g in closed.groups} == {"completed"}
    assert await refusal(cohorts.cancel(MOD, cohort_id)) == "closed"
    assert await refusal(cohorts.open_(MOD, cohort_id)) == "closed"
    assert await refusal(cohorts.edit(MOD, cohort_id, seats=3)) == "closed"
    assert await refusal(groups.create(MOD, cohort_id, "late")) == "closed"
    again = await cohort(name="Stats")  # an ended cohort's name is free again
    await membership.join(person(0), again[0])
    await cohorts.cancel(MOD, (await group_views.show(GUILD, again[0])).cohort_id)
    assert (await group_views.show(GUILD, again[0])).status == "cancelled"
    async with database.transaction() as session:
        kinds = await session.scalars(select(Membership.status).order_by(Membership.id))
        assert kinds.all() == ["completed"] * 3 + ["removed"]


async def test_watchers_are_told_once(database: Database) -> None:
    (group,) = await cohort(groups=1, seats=1)
    await membership.join(person(0), group)
    for n in (1, 2, 1):
        assert await seats.watch(person(n), group) == "Group 1"
    assert (await seats.freed(GUILD, group))[1] == []
    await membership.leave(person(0), group)
    told = await asyncio.gather(*(seats.freed(GUILD, group) for _ in range(6)))
    heard = [user for _, users in told for user in users]
    assert heard == [person(1).user_id]  # one seat, one offer
    set_clock(lambda: NOW + timedelta(minutes=61))
    assert (await seats.freed(GUILD, group))[1] == [person(2).user_id]
    await membership.join(person(1), group)
    async with database.transaction() as session:
        left = await session.scalars(select(SeatWatch.user_id))
        assert left.all() == [person(2).user_id]


async def test_who_comes_back_gets_the_role_again(database: Database) -> None:
    """Discord takes the roles of those who leave; that is nobody's hand."""
    from core.db.queries import managed
    from core.plan import Bits

    (group,) = await cohort(groups=1)
    await membership.join(person(1), group)
    async with database.transaction() as session:
        for kind, place in (("role", 71), ("text", 72)):
            row = await managed.intent(
                session, guild_id=GUILD, kind=kind, name=kind, now=NOW, group_id=group
            )
            entries = {person(1).user_id: (Bits(1, 0), False), 5: (Bits(1, 0), False)}
            await managed.created(
                session, row.id, place, entries, guild_id=GUILD, cohort_id=None, group_id=group
            )
    await people.member_left(GUILD, person(1).user_id)
    assert await people.member_joined(GUILD, person(1).user_id, "back") is None
    async with database.transaction() as session:
        from core.db.models import ManagedOverwrite

        rows = await session.execute(select(ManagedOverwrite.place_id, ManagedOverwrite.target_id))
        assert sorted(tuple(r) for r in rows) == [(71, 5), (72, 5), (72, person(1).user_id)]


async def test_nicknames_survive_being_cleared(database: Database) -> None:
    await people.nickname_changed(GUILD, 5, "ada", "Ada the Great")
    await people.nickname_changed(GUILD, 5, "ada", None)
    await people.nickname_changed(GUILD, 5, "ada", "")
    assert await people.member_joined(GUILD, 5, "ada") == "Ada the Great"
    await people.nickname_changed(GUILD, 5, "ada", "x" * 40)
    async with database.transaction() as session:
        assert await session.scalar(select(Member.nickname)) == "x" * 32
    await settings.change(MOD, keep_nicknames=False)
    assert await people.member_joined(GUILD, 5, "ada") is None


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (date(2026, 3, 1), date(2026, 1, 5), "group_already_started"),
        (date(2026, 1, 5), date(2026, 3, 1), ""),
    ],
)
async def test_a_join_that_waited_goes_by_what_was_changed_meanwhile(
    database: Database, was: date, becomes: date, said: str
) -> None:
    [group] = await cohort(groups=1, start=was)
    async with database.transaction() as session:
        await session.execute(update(Group).values(seats=5))
        await session.execute(update(Cohort).values(start_date=becomes))
        joining = asyncio.create_task(membership.join(person(1), group))
        await until_it_waits(session, joining)
    answer = ""
    try:
        await joining
    except Refusal as refusal:
        answer = refusal.code
    assert answer == said
