"""The web server over real sockets: the file, the page, who is refused, and what is logged."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import service
from bot.web import feeds as web_feeds
from bot.web.cache import Cache, Packed
from bot.web.feeds import Feeds
from bot.web.limits import Limit
from bot.web.server import application, serving
from core import clock
from core.config import Settings
from core.db.engine import Database
from core.errors import ConfigurationError
from core.operations import feeds, meetings
from tests.integration.test_feeds import KEYS, MINE, MOD, NOW, person, season, table

PUBLIC = "https://example.org/muster"
WRONG = "a" * 32
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _february() -> None:
    clock.set_clock(lambda: NOW)


class Reader:
    """Somebody with a program that reads addresses."""

    def __init__(self, session: aiohttp.ClientSession, base: str, served: Feeds) -> None:
        self.session, self.base, self.served = session, base, served

    async def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given.setdefault("Accept-Encoding", "identity")
        async with self.session.request(method, self.base + path, headers=given) as answer:
            return answer, await answer.read()


@asynccontextmanager
async def reader(**more: Any) -> AsyncIterator[Reader]:
    served = Feeds(KEYS, PUBLIC, **more)
    app = application(served.routes(), prefix="/muster")
    async with (
        serving(app, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        yield Reader(session, f"http://127.0.0.1:{port}", served)


async def own() -> feeds.Link:
    return await feeds.link(person(100), KEYS, MINE)


async def test_a_file_its_tag_and_its_packing(database: Database) -> None:
    await season(count=12)
    link = await own()
    path = f"/feed/{link.path}.ics"
    async with reader() as r:
        answer, text = await r.get(path)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert text.startswith(b"BEGIN:VCALENDAR\r\n")
        tag = answer.headers["ETag"]
        packed, body = await r.get(path, Accept_Encoding="br, gzip;q=0.8")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["ETag"] == tag
        assert gzip.decompress(body) == text
        assert len(body) < len(text) / 4
        refused, body = await r.get(path, Accept_Encoding="gzip;q=0")
        assert "Content-Encoding" not in refused.headers
        assert body == text
        head, body = await r.get(path, "HEAD")
        assert (head.status, head.headers["Content-Length"], body) == (200, str(len(text)), b"")
        for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            same, body = await r.get(path, If_None_Match=known)
            assert (same.status, body, same.headers["ETag"]) == (304, b"", tag)
        # Each link has one spelling, so that the limit of a link is one limit.
        for before in ("0", "\uff10", "+"):
            answer, _ = await r.get(path.replace("/feed/", f"/feed/{before}"))
            assert answer.status == 404
        # Below the prefix of the public address as well, and of another process the same tag.
        answer, again = await r.get(f"/muster{path}")
        assert again == text
    async with reader() as r:
        answer, _ = await r.get(path, If_None_Match=tag)
        assert answer.status == 304
        row = (await table())[3]
        await meetings.move(MOD, row.id, row.starts_at + timedelta(hours=1))
        answer, _ = await r.get(path, If_None_Match=tag)
        assert answer.status == 304  # what was right some seconds ago is not looked up again
        clock.set_clock(lambda: NOW + web_feeds.FRESH)
        answer, moved = await r.get(path, If_None_Match=tag)
        assert answer.status == 200
        assert answer.headers["ETag"] != tag
        assert moved != text


async def test_it_is_built_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await season(count=12)
    link, built = await own(), []
    really = feeds.build

    def build(opened: feeds.Opened) -> bytes:
        built.append(opened)
        return really(opened)

    monkeypatch.setattr(feeds, "build", build)
    async with reader() as r:
        found = await asyncio.gather(*(r.get(f"/feed/{link.path}.ics") for _ in range(10)))
    assert len({body for _, body in found}) == 1
    assert len(built) == 1


async def test_wrong_ended_and_unknown_links_are_answered_alike(database: Database) -> None:
    await season(count=1)
    old = await own()
    paths = [old.path, f"{old.id}-{WRONG}", f"999999-{WRONG}"]
    async with reader() as r:
        assert (await r.get(f"/feed/{old.path}.ics"))[0].status == 200
        await feeds.rotate(person(100), KEYS, old.id)  # what is in the cache ends with it
        for form in ("/feed/{}.ics", "/calendar/{}"):
            answers = [await r.get(form.format(path)) for path in paths]
            assert {answer.status for answer, _ in answers} == {404}
            assert len({body for _, body in answers}) == 1
            told = [{k: v for k, v in a.headers.items() if k != "Date"} for a, _ in answers]
            assert all(one == told[0] for one in told)
    # Nor by what the database is asked: one statement, and the signature is always checked.
    checked = []

    class Watched:
        def verify(self, *given: str) -> bool:
            checked.append(given)
            return KEYS.verify(*given)

    for path in paths:
        feed, token = path.split("-")
        assert await feeds.find(Watched(), int(feed), token) is None  # type: ignore[arg-type]
    assert len(checked) == 3


async def test_too_many_requests(database: Database) -> None:
    await season(count=1)
    link = await own()
    async with reader(per_link=Limit(3, 0.2), per_address=Limit(8, 1)) as r:
        path = f"/feed/{link.path}.ics"
        seen = [(await r.get(path))[0] for _ in range(4)]
        assert [a.status for a in seen] == [200, 200, 200, 429]
        assert seen[-1].headers["Retry-After"] == "5"
        clock.set_clock(lambda: NOW + timedelta(seconds=5))
        assert (await r.get(path))[0].status == 200
        # Guessing from one address is limited whatever is guessed; another one is not.
        clock.set_clock(lambda: NOW + timedelta(minutes=5))
        guessed = [(await r.get(f"/calendar/{n}-{WRONG}"))[0].status for n in range(1, 11)]
        assert guessed == [404] * 8 + [429] * 2
        other, _ = await r.get(path, X_Forwarded_For="203.0.113.9, 198.51.100.7")
        assert other.status == 200
        spoofed, _ = await r.get(path, X_Forwarded_For="203.0.113.10, 127.0.0.1")
        assert spoofed.status == 429


def test_a_limit_and_a_cache_stay_within_their_bounds() -> None:
    limit = Limit(1, 1, most=100)
    for n in range(1000):
        limit.wait(str(n))
    assert len(limit) == 100
    cache = Cache(most=10_000)
    for n in range(100):
        cache.put(b"%d" % n, Packed(str(n), b"x" * 999))
        cache.put(b"%d" % n, Packed(str(n), b"x" * 999))
    assert cache.used == 9990
    assert cache.get(b"99") is not None
    assert cache.get(b"89") is None
    cache.put(b"large", Packed("large", b"x" * 20_000))
    assert cache.used == 0


@pytest.mark.parametrize("level", [logging.DEBUG])
async def test_no_token_is_ever_logged(
    database: Database, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, level: int,
) -> None:  # fmt: skip
    await season(count=1)
    link = await own()
    token = link.path.split("-")[1]
    caplog.set_level(level)

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    async with reader() as r:
        for path in (f"/feed/{link.path}.ics", f"/calendar/{link.path}", f"/nothing/{link.path}"):
            await r.get(path)
        monkeypatch.setattr(feeds, "find", broken)
        clock.set_clock(lambda: NOW + web_feeds.FRESH)
        answer, body = await r.get(f"/feed/{link.path}.ics")
        assert (answer.status, body) == (500, b"Internal Server Error.\n")
        port = int(r.base.rpartition(":")[2])
        for line in (f"GET /feed/{link.path}.ics HTTP/9.9.9", f"\x00/feed/{link.path}"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"{line}\r\n\r\n".encode())
            await writer.drain()
            await _.read()
            writer.close()
            await writer.wait_closed()
    logged = "".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    shown = "".join(capfd.readouterr())
    assert "web_failed" in shown + logged
    assert token not in shown + logged


async def test_health(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with reader() as r:
        assert (await r.get("/health"))[1] == b'{"status": "ok"}'
        assert (await r.get("/"))[0].status == 404
        post, body = await r.get("/health", "POST")
        assert (post.status, body) == (405, b"Method Not Allowed.\n")
        await database.close()
        monkeypatch.setattr(
            database, "transaction", Database("postgresql://x@127.0.0.1:1/x").transaction
        )
        answer, body = await r.get("/health")
        assert (answer.status, body) == (503, b'{"status": "no database"}')


async def test_a_port_in_use_is_one_sentence(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(public_url=PUBLIC, http_port=port, _env_file=None)
        with pytest.raises(ConfigurationError, match=f"port {port}.*another program"):
            async with service.served(settings, KEYS):
                pass
    async with service.served(settings, KEYS) as links:
        assert links is not None
        where = feeds.addresses(links.public_url, "7-abc")
        assert where.page == "https://example.org/muster/calendar/7-abc"
        assert where.subscribe == "webcal://example.org/muster/feed/7-abc.ics"
        assert where.google.endswith("cid=webcal%3A%2F%2Fexample.org%2Fmuster%2Ffeed%2F7-abc.ics")
    async with service.served(settings, KEYS):  # the port is free again at once
        pass
    async with service.served(settings.model_copy(update={"public_url": None}), KEYS) as links:
        assert links is None
        with socket.create_server(("127.0.0.1", port)):
            pass  # nothing listens


async def test_the_program_ends_with_that_sentence(database: Database, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = {
            "DISCORD_TOKEN": "x", "DATABASE_URL": database.url, "MUSTER_DATA_DIR": str(tmp_path),
            "MUSTER_PUBLIC_URL": PUBLIC, "MUSTER_HTTP_PORT": str(taken.getsockname()[1]),
            "MUSTER_LOG_LEVEL": "ERROR",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "main.py", "run", cwd=ROOT, env={**os.environ, **given},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await process.communicate()
    assert process.returncode == 2
    [line] = said.decode().splitlines()
    assert line.startswith("Muster cannot listen on 127.0.0.1, port ")


@pytest.mark.parametrize(
    ("liked", "says"),
    [
        (None, "Subscribe"),
        ("fr, de;q=0.3, en;q=0.8", "Subscribe"),
        ("xx;q=oops, ja", "Subscribe"),
        ("de-AT,de;q=0.9,en;q=0.1", 'lang="de"'),
    ],
)
async def test_the_page(database: Database, liked: str | None, says: str) -> None:
    await season('<b>Stats</b> & "more"', count=1)
    from core.db.engine import get_database
    from core.db.models import Guild

    async with get_database().transaction() as session:
        (await session.get_one(Guild, 1)).name = "<script>alert(1)</script>"
    link = await own()
    async with reader() as r:
        more = {} if liked is None else {"Accept_Language": liked}
        answer, body = await r.get(f"/calendar/{link.path}", **more)
        page = body.decode()
        assert answer.status == 200
        assert says in page
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert f"webcal://example.org/muster/feed/{link.path}.ics" in page
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        if says == "Subscribe":
            assert "No calendar program has read it yet" in page
            await r.get(f"/feed/{link.path}.ics")
            clock.set_clock(lambda: NOW + timedelta(hours=2, minutes=5))
            _, body = await r.get(f"/calendar/{link.path}", **more)
            assert "It was read last by a calendar program 2 hours ago." in body.decode()
