"""The small web server: what all its routes share. Neither it nor aiohttp logs an address.

An address of ours may hold a token, so nothing that a request said is ever written down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from core.db.engine import get_database
from core.errors import ConfigurationError

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GRACE = 5.0  # seconds for answers that are under way when Muster stops
PATIENCE = 2.0  # seconds in which the database has to answer for /health to be good
LARGEST = 16 * 1024  # bytes; nobody has anything to send
_HEADERS = {
    "Server": "Muster",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
_NO_STORE = "no-store"
# aiohttp's own log quotes requests that it cannot read. What handlers raise is logged below.
_silent = logging.getLogger(f"{__name__}.silent")
_silent.disabled = True


def application(routes: Iterable[web.RouteDef], *, prefix: str = "") -> web.Application:
    """The app with /health and these routes, each also below `prefix` ("/muster").

    Whether a proxy takes the prefix of the public address off is up to whoever set it up.
    """
    app = web.Application(middlewares=[_around], client_max_size=LARGEST)
    every = (web.get("/health", _health), *routes)
    for start in {"", prefix.rstrip("/")}:
        app.add_routes([web.RouteDef(r.method, start + r.path, r.handler, r.kwargs) for r in every])
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Listen for as long as the block lasts; gives the port, which is a free one for 0.

    Raises ConfigurationError where nothing can listen there.
    """
    runner = web.AppRunner(app, access_log=None, logger=_silent, shutdown_timeout=GRACE)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigurationError(
                f"Muster cannot listen on {host}, port {port} ({error.strerror or error}). "
                "Is another program using it? Set MUSTER_HTTP_HOST and MUSTER_HTTP_PORT."
            ) from error
        found = int(runner.addresses[0][1])
        log.info("listening", host=host, port=found)
        yield found
    finally:
        await runner.cleanup()


@web.middleware
async def _around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every answer has our headers, and every failure an answer that says nothing of why."""
    try:
        response = await handler(request)
    except web.HTTPException as refused:
        response = web.Response(status=refused.status, text=_said(refused.status))
        for name in ("Allow", "Retry-After"):
            if name in refused.headers:
                response.headers[name] = refused.headers[name]
    except Exception:  # whatever it is, it is logged without the address
        resource = request.match_info.route.resource
        log.exception("web_failed", route=resource.canonical if resource else None)
        response = web.Response(status=500, text=_said(500))
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", _NO_STORE)
    return response


def _said(status: int) -> str:
    return f"{HTTPStatus(status).phrase}.\n"


async def _health(_request: web.Request) -> web.Response:
    """200 while the database answers."""
    try:
        async with asyncio.timeout(PATIENCE), get_database().transaction() as session:
            await session.execute(select(1))
    except (SQLAlchemyError, OSError, TimeoutError):
        return web.json_response({"status": "no database"}, status=503)
    return web.json_response({"status": "ok"})
