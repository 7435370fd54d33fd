"""The demo's address while previews end: other tabs get their files, an ended tab is told so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, web

from bot.demo.site import Site
from bot.demo.stage import Showing, Stage
from bot.web.server import serving
from tests.e2e._acting import on_discord
from tests.world import World

HOST = "127.0.0.1"


def _showing(port: int, capability: str) -> Showing:
    preview: Any = SimpleNamespace(url=f"http://{HOST}:{port}/#{capability}")
    nobody: Any = None
    return Showing(preview, nobody, 0)


def _nobody_listens() -> int:
    with socket.create_server((HOST, 0)) as ended:
        return int(ended.getsockname()[1])


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A site with two tabs: the first one's preview has just ended, the second one's answers."""

    async def answers(request: web.Request) -> web.Response:
        page = '<head></head><script src="/app.js">'
        return web.Response(text=page if request.path == "/" else request.path)

    discord = SimpleNamespace(channels={}, messages={})
    town: Any = SimpleNamespace(env=SimpleNamespace(backend=discord))
    machine: Any = None
    stage = Stage(town)
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", answers)])
    async with serving(app, HOST, 0) as port:
        stage.tabs["ended"] = _showing(_nobody_listens(), "gone")
        stage.tabs["open"] = _showing(port, "here")
        site = Site(stage, machine)
        await site.start(0)
        try:
            yield site
        finally:
            await site.close()


async def _get(url: str, capability: str = "") -> tuple[int, str]:
    headers = {"X-Simcord-Capability": capability} if capability else {}
    async with ClientSession() as client, client.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_the_files_of_a_page_come_from_a_preview_that_answers(site: Site) -> None:
    url = site.url
    status, page = await _get(f"{url}discord/")
    assert status == 200
    kept = page.split('src="/')[1].split('"')[0]
    assert await _get(url + kept) == (200, "/app.js")
    assert await _get(f"{url}fonts/a.woff2") == (200, "/fonts/a.woff2")


async def test_a_page_whose_preview_ended_is_told_that_it_may_not_look_any_more(site: Site) -> None:
    page = f"{site.url}api/pages"
    assert (await _get(page, "here"))[0] == 200
    assert (await _get(page, "gone"))[0] == 401
    assert (await _get(page, "never was"))[0] == 401


async def test_a_page_that_is_left_while_it_waits_is_no_error(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.stage.lock:
        _, browser = await asyncio.open_connection(HOST, site.port)
        asked = f"POST /api/action HTTP/1.1\r\nHost: {HOST}:{site.port}\r\n"
        half = "X-Simcord-Capability: here\r\nContent-Length: 9\r\n\r\nhalf"
        browser.write(f"{asked}{half}".encode())
        await browser.drain()
        assert (await _get(f"{site.url}api/pages", "here"))[0] == 200  # so that one has come in
        browser.close()
        await browser.wait_closed()
    await site.close()  # waits for what it still works on
    assert [r.getMessage() for r in caplog.records if r.name.startswith("aiohttp")] == []


@on_discord
async def test_a_preview_that_ends_slowly_keeps_nobody_waiting(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    town: Any = SimpleNamespace(env=w.env)
    stage = Stage(town)
    first = await stage.show("tab", w.mod, w.room)
    ends_slowly, closed = first.preview.close, asyncio.Event()

    async def close() -> None:
        await closed.wait()
        await ends_slowly()

    monkeypatch.setattr(first.preview, "close", close)
    async with asyncio.timeout(10):
        second = await stage.show("tab", w.members[0], w.room)
        await stage.tick()
    origins = [first.origin, second.origin]
    assert stage.by_capability(first.capability) is None
    assert stage.by_capability(second.capability) is second
    closed.set()
    await stage.close()
    for origin in origins:
        with pytest.raises(ClientError):
            await _get(origin)
