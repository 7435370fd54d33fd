"""Many people at once: all or nobody, seats that are held once, and those who come later."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from core.clock import set_clock
from core.db.engine import Database
from core.db.models import AuditEntry, Expected, Member, Membership, SeatWatch, SyncState
from core.errors import Refusal
from core.operations import (
    arrivals,
    cohorts,
    group_views,
    groups,
    imports,
    membership,
    merging,
    people,
    seats,
)
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.roster_seats import Placed

GUILD = 500
MOD = Actor(GUILD, 1, "mod", moderator=True)


@pytest.fixture(autouse=True)
def _february() -> None:
    set_clock(lambda: datetime(2026, 2, 1, 12, 0, tzinfo=UTC))


def person(number: int) -> Actor:
    return Actor(GUILD, 1000 + number, f"person {number}")


async def cohort(*, count: int = 3, seats: int = 8, name: str = "Stats") -> cohorts.CohortSummary:
    draft = CohortDraft(name, date(2026, 3, 1), groups=count, seats=seats)
    return await cohorts.create(MOD, draft, open_now=True)


def users(group_id: int, *numbers: int, role: str = "participant") -> list[Placed]:
    return [Placed(n, group_id, role, f"person {n}", 1000 + n) for n in numbers]


def waiting(group_id: int, *names: str, role: str = "participant") -> list[Placed]:
    return [Placed(n, group_id, role, name) for n, name in enumerate(names, 1)]


async def rows(database: Database, table: Any, *columns: Any) -> list[tuple[Any, ...]]:
    query = select(*columns).order_by(table.id)
    if table is Membership:
        query = query.where(Membership.status == "active")
    async with database.transaction() as session:
        return [tuple(row) for row in await session.execute(query)]


async def held(database: Database) -> list[tuple[Any, ...]]:
    """(group, seat) of everybody who holds a seat, members and expected ones."""
    members = await rows(database, Membership, Membership.group_id, Membership.seat)
    coming = await rows(database, Expected, Expected.group_id, Expected.seat)
    return sorted((g, s) for g, s in [*members, *coming] if s is not None)


async def refusal(call: Any) -> str:
    with pytest.raises(Refusal) as refused:
        await call
    return refused.value.code


async def test_everybody_in_one_transaction(database: Database) -> None:
    made = await cohort()
    a, b, _ = made.group_ids
    await membership.join(person(1), a)
    await seats.watch(person(2), a)
    done = await imports.apply(
        MOD, made.id,
        [*users(a, 1, 2, 3), *users(b, 4, role="facilitator"), *waiting(b, "zoe", "yan")],
    )  # fmt: skip
    assert (dict(done.people), dict(done.expected)) == (
        {a: [1002, 1003], b: [1004]},
        {b: ["zoe", "yan"]},
    )
    assert (done.already, done.group_ids, done.members, done.waiting) == (1, [a, b], 3, 2)
    assert await held(database) == [(a, 1), (a, 2), (a, 3), (b, 1), (b, 2)]
    entry = (await rows(database, AuditEntry, AuditEntry.id, AuditEntry.action, AuditEntry.after))[
        -1
    ]
    assert entry[:2] == (done.entry_ids[0], "members_imported")
    assert entry[2]["people"] == [
        [1002, a, "participant", None], [1003, a, "participant", None],
        [1004, b, "facilitator", None],
    ]  # fmt: skip
    assert entry[2]["expected"] == [["zoe", b], ["yan", b]]
    assert await rows(database, SeatWatch, SeatWatch.id) == []
    async with database.transaction() as session:
        due = await session.scalars(select(SyncState.group_id).where(SyncState.status == "due"))
        assert {a, b} <= set(due)
    again = await imports.apply(MOD, made.id, [*users(a, 2), *waiting(a, "ZOE")])
    assert (again.already, again.entry_ids, again.group_ids) == (2, [], [])


async def test_held_seats_count_everywhere(database: Database) -> None:
    made = await cohort(count=2, seats=2)
    a, b = made.group_ids
    await imports.apply(MOD, made.id, waiting(a, "zoe", "yan"))
    shown = await group_views.show(GUILD, a)
    assert (shown.members, shown.expected, shown.taken, shown.full) == (0, 2, 2, True)
    assert [g.id for g in await group_views.joinable(GUILD, None)] == [b]
    assert await refusal(membership.join(person(1), a)) == "group_full"
    assert (await membership.add(MOD, a, 1001, "one")).bypassed == ("group_full",)
    assert await held(database) == [(a, 1), (a, 2), (a, 3)]
    # A merge takes those who are expected along.
    await membership.join(person(2), b)
    await merging.merge(MOD, a, b)
    assert await held(database) == [(b, 1), (b, 2), (b, 3), (b, 4)]
    assert await arrivals.arrived(GUILD, 1003, "Zoe", "Zoe Z") == [b]
    assert await held(database) == [(b, 1), (b, 2), (b, 3), (b, 4)]


async def test_no_more_than_the_seats_unless_told_so(database: Database) -> None:
    made = await cohort(count=1, seats=2)
    (a,) = made.group_ids
    await membership.join(person(1), a)
    crowd = users(a, 2, 3, 4)
    assert await refusal(imports.apply(MOD, made.id, crowd)) == "import_changed"
    assert len(await rows(database, Membership, Membership.id)) == 1
    await imports.apply(MOD, made.id, crowd, over=True)
    assert await held(database) == [(a, 1), (a, 2), (a, 3), (a, 4)]


async def test_what_ended_takes_nobody(database: Database) -> None:
    made = await cohort()
    a, b, c = made.group_ids
    await groups.archive(MOD, a)
    assert await refusal(imports.apply(MOD, made.id, users(a, 1))) == "import_changed"
    other = await cohort(name="Other")
    assert (
        await refusal(imports.apply(MOD, made.id, users(other.group_ids[0], 1))) == "import_changed"
    )
    await groups.archive(MOD, b)
    await groups.archive(MOD, c)
    assert await refusal(imports.facts(MOD, made.id)) == "no_groups"
    await cohorts.close(MOD, other.id)
    assert await refusal(imports.facts(MOD, other.id)) == "closed"
    assert await refusal(imports.apply(MOD, other.id, users(other.group_ids[0], 1))) == "closed"
    assert await refusal(imports.apply(person(1), made.id, [])) == "not_allowed"
    away = Actor(GUILD + 1, 1, "mod elsewhere", moderator=True)
    assert await refusal(imports.apply(away, made.id, users(a, 1))) == "cohort_not_found"
    assert await rows(database, Membership, Membership.id) == []


async def test_two_imports_at_once(database: Database) -> None:
    """The same forty people twice, and another cohort's import beside them: each once."""
    made, other = await cohort(count=4, seats=10), await cohort(count=4, seats=10, name="Other")

    def spread(found: cohorts.CohortSummary, order: Sequence[int]) -> list[Placed]:
        return [p for n in order for p in users(found.group_ids[n % 4], n)]

    lists = [spread(made, range(40)), spread(made, range(39, -1, -1)), spread(other, range(40))]
    done = await asyncio.gather(
        *(imports.apply(MOD, c.id, p) for c, p in zip((made, made, other), lists, strict=True))
    )
    assert sorted(d.members for d in done) == [0, 40, 40]
    assert done[2].members == 40
    inside = await rows(database, Membership, Membership.cohort_id, Membership.user_id)
    assert len(inside) == len(set(inside)) == 80
    counts = Counter(await held(database))
    assert max(counts.values()) == 1


