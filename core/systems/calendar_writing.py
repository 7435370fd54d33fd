"""One entry's write, and what each answer of the calendar means for what happens next."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from core.calendars.office import Office
from core.calendars.port import (
    AttendeesPaused,
    Calendar,
    CalendarGone,
    Changed,
    Exists,
    Stored,
    Vanished,
)
from core.clock import utcnow
from core.db.calendar_models import EntryState, LinkStatus
from core.db.engine import get_database
from core.db.queries import calendar_links as links
from core.db.queries import calendars as rows
from core.db.queries.calendars import Entry, Facts
from core.errors import MusterError
from core.reconcile.calendar import Group, written
from core.reconcile.series import Series, uid_of
from core.systems import calendar_telling as tell
from core.systems.calendar_rows import access_of, find, note_gone, rediscover, take_in

# How long no attendee is written after the server said that there were too many.
_PAUSE_HOURS = (6.0, 24.0)


@dataclass(frozen=True)
class Done:
    """What a write did. `look_again`: the rows changed instead, so decide anew."""

    created: int = 0
    patched: int = 0
    look_again: bool = False


# What the server made of a write is read so soon: until then nobody can tell an edit from it.
_LOOK_AFTER = timedelta(seconds=30)

_AGAIN = Done(look_again=True)
_TRIES = 3  # the error table's: reread and merge, at most three times


class Writer:
    """Writes or removes the entry of one group. `group` has its people's addresses."""

    def __init__(self, facts: Facts, group: Group, office: Office, *, tried: int) -> None:
        """`tried`: how often this sync tried to write before."""
        self.tried = tried
        self.facts = facts
        self.group = group
        self.office = office

    @property
    def _stored(self) -> Stored | None:
        entry = self.facts.entry
        if entry is None or entry.address is None or entry.etag is None:
            return None
        return Stored(entry.address, entry.etag)

    @property
    def _known(self) -> Entry:
        """The entry as it was decided about; without a row, as the intent was written."""
        new = Entry(self.group.id, EntryState.intent, 0, None, None, None, None, None, {})
        return self.facts.entry or new

    async def write(self, series: Series) -> Done:
        """Write it. Raises the errors of the port that somebody has to wait for or look at."""
        stored = self._stored
        if stored is None:
            async with get_database().transaction() as session:
                await rows.intend(session, self.group.guild_id, self.group.id)
        async with self.office.open(access_of(self.facts.link, self.office)) as calendar:
            new = await self._put(calendar, series, stored)
            if new is None:
                return _AGAIN
            if not await self._noted(series, new, stored):
                if stored is None:  # the calendar was given up meanwhile: nobody would know of it
                    with suppress(MusterError):
                        await calendar.delete(new)
                return _AGAIN
        return Done(created=int(stored is None), patched=int(stored is not None))

    async def _noted(self, series: Series, new: Stored, stored: Stored | None) -> bool:
        """Note what was written; False where it belongs to no calendar of the guild any more."""
        group = self.group
        async with get_database().transaction() as session:
            # The link first, like whoever connects another calendar: no deadlock.
            status = await links.read_by(session, self.facts.link, utcnow() + _LOOK_AFTER)
            # Whoever gives a calendar up has looked already what to take away there.
            if status is None or (stored is None and status != LinkStatus.on):
                return False
            return await rows.note_written(
                session, group.guild_id, group.id, self._known.epoch,
                state=EntryState.made, address=new.address, etag=new.etag,
                desired_hash=series.hash, content=None, seen=written(series, group.people),
            )  # fmt: skip

    async def _put(
        self, calendar: Calendar, series: Series, stored: Stored | None
    ) -> Stored | None:
        """None: nothing was written, and the rows say now what is to be done instead."""
        self.tried += 1
        try:
            return await calendar.put(series, stored)
        except (Exists, Changed, Vanished, AttendeesPaused, CalendarGone) as error:
            if self.tried >= _TRIES or (self.tried > 1 and isinstance(error, CalendarGone)):
                raise
            await self._instead(error, calendar, series)
        return None

    async def _instead(self, error: MusterError, calendar: Calendar, series: Series) -> None:
        """Change the rows, so that the next try is the right one."""
        match error:
            case Exists():
                await self._adopt(calendar, series)
            case Changed():
                await self._merge(calendar)
            case Vanished():
                await self._gone()
            case AttendeesPaused():
                await self._pause(error)
            case _:
                await rediscover(self.facts.link, calendar)

    async def remove(self) -> None:
        """Take the entry out of the calendar and forget it; one that is not there is success."""
        entry, link = self.facts.entry, self.facts.link
        if entry is not None and entry.state in (EntryState.made, EntryState.intent):
            async with self.office.open(access_of(link, self.office)) as calendar:
                with suppress(CalendarGone):  # and the entry with it
                    await self._take_away(calendar, entry.epoch)
        async with get_database().transaction() as session:
            await rows.forget(session, self.group.guild_id, self.group.id)

    async def _take_away(self, calendar: Calendar, epoch: int) -> None:
        stored = self._stored
        if stored is None:  # it may have been written without our knowing
            there = await find(calendar, uid_of(self.group.guild_id, self.group.id, epoch))
            stored = there.stored if there is not None else None
        if stored is not None:
            await calendar.delete(stored)

    async def _adopt(self, calendar: Calendar, series: Series) -> None:
        """Something has that name: ours, written before a crash, or another's."""
        at = utcnow()
        there = await find(calendar, series.uid)
        async with get_database().transaction() as session:
            facts = await rows.unchanged(session, self.group.guild_id, self._known)
            if facts is None:
                return
            if there is not None:
                await take_in(session, facts, self.office, there, at)
                await rows.note_entry(
                    session, self.group.guild_id, self.group.id, desired_hash=None
                )
            else:
                await rows.note_entry(
                    session, self.group.guild_id, self.group.id,
                    epoch=self._known.epoch + 1, address=None, etag=None,
                )  # fmt: skip

    async def _merge(self, calendar: Calendar) -> None:
        """It is another version: its answers count, the rest is written over."""
        stored, at = self._stored, utcnow()
        assert stored is not None
        there = await calendar.read(stored.address)
        if there is None:
            await self._gone()
            return
        async with get_database().transaction() as session:
            facts = await rows.unchanged(session, self.group.guild_id, self._known)
            if facts is None:
                return
            taken = await take_in(session, facts, self.office, there, at)
        if taken.edited:
            await tell.edited(facts, at)

    async def _gone(self) -> None:
        now = utcnow()
        async with get_database().transaction() as session:
            facts = await rows.unchanged(session, self.group.guild_id, self._known)
            if facts is None:
                return
            asked = await note_gone(session, facts, self._known, now)
        if asked:
            await tell.deleted_again(self.facts, now)

    async def _pause(self, error: AttendeesPaused) -> None:
        """No attendees for hours; the entry itself is still kept."""
        now, until = utcnow(), self.facts.link.attendees_after
        if until is not None and now < until:
            raise error  # none was changed, so that was not the reason
        pause = timedelta(hours=random.uniform(*_PAUSE_HOURS))  # noqa: S311 - spreads the calls
        async with get_database().transaction() as session:
            await links.note_link(session, self.facts.link, attendees_after=now + pause)
