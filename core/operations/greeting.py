"""The first words on a server, once per stay: to whoever invited Muster, or to moderators."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import Cohort, Guild
from core.discord_outbound import rooms
from core.discord_outbound.cache import guild_view
from core.discord_outbound.messages import send_channel_message, send_dm
from core.discord_outbound.outcome import Outcome
from core.operations.first_steps import language_of
from core.reconcile.first_steps import suggest_room
from core.words import speaking, t

log = structlog.get_logger(__name__)


class Arrival(StrEnum):
    known = "known"  # greeted before, or in use for longer than Muster greets
    new = "new"
    back = "back"


async def arrived(guild_id: int, name: str) -> Arrival:
    """The bot is on this server (again): its rows count. Claims the greeting where one is due.

    The claim is written before anything is sent: a crash in between costs a greeting, never a
    second one.
    """
    async with get_database().transaction() as session:
        guild = await _row(session, guild_id, name)
        came_back, guild.left_at = guild.left_at is not None, None
        if guild.greeted_at is not None and not came_back:
            return Arrival.known
        guild.greeted_at = utcnow()
        used = bool(guild.settings) or await session.scalar(
            select(exists().where(Cohort.guild_id == guild_id))
        )
        if came_back:
            return Arrival.back if used else Arrival.new
        return Arrival.known if used else Arrival.new


async def _row(session: AsyncSession, guild_id: int, name: str) -> Guild:
    """The server's row, locked. It may have been deleted (retention) while the lock was awaited."""
    while True:
        values = {"id": guild_id, "name": name[:100], "joined_at": utcnow()}
        await session.execute(insert(Guild).values(values).on_conflict_do_nothing())
        guild = await session.scalar(select(Guild).where(Guild.id == guild_id).with_for_update())
        if guild is not None:
            guild.name = name[:100]
            return guild


async def greet(
    guild_id: int,
    arrival: Arrival,
    *,
    in_dm: Callable[[str], Any],
    in_room: Callable[[], Any],
) -> None:
    """Greet after `arrived`. `in_dm` makes the buttons for a link to the server, `in_room` others.

    Nobody is greeted where neither the inviter nor a channel of moderators can be reached; a
    temporary failure gives the claim back, so that the next start tries again.
    """
    if arrival == Arrival.known:
        return
    async with get_database().alone() as session:
        raw = await session.scalar(select(Guild.settings).where(Guild.id == guild_id))
    chosen = GuildSettings.model_validate(raw or {})
    with speaking(language_of(guild_id, chosen)):
        outcome = await _to_inviter(guild_id, arrival, in_dm)
        if not outcome:
            outcome = await _to_moderators(guild_id, arrival, chosen, in_room, outcome)
    if outcome:
        log.info("greeted", guild_id=guild_id, arrival=arrival)
        return
    log.warning("nobody_greeted", guild_id=guild_id, arrival=arrival, why=outcome.error_class)
    if not outcome.permanent and arrival == Arrival.new:
        async with get_database().transaction() as session:
            await session.execute(update(Guild).where(Guild.id == guild_id).values(greeted_at=None))


async def _to_inviter(guild_id: int, arrival: Arrival, in_dm: Callable[[str], Any]) -> Outcome:
    view, user_id = guild_view(guild_id), await rooms.inviter(guild_id)
    if view is None or user_id is None:
        return Outcome("unknown_inviter", permanent=True)
    server = view.name
    if arrival == Arrival.back:
        text = t(
            "Welcome back! Nothing was lost: Muster goes on with everything on **{server}**. "
            "`/muster` there shows where things stand.",
            server=server,
        )
    else:
        text = t(
            "Thank you for inviting Muster to **{server}**! Type `/setup` there: it takes a "
            "minute, and every step has a suggestion. Nothing is created before you say so.",
            server=server,
        )
    link = rooms.front_door(guild_id)
    return await send_dm(
        user_id, text, view=in_dm(link) if link else None, key=f"greeting:{guild_id}:{utcnow():%F}"
    )


async def _to_moderators(
    guild_id: int,
    arrival: Arrival,
    chosen: GuildSettings,
    in_room: Callable[[], Any],
    before: Outcome,
) -> Outcome:
    """In a channel that only moderators can read, never in one that everybody sees."""
    found = rooms.private_rooms(guild_id, chosen.moderator_role_id)
    ids = {room.id for room in found}
    picked = chosen.moderator_channel_id if chosen.moderator_channel_id in ids else None
    channel = picked or suggest_room(found)
    if channel is None:
        return before
    if arrival == Arrival.back:
        text = t(
            "Welcome back! Nothing was lost: Muster goes on with everything here. `/muster` shows "
            "where things stand."
        )
    else:
        text = t(
            "Thank you for inviting Muster! The first steps take a minute, and each has a "
            "suggestion. Nothing is created before you say so."
        )
    return await send_channel_message(
        channel, text, view=in_room(), key=f"greeting:{guild_id}:{utcnow():%F}"
    )
