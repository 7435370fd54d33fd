"""What a feed holds: read back by two programs that are not ours, beside the table of meetings."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select, update

from core.clock import set_clock
from core.db.calendar_models import Feed, FeedKind
from core.db.engine import Database, get_database
from core.db.meeting_models import Answer, Meeting, Source
from core.db.models import AuditEntry, Guild, Member
from core.db.queries import feeds as queries
from core.errors import Refusal
from core.keys import Keys
from core.operations import answers, cohorts, feeds, meetings, membership, slots, visits
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.feed_ics import uid_of
from core.schedule import Piece, Rule, Slot
from tests import oracles
from tests.meetings_here import meet

GUILD = 1
MOD = Actor(GUILD, 2, "mod", moderator=True)
NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)
KEYS = Keys(["a" * 43])
MINE, GROUP, COHORT = FeedKind.member, FeedKind.group, FeedKind.cohort
SUNDAY, FRIDAY = 6, 4
# Every change of clocks of shared/reference/calendars.md that a weekly meeting can fall on.
SLOTS = (
    Slot(SUNDAY, time(19), "Europe/Berlin", 90),
    Slot(SUNDAY, time(2, 30), "Europe/Berlin", 60),  # skipped in March, twice in October
    Slot(SUNDAY, time(1, 45), "Europe/Berlin", 45),  # ends in the hour that comes twice
    Slot(SUNDAY, time(2, 30), "America/New_York", 60),
    Slot(SUNDAY, time(1, 30), "America/New_York", 60),
    Slot(SUNDAY, time(19), "Asia/Kolkata", 60),
    Slot(SUNDAY, time(1, 45), "Australia/Lord_Howe", 60),  # moves by half an hour
    Slot(FRIDAY, time(0, 30), "Africa/Cairo", 60),
    Slot(SUNDAY, time(2, 30), "Africa/Casablanca", 60),  # another clock in Ramadan
    Slot(SUNDAY, time(19), "Asia/Calcutta", 60),  # an old name
)
# Prints what a subscriber's program shows.
READER = """
import json, sys, datetime as dt
import icalendar, recurring_ical_events
calendar = icalendar.Calendar.from_ical(sys.stdin.read())
found = recurring_ical_events.of(calendar).between(dt.date(2025, 1, 1), dt.date(2028, 1, 1))
print(json.dumps([[str(e["UID"]), e["DTSTART"].dt.astimezone(dt.timezone.utc).isoformat(),
    e["DTEND"].dt.astimezone(dt.timezone.utc).isoformat(), str(e["STATUS"])] for e in found]))
