"""kill -9 between claiming a message and noting that it was sent: people see it exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from core.clock import utcnow
from core.db.engine import Database
from core.db.meeting_models import Announcement, Delivery
from core.db.models import Guild
from core.db.queries.deliveries import New, enqueue
from core.operations import announcements
from core.operations.common import Actor
from tests.e2e.discord_client import DiscordServer, ServerProcess
from tests.e2e.process import running, until

MESSAGES = 200
CHANNELS = 50  # four messages each: below five in five seconds, so that nothing has to wait


@pytest.fixture
async def server(process: ServerProcess) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(seed="small", process=process) as client:
        yield client
        assert await client.violations() == []


async def announced(
    server: DiscordServer, database: Database, count: int, channels: int
) -> list[int]:
    """`count` announcements that are due, in turn in so many channels; the channels' ids."""
    guild_id, now = server.seed["guild_id"], utcnow()
    rooms = [await server.create_channel(guild_id, f"room-{n}") for n in range(channels)]
    texts = [f"message {n}" for n in range(count)]
    async with database.transaction() as session:
        guild = {"id": guild_id, "name": "Reading Circle", "joined_at": now}
        await session.execute(insert(Guild).values(guild))
        base = {"guild_id": guild_id, "author_id": 1, "targets": {}, "ping": False}
        made = await session.scalars(
            insert(Announcement).returning(Announcement.id, sort_by_parameter_order=True),
            [
                base | {"draft_id": n, "content": text, "created_at": now}
                for n, text in enumerate(texts)
            ],
        )
        news = [
            New(guild_id, "announce", f"announce:{number}", now,
                channel_id=rooms[n % channels], announcement_id=number)
            for n, number in enumerate(made)
        ]  # fmt: skip
        await enqueue(session, news, now)
    return rooms


async def seen(server: DiscordServer, rooms: list[int]) -> Counter[str]:
    """How often each message can be read, over all channels."""
    dump = await server.dump(server.seed["guild_id"], messages=True)
    ours = [c for c in dump["channels"] if int(c["id"]) in rooms]
    return Counter(m["content"] for c in ours for m in c["messages"])


async def _sent(database: Database, count: int) -> bool:
    async with database.transaction() as session:
        number = await session.scalar(
            select(func.count()).select_from(Delivery).where(Delivery.status == "sent")
        )
    return number == count


# Each is where the process dies, and after how many calls of it.
KILLS = {
    "claimed, nothing worked out": ("core.notifications.dispatcher:decided", 1),
    "before a message": ("core.notifications.courier:send_channel_message", 30),
    "sent, not noted": ("core.db.queries.claims:settle", 4),
    "noted, not committed": ("core.db.queries.claims:remember_dms", 4),
}


async def test_killed_at_every_step(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """Four deaths over the messages, the lease being long: the next start waits for none of it."""
    rooms = await announced(server, database, MESSAGES, CHANNELS)
    for where, nth in KILLS.values():
        point = {"KILL_AT": where, "KILL_NTH": str(nth), "MUSTER_LEASE_SECONDS": "600"}
        async with running(server, database.url, tmp_path, **point) as bot:
            assert await bot.ended() == -9
    twice = await _unsure(database)
    assert twice > 0  # there was something to do wrong
    async with running(server, database.url, tmp_path) as bot:
        await until(lambda: _sent(database, MESSAGES), what="the sending", timeout=60)
        assert await bot.stop() == 0
        assert bot.unhandled() == []
    found = await seen(server, rooms)
    assert len(found) == MESSAGES
    assert set(found.values()) == {1}


async def _unsure(database: Database) -> int:
    async with database.transaction() as session:
        return len(
            (await session.scalars(select(Delivery).where(Delivery.status == "sending"))).all()
        )


async def test_killed_and_started_again_when_no_nonce_is_remembered(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """After a long outage the channels are read before anything is sent a second time.

    What would be said by then is another text: it is marked as late, and one was changed.
    """
    rooms = await announced(server, database, 30, 10)
    point = {"KILL_AT": "core.db.queries.claims:settle"}
    async with running(server, database.url, tmp_path, **point) as bot:
        assert await bot.ended() == -9
    before = await seen(server, rooms)
    assert before
    await server.configure(nonce_window=0)
    ago = utcnow() - timedelta(minutes=20)
    async with database.transaction() as session:
        await session.execute(
            update(Delivery)
            .where(Delivery.unsure_since.is_not(None))
            .values(unsure_since=ago, due_at=ago)
        )
    seen_one = min(before)
    number = int(seen_one.removeprefix("message ")) + 1
    await announcements.edit(_moderator(server), number, "changed")
    async with running(server, database.url, tmp_path):
        await until(lambda: _sent(database, 31), what="the sending")
    found = await seen(server, rooms)
    texts = Counter(text.partition("\n")[0] for text in found.elements())
    assert set(texts.values()) == {1}
    assert set(texts) == {f"message {n}" for n in range(30)} - {seen_one} | {"changed"}


def _moderator(server: DiscordServer) -> Actor:
    return Actor(server.seed["guild_id"], 1, "mod", moderator=True)


# Where it dies while an announcement is changed in many channels, and after how many calls.
EDIT_KILLS = {
    "before a post": ("core.notifications.courier:edit_channel_message", 7),
    "changed, not noted": ("core.db.queries.claims:settle", 2),
}


async def test_killed_while_an_announcement_is_changed(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """Every post has the new text after the next start, and none came a second time."""
    rooms = await announced(server, database, 1, 1)
    guild_id, now = server.seed["guild_id"], utcnow()
    rooms += [await server.create_channel(guild_id, f"more-{n}") for n in range(19)]
    async with database.transaction() as session:
        news = [
            New(guild_id, "announce", f"more:{room}", now, channel_id=room, announcement_id=1)
            for room in rooms[1:]
        ]
        await enqueue(session, news, now)
    async with running(server, database.url, tmp_path):
        await until(lambda: _sent(database, 20), what="the posts")
    await announcements.edit(_moderator(server), 1, "changed")
    for where, nth in EDIT_KILLS.values():
        point = {"KILL_AT": where, "KILL_NTH": str(nth), "MUSTER_LEASE_SECONDS": "600"}
        async with running(server, database.url, tmp_path, **point) as bot:
            assert await bot.ended() == -9
        assert await _unsure(database) > 0  # there was something to do wrong
        between = await seen(server, rooms)
        assert between.total() == 20
        assert set(between) <= {"message 0", "changed"}
    async with running(server, database.url, tmp_path):
        await until(lambda: _sent(database, 40), what="the changes")
    assert await seen(server, rooms) == {"changed": 20}
