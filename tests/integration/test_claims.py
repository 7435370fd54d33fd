"""Who holds which delivery, and what is noted about it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.clock import set_clock
from core.db.engine import Database
from core.db.instance import Instance, release_dead_leases
from core.db.models import User
from core.db.queries import claims
from core.db.queries.claims import Settled
from core.notifications.dispatcher import _turn
from core.notifications.outgoing import Claimed
from tests.integration._sending import GUILD, add, guild, rows

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
MINE, THEIRS = 11, 22


@pytest.fixture(autouse=True)
async def _ground(database: Database) -> None:
    set_clock(lambda: NOW)
    await guild(database)


async def claim(
    database: Database, *, now: datetime = NOW, holder: int = MINE, most: int = 100
) -> list[dict[str, Any]]:
    async with database.transaction() as session:
        until = now + timedelta(seconds=60)
        rows = await claims.claim(session, now=now, holder=holder, until=until, most=most)
    return [row._asdict() for row in sorted(map(Claimed._make, rows), key=_turn)]


async def settle(database: Database, *settled: Settled, holder: int = MINE) -> set[int]:
    async with database.transaction() as session:
        return await claims.settle(session, settled, holder=holder)


async def test_in_order_of_time_and_never_early(database: Database) -> None:
    [later] = await add(database, "later", due=NOW)
    [first] = await add(database, "first", due=NOW - timedelta(hours=1))
    await add(database, "not yet", due=NOW + timedelta(microseconds=1))
    assert [r["id"] for r in await claim(database)] == [first, later]
    assert await claim(database) == []


async def test_a_batch_takes_the_earliest(database: Database) -> None:
    for n in range(5):
        await add(database, f"n{n}", due=NOW - timedelta(minutes=n))
    assert [r["payload"]["text"] for r in await claim(database, most=2)] == ["n4", "n3"]
    assert [r["payload"]["text"] for r in await claim(database, most=9)] == ["n2", "n1", "n0"]


async def test_many_at_once_share_without_doubling(database: Database) -> None:
    ids = set(await add(database, *(f"n{n}" for n in range(400))))
    parts = await asyncio.gather(*(claim(database, holder=h, most=60) for h in range(1, 11)))
    taken = [r["id"] for part in parts for r in part]
    assert len(taken) == len(set(taken)) == len(ids)


async def test_a_lease_that_ran_out_is_free_and_says_since_when(database: Database) -> None:
    await add(database, "a")
    [mine] = await claim(database)
    assert (mine["attempts"], mine["unsure_since"]) == (1, None)
    assert await claim(database, now=NOW + timedelta(seconds=59), holder=THEIRS) == []
    [again] = await claim(database, now=NOW + timedelta(seconds=60), holder=THEIRS)
    assert (again["attempts"], again["unsure_since"]) == (2, NOW)
    [third] = await claim(database, now=NOW + timedelta(seconds=400), holder=THEIRS)
    assert third["unsure_since"] == NOW  # the first try of which nothing is known


async def test_renewed_by_id_only(database: Database) -> None:
    """What a process forgot about runs out, whatever else it renews."""
    known, forgotten = await add(database, "known", "forgotten")
    await claim(database)
    later = NOW + timedelta(seconds=90)
    async with database.transaction() as session:
        await claims.renew(session, [known], holder=MINE, until=NOW + timedelta(seconds=600))
    assert [r["id"] for r in await claim(database, now=later, holder=THEIRS)] == [forgotten]


async def test_leases_of_a_dead_instance_are_free_at_once(database: Database) -> None:
    await add(database, "a")
    instance = Instance(database)
    await instance.hold()
    assert len(await claim(database, holder=instance.id)) == 1
    async with database.transaction() as session:
        assert await release_dead_leases(session) == 0
    assert await claim(database) == []
    await instance.close()
    async with database.transaction() as session:
        assert await release_dead_leases(session) == 1
    [row] = await claim(database)
    assert row["unsure_since"] == NOW


async def test_everything_about_a_batch_in_one_statement(database: Database) -> None:
    a, b, c, d = await add(database, "a", "b", "c", "d")
    await claim(database)
    later = NOW + timedelta(minutes=5)
    ours = await settle(
        database,
        Settled(a, "sent", channel_id=7, message_id=8, sent_at=NOW),
        Settled(b, "skipped", error_class="too_late", error_text="too late"),
        Settled(c, "failed", later, unsure=True, error_class="timeout", error_text="no answer"),
        Settled(d, "pending", later, given_back=True),
    )
    assert ours == {a, b, c, d}
    found = await rows(database)
    assert (found["a"].status, found["a"].sent_channel_id, found["a"].message_id) == ("sent", 7, 8)
    assert (found["b"].status, found["b"].error_class) == ("skipped", "too_late")
    assert (found["c"].status, found["c"].attempts, found["c"].unsure_since) == ("failed", 1, NOW)
    assert (found["d"].status, found["d"].attempts, found["d"].unsure_since) == ("pending", 0, None)
    assert found["c"].next_at == found["d"].next_at == later
    assert all(row.lease_by is None and row.lease_until is None for row in found.values())
    assert [r["id"] for r in await claim(database, now=later)] == [c, d]


async def test_what_was_seen_counts_whoever_holds_the_row(database: Database) -> None:
    """A process that froze and thaws may say that it sent, and nothing else."""
    [a] = await add(database, "a")
    await claim(database)
    after = NOW + timedelta(seconds=61)
    await claim(database, now=after, holder=THEIRS)
    assert await settle(database, Settled(a, "failed", after)) == set()
    assert await settle(database, Settled(a, "sent", message_id=5)) == {a}
    assert await settle(database, Settled(a, "sent", message_id=6), holder=THEIRS) == set()
    assert (await rows(database))["a"].message_id == 5


async def test_the_next_thing_to_look_at(database: Database) -> None:
    async def earliest(holder: int) -> datetime | None:
        async with database.transaction() as session:
            return await claims.earliest(session, holder)

    assert await earliest(MINE) is None
    await add(database, "a", due=NOW)
    assert await earliest(MINE) == NOW
    await claim(database)
    assert await earliest(MINE) is None
    assert await earliest(THEIRS) == NOW + timedelta(seconds=60)


async def test_dm_channels_are_kept(database: Database) -> None:
    async with database.transaction() as session:
        session.add_all([User(id=1), User(id=2, dm_channel_id=70)])
    async with database.transaction() as session:
        await claims.remember_dms(session, {1: 60, 2: 71, 3: 72})
    async with database.transaction() as session:
        assert (await session.get_one(User, 1)).dm_channel_id == 60
        assert (await session.get_one(User, 2)).dm_channel_id == 71


async def test_known_trouble_is_by_group_and_class(database: Database) -> None:
    [a] = await add(database, "a")
    await add(database, "b", channel_id=5)
    await claim(database)
    await settle(database, Settled(a, "dead", error_class="unknown_channel"))
    async with database.transaction() as session:
        found = await claims.known_trouble(session, [GUILD], ["unknown_channel", "x"], NOW)
        assert found == set()  # it was due before
        since = NOW - timedelta(days=1)
        found = await claims.known_trouble(session, [GUILD], ["unknown_channel", "x"], since)
    assert found == {(GUILD, None, "unknown_channel")}
