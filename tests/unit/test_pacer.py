"""Whose turn it is, and how often."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from yarl import URL

from core.discord_outbound.pacer import BURST, Pacer, background


async def ask(pacer: Pacer, name: str, done: list[str], *, behind: bool) -> None:
    background.set(behind)  # a task has a context of its own
    await pacer.turn()
    done.append(name)


async def test_people_go_before_background_work() -> None:
    pacer, done = Pacer(25), list[str]()
    for _ in range(BURST + 1):  # what may go at once
        await pacer.turn()
    work = [asyncio.create_task(ask(pacer, f"sweep {n}", done, behind=True)) for n in range(5)]
    people = [asyncio.create_task(ask(pacer, f"click {n}", done, behind=False)) for n in range(5)]
    await asyncio.gather(*work, *people)
    clicks = [n for n in done if n.startswith("click")]
    assert clicks == [f"click {n}" for n in range(5)]
    assert [n for n in done if n.startswith("sweep")] == [f"sweep {n}" for n in range(5)]
    # All asked within a moment; at most one sweep call had its turn before the first click came.
    assert done.index("click 4") <= 5


async def test_no_second_has_more_than_fifty_starts() -> None:
    """Scaled down: 45 a second becomes 450, the second becomes a tenth of one."""
    pacer, loop = Pacer(450), asyncio.get_running_loop()
    starts: list[float] = []

    async def one() -> None:
        await pacer.turn()
        starts.append(loop.time())

    begin = loop.time()
    await asyncio.gather(*(one() for _ in range(150)))
    # Five or six at once, the others one by one: never faster than that, however late a timer is.
    assert loop.time() - begin >= (150 - (BURST + 1)) / 450 - 0.001
    assert starts == sorted(starts)


async def test_who_gave_up_costs_nobody_a_turn() -> None:
    pacer, done = Pacer(100), list[str]()
    for _ in range(BURST + 1):
        await pacer.turn()
    gone = [asyncio.create_task(ask(pacer, "gone", done, behind=False)) for _ in range(50)]
    await asyncio.wait(gone, timeout=0)
    for task in gone:
        task.cancel()
    await asyncio.wait(gone)
    await asyncio.wait_for(ask(pacer, "here", done, behind=True), 0.3)
    assert done == ["here"]


async def test_answers_to_interactions_never_wait() -> None:
    pacer = Pacer(0.01)  # one turn in a hundred seconds
    on_start: Any = pacer.trace().on_request_start[0]
    for _ in range(BURST + 1):
        await pacer.turn()

    async def start(path: str) -> None:
        params = SimpleNamespace(url=URL(f"https://discord.test{path}"))
        await on_start(None, SimpleNamespace(), params)

    for path in ("/api/v10/interactions/1/x/callback", "/api/v10/webhooks/1/x", "/?v=10"):
        await asyncio.wait_for(start(path), 1)
    waiting = asyncio.create_task(start("/api/v10/channels/1"))
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    assert not done
    waiting.cancel()
    assert pacer._timer is not None
    pacer._timer.cancel()
