"""The calendars that one suite runs against: in memory, Radicale, xandikos, and others."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest
from icalendar import Calendar as Ics
from icalendar import Event
from yarl import URL

from core.calendars.caldav import CalDav
from core.calendars.guard import Guard
from core.calendars.memory import Memory, MemoryServer
from core.calendars.port import Calendar, Stored
from core.reconcile.series import Partstat
from tests.integration._google_side import google_side
from tests.oracles import program

USER, PASSWORD = "muster", "secret"
_SECONDS = 30  # a server may take to start; alone it takes one, on a busy machine ten


class Side(Protocol):
    """One kind of calendar with nothing in it, and what other people may do there."""

    requests: list[str]  # what was sent, one word each

    def open(self, address: str | None) -> Calendar: ...
    async def answers(
        self, address: str, entry: Stored, who: str, said: Partstat, day: date | None = None
    ) -> None:
        """Somebody answers in the calendar: to all of it, or to one meeting alone."""

    async def renames(self, address: str, entry: Stored, title: str) -> None: ...
    async def removes(self, address: str, entry: Stored) -> None: ...
    async def removes_calendar(self, address: str) -> None: ...
    async def forgets(self, cursor: str) -> str:
        """A cursor that the server does not know, made of one that it gave."""


# --- the servers ----------------------------------------------------------------------------------


class Servers:
    """Servers of a test module: each is started on first use, and all end with the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, tuple[subprocess.Popen[bytes], int]] = {}

    def folder(self, name: str) -> Path:
        return self._folder / name

    def port(self, name: str) -> int:
        """Where that server listens on 127.0.0.1. Skips the test where it is not installed."""
        if name not in self._running:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            self.folder(name).mkdir()
            with self._folder.joinpath(f"{name}.log").open("wb") as log:
                process = subprocess.Popen(
                    _COMMANDS[name](self.folder(name), port),
                    stdout=log, stderr=log, env={**os.environ, "HOME": str(self._folder)},
                )  # fmt: skip
            self._running[name] = process, port
            self._wait(process, port, self._folder / f"{name}.log")
        return self._running[name][1]

    def _wait(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        until = time.monotonic() + _SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        for process, _ in self._running.values():
            process.terminate()
        for process, _ in self._running.values():
            process.wait(timeout=_SECONDS)


_RADICALE = """
[server]
hosts = 127.0.0.1:{port}
delay_on_error = 0
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}
[web]
type = none
[logging]
level = warning
"""


def _radicale(folder: Path, port: int) -> list[str]:
    folder.joinpath("users").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    config = folder / "config"
    config.write_text(_RADICALE.format(folder=folder, port=port), encoding="utf-8")
    return [str(program("radicale")), "--config", str(config)]


def _xandikos(folder: Path, port: int) -> list[str]:
    """Users are who a header says: only this side of it checks passwords."""
    return [
        str(program("xandikos")), "multi-user", "-d", str(folder / "data"), "--defaults",
        "-l", "127.0.0.1", "-p", str(port), "--trust-x-remote-user-from", "127.0.0.1",
        "--state-dir", str(folder / "state"), "--no-detect-systemd",
    ]  # fmt: skip


_COMMANDS: dict[str, Callable[[Path, int], list[str]]] = {
    "radicale": _radicale, "xandikos": _xandikos,
}  # fmt: skip


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The servers of this module."""
    found = Servers(tmp_path_factory.mktemp("calendars"))
    yield found
    found.stop()


# --- what a person does ---------------------------------------------------------------------------


def answered(text: str, who: str, said: Partstat, day: date | None) -> str:
    """The entry as a calendar program writes it after an answer in it."""
    calendar = Ics.from_ical(text)
    (series,) = [event for event in calendar.events if "RECURRENCE-ID" not in event]
    event = series if day is None else _of_day(calendar, series, day)
    people = event.get("ATTENDEE", [])
    for person in people if isinstance(people, list) else [people]:
        if str(person).lower() == f"mailto:{who}":
            person.params["PARTSTAT"] = said.upper()
    written: bytes = calendar.to_ical()
    return written.decode()


def _of_day(calendar: Ics, series: Event, day: date) -> Event:
    for event in calendar.events:
        if "RECURRENCE-ID" in event and event.decoded("RECURRENCE-ID").date() == day:
            return event
    start: datetime = series.decoded("DTSTART")
    own = deepcopy(series)
    for name in ("RRULE", "RDATE", "EXDATE", "DTSTART"):
        own.pop(name, None)
    for name in ("RECURRENCE-ID", "DTSTART"):
        own.add(name, start.replace(year=day.year, month=day.month, day=day.day))
    calendar.add_component(own)
    return own


# --- the sides ------------------------------------------------------------------------------------


class MemorySide:
    """In memory."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.server = MemoryServer()

    def open(self, address: str | None) -> Calendar:
        return Memory(self.server, address)

    async def answers(
        self, address: str, entry: Stored, who: str, said: Partstat, day: date | None = None
    ) -> None:
        text = self.server.calendars[address][entry.address]
        self.server.write(address, entry.address, answered(text, who, said, day))

    async def renames(self, address: str, entry: Stored, title: str) -> None:
        text = self.server.calendars[address][entry.address]
        self.server.write(address, entry.address, text.replace("SUMMARY:", f"SUMMARY:{title} ", 1))

    async def removes(self, address: str, entry: Stored) -> None:
        self.server.write(address, entry.address, None)

    async def removes_calendar(self, address: str) -> None:
        del self.server.calendars[address]

    async def forgets(self, cursor: str) -> str:
        self.server.forget_cursors()
        return cursor


class DavSide:
    """A CalDAV server, with one user who writes and one who looks on in the same calendar."""

    def __init__(self, url: str, session: aiohttp.ClientSession, guard: Guard) -> None:
        self.url = url
        self.session = session
        self.guard = guard
        self.requests: list[str] = []

    def open(self, address: str | None) -> CalDav:
        return CalDav(self.session, self.url, USER, PASSWORD, address, self.guard)

    async def answers(
        self, address: str, entry: Stored, who: str, said: Partstat, day: date | None = None
    ) -> None:
        text = await self.text(entry.address)
        await self.ask("PUT", entry.address, answered(text, who, said, day))

    async def renames(self, address: str, entry: Stored, title: str) -> None:
        text = await self.text(entry.address)
        await self.ask("PUT", entry.address, text.replace("SUMMARY:", f"SUMMARY:{title} ", 1))

    async def removes(self, address: str, entry: Stored) -> None:
        await self.ask("DELETE", entry.address)

    async def removes_calendar(self, address: str) -> None:
        await self.ask("DELETE", URL(address).path)

    async def forgets(self, cursor: str) -> str:
        return cursor + "0"

    async def text(self, path: str) -> str:
        return await self.ask("GET", path)

    async def ask(self, method: str, path: str, body: str = "", **headers: str) -> str:
        """What another program sends; its requests are not counted."""
        before = list(self.requests)
        kind = "text/calendar" if method == "PUT" else "application/xml"
        sent = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Authorization": aiohttp.encode_basic_auth(USER, PASSWORD),
            **headers,
        }
        url = URL(self.url).join(URL(path))
        async with self.session.request(method, url, data=body.encode(), headers=sent) as response:
            assert response.status < 300, (method, path, response.status, await response.text())
            self.requests[:] = before
            return await response.text()


