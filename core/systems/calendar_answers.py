"""Reads a server's calendar now and then: answers, what somebody changed, what somebody deleted.

One poll at a time per calendar, by a lease in its row; when the next one is due stands there too,
so that a restart loses nothing. A failed request concludes nothing: only an entry that is missing
in a complete list, or that the server itself says is gone, was deleted.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sentry_sdk
import structlog

from core.calendars.office import Office, get_office
from core.calendars.port import (
    Calendar,
    CalendarGone,
    Changes,
    CursorGone,
    Remote,
    Unauthorized,
)
from core.clock import utcnow
from core.db.calendar_models import CalendarLink, EntryState
from core.db.engine import get_database
from core.db.queries import calendar_links as links
from core.db.queries import calendars as rows
from core.db.queries.calendar_links import Link
from core.db.queries.calendars import Entry
from core.errors import MusterError
from core.reconcile.series import uid_of
from core.systems import calendar_telling as tell
from core.systems.calendar_rows import access_of, note_gone, rediscover, stop, take_in
from core.systems.running import unexpected
from core.words import pack

log = structlog.get_logger(__name__)

# The issue's own numbers: every 5 minutes around meetings, every 30 otherwise.
NEAR, FAR = timedelta(minutes=5), timedelta(minutes=30)
BEFORE, AFTER = timedelta(hours=2), timedelta(hours=1)
_JITTER = 0.1  # of it, so that a thousand calendars are not read in one moment
_COMPLETE = timedelta(days=1)  # everything is read so often, whatever the cursor says
# A sync of a group asks for a poll; more often than this is nobody served.
_FRESH = timedelta(minutes=1)
_AT_ONCE = 4
# Failed polls (5, 10, 20, 40 minutes apart) before moderators hear of it: about an hour.
_TELL_AT = 4
_EPOCHS = 16  # of an entry of ours that has no row any more, how many UIDs are known as ours


@dataclass
class Polled:
    """What a poll did; `groups` are due for a look because of it."""

    answers: int = 0
    edited: int = 0
    deleted: int = 0
    orphans: int = 0
    groups: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Held:
    """A link that this process reads now, with its entries as they were before."""

    link: Link
    cursor: str | None
    attempts: int
    polled_at: datetime | None
    entries: Sequence[Entry]


async def poll_due() -> set[int]:
    """Read all calendars whose time has come; the groups that are due because of it."""
    if get_office() is None:
        return set()
    async with get_database().transaction() as session:
        due = await links.due_links(session, utcnow())
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(guild_id: int) -> set[int]:
        async with gate:
            found = await poll(guild_id)
            return found.groups if found is not None else set()

    return set[int]().union(*await asyncio.gather(*(one(g) for g in due)))


async def poll_for(group_id: int) -> None:
    """Read the calendar of the group's server, if it was not read just now and answers."""
    if get_office() is None:
        return
    async with get_database().transaction() as session:
        guild_id = await links.stale_link(session, group_id, utcnow() - _FRESH)
    if guild_id is not None:
        await poll(guild_id)


async def poll(guild_id: int) -> Polled | None:
    """Read the guild's calendar once; None: somebody else does, it is stopped, or it failed."""
    office, database, now = get_office(), get_database(), utcnow()
    if office is None:
        return None
    async with database.transaction() as session:
        row = await links.claim_link(
            session, guild_id, instance=database.instance_id, now=now, lease=database.lease_seconds
        )
        link = await links.link_of(session, guild_id) if row is not None else None
        if row is None or link is None:
            return None
        entries = await rows.entries_of(session, guild_id)
        held = _Held(link, _cursor(row, now), row.attempts, row.polled_at, entries)
    try:
        return await _read(held, office)
    except Unauthorized as error:
        await stop(held.link, error)
    except MusterError as error:
        await _failed(held, error)
    except Exception as error:  # it backs off like any other failure
        sentry_sdk.capture_exception(error)
        log.exception("poll_failed", guild_id=guild_id)
        await _failed(held, unexpected(error))
    finally:
        async with database.transaction() as session:
            await links.release_link(session, guild_id, database.instance_id)
    return None


def _cursor(row: CalendarLink, now: datetime) -> str | None:
    complete = row.listed_at is not None and now - row.listed_at < _COMPLETE
    return row.cursor if complete else None


