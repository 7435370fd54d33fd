"""The e-mail address that a member gives for invitations: theirs alone, sealed, gone on request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.calendars.office import get_office
from core.clock import utcnow
from core.db.calendar_models import CalendarAddress
from core.db.engine import get_database
from core.db.queries import calendars as rows
from core.db.queries.sync_states import mark_due
from core.errors import MusterError, Refusal
from core.operations import calendar_status
from core.operations.common import Actor, ensure_guild, ensure_person
from core.words import t

LONGEST = 254  # characters of an address (RFC 5321, 4.5.3.1.3)
# What nearly everybody has: a dot-atom and a host name with a dot. Nothing that could end a line
# or a parameter of a calendar file.
_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)


@dataclass(frozen=True)
class Mine:
    """`masked`: what the person gave, hardly readable; None: nothing. `can`: one can be given.

    Empty where no key opens it any more.
    """

    masked: str | None
    can: bool
    connected: bool  # the server has a calendar that people are invited in
    told: bool = True  # and they hear of it; else they have to see that calendar


def checked(typed: str) -> str:
    """The address in lower case. Raises Refusal(bad_address)."""
    address = typed.strip().removeprefix("mailto:").lower()
    local, _, host = address.rpartition("@")
    try:
        address = f"{local}@{host.encode('idna').decode()}" if host else address
    except UnicodeError:
        address = ""
    if len(address) > LONGEST or _ADDRESS.fullmatch(address) is None:
        raise Refusal(
            "bad_address", t("That is no e-mail address. It looks like name@example.org.")
        )
    return address


def masked(address: str) -> str:
    """As it is shown back: a…@example.org; nothing for nothing."""
    local, at, host = address.partition("@")
    return f"{local[:1]}…@{host}" if at else ""


async def mine(actor: Actor) -> Mine:
    """What the person gave on this server."""
    office = get_office()
    async with get_database().transaction() as session:
        row = await session.get(CalendarAddress, (actor.guild_id, actor.user_id))
    can = office is not None and office.keys.can_seal
    calendar = await calendar_status.status(actor.guild_id)
    given = masked(_opened(row)) if row is not None else None
    if calendar is None or calendar.stopped:
        return Mine(given, can, connected=False)
    return Mine(given, can, calendar.invites and calendar.guests, calendar.told)


def _opened(row: CalendarAddress) -> str:
    """The address; nothing where its key is not there any more."""
    office = get_office()
    try:
        return office.unseal(row.sealed) if office is not None else ""
    except MusterError:
        return ""


async def give(actor: Actor, typed: str) -> list[int]:
    """Keep an address, sealed; the groups whose entries follow.

    Raises Refusal(bad_address, no_key).
    """
    office = get_office()
    if office is None or not office.keys.can_seal:
        raise Refusal(
            "no_key",
            t("Invitations by e-mail are not possible here: whoever runs Muster has not set the "
              "key that addresses are stored with."),
        )  # fmt: skip
    sealed, now = office.keys.seal(checked(typed)), utcnow()
    async with get_database().transaction() as session:
        await ensure_guild(session, actor.guild_id)
        await ensure_person(session, actor.guild_id, actor.user_id, actor.name)
        await session.execute(
            insert(CalendarAddress)
            .values(guild_id=actor.guild_id, user_id=actor.user_id, sealed=sealed, given_at=now)
            .on_conflict_do_update(
                index_elements=[CalendarAddress.guild_id, CalendarAddress.user_id],
                set_={"sealed": sealed, "given_at": now},
            )
        )
        return await _follow(session, actor)


async def forget(actor: Actor) -> list[int]:
    """Delete the address; the groups whose entries follow."""
    async with get_database().transaction() as session:
        await session.execute(
            delete(CalendarAddress).where(
                CalendarAddress.guild_id == actor.guild_id,
                CalendarAddress.user_id == actor.user_id,
            )
        )
        return await _follow(session, actor)


async def _follow(session: AsyncSession, actor: Actor) -> list[int]:
    groups = await rows.groups_with(session, actor.guild_id, actor.user_id)
    await mark_due(session, groups, utcnow(), systems=(rows.SYSTEM,))
    return groups


async def data(session: AsyncSession, actor: Actor) -> dict[str, Any]:
    """For the person's own file: what is stored, ready for JSON."""
    row = await session.get(CalendarAddress, (actor.guild_id, actor.user_id))
    return {"address": _opened(row), "given": row.given_at.isoformat()} if row is not None else {}
