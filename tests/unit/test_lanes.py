"""The queues of places: every message that is put in goes out, whatever comes when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from core.db.queries.claims import Settled
from core.notifications.lanes import AT_ONCE, CHANNEL_CALLS, Job, Lanes
from core.notifications.outgoing import Claimed, Message, Send
from core.notifications.results import Result

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MANY = 2 * AT_ONCE


def job(number: int, place: int) -> Job:
    row = Claimed(
        number, 1, "announce", f"k{number}", None, place, None, None, None, None, {}, NOW, 1, NOW
    )
    return Job(row, Send(Message("hello"), channel_id=place))


class Post:
    """Takes messages; `pause` comes before each is taken."""

    def __init__(self, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        self.taken: list[int] = []
        self.finished: list[Result] = []
        self.under_way = self.most = 0
        self._pause = pause

    async def deliver(self, row: Claimed, _: Send) -> Result:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self._pause is not None:
            await self._pause()
        self.under_way -= 1
        self.taken.append(row.id)
        return Result(row, Settled(row.id, "sent"))

    def lanes(self) -> Lanes:
        return Lanes(self.deliver, self.finished.append, dm_per_second=1000)

    async def took(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.finished) < count:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize("turns", range(5))
async def test_what_comes_while_the_workers_end_goes_out_too(turns: int) -> None:
    """A worker that has found nothing more to do is no reason not to begin another."""
    post = Post()
    lanes = post.lanes()
    for n in range(MANY):
        lanes.put(job(n, 100 + n))
    for _ in range(turns):
        await asyncio.sleep(0)
    for n in range(MANY, 2 * MANY):
        lanes.put(job(n, 100 + n))
    await post.took(2 * MANY)
    assert sorted(post.taken) == list(range(2 * MANY))
    await lanes.close()


async def test_so_many_are_under_way_and_no_more() -> None:
    go_on = asyncio.Event()

    async def pause() -> None:
        await go_on.wait()

    post = Post(pause)
    lanes = post.lanes()
    for n in range(MANY):
        lanes.put(job(n, 100 + n))
    async with asyncio.timeout(60):
        while post.under_way < AT_ONCE:
            await asyncio.sleep(0)
    go_on.set()
    await post.took(MANY)
    assert post.most == AT_ONCE
    await lanes.close()


async def test_one_place_takes_its_messages_in_order_one_at_a_time() -> None:
    async def pause() -> None:
        await asyncio.sleep(0)

    post = Post(pause)
    lanes = post.lanes()
    for n in range(CHANNEL_CALLS):
        lanes.put(job(n, 7))
    await post.took(CHANNEL_CALLS)
    assert (post.taken, post.most) == (list(range(CHANNEL_CALLS)), 1)
    await lanes.close()


async def test_closing_gives_back_what_waits_and_finishes_what_is_under_way() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        begun.set()
        await go_on.wait()

    post = Post(pause)
    lanes = post.lanes()
    for n in range(3):
        lanes.put(job(n, 7))
    await begun.wait()
    closing = asyncio.create_task(lanes.close())
    await asyncio.sleep(0)
    assert [r.row.id for r in post.finished] == [1, 2]
    assert all(r.settled.given_back for r in post.finished)
    go_on.set()
    await closing
    assert post.taken == [0]


async def test_a_bug_in_one_delivery_holds_up_no_other() -> None:
    post = Post()

    async def deliver(row: Claimed, send: Send) -> Result:
        if row.id < AT_ONCE:
            raise ValueError(row.id)
        return await post.deliver(row, send)

    lanes = Lanes(deliver, post.finished.append, dm_per_second=1000)
    for n in range(MANY):
        lanes.put(job(n, 100 + n))
    await post.took(MANY)
    assert sorted(post.taken) == list(range(AT_ONCE, MANY))
    failed = {r.row.id for r in post.finished if r.settled.error_class == "error"}
    assert failed == set(range(AT_ONCE)), "noted, so that they are tried again"
    await lanes.close()