async def test_an_import_in_a_storm_of_joins(database: Database) -> None:
    made = await cohort(count=4, seats=20)
    ids = made.group_ids
    joins = [membership.join(person(n), ids[(n * 7) % 4]) for n in range(40)]
    crowd = [p for n in range(20, 60) for p in users(ids[n % 4], n)]
    calls: list[Any] = [*joins[:20], imports.apply(MOD, made.id, crowd), *joins[20:]]
    calls.append(merging.merge(MOD, ids[3], ids[2]))
    results = await asyncio.gather(*calls, return_exceptions=True)
    strange = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Refusal)]
    assert not strange, strange
    codes = {r.code for r in results if isinstance(r, Refusal)}
    assert codes <= {"already_in_group", "import_changed", "group_not_found", "group_full"}
    inside = await rows(database, Membership, Membership.user_id)
    assert len(inside) == len(set(inside))
    assert max(Counter(await held(database)).values()) == 1


async def test_half_done_is_not_done(database: Database) -> None:
    """Whatever breaks in the middle: nobody is in, nothing is noted, nothing is due."""
    made = await cohort(seats=40)
    async with database.transaction() as session:
        await session.execute(
            text("alter table expected add constraint broken check (name <> 'zoe')")
        )
        await session.execute(text("delete from sync_states"))
    placed = [*users(made.group_ids[0], *range(30)), *waiting(made.group_ids[1], "yan", "zoe")]
    with pytest.raises(Exception, match="broken"):
        await imports.apply(MOD, made.id, placed)
    for table in (Membership, Expected):
        assert await rows(database, table, table.id) == []
    assert [a for (a,) in await rows(database, AuditEntry, AuditEntry.action)] == ["cohort_created"]
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(SyncState)) == 0
        assert await session.scalar(select(func.count()).select_from(Member)) == 0


