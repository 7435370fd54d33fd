"""Counts what a stretch of work cost: REST calls, SQL statements, seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import simcord
from sqlalchemy import event

from core.db.engine import get_database


@dataclass
class Cost:
    """`seconds` is the wall clock's time, `cpu` this process's own, in seconds too."""

    rest: int = 0
    sql: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


@contextmanager
def counted(env: simcord.Env) -> Iterator[Cost]:
    """Fill in the Cost when the block ends. BEGIN and COMMIT are no statements."""
    cost = Cost()

    def statement(*_: Any) -> None:
        cost.sql += 1

    engine = get_database().engine.sync_engine
    event.listen(engine, "before_cursor_execute", statement)
    calls, wall, cpu = len(env.http_requests), time.perf_counter(), time.process_time()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - wall
        cost.cpu = time.process_time() - cpu
        cost.rest = len(env.http_requests) - calls
        event.remove(engine, "before_cursor_execute", statement)
