"""Discord scheduled events. The cache knows at once what we did: its event comes later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import discord

from core.discord_outbound.bot import get_bot
from core.discord_outbound.cache import event_of
from core.discord_outbound.outcome import OK, Outcome, attempt, require
from core.reconcile.event_plan import Event, Wanted
from core.words import t

_PAGE = 100  # users in one call, Discord's most
# What an event's field is called in Discord's API.
_KEYS = {
    "name": "name", "start": "scheduled_start_time", "end": "scheduled_end_time",
    "channel_id": "channel_id",
}  # fmt: skip


async def create_scheduled_event(
    guild: discord.Guild,
    name: str,
    start_time: datetime,
    end_time: datetime,
    channel: discord.VoiceChannel | discord.StageChannel,
    description: str = "",
    *,
    reason: str | None = None,
) -> discord.ScheduledEvent:
    """One event in a voice channel, times aware. Raises TemporaryError or PermanentError.

    Names are cut at 100 and descriptions at 1,000 characters, Discord's limits. Type and
    privacy are given explicitly: discord.py 2.7.1 fails to derive them (measured).
    """
    stage = isinstance(channel, discord.StageChannel)
    event: discord.ScheduledEvent = await require(
        guild.create_scheduled_event(
            name=name[:100],
            start_time=start_time,
            end_time=end_time,
            channel=channel,
            description=description[:1000],
            entity_type=discord.EntityType.stage_instance if stage else discord.EntityType.voice,
            privacy_level=discord.PrivacyLevel.guild_only,
            reason=reason,
        )
    )
    if guild.get_scheduled_event(event.id) is None:
        guild._scheduled_events[event.id] = event  # noqa: SLF001 - as discord.py does on its event
    return event


async def create(guild_id: int, want: Wanted, description: str, reason: str) -> int:
    """Make the event; its id. Raises TemporaryError or PermanentError."""
    guild = _guild(guild_id)
    channel = guild.get_channel(want.channel_id)
    if not isinstance(channel, discord.VoiceChannel | discord.StageChannel):
        raise Outcome("unknown_channel", t("the channel is gone"), permanent=True).as_error()
    made = await create_scheduled_event(
        guild, want.name, want.start, want.end, channel, description, reason=reason
    )
    return made.id


def _guild(guild_id: int) -> discord.Guild:
    guild = get_bot().get_guild(guild_id)
    if guild is None:
        raise Outcome("unknown_guild", t("the server cannot be reached now")).as_error()
    return guild


async def change(
    guild_id: int, event_id: int, want: Wanted, fields: tuple[str, ...], reason: str
) -> Outcome:
    """Set these fields (core.reconcile.event_plan.FIELDS) and nothing else."""
    values: dict[str, Any] = {}
    for name in fields:
        value = getattr(want, name)
        values[_KEYS[name]] = value.isoformat() if isinstance(value, datetime) else value
    return await _edit(guild_id, event_id, reason, **values)


async def set_status(guild_id: int, event_id: int, status: int, reason: str) -> Outcome:
    """Start, complete or cancel it; a status of core.reconcile.event_plan."""
    return await _edit(guild_id, event_id, reason, status=status)


async def _edit(guild_id: int, event_id: int, reason: str, **values: Any) -> Outcome:
    """One PATCH. The high-level call is passed by: it sends entity_metadata along each time."""
    call = get_bot().http.edit_scheduled_event(guild_id, event_id, reason=reason, **values)
    outcome = await attempt(call)
    guild = get_bot().get_guild(guild_id)
    cached = guild.get_scheduled_event(event_id) if guild is not None else None
    if outcome and cached is not None:
        cached._update(outcome.value)  # noqa: SLF001 - as discord.py does on its event
    if outcome.error_class == "unknown_event" and guild is not None:
        guild._scheduled_events.pop(event_id, None)  # noqa: SLF001 - likewise
    return OK if outcome else outcome


async def listed(guild_id: int) -> dict[int, Event]:
    """All events as Discord has them now, by one call; the cache holds the same afterwards.

    Raises TemporaryError or PermanentError.
    """
    guild = _guild(guild_id)
    before = set(guild._scheduled_events)  # noqa: SLF001 - the cache itself is mended here
    found = await require(guild.fetch_scheduled_events(with_counts=False))
    there = {event.id: event for event in found}
    for gone in before - there.keys():
        guild._scheduled_events.pop(gone, None)  # noqa: SLF001
    guild._scheduled_events.update(there)  # noqa: SLF001
    return {event.id: event_of(event) for event in found}


async def interested(guild_id: int, event_id: int) -> set[int] | None:
    """Ids of all who pressed Interested, 100 a call; None where the event is gone.

    Raises TemporaryError or PermanentError.
    """
    people: set[int] = set()
    after: int | None = None
    while True:
        http = get_bot().http
        outcome = await attempt(
            http.get_scheduled_event_users(
                guild_id, event_id, _PAGE, with_member=False, after=after
            )
        )
        if outcome.error_class in {"unknown_event", "not_found"}:
            return None
        if not outcome:
            raise outcome.as_error()
        page = {int(entry["user"]["id"]) for entry in outcome.value}
        new = page - people
        people |= page
        if len(page) < _PAGE or not new:
            return people
        after = max(page)
