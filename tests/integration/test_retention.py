"""Data of servers that Muster left: kept for a time, then gone without a trace."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core.clock import set_clock
from core.db.calendar_models import (
    CalendarAddress,
    CalendarEntry,
    CalendarLink,
    Feed,
    OAuthState,
)
from core.db.engine import Database
from core.db.meeting_models import (
    Announcement,
    Attendance,
    Delivery,
    Meeting,
    Rsvp,
    Snooze,
    Visit,
)
from core.db.models import (
    AuditEntry,
    Base,
    Expected,
    Group,
    Guild,
    ManagedObject,
    ManagedOverwrite,
    Membership,
    Projection,
    SeatWatch,
    User,
)
from core.operations import cohorts, greeting, membership, people, retention, settings
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
HERE, THERE = 500, 600


@pytest.fixture(autouse=True)
def _february() -> None:
    set_clock(lambda: NOW)


def later(days: float) -> None:
    set_clock(lambda: NOW + timedelta(days=days))


async def season(guild_id: int) -> None:
    """A server in full use: rows in every table, with every kind of reference between them."""
    lead = Actor(guild_id, 1, "lead", moderator=True)
    await greeting.arrived(guild_id, "Hall")
    await settings.change(lead, by_hand="repair", zone="Europe/Berlin")
    draft = CohortDraft("Stats", date(2026, 3, 1), groups=2)
    made = await cohorts.create(lead, draft, open_now=True)
    first, second = made.group_ids
    for number in range(3):
        await membership.join(Actor(guild_id, 1000 + number, f"p{number}"), first)
    await membership.join(Actor(guild_id, guild_id + 1, "only here"), second)


async def references(database: Database, guild_id: int) -> None:
    """What only a running bot writes."""
    async with database.transaction() as session:
        rows = list(
            await session.scalars(
                select(Group).where(Group.guild_id == guild_id).order_by(Group.id)
            )
        )
        one, two = rows
        one.merged_into_id = two.id
        parent = ManagedObject(
            guild_id=guild_id, kind="category", cohort_id=one.cohort_id, name="Stats",
            intent_at=NOW, discord_id=guild_id * 10,
        )  # fmt: skip
        session.add(parent)
        await session.flush()
        session.add_all([
            ManagedObject(guild_id=guild_id, kind="text", group_id=one.id, name="group-1",
                          parent_id=parent.id, intent_at=NOW, discord_id=guild_id * 10 + 1),
            ManagedOverwrite(place_id=guild_id * 10 + 1, target_id=5, guild_id=guild_id,
                             group_id=one.id, is_role=False, allow=1, deny=0),
            Projection(guild_id=guild_id, kind="groups", subject="", channel_id=1, created_at=NOW),
            SeatWatch(guild_id=guild_id, group_id=one.id, user_id=1000, created_at=NOW),
            Expected(guild_id=guild_id, cohort_id=one.cohort_id, group_id=two.id, name="ada",
                     created_at=NOW),
        ])  # fmt: skip
        meeting = Meeting(
            guild_id=guild_id, group_id=one.id, occurrence_date=NOW.date(), number=1,
            starts_at=NOW, minutes=60, created_at=NOW,
        )  # fmt: skip
        news = Announcement(
            guild_id=guild_id, draft_id=guild_id, author_id=1, content="x", targets={}, ping=False,
            created_at=NOW,
        )  # fmt: skip
        session.add_all([meeting, news])
        await session.flush()
        session.add_all([
            Rsvp(meeting_id=meeting.id, user_id=1000, guild_id=guild_id),
            Visit(guild_id=guild_id, meeting_id=meeting.id, user_id=1001, created_at=NOW),
            Attendance(meeting_id=meeting.id, user_id=1002, guild_id=guild_id),
            Snooze(guild_id=guild_id, group_id=one.id, user_id=1000, cause="missed", until=NOW),
            Delivery(guild_id=guild_id, kind="announce", key=f"x:{guild_id}", due_at=NOW,
                     next_at=NOW, group_id=one.id, meeting_id=meeting.id,
                     announcement_id=news.id, created_at=NOW),
            CalendarLink(guild_id=guild_id, backend="memory", poll_at=NOW, created_by=1,
                         created_at=NOW),
            CalendarEntry(guild_id=guild_id, group_id=one.id),
            CalendarAddress(guild_id=guild_id, user_id=1000, sealed=b"x", given_at=NOW),
            Feed(guild_id=guild_id, user_id=1000, kind="member", subject_id=1000,
                 created_at=NOW),
            OAuthState(nonce=f"n{guild_id}", guild_id=guild_id, user_id=1, verifier=b"x",
                       expires_at=NOW),
        ])  # fmt: skip
        entry = AuditEntry(guild_id=guild_id, at=NOW, action="undone", group_id=one.id)
        session.add(entry)
        await session.flush()
        session.add(AuditEntry(guild_id=guild_id, at=NOW, action="undone", undoes_id=entry.id))


async def rows(database: Database, guild_id: int) -> dict[str, int]:
    """How many rows each table has for a server."""
    found = {}
    async with database.transaction() as session:
        for table in Base.metadata.sorted_tables:
            if "guild_id" in table.c:
                query = select(func.count()).where(table.c.guild_id == guild_id)
                found[table.name] = await session.scalar(query) or 0
        found["guilds"] = len((await session.scalars(select(Guild.id).where(
            Guild.id == guild_id))).all())  # fmt: skip
    return found


async def users(database: Database) -> set[int]:
    async with database.transaction() as session:
        return set(await session.scalars(select(User.id)))


async def test_everything_of_a_server_left_long_ago_goes(database: Database) -> None:
    for guild_id in (HERE, THERE):
        await season(guild_id)
        await references(database, guild_id)
    full = await rows(database, HERE)
    assert all(full.values()), full  # a table that is empty here would show nothing
    await people.guild_left(HERE)
    later(89.9)
    assert await retention.delete_left(90) == []
    assert await rows(database, HERE) == full
    later(90.1)
    assert await retention.delete_left(90) == [HERE]
    assert not any((await rows(database, HERE)).values())
    assert await rows(database, THERE) == full
    # Who is on another server stays, with their zone and language.
    assert await users(database) == {1000, 1001, 1002, THERE + 1}
    assert await retention.delete_left(90) == []


async def test_a_server_that_came_back_keeps_everything(database: Database) -> None:
    await season(HERE)
    full = await rows(database, HERE)
    await people.guild_left(HERE)
    later(200)
    assert await greeting.arrived(HERE, "Hall") == "back"
    assert await retention.delete_left(90) == []
    assert await rows(database, HERE) == full
    # Left once more: the time begins anew.
    await people.guild_left(HERE)
    later(289)
    assert await retention.delete_left(90) == []
    later(291)
    assert await retention.delete_left(90) == [HERE]


async def test_coming_back_in_the_moment_of_deletion(database: Database) -> None:
    """Either everything is there or nothing; never half of it."""
    await season(HERE)
    full = await rows(database, HERE)
    await people.guild_left(HERE)
    later(91)
    deleted, arrival = await asyncio.gather(
        retention.delete_left(90), greeting.arrived(HERE, "Hall")
    )
    left = await rows(database, HERE)
    assert left["guilds"] == 1
    if deleted:
        assert arrival == "new"
        assert sum(left.values()) == 1
    else:
        assert arrival == "back"
        assert left == full


async def test_a_server_that_was_left_while_muster_slept(database: Database) -> None:
    await season(HERE)
    await season(THERE)
    await retention.note_left([THERE])
    later(91)
    assert await retention.delete_left(90) == [HERE]
    async with database.transaction() as session:
        assert await session.scalar(select(func.count(Membership.id))) == 4