@asynccontextmanager
async def dav_side(url: str, user: str = USER) -> AsyncIterator[DavSide]:
    """A CalDAV server on loopback, which the operator allowed, as seen by `user`."""
    guard = Guard("127.0.0.1")
    async with guard.session() as session:
        session.headers["X-Remote-User"] = user  # whom xandikos believes
        side = DavSide(url, session, guard)
        trace = aiohttp.TraceConfig()

        async def count(_: Any, __: Any, asked: aiohttp.TraceRequestStartParams) -> None:
            side.requests.append(asked.method)

        trace.on_request_start.append(count)
        trace.freeze()
        session._trace_configs.append(trace)
        yield side


@asynccontextmanager
async def _in_memory(_: Servers) -> AsyncIterator[Side]:
    yield MemorySide()


@asynccontextmanager
async def _on_radicale(servers: Servers) -> AsyncIterator[Side]:
    async with dav_side(f"http://127.0.0.1:{servers.port('radicale')}/") as side:
        yield side


@asynccontextmanager
async def _on_xandikos(servers: Servers) -> AsyncIterator[Side]:
    async with dav_side(f"http://127.0.0.1:{servers.port('xandikos')}/") as side:
        yield side


@asynccontextmanager
async def _at_google(_: Servers) -> AsyncIterator[Side]:
    async with google_side() as side:
        yield side


# Another kind of calendar joins the suite with a line here.
SIDES: dict[str, Callable[[Servers], AbstractAsyncContextManager[Side]]] = {
    "memory": _in_memory,
    "radicale": _on_radicale,
    "xandikos": _on_xandikos,
    "google": _at_google,
}
