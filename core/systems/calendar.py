"""A group's entry in its server's calendar: gather, decide, one write, record.

An entry is made crash-safely: an intent row with the epoch that its UID is made of, then the
write, then its address and version. What is already there under that UID is adopted. No lock and
no transaction is held across a call; `calendar_entries` says what stands there by us.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.calendars.office import Office, get_office
from core.calendars.port import Unauthorized
from core.clock import utcnow
from core.db.calendar_models import EntryState, LinkStatus
from core.db.engine import get_database
from core.db.models import SyncStatus
from core.db.queries import access, sync_states
from core.db.queries import calendars as rows
from core.db.queries.calendars import SYSTEM, Facts
from core.errors import MusterError, PermanentError, TemporaryError
from core.reconcile.series import Series
from core.systems import calendar_telling as tell
from core.systems.calendar_rows import stop, wanted, with_people
from core.systems.calendar_writing import Writer
from core.systems.counts import CalendarCounts
from core.systems.running import Run, all_well, in_rounds, one_at_a_time

log = structlog.get_logger(__name__)

# Entries of which a moderator said, or is asked, whether they are wanted.
_RESTING = (EntryState.asked, EntryState.left)
# One looks, three try to write at most, and one sees whether all is well.
_ROUNDS = 5


class CalendarRun(Run):
    """One sync of one group's entry: what happened so far."""

    def __init__(self, group_id: int) -> None:
        super().__init__(group_id)
        self.meetings = self.created = self.patched = self.unchanged = 0
        self.facts: Facts | None = None
        self.tried = 0  # writes, done or not
        self.hash = ""  # of what is wanted: the inputs of this run

    def counts(self) -> CalendarCounts:
        return {
            "meetings": self.meetings, "created": self.created, "patched": self.patched,
            "unchanged": self.unchanged, "failed": len(self.errors),
        }  # fmt: skip


async def sync(group_id: int) -> CalendarCounts:
    """Make the group's entry what its meetings say; see CalendarCounts.

    What failed at the calendar is counted and recorded, not raised.
    """
    office, run = get_office(), CalendarRun(group_id)
    if office is None:  # this process has no calendars
        async with get_database().alone() as session:
            await sync_states.settle(session, group_id, SYSTEM, utcnow())
        return run.counts()
    async with one_at_a_time(SYSTEM, group_id):
        with suppress(TemporaryError, PermanentError):
            await in_rounds(run, partial(_round, run, office), partial(_record, run), _ROUNDS)
        return run.counts()


async def _round(run: CalendarRun, office: Office) -> bool:
    """One gather-decide-apply-record; True if another round is to look again."""
    database, now = get_database(), utcnow()
    async with database.alone() as session:
        claimed = await sync_states.claim(
            session, run.group_id, SYSTEM,
            instance=database.instance_id, now=now, lease=database.lease_seconds,
        )  # fmt: skip
        found = await rows.gather(session, [run.group_id]) if claimed else []
    if not claimed:
        return False  # its holder looks again, or there is no such group
    run.facts = facts = found[0] if found else None
    if facts is None or facts.link.status != LinkStatus.on:
        run.version = None
        return not await _record(run)
    state = facts.state
    if state is not None:
        run.version, run.state = state.version, state
    run.meetings = len(facts.group.meetings)
    group = with_people(facts, office)
    series = wanted(facts, group, office, now)
    run.hash = _inputs(facts, series)
    if not _differs(facts, series):
        run.unchanged = int(series is not None and not (run.created or run.patched))
        return not await _record(run)
    if run.not_yet(run.hash, now):
        return not await _record(run, waiting=True)
    try:
        return await _apply(run, Writer(facts, group, office, tried=run.tried), series)
    except Unauthorized as error:  # of all groups: the calendar's row says it, not this one's
        await stop(facts.link, error)
        return not await _record(run)


async def _apply(run: CalendarRun, writer: Writer, series: Series | None) -> bool:
    """The one write; True if another round is to look again."""
    if series is None:
        await writer.remove()
        return not await _record(run)
    try:
        done = await writer.write(series)
    finally:
        run.tried = writer.tried
    run.created += done.created
    run.patched += done.patched
    if done.look_again:
        return True
    return not await _record(run)


def _inputs(facts: Facts, series: Series | None) -> str:
    """Changes when what is wanted, or how the calendar is reached, changed."""
    link = facts.link
    text = repr((series.hash if series else "", link.backend, link.url, link.account, link.secret,
                 link.address))  # fmt: skip
    return hashlib.sha256(text.encode()).hexdigest()


def _differs(facts: Facts, series: Series | None) -> bool:
    entry = facts.entry
    if entry is None:
        return series is not None
    if series is None:
        return True
    if entry.state in _RESTING:
        return False
    return entry.state != EntryState.made or entry.desired_hash != series.hash


async def _record(run: CalendarRun, *, waiting: bool = False) -> bool:
    """Write what became of it, and tell moderators once of what gave up; False: look again."""
    now, facts = utcnow(), run.facts
    values: dict[str, Any] = {}
    if run.errors:
        values = run.failure(run.hash)
    elif not waiting:
        values = all_well(now)
    database = get_database()
    async with database.alone() as session:
        fresh = await sync_states.record(
            session, run.group_id, SYSTEM, version=None if run.errors else run.version, **values
        )
    if facts is None or values.get("status") != SyncStatus.parked:
        return fresh
    async with database.transaction() as session:
        mine = await sync_states.claim_telling(
            session, facts.group.guild_id, run.group_id, SYSTEM, now,
            shared=tell.GAVE_UP.shared(run.errors[0]),
        )  # fmt: skip
    if mine:
        await tell.gave_up(facts, run.errors[0])
    return fresh


async def needing(session: AsyncSession, facts: Sequence[access.Facts], now: datetime) -> set[int]:
    """Of the groups that a sweep gathered, those whose entry is not right. One statement."""
    office = get_office()
    if office is None:
        return set()
    mine = {fact.group.id for fact in facts}
    found = await rows.gather(session)
    return {f.group.id for f in found if f.group.id in mine and _opens(f, office, now)}


def _opens(facts: Facts, office: Office, now: datetime) -> bool:
    if facts.link.status != LinkStatus.on:
        return False
    state = facts.state
    waits = state is not None and state.status in {SyncStatus.waiting, SyncStatus.parked}
    try:
        series = wanted(facts, with_people(facts, office), office, now)
    except MusterError as error:
        log.debug("entry_not_decided", group_id=facts.group.id, error=str(error))
        return not waits
    if not _differs(facts, series):
        return False
    return not waits or state is None or state.inputs_hash != _inputs(facts, series)
