"""What the systems of a group share: one run at a time, what went wrong in it, and its row."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from core.db.models import SyncStatus
from core.db.queries.access import StateRow
from core.errors import MusterError, PermanentError, TemporaryError
from core.words import pack, t

# What was made shows new things to compare; a few rounds settle it, or the retry does.
_ROUNDS = 4
LONGEST = 400  # characters of somebody else's error: a statement with its values can be long

_locks: WeakValueDictionary[tuple[str, int], asyncio.Lock] = WeakValueDictionary()


@asynccontextmanager
async def one_at_a_time(system: str, group_id: int) -> AsyncIterator[None]:
    """Within this process; the lease does the same across processes."""
    lock = _locks.setdefault((system, group_id), asyncio.Lock())
    async with lock:
        yield


class Run:
    """One sync of one system of one group: what happened so far."""

    def __init__(self, group_id: int) -> None:
        self.group_id = group_id
        self.failed: Counter[str] = Counter()
        self.errors: list[MusterError] = []
        self.version: int | None = None
        self.state: StateRow | None = None  # the row as it was before this run

    def fail(self, error: MusterError) -> None:
        """Note a failure; the run may go on."""
        self.errors.append(error)
        self.failed[error.text] += 1

    def not_yet(self, inputs_hash: str, now: datetime) -> bool:
        """The same problem as last time, and its time has not come: a trigger is only a hint."""
        state = self.state
        return (
            state is not None
            and state.status in {SyncStatus.waiting, SyncStatus.parked}
            and state.inputs_hash == inputs_hash
            and state.next_attempt_at is not None
            and state.next_attempt_at > now
        )

    def failure(self, inputs_hash: str) -> dict[str, Any]:
        """The row after a failed run. Temporary wins: it is the one worth trying again soon."""
        temporary = [e for e in self.errors if isinstance(e, TemporaryError)]
        worst = temporary[0] if temporary else self.errors[0]
        state = self.state
        same = state is not None and state.inputs_hash == inputs_hash
        return {
            "status": SyncStatus.waiting if temporary else SyncStatus.parked,
            "attempts": (state.attempts if state and same else 0) + 1,
            "inputs_hash": inputs_hash,
            "error_class": getattr(worst, "kind", "unknown"),
            "error_text": pack(worst.text),
            "retry_after": getattr(worst, "retry_after", None),
            "next_attempt_at": None,  # schedule_sync_retry decides
        }


async def in_rounds(
    run: Run,
    one: Callable[[], Awaitable[bool]],
    record: Callable[[], Awaitable[bool]],
    rounds: int = _ROUNDS,
) -> None:
    """Have `one` round after the other until it returns that there is nothing more to do.

    What ends them early is noted as a failure, recorded, and raised.
    """
    try:
        for _ in range(rounds):
            if not await one():
                return
    except Exception as error:
        run.fail(error if isinstance(error, TemporaryError | PermanentError) else unexpected(error))
        await record()
        raise


def unexpected(error: Exception) -> TemporaryError:
    """A mistake of ours, or the database's: it backs off like any other failure."""
    text = t("something unexpected happened: {error}", error=str(error)[:LONGEST])
    return TemporaryError(text, kind="unexpected")


def all_well(now: datetime) -> dict[str, Any]:
    """The row after a run in which everything came out right."""
    return {
        "status": SyncStatus.ok, "attempts": 0, "next_attempt_at": None,
        "inputs_hash": None, "error_class": None, "error_text": None,
        "retry_after": None, "told_at": None, "last_ok_at": now,
    }  # fmt: skip
