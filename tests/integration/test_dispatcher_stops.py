"""Each message once, although Postgres, processes and leases end in the middle."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.notifications.dispatcher import BATCH, HELD
from core.notifications.lanes import AT_ONCE
from core.notifications.outgoing import Claimed
from tests.conftest import administer
from tests.integration._sending import (
    Stage,
    add,
    all_sent,
    dispatcher,
    guild,
    rows,
    running,
    statuses,
    until,
)


@pytest.fixture(autouse=True)
async def _ground(database: Database) -> None:
    await guild(database)


async def test_two_dispatchers_at_once(database: Database) -> None:
    texts = [f"n{n}" for n in range(600)]
    await add(database, *texts)
    stage = Stage()
    async with running(dispatcher(stage)), running(dispatcher(stage)):
        await until(lambda: len(stage.shown) >= 600)
        await until(all_sent(database))
    assert sorted(stage.shown) == sorted(texts)


async def test_postgres_is_cut_off_meanwhile(
    database: Database, postgres: EmbeddedPostgres
) -> None:
    """Every connection dies again and again while 300 go out: each goes out, and once."""
    texts = [f"n{n}" for n in range(300)]
    await add(database, *texts)
    stage, name = Stage(), make_url(database.url).database
    cut = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
    may_go = asyncio.Semaphore(0)

    async def hold_on(_: Claimed) -> None:
        await may_go.acquire()

    async def let_go(count: int) -> None:
        goal = len(stage.shown) + count
        for _ in range(count):
            may_go.release()
        await until(lambda: len(stage.shown) == goal, timeout=20)

    stage.before = hold_on
    async with running(dispatcher(stage, longest_wait=0.5)):
        for count in (20, 130, 140):
            await let_go(count)
            await administer(postgres, cut)
        await let_go(10)
        await until(lambda: _patiently(database), timeout=30)
    assert sorted(stage.shown) == sorted(texts)


async def _patiently(database: Database) -> bool:
    try:
        return await all_sent(database)()
    except (OSError, DBAPIError):
        return False


async def test_stopping_finishes_and_gives_back(database: Database) -> None:
    """What Discord is being told is finished; what waits for its turn is anybody's at once."""
    await add(database, "first", "second", "third", channel_id=7)
    stage, may_end, begun = Stage(), asyncio.Event(), asyncio.Event()

    async def hold_on(_: Claimed) -> None:
        begun.set()
        await may_end.wait()

    stage.before = hold_on
    made = dispatcher(stage)
    task = asyncio.create_task(made.run())
    await begun.wait()
    made.close()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    async with asyncio.timeout(5):
        await task
    assert await statuses(database) == {"first": "sent", "second": "pending", "third": "pending"}
    second = (await rows(database))["second"]
    assert (second.attempts, second.lease_by, second.unsure_since) == (0, None, None)
    await dispatcher(Stage()).drain()
    assert set((await statuses(database)).values()) == {"sent"}


async def test_what_was_claimed_ahead_is_given_back(database: Database) -> None:
    """A stop in the middle of many: what was not begun counts as never tried."""
    count = 3 * BATCH + 10
    await add(database, *(f"n{n}" for n in range(count)))
    stage, may_end, begun = Stage(), asyncio.Event(), list[int]()

    async def hold_on(row: Claimed) -> None:
        begun.append(row.id)
        await may_end.wait()

    stage.before = hold_on
    made = dispatcher(stage)
    task = asyncio.create_task(made.run())
    await until(lambda: len(made._held) == HELD and len(begun) == AT_ONCE)
    found = await statuses(database)
    assert list(found.values()).count("sending") == HELD  # no more than may be in hand
    made.close()
    may_end.set()
    async with asyncio.timeout(10):
        await task
    left = await rows(database)
    assert {row.status for row in left.values()} == {"sent", "pending"}
    assert len(stage.shown) == AT_ONCE
    pending = [row for row in left.values() if row.status == "pending"]
    assert {(row.attempts, row.lease_by, row.unsure_since) for row in pending} == {(0, None, None)}
    await dispatcher(Stage()).drain()
    assert set((await statuses(database)).values()) == {"sent"}


async def test_what_is_in_hand_is_renewed(database: Database) -> None:
    """A place that takes longer than a lease: nobody else takes its rows over."""
    database.lease_seconds = 0.6
    await add(database, "slow")
    stage, may_end = Stage(), asyncio.Event()

    async def hold_on(_: Claimed) -> None:
        await may_end.wait()

    stage.before = hold_on
    other = Stage()

    async def renewed() -> bool:
        await dispatcher(other).drain()
        return await _lease_end(database) - first > 3 * timedelta(seconds=database.lease_seconds)

    async with running(dispatcher(stage)):
        await until(lambda: _sending(database))
        first = await _lease_end(database)
        await until(renewed)
        may_end.set()
        await until(all_sent(database))
    assert (stage.shown, other.shown) == (["slow"], [])


async def _lease_end(database: Database) -> datetime:
    found = (await rows(database))["slow"].lease_until
    assert found is not None
    return found


async def _sending(database: Database) -> bool:
    return (await statuses(database))["slow"] == "sending"


async def test_what_a_process_forgot_is_sent_when_its_lease_ends(database: Database) -> None:
    """The claim was noted, its answer never came: our own rows are not ours for ever."""
    database.lease_seconds = 0.3
    await add(database, "forgotten")
    stage = Stage()
    await dispatcher(stage)._claim()
    async with running(dispatcher(stage, longest_wait=0.1)):
        await until(all_sent(database), timeout=5)
    assert stage.shown == ["forgotten"]
