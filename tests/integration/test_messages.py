"""The list of messages: pages by key with many rows, and what a press does beside a claim."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from core.clock import set_clock
from core.db.engine import Database
from core.db.meeting_models import Announcement, Delivery
from core.db.models import AuditEntry
from core.db.queries import claims
from core.errors import Refusal
from core.operations import message_actions, messages
from core.operations.common import Actor
from tests.integration._sending import GUILD, guild, statements

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
OTHER = GUILD + 1
MOD = Actor(GUILD, 1, "mod", moderator=True)
THEM = Actor(OTHER, 2, "them", moderator=True)


@pytest.fixture
async def base(database: Database) -> Database:
    set_clock(lambda: NOW)
    await guild(database)
    await guild(database, OTHER)
    return database


def row(n: int, guild_id: int = GUILD, status: str = "sent", **more: Any) -> dict[str, Any]:
    usual = {
        "guild_id": guild_id, "kind": "remind_first", "key": f"k:{guild_id}:{n}", "channel_id": n,
        "status": status, "due_at": NOW, "next_at": NOW, "created_at": NOW, "user_id": None,
        "announcement_id": None, "error_class": None, "attempts": 1,
        "sent_at": NOW if status == "sent" else None,
    }  # fmt: skip
    return usual | more


async def add(base: Database, rows: list[dict[str, Any]]) -> list[int]:
    async with base.transaction() as session:
        statement = insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True)
        return list(await session.scalars(statement, rows))


# Thousands of rows as values of one statement would take Python seconds to write down.
MANY = """
INSERT INTO deliveries
    (guild_id, kind, key, channel_id, status, attempts, due_at, next_at, created_at, sent_at)
SELECT guild, 'remind_first', 'many:' || n, n, status, 1, at, at, at,
    CASE status WHEN 'sent' THEN at END
FROM unnest(CAST(:guilds AS bigint[]), CAST(:statuses AS text[])) WITH ORDINALITY
    AS t (guild, status, n), CAST(:now AS timestamptz) AS at
