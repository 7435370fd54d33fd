"""`make demo`: the real bot in a simulated Discord server, in the browser, with a fresh database.

Nothing here is reached by `make run`: only this package needs SimCord, a development dependency.
"""

from __future__ import annotations

from bot.demo.life import run_demo

__all__ = ["run_demo"]
