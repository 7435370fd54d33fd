"""Two of Discord's routes that SimCord 3.2.1 lacks, as Discord's API documentation has them.

Importing this adds them; tests use it as well. Everything else about them (rights, shapes) is
SimCord's own.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import simcord.http.routes  # noqa: F401 - importing it fills the route table
from simcord.backend import Backend, serializers
from simcord.http.router import RequestContext, route

_invited: WeakKeyDictionary[Backend, dict[int, int]] = WeakKeyDictionary()


def invited_by(backend: Backend, guild_id: int, user_id: int) -> None:
    """Say who invited the bot to a simulated server."""
    _invited.setdefault(backend, {})[guild_id] = user_id


@route("GET", "/guilds/{guild_id}/integrations")
def integrations(ctx: RequestContext) -> Any:
    """The bot's own integration, where somebody invited it. Needs Manage Server."""
    guild_id = ctx.int_arg("guild_id")
    ctx.require_guild_permissions(guild_id, "manage_guild")
    user_id = _invited.get(ctx.backend, {}).get(guild_id)
    if user_id is None:
        return []
    bot = dict(serializers.user_payload(ctx.backend.bot_user))
    number = str(ctx.backend.application_id)
    about = {"id": number, "name": bot["username"], "icon": None, "description": "", "bot": bot}
    return [
        {
            "id": number,
            "name": bot["username"],
            "type": "discord",
            "enabled": True,
            "account": {"id": number, "name": bot["username"]},
            "user": dict(serializers.user_payload(ctx.backend.get_user(user_id))),
            "application": {**about, "summary": ""},
            "scopes": ["bot", "applications.commands"],
        }
    ]


@route("GET", "/applications/{application_id}/guilds/{guild_id}/commands/permissions")
def command_permissions(ctx: RequestContext) -> Any:
    """Every command whose permissions an admin changed in this server."""
    guild_id = ctx.int_arg("guild_id")
    listed = ctx.backend.commands.get(None, {}).values()
    found = [(str(c["id"]), ctx.backend.get_command_permissions(guild_id, int(c["id"])))
             for c in listed]  # fmt: skip
    return [
        {
            "id": number,
            "application_id": ctx.args["application_id"],
            "guild_id": str(guild_id),
            "permissions": list(entries),
        }
        for number, entries in found
        if entries is not None
    ]
