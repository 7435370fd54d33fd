"""One person and one channel as the gateway cache has them, and who changed access by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.discord_outbound.bot import get_bot
from core.discord_outbound.outcome import attempt

# Discord's audit log event types (API documentation, "Audit Log Events").
OVERWRITE_CREATE, OVERWRITE_UPDATE, OVERWRITE_DELETE = 13, 14, 15
MEMBER_ROLE_UPDATE = 25
_LOOKED_AT = 100  # entries: Discord's most in one call


@dataclass(frozen=True)
class PersonSeen:
    """Somebody as Discord shows them here. `name` is what people read, `username` the unique one.

    Who is not here has no name here; the user name is "" where the cache does not know it.
    """

    here: bool
    name: str = ""
    username: str = ""
    bot: bool = False
    pending: bool = False
    timed_out_until: datetime | None = None  # UTC; may lie behind
    sees_all: bool = False
    role_ids: frozenset[int] = frozenset()


def person(guild_id: int, user_id: int) -> PersonSeen:
    """What the cache knows of an account on this server; makes no call."""
    guild = get_bot().get_guild(guild_id)
    member = guild.get_member(user_id) if guild else None
    if guild is None or member is None:
        user = get_bot().get_user(user_id)
        return (
            PersonSeen(here=False, username=user.name, bot=user.bot)
            if user
            else PersonSeen(here=False)
        )
    return PersonSeen(
        here=True,
        name=member.display_name,
        username=member.name,
        bot=member.bot,
        pending=member.pending,
        timed_out_until=member.timed_out_until,
        sees_all=member.id == guild.owner_id or member.guild_permissions.administrator,
        role_ids=frozenset(r.id for r in member.roles),
    )


def channel_kind(guild_id: int, channel_id: int) -> str | None:
    """text, voice, category, …, or None where this server has no such channel."""
    guild = get_bot().get_guild(guild_id)
    channel = guild.get_channel(channel_id) if guild else None
    return str(channel.type) if channel else None


def rights(guild_id: int, user_id: int, channel_id: int) -> int:
    """What somebody may do in a channel, as bits; 0 where either is not here."""
    guild = get_bot().get_guild(guild_id)
    channel = guild.get_channel(channel_id) if guild else None
    member = guild.get_member(user_id) if guild else None
    return channel.permissions_for(member).value if channel and member else 0


def way_in(guild_id: int, user_id: int, channel_id: int) -> tuple[str, str]:
    """Through what somebody sees a channel: ("own" | "role" | "open", the role's name)."""
    guild = get_bot().get_guild(guild_id)
    channel = guild.get_channel(channel_id) if guild else None
    member = guild.get_member(user_id) if guild else None
    if channel is None or member is None:
        return "", ""
    if channel.overwrites_for(member).view_channel:
        return "own", ""
    for role in member.roles[1:]:  # the first is @everyone
        if channel.overwrites_for(role).view_channel:
            return "role", role.name
    return "open", ""


async def who_changed(guild_id: int, *, place_id: int, target_id: int, event: int) -> int | None:
    """Who last changed a person's entry in a channel by hand, as Discord's audit log has it.

    `event` is one of the types above; of MEMBER_ROLE_UPDATE the place is the role that was taken
    away. One call at most, and none without View Audit Log; None where it cannot be found out.
    """
    bot = get_bot()
    guild = bot.get_guild(guild_id)
    if guild is None or not guild.me.guild_permissions.view_audit_log:
        return None
    outcome = await attempt(
        bot.http.get_audit_logs(guild_id, limit=_LOOKED_AT, action_type=event)  # type: ignore[arg-type]  # an int by any other name
    )
    if not outcome:
        return None
    for entry in outcome.value["audit_log_entries"]:
        by = int(entry["user_id"] or 0)
        if by and by != guild.me.id and _fits(entry, place_id, target_id):
            return by
    return None


def _fits(entry: Any, place_id: int, target_id: int) -> bool:
    """Whether an entry of the audit log is about this person in this place."""
    about = str(entry.get("target_id"))
    if entry.get("action_type") != MEMBER_ROLE_UPDATE:
        options = entry.get("options") or {}
        return about == str(place_id) and str(options.get("id")) == str(target_id)
    removed = [
        str(changed.get("id"))
        for change in entry.get("changes") or []
        if change.get("key") == "$remove"
        for changed in change.get("new_value") or []
    ]
    return about == str(target_id) and str(place_id) in removed