async def _read(held: _Held, office: Office) -> Polled:
    link, at, done = held.link, utcnow(), Polled()
    async with office.open(access_of(link, office)) as calendar:
        changes = await _changes(held, calendar)
        await _take(held, office, changes, at, done)
        if changes.full:
            await _orphans(held, calendar, changes, done)
    now = utcnow()
    listed: dict[str, Any] = {"listed_at": at} if changes.full else {}
    async with get_database().transaction() as session:
        near = await links.meets_around(session, link.guild_id, now, BEFORE, AFTER)
        await links.note_link(
            session, link, cursor=changes.cursor, polled_at=now, attempts=0,
            error_class=None, error_text=None, poll_at=now + _spread(NEAR if near else FAR),
            **listed,
        )  # fmt: skip
    return done


async def _changes(held: _Held, calendar: Calendar) -> Changes:
    try:
        return await calendar.changes(held.cursor)
    except CursorGone:
        return await calendar.changes(None)
    except CalendarGone:  # looked for once: its entries are made anew, and none was deleted
        await rediscover(held.link, calendar)
        return await calendar.changes(None)


def _spread(wait: timedelta) -> timedelta:
    return wait * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - protects nothing


async def _take(held: _Held, office: Office, changes: Changes, at: datetime, done: Polled) -> None:
    guild_id = held.link.guild_id
    mine = {e.address: e for e in held.entries if e.state == EntryState.made and e.address}
    there = set()
    for remote in changes.changed:
        there.add(remote.stored.address)
        entry = mine.get(remote.stored.address)
        if entry is not None:
            await _one(guild_id, entry, office, remote, at, done)
    gone = mine.keys() - there if changes.full else mine.keys() & set(changes.gone)
    for address in sorted(gone):
        await _missing(guild_id, mine[address], done)


async def _one(
    guild_id: int, entry: Entry, office: Office, remote: Remote, at: datetime, done: Polled
) -> None:
    """An entry of ours as it was read."""
    if remote.stored.etag == entry.etag:  # the very version that we wrote or read last
        if entry.content != remote.content:
            await _baseline(guild_id, entry, remote)
        return
    async with get_database().transaction() as session:
        facts = await rows.unchanged(session, guild_id, entry)
        if facts is None:
            return  # written since: that version is read the next time
        taken = await take_in(session, facts, office, remote, at)
    done.answers += taken.answers
    done.groups.add(entry.group_id)
    if taken.edited:
        done.edited += 1
        await tell.edited(facts, at)


async def _baseline(guild_id: int, entry: Entry, remote: Remote) -> None:
    """What the server made of our last write: from now on, a difference is somebody's edit."""
    async with get_database().transaction() as session:
        if await rows.unchanged(session, guild_id, entry) is not None:
            await rows.note_entry(session, guild_id, entry.group_id, content=remote.content)


async def _missing(guild_id: int, entry: Entry, done: Polled) -> None:
    """Somebody deleted it."""
    now = utcnow()
    async with get_database().transaction() as session:
        facts = await rows.unchanged(session, guild_id, entry)
        if facts is None:
            return
        asked = await note_gone(session, facts, entry, now)
    done.deleted += 1
    done.groups.add(entry.group_id)
    if asked:
        await tell.deleted_again(facts, now)


async def _orphans(held: _Held, calendar: Calendar, changes: Changes, done: Polled) -> None:
    """Take away what is surely ours and has no row any more, like an older epoch's entry."""
    guild_id = held.link.guild_id
    async with get_database().transaction() as session:
        entries = await rows.entries_of(session, guild_id)
        known = {e.address for e in entries if e.address is not None}
        unknown = [r for r in changes.changed if r.stored.address not in known]
        groups = await rows.group_ids(session, guild_id) if unknown else []
    wanted = {uid_of(guild_id, e.group_id, e.epoch) for e in entries}
    past = {e.group_id: max(e.epoch, _EPOCHS) for e in entries}
    ours = {uid_of(guild_id, g, n) for g in groups for n in range(past.get(g, _EPOCHS))} - wanted
    for remote in unknown:
        if remote.uid in ours:
            await calendar.delete(remote.stored)
            done.orphans += 1


async def _failed(held: _Held, error: MusterError) -> None:
    """Back off; after about an hour moderators hear of it, once."""
    attempts, now = held.attempts + 1, utcnow()
    wait = min(NEAR * 2 ** min(held.attempts, 8), timedelta(hours=1))
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        wait = timedelta(seconds=asked)
    async with get_database().transaction() as session:
        await links.note_link(
            session, held.link, attempts=attempts, poll_at=now + _spread(wait),
            error_class=getattr(error, "kind", "unknown")[:40], error_text=pack(error.text),
        )  # fmt: skip
    log.warning("calendar_not_read", guild_id=held.link.guild_id, error=str(error))
    if attempts == _TELL_AT:
        await tell.away(held.link, error, held.polled_at)