async def test_a_long_list_is_few_statements_and_several_entries(database: Database) -> None:
    made = await cohort(count=5, seats=500)
    placed = [p for n in range(2400) for p in users(made.group_ids[n % 5], n)]
    counted: list[str] = []

    def note(*told: Any) -> None:
        counted.append(told[2])

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        done = await imports.apply(MOD, made.id, placed)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len(counted) < 40, Counter(s[:40] for s in counted)
    assert len(done.entry_ids) == 3
    noted = await rows(database, AuditEntry, AuditEntry.id, AuditEntry.after)
    told = [len(after["people"]) for entry, after in noted if entry in done.entry_ids]
    assert told == [1000, 1000, 400]
    assert max(Counter(await held(database)).values()) == 1
    assert len(await held(database)) == 2400


# --- those who come later ------------------------------------------------------------------------


async def test_who_comes_has_the_seat_exactly_once(database: Database) -> None:
    made, other = await cohort(count=2, seats=2), await cohort(count=1, name="Other")
    a, _ = made.group_ids
    await imports.apply(MOD, made.id, waiting(a, "Zoe.7", "yan"))
    await imports.apply(MOD, other.id, waiting(other.group_ids[0], "zoe.7", role="facilitator"))
    seat = dict(await rows(database, Expected, Expected.name, Expected.seat))["Zoe.7"]
    came = await asyncio.gather(
        *(arrivals.arrived(GUILD, 2001, "zoe.7", "Zoe") for _ in range(6)),
        *(membership.join(person(n), a) for n in (1, 2)),
        return_exceptions=True,
    )
    assert sorted(len(c) for c in came[:6] if isinstance(c, list)) == [0, 0, 0, 0, 0, 2]
    assert {c.code for c in came[6:] if isinstance(c, Refusal)} == {"group_full"}
    inside = await rows(
        database,
        Membership,
        Membership.user_id,
        Membership.group_id,
        Membership.seat,
        Membership.role,
    )
    assert sorted(inside) == [
        (2001, a, seat, "participant"), (2001, other.group_ids[0], None, "facilitator"),
    ]  # fmt: skip
    assert [n for (n,) in await rows(database, Expected, Expected.name)] == ["yan"]
    noted = [a for (a,) in await rows(database, AuditEntry, AuditEntry.action)]
    assert noted.count("expected_arrived") == 2
    assert await arrivals.arrived(GUILD, 2001, "zoe.7", "Zoe") == []
    assert await arrivals.arrived(GUILD + 1, 2002, "yan", "Yan") == []


async def test_who_comes_late_or_is_in_it_already(database: Database) -> None:
    made, ended = await cohort(), await cohort(name="Ended")
    a, b, _ = made.group_ids
    await imports.apply(MOD, made.id, waiting(a, "zoe"))
    await imports.apply(MOD, ended.id, waiting(ended.group_ids[0], "zoe"))
    await membership.add(MOD, b, 2001, "Zoe")
    await cohorts.close(MOD, ended.id)
    assert await arrivals.arrived(GUILD, 2001, "zoe", "Zoe") == []
    assert await rows(database, Expected, Expected.id) == []
    assert await rows(database, Membership, Membership.group_id) == [(b,)]
    assert await held(database) == [(b, 1)]  # the seat in the other group is free again


async def test_an_id_that_is_not_here_yet_is_a_member_who_waits(database: Database) -> None:
    made = await cohort()
    await imports.apply(MOD, made.id, [Placed(1, made.group_ids[0], "participant", "Zoe", 77)])
    assert await people.groups_of_user(GUILD, 77) == [made.group_ids[0]]
    await people.member_joined(GUILD, 77, "Zoe Z")
    assert await rows(database, Membership, Membership.user_id) == [(77,)]
    async with database.transaction() as session:
        assert await session.scalar(select(Member.name)) == "Zoe Z"
