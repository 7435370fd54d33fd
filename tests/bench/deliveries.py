"""Rows about messages that are due: how fast they are handed over, how late, how near the limit."""

from __future__ import annotations

import asyncio
import io
import json
import statistics
import sys
from contextlib import redirect_stdout
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from core.clock import utcnow
from core.db.engine import Database
from core.db.meeting_models import Announcement
from core.db.models import Guild
from core.db.queries.deliveries import New, enqueue
from tests.bench import handing
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.sockets import LIMIT, QUIET, _works
from tests.e2e.discord_client import DiscordServer
from tests.e2e.process import running, until


async def _handed_over(ground: Ground, side: str) -> dict[str, float]:
    """In a process of its own, whose memory holds nothing else."""
    async with ground.database() as database:
        at = utcnow() + timedelta(days=1)
        await handing.fill(database, at, pending=handing.PENDING, due=handing.DUE)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.handing", database.url, side,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the process ended with {process.returncode}")
    figures: dict[str, float] = json.loads(out)
    return figures


def _shown(figures: dict[str, float]) -> Figures:
    return {
        "s for 5,000": figures["took"],
        "ms of stall": figures["stall"] * 1000,
        "MB": figures["memory"],
    }


@row(
    f"{handing.PENDING:,} pending deliveries, {handing.DUE:,} due at the same instant: hand-over",
    **{"s_for_5,000": 0.5, "ms_of_stall": 20, "MB": 120},
)
async def _hand_over(ground: Ground) -> tuple[Figures, Figures]:
    ours = await _handed_over(ground, "ours")
    naive = await _handed_over(ground, "naive")
    return _shown(ours), _shown(naive)