"""


@pytest.fixture(autouse=True)
def _february() -> None:
    set_clock(lambda: NOW)


def person(user_id: int, guild: int = GUILD) -> Actor:
    return Actor(guild, user_id, f"user {user_id}")


async def season(
    name: str = "Stats",
    *,
    guild: int = GUILD,
    count: int = 40,
    at: Sequence[Slot] = SLOTS[:1],
    people: int = 1,
) -> list[int]:
    """A group for each slot, by default Sundays at 19:00 in Berlin; users 100 on in the first."""
    lead = Actor(guild, 2, "mod", moderator=True)
    draft = CohortDraft(name, date(2026, 3, 1), groups=len(at), meetings=count, seats=9)
    made = await cohorts.create(lead, draft, open_now=True)
    for n in range(people):
        await membership.join(person(100 + n, guild), made.group_ids[0])
    for group_id, slot in zip(made.group_ids, at, strict=True):
        await slots.change(lead, group_id, Rule((Piece(slot),)))
    return made.group_ids


async def table() -> list[Meeting]:
    async with get_database().transaction() as session:
        return list(await session.scalars(select(Meeting).order_by(Meeting.starts_at, Meeting.id)))


async def fetched(link: feeds.Link) -> bytes | None:
    feed, token = link.path.split("-")
    found = await feeds.find(KEYS, int(feed), token, program=True)
    return feeds.build(await feeds.opened(found)) if found else None


def entries(text: bytes | None) -> list[Any]:
    assert text is not None
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


def expected(rows: list[Meeting]) -> list[list[str]]:
    return [
        [
            uid_of(m.guild_id, m.id), m.starts_at.isoformat(),
            (m.starts_at + timedelta(minutes=m.minutes)).isoformat(),
            "CONFIRMED" if m.status == "planned" else "CANCELLED",
        ]
        for m in rows
    ]  # fmt: skip


async def test_the_very_instants_over_every_change_of_clocks(database: Database) -> None:
    group_ids = await season(at=SLOTS)
    first, second, *_ = group_ids
    rows = await table()
    day = {(m.group_id, m.occurrence_date): m.id for m in rows}
    # On the very days of the changes: moved into the hour that comes twice, skipped, postponed.
    later = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # the second 02:30 of that night
    await meetings.move(MOD, day[first, date(2026, 10, 25)], later)
    await meetings.skip(MOD, day[second, date(2026, 3, 29)])
    await meetings.postpone(MOD, day[second, date(2026, 10, 18)])
    await meetings.add(MOD, first, datetime(2026, 6, 3, 17, tzinfo=UTC), 30)
    rows = await table()
    assert len(rows) == 40 * len(SLOTS) + 2
    text = await fetched(await feeds.link(person(100), KEYS, COHORT, await cohort_of(first)))
    assert text is not None
    # Also where the program knows no zone by its name and has to believe the file.
    unknown = re.sub(r"(TZID[=:])(\w+)/", r"\1Nowhere/\2-", text.decode())
    for given_text in (text.decode(), unknown):
        found = json.loads(oracles.run(READER, given=given_text))
        assert sorted(found) == sorted(expected(rows))
    ours = [
        [str(e["UID"]), e.decoded("DTSTART").astimezone(UTC).isoformat(),
         e.decoded("DTEND").astimezone(UTC).isoformat(), str(e["STATUS"])]
        for e in entries(text)
    ]  # fmt: skip
    assert sorted(ours) == sorted(expected(rows))


async def cohort_of(group_id: int) -> int:
    from core.db.models import Group

    async with get_database().transaction() as session:
        return (await session.get_one(Group, group_id)).cohort_id


async def test_a_change_keeps_the_uid_and_raises_the_sequence(database: Database) -> None:
    await season(count=3)
    link = await feeds.link(person(100), KEYS, MINE)
    before = await fetched(link)
    assert before == await fetched(link)
    _, moved, skipped = await table()
    await meetings.move(MOD, moved.id, moved.starts_at + timedelta(days=1))
    await meetings.skip(MOD, skipped.id)
    old, new = entries(before), entries(await fetched(link))
    assert [e["UID"] for e in old] == [e["UID"] for e in new]
    assert [e["SEQUENCE"] for e in old] == [0, 0, 0]
    assert [e["SEQUENCE"] for e in new] == [0, 1, 1]
    assert [e["DTSTAMP"].dt < f["DTSTAMP"].dt for e, f in zip(old, new, strict=True)] == [
        False, True, True,
    ]  # fmt: skip
    assert [str(e["STATUS"]) for e in new] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    await meetings.restore(MOD, skipped.id)
    assert str(entries(await fetched(link))[2]["STATUS"]) == "CONFIRMED"


async def test_who_cannot_come_is_free_in_their_own_feed_alone(database: Database) -> None:
    (group_id,) = await season(count=2, people=2)
    first, _ = await table()
    await answers.answer(person(100), first.id, Answer.not_attending, Source.button)

    async def busy(user: int, kind: FeedKind, subject: int = 0) -> list[str]:
        link = await feeds.link(person(user), KEYS, kind, subject)
        return [str(e["TRANSP"]) for e in entries(await fetched(link))]

    assert await busy(100, MINE) == ["TRANSPARENT", "OPAQUE"]
    assert await busy(101, MINE) == ["OPAQUE", "OPAQUE"]
    assert await busy(100, GROUP, group_id) == ["OPAQUE", "OPAQUE"]


async def test_a_guest_has_that_one_meeting_too(database: Database) -> None:
    first, second = await season(at=SLOTS[:1] * 2, count=2)
    rows = await table()
    mine = next(m for m in rows if m.group_id == first)
    theirs = next(m for m in rows if m.group_id == second and m.occurrence_date > NOW.date())
    await answers.answer(person(100), mine.id, Answer.not_attending, Source.button)
    link = await feeds.link(person(100), KEYS, MINE)
    assert len(entries(await fetched(link))) == 2
    await visits.visit(person(100), mine.id, theirs.id)
    uids = [str(e["UID"]) for e in entries(await fetched(link))]
    assert uid_of(GUILD, theirs.id) in uids
    assert len(uids) == 3
    await visits.cancel(person(100), mine.id)
    assert len(entries(await fetched(link))) == 2


async def test_who_leaves_a_group_reads_an_empty_calendar(database: Database) -> None:
    (group_id,) = await season(count=2, people=2)
    links = [
        await feeds.link(person(100), KEYS, MINE),
        await feeds.link(person(100), KEYS, GROUP, group_id),
        await feeds.link(person(100), KEYS, COHORT, await cohort_of(group_id)),
    ]
    assert [len(entries(await fetched(link))) for link in links] == [2, 2, 2]
    await membership.leave(person(100), group_id)
    for link in links:
        text = await fetched(link)
        assert entries(text) == []
        # A file without any part is no calendar (RFC 5545, 3.6), and some programs refuse it.
        assert icalendar.Calendar.from_ical(text or b"").subcomponents
    with pytest.raises(Refusal, match="not in that group"):
        await feeds.link(person(100), KEYS, GROUP, group_id)
    # Whoever stayed has theirs.
    other = await feeds.link(person(101), KEYS, GROUP, group_id)
    assert len(entries(await fetched(other))) == 2
    await membership.join(person(100), group_id)
    assert [len(entries(await fetched(link))) for link in links] == [2, 2, 2]


@pytest.mark.parametrize("gone", ["member", "guild"])
async def test_who_left_the_server_reads_nothing(database: Database, gone: str) -> None:
    await season(count=2)
    link = await feeds.link(person(100), KEYS, MINE)
    table_of: Any = Member if gone == "member" else Guild
    async with get_database().transaction() as session:
        await session.execute(update(table_of).values(left_at=NOW))
    assert await fetched(link) is None


async def test_two_servers_share_nothing(database: Database) -> None:
    (here,) = await season(count=2)
    (there,) = await season(count=3, guild=7)
    links = [await feeds.link(person(100, guild), KEYS, MINE) for guild in (GUILD, 7)]
    assert [len(entries(await fetched(link))) for link in links] == [2, 3]
    for actor, group in ((person(100), there), (person(100, 7), here)):
        with pytest.raises(Refusal, match="not in that group"):
            await feeds.link(actor, KEYS, GROUP, group)
    with pytest.raises(Refusal, match="not there any more"):
        await feeds.rotate(person(100, 7), KEYS, links[0].id)
    with pytest.raises(Refusal, match="not there any more"):
        await feeds.of(person(101), KEYS, links[0].id)
    # A row that names another server's group opens nothing of it.
    async with get_database().transaction() as session:
        await session.execute(
            update(Feed).where(Feed.id == links[0].id).values(kind="group", subject_id=there)
        )
    assert entries(await fetched(links[0])) == []
    [meeting, *_] = [m for m in await table() if m.guild_id == 7]
    with pytest.raises(Refusal, match="no such meeting"):
        await feeds.one(person(100), meeting.id)


async def test_a_new_link_ends_the_old_one(database: Database) -> None:
    await season(count=2)
    old = await feeds.link(person(100), KEYS, MINE)
    assert (await feeds.link(person(100), KEYS, MINE)).path == old.path
    feed, token = old.path.split("-")
    before = await feeds.find(KEYS, int(feed), token)
    assert before is not None
    new = await feeds.rotate(person(100), KEYS, old.id)
    assert new.path != old.path
    assert await fetched(old) is None
    async with get_database().transaction() as session:
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "feed_renewed"))
    assert entry is not None
    assert (entry.actor_id, entry.after) == (100, {"kind": "member"})
    # A program that opened the old one at that moment is not taken for a reader of the new one.
    async with get_database().transaction() as session:
        await queries.note_read(session, before, NOW)
    assert (await feeds.of(person(100), KEYS, new.id)).read_at is None
    assert await fetched(new) is not None
    # With a new key in front, what the old one signed still opens; without the old one it does not.
    for keys, opens in ((Keys(["b" * 43, "a" * 43]), True), (Keys(["b" * 43]), False)):
        feed, token = new.path.split("-")
        assert (await feeds.find(keys, int(feed), token) is not None) == opens


async def test_a_calendar_is_called_the_same_as_a_link_and_as_a_file(database: Database) -> None:
    [group] = await season(count=2)
    for kind, number, name in (
        (GROUP, group, "Group 1 · Stats"), (COHORT, await cohort_of(group), "Stats: all groups"),
    ):  # fmt: skip
        file = icalendar.Calendar.from_ical(await feeds.file(person(100), kind, number))
        link = await feeds.link(person(100), KEYS, kind, number)
        assert name in {c.name for c in await feeds.choices(person(100))}
        assert (str(file["NAME"]), link.name) == (name, name)


async def test_statements_and_hours(database: Database) -> None:
    """Two statements a fetch, whatever its size; one more notes it, once an hour."""
    await season(at=SLOTS[:1] * 2)
    link = await feeds.link(person(100), KEYS, MINE)
    said: list[str] = []
    engine = get_database().engine.sync_engine

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        said.append(statement.split(maxsplit=1)[0].lower())

    event.listen(engine, "before_cursor_execute", note)
    try:
        await fetched(link)
        assert said == ["select", "update", "with"]
        said.clear()
        await fetched(link)
        assert said == ["select", "with"]
        set_clock(lambda: NOW + timedelta(hours=1))
        await fetched(link)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    seen = await feeds.of(person(100), KEYS, link.id)
    assert seen.read_at == NOW + timedelta(hours=1)


async def test_hostile_names_stay_text(database: Database) -> None:
    (group_id,) = await season("A; B, C\\D 🎲", count=1)
    from core.db.models import Group

    async with get_database().transaction() as session:
        group = await session.get_one(Group, group_id)
        group.name = "x\r\nATTENDEE:mailto:a@b.c\nEND:VEVENT\u202e\x00;"[:80].replace("\x00", "")
        guild = await session.get_one(Guild, GUILD)
        guild.name = "Hall\r\nMETHOD:CANCEL"
    link = await feeds.link(person(100), KEYS, MINE)
    text = await fetched(link)
    [entry] = entries(text)
    assert str(entry["SUMMARY"]) == "x ATTENDEE:mailto:a@b.c END:VEVENT; - Week 1 · A; B, C\\D 🎲"
    calendar = icalendar.Calendar.from_ical(text or b"")
    assert str(calendar["X-WR-CALNAME"]) == "Hall METHOD:CANCEL: my meetings"
    assert not {"METHOD", "ATTENDEE", "ORGANIZER"} & {*calendar, *entry}


async def test_what_lies_long_back_is_left_out(database: Database) -> None:
    (group_id,) = await season(count=1)
    await meet(group_id, starts_at=NOW - timedelta(weeks=7), number=None)
    await meet(group_id, starts_at=NOW - timedelta(weeks=9), number=None)
    link = await feeds.link(person(100), KEYS, MINE)
    assert len(entries(await fetched(link))) == 2


async def test_one_meeting_as_a_file(database: Database) -> None:
    await season(count=1)
    [meeting] = await table()
    name, text = await feeds.one(person(100), meeting.id)
    [entry] = entries(text)
    assert name == "Group 1"
    assert str(entry["UID"]) == uid_of(GUILD, meeting.id)
    with pytest.raises(Refusal, match="no such meeting"):
        await feeds.one(person(555), meeting.id)
    assert (await feeds.one(MOD, meeting.id))[1] == text


@given(
    st.integers(1, 10**9), st.integers(0, 50), st.integers(1, 10**9), st.integers(0, 50),
    st.integers(0, 31),
)  # fmt: skip
def test_a_token_opens_its_feed_and_generation_only(
    feed: int, generation: int, other: int, later: int, place: int
) -> None:
    signed = f"{feed}/{generation}"
    token = KEYS.sign(feeds.PURPOSE, signed)
    assert KEYS.verify(feeds.PURPOSE, signed, token)
    same = (feed, generation) == (other, later)
    assert KEYS.verify(feeds.PURPOSE, f"{other}/{later}", token) == same
    assert not KEYS.verify("oauth", signed, token)
    bent = token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
    assert not KEYS.verify(feeds.PURPOSE, signed, bent)
    assert not KEYS.verify(feeds.PURPOSE, signed, token[:-1])
