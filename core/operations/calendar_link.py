"""A server's calendar: connected, disconnected and decided about by its moderators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.calendars.office import Access, Account, Office, get_office
from core.calendars.port import Stored, Unauthorized
from core.clock import utcnow
from core.db.calendar_models import (
    Backend,
    CalendarEntry,
    CalendarLink,
    EntryState,
    LinkStatus,
)
from core.db.engine import get_database
from core.db.queries import calendar_links as links
from core.db.queries import calendars as rows
from core.db.queries.sync_states import mark_due
from core.errors import MusterError, PermanentError, Refusal, TemporaryError, sentence
from core.operations.common import Actor, audit, ensure_guild
from core.systems.calendar_rows import access_of, named
from core.words import pack, t, tn

LONGEST = 200  # characters of a user's name, the column's
_SILENT = 2  # requests without an answer, each up to core.calendars.dav.SECONDS


async def connect_caldav(actor: Actor, url: str, user: str, password: str) -> int:
    """Connect a CalDAV account; it is tried first, and nothing is stored where it does not work.

    Returns like `store`. Raises Refusal(not_allowed, no_key, bad_account, not_connected).
    """
    actor.must_moderate()
    office = _office()
    if not office.keys.can_seal:
        raise Refusal(
            "no_key",
            t("Whoever runs Muster has to set MUSTER_KEYS first: passwords are never stored "
              "openly."),
        )  # fmt: skip
    given = Account(_address(url), user.strip(), password)
    if not given.user or len(given.user) > LONGEST or not password:
        raise Refusal("bad_account", t("Type the user's name and the app password."))
    return await _connect(actor, office, given, office.keys.seal(password))


async def connect_own(actor: Actor) -> int:
    """Connect the CalDAV account that the operator set for this server.

    Returns like `store`. Raises Refusal(not_allowed, no_account, not_connected).
    """
    actor.must_moderate()
    office = _office()
    own = office.accounts.get(actor.guild_id)
    if own is None:
        raise Refusal("no_account", t("Whoever runs Muster has set no account for this server."))
    return await _connect(actor, office, own, None)


async def _connect(actor: Actor, office: Office, given: Account, sealed: bytes | None) -> int:
    async with get_database().transaction() as session:
        guild = await ensure_guild(session, actor.guild_id)
        server = guild.name
    access = Access(actor.guild_id, Backend.caldav, given.url, given.user, given.password)
    try:
        async with office.open(access) as calendar:
            address = await calendar.ensure_calendar(named(server))
    except (PermanentError, TemporaryError) as error:
        raise Refusal(
            "not_connected",
            t("It was not connected, and nothing was changed. {problem}",
              problem=sentence(error.text)),
        ) from error  # fmt: skip
    return await store(actor, Backend.caldav, address, sealed, url=given.url, account=given.user)


def _address(url: str) -> str:
    """What was typed as an address; https where nothing is said."""
    typed = url.strip()
    return typed if "://" in typed else f"https://{typed}"


def _office() -> Office:
    office = get_office()
    if office is None:
        raise Refusal("no_calendars", t("Calendars cannot be connected here."))
    return office


async def store(
    actor: Actor,
    backend: Backend,
    address: str,
    secret: bytes | None,
    *,
    url: str | None = None,
    account: str | None = None,
) -> int:
    """Write the guild's link. In another calendar than before, every entry is written anew.

    What stands in the one before is taken away there: nobody would keep it, and whoever is invited
    would have everything twice. Returns how many entries are still there. Raises
    Refusal(not_allowed).
    """
    actor.must_moderate()
    left = await _leave(actor.guild_id, backend, address)
    now = utcnow()
    values: dict[str, Any] = {
        "backend": backend, "url": url, "account": account, "secret": secret, "address": address,
        "status": LinkStatus.on, "error_class": None, "error_text": None, "poll_at": now,
        "attempts": 0, "attendees_after": None, "created_by": actor.user_id, "created_at": now,
    }  # fmt: skip
    async with get_database().transaction() as session:
        await ensure_guild(session, actor.guild_id)
        old = await session.get(CalendarLink, actor.guild_id, with_for_update=True)
        same = old is not None and _same(old, backend, address)
        if not same:
            values |= {"cursor": None, "listed_at": None}
        await session.execute(
            insert(CalendarLink)
            .values(guild_id=actor.guild_id, **values)
            .on_conflict_do_update(index_elements=[CalendarLink.guild_id], set_=values)
        )
        if not same:
            await rows.all_anew(session, actor.guild_id)
        await _look_again(session, actor.guild_id, now)
        audit(session, actor, "calendar_connected", after={"backend": backend})
    return left


def _same(link: CalendarLink | links.Link, backend: str, address: str) -> bool:
    """Whether it is that calendar, whatever else its server says of it by now."""
    return (link.backend, _calendar(link.address or "")) == (backend, _calendar(address))


def _calendar(address: str) -> str:
    return address.partition("#")[0]  # of core.calendars.caldav_home.Place


def left_behind(left: int) -> str:
    """What `store` could not take away, in words; nothing for nothing."""
    if not left:
        return ""
    return tn("{n} entry in the calendar before could not be deleted and is still there.",
              "{n} entries in the calendar before could not be deleted and are still there.",
              left)  # fmt: skip


async def _leave(guild_id: int, backend: str, address: str) -> int:
    """Take our entries out of the calendar before, where that is another one."""
    async with get_database().transaction() as session:
        link = await links.link_of(session, guild_id)
    if link is None or _same(link, backend, address):
        return 0
    return await _take_away(link, await _written_until_now(link))


async def _written_until_now(link: links.Link) -> list[Stored]:
    """Our entries in a calendar that is given up; from now on no sync writes to it."""
    async with get_database().transaction() as session:
        await links.note_link(
            session, link,
            status=LinkStatus.stopped, error_text=pack(t("It is being disconnected.")),
        )  # fmt: skip
        entries = await rows.entries_of(session, link.guild_id)
    return [Stored(e.address, e.etag) for e in entries if e.address and e.etag]


async def _look_again(session: AsyncSession, guild_id: int, now: datetime) -> None:
    await mark_due(session, await rows.group_ids(session, guild_id), now, systems=(rows.SYSTEM,))


async def groups_of(guild_id: int) -> list[int]:
    """The groups that are due after a change of the calendar."""
    async with get_database().transaction() as session:
        return await rows.group_ids(session, guild_id)


async def disconnect(actor: Actor, *, remove: bool) -> int:
    """Forget the calendar, and with `remove` take its entries away there first.

    Nothing is written to it from the beginning on. Returns how many entries are still there.
    Raises Refusal(not_allowed, not_connected, connected_again).
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        link = await links.link_of(session, actor.guild_id)
    if link is None:
        raise Refusal("not_connected", t("No calendar is connected."))
    there = await _written_until_now(link)
    left = await _take_away(link, there) if remove else len(there)
    if not await _forget(actor, link, {"removed": remove, "left": left}):
        raise Refusal(
            "connected_again", t("Somebody connected a calendar just now. That one stays.")
        )
    return left


