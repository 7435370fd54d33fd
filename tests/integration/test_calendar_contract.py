"""The port means the same whatever is behind it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from core.calendars.caldav import CalDav
from core.calendars.port import (
    Calendar,
    CalendarGone,
    Changed,
    CursorGone,
    Exists,
    Unauthorized,
    Vanished,
)
from core.reconcile.series import Attendee, Instance, Series, uid_of
from core.reconcile.series_ics import write
from core.schedule import instant
from tests.integration._calendars import SIDES, DavSide, Servers, Side, answered, dav_side, servers
from tests.oracles import run

__all__ = ["servers"]  # a fixture

BERLIN = "Europe/Berlin"
ANN, BOB = "ann@example.org", "bob@example.org"
DAYS = [date(2026, 3, 12) + timedelta(days=7 * n) for n in range(5)]


@pytest.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Side]:
    """Each kind of calendar in turn."""
    async with SIDES[request.param](servers) as found:
        yield found


@pytest.fixture
async def address(side: Side, request: pytest.FixtureRequest) -> str:
    """A calendar of this test's own."""
    return await side.open(None).ensure_calendar(request.node.name)


@pytest.fixture
def calendar(side: Side, address: str) -> Calendar:
    return side.open(address)


def series(title: str = "Group 1", days: list[date] = DAYS, group: int = 1) -> Series:
    instances = tuple(Instance(d, instant(d, time(19), BERLIN), 60, title) for d in days)
    people = (Attendee(ANN, "Ann"), Attendee(BOB, "Bob", "tentative"))
    return Series(
        uid_of(1, group), title, "Bring pens.", BERLIN, time(19), 60, 1, instances, people
    )


async def test_the_calendar_is_found_again(side: Side, address: str, calendar: Calendar) -> None:
    """Also by somebody who crashed before the address was stored."""
    name = address  # any text does; the same gives the same
    first = await side.open(None).ensure_calendar(name)
    assert first == await side.open(None).ensure_calendar(name)
    assert first == await side.open(first).ensure_calendar("Another name by now")
    assert first != address


async def test_an_entry_is_written_and_read(calendar: Calendar) -> None:
    stored = await calendar.put(series(), None)
    found = await calendar.changes(None)
    (remote,) = found.changed
    assert found.full
    assert remote.stored == stored
    assert remote.uid == series().uid
    assert {(day, who): said for (day, who), said in remote.answers.items() if day is None} == {
        (None, ANN): "needs-action", (None, BOB): "tentative",
    }  # fmt: skip
    assert await calendar.read(stored.address) == remote
    again = await calendar.changes(found.cursor)
    assert (again.changed, again.gone) == ((), ())


async def test_a_new_entry_never_overwrites(calendar: Calendar) -> None:
    await calendar.put(series(), None)
    with pytest.raises(Exists):
        await calendar.put(series("Another"), None)


async def test_an_entry_is_written_over(calendar: Calendar) -> None:
    stored = await calendar.put(series(), None)
    before = await calendar.changes(None)
    newer = await calendar.put(series("Group 2"), stored)
    assert newer.address == stored.address
    assert newer.etag != stored.etag
    after = await calendar.changes(before.cursor)
    (remote,) = after.changed
    assert remote.stored == newer
    assert remote.content != before.changed[0].content


async def test_an_old_version_overwrites_nothing(
    side: Side, address: str, calendar: Calendar
) -> None:
    stored = await calendar.put(series(), None)
    await side.answers(address, stored, ANN, "accepted")
    with pytest.raises(Changed):
        await calendar.put(series("Group 2"), stored)
    remote = await calendar.read(stored.address)
    assert remote is not None
    assert remote.answers[None, ANN] == "accepted"
    await calendar.put(series("Group 2"), remote.stored)


