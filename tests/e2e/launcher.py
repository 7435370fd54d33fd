"""The unmodified bot in a process of its own, killed at a named point where a test wants that.

Processes are forked from one that has imported everything: an import takes two seconds, a fork
hundredths. They are real processes: they have an id, die by kill -9 and share nothing.

KILL_AT is `module:function`; the process kills itself (-9) when that function is about to be
called for the KILL_NTH time. The points live here and never in the product.

It does not wait two seconds for further guilds, as discord.py does: the simulated Discord sends
them at once.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from discord.state import ConnectionState

import main
from bot.client import COGS

ROOT = Path(__file__).resolve().parents[2]
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload([__name__, *COGS, "bot.demo", "tests.e2e.discord_server"])
GUILDS_WITHIN = 0.5  # seconds from one to the next; they are sent in one go, behind READY


def arm(where: str, nth: int) -> None:
    """Wrap the function; the callers look it up in its module, so they meet the wrapper."""
    module_name, name = where.split(":")
    module = importlib.import_module(module_name)
    original = getattr(module, name)
    calls = 0

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    setattr(module, name, wrapper)


def _hasten() -> None:
    original = ConnectionState.__init__

    def quick(self: Any, **options: Any) -> None:
        original(self, **{"guild_ready_timeout": GUILDS_WITHIN, **options})

    ConnectionState.__init__ = quick  # type: ignore[method-assign]


def fork(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """A process that has imported everything and calls `target`; started."""
    process = _forking.Process(target=target, args=arguments)
    process.start()
    return process


def start(words: Sequence[str], environment: dict[str, str], output: Path) -> ForkServerProcess:
    """`python main.py <words>`; all that it prints goes to the file `output`."""
    return fork(_run, list(words), environment, output)


def _run(words: list[str], environment: dict[str, str], output: Path) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # it is looked for again, in this environment
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    sys.argv = ["main.py", *words]
    _hasten()
    if os.environ.get("KILL_AT"):
        arm(os.environ["KILL_AT"], int(os.environ.get("KILL_NTH", "1")))
    sys.exit(main.main())