ORDER BY n
RETURNING id
"""


async def add_many(base: Database, guilds: list[int], statuses: list[str]) -> list[int]:
    """A row for each, in this order; their ids."""
    given = {"guilds": guilds, "statuses": statuses, "now": NOW}
    async with base.transaction() as session:
        return sorted(await session.scalars(text(MANY), given))


async def test_pages_of_twenty_thousand_rows_in_two_servers(base: Database) -> None:
    statuses = ["sent"] * 16 + ["skipped", "pending", "failed", "dead"]
    guilds = [GUILD, OTHER] * 10_000
    each = [statuses[n // 2 % 20] for n in range(20_000)]
    ids = await add_many(base, guilds, each)
    own = ids[::2]
    status = dict(zip(ids, each, strict=True))
    for which, kept in messages.STATUSES.items():
        order = own if which == "waiting" else list(reversed(own))
        expected = [i for i in order if status[i] in kept]
        seen: list[int] = []
        before = None
        for _ in range(4):
            with statements(base) as asked:
                found = await messages.page(MOD, which, before=before)
            assert len(asked) == 1, asked
            seen += [line.id for line in found.lines]
            before = seen[-1]
        assert seen == expected[: 4 * messages.PAGE], which
        back = await messages.page(MOD, which, after=seen[-messages.PAGE])
        assert [line.id for line in back.lines] == seen[-2 * messages.PAGE : -messages.PAGE]
        assert (back.newer, back.older) == (True, True)
    last = await messages.page(MOD, "all", before=own[3])
    assert [line.id for line in last.lines] == [own[2], own[1], own[0]]
    assert not last.older


async def test_a_page_reads_an_index(base: Database) -> None:
    rare = ["failed" if n % 5000 == 0 else "sent" for n in range(20_000)]
    await add_many(base, [OTHER, GUILD] * 10_000, rare)
    await add(base, [row(30_000, status="failed")])
    async with base.transaction() as session:
        await session.execute(text("analyze deliveries"))
    both: tuple[messages.Filter, ...] = ("all", "failed")
    for which in both:
        with statements(base) as seen:
            await messages.page(MOD, which)
        plan = await explained(base, which)
        assert "Seq Scan on deliveries" not in plan, plan
        assert len(seen) == 1


async def test_what_is_weeks_ahead_stands_under_waiting_alone(base: Database) -> None:
    far = {"due_at": NOW + timedelta(days=20), "next_at": NOW + timedelta(days=20)}
    soon = {"due_at": NOW + timedelta(days=1), "next_at": NOW + timedelta(days=1)}
    ids = await add(base, [
        row(1, status="pending") | far, row(2, status="pending") | soon,
        row(3, status="sent") | {"due_at": NOW - timedelta(days=2)}, row(4, status="sent"),
        row(5, status="pending"),
    ])  # fmt: skip
    everything = await messages.page(MOD, "all")
    assert [line.id for line in everything.lines] == [ids[4], ids[3], ids[2]]
    waiting = await messages.page(MOD, "waiting")
    assert [line.id for line in waiting.lines] == [ids[4], ids[1], ids[0]]


async def explained(base: Database, which: messages.Filter) -> str:
    query = messages._list(GUILD, which, None, back=False).limit(messages.PAGE + 1)
    said = query.compile(base.engine.sync_engine, compile_kwargs={"literal_binds": True})
    async with base.transaction() as session:
        found = await session.execute(text(f"explain {said}".replace(":", "\\:")))
        return "\n".join(line for (line,) in found)


async def announcement(base: Database, draft: int = 1) -> int:
    async with base.transaction() as session:
        one = Announcement(
            guild_id=GUILD, draft_id=draft, author_id=1, content="Hello", ping=False,
            targets={"names": ["Stats"]}, created_at=NOW,
        )  # fmt: skip
        session.add(one)
        await session.flush()
        return one.id


async def test_an_announcement_is_one_line_in_every_list(base: Database) -> None:
    number = await announcement(base)
    states = ["sent"] * 5 + ["failed", "dead", "pending"]
    posts = [row(n, status=s, kind="announce", announcement_id=number)
             for n, s in enumerate(states)]  # fmt: skip
    posts[5]["error_text"] = posts[6]["error_text"] = "the channel is gone"
    over = [row(90 + n, status=s, kind="announce_edit", announcement_id=number)
            for n, s in enumerate(["sent", "skipped"])]  # fmt: skip
    await add(base, [row(50)])
    for one in [*posts, *over]:
        await add(base, [one])
    await add(base, [row(51)])
    with statements(base) as seen:
        found = await messages.page(MOD, "all")
    assert len(seen) == 3
    assert [line.kind for line in found.lines] == ["remind_first", "announce", "remind_first"]
    tally = found.lines[1].announcement
    assert tally is not None
    assert (tally.sent, tally.failed, tally.waiting, tally.skipped) == (5, 2, 1, 0)
    assert tally.why == ((1, "the channel is gone"), (1, "the channel is gone"))
    expected: dict[messages.Filter, int] = {"sent": 3, "failed": 1, "waiting": 1, "skipped": 0}
    for which, number_of in expected.items():
        assert len((await messages.page(MOD, which)).lines) == number_of, which
    # A change that could not be made is among what failed, and waits until it is shown.
    await add(base, [row(99, status="failed", kind="announce_edit", announcement_id=number)])
    failed = (await messages.page(MOD, "failed")).lines
    assert [line.announcement.unchanged for line in failed if line.announcement] == [1]


async def status_of(base: Database, delivery_id: int) -> tuple[str, str | None, datetime]:
    async with base.transaction() as session:
        one = await session.get_one(Delivery, delivery_id)
        return one.status, one.error_class, one.next_at


async def test_retry_and_cancel(base: Database) -> None:
    later = NOW + timedelta(hours=1)
    trouble: dict[str, Any] = {"error_class": "missing_permission", "next_at": later}
    states = ["sent", "pending", "failed", "dead", "sending", "skipped"]
    ids = await add(base, [row(n, status=s, **(trouble if s in {"failed", "dead"} else {}))
                           for n, s in enumerate(states)])  # fmt: skip
    by = dict(zip(states, ids, strict=True))
    for state in ("sent", "pending", "sending", "skipped"):
        with pytest.raises(Refusal):
            await message_actions.retry(MOD, by[state])
    for state in ("sent", "dead", "sending", "skipped"):
        with pytest.raises(Refusal):
            await message_actions.cancel(MOD, by[state])
    assert await message_actions.retry_all(MOD) == 2
    for state in ("failed", "dead"):
        assert await status_of(base, by[state]) == ("pending", None, NOW)
    assert (await message_actions.cancel(MOD, by["failed"])).error_class == "cancelled"
    assert not (await messages.line(MOD, by["failed"])).can_cancel
    # What was cancelled by mistake may be sent after all.
    await message_actions.retry(MOD, by["failed"])
    assert (await status_of(base, by["failed"]))[0] == "pending"
    with pytest.raises(Refusal):
        await message_actions.retry_all(MOD)
    with pytest.raises(Refusal):
        await messages.line(THEM, by["failed"])
    async with base.transaction() as session:
        written = (await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))).all()
    assert written == ["messages_retried", "message_cancelled", "message_retried"]


async def test_too_late_and_sent_all_the_same(base: Database) -> None:
    """A person wants it sent: from now on it is late no more."""
    old = NOW - timedelta(days=3)
    late: dict[str, Any] = {"error_class": "too_late", "due_at": old, "next_at": old}
    [number] = await add(base, [row(1, status="skipped", **late)])
    assert (await message_actions.retry(MOD, number)).due_at == NOW
    [fresh] = await add(base, [row(2, status="dead", due_at=NOW - timedelta(minutes=5))])
    assert (await message_actions.retry(MOD, fresh)).due_at == NOW - timedelta(minutes=5)


@pytest.mark.parametrize("press", [message_actions.cancel, message_actions.retry])
async def test_a_press_beside_a_claim(base: Database, press: Any) -> None:
    """Whoever comes first has it: what is claimed is left alone, and nothing is claimed twice."""
    for n in range(10):
        [number] = await add(base, [row(n, status="failed")])
        outcomes = await asyncio.gather(claimed(base), press(MOD, number), return_exceptions=True)
        rows, line = outcomes
        assert isinstance(rows, list)
        if isinstance(line, Refusal):
            assert len(rows) == 1
            assert (await status_of(base, number))[0] == "sending"
        else:
            assert (await status_of(base, number))[0] in {"skipped", "pending", "sending"}
            assert not (rows and press is message_actions.cancel)
        async with base.transaction() as session:
            await session.execute(text("delete from deliveries"))


async def claimed(base: Database) -> list[Any]:
    async with base.transaction() as session:
        found = await claims.claim(
            session, now=NOW, holder=7, until=NOW + timedelta(seconds=60), most=5
        )
        await asyncio.sleep(0)
        return list(found)
