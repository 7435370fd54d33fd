"""Rows about calendars: what is asked of their servers, beside one event for every meeting."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from datetime import time as clock_time

from sqlalchemy import insert, select

from core.calendars.memory import Memory, MemoryServer
from core.calendars.office import Access, Office, set_office
from core.clock import utcnow
from core.db.calendar_models import CalendarAddress, CalendarEntry, CalendarLink
from core.db.engine import get_database
from core.db.models import Membership
from core.db.queries import calendars as rows
from core.keys import Keys
from core.reconcile.calendar import written
from core.reconcile.series import Attendee, Instance, Series
from core.schedule import instant
from core.systems.calendar_rows import wanted, with_people
from tests.bench import terms
from tests.bench.counting import Cost
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.sweep import LARGE, ROUNDS, idle
from tests.bench.town import Size, Town, town
from tests.integration._calendars import DavSide, Servers, dav_side

MEETINGS, PEOPLE, ENTRIES = 12, 12, 200
_ZONE, _AT = "Europe/Berlin", clock_time(19)
_FIRST = date(2026, 1, 7)


class MemoryMaker:
    """Calendars in memory: one server, whose requests are counted."""

    def __init__(self) -> None:
        self.server = MemoryServer()

    def __call__(self, access: Access) -> Memory:
        """One server for all guilds, as one account may be."""
        return Memory(self.server, access.address)

    async def close(self) -> None:
        """Nothing is open."""


def series(number: int, *, people: int = PEOPLE, meetings: int = MEETINGS) -> Series:
    """A group's entry with weekly meetings over a change of the clocks."""
    days = [_FIRST + timedelta(weeks=n) for n in range(meetings)]
    return Series(
        f"bench-{number}", f"Group {number}", "A group that meets.", _ZONE, _AT, 60, 1,
        tuple(Instance(d, instant(d, _AT, _ZONE), 60, f"Group {number}") for d in days),
        tuple(Attendee(f"member{n}@example.org", f"Member {n}") for n in range(people)),
    )  # fmt: skip


def apart(whole: Series) -> list[Series]:
    """The naive way: an event for every meeting."""
    return [
        replace(whole, uid=f"{whole.uid}-{n}", instances=(one,))
        for n, one in enumerate(whole.instances)
    ]


# --- the sweep ------------------------------------------------------------------------------------


async def connect(t: Town, maker: MemoryMaker) -> Office:
    """Every guild has a calendar, everybody an address, and every entry is right."""
    now, keys = utcnow(), Keys(["b" * 32])
    office = Office(keys, makers={"memory": maker})
    set_office(office)
    async with get_database().transaction() as session:
        await session.execute(insert(CalendarLink), [
            {"guild_id": g, "backend": "memory", "address": f"memory:{g}", "created_by": 1,
             "created_at": now, "poll_at": now, "polled_at": now} for g in t.built.guild_ids
        ])  # fmt: skip
        found = await session.execute(select(Membership.guild_id, Membership.user_id).distinct())
        await session.execute(insert(CalendarAddress), [
            {"guild_id": g, "user_id": u, "given_at": now, "sealed": keys.seal(f"{u}@example.org")}
            for g, u in found
        ])  # fmt: skip
    async with get_database().transaction() as session:
        await session.execute(
            insert(CalendarEntry), [_entry(f, office, now) for f in await rows.gather(session)]
        )
    return office


def _entry(facts: rows.Facts, office: Office, now: datetime) -> dict[str, object]:
    group = with_people(facts, office)
    made = wanted(facts, group, office, now)
    assert made is not None
    seen = written(made, group.people)
    # As the first write leaves it: what is seen is part of what is wanted.
    entry = rows.Entry(group.id, "made", 0, made.uid, "1", None, None, None, seen)
    again = wanted(replace(facts, entry=entry), group, office, now)
    assert again is not None
    return {
        "group_id": group.id, "guild_id": group.guild_id, "state": "made", "address": made.uid,
        "etag": "1", "desired_hash": again.hash, "seen": seen,
    }  # fmt: skip


async def sweep(size: Size = LARGE, rounds: int = ROUNDS) -> tuple[Cost, int]:
    """A sweep that finds nothing to do, the median by time of several; requests to calendars."""
    maker = MemoryMaker()
    async with town("ours", size) as t:
        await terms.hold(t)
        office = await connect(t, maker)
        try:
            cost = await idle(t, rounds)
        finally:
            set_office(None)
            await office.close()
    return cost, maker.server.requests


async def naive_sweep(groups: int) -> tuple[float, int]:
    """Every event is read, to see whether it is right: seconds, requests."""
    server = MemoryServer()
    calendar = Memory(server, None)
    await calendar.ensure_calendar("Naive")
    stored = [await calendar.put(one, None) for one in apart(series(0))]
    before, start = server.requests, time.perf_counter()
    for _ in range(groups):
        for one in stored:
            await calendar.read(one.address)
    return time.perf_counter() - start, server.requests - before


@row(
    "sweep of 1,000 groups with 12,000 people in calendars, nothing changed",
    requests=0, SQL_statements=12, s=5.0,
)  # fmt: skip
async def _sweep(ground: Ground) -> tuple[Figures, Figures]:
    async with ground.database():
        cost, requests = await sweep()
    seconds, naive = await naive_sweep(LARGE.guilds * LARGE.cohorts * LARGE.groups)
    ours = {"requests": requests, "SQL statements": cost.sql, "s": cost.seconds}
    return ours, {"requests": naive, "s": seconds}


# --- a real server --------------------------------------------------------------------------------


@asynccontextmanager
async def radicale(ground: Ground) -> AsyncIterator[DavSide]:
    """A Radicale on loopback with nothing in it. Needs the oracles' environment."""
    servers = Servers(ground.folder())
    try:
        async with dav_side(f"http://127.0.0.1:{servers.port('radicale')}/") as side:
            yield side
    finally:
        servers.stop()


@row("change one attendee of 12 meetings on Radicale", requests=1, s=0.5)
async def _attendee(ground: Ground) -> tuple[Figures, Figures]:
    async with radicale(ground) as side:
        calendar = side.open(None)
        await calendar.ensure_calendar("Bench")
        whole, changed = series(1), series(1, people=PEOPLE - 1)
        stored = await calendar.put(whole, None)
        singles = [await calendar.put(one, None) for one in apart(whole)]
        side.requests.clear()
        start = time.perf_counter()
        await calendar.put(changed, stored)
        ours = {"requests": float(len(side.requests)), "s": time.perf_counter() - start}
        side.requests.clear()
        start = time.perf_counter()
        for one, there in zip(apart(changed), singles, strict=True):
            await calendar.put(one, there)
        naive = {"requests": float(len(side.requests)), "s": time.perf_counter() - start}
    return ours, naive


@row("first reading of 200 events from Radicale", requests=2, s=10.0)
async def _first(ground: Ground) -> tuple[Figures, Figures]:
    async with radicale(ground) as side:
        calendar = side.open(None)
        await calendar.ensure_calendar("Bench")
        stored = [await calendar.put(series(n), None) for n in range(ENTRIES)]
        side.requests.clear()
        start = time.perf_counter()
        found = await calendar.changes(None)
        ours = {"requests": float(len(side.requests)), "s": time.perf_counter() - start}
        if len(found.changed) != ENTRIES:
            raise RuntimeError(f"{len(found.changed)} of {ENTRIES} entries were read")
        side.requests.clear()
        start = time.perf_counter()
        for one in stored:
            await calendar.read(one.address)
        naive = {"requests": float(len(side.requests)), "s": time.perf_counter() - start}
    return ours, naive
