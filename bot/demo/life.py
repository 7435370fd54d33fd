"""The demo's life: its own Postgres, bot, worker and page, and nothing of it left at the end."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import structlog
from simcord import Env

from bot.calendars import calendars
from bot.client import Muster
from bot.demo import term
from bot.demo.site import HOST, Site
from bot.demo.stage import Stage
from bot.demo.time_machine import TimeMachine
from bot.demo.town import MODERATOR, SERVER, Town, build
from bot.service import keep_what_is_loaded
from bot.web.feeds import Feeds
from bot.web.server import application, serving
from core import worker as work
from core.clock import utcnow
from core.config import Settings
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database, set_database
from core.db.instance import Instance
from core.db.migrate import upgrade
from core.discord_outbound import set_bot
from core.keys import Keys
from core.operations.feeds import Links
from core.systems.projections import keeper

log = structlog.get_logger(__name__)

# Nobody's inbox is at stake, and a term passes in a minute.
DM_PER_SECOND = 50.0
PREFIX = "muster-demo-"
# Nothing of a demo outlives it, so nothing has to reach the disk.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# How long one action may keep the bot busy before the page is told so, in seconds: opening
# a large cohort takes a few.
PATIENCE = 30.0


async def run_demo(settings: Settings) -> int:
    """Run the demo until SIGINT or SIGTERM; 0 when it ended as it should.

    Prints its address when it is ready. Raises ConfigurationError where Postgres cannot start.
    """
    _hush(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Also where a script started us in the background, with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    asked = asyncio.create_task(stop.wait())
    life = asyncio.create_task(_live(settings))
    await asyncio.wait({asked, life}, return_when=asyncio.FIRST_COMPLETED)
    if asked.done():
        print("Stopping …", flush=True)
    asked.cancel()
    life.cancel()
    with suppress(asyncio.CancelledError):
        await life
    return 0


def _hush(settings: Settings) -> None:
    """Keep the address on the screen: what goes well is logged only where DEBUG asks for it."""
    if settings.log_level != "DEBUG":
        logging.getLogger().setLevel(logging.WARNING)
        for name in ("discord", "sqlalchemy.engine", "alembic", "aiohttp"):
            logging.getLogger(name).setLevel(logging.ERROR)


async def _live(settings: Settings) -> None:
    keep_what_is_loaded()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(_throw_away_database(settings))
        worker = work.Worker(dm_per_second=DM_PER_SECOND)
        env = await stack.enter_async_context(simulated(worker, settings))
        stack.push_async_callback(keeper.stop)  # SimCord ends the bot without unloading its cogs
        instance = Instance(database)
        await work.start(
            worker, instance, sweep_minutes=settings.sweep_minutes,
            probe=settings.probe_minutes * 60,
        )  # fmt: skip
        stack.push_async_callback(work.stop, instance)
        await stack.enter_async_context(_calendars(env, settings))
        town = await build(env, worker)
        await term.begin(town, worker)
        stage = Stage(town)
        stack.push_async_callback(stage.close)
        machine = TimeMachine(stage, worker)
        stack.callback(machine.close)
        site = Site(stage, machine)
        stack.push_async_callback(site.close)
        await site.start(settings.demo_port)
        jobs = [asyncio.create_task(j) for j in (worker.run(), stage.run(), _tidy_up())]
        stack.push_async_callback(_end, jobs)
        keep_what_is_loaded()
        _greet(site.url, town)
        await asyncio.gather(*jobs)


async def _end(jobs: list[asyncio.Task[None]]) -> None:
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


@asynccontextmanager
async def simulated(worker: work.Worker, settings: Settings) -> AsyncIterator[Env]:
    """The real bot, started in a simulated Discord whose clock shows the real time."""
    bot = Muster(worker, rest_per_second=settings.rest_per_second)
    env = Env(bot, check_errors=False, settle_timeout=PATIENCE)
    env.backend.bot_user.name = "Muster"
    env.backend.clock.advance((utcnow() - env.now()).total_seconds())
    set_bot(bot)
    try:
        await env.start()
        with env.time_context():
            try:
                yield env
            finally:
                await env.shutdown()
    finally:
        set_bot(None)


@asynccontextmanager
async def _calendars(env: Env, settings: Settings) -> AsyncIterator[None]:
    """The calendars and the web server of the feeds, with a key of the demo's own.

    Only here links lead to this very machine, and a calendar server on it may be connected:
    whoever sees them sits in front of it.
    """
    keys = Keys([secrets.token_urlsafe(32)])
    served = Feeds(keys, "")
    near = settings.model_copy(update={"caldav_hosts": f"{HOST},localhost"})
    async with calendars(near, keys), serving(application(served.routes()), HOST, 0) as port:
        served.public_url = f"http://{HOST}:{port}"
        assert isinstance(env.bot, Muster)
        env.bot.links = Links(keys, served.public_url)
        yield


@asynccontextmanager
async def _throw_away_database(settings: Settings) -> AsyncIterator[Database]:
    """A migrated, empty database of this demo's own, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (folder / "demo.lock").open("w", encoding="utf-8") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        try:
            server = await EmbeddedPostgres.start(folder, settings=FAST)
            try:
                await server.ensure_database("muster")
                await upgrade(server.url())
                database = Database(server.url(), lease_seconds=settings.lease_seconds)
                set_database(database)
                try:
                    yield database
                finally:
                    set_database(None)
                    await database.close()
            finally:
                await server.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


async def _tidy_up() -> None:
    """Remove what demos left behind that were killed: their lock is free, ours is not."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / "demo.lock").open("r+", encoding="utf-8") as theirs:
            fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if (folder / "postgres").exists():
                # To stop a Postgres one has to be among its users.
                await (await EmbeddedPostgres.start(folder, settings=FAST)).stop()
            shutil.rmtree(folder, ignore_errors=True)
            log.info("demo_left_over_removed", folder=str(folder))


def _greet(url: str, town: Town) -> None:
    lines = (
        "",
        f"Muster runs in a simulated Discord server, “{SERVER}”. Open this page:",
        "",
        f"    {url}",
        "",
        "Things to try there:",
        f"  · {MODERATOR[1]}, the moderator, has just invited Muster: see her Messages, then",
        "    type /setup in #general. After that: /cohort create, /cohort adopt, /member import.",
        f"  · As {town.people[-1].user.global_name}, a member, type /groups and join one:",
        "    its channels appear beside the page a moment later.",
        "  · As Elif Aydin, in #harbour: her group meets within the hour. Answer, then move the",
        "    clock forward on the page: reminders, meetings and attendance follow.",
        "  · /muster is the moderators' home, /my the members'.",
        "",
        "Everything is real but Discord, and starts afresh next time. Ctrl-C stops it.",
        "",
    )
    print("\n".join(lines), file=sys.stdout, flush=True)
