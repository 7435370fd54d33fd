"""Which of Muster's commands the admins of a server show to whom. A bot can read it, not set it."""

from __future__ import annotations

import discord

from core.discord_outbound.bot import get_bot
from core.discord_outbound.outcome import Outcome, attempt

_ROLE = 1  # Discord's number for roles in application command permissions
_SLASH = discord.AppCommandType.chat_input.value

# By application id; commands get new ones only when they are sent anew, which happens at a start.
_known: dict[int, dict[int, str]] = {}


async def moderators_commands() -> Outcome:
    """The value: shown names ("/check", "Manage member") by id, of those behind Manage Server.

    One call the first time, none after it.
    """
    bot = get_bot()
    number = bot.application_id or 0
    if number not in _known:
        outcome = await attempt(bot.http.get_global_commands(number))
        if not outcome:
            return outcome
        _known[number] = {
            int(c["id"]): f"/{c['name']}" if c.get("type", _SLASH) == _SLASH else str(c["name"])
            for c in outcome.value
            if int(c.get("default_member_permissions") or 0)
            & discord.Permissions(manage_guild=True).value
        }
    return Outcome(value=_known[number])


def forget() -> None:
    """Ask Discord for the ids again: the commands were sent anew."""
    _known.clear()


async def role_entries(guild_id: int) -> Outcome:
    """What was entered for roles: by command id, then by role id. One call."""
    bot = get_bot()
    call = bot.http.get_guild_application_command_permissions(bot.application_id or 0, guild_id)
    outcome = await attempt(call)
    if not outcome:
        return outcome
    return Outcome(
        value={
            int(command["id"]): {
                int(entry["id"]): bool(entry["permission"])
                for entry in command["permissions"]
                if entry["type"] == _ROLE
            }
            for command in outcome.value
        }
    )
