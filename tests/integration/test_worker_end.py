"""The worker's end: asked for at any moment, it comes by itself."""

from __future__ import annotations

import asyncio

import pytest

from core.db.engine import Database
from core.worker import QUIET, Worker


@pytest.mark.parametrize("moments", [0.0, QUIET / 2, QUIET * 1.5])
async def test_closing_is_not_forgotten(database: Database, moments: float) -> None:
    """Half way through the pause before a round is the moment that was lost once."""
    worker = Worker()
    running = asyncio.create_task(worker.run())
    worker.ask_sweep()
    await asyncio.sleep(moments)
    worker.close()
    await asyncio.wait_for(running, 10)
