"""The demo's one address: the front page, what it asks for, and SimCord's preview behind it.

SimCord serves each preview on a port of its own and forbids frames. It is passed on here, so that
there is one address, the front page can show it in a frame, and an action waits for its turn
(SimCord refuses what overlaps) instead of failing.
"""

from __future__ import annotations

import asyncio
import errno
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from aiohttp import ClientError, ClientSession, web
from simcord import SetupError

from bot.demo.stage import Showing, Stage
from bot.demo.time_machine import MOVES, TimeMachine
from bot.demo.view import channel_of, server

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
STATIC = Path(__file__).with_name("static")
FILES = {"demo.css": "text/css", "demo.js": "text/javascript", "inside.css": "text/css"}
LARGEST = 27 * 1024 * 1024  # bytes; SimCord takes uploads of 26 MiB in all
# What a browser may do with our pages: load from here, be framed by us, nothing else.
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)
PASSED_ON = ("Content-Type", "X-Simcord-Capability", "X-Simcord-Context")
KEPT = ("X-Display", "X-Media", "X-Simcord", "Content-Disposition")
# SimCord sends its 35 scripts and its fonts, megabytes, anew for each channel that is opened. Here
# the browser keeps them: under an address of this demo's own, or (fonts) with a version in it.
KEPT_FOR = "private, max-age=86400, immutable"
FONTS = "/fonts/"
# Two thirds of the fonts, 19 MB, are for scripts that the system has fonts for as well; SimCord's
# page loads all that its style sheet names before it calls itself ready.
SPARED = re.compile(
    r'@font-face {\s*font-family: "Noto Sans (?:Arabic|Hebrew|Devanagari|SC)";[^}]*}\s*'
)