async def _forget(actor: Actor, link: links.Link, after: dict[str, Any]) -> bool:
    """Forget link and entries; False where somebody connected a calendar while that was ending."""
    guild_id, now = actor.guild_id, utcnow()
    async with get_database().transaction() as session:
        found = await session.get(CalendarLink, guild_id, with_for_update=True)
        if found is None:
            return True  # two moderators at once
        mine = found.created_at == link.connected_at
        if mine:
            await session.execute(delete(CalendarEntry).where(CalendarEntry.guild_id == guild_id))
            await session.delete(found)
            audit(session, actor, "calendar_disconnected", after=after)
        else:  # it may be the same calendar, without the entries that were taken away
            await rows.all_anew(session, guild_id)
        await _look_again(session, guild_id, now)
    return mine


async def _take_away(link: links.Link, entries: Sequence[Stored]) -> int:
    """How many could not be taken away.

    A server that does not let us in, or does not answer twice in a row, is not asked for the rest:
    somebody waits.
    """
    office, left, silent = get_office(), len(entries), 0
    if office is None or not entries:
        return left
    try:
        async with office.open(access_of(link, office)) as calendar:
            for stored in entries:
                try:
                    await calendar.delete(stored)
                except Unauthorized:
                    raise
                except TemporaryError:
                    silent += 1
                    if silent == _SILENT:
                        raise
                except PermanentError:
                    silent = 0
                else:
                    left, silent = left - 1, 0
    except MusterError:
        return left
    return left


async def invitations(actor: Actor, *, on: bool) -> None:
    """Whether members who gave an address stand in the entries. Raises Refusal."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        link = await session.get(CalendarLink, actor.guild_id, with_for_update=True)
        if link is None:
            raise Refusal("not_connected", t("No calendar is connected."))
        if link.invites != on:
            link.invites = on
            audit(session, actor, "calendar_invites", after={"on": on})
            await _look_again(session, actor.guild_id, utcnow())


async def decide(actor: Actor, group_id: int, *, back: bool) -> None:
    """An entry was deleted twice: put it back, or leave it out. Raises Refusal."""
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        row = await session.get(CalendarEntry, group_id, with_for_update=True)
        if row is None or row.guild_id != actor.guild_id or row.state != EntryState.asked:
            raise Refusal("nothing_asked", t("That was decided already. Nothing was changed."))
        row.state = EntryState.intent if back else EntryState.left
        row.remade_at = now if back else row.remade_at
        audit(
            session, actor, "calendar_put_back" if back else "calendar_left_out",
            group_id=group_id,
        )  # fmt: skip
        await mark_due(session, [group_id], now, systems=(rows.SYSTEM,))
