"""A guild with a calendar, a group with meetings, and people who answer in their calendars."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from icalendar import Calendar as Ics
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from core.calendars.memory import Memory, MemoryServer
from core.calendars.office import Access, Maker, Office, set_office
from core.calendars.port import Calendar, Changes, Remote, Stored
from core.clock import utcnow
from core.db.calendar_models import CalendarAddress, CalendarEntry, CalendarLink
from core.db.engine import get_database
from core.db.meeting_models import Rsvp
from core.db.models import Group, SyncState, User
from core.keys import Keys
from core.operations import cohorts, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.series import Series
from core.schedule import Piece, Rule, Slot

KEY = "k" * 32
KEYS = Keys([KEY])
GUILD = 500
MOD = Actor(GUILD, 1, "mod", moderator=True)
START = date(2026, 3, 2)  # a Monday
RULE = Rule((Piece(Slot(2, time(19), "Europe/Berlin", 60)),))
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
HOME = "memory:home"


@dataclass
class Counted:
    """Hands every call on, notes its name, and raises first what `raises` holds for that name."""

    inner: Calendar
    calls: list[str]
    raises: dict[str, list[Exception | None]]
    after: dict[str, list[Exception | None]]
    before: dict[str, Callable[[], Awaitable[None]]]

    @property
    def capabilities(self) -> Any:
        return self.inner.capabilities

    async def _begin(self, name: str) -> None:
        self.calls.append(name)
        if name in self.before:
            await self.before.pop(name)()
        queue = self.raises.get(name)
        error = queue.pop(0) if queue else None
        if error is not None:
            raise error

    async def ensure_calendar(self, name: str) -> str:
        await self._begin("ensure")
        return await self.inner.ensure_calendar(name)

    async def put(self, series: Series, stored: Stored | None) -> Stored:
        await self._begin("put")
        done = await self.inner.put(series, stored)
        queue = self.after.get("put")
        error = queue.pop(0) if queue else None
        if error is not None:
            raise error
        return done

    async def delete(self, stored: Stored) -> None:
        await self._begin("delete")
        await self.inner.delete(stored)

    async def changes(self, cursor: str | None) -> Changes:
        await self._begin("changes")
        found = await self.inner.changes(cursor)
        if "listed" in self.before:
            await self.before.pop("listed")()
        return found

    async def read(self, address: str) -> Remote | None:
        await self._begin("read")
        return await self.inner.read(address)

    async def aclose(self) -> None:
        await self.inner.aclose()


@dataclass
class Shelf:
    """The server of calendars. `calls`: what was asked of it; the rest: see Counted.

    `before`: run once before the call of that name, "listed": when a list was just made.
    """

    server: MemoryServer = field(default_factory=MemoryServer)
    calls: list[str] = field(default_factory=list)
    raises: dict[str, list[Exception | None]] = field(default_factory=dict)
    after: dict[str, list[Exception | None]] = field(default_factory=dict)
    before: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    def __call__(self, access: Access) -> Calendar:
        inner = Memory(self.server, access.address)
        return Counted(inner, self.calls, self.raises, self.after, self.before)

    async def close(self) -> None:
        """Nothing is open."""

    def took(self) -> list[str]:
        """The calls since the last time."""
        calls = list(self.calls)
        self.calls.clear()
        return calls

    def entries(self, home: str = HOME) -> dict[str, str]:
        return self.server.calendars[home]

    def only(self, home: str = HOME) -> str:
        """The text of the only entry."""
        [text] = self.entries(home).values()
        return text

    def edit(self, change: Callable[[Any], None], home: str = HOME) -> None:
        """Somebody else changes the only entry; `change` gets its VCALENDAR."""
        [address] = self.entries(home)
        ics: Any = Ics.from_ical(self.only(home))
        change(ics)
        self.server.write(home, address, ics.to_ical().decode())

    def answer(
        self, address: str, partstat: str, day: date | None = None, home: str = HOME
    ) -> None:
        """A member answers in their calendar, to the series or to the meeting of one day."""
        self.edit(lambda ics: _answer(ics, address, partstat, day), home)

    def delete_by_hand(self, home: str = HOME) -> None:
        [address] = self.entries(home)
        self.server.write(home, address, None)


def _answer(ics: Any, address: str, partstat: str, day: date | None) -> None:
    events = {e.get("RECURRENCE-ID") and e["RECURRENCE-ID"].dt.date(): e for e in ics.events}
    event = events.get(day)
    if event is None:
        assert day is not None
        master = events[None]
        event = master.copy(recursive=True)
        for name in ("RRULE", "EXDATE", "RDATE"):
            event.pop(name, None)
        moved = master["DTSTART"].dt.replace(year=day.year, month=day.month, day=day.day)
        del event["DTSTART"]
        event.add("DTSTART", moved)
        event.add("RECURRENCE-ID", moved)
        ics.add_component(event)
    people = event["ATTENDEE"]
    for person in people if isinstance(people, list) else [people]:
        if person.lower() == f"mailto:{address}":
            person.params["PARTSTAT"] = partstat


@asynccontextmanager
async def office(
    maker: Maker | None = None, *, keys: Keys = KEYS, backend: str = "memory"
) -> AsyncIterator[Shelf]:
    """The ambient office for as long as the block lasts, and the server behind it."""
    shelf = Shelf()
    made = Office(keys, makers={backend: maker or shelf})
    set_office(made)
    try:
        yield shelf
    finally:
        set_office(None)
        await made.close()


async def link(
    shelf: Shelf, guild_id: int = GUILD, home: str = HOME, *, backend: str = "memory", **more: Any
) -> None:
    """Connect the guild to a calendar that is there."""
    shelf.server.calendars.setdefault(home, {})
    async with get_database().transaction() as session:
        session.add(
            CalendarLink(guild_id=guild_id, backend=backend, address=home, poll_at=utcnow(),
                         created_by=1, created_at=utcnow(), **more)
        )  # fmt: skip


async def season(
    *, actor: Actor = MOD, count: int = 4, people: tuple[int, ...] = (3,), groups: int = 1
) -> int:
    """A running group with weekly meetings whose people gave addresses; its id."""
    draft = CohortDraft("Stats", START, meetings=count, groups=groups, rule=RULE)
    made = await cohorts.create(actor, draft, open_now=True)
    for user in people:
        await membership.add(actor, made.group_ids[0], user, f"member{user}")
        await give(user, actor.guild_id)
    async with get_database().transaction() as session:
        await session.execute(
            update(Group).where(Group.id == made.group_ids[0]).values(status="active")
        )
    return made.group_ids[0]


def address_of(user_id: int) -> str:
    return f"member{user_id}@example.org"


async def give(user_id: int, guild_id: int = GUILD) -> None:
    async with get_database().transaction() as session:
        await session.execute(insert(User).values(id=user_id).on_conflict_do_nothing())
        session.add(
            CalendarAddress(guild_id=guild_id, user_id=user_id, given_at=utcnow(),
                            sealed=KEYS.seal(address_of(user_id)))
        )  # fmt: skip


async def entry(group_id: int) -> CalendarEntry | None:
    async with get_database().transaction() as session:
        return await session.get(CalendarEntry, group_id)


async def link_row(guild_id: int = GUILD) -> CalendarLink:
    async with get_database().transaction() as session:
        return await session.get_one(CalendarLink, guild_id)


async def state(group_id: int) -> SyncState:
    async with get_database().transaction() as session:
        return await session.get_one(SyncState, (group_id, "calendar"))


async def answers_of(user_id: int) -> list[tuple[int, str, str | None]]:
    """(meeting id, status, source) of all that this person answered."""
    async with get_database().transaction() as session:
        found = await session.execute(
            select(Rsvp.meeting_id, Rsvp.status, Rsvp.source)
            .where(Rsvp.user_id == user_id)
            .order_by(Rsvp.meeting_id)
        )
        return [(row[0], row[1], row[2]) for row in found]


def attendees(text: str) -> dict[str, str]:
    """By address, what the series says."""
    ics: Any = Ics.from_ical(text)
    master = next(e for e in ics.events if "RECURRENCE-ID" not in e)
    people = master.get("ATTENDEE", [])
    listed = people if isinstance(people, list) else [people]
    return {str(p)[7:].lower(): p.params["PARTSTAT"] for p in listed}
