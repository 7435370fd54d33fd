"""The running bot: database, worker and gateway put together, and taken apart again in order."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from bot import gateway
from bot.calendars import calendars
from bot.client import Muster
from bot.web.feeds import Feeds
from bot.web.google import routes as google_routes
from bot.web.server import application, serving
from core import worker as background
from core.config import Settings
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database, asyncpg_url, set_database
from core.db.instance import Instance
from core.db.migrate import upgrade
from core.discord_outbound import set_bot
from core.discord_outbound.outcome import patience
from core.errors import ConfigurationError
from core.keys import Keys
from core.keys import load as load_keys
from core.operations.feeds import Links

log = structlog.get_logger(__name__)

GRACE = 15.0  # seconds for what is being done to end by itself


Revive = Callable[[], Awaitable[None]]


@asynccontextmanager
async def postgres(settings: Settings) -> AsyncIterator[tuple[str, Revive | None]]:
    """The operator's Postgres, or the embedded one for as long as the block lasts.

    Beside its URL: how to start it again where it died, which only the embedded one can.
    """
    if settings.database_url is not None and settings.database_url.get_secret_value():
        yield asyncpg_url(settings.database_url.get_secret_value()), None
        return
    server = await EmbeddedPostgres.start(settings.data_dir)
    try:
        await server.ensure_database("muster")
        yield server.url("muster"), server.ensure_running
    finally:
        await server.stop()


async def migrate(url: str) -> None:
    """Bring the database up to date. Raises ConfigurationError where it cannot be reached."""
    try:
        await upgrade(url)
    except (OSError, asyncpg.PostgresError, SQLAlchemyError, TimeoutError) as error:
        cause = getattr(error, "orig", None) or error
        raise ConfigurationError(
            "The database in DATABASE_URL cannot be used: "
            f"{str(cause).splitlines()[0] if str(cause) else type(cause).__name__}. "
            "Check its host, port, name, user and password, or leave DATABASE_URL out to use "
            "the built-in database."
        ) from error


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The ambient database handle, migrated, for as long as the block lasts."""
    async with postgres(settings) as (url, _), opened(url, settings) as database:
        yield database


@asynccontextmanager
async def opened(url: str, settings: Settings) -> AsyncIterator[Database]:
    """The ambient handle on the database at `url`, migrated."""
    await migrate(url)
    database = Database(url, lease_seconds=settings.lease_seconds)
    set_database(database)
    try:
        yield database
    finally:
        await database.close()
        set_database(None)


@asynccontextmanager
async def working(
    worker: background.Worker,
    database: Database,
    settings: Settings,
    revive: Revive | None = None,
) -> AsyncIterator[None]:
    """Background work for as long as the block lasts; at its end what is claimed is finished."""
    instance = Instance(database)
    await background.start(
        worker,
        instance,
        sweep_minutes=settings.sweep_minutes,
        probe=settings.probe_minutes * 60,
        retention_days=settings.retention_days,
        revive=revive,
    )
    task = asyncio.create_task(worker.run(), name="worker")
    try:
        yield
    finally:
        worker.close()
        done, _ = await asyncio.wait({task}, timeout=GRACE)
        if not done:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await background.stop(instance)


@asynccontextmanager
async def served(
    settings: Settings, keys: Keys, google: Sequence[web.RouteDef] = ()
) -> AsyncIterator[Links | None]:
    """The web server for as long as the block lasts, where the world has an address for it.

    Without one it only listens for a browser of this machine that comes back from Google. Gives
    what links are made with; None where there is no address. Raises ConfigurationError.
    """
    if settings.public_url is None and not google:
        yield None
        return
    links, routes, prefix = None, list(google), ""
    if settings.public_url is not None:
        links = Links(keys, str(settings.public_url))
        routes += Feeds(keys, links.public_url).routes()
        prefix = settings.public_url.path or ""
    app = application(routes, prefix=prefix)
    async with serving(app, settings.http_host, settings.http_port):
        yield links


async def run(settings: Settings) -> None:
    """`make run`: until SIGTERM or Ctrl-C. Raises ConfigurationError."""
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    if not token:
        raise ConfigurationError(gateway.TOKEN_MISSING)
    gateway.point_elsewhere(settings.discord_api_base, settings.discord_gateway_url)
    patience.seconds = settings.call_seconds
    stop = stop_event()
    keys = load_keys(settings.keys.get_secret_value() if settings.keys else "", settings.data_dir)
    async with (
        postgres(settings) as (url, revive),
        opened(url, settings) as database,
        calendars(settings, keys) as desk,
    ):
        worker = background.Worker(dm_per_second=settings.dm_per_second)
        memory = tree_memory(settings.data_dir)
        async with (
            Muster(worker, rest_per_second=settings.rest_per_second, tree_memory=memory) as bot,
            served(settings, keys, google_routes(desk, keys, bot) if desk.client else ()) as links,
        ):
            set_bot(bot)
            bot.links, bot.desk = links, desk
            connection = asyncio.create_task(gateway.stay_connected(bot, token), name="gateway")
            try:
                work = working(worker, database, settings, revive)
                await _until_stopped(bot, work, connection, stop)
            finally:
                await bot.close()
                connection.cancel()
                with suppress(asyncio.CancelledError):
                    await connection
                set_bot(None)
    log.info("stopped")


async def _until_stopped(
    bot: Muster,
    work: AbstractAsyncContextManager[None],
    connection: asyncio.Task[None],
    stop: asyncio.Event,
) -> None:
    """Work begins with the first ready: before it, no guild can be seen."""
    stopped = asyncio.create_task(stop.wait(), name="stop")
    ready = asyncio.create_task(bot.first_ready.wait(), name="ready")
    try:
        await asyncio.wait({stopped, ready, connection}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            keep_what_is_loaded()
            async with work:
                log.info("running", guilds=len(bot.guilds))
                await asyncio.wait({stopped, connection}, return_when=asyncio.FIRST_COMPLETED)
        if connection.done():
            await connection  # raises why it ended
    finally:
        stopped.cancel()
        ready.cancel()


def keep_what_is_loaded() -> None:
    """Spare the garbage collector what stays until the end: modules, commands, members.

    It looked at all of that again and again, 50 to 100 ms each time in which nobody was answered.
    """
    gc.collect()
    gc.freeze()


def tree_memory(data_dir: Path) -> Path:
    """Where the hash of the commands sent last is kept."""
    data_dir.mkdir(parents=True, exist_ok=True)
    return data_dir / "commands.sha256"


def stop_event() -> asyncio.Event:
    """Set by SIGINT and SIGTERM.

    Installed explicitly: a process started with & inherits an ignored SIGINT.
    """
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, event.set)
    return event
