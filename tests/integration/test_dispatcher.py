"""What is due goes out once, in order, whatever single rows and hooks do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import set_clock, utcnow
from core.db.engine import Database
from core.discord_outbound.outcome import Outcome
from core.notifications.outgoing import Claimed, Decisions, Done, Message, Send, Skip, Wait
from core.words import speaking, t, unpack
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
    statuses,
    until,
)


@pytest.fixture(autouse=True)
async def _ground(database: Database) -> None:
    await guild(database)


NO_RIGHT = Outcome("missing_permission", t("Muster lacks a permission"), permanent=True)
GONE = Outcome("unknown_channel", t("the channel is gone"), permanent=True)


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


async def test_reasons_are_said_in_any_language(database: Database) -> None:
    await add(database, "a")
    gone = Outcome("unknown_channel", t("the channel is gone"), permanent=True)
    await dispatcher(Stage(trouble={"a": [gone]}), sent=no_follow_up).drain()
    text = (await rows(database))["a"].error_text or ""
    with speaking("de"):
        assert unpack(text) != unpack(text).upper()
        assert unpack(text) != "the channel is gone"
    assert (await rows(database))["a"].guild_id == GUILD
