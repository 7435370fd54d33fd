"""A Discord over sockets: SimCord behind REST v10 and a Gateway v10 WebSocket on loopback.

    python -m tests.e2e.discord_server --port 0 --seed small

prints one JSON line with ``api``, ``gateway``, ``control``, ``pid``, ``application_id``,
``bot_id`` and ``seed`` (the ids of the ready-made world), then serves until SIGTERM or SIGINT,
or until the process that started it goes away.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

from tests.e2e._discord_control import Control
from tests.e2e._discord_gateway import Gateway
from tests.e2e._discord_limits import Signal
from tests.e2e._discord_openapi import BodyValidator
from tests.e2e._discord_people import People
from tests.e2e._discord_rest import API, Rest
from tests.e2e._discord_seeds import SEEDS
from tests.e2e._discord_simcord import SocketBackend
from tests.e2e._discord_world import Scene

HOST = "127.0.0.1"
#: Where Discord's OpenAPI description lies, if it is there: beside the project's directory.
DEFAULT_OPENAPI = Path(__file__).parents[3] / "shared" / "data" / "discord-openapi.json"


def arguments(argv: list[str]) -> argparse.Namespace:
    """Parse the command line; MUSTER_DISCORD_OPENAPI names the description, "" skips it."""
    parser = argparse.ArgumentParser(prog="tests.e2e.discord_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", choices=sorted(SEEDS), default="empty")
    known = os.environ.get("MUSTER_DISCORD_OPENAPI")
    parser.add_argument("--openapi", default=str(DEFAULT_OPENAPI) if known is None else known)
    return parser.parse_args(argv)


class Discord:
    """One process's Discord; ``renew`` replaces its whole world and forgets every setting."""

    def __init__(self, seed: str, validator: BodyValidator | None) -> None:
        self.url = ""
        self._validator = validator
        self._build(seed)

    def _build(self, seed: str) -> None:
        backend, woken = SocketBackend(), Signal()
        scene, people = Scene(backend), People(backend, woken)
        self._gateway = Gateway(backend, woken)
        self._gateway.url = f"{self.url.replace('http', 'ws', 1)}/gateway"
        self._rest = Rest(backend, people, self._gateway, woken, validator=self._validator)
        self._control = Control(self._rest, scene, people, woken)
        self._seed = SEEDS[seed](scene)

    def line(self) -> dict[str, object]:
        """What a client must know: addresses, ids, process."""
        return {
            "api": self.url + API,
            "gateway": self._gateway.url,
            "control": f"{self.url}/control",
            "pid": os.getpid(),
            "application_id": self._gateway.backend.application_id,
            "bot_id": self._gateway.backend.bot_user.id,
            "seed": self._seed,
        }

    def listen(self, port: int) -> None:
        """Note the port that it is served on."""
        self.url = f"http://{HOST}:{port}"
        self._gateway.url = f"ws://{HOST}:{port}/gateway"

    async def let_go(self, _app: web.Application | None = None) -> None:
        """Release what hangs by script and close the gateway's connections."""
        self._rest.faults.clear()
        for connection in list(self._gateway.connections):
            await connection.ws.close(code=1001)

    async def renew(self, request: web.Request) -> web.Response:
        """POST /control/renew {seed}: a new world in the same process; answers its line."""
        seed = (await request.json())["seed"]
        await self.let_go()
        self._build(seed)
        return web.json_response({"result": self.line()})

    async def control(self, request: web.Request) -> web.StreamResponse:
        """A control call to the present world."""
        return await self._control.handle(request)

    async def rest(self, request: web.Request) -> web.StreamResponse:
        """A REST call to the present world."""
        return await self._rest.handle(request)

    async def gateway(self, request: web.Request) -> web.StreamResponse:
        """A gateway connection to the present world."""
        return await self._gateway.handle(request)

    def application(self) -> web.Application:
        """The web application around all of it."""
        # Files of up to 100 MiB: what Discord takes at most in its highest-boosted guilds.
        app = web.Application(client_max_size=100 * 1024 * 1024)
        app.router.add_post("/control/renew", self.renew)
        app.router.add_post("/control/{name}", self.control)
        app.router.add_get("/gateway", self.gateway)
        app.router.add_get("/gateway/", self.gateway)
        app.router.add_route("*", API + "/{path:.*}", self.rest)
        app.on_shutdown.append(self.let_go)
        return app


async def _parent_gone(parent: int) -> None:
    """Return once the starting process has gone, that is: there is another parent."""
    while os.getppid() == parent:
        await asyncio.sleep(0.5)  # nothing announces it


async def serve(options: argparse.Namespace, tell: Callable[[str], object]) -> None:
    """Serve until told to stop; `tell` gets its line first. Raises OSError if the port is taken."""
    parent = os.getppid()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    described = options.openapi and Path(options.openapi).is_file()
    validator = BodyValidator(Path(options.openapi)) if described else None
    world = Discord(options.seed, validator)
    # Calls that hang by script must not hold up the end.
    runner = web.AppRunner(world.application(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, HOST, options.port, backlog=1024).start()
    world.listen(runner.addresses[0][1])
    tell(json.dumps(world.line()))
    watchers = {
        asyncio.create_task(stopped.wait()),
        asyncio.create_task(_parent_gone(parent)),
    }
    try:
        await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for watcher in watchers:
            watcher.cancel()
        await runner.cleanup()


def run(argv: list[str], tell: Callable[[str], object]) -> None:
    """The whole life of such a process."""
    # What it measures are moments: collecting the garbage of thousands of calls would stop it for
    # longer than the 85 ms that a bot at 46 calls a second may be late.
    gc.disable()
    asyncio.run(serve(arguments(argv), tell))


def forked(argv: list[str], line: Connection) -> None:
    """In a process forked from one that has imported this; the line goes into the pipe."""
    run(argv, line.send)


if __name__ == "__main__":
    run(sys.argv[1:], functools.partial(print, flush=True))
