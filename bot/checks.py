"""Who may do what: guild scoping and the invoker's rights, checked again on every interaction."""

from __future__ import annotations

import discord

from core.config import GuildSettings
from core.discord_outbound import get_or_fetch_member
from core.discord_outbound.reason import asked_by
from core.errors import Refusal
from core.operations import settings
from core.operations.common import Actor
from core.operations.meeting_rights import guild_of
from core.words import t


async def actor_of(interaction: discord.Interaction) -> Actor:
    """Who asks, with their rights of this very moment. Raises Refusal outside a server."""
    user = interaction.user
    if interaction.guild_id is None or not isinstance(user, discord.Member):
        raise Refusal("no_guild", t("Use this on a server, not in direct messages."))
    return await _actor(user)


async def of_meeting(interaction: discord.Interaction, meeting_id: int) -> Actor:
    """The same, also in direct messages: there with their rights on the meeting's server.

    Raises Refusal(meeting_not_found, not_here) for whoever is not on it, TemporaryError.
    """
    if interaction.guild_id is not None:
        return await actor_of(interaction)
    guild_id = await guild_of(interaction.user.id, meeting_id=meeting_id)
    return await _actor(await _member(interaction, guild_id))


async def of_group(interaction: discord.Interaction, group_id: int) -> Actor:
    """Likewise where a group is what it is about."""
    if interaction.guild_id is not None:
        return await actor_of(interaction)
    guild_id = await guild_of(interaction.user.id, group_id=group_id)
    return await _actor(await _member(interaction, guild_id))


async def _member(interaction: discord.Interaction, guild_id: int) -> discord.Member:
    guild = interaction.client.get_guild(guild_id)
    member = await get_or_fetch_member(guild, interaction.user.id) if guild is not None else None
    if member is None:
        raise Refusal("not_here", t("You are not on that server any more. Nothing was changed."))
    return member


async def _actor(member: discord.Member) -> Actor:
    asked_by.set(member.display_name)
    guild_id = member.guild.id
    moderates = is_moderator(member, await settings.get(guild_id))
    return Actor(guild_id, member.id, member.display_name, moderates)


def is_moderator(member: discord.Member, chosen: GuildSettings) -> bool:
    """The role that the guild chose, else Manage Server. A deleted role counts as not chosen."""
    role_id = chosen.moderator_role_id
    if role_id is not None and member.guild.get_role(role_id) is not None:
        return member.get_role(role_id) is not None or member.id == member.guild.owner_id
    return member.guild_permissions.manage_guild


async def moderator(interaction: discord.Interaction) -> Actor:
    """The actor, who must be a moderator. Raises Refusal(not_allowed)."""
    actor = await actor_of(interaction)
    actor.must_moderate()
    return actor
