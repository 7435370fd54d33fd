"""What syncs and polls of calendars share: decide, take in what was read, note what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.calendars.office import Access, Office
from core.calendars.port import Calendar, Remote, Unauthorized
from core.clock import utcnow
from core.db.calendar_models import CalendarLink, EntryState, LinkStatus
from core.db.engine import get_database
from core.db.meeting_models import Source
from core.db.queries import answers as answer_queries
from core.db.queries import calendar_links as links
from core.db.queries import calendars as rows
from core.db.queries.calendar_links import Link
from core.db.queries.calendars import SYSTEM, Entry, Facts
from core.db.queries.sync_states import mark_due
from core.errors import PermanentError
from core.reconcile import calendar as pure
from core.reconcile.calendar import Group, Person
from core.reconcile.series import Series
from core.schedule import UnknownZone
from core.systems import answer_posts, calendar_telling
from core.words import pack, speaking, t

_PUT_ANSWER = text(answer_queries.PUT)


def access_of(link: Link | CalendarLink, office: Office) -> Access:
    """What the guild's calendar is opened with. Raises PermanentError where the key is gone."""
    own = office.accounts.get(link.guild_id)
    if link.backend == "caldav" and link.secret is None and own is not None:
        return Access(link.guild_id, link.backend, own.url, own.user, own.password, link.address)
    secret = office.keys.open(link.secret) if link.secret is not None else None
    return Access(link.guild_id, link.backend, link.url, link.account, secret, link.address)


def with_people(facts: Facts, office: Office) -> Group:
    """The group with its people's addresses opened. Raises PermanentError."""
    people = [Person(user, name, office.unseal(sealed)) for user, name, sealed in facts.people]
    return replace(facts.group, people=tuple(people))


def wanted(facts: Facts, group: Group, office: Office, now: datetime) -> Series | None:
    """What the group's entry should be at `now`; None: there should be none.

    Raises PermanentError.
    """
    if not facts.live:
        return None
    link, entry = facts.link, facts.entry
    can = office.capabilities(access_of(link, office))
    try:
        with speaking(link.language):
            return pure.desired(
                group,
                entry.epoch if entry is not None else 0,
                entry.seen if entry is not None else {},
                invites=link.invites and can.attendees,
                sets_rsvp=can.sets_rsvp,
                paused=link.attendees_after is not None and now < link.attendees_after,
            )
    except UnknownZone as error:
        raise PermanentError(
            t("The group's time zone {zone} is not known here.", zone=error.zone),
            kind="unknown_zone",
        ) from error


@dataclass(frozen=True)
class Taken:
    """What came of reading one entry."""

    answers: int = 0
    edited: bool = False


async def take_in(
    session: AsyncSession, facts: Facts, office: Office, remote: Remote, at: datetime
) -> Taken:
    """Believe the answers of an entry as it was read at `at` (UTC), and nothing else.

    What else was changed in it is written over: the group is marked as due.
    """
    entry, now = facts.entry, utcnow()
    assert entry is not None
    group = with_people(facts, office)
    before = wanted(facts, group, office, now)
    read = office.capabilities(access_of(facts.link, office)).reads_rsvp
    answers = remote.answers if read else {}
    found = pure.news(group, entry.seen, answers, now)
    await _answer(session, group.guild_id, found.answers, at)
    edited = entry.content is not None and remote.content != entry.content
    values: dict[str, Any] = {
        "state": EntryState.made, "address": remote.stored.address, "etag": remote.stored.etag,
    }  # fmt: skip
    if read:
        values["seen"] = found.seen
    if edited:
        values["desired_hash"] = None
    else:
        values["content"] = remote.content
    await rows.note_entry(session, group.guild_id, group.id, **values)
    fresh = await rows.gather(session, [group.id])
    if not fresh:  # somebody disconnects the calendar at this moment
        return Taken(len(found.answers))
    after = wanted(fresh[0], with_people(fresh[0], office), office, now)
    if after is None or edited or before is None or before.hash != entry.desired_hash:
        await mark_due(session, [group.id], now, systems=(SYSTEM,))
    elif not read or pure.shows(after, answers):
        await rows.note_entry(session, group.guild_id, group.id, desired_hash=after.hash)
    else:
        await mark_due(session, [group.id], now, systems=(SYSTEM,))
    return Taken(len(found.answers), edited)


async def _answer(
    session: AsyncSession, guild_id: int, answers: Sequence[tuple[int, int, str]], at: datetime
) -> None:
    """The same row as a button press makes; the posts are marked, as there."""
    if not answers:
        return
    await answer_posts.mark(session, {meeting for meeting, _, _ in answers})
    await session.execute(
        _PUT_ANSWER,
        [
            {"meeting": meeting, "user": user, "guild": guild_id, "status": status,
             "source": Source.calendar, "at": at, "reason": None}
            for meeting, user, status in answers
        ],
    )  # fmt: skip


async def note_gone(session: AsyncSession, facts: Facts, entry: Entry, now: datetime) -> bool:
    """Somebody deleted the entry: it is made once more, then moderators are asked.

    True: they are to be told. What people answered in it is kept.
    """
    values: dict[str, Any] = {
        "address": None, "etag": None, "desired_hash": None, "content": None,
        "epoch": entry.epoch + 1,
    }  # fmt: skip
    again = entry.remade_at is None
    values |= {"state": EntryState.intent, "remade_at": now} if again else {
        "state": EntryState.asked
    }  # fmt: skip
    await rows.note_entry(session, facts.group.guild_id, facts.group.id, **values)
    if again:
        await mark_due(session, [facts.group.id], now, systems=(SYSTEM,))
    return not again


async def find(calendar: Calendar, uid: str) -> Remote | None:
    """The entry of this UID, looked for in everything that is there."""
    everything = await calendar.changes(None)
    return next((remote for remote in everything.changed if remote.uid == uid), None)


async def rediscover(link: Link, calendar: Calendar) -> None:
    """Look for the calendar, or make it, once more; then its entries are made anew.

    Raises CalendarGone where it can be neither.
    """
    address = await calendar.ensure_calendar(named(link.server))
    async with get_database().transaction() as session:
        if not await links.note_link(session, link, address=address, cursor=None, listed_at=None):
            return
        await rows.all_anew(session, link.guild_id)
        entries = await rows.entries_of(session, link.guild_id)
        await mark_due(session, [e.group_id for e in entries], utcnow(), systems=(SYSTEM,))


async def stop(link: Link, error: Unauthorized) -> None:
    """No further call until a person reconnects; said once."""
    async with get_database().transaction() as session:
        mine = await links.note_link(
            session, link,
            status=LinkStatus.stopped, error_class=error.kind, error_text=pack(error.text),
        )  # fmt: skip
    if mine:
        await calendar_telling.stopped(link, error)


def named(server: str) -> str:
    """The name of a guild's calendar."""
    return t("Muster · {server}", server=server)
