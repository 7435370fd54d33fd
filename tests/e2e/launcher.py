"""`python -m tests.e2e.launcher run`: the unmodified bot, killed at a named point.

KILL_AT is `module:function`; the process kills itself (-9) when that function is about to be
called for the KILL_NTH time. The points live here and never in the product.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

import main


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


if __name__ == "__main__":
    if os.environ.get("KILL_AT"):
        arm(os.environ["KILL_AT"], int(os.environ.get("KILL_NTH", "1")))
    sys.exit(main.main())
