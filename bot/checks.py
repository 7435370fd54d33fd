"""Who may do what: guild scoping and the invoker's rights, checked again on every interaction."""

from __future__ import annotations

import discord

from core.config import GuildSettings
from core.discord_outbound.reason import asked_by
from core.errors import Refusal
from core.operations import settings
from core.operations.common import Actor
from core.words import t


async def actor_of(interaction: discord.Interaction) -> Actor:
    """Who asks, with their rights of this very moment. Raises Refusal outside a server."""
    user = interaction.user
    if interaction.guild_id is None or not isinstance(user, discord.Member):
        raise Refusal("no_guild", t("Use this on a server, not in direct messages."))
    asked_by.set(user.display_name)
    chosen = await settings.get(interaction.guild_id)
    return Actor(interaction.guild_id, user.id, user.display_name, is_moderator(user, chosen))


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
