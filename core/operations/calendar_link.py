"""A server's calendar: connected, looked at and disconnected by its moderators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select
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
from core.db.models import Cohort, Group
from core.db.queries import calendars as rows
from core.db.queries.sync_states import mark_due
from core.errors import MusterError, PermanentError, Refusal, TemporaryError, sentence
from core.operations.common import Actor, audit, ensure_guild
from core.reconcile.doctor import Finding
from core.systems.calendar_rows import access_of, named
from core.words import t, tn, unpack

LONGEST = 200  # characters of a user's name, the column's


@dataclass(frozen=True)
class Exchange:
    """How a server's calendar stands. `error` in words, times UTC; `at`: the last good exchange.

    `where`: the host or account, as a person would know it again.
    """

    backend: str
    where: str
    stopped: bool
    error: str | None
    at: datetime | None
    invites: bool
    entries: int
    asked: tuple[tuple[int, str], ...]  # deleted twice: (group id, label), what now?
    failing: bool = False


@dataclass(frozen=True)
class Ways:
    """Which calendars can be connected here. `sealed`: secrets can be kept."""

    sealed: bool
    caldav: bool
    own: bool  # the operator set an account for this server


async def status(guild_id: int) -> Exchange | None:
    """The server's calendar, None where none is connected. Two statements."""
    async with get_database().transaction() as session:
        link = await session.get(CalendarLink, guild_id)
        if link is None:
            return None
        counted = await session.execute(
            select(CalendarEntry.state, CalendarEntry.group_id, Group.name, Cohort.name)
            .join(Group, Group.id == CalendarEntry.group_id)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(CalendarEntry.guild_id == guild_id)
            .order_by(CalendarEntry.group_id)
        )
        entries = counted.all()
    asked = tuple((i, f"{group} · {cohort}") for state, i, group, cohort in entries
                  if state == EntryState.asked)  # fmt: skip
    return Exchange(
        link.backend, _where(link), link.status == LinkStatus.stopped,
        unpack(link.error_text) if link.error_text is not None else None,
        link.polled_at, link.invites, sum(e[0] == EntryState.made for e in entries), asked,
        link.attempts > 0,
    )  # fmt: skip


def _where(link: CalendarLink) -> str:
    if link.backend == Backend.service:
        return link.address or ""
    host = urlsplit(link.url or "").hostname or ""
    return f"{link.account} · {host}" if link.account and host else host


def ways(guild_id: int) -> Ways:
    """What can be connected in this process."""
    office = get_office()
    if office is None:
        return Ways(sealed=False, caldav=False, own=False)
    return Ways(office.keys.can_seal, office.can(Backend.caldav), guild_id in office.accounts)


async def connect_caldav(actor: Actor, url: str, user: str, password: str) -> Exchange:
    """Connect a CalDAV account; it is tried first, and nothing is stored where it does not work.

    Raises Refusal(not_allowed, no_key, bad_account, not_connected).
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


async def connect_own(actor: Actor) -> Exchange:
    """Connect the CalDAV account that the operator set for this server.

    Raises Refusal(not_allowed, no_account, not_connected).
    """
    actor.must_moderate()
    office = _office()
    own = office.accounts.get(actor.guild_id)
    if own is None:
        raise Refusal("no_account", t("Whoever runs Muster has set no account for this server."))
    return await _connect(actor, office, own, None)


async def _connect(actor: Actor, office: Office, given: Account, sealed: bytes | None) -> Exchange:
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
    await store(actor, Backend.caldav, address, sealed, url=given.url, account=given.user)
    found = await status(actor.guild_id)
    assert found is not None
    return found


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
) -> None:
    """Write the guild's link. In another calendar than before, every entry is written anew.

    Raises Refusal(not_allowed).
    """
    actor.must_moderate()
    now = utcnow()
    values: dict[str, Any] = {
        "backend": backend, "url": url, "account": account, "secret": secret, "address": address,
        "status": LinkStatus.on, "error_class": None, "error_text": None, "poll_at": now,
        "attempts": 0, "attendees_after": None, "created_by": actor.user_id, "created_at": now,
    }  # fmt: skip
    async with get_database().transaction() as session:
        await ensure_guild(session, actor.guild_id)
        old = await session.get(CalendarLink, actor.guild_id, with_for_update=True)
        same = old is not None and (old.backend, old.address) == (backend, address)
        await session.execute(
            insert(CalendarLink)
            .values(guild_id=actor.guild_id, **values)
            .on_conflict_do_update(index_elements=[CalendarLink.guild_id], set_=values)
        )
        if not same:
            await rows.all_anew(session, actor.guild_id)
        await _look_again(session, actor.guild_id, now)
        audit(session, actor, "calendar_connected", after={"backend": backend})


async def _look_again(session: AsyncSession, guild_id: int, now: datetime) -> None:
    await mark_due(session, await rows.group_ids(session, guild_id), now, systems=(rows.SYSTEM,))


async def groups_of(guild_id: int) -> list[int]:
    """The groups that are due after a change of the calendar."""
    async with get_database().transaction() as session:
        return await rows.group_ids(session, guild_id)


async def disconnect(actor: Actor, *, remove: bool) -> int:
    """Forget the calendar, and with `remove` take its entries away there first.

    Returns how many of them are still there. Raises Refusal(not_allowed, not_connected).
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        link = await rows.link_of(session, actor.guild_id)
        entries = await rows.entries_of(session, actor.guild_id)
    if link is None:
        raise Refusal("not_connected", t("No calendar is connected."))
    there = [Stored(e.address, e.etag) for e in entries if e.address and e.etag]
    left = await _take_away(link, there) if remove else len(there)
    async with get_database().transaction() as session:
        mine = CalendarEntry.guild_id == actor.guild_id
        await session.execute(delete(CalendarEntry).where(mine))
        await session.execute(delete(CalendarLink).where(CalendarLink.guild_id == actor.guild_id))
        await _look_again(session, actor.guild_id, utcnow())
        audit(session, actor, "calendar_disconnected", after={"removed": remove, "left": left})
    return left


async def _take_away(link: rows.Link, entries: Sequence[Stored]) -> int:
    """How many could not be taken away; without being let in none is tried twice."""
    office, left = _office(), len(entries)
    try:
        async with office.open(access_of(link, office)) as calendar:
            for stored in entries:
                try:
                    await calendar.delete(stored)
                except Unauthorized:
                    raise
                except MusterError:
                    continue
                left -= 1
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


async def findings(guild_id: int) -> list[Finding]:
    """What /check says about the calendar."""
    found = await status(guild_id)
    if found is None:
        return []
    problem = found.error or ""
    if found.stopped:
        return [
            Finding(
                t("Muster is not let into the server's calendar: {problem}", problem=problem),
                t("Meetings do not reach the calendar, and answers given there do not reach "
                  "Muster"),
                t("Connect it again under /settings → Calendar"),
            )
        ]  # fmt: skip
    every = []
    if found.failing:
        every.append(
            Finding(
                t("The server's calendar does not answer: {problem}", problem=problem),
                t("Changes reach it once it answers again"),
                t("Nothing has to be done: Muster goes on trying"),
            )
        )
    if found.asked:
        n = len(found.asked)
        every.append(
            Finding(
                tn("{n} entry was deleted in the calendar twice",
                   "{n} entries were deleted in the calendar twice", n),
                t("They are left out until somebody says what is wanted"),
                t("Decide under /settings → Calendar"),
            )
        )  # fmt: skip
    return every
