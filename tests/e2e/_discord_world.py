"""The world of the simulated Discord: guilds, who is in them, channels, messages.

Part of the SimCord adapter: what stands there, as somebody's hand would have made it. What people
do in their client is in ``_discord_people``.
"""

from __future__ import annotations

from simcord.backend import serializers
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from tests.e2e._discord_simcord import Json, SetupError, SocketBackend


class Scene:
    """Builds the world and shows it as plain data. Raises SetupError or BackendError."""

    def __init__(self, backend: SocketBackend) -> None:
        self.backend = backend

    def create_guild(
        self, name: str, bot_permissions: int, owner_id: int | None, everyone: int | None
    ) -> Json:
        """A guild whose bot role holds exactly ``bot_permissions``; announced when complete."""
        backend = self.backend
        with backend.silence():
            guild = backend.create_guild(name, owner_id=owner_id)
            bot_role = next(role for role in guild.roles.values() if role.managed)
            bot_role.permissions = bot_permissions
            if everyone is not None:
                guild.everyone_role.permissions = everyone
        backend.emit("GUILD_CREATE", backend.guild_payload(guild.id))
        return {"id": guild.id, "owner_id": guild.owner_id, "bot_role_id": bot_role.id}

    def add_member(
        self,
        guild_id: int,
        name: str,
        *,
        user_id: int | None = None,
        roles: list[int] | None = None,
        nick: str | None = None,
        pending: bool = False,
        bot: bool = False,
    ) -> int:
        """Somebody joins (a new person, or one known from another guild); returns the id."""
        backend = self.backend
        if user_id is None:
            user_id = backend.make_user(name, bot=bot).id
        with backend.silence():
            member = backend.add_member(guild_id, user_id, roles=roles or (), nick=nick)
            member.pending = pending
        guild = backend.get_guild(guild_id)
        payload = dict(serializers.member_payload(backend, guild, member))
        backend.emit("GUILD_MEMBER_ADD", {**payload, "guild_id": str(guild_id)})
        return user_id

    def edit_member(self, guild_id: int, user_id: int, changes: Json) -> None:
        """Change ``nick``, ``roles`` or ``pending`` by hand."""
        member = self.backend.get_member(guild_id, user_id)
        for key, value in changes.items():
            if key not in ("nick", "roles", "pending"):
                raise SetupError(f"unknown member field {key}")
            setattr(member, "role_ids" if key == "roles" else key, value)
        self.backend.announce_member_update(guild_id, user_id)

    def create_channel(
        self, guild_id: int, name: str, kind: int, parent_id: int | None, overwrites: list[Json]
    ) -> int:
        """A channel made by hand; overwrites as {id, type (0 role, 1 member), allow, deny}."""
        channel = self.backend.create_channel(
            guild_id, name, type=kind, overwrites=to_overwrites(overwrites), parent_id=parent_id
        )
        return channel.id

    def post(self, channel_id: int, user_id: int, content: str) -> int:
        """Somebody writes a message; returns its id."""
        return self.backend.create_message(channel_id, user_id, content).id

    def dump(self, guild_id: int, *, messages: bool) -> Json:
        """A whole guild as plain data: ids as int, permission bits as int, times as ISO UTC."""
        backend, guild = self.backend, self.backend.get_guild(guild_id)
        channels = [backend.channels[cid] for cid in guild.channel_ids + guild.thread_ids]
        return {
            "id": guild.id,
            "name": guild.name,
            "owner_id": guild.owner_id,
            "roles": [vars(role) for role in guild.roles.values()],
            "members": [
                {
                    "id": member.user_id,
                    "name": backend.users[member.user_id].name,
                    "bot": backend.users[member.user_id].bot,
                    "nick": member.nick,
                    "roles": list(member.role_ids),
                    "pending": member.pending,
                }
                for member in guild.members.values()
            ],
            "channels": [
                {
                    "id": channel.id,
                    "type": int(channel.type),
                    "name": channel.name,
                    "topic": channel.topic,
                    "parent_id": channel.parent_id,
                    "position": channel.position,
                    "user_limit": channel.user_limit,
                    "overwrites": [
                        {"id": o.target_id, "type": int(o.type), "allow": o.allow, "deny": o.deny}
                        for o in channel.overwrites
                    ],
                    "messages": self.messages(channel.id) if messages else [],
                }
                for channel in channels
            ],
            "events": [
                serializers.scheduled_event_payload(backend, event)
                for event in guild.scheduled_events.values()
            ],
            "audit": [serializers.audit_log_entry_payload(e) for e in guild.audit_log_entries],
        }

    def messages(self, channel_id: int) -> list[Json]:
        """Every message of a channel, oldest first, ephemeral ones too (see ``flags`` 64)."""
        stored = self.backend.messages.get(channel_id, {}).values()
        return [dict(serializers.message_payload(self.backend, message)) for message in stored]

    def direct_messages(self, user_id: int) -> list[Json]:
        """What is in the bot's DM channel with somebody, oldest first."""
        channel_id = self.backend.dm_channels.get(user_id)
        return self.messages(channel_id) if channel_id is not None else []


def to_overwrites(entries: list[Json]) -> list[Overwrite]:
    """Overwrites from plain {id, type, allow, deny}; allow and deny default to 0."""
    return [
        Overwrite(
            target_id=int(entry["id"]),
            type=OverwriteType(int(entry["type"])),
            allow=int(entry.get("allow", 0)),
            deny=int(entry.get("deny", 0)),
        )
        for entry in entries
    ]
