"""Everybody on a server as the gateway cache has them, by all of their names."""

from __future__ import annotations

import discord

from core.discord_outbound.bot import get_bot
from core.reconcile.roster_match import Person


def everybody(guild_id: int) -> list[Person] | None:
    """The people of a guild, bots among them; None while the guild cannot be seen."""
    guild = get_bot().get_guild(guild_id)
    if guild is None or guild.unavailable:
        return None
    return [_person(member) for member in guild.members]


def with_role(guild_id: int, role_id: int) -> list[Person]:
    """Those who have a role, in the order in which they joined; nobody if it is gone.

    @everyone is no role in this sense: it has everybody and means nobody.
    """
    guild = get_bot().get_guild(guild_id)
    role = guild.get_role(role_id) if guild is not None and role_id != guild_id else None
    if role is None:
        return []
    joined = sorted(role.members, key=lambda m: (m.joined_at is None, m.joined_at or 0, m.id))
    return [_person(member) for member in joined]


def _person(member: discord.Member) -> Person:
    return Person(member.id, member.name, member.global_name or "", member.nick or "", member.bot)
