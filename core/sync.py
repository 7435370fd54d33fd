"""Reconcile a group: permissions, calendar, reminders and RSVPs against Postgres.

The entry points that everything else calls. Each system gathers, decides, applies and records
by itself (core/systems); here they are only run side by side, so that one failing never stops
another, and what failed is tried again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Container
from typing import Any, TypedDict, cast

import sentry_sdk
import structlog

from core.db.engine import get_database
from core.notifications import scheduler
from core.systems import calendar, meetings, rsvps
from core.systems import discord as discord_system
from core.systems import sweep as sweep_system
from core.systems.counts import (
    CalendarCounts,
    DiscordCounts,
    ReminderCounts,
    RsvpCounts,
    SyncResult,
)

log = structlog.get_logger(__name__)


class AfterChange(TypedDict):
    new_group: SyncResult
    old_group: SyncResult | None


async def sync_group(group_id: int) -> SyncResult:
    """Look at all four systems of a group. Never raises for a system that failed.

    A sub-sync that raises becomes `{"error": text}` under its key and is reported to Sentry; an
    error or `failed > 0` schedules a retry of that system.
    """
    result: dict[str, Any] = {}
    for system in ("discord", "calendar", "reminders", "rsvps"):
        result[system] = await _run(system, group_id)
    return cast("SyncResult", result)


async def _run(system: str, group_id: int) -> Any:
    """One sub-sync, looked up by name at call time so that tests can replace it."""
    names = {"discord": "sync_group_discord_permissions"}
    sub_sync = globals()[names.get(system, f"sync_group_{system}")]
    outcome: Any
    try:
        outcome = await cast("Awaitable[Any]", sub_sync(group_id))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other systems still run
        sentry_sdk.capture_exception(error)
        log.warning("sync_failed", system=system, group_id=group_id, error=str(error))
        outcome = {"error": str(error) or type(error).__name__}
    if "error" in outcome or outcome.get("failed", 0) > 0:
        await _retry_later(system, group_id)
    return outcome


async def _retry_later(system: str, group_id: int) -> None:
    try:
        await scheduler.schedule_sync_retry(sync_type=system, group_id=group_id, attempt=0)
    except Exception as error:
        # The row says "due" or "waiting" all the same, and the sweep reads it.
        sentry_sdk.capture_exception(error)
        log.exception("retry_not_scheduled", system=system, group_id=group_id)


async def sync_system(system: str, group_id: int) -> None:
    """One system of one group, for a retry that is due."""
    await _run(system, group_id)


async def sync_after_group_change(
    group_id: int, previous_group_id: int | None = None
) -> AfterChange:
    """After the commit of a change: the previous group first, so nobody is ever in both."""
    old = await sync_group(previous_group_id) if previous_group_id is not None else None
    return {"new_group": await sync_group(group_id), "old_group": old}


async def sync_group_discord_permissions(group_id: int) -> DiscordCounts:
    """Category, channels, role and access of the group."""
    return await discord_system.sync(group_id)


async def sync_group_calendar(group_id: int) -> CalendarCounts:
    """The group's entry in its server's calendar."""
    return await calendar.sync(group_id)


async def sync_group_reminders(group_id: int) -> ReminderCounts:
    """The group's meetings, and the messages that are to come because of them."""
    return await meetings.sync_reminders(group_id)


async def sync_group_rsvps(group_id: int) -> RsvpCounts:
    """The group's events on Discord, who is interested in them, and its posts with answers."""
    return await rsvps.sync(group_id)


async def sweep(*, leave: Container[int] = ()) -> list[int]:
    """Look at every group at once, and open only those whose plan is not empty.

    Those that are in `leave` when their turn comes are left alone: somebody else syncs them.
    Returns the ids of the groups that were opened.
    """
    async with get_database().alone() as session:
        needing = await sweep_system.groups_to_open(session)
    opened = []
    for group_id in needing:
        if group_id not in leave:
            await sync_group(group_id)
            opened.append(group_id)
    return opened