class Site:
    def __init__(self, stage: Stage, machine: TimeMachine) -> None:
        self.stage = stage
        self.machine = machine
        self._here = f"/kept/{secrets.token_hex(4)}"
        self._moving: set[asyncio.Task[None]] = set()
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._client: ClientSession | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    async def start(self, port: int) -> None:
        """Listen on `port` of this machine alone, or on a free one where it is taken (or 0)."""
        # A page that waits for a busy bot must not be given up before the bot is.
        self._client = ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=LARGEST, middlewares=[self._only_from_here])
        app.add_routes(
            [
                web.get("/", self._front),
                web.get("/demo/state", self._state),
                web.post("/demo/show", self._show),
                web.post("/demo/time", self._time),
                web.get("/demo/{name}", self._file),
                web.get("/discord/", self._preview_page),
                web.get(self._here + "{path:/.+}", self._kept),
                web.route("*", "/{path:.+}", self._pass_on),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        try:
            await self._listen(port)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES} or not port:
                raise
            await self._listen(0)

    async def _listen(self, port: int) -> None:
        assert self._runner is not None
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening, and moving the clock."""
        for moving in list(self._moving):
            moving.cancel()
        await asyncio.gather(*self._moving, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    @web.middleware
    async def _only_from_here(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Other web sites cannot reach the demo, neither by a name of theirs nor by a form."""
        here = {f"{name}:{self.port}" for name in (HOST, "localhost")}
        origin = request.headers.get("Origin")
        if request.host not in here or (origin and origin.removeprefix("http://") not in here):
            raise web.HTTPForbidden(text="This demo answers only to its own page.")
        try:
            await request.read()  # all of it, before it waits for its turn
        except ConnectionError as error:
            raise web.HTTPBadRequest(text="The page was left meanwhile.") from error
        response: web.StreamResponse = await handler(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    async def _front(self, _request: web.Request) -> web.Response:
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in FILES:
            raise web.HTTPNotFound
        text = (STATIC / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=FILES[name])

    async def _state(self, request: web.Request) -> web.Response:
        """Who there is, what each can see, and whether this tab's preview still answers."""
        found: dict[str, Any] = dict(await server(self.stage.town))
        found["time"] = self.machine.state()
        found["alive"] = self.stage.alive(request.query.get("tab", ""))
        return web.json_response(found)

    async def _show(self, request: web.Request) -> web.Response:
        """Move this tab's preview; the address to load, or 404 where it cannot be seen (now)."""
        asked = await request.json()
        person = self.stage.town.person(int(asked["person"]))
        channel = channel_of(self.stage.town, person, str(asked["channel"])) if person else None
        if person is None or channel is None:
            raise web.HTTPNotFound(text="This person cannot see that channel.")
        try:
            showing = await self.stage.show(str(asked["tab"]), person, channel)
        except SetupError as error:
            raise web.HTTPNotFound(text="This person cannot see that channel.") from error
        return web.json_response({"url": f"/discord/#{showing.capability}"})

    async def _time(self, request: web.Request) -> web.Response:
        """Move the demo's clock forward, without letting the page wait for it."""
        to = str((await request.json())["to"])
        if to not in MOVES:
            raise web.HTTPNotFound(text="The clock does not move like that.")
        moving = asyncio.create_task(self.machine.forward(to))
        self._moving.add(moving)
        moving.add_done_callback(self._moving.discard)
        return web.json_response(self.machine.state())

    async def _preview_page(self, request: web.Request) -> web.Response:
        """SimCord's page, without the parts that are for people who test bots."""
        answer = await self._of_any(request, "/")
        text = answer.text or ""
        for name in ("preview.css", "app.js"):
            text = text.replace(f'"/{name}"', f'"{self._here}/{name}"')
        text = text.replace("</head>", '<link rel="stylesheet" href="/demo/inside.css"></head>')
        return web.Response(text=text, content_type="text/html")

    async def _kept(self, request: web.Request) -> web.Response:
        """A file of SimCord's page, which stays the same for as long as this demo runs."""
        answer = await self._of_any(request, request.match_info["path"])
        if answer.content_type == "text/css" and answer.text is not None:
            answer.text = SPARED.sub("", answer.text)
        return answer

    async def _pass_on(self, request: web.Request) -> web.Response:
        asked = request.headers.get("X-Simcord-Capability")
        if not asked:
            return await self._of_any(request)
        if request.method != "POST":
            return await self._of_one(request, self.stage.by_capability(asked))
        async with self.stage.lock:
            # Not before: it may have ended while this waited for its turn.
            showing = self.stage.by_capability(asked)
            if showing is None:
                raise web.HTTPUnauthorized
            self.stage.use(showing)
            try:
                answer = await self._of_one(request, showing)
                showing.opened = showing.opened or request.path == "/api/pages"
                return answer
            finally:
                self.stage.noticed(showing)

    async def _of_any(self, request: web.Request, path: str | None = None) -> web.Response:
        """A file from whichever preview answers: it is the same in all, and one may be ending."""
        for showing in list(self.stage.tabs.values()):
            with suppress(ClientError):
                return await self._fetch(request, showing, path)
        raise web.HTTPNotFound

    async def _of_one(self, request: web.Request, showing: Showing | None) -> web.Response:
        """From the preview that the page belongs to; 401, as SimCord's own, where it has ended."""
        if showing is not None:
            with suppress(ClientError):
                return await self._fetch(request, showing)
        raise web.HTTPUnauthorized

    async def _fetch(
        self, request: web.Request, showing: Showing, path: str | None = None
    ) -> web.Response:
        assert self._client is not None
        headers = {k: request.headers[k] for k in PASSED_ON if k in request.headers}
        if request.headers.get("Origin"):
            headers["Origin"] = showing.origin
        url = f"{showing.origin}{path or request.rel_url}"
        body = await request.read() or None
        async with self._client.request(request.method, url, headers=headers, data=body) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.startswith(KEPT)}
            kept["Content-Type"] = answer.headers.get("Content-Type", "application/octet-stream")
            if answer.ok and (path or request.path.startswith(FONTS)):
                kept["Cache-Control"] = KEPT_FOR
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)
