"""Who changed access or names on Discord by hand, as its audit log has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from discord.utils import snowflake_time

from core.discord_outbound.bot import get_bot
from core.discord_outbound.outcome import attempt

# Discord's audit log event types (API documentation, "Audit Log Events").
_CHANNEL_UPDATE, _ROLE_UPDATE, _MEMBER_ROLE_UPDATE = 11, 31, 25
_OVERWRITES = {13, 14, 15}  # create, update, delete
_LOOKED_AT = 100  # entries: Discord's most in one call


@dataclass(frozen=True)
class Hand:
    """Who did it, and when (UTC)."""

    user_id: int
    at: datetime


async def hands(guild_id: int) -> dict[tuple[int, int], Hand]:
    """By (place, target) as in core.plan.ByHand, who changed it last; target 0 is a name.

    One call, and none without View Audit Log. Empty where it cannot be found out.
    """
    bot = get_bot()
    guild = bot.get_guild(guild_id)
    if guild is None or not guild.me.guild_permissions.view_audit_log:
        return {}
    outcome = await attempt(bot.http.get_audit_logs(guild_id, limit=_LOOKED_AT))
    if not outcome:
        return {}
    found: dict[tuple[int, int], Hand] = {}
    for entry in outcome.value["audit_log_entries"]:  # the newest first
        by = int(entry["user_id"] or 0)
        if not by or by == guild.me.id:
            continue
        for key in _about(entry):
            found.setdefault(key, Hand(by, snowflake_time(int(entry["id"]))))
    return found


def _about(entry: Any) -> Iterator[tuple[int, int]]:
    """(place, target) of everything that an entry of the audit log is about."""
    about, kind = int(entry.get("target_id") or 0), entry.get("action_type")
    changes = entry.get("changes") or []
    if kind in _OVERWRITES:
        yield about, int((entry.get("options") or {}).get("id") or 0)
    elif kind == _MEMBER_ROLE_UPDATE:
        for change in changes:
            for role in change.get("new_value") or []:
                yield int(role["id"]), about
    elif kind in {_CHANNEL_UPDATE, _ROLE_UPDATE} and any(c.get("key") == "name" for c in changes):
        yield about, 0