async def test_what_somebody_removed_is_not_made_again_by_itself(
    side: Side, address: str, calendar: Calendar
) -> None:
    stored = await calendar.put(series(), None)
    cursor = (await calendar.changes(None)).cursor
    await side.removes(address, stored)
    with pytest.raises(Vanished):
        await calendar.put(series("Group 2"), stored)
    found = await calendar.changes(cursor)
    assert (found.full, found.changed, found.gone) == (False, (), (stored.address,))
    assert await calendar.read(stored.address) is None


async def test_taking_away_twice_is_no_failure(calendar: Calendar) -> None:
    stored = await calendar.put(series(), None)
    await calendar.delete(stored)
    await calendar.delete(stored)
    assert (await calendar.changes(None)).changed == ()


async def test_a_cursor_that_nobody_knows(side: Side, calendar: Calendar) -> None:
    stored = await calendar.put(series(), None)
    cursor = (await calendar.changes(None)).cursor
    assert cursor is not None
    unknown = await side.forgets(cursor)
    with pytest.raises(CursorGone):
        await calendar.changes(unknown)
    assert [remote.stored for remote in (await calendar.changes(None)).changed] == [stored]


async def test_an_answer_is_no_edit(side: Side, address: str, calendar: Calendar) -> None:
    stored = await calendar.put(series(), None)
    before = await calendar.changes(None)
    await side.answers(address, stored, ANN, "accepted")
    await side.answers(address, stored, ANN, "declined", DAYS[2])
    after = await calendar.changes(before.cursor)
    (remote,) = after.changed
    assert remote.content == before.changed[0].content
    assert (remote.answers[None, ANN], remote.answers[DAYS[2], ANN]) == ("accepted", "declined")
    assert remote.answers.get((DAYS[1], ANN), "accepted") == "accepted"


async def test_an_edit_is_seen(side: Side, address: str, calendar: Calendar) -> None:
    stored = await calendar.put(series(), None)
    before = await calendar.changes(None)
    await side.renames(address, stored, "Party")
    (remote,) = (await calendar.changes(before.cursor)).changed
    assert remote.content != before.changed[0].content


async def test_a_calendar_that_somebody_removed(
    side: Side, address: str, calendar: Calendar
) -> None:
    stored = await calendar.put(series(), None)
    cursor = (await calendar.changes(None)).cursor
    await side.removes_calendar(address)
    for cursor_now in (cursor, None):
        with pytest.raises(CalendarGone):
            await calendar.changes(cursor_now)
    for version in (stored, None):
        with pytest.raises(CalendarGone):
            await calendar.put(series(), version)
    made = await side.open(address).ensure_calendar("New")
    await side.open(made).put(series(), None)


# --- what real CalDAV servers do besides ----------------------------------------------------------


