"""A server that says whatever a test wants, and a calendar that is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import date
from datetime import time as wall

import pytest

from core.calendars.caldav import CalDav
from core.calendars.guard import Guard
from core.calendars.port import Calendar, Stored
from core.reconcile.series import Instance, Series
from core.schedule import instant

DAY = date(2026, 3, 12)
GROUP = Series(
    "uid-1", "Group 1", "", "Europe/Berlin", wall(19), 60, 1,
    (Instance(DAY, instant(DAY, wall(19), "Europe/Berlin"), 60, "Group 1"),),
)  # fmt: skip
STORED = Stored("/cal/muster-uid-1.ics", '"1"')
XML = "Content-Type: application/xml"
HTML = "Content-Type: text/html"
LOGIN = "<!DOCTYPE html><html><body>Please log in</body></html>"


class Server:
    """Answers every request with what `says` makes of "METHOD /path"; notes what came."""

    def __init__(self) -> None:
        self.says: Callable[[str], bytes | AsyncIterator[bytes]] = lambda _: b""
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.url = ""
        self.sent = 0  # bytes of the last answer that went out

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(h.split(":")[1]) for h in head.splitlines() if h.startswith("Content-Length")),
                0,
            )
            await reader.readexactly(length)
            asked = head.partition(" HTTP")[0]
            self.asked.append(asked)
            self.heads.append(head)
            await self._answer(writer, self.says(asked))
        writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, said: bytes | AsyncIterator[bytes]
    ) -> None:
        self.sent = 0
        if isinstance(said, bytes):
            writer.write(said)
            await writer.drain()
            return
        async for part in said:
            writer.write(part)
            await writer.drain()
            self.sent += len(part)


def answer(status: int, body: str | bytes = "", *headers: str) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode() + content


def multistatus(*responses: str, token: str = "t1") -> str:
    inside = "".join(responses) + (f"<sync-token>{token}</sync-token>" if token else "")
    return (
        f'<multistatus xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">{inside}</multistatus>'
    )


def entry(path: str = STORED.address, data: str = "") -> str:
    inside = f"<c:calendar-data>{data}</c:calendar-data>" if data else ""
    return (
        f'<response><href>{path}</href><propstat><prop><getetag>"1"</getetag>{inside}</prop>'
        "<status>HTTP/1.1 200 OK</status></propstat></response>"
    )


def error(condition: str) -> str:
    return f'<error xmlns="DAV:"><{condition}/></error>'


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    listening = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    yield found
    listening.close()


@pytest.fixture
async def calendar(server: Server) -> AsyncIterator[CalDav]:
    guard = Guard("127.0.0.1")
    async with guard.session() as session:
        yield CalDav(session, server.url, "me", "hunter2", server.url + "cal/", guard, seconds=0.8)


async def put(calendar: Calendar) -> object:
    return await calendar.put(GROUP, STORED)


async def put_new(calendar: Calendar) -> object:
    return await calendar.put(GROUP, None)


async def delete(calendar: Calendar) -> object:
    await calendar.delete(STORED)
    return None


async def read_all(calendar: Calendar) -> object:
    return await calendar.changes(None)


async def read_on(calendar: Calendar) -> object:
    return await calendar.changes("sync:t0")


async def list_on(calendar: Calendar) -> object:
    return await calendar.changes("list:0")


async def read(calendar: Calendar) -> object:
    return await calendar.read(STORED.address)


async def ensure(calendar: Calendar) -> object:
    return await calendar.ensure_calendar("Group 1")


Request = Callable[[Calendar], Awaitable[object]]
EVERYTHING: list[Request] = [put, put_new, delete, read_all, read_on, list_on, read, ensure]


def account(*properties: str) -> str:
    """What a server says of "/": a folder, with these properties."""
    inside = "".join(properties)
    return multistatus(
        f"<response><href>/</href><propstat><prop>{inside}</prop>"
        "<status>HTTP/1.1 200 OK</status></propstat></response>"
    )


HOME = "<c:calendar-home-set><href>/home/</href></c:calendar-home-set>"
