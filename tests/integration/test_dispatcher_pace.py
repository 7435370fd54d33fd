"""As fast as Discord allows, place by place, and in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.clock import set_clock, utcnow
from core.db.engine import Database
from core.db.models import User
from core.discord_outbound.outcome import Outcome
from core.notifications.outgoing import Claimed
from core.words import t
from tests.integration._sending import (
    Stage,
    add,
    all_sent,
    dispatcher,
    guild,
    rows,
    running,
    until,
)

DOWN = Outcome("discord_down", t("Discord answered with an error ({status})", status=500))


@pytest.fixture(autouse=True)
async def _ground(database: Database) -> None:
    await guild(database)


async def test_back_off_and_discords_own_word(database: Database) -> None:
    await add(database, "down", "slow")
    slow = Outcome("rate_limited", t("Discord asked us to slow down"), retry_after=500.0)
    stage = Stage(trouble={"down": [DOWN] * 3, "slow": [slow]})
    now = utcnow()
    set_clock(lambda: now)
    waited = []
    for _ in range(3):
        await dispatcher(stage).drain()
        row = (await rows(database))["down"]
        waited.append((row.next_at - now).total_seconds())
        now = row.next_at
    assert all(2**n <= seconds <= 2**n + 1 for n, seconds in enumerate(waited))
    slow_row = (await rows(database))["slow"]
    begun = now - timedelta(seconds=sum(waited))
    assert 500 <= (slow_row.next_at - begun).total_seconds() <= 501
    assert (await rows(database))["down"].unsure_since == begun  # Discord may have posted it
    assert slow_row.unsure_since is None  # it said that it did not
    await dispatcher(stage).drain()
    assert stage.shown == ["down"]
    row = (await rows(database))["down"]
    assert (row.status, row.error_class, row.unsure_since) == ("sent", None, None)


async def test_new_direct_messages_are_paced_and_known_ones_are_not(database: Database) -> None:
    async with database.transaction() as session:
        session.add_all([User(id=n) for n in range(1, 31)])
    people = [f"dm{n}" for n in range(1, 31)]
    for n, text in enumerate(people, start=1):
        await add(database, text, user_id=n, channel_id=None)
    await add(database, *(f"post{n}" for n in range(40)))
    stage, loop = Stage(), asyncio.get_running_loop()
    begun = loop.time()
    async with running(dispatcher(stage, dm_per_second=20)):
        await until(lambda: sum(s.startswith("post") for s in stage.shown) == 40)
        assert sum(s.startswith("dm") for s in stage.shown) < 10  # nobody waits behind them
        await until(lambda: len(stage.shown) == 70, timeout=20)
        took = loop.time() - begun
        await until(all_sent(database))
    assert took >= 29 / 20
    assert [s for s in stage.shown if s.startswith("dm")] == people
    async with database.transaction() as session:
        assert (await session.get_one(User, 3)).dm_channel_id == 9003


async def test_five_in_five_seconds_in_one_channel(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaled down to a fifth of a second; order is kept even where most were put off."""
    monkeypatch.setattr("core.notifications.lanes.CHANNEL_SECONDS", 0.2)
    texts = [f"n{n:02}" for n in range(30)]
    now = utcnow()
    for n, text in enumerate(texts):
        await add(database, text, channel_id=7, due=now - timedelta(seconds=60 - n))
    stage, starts, loop = Stage(), list[float](), asyncio.get_running_loop()

    async def note(_: Claimed) -> None:
        starts.append(loop.time())

    stage.before = note
    async with running(dispatcher(stage)):
        await until(all_sent(database), timeout=20)
    assert stage.shown == texts
    # Six fifths, the first at once; less what a busy machine was late with noting the first start.
    assert starts[-1] - starts[0] >= 0.8
    assert {r.attempts for r in (await rows(database)).values()} == {1}


async def test_a_place_in_trouble_keeps_its_order(database: Database) -> None:
    now = utcnow()
    for n in range(3):
        await add(database, f"n{n}", channel_id=7, due=now - timedelta(seconds=9 - n))
    stage = Stage(trouble={"n0": [Outcome("connection", "broke", retry_after=0.1)]})
    async with running(dispatcher(stage)):
        await until(all_sent(database))
    assert stage.shown == ["n0", "n1", "n2"]