@pytest.fixture(params=["radicale", "xandikos"])
async def dav(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[DavSide]:
    async with dav_side(f"http://127.0.0.1:{servers.port(request.param)}/") as found:
        yield found


SECOND_READER = """
import json, sys
from datetime import UTC, datetime
import caldav
for address in sys.argv[1:]:
    client = caldav.DAVClient(url=address, username="muster", password="secret",
                              headers={"X-Remote-User": "muster"})
    found = caldav.Calendar(client=client, url=address).search(
        start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 1, 1, tzinfo=UTC),
        event=True, expand=True)
    rows = []
    for one in found:
        for event in one.icalendar_instance.events:
            start = event["DTSTART"].dt
            rows.append([start.astimezone(UTC).isoformat(), str(event["SUMMARY"]),
                         (event.end - start).total_seconds() / 60])
    print(json.dumps(sorted(rows)))
"""


async def test_another_program_sees_the_very_meetings(servers: Servers) -> None:
    """One moved, one skipped, one extra, one longer, over the change of the clocks on 29 March."""
    plain = series().instances
    kept = [
        plain[0],
        replace(plain[1], starts_at=plain[1].starts_at + timedelta(days=1, hours=2)),
        replace(plain[3], minutes=90, title="Long one"),
        plain[4],
    ]
    extra = Instance(
        date(2026, 3, 29), instant(date(2026, 3, 29), time(2, 30), BERLIN), 30, "Early"
    )
    wanted = replace(series(), instances=(*kept, extra))
    addresses = []
    for name in ("radicale", "xandikos"):
        async with dav_side(f"http://127.0.0.1:{servers.port(name)}/") as side:
            address = await side.open(None).ensure_calendar("A second reader")
            await side.open(address).put(wanted, None)
            addresses.append(address.partition("#")[0])
    for seen in run(SECOND_READER, *addresses).splitlines():
        assert [
            (datetime.fromisoformat(start), title, length)
            for start, title, length in json.loads(seen)
        ] == [
            (i.starts_at, i.title, i.minutes)
            for i in sorted(wanted.instances, key=lambda i: i.starts_at)
        ]


EXPANDED = """
import json, sys
from datetime import UTC, datetime
import icalendar, recurring_ical_events
for text in json.load(sys.stdin):
    events = recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(
        datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
    print(json.dumps(sorted(event["DTSTART"].dt.astimezone(UTC).isoformat() for event in events)))
"""
CHANGES_OF_CLOCKS = [
    (BERLIN, time(19), date(2026, 3, 22)),
    (BERLIN, time(2, 30), date(2026, 3, 22)),
    (BERLIN, time(2, 30), date(2026, 10, 18)),
    ("America/New_York", time(2, 30), date(2026, 3, 1)),
    ("America/New_York", time(1, 30), date(2026, 10, 25)),
    ("Asia/Kolkata", time(19), date(2026, 3, 22)),
    ("Australia/Lord_Howe", time(2, 15), date(2026, 3, 29)),
    ("Africa/Cairo", time(0, 30), date(2026, 4, 17)),
    ("Africa/Casablanca", time(19), date(2026, 2, 8)),
    ("America/Nuuk", time(23, 30), date(2026, 3, 21)),
    ("US/Eastern", time(19), date(2026, 3, 1)),
    ("Asia/Katmandu", time(19), date(2026, 3, 1)),
    ("UTC", time(19), date(2026, 3, 1)),
]


def test_a_second_reader_agrees_over_every_change_of_the_clocks() -> None:
    """Each over eight weeks with one skipped, one extra and one moved."""
    wanted, texts = [], []
    for zone, at, first in CHANGES_OF_CLOCKS:
        days = [first + timedelta(days=7 * n) for n in range(8) if n != 4]
        starts = [instant(day, at, zone) for day in [*days, first + timedelta(days=9)]]
        starts[5] += timedelta(hours=3, days=1)
        instances = tuple(
            Instance(day, start, 60, "Group 1")
            for day, start in zip([*days, first + timedelta(days=9)], starts, strict=True)
        )
        found = replace(series(), zone=zone, at=at, instances=instances)
        texts.append(write(found, 1, datetime(2026, 1, 1, tzinfo=UTC), "mailto:m@example.org"))
        wanted.append(sorted(start.isoformat() for start in starts))
    read = [json.loads(line) for line in run(EXPANDED, given=json.dumps(texts)).splitlines()]
    assert read == wanted


async def test_how_many_requests(dav: DavSide) -> None:
    address = await dav.open(None).ensure_calendar("Counted")
    calendar = dav.open(address)
    dav.requests.clear()
    stored = await calendar.put(series(), None)
    assert dav.requests == ["PUT"]
    found = await calendar.changes(None)
    assert dav.requests == ["PUT", "REPORT", "REPORT"]
    await calendar.changes(found.cursor)
    assert dav.requests == ["PUT", "REPORT", "REPORT", "REPORT"]
    await calendar.put(series("Group 2"), stored)
    await calendar.delete(stored)
    await calendar.changes(found.cursor)
    assert dav.requests[4:] == ["PUT", "DELETE", "REPORT"]


SMALL = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Muster//Muster 1//EN
BEGIN:VEVENT
UID:{}
DTSTAMP:20260101T000000Z
DTSTART:20260312T180000Z
DURATION:PT1H
SUMMARY:Group 1
END:VEVENT
END:VCALENDAR
"""


async def test_two_hundred_entries_are_two_requests(servers: Servers) -> None:
    async with dav_side(f"http://127.0.0.1:{servers.port('radicale')}/") as side:
        address = await side.open(None).ensure_calendar("Many")
        calendar = side.open(address)
        stored = await calendar.put(series(group=200), None)
        (there,) = servers.folder("radicale").glob("collection-root" + stored.address)
        for group in range(1, 200):
            uid = uid_of(1, group)
            there.with_name(f"muster-{uid}.ics").write_text(SMALL.format(uid), encoding="utf-8")
        side.requests.clear()
        found = await calendar.changes(None)
        assert len(found.changed) == 200
        assert side.requests == ["REPORT", "REPORT"]


async def test_a_calendar_of_that_address_is_taken_as_it_is(dav: DavSide) -> None:
    address = await dav.open(None).ensure_calendar("By hand")
    by_hand = DavSide(address.partition("#")[0], dav.session, dav.guard)
    assert await by_hand.open(None).ensure_calendar("Whatever") == address


# --- invitations ----------------------------------------------------------------------------------

PATCH = """<d:propertyupdate xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>
<c:calendar-user-address-set><d:href>mailto:{}</d:href></c:calendar-user-address-set>
</d:prop></d:set></d:propertyupdate>"""


async def test_an_invitation_is_accepted(servers: Servers) -> None:
    """By somebody in their own calendar: the server tells ours.

    xandikos 0.4.10 tells it of the whole series, even where one meeting alone was declined: that
    is tried in the calendar itself (test_an_answer_is_no_edit).
    """
    url = f"http://127.0.0.1:{servers.port('xandikos')}/"
    async with dav_side(url) as ours, dav_side(url, "ann") as hers:
        await ours.ask("PROPPATCH", "/muster/", PATCH.format("muster@example.org"))
        await hers.ask("PROPPATCH", "/ann/", PATCH.format(ANN))
        # xandikos notes answers in the calendar that it has for each user, and in no other.
        own = DavSide(url + "muster/calendars/calendar/", ours.session, ours.guard)
        calendar = own.open(await own.open(None).ensure_calendar("Invitations"))
        assert calendar.capabilities.sends_invites
        stored = await calendar.put(series(), None)
        before = await calendar.changes(None)
        assert before.changed[0].stored == stored  # though the server noted whom it told
        path = await invited(hers)
        await hers.ask("PUT", path, answered(await hers.text(path), ANN, "accepted", None))
        (remote,) = (await calendar.changes(before.cursor)).changed
        assert remote.answers[None, ANN] == "accepted"
        assert remote.answers[None, BOB] == "tentative"
        assert remote.content == before.changed[0].content
        # Whoever is removed loses it.
        without = replace(series(), attendees=series().attendees[1:])
        await calendar.put(without, remote.stored)
        assert "STATUS:CANCELLED" in await hers.text(path)


async def invited(side: DavSide) -> str:
    """The path of the one entry in Ann's own calendar."""
    listing = await side.ask("PROPFIND", "/ann/calendars/calendar/", Depth="1")
    (path,) = {
        part.partition("<")[0] for part in listing.split("href>") if ".ics<" in part
    }  # fmt: skip
    return path


async def test_the_password_is_wrong(servers: Servers) -> None:
    async with dav_side(f"http://127.0.0.1:{servers.port('radicale')}/") as side:
        calendar = CalDav(side.session, side.url, "muster", "wrong", None, side.guard)
        with pytest.raises(Unauthorized):
            await calendar.ensure_calendar("Nothing")
        # The first one was sent on to the second; that was the end of it.
        assert side.requests == ["PROPFIND", "PROPFIND"]
