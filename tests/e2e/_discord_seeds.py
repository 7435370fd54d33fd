"""Ready-made worlds for the simulated Discord."""

from __future__ import annotations

from typing import Any

import discord

from tests.e2e._discord_world import Scene

#: Least-privilege bits for channels, roles, threads, events and nicknames (reference: discord.md).
BOT_PERMISSIONS = 17996318854160
MODERATOR = discord.Permissions.manage_guild.flag


def empty(_scene: Scene) -> dict[str, Any]:
    """No guild at all."""
    return {}


def small(scene: Scene) -> dict[str, Any]:
    """One guild: a moderator, ten members, a general and a moderators' channel."""
    guild = scene.create_guild("Reading Circle", BOT_PERMISSIONS, None, None)
    guild_id = guild["id"]
    role = scene.backend.create_role(guild_id, "Moderators", permissions=MODERATOR)
    names = ["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Iris", "Jon"]
    return {
        "guild_id": guild_id,
        "owner_id": guild["owner_id"],
        "bot_role_id": guild["bot_role_id"],
        "moderator_role_id": role.id,
        "moderator_id": scene.add_member(guild_id, "Mona", roles=[role.id]),
        "member_ids": [scene.add_member(guild_id, name) for name in names],
        "general_id": scene.create_channel(guild_id, "general", 0, None, []),
        "moderators_id": scene.create_channel(guild_id, "moderators", 0, None, []),
    }


SEEDS = {"empty": empty, "small": small}
