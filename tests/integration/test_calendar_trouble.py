"""CalDAV servers that fail or lie: a clear error, soon, and nothing is concluded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.calendars.caldav import CalDav
from core.calendars.guard import Guard
from core.calendars.port import (
    CalendarGone,
    CursorGone,
    Refused,
    SlowDown,
    Unauthorized,
    Unreachable,
)
from core.errors import MusterError
from tests.integration._hostile import (
    EVERYTHING,
    GROUP,
    HOME,
    HTML,
    LOGIN,
    STORED,
    XML,
    Request,
    Server,
    account,
    answer,
    calendar,
    delete,
    ensure,
    entry,
    error,
    list_on,
    multistatus,
    put,
    put_new,
    read,
    read_all,
    read_on,
    server,
)

__all__ = ["calendar", "server"]  # fixtures

FORBIDDEN = answer(403)
ANSWERS: list[tuple[bytes, type[MusterError]]] = [
    (answer(401), Unauthorized),
    (FORBIDDEN, Unauthorized),
    (answer(403, "", "Retry-After: 9"), SlowDown),
    (answer(429, "", "Retry-After: 9"), SlowDown),
    (answer(429), SlowDown),
    (answer(502), Unreachable),
    (answer(503, "", "Retry-After: 9"), Unreachable),
    (answer(504), Unreachable),
    (answer(408), Unreachable),
    (answer(423), Unreachable),
    (answer(200, LOGIN, HTML), Unreachable),
    (answer(302, "", "Location: http://example.org/"), Refused),
    (answer(302, "", "Location: https://169.254.169.254/latest"), Refused),
    (answer(307, "", "Location: file:///etc/passwd"), Refused),
    (answer(308, "", "Location: http://["), Unreachable),
    (b"", Unreachable),
    (b"SSH-2.0-OpenSSH_9\r\n\r\n", Unreachable),
    (b"HTTP/1.1 207 Half\r\nContent-Length: 500\r\n\r\n<multistatus", Unreachable),
]


@pytest.mark.parametrize("request_of", EVERYTHING)
async def test_what_is_the_same_for_everything(
    server: Server, calendar: CalDav, request_of: Request
) -> None:
    """One request each: nothing is tried again here, least of all a 401."""
    for said, kind in ANSWERS:
        server.says, server.asked = (lambda _, s=said: s), []  # type: ignore[misc]
        # A 403 may mean that there is no sync-collection, or that the cursor is no good.
        unsure = said == FORBIDDEN and request_of in {read_all, read_on}
        with pytest.raises(CursorGone if unsure and request_of is read_on else kind) as raised:
            await request_of(calendar)
        assert raised.value.text.endswith(".")
        assert "hunter2" not in raised.value.text
        waits = 9 if b"Retry-After" in said else None
        assert getattr(raised.value, "retry_after", None) == waits
        # Where not a byte came back, aiohttp asks once more what can be asked twice.
        most = 2 if not said or (unsure and request_of is read_all) else 1
        assert 1 <= len(server.asked) <= most, (said, server.asked)


@pytest.mark.parametrize("status", [400, 405, 413, 415, 422, 431])
async def test_what_is_never_sent_again(server: Server, calendar: CalDav, status: int) -> None:
    server.says = lambda _: answer(status)
    for request_of in (put, put_new, delete):
        with pytest.raises(Refused):
            await request_of(calendar)


async def test_an_entry_that_is_too_big(server: Server, calendar: CalDav) -> None:
    server.says = lambda _: answer(403, error("max-resource-size"), XML)
    with pytest.raises(Refused):
        await put(calendar)


@pytest.mark.parametrize("status", [500, 507])
async def test_a_failure_is_no_deletion(server: Server, calendar: CalDav, status: int) -> None:
    server.says = lambda _: answer(status)
    for request_of in (put, put_new, delete, read_all, read, list_on, ensure):
        with pytest.raises(Unreachable):
            await request_of(calendar)


@pytest.mark.parametrize(
    "said",
    [
        answer(403, error("valid-sync-token"), XML),
        answer(409, error("valid-sync-token"), XML),
        *(answer(status) for status in (400, 410, 412, 500, 507)),
    ],
)
async def test_a_cursor_is_dropped(server: Server, calendar: CalDav, said: bytes) -> None:
    server.says = lambda _: said
    with pytest.raises(CursorGone):
        await read_on(calendar)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [404, 410])
async def test_gone(server: Server, calendar: CalDav, status: int) -> None:
    server.says = lambda _: answer(status)
    await delete(calendar)
    for request_of in (put, put_new, read_all, list_on, read):
        with pytest.raises(CalendarGone):
            await request_of(calendar)


@pytest.mark.parametrize(
    "body",
    [
        LOGIN,
        multistatus(entry())[:-20],
        "<a/>",
        "",
        "<!DOCTYPE multistatus>" + multistatus(entry(data="BEGIN:VCALENDAR")),
        multistatus(entry(data="BEGIN:VCALENDAR").replace('"1"', "")),
        '<?xml version="1.0" encoding="utf-99"?><a/>',
    ],
)
async def test_answers_that_are_no_answers(server: Server, calendar: CalDav, body: str) -> None:
    """A 207 that is cut off or something else: nobody's entry is taken for deleted."""
    server.says = lambda _: answer(207, body, XML)
    for request_of in (read, read_all):
        with pytest.raises(Unreachable):
            await request_of(calendar)


async def test_an_entry_that_is_missing_in_the_answer_is_not_gone(
    server: Server, calendar: CalDav
) -> None:
    server.says = lambda _: answer(207, multistatus(), XML)
    with pytest.raises(Unreachable):
        await read(calendar)


