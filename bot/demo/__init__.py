"""`make demo`: the real bot in a simulated Discord server, in the browser, with a fresh database.

Nothing here is reached by `make run`: only this package needs SimCord, a development dependency.
"""

from __future__ import annotations

import logging

# SimCord looks at discord.py as it is imported, which makes that warn of intents and voice.
logging.disable(logging.WARNING)
try:
    from bot.demo import gaps  # noqa: F401 - routes that SimCord lacks
    from bot.demo.life import run_demo
finally:
    logging.disable(logging.NOTSET)

__all__ = ["run_demo"]
