"""A real Postgres for every test that asks for one: `database`, or `database_url` for its address.

Each pytest process (each xdist worker) has a Postgres of its own, started on first use and
stopped at the end. Its template is migrated once. A test gets a copy of it that is emptied for the
next one (`tests/shared_database.py`): where each had a copy of its own, Postgres worked five to
nine times as long. `make_database` makes one that nobody else gets.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from core.clock import set_clock
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from tests.examples import examples
from tests.shared_database import SharedDatabase

# Plain tracebacks, as in production: structlog's own choice colours in every line of every frame
# and prints its variables, which took up to five seconds for one error that a test provoked.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

# How long an example takes says how busy the machine is, not whether it is right.
settings.register_profile(
    "muster",
    max_examples=examples(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("muster")

TEMPLATE = "muster_template"
# Nothing in a test outlives the machine, so nothing has to reach the disk.
# Without autovacuum, no statistics change a plan between two tests.
FAST = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
}  # fmt: skip


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """This process's Postgres. Its own event loops, so that any test's loop may use it."""
    folder = Path(tempfile.mkdtemp(prefix="muster-test-"))
    server = asyncio.run(EmbeddedPostgres.start(folder, settings=FAST))
    try:
        yield server
    finally:
        asyncio.run(server.stop())
        assert server.pid is None
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a database that is migrated to head and that nobody is connected to."""
    from core.db.migrate import upgrade

    async def prepare() -> None:
        await postgres.ensure_database(TEMPLATE)
        await upgrade(postgres.url(TEMPLATE))

    asyncio.run(prepare())
    return TEMPLATE


async def administer(server: EmbeddedPostgres, statement: str) -> None:
    """Run one statement that has to stand outside a transaction."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def make_database(
    postgres: EmbeddedPostgres,
) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """A function: awaited, it gives the URL of an empty database or of a copy of `template`."""
    made: list[str] = []

    async def make(template: str = "template0") -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        await administer(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log")
        made.append(name)
        return postgres.url(name)

    yield make
    for name in made:
        # FORCE: a test that was stopped half way may have left a connection.
        await administer(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def empty_database_url(make_database: Callable[..., Awaitable[str]]) -> str:
    """A database without a single table."""
    return await make_database()


@pytest.fixture(scope="session")
async def shared_database(
    postgres: EmbeddedPostgres, template: str
) -> AsyncIterator[SharedDatabase]:
    shared = SharedDatabase(postgres, template)
    yield shared
    await shared.drop()


@pytest.fixture
async def database_url(shared_database: SharedDatabase) -> AsyncIterator[str]:
    """The address of a migrated database without a row."""
    yield await shared_database.take()
    await shared_database.give_back()


@pytest.fixture
async def database(shared_database: SharedDatabase) -> AsyncIterator[Database]:
    """The handle on a migrated database without a row, the ambient one while the test runs."""
    async with shared_database.lent() as handle:
        yield handle


@pytest.fixture(autouse=True)
def _system_clock() -> Iterator[None]:
    """Whatever a test did to the clock ends with it."""
    yield
    set_clock(None)


@pytest.fixture(autouse=True)
def _no_operator_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own token and database must never reach a test."""
    for name in ("DISCORD_TOKEN", "DATABASE_URL", "SENTRY_DSN", "DISCORD_API_BASE"):
        monkeypatch.delenv(name, raising=False)


# All that fork bots: the process that these are forked from takes seconds of CPU to start.
FORKING = ("test_first_day", "test_delivery_crash", "test_crash", "test_trouble",
           "test_events_crash", "test_demo", "test_discord_server_trouble",
           "test_discord_server")  # fmt: skip
# Files whose tests share what takes seconds to make: servers, a data folder, all texts, all code.
SHARING = ("test_calendar_contract", "test_embedded", "test_google_trouble", "test_languages",
           "test_architecture")  # fmt: skip
# By file, what one worker gets as a whole.
PARTS = {**dict.fromkeys(FORKING, "forking"), **{name: name for name in SHARING}}
# The slow ones, longest first.
SLOW = (*FORKING, "test_undo_property", "test_demo_term")


class Sharing(LoadScopeScheduling):
    """Whoever is free gets the next test; tests that share something go to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return PARTS.get(Path(nodeid.partition("::")[0]).stem, nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    """Where no other way is asked for by `--dist`."""
    return Sharing(config, log) if config.option.dist == "load" else None


def _computed() -> float:
    """Seconds for which the cores of this machine have worked, on whatever."""
    times = psutil.cpu_times()
    return times.user + times.system


_BEGUN = _computed()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What docs/decisions/0013 counts; the machine's, since tests start processes."""
    terminalreporter.write_line(f"{_computed() - _BEGUN:.0f} s of the machine's CPU")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest first, so that no worker waits for the last."""

    def weight(item: Any) -> int:
        if item.path.stem in SLOW:
            return SLOW.index(item.path.stem)
        path = str(item.path)
        return len(SLOW) + (0 if "/e2e/" in path else 1 if "/integration/" in path else 2)

    items.sort(key=weight)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end: it was 6 % of a walk's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