async def test_a_server_without_sync_collection(server: Server, calendar: CalDav) -> None:
    """Read by etags: one request while nothing changes."""
    etags = multistatus(entry(), entry("/cal/party.ics"), entry("/other/muster-1.ics"), token="")
    data = multistatus(entry(data="BEGIN:VCALENDAR"), token="")

    def says(asked: str) -> bytes:
        if asked.startswith("PROPFIND"):
            return answer(207, etags, XML)
        return answer(207, data, XML) if len(server.asked) > 2 else answer(501)

    server.says = says
    found = await calendar.changes(None)
    assert found.full
    assert [remote.stored for remote in found.changed] == [STORED]
    assert server.asked == ["REPORT /cal/", "PROPFIND /cal/", "REPORT /cal/"]
    again = await calendar.changes(found.cursor)
    assert (again.full, again.changed, again.cursor) == (False, (), found.cursor)
    assert server.asked[3:] == ["PROPFIND /cal/"]
    etags = etags.replace('"1"', '"2"', 1)
    assert (await calendar.changes(found.cursor)).full


async def test_changes_in_pages(server: Server, calendar: CalDav) -> None:
    more = "<response><href>/cal/</href><status>HTTP/1.1 507 More</status></response>"
    gone = "<response><href>/cal/muster-{}.ics</href><status>HTTP/1.1 404 Gone</status></response>"
    pages = [
        multistatus(gone.format("a"), more, token="t2"), multistatus(gone.format("b"), token="t3"),
    ]  # fmt: skip
    server.says = lambda _: answer(207, pages[len(server.asked) - 1], XML)
    found = await calendar.changes("sync:t1")
    assert found.gone == ("/cal/muster-a.ics", "/cal/muster-b.ics")
    assert found.cursor == "sync:t3"


async def test_pages_without_end_are_no_list(server: Server, calendar: CalDav) -> None:
    more = "<response><href>/cal/</href><status>HTTP/1.1 507 More</status></response>"
    server.says = lambda _: answer(207, multistatus(more), XML)
    with pytest.raises(Unreachable):
        await read_all(calendar)
    assert len(server.asked) == 100


async def test_a_server_that_says_no_etag_is_asked_for_it(server: Server, calendar: CalDav) -> None:
    server.says = lambda asked: (
        answer(204) if asked.startswith("PUT") else answer(207, multistatus(entry()), XML)
    )
    assert await calendar.put(GROUP, STORED) == STORED
    assert server.asked == ["PUT /cal/muster-uid-1.ics", "PROPFIND /cal/muster-uid-1.ics"]


async def test_a_server_that_is_down(calendar: CalDav) -> None:
    guard = Guard("127.0.0.1")
    async with guard.session() as session:
        down = "http://127.0.0.1:9/"  # discard: nobody listens there
        calendar = CalDav(session, down, "me", "hunter2", down, guard)
        for request_of in EVERYTHING:
            with pytest.raises(Unreachable, match="cannot be reached"):
                await request_of(calendar)


async def test_a_page_for_people_does_not_hide_the_calendars(server: Server) -> None:
    """As on Nextcloud: the front page is for people, /.well-known/caldav leads on."""

    def says(asked: str) -> bytes:
        if asked.endswith("/.well-known/caldav"):
            return answer(301, "", "Location: /dav/")
        if asked.endswith("/dav/"):
            return answer(207, account(HOME), XML)
        if asked.startswith("PROPFIND /home/muster-"):
            return answer(404)
        if asked.startswith(("MKCALENDAR", "OPTIONS")):
            return answer(201, "", "DAV: 1, calendar-access", "DAV: calendar-auto-schedule")
        return answer(200, LOGIN, HTML)

    server.says = says
    guard = Guard("127.0.0.1")
    async with guard.session() as session:
        for given in ("", "index.php/login?next=x#y"):
            found = CalDav(session, server.url + given, "me", "hunter2", None, guard)
            address = await found.ensure_calendar("Group 1")
            assert address.startswith(server.url + "home/muster-")
            assert found.capabilities.sends_invites
            again = CalDav(session, server.url, "me", "hunter2", address, guard)
            assert again.capabilities.sends_invites


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (lambda _: answer(404), "There is no calendar server at that address."),
        (lambda _: answer(405), "There is no calendar server at that address."),
        (lambda _: answer(207, account(), XML), "does not say where its calendars are"),
        (lambda _: answer(401), "does not take the name and password"),
        (lambda _: answer(200, LOGIN, HTML), "does not answer like a calendar server"),
        (
            lambda a: (
                answer(403) if a.startswith("MK") else
                answer(404) if "muster-" in a else answer(207, account(HOME), XML)
            ),
            "lets us make no calendar",
        ),
        (lambda _: answer(207, account(HOME), XML), "Something else is at"),
    ],
)  # fmt: skip
async def test_why_no_calendar_is_found(
    server: Server, says: Callable[[str], bytes], sentence: str
) -> None:
    server.says = says
    guard = Guard("127.0.0.1")
    async with guard.session() as session:
        calendar = CalDav(session, server.url, "me", "hunter2", None, guard)
        with pytest.raises(MusterError, match=sentence):
            await calendar.ensure_calendar("Group 1")
    for typed in ("", "https://", "caldav.example.org", "http://[", "ftp://example.org/"):
        async with guard.session() as session:
            with pytest.raises(Refused, match="not the address"):
                await CalDav(session, typed, "me", "x", None, guard).ensure_calendar("Group 1")
