"""A Discord over sockets: SimCord behind REST v10 and a Gateway v10 WebSocket on loopback.

    python -m tests.e2e.discord_server --port 0 --seed small

prints one JSON line with ``api``, ``gateway``, ``control``, ``pid``, ``application_id``,
``bot_id`` and ``seed`` (the ids of the ready-made world), then serves until SIGTERM or SIGINT,
or until the process that started it (its parent, or the pipe on its stdin) goes away.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import stat
import sys
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


def build(options: argparse.Namespace) -> tuple[web.Application, Gateway, dict[str, object]]:
    """The application, its gateway and the ids of the seeded world."""
    backend, woken = SocketBackend(), Signal()
    people = People(backend, woken)
    gateway = Gateway(backend, woken)
    rest = Rest(backend, people, gateway, woken)
    if options.openapi and Path(options.openapi).is_file():
        rest.validator = BodyValidator(Path(options.openapi))
    # Files of up to 100 MiB: what Discord takes at most from a bot's highest-boosted guild.
    app = web.Application(client_max_size=100 * 1024 * 1024)
    app.router.add_post("/control/{name}", Control(rest, people, woken).handle)
    app.router.add_get("/gateway", gateway.handle)
    app.router.add_get("/gateway/", gateway.handle)
    app.router.add_route("*", API + "/{path:.*}", rest.handle)

    async def let_go(_app: web.Application) -> None:
        rest.faults.clear()
        for connection in list(gateway.connections):
            await connection.ws.close(code=1001)

    app.on_shutdown.append(let_go)
    return app, gateway, SEEDS[options.seed](people)


async def _parent_gone(parent: int) -> None:
    """Return once the starting process has gone: another parent, or end of file on a pipe."""
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()
    mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin is not None else 0
    piped = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            closed.set()

    if piped:
        loop.add_reader(sys.stdin.fileno(), read)
    waiter = asyncio.ensure_future(closed.wait())
    try:
        while not closed.is_set() and os.getppid() == parent:
            # Nothing announces a new parent, so it is looked at twice a second.
            await asyncio.wait({waiter}, timeout=0.5)
    finally:
        waiter.cancel()


async def serve(options: argparse.Namespace) -> None:
    """Serve until told to stop. Raises OSError if the port is taken."""
    parent = os.getppid()
    app, gateway, seed = build(options)
    # Calls that hang by script must not hold up the end.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, HOST, options.port, backlog=1024)
    await site.start()
    _host, port = runner.addresses[0][:2]
    gateway.url = f"ws://{HOST}:{port}/gateway"
    line = {
        "api": f"http://{HOST}:{port}{API}",
        "gateway": gateway.url,
        "control": f"http://{HOST}:{port}/control",
        "pid": os.getpid(),
        "application_id": gateway.backend.application_id,
        "bot_id": gateway.backend.bot_user.id,
        "seed": seed,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
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


if __name__ == "__main__":
    asyncio.run(serve(arguments(sys.argv[1:])))
