"""CalDAV servers that attack: where they send us, and how much they say."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest

from core.calendars.caldav import CalDav
from core.calendars.guard import Guard
from core.calendars.port import CalendarGone, Refused, Unreachable
from tests.integration._hostile import (
    XML,
    Server,
    answer,
    calendar,
    ensure,
    entry,
    multistatus,
    read_all,
    server,
)

__all__ = ["calendar", "server"]  # fixtures


async def test_redirects_within_a_server_are_followed(server: Server, calendar: CalDav) -> None:
    server.says = lambda asked: (
        answer(301, "", "Location: /new/")
        if asked.endswith("/cal/")
        else answer(207, multistatus(), XML)
    )
    # The calendar has moved: its entries' addresses are others, so nothing is concluded from it.
    with pytest.raises(CalendarGone):
        await read_all(calendar)
    assert server.asked == ["REPORT /cal/", "REPORT /new/"]
    assert all("Authorization: Basic" in head for head in server.heads)


async def test_redirects_in_circles_end(server: Server, calendar: CalDav) -> None:
    server.says = lambda _: answer(302, "", "Location: /again")
    with pytest.raises(Unreachable, match="circles"):
        await read_all(calendar)
    assert len(server.asked) == 6


async def test_no_password_for_another_server(server: Server, calendar: CalDav) -> None:
    """Another port of the same machine, and a name of it that nobody allowed."""
    other = Server()
    listening = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    for place in (f"http://127.0.0.1:{port}/", f"http://localhost:{port}/"):
        server.says = lambda _, to=place: answer(302, "", f"Location: {to}")  # type: ignore[misc]
        with pytest.raises(Refused, match="sends us to"):
            await read_all(calendar)
    listening.close()
    assert other.asked == []


async def test_the_home_of_an_account_is_on_its_own_server(
    server: Server, calendar: CalDav
) -> None:
    home = (
        "<response><href>/</href><propstat><prop><c:calendar-home-set>"
        "<href>https://example.org/home/</href></c:calendar-home-set></prop>"
        "<status>HTTP/1.1 200 OK</status></propstat></response>"
    )
    server.says = lambda _: answer(207, multistatus(home), XML)
    with pytest.raises(Refused, match=r"example\.org"):
        await ensure(calendar)


async def test_a_name_that_leads_inside_is_not_connected_to(server: Server) -> None:
    """`localhost` is resolved for real: the check is where the connection is made."""
    guard = Guard("")
    async with guard.session() as session:
        inside = server.url.replace("http://127.0.0.1", "https://localhost")
        calendar = CalDav(session, inside, "me", "hunter2", inside, guard)
        with pytest.raises(Refused, match="private network"):
            await read_all(calendar)
    assert server.asked == []


# --- too much -------------------------------------------------------------------------------------


def endless(head: bytes, part: bytes) -> AsyncIterator[bytes]:
    async def parts() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 207 Said\r\nContent-Type: application/xml\r\n" + head + b"\r\n"
        while True:
            yield part

    return parts()


LAUGHS = "<!DOCTYPE a [" + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(12)
) + "]><a>&l11;</a>"  # fmt: skip


@pytest.mark.parametrize(
    "says",
    [
        lambda: endless(b"", b"x" * 65536),
        lambda: endless(b"Content-Length: 900000000\r\n", b"x" * 65536),
        lambda: answer(207, LAUGHS, XML),
        lambda: answer(207, LAUGHS.encode("utf-16"), XML),
        lambda: answer(207, "<a>" * 1_000_000, XML),
        lambda: answer(207, "<a>" + "<b/>" * 1_500_000, XML),
        lambda: answer(207, gzip.compress(b" " * 20_000_000), XML, "Content-Encoding: gzip"),
        lambda: answer(207, "", XML, "X-Long: " + "x" * 1_000_000),
    ],
)
async def test_too_much(
    server: Server, calendar: CalDav, says: Callable[[], bytes | AsyncIterator[bytes]]
) -> None:
    """Within a moment, and with no more memory than three answers of the allowed length."""
    said = says()
    server.says = lambda _: said
    tracemalloc.start()
    before = time.process_time()
    with pytest.raises(Unreachable):
        await read_all(calendar)
    spent, peak = time.process_time() - before, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 5
    assert peak < 40_000_000
    assert server.sent < 20_000_000


async def test_an_entry_that_is_a_bomb_is_unreadable_and_the_others_are_read(
    server: Server, calendar: CalDav
) -> None:
    bomb = "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 100_000
    both = multistatus(entry(data=bomb), entry("/cal/muster-2.ics", "BEGIN:VCALENDAR"))
    server.says = lambda _: answer(207, both, XML)
    found = await calendar.changes("sync:1")
    assert [remote.content for remote in found.changed] == ["unreadable", "unreadable"]


async def test_an_answer_that_drips(server: Server, calendar: CalDav) -> None:
    async def drops() -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 207 Said\r\nContent-Type: application/xml\r\n\r\n"
        while True:
            await asyncio.sleep(0.05)
            yield b" "

    server.says = lambda _: drops()
    before = time.monotonic()
    with pytest.raises(Unreachable, match="too long"):
        await read_all(calendar)
    assert time.monotonic() - before < 5
