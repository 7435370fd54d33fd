"""The bot as a process of its own, connected to the simulated Discord over sockets."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from core.operations import cohorts, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.e2e.discord_client import DiscordServer
from tests.e2e.launcher import start

# Everything that takes minutes in production takes moments here.
QUICK = {
    "DISCORD_TOKEN": "simulated",
    "MUSTER_SWEEP_MINUTES": "0.02",
    "MUSTER_PROBE_MINUTES": "0.02",
    "MUSTER_CALL_SECONDS": "3",
    "MUSTER_LOG_FORMAT": "json",
}


class Bot:
    """A running bot. `log` grows while it runs."""

    def __init__(self, process: ForkServerProcess, output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def log(self) -> str:
        return self._output.read_text(encoding="utf-8")

    async def ended(self, timeout: float = 40) -> int:
        """Wait for its end; the exit code (-9 after a kill)."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self.process.sentinel, over.set)
        try:
            await asyncio.wait_for(over.wait(), timeout)
        finally:
            loop.remove_reader(self.process.sentinel)
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    def unhandled(self) -> list[str]:
        """Errors in the log; discord.py's own note that it reconnects is none."""
        lines = self.log.splitlines()
        return [
            line
            for line in lines
            if ("Traceback" in line or '"level": "error"' in line)
            and "Attempting a reconnect" not in line
        ]

    async def stop(self) -> int:
        """SIGTERM, as an operator's supervisor would."""
        self.process.terminate()
        return await self.ended()


@asynccontextmanager
async def running(server: DiscordServer, url: str, data: Path, **extra: str) -> AsyncIterator[Bot]:
    """The bot against `server` and the database `url`; stopped at the end.

    `extra` goes into its environment: settings, and what tests/e2e/launcher.py understands.
    """
    environment = {
        **os.environ, **QUICK, **server.environment,
        "DATABASE_URL": url, "MUSTER_DATA_DIR": str(data), **extra,
    }  # fmt: skip
    data.mkdir(exist_ok=True)
    handle, output = tempfile.mkstemp(dir=data, prefix="log-")
    os.close(handle)
    bot = Bot(start(["run"], environment, Path(output)), Path(output))
    try:
        yield bot
    finally:
        await bot.stop()
        sys.stdout.write(bot.log)  # pytest shows it where a test fails


async def until(
    check: Callable[[], Awaitable[Any]], *, timeout: float = 30, what: str = "it"
) -> Any:
    """Poll until `check` gives something true; its value."""
    value: Any = None
    try:
        async with asyncio.timeout(timeout):
            while True:
                value = await check()
                if value:
                    return value
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen in {timeout} s; last seen: {value}") from None


async def cohort_with(
    server: DiscordServer, name: str, people: list[int], *, groups: int = 1, **draft: Any
) -> list[int]:
    """An open cohort, `people` in its first group, straight in the database; its group ids."""
    guild_id = server.seed["guild_id"]
    mod = Actor(guild_id, server.seed["moderator_id"], "Mona", moderator=True)
    made = await cohorts.create(
        mod, CohortDraft(name, date(2099, 1, 1), groups=groups, **draft), open_now=True
    )
    for person in people:
        await membership.join(Actor(guild_id, person, f"user {person}"), made.group_ids[0])
    return made.group_ids


async def channels(server: DiscordServer) -> dict[str, list[dict[str, Any]]]:
    """The guild's channels by name, so that doubles show."""
    dump = await server.dump(server.seed["guild_id"])
    found: dict[str, list[dict[str, Any]]] = {}
    for channel in dump["channels"]:
        found.setdefault(channel["name"], []).append(channel)
    return found
