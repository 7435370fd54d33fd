"""A new row goes out at once, by word of Postgres, and without it a little later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from core.clock import utcnow
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.db.instance import Instance
from core.db.queries.deliveries import CHANNEL, wake
from tests.conftest import administer
from tests.integration._sending import (
    Stage,
    add,
    dispatcher,
    guild,
    running,
    until,
)


@pytest.fixture(autouse=True)
async def _ground(database: Database) -> None:
    await guild(database)


async def test_woken_by_notify_and_by_the_clock(database: Database) -> None:
    """With nothing to look at for half a minute, a new row goes out at once, a later one then."""
    stage, instance = Stage(), Instance(database)
    made = dispatcher(stage)
    instance.listen(CHANNEL, made.wake)
    await instance.hold()
    async with running(made):
        await until(lambda: made._wake._waiters)  # asleep
        await add(database, "now", due=utcnow())
        await until(lambda: stage.shown == ["now"], timeout=2)
        due = utcnow() + timedelta(seconds=0.4)
        await add(database, "soon", due=due)
        await until(lambda: len(stage.shown) == 2, timeout=3)
        assert timedelta() <= utcnow() - due < timedelta(seconds=0.2)
    await instance.close()


async def test_the_listening_connection_is_lost(
    database: Database, postgres: EmbeddedPostgres
) -> None:
    """Cut without a word: the next sign of life notices, listens again, and has a look."""
    stage, instance = Stage(), Instance(database)
    made = dispatcher(stage)
    instance.listen(CHANNEL, made.wake)
    await instance.hold()
    async with running(made):
        await until(lambda: made._wake._waiters)  # asleep
        first = instance._connection
        assert first is not None
        await first.execute("unlisten *")
        await add(database, "missed")
        await administer(postgres, f"select pg_terminate_backend({first.get_server_pid()})")
        await until(lambda: stage.shown == ["missed"], timeout=3)  # its end alone wakes
        await instance.hold()
        await add(database, "heard")
        await until(lambda: len(stage.shown) == 2, timeout=3)
    await instance.close()


async def test_a_connection_that_answers_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropped packets: no error ever comes, so it is asked, and given up after a while."""
    monkeypatch.setattr("core.db.instance._PATIENCE", 0.2)
    instance, woken = Instance(database), asyncio.Event()
    instance.listen(CHANNEL, woken.set)
    await instance.hold()
    silent = instance._connection
    assert silent is not None
    never = asyncio.Event()

    async def execute(*_: Any) -> None:
        await never.wait()

    monkeypatch.setattr(type(silent), "execute", execute)
    with pytest.raises(OSError):
        await instance.hold()
    monkeypatch.undo()
    woken.clear()
    await instance.hold()  # although the server may believe that the old one holds our lock
    assert woken.is_set()
    woken.clear()
    async with database.transaction() as session:
        await wake(session)
    async with asyncio.timeout(2):
        await woken.wait()
    await instance.close()


async def test_without_notify_it_looks_now_and_then(database: Database) -> None:
    stage = Stage()
    made = dispatcher(stage, longest_wait=0.2)
    async with running(made):
        await until(lambda: made._wake._waiters)  # asleep
        await add(database, "a")
        await until(lambda: stage.shown == ["a"], timeout=2)
