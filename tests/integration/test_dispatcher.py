"""What is due goes out once, whatever happens to rows, people, Postgres and processes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import set_clock, utcnow
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.db.instance import Instance
from core.db.models import User
from core.db.queries.deliveries import CHANNEL, wake
from core.discord_outbound.outcome import Outcome
from core.notifications.dispatcher import BATCH, HELD
from core.notifications.lanes import AT_ONCE
from core.notifications.outgoing import Claimed, Decisions, Done, Message, Send, Skip, Wait
from core.words import speaking, t, unpack
from tests.conftest import administer
from tests.integration._sending import (
    GUILD,
    Stage,
    add,
    dispatcher,
    guild,
    no_follow_up,
    plainly,
    rows,
    running,
    until,
)

DOWN = Outcome("discord_down", t("Discord answered with an error ({status})", status=500))
NO_RIGHT = Outcome("missing_permission", t("Muster lacks a permission"), permanent=True)
GONE = Outcome("unknown_channel", t("the channel is gone"), permanent=True)


@pytest.fixture(autouse=True)
async def _ground(database: Database) -> None:
    await guild(database)


async def statuses(database: Database) -> dict[str, str]:
    return {text: row.status for text, row in (await rows(database)).items()}


async def test_sent_once_in_order_and_noted(database: Database) -> None:
    now = utcnow()
    for n in range(5):
        await add(database, f"n{n}", due=now - timedelta(minutes=n), channel_id=7)
    stage, followed = Stage(), list[Done]()

    async def sent(_: AsyncSession, done: Sequence[Done]) -> None:
        followed.extend(done)

    async with running(dispatcher(stage, sent=sent)):
        await until(lambda: len(followed) == 5)
    assert stage.shown == ["n4", "n3", "n2", "n1", "n0"]
    assert [d.row.payload["text"] for d in followed] == stage.shown
    found = await rows(database)
    assert all(r.status == "sent" and r.sent_at and r.lease_by is None for r in found.values())
    assert {r.message_id for r in found.values()} == {1, 2, 3, 4, 5}


async def test_two_dispatchers_at_once(database: Database) -> None:
    texts = [f"n{n}" for n in range(600)]
    await add(database, *texts)
    stage = Stage()
    async with running(dispatcher(stage)), running(dispatcher(stage)):
        await until(lambda: len(stage.shown) >= 600)
        await until(_all_sent(database))
    assert sorted(stage.shown) == sorted(texts)


def _all_sent(database: Database) -> Any:
    async def check() -> bool:
        return set((await statuses(database)).values()) == {"sent"}

    return check


async def test_after_twelve_hours_away(database: Database) -> None:
    """What is too late is not sent, with a reason in the language of whoever reads it."""
    now = utcnow()
    await add(database, "old", due=now - timedelta(hours=12))
    await add(database, "new", due=now)

    async def prepare(s: AsyncSession, claimed: Sequence[Claimed], at: datetime) -> Decisions:
        decisions = await plainly(s, claimed, at)
        for row in claimed:
            if at - row.due_at > timedelta(hours=1):
                decisions[row.id] = Skip("too_late", t("nothing to change"))
        return decisions

    stage = Stage()
    assert await dispatcher(stage, prepare=prepare).drain() == 2
    assert stage.shown == ["new"]
    old = (await rows(database))["old"]
    assert (old.status, old.error_class) == ("skipped", "too_late")
    assert unpack(old.error_text or "") == "nothing to change"


async def test_a_poisoned_row_does_not_stop_the_others(database: Database) -> None:
    texts = [f"n{n}" for n in range(20)]
    await add(database, *texts)

    async def prepare(s: AsyncSession, claimed: Sequence[Claimed], at: datetime) -> Decisions:
        if any(row.payload["text"] == "n7" for row in claimed):
            raise KeyError("n7 cannot be worked out")
        return await plainly(s, claimed, at)

    stage = Stage()
    await dispatcher(stage, prepare=prepare).drain()
    assert sorted(stage.shown) == sorted(set(texts) - {"n7"})
    bad = (await rows(database))["n7"]
    assert (bad.status, bad.error_class, bad.attempts) == ("failed", "error", 1)
    assert bad.next_at > utcnow()


async def test_a_decision_that_is_missing_or_points_nowhere(database: Database) -> None:
    await add(database, "missing", "nowhere")

    async def prepare(s: AsyncSession, claimed: Sequence[Claimed], at: datetime) -> Decisions:
        return {r.id: Send(Message("?")) for r in claimed if r.payload["text"] == "nowhere"}

    await dispatcher(Stage(), prepare=prepare).drain()
    assert set((await statuses(database)).values()) == {"failed"}


async def test_waiting_is_no_failure(database: Database) -> None:
    await add(database, "later")
    at = utcnow() + timedelta(hours=3)

    async def prepare(_: AsyncSession, claimed: Sequence[Claimed], __: datetime) -> Decisions:
        return {row.id: Wait(at, "quiet", t("nothing to change")) for row in claimed}

    await dispatcher(Stage(), prepare=prepare).drain()
    row = (await rows(database))["later"]
    assert (row.status, row.attempts, row.error_class) == ("pending", 0, "quiet")
    assert row.next_at == at
    assert row.unsure_since is None


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


async def test_moderators_hear_once_per_group_and_class(database: Database) -> None:
    heard: list[tuple[str, str]] = []

    async def gave_up(row: Claimed, error_class: str, text: str) -> None:
        heard.append((error_class, text))

    await add(database, "a", "b", "c", "d")
    stage = Stage(trouble={"a": [NO_RIGHT] * 2, "b": [NO_RIGHT], "c": [GONE], "d": [GONE]})
    await dispatcher(stage, gave_up=gave_up).drain()
    assert sorted(heard) == [
        ("missing_permission", "Muster lacks a permission"),
        ("unknown_channel", "the channel is gone"),
    ]
    found = await statuses(database)
    # A right can be given; a channel that was named by its id does not come back.
    assert found == {"a": "failed", "b": "failed", "c": "dead", "d": "dead"}
    await add(database, "e", channel_id=5)
    stage.trouble["e"] = [NO_RIGHT]
    later = utcnow() + timedelta(hours=1)
    set_clock(lambda: later)
    await dispatcher(stage, gave_up=gave_up).drain()
    assert len(heard) == 2
    assert stage.shown == ["b"]


async def test_a_hook_that_breaks_does_not_undo_the_notes(database: Database) -> None:
    await add(database, "a", "b")
    followed = list[Done]()

    async def sent(_: AsyncSession, done: Sequence[Done]) -> None:
        if any(d.row.payload["text"] == "a" for d in done):
            raise ValueError("a cannot be followed up")
        followed.extend(done)

    await dispatcher(Stage(), sent=sent).drain()
    assert set((await statuses(database)).values()) == {"sent"}
    assert [d.row.payload["text"] for d in followed] == ["b"]


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
        await until(_all_sent(database))
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
        await until(_all_sent(database), timeout=20)
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
        await until(_all_sent(database))
    assert stage.shown == ["n0", "n1", "n2"]


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


async def test_postgres_is_cut_off_meanwhile(
    database: Database, postgres: EmbeddedPostgres
) -> None:
    """Every connection dies again and again while 300 go out: each goes out, and once."""
    texts = [f"n{n}" for n in range(300)]
    await add(database, *texts)
    stage, name = Stage(), make_url(database.url).database
    cut = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"

    async def slowly(_: Claimed) -> None:
        await asyncio.sleep(0.05)

    stage.before = slowly
    async with running(dispatcher(stage, longest_wait=0.5)):
        for share in (20, 150, 290):
            await until(lambda n=share: len(stage.shown) >= n, timeout=20)  # type: ignore[misc]  # mypy cannot infer it
            await administer(postgres, cut)
        await until(lambda: _patiently(database), timeout=30)
    assert sorted(stage.shown) == sorted(texts)


async def _patiently(database: Database) -> bool:
    try:
        return set((await statuses(database)).values()) == {"sent"}
    except (OSError, asyncpg.PostgresError):
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
    stage, may_end = Stage(), asyncio.Event()

    async def hold_on(_: Claimed) -> None:
        await may_end.wait()

    stage.before = hold_on
    made = dispatcher(stage)
    task = asyncio.create_task(made.run())
    await until(lambda: len(made._held) == HELD)
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
    async with running(dispatcher(stage)):
        await until(lambda: _sending(database))
        for _ in range(20):
            await dispatcher(other).drain()
            await asyncio.sleep(0.1)
        may_end.set()
        await until(_all_sent(database))
    assert (stage.shown, other.shown) == (["slow"], [])


async def _sending(database: Database) -> bool:
    return (await statuses(database))["slow"] == "sending"


async def test_what_a_process_forgot_is_sent_when_its_lease_ends(database: Database) -> None:
    """The claim was noted, its answer never came: our own rows are not ours for ever."""
    database.lease_seconds = 0.3
    await add(database, "forgotten")
    stage = Stage()
    await dispatcher(stage)._claim()
    async with running(dispatcher(stage, longest_wait=0.1)):
        await until(_all_sent(database), timeout=5)
    assert stage.shown == ["forgotten"]


async def test_reasons_are_said_in_any_language(database: Database) -> None:
    await add(database, "a")
    gone = Outcome("unknown_channel", t("the channel is gone"), permanent=True)
    await dispatcher(Stage(trouble={"a": [gone]}), sent=no_follow_up).drain()
    text = (await rows(database))["a"].error_text or ""
    with speaking("de"):
        assert unpack(text) != unpack(text).upper()
        assert unpack(text) != "the channel is gone"
    assert (await rows(database))["a"].guild_id == GUILD
