"""Gathering costs the same number of statements, however many people there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, insert, text

from core.db.engine import Database
from core.db.models import Cohort, Group, Guild, Membership, User
from core.db.queries import access, managed, sync_states
from core.db.queries.managed import write_ledger
from core.plan import Bits

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_c: object, _cu: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def fill(database: Database, people: int, per_group: int) -> list[int]:
    async with database.transaction() as session:
        await session.execute(insert(Guild).values(id=500, name="g", joined_at=NOW))
        await session.execute(text(f"insert into users (id) select generate_series(1, {people})"))
        cohort = Cohort(
            guild_id=500, name="c", start_date=NOW.date(), meetings=1, seats=50, status="open",
            created_at=NOW,
        )  # fmt: skip
        session.add(cohort)
        await session.flush()
        made = await session.scalars(
            insert(Group).returning(Group.id, sort_by_parameter_order=True),
            [
                {"guild_id": 500, "cohort_id": cohort.id, "name": f"g{n}", "seats": 50,
                 "created_at": NOW}
                for n in range(people // per_group)
            ],
        )  # fmt: skip
        ids = list(made)
        await session.execute(
            insert(Membership),
            [
                {"guild_id": 500, "cohort_id": cohort.id, "group_id": ids[n // per_group],
                 "user_id": n + 1, "created_at": NOW, "status": "active"}
                for n in range(people)
            ],
        )  # fmt: skip
        assert User.__tablename__ == "users"
        await sync_states.mark_due(session, ids, NOW)
        for group in ids[:5]:
            for kind, place in (("text", group * 10), ("voice", group * 10 + 1)):
                row = await managed.intent(
                    session, guild_id=500, kind=kind, name="x", now=NOW, group_id=group
                )
                entries = {1: (Bits(1, 0), False)}
                await managed.created(
                    session, row.id, place, entries, guild_id=500, cohort_id=None, group_id=group
                )
    return ids


@pytest.mark.parametrize(("people", "per_group"), [(20, 10), (10_000, 20)])
async def test_gathering_takes_a_constant_number_of_statements(
    database: Database, people: int, per_group: int
) -> None:
    ids = await fill(database, people, per_group)
    with counted(database) as statements:
        async with database.transaction() as session:
            facts = await access.gather(session)
    assert len(statements) <= 4, statements
    assert sum(len(f.people) for f in facts) == people
    assert all(f.state is not None for f in facts)
    assert set(facts[0].objects) == {"text", "voice"}
    assert facts[0].ledger[ids[0] * 10][1].bits == Bits(1, 0)
    with counted(database) as statements:
        async with database.transaction() as session:
            one = await access.gather(session, [ids[0]])
    assert len(statements) <= 4
    assert [f.group.id for f in one] == [ids[0]]
    assert one[0].people == facts[0].people


async def test_a_ledger_of_more_rows_than_a_statement_takes(database: Database) -> None:
    ids = await fill(database, 10, 10)
    rows = [(1, target, False, Bits(1, 2), True) for target in range(7_500)]
    async with database.transaction() as session:
        for _ in range(2):  # again: nothing is there twice
            await write_ledger(session, rows, guild_id=500, cohort_id=None, group_id=ids[0])
        found = await session.scalar(
            text("select count(*) from managed_overwrites where place_id = 1")
        )
        assert found == 7_500
        await managed.forget(session, 1, [5, 6])
        await managed.forget(session, 1, None)
        left = await session.scalar(
            text("select count(*) from managed_overwrites where place_id = 1")
        )
        assert left == 0


async def test_two_renames_are_remembered(database: Database) -> None:
    ids = await fill(database, 10, 10)
    async with database.transaction() as session:
        for n in (1, 2, 3):
            await managed.renamed(session, ids[0] * 10, f"name {n}", NOW.replace(minute=n))
    async with database.transaction() as session:
        (facts,) = await access.gather(session, [ids[0]])
    assert facts.objects["text"].name == "name 3"
    assert facts.objects["text"].renamed_at == (NOW.replace(minute=2), NOW.replace(minute=3))


async def test_a_category_is_full_at_fifty(database: Database) -> None:
    """Promised places count; channels of others count; a deleted category takes no more."""
    ids = await fill(database, 300, 10)
    found = []
    async with database.transaction() as session:
        cohort_id = (await session.get_one(Group, ids[0])).cohort_id
        for group in ids:
            row = await managed.category_for(
                session, guild_id=500, cohort_id=cohort_id, cohort_name="c", rooms=2,
                foreign={}, now=NOW,
            )  # fmt: skip
            found.append(row.name)
            for kind in ("text", "voice"):
                child = await managed.intent(
                    session, guild_id=500, kind=kind, name="x", now=NOW, group_id=group,
                    parent_id=row.id,
                )  # fmt: skip
                child.parent_id = row.id
            await session.flush()
    assert found == ["c"] * 25 + ["c (2)"] * 5
