"""The row about calendar feeds: one of 200 meetings, read again and again by a program.

The reader is a process of its own, so that what is measured is one core's work beside Postgres.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import time

from bot.web.cache import Cache
from bot.web.feeds import Feeds
from bot.web.limits import Limit
from bot.web.server import application, serving
from core.db.calendar_models import FeedKind
from core.keys import Keys
from core.operations import cohorts, feeds, membership, slots
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.schedule import Piece, Rule, Slot
from tests.bench.building import STARTS
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row

MEETINGS = 200
CONNECTIONS = 8
UNLIMITED = 10**9
# Reads one address over so many connections, one request after another on each.
READER = """
import asyncio, json, statistics, sys, time
port, path, connections, times = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ask = f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nAccept-Encoding: gzip\\r\\n\\r\\n".encode()
waits = []
async def one():
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(times):
        begun = time.perf_counter()
        writer.write(ask)
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        if b" 200 " not in head.split(b"\\r\\n")[0]:
            raise SystemExit(head.decode())
        size = next(l for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length"))
        await reader.readexactly(int(size.split(b":")[1]))
        waits.append((time.perf_counter() - begun) * 1000)
    writer.close()
async def main():
    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    each = (time.perf_counter() - begun) * 1000 / (connections * times)
    print(json.dumps([statistics.median(waits), each]))
asyncio.run(main())
"""


async def read(port: int, path: str, connections: int, times: int) -> tuple[float, float]:
    """Milliseconds: the median wait for an answer, and the time per answer of all together."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, str(port), path, str(connections), str(times),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the reader was refused")
    median, each = json.loads(out)
    return median, each


async def _path(keys: Keys) -> str:
    """A member of a group with 200 meetings; where they read them."""
    lead, ann = Actor(1, 2, "mod", moderator=True), Actor(1, 100, "Ann")
    draft = CohortDraft("Statistics autumn", STARTS, meetings=MEETINGS)
    made = await cohorts.create(lead, draft, open_now=True)
    await membership.join(ann, made.group_ids[0])
    slot = Slot(STARTS.weekday(), time(19), "Europe/Berlin", 90)
    await slots.change(lead, made.group_ids[0], Rule((Piece(slot),)))
    return f"/feed/{(await feeds.link(ann, keys, FeedKind.member)).path}.ics"


async def _measured(ground: Ground, cache: Cache, times: int) -> Figures:
    async with ground.database():
        keys = Keys(["k" * 43])
        path = await _path(keys)
        served = Feeds(keys, "https://example.org", Limit(UNLIMITED, 1), Limit(UNLIMITED, 1), cache)
        async with serving(application(served.routes()), "127.0.0.1", 0) as port:
            await read(port, path, 1, 5)
            median, _ = await read(port, path, 1, times)
            _, each = await read(port, path, CONNECTIONS, times)
    return {"ms p50": median, "ms each of 8 at once": each}


@row("a calendar feed of 200 meetings, from the cache", ms_p50=2, ms_each_of_8_at_once=2)
async def _feed(ground: Ground) -> tuple[Figures, Figures]:
    # 2 ms each is 500 a second.
    return await _measured(ground, Cache(), 500), await _measured(ground, Cache(most=0), 5)
