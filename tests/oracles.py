"""Where the servers and second readers that calendars are tested against are installed.

They have an environment of their own (pyproject.toml says why): `make test` makes it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parent.parent / ".venv" / "oracles"
_SECONDS = 60  # of one run of a second reader; it takes one


def program(name: str) -> Path:
    """A program of that environment (`python`, `radicale`, …); skips the test where it is not."""
    given = os.environ.get("MUSTER_ORACLES")
    found = (Path(given) if given else _BESIDE) / "bin" / name
    if not found.exists():
        pytest.skip(f"no {name} for tests of calendars: `make test` installs it ({_BESIDE.name})")
    return found


def run(code: str, *args: str, given: str = "") -> str:
    """What a Python program prints that runs in that environment, with `given` as its input."""
    command: Sequence[str] = [str(program("python")), "-W", "ignore", "-c", code, *args]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
