"""The checks of Discord that SimCord 3.2.1 leaves out, and the defaults that it does not fill.

Every limit here is Discord's documented one; the error codes are from its JSON error codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import discord

from tests.e2e._discord_simcord import Answer, BackendError, Call, SocketBackend, refuse

CATEGORY = 4
DM = 1
#: Text, announcement and forum channels: Discord lower-cases their names and hyphenates spaces.
SLUG_TYPES = (0, 5, 15)
MAX_CHANNELS, MAX_IN_CATEGORY, MAX_ROLES, MAX_EVENTS = 500, 50, 250, 100
MAX_OVERWRITES = 1000
#: permission_overwrites in one create or edit: maxItems in Discord's OpenAPI description.
MAX_OVERWRITES_IN_CALL = 100
REASON_CHARS = 512

_MANAGE_ROLES = discord.Permissions.manage_roles.flag
_ADMINISTRATOR = discord.Permissions.administrator.flag
_EVENT_ROUTE = "/guilds/{guild_id}/scheduled-events"


def _length(body: Any, key: str, low: int, high: int) -> None:
    value = body.get(key)
    if value is None and not (key in body and low > 0):
        return
    if not isinstance(value, str) or not low <= len(value) <= high:
        text = f"Must be between {low} and {high} in length."
        raise refuse(400, 50035, text, key, "BASE_TYPE_BAD_LENGTH")


def _user_limit(body: Any, kind: int) -> None:
    # Voice channels take 0-99; stage channels (13) up to 10,000 (Discord, Channel Object).
    high = 10_000 if kind == 13 else 99
    if body.get("user_limit") is not None and not 0 <= int(body["user_limit"]) <= high:
        text = f"int value should be less than or equal to {high}."
        raise refuse(400, 50035, text, "user_limit", "NUMBER_TYPE_MAX")


def _held(backend: SocketBackend, guild_id: int, parent_id: int | None) -> int:
    bot = backend.bot_user.id
    held = backend.compute_permissions(guild_id, bot)
    if parent_id is not None and parent_id in backend.channels:
        held |= backend.compute_permissions(guild_id, bot, parent_id)
    return held


def _bits(held: int, wanted: list[tuple[int, int]]) -> None:
    """Refuse newly set bits that the bot lacks; Manage Roles takes an administrator."""
    for allow, deny in wanted:
        bits = allow | deny
        if bits & ~held or (bits & _MANAGE_ROLES and not held & _ADMINISTRATOR):
            raise refuse(403, 50013, "Missing Permissions")


def _pairs(entries: Any) -> dict[int, tuple[int, int]]:
    return {
        int(entry["id"]): (int(entry.get("allow") or 0), int(entry.get("deny") or 0))
        for entry in entries or []
    }


def _overwrite_list(
    backend: SocketBackend, guild_id: int, parent_id: int | None, entries: Any, channel_id: int
) -> None:
    if len(entries or []) > MAX_OVERWRITES_IN_CALL:
        text = f"Must be {MAX_OVERWRITES_IN_CALL} or fewer in length."
        raise refuse(400, 50035, text, "permission_overwrites", "BASE_TYPE_MAX_LENGTH")
    old: dict[int, tuple[int, int]] = {}
    if channel_id in backend.channels:
        old = {o.target_id: (o.allow, o.deny) for o in backend.channels[channel_id].overwrites}
    # Only what is newly set is checked: an entry sent back as it was is no grant.
    fresh = [
        (allow & ~old.get(target, (0, 0))[0], deny & ~old.get(target, (0, 0))[1])
        for target, (allow, deny) in _pairs(entries).items()
    ]
    _bits(_held(backend, guild_id, parent_id), fresh)


def _category_room(backend: SocketBackend, guild_id: int, parent_id: int, moved: int = 0) -> None:
    guild = backend.get_guild(guild_id)
    parent = backend.channels.get(parent_id)
    if parent is None or parent.guild_id != guild_id or parent.type != CATEGORY:
        raise refuse(400, 50035, "Category does not exist", "parent_id", "CHANNEL_PARENT_INVALID")
    inside = [c for c in guild.channel_ids if backend.channels[c].parent_id == parent_id]
    if len([c for c in inside if c != moved]) >= MAX_IN_CATEGORY:
        text = f"Maximum number of channels in category reached ({MAX_IN_CATEGORY})"
        raise refuse(400, 50035, text, "parent_id", "CHANNEL_PARENT_MAX_CHANNELS")


def slug(name: str, kind: int) -> str:
    """The name as Discord stores it: text channels are lower case with hyphens for spaces."""
    return "-".join(name.lower().split()) if kind in SLUG_TYPES else name


def _create_channel(backend: SocketBackend, call: Call) -> Call:
    guild_id, body = int(call.args["guild_id"]), dict(call.body)
    kind = int(body.get("type") or 0)
    if "name" not in body:
        raise refuse(400, 50035, "This field is required", "name", "BASE_TYPE_REQUIRED")
    _channel_fields(body, kind)
    if len(backend.get_guild(guild_id).channel_ids) >= MAX_CHANNELS:
        raise refuse(400, 30013, f"Maximum number of guild channels reached ({MAX_CHANNELS})")
    parent = int(body["parent_id"]) if body.get("parent_id") is not None else None
    if parent is not None:
        _category_room(backend, guild_id, parent)
    _overwrite_list(backend, guild_id, parent, body.get("permission_overwrites"), 0)
    if parent is not None and not body.get("permission_overwrites"):
        # Without overwrites of its own a new channel is synced with its category.
        body["permission_overwrites"] = [
            {"id": o.target_id, "type": int(o.type), "allow": o.allow, "deny": o.deny}
            for o in backend.channels[parent].overwrites
        ]
    body["name"] = slug(body["name"], kind)
    return replace(call, body=body)


def _channel_fields(body: Any, kind: int) -> None:
    _length(body, "name", 1, 100)
    # 1,024 characters, 4,096 for a forum (Discord, Modify Channel).
    _length(body, "topic", 0, 4096 if kind == 15 else 1024)
    _user_limit(body, kind)


def _edit_channel(backend: SocketBackend, call: Call) -> Call:
    channel, body = backend.get_channel(int(call.args["channel_id"])), dict(call.body)
    _channel_fields(body, channel.type)
    guild_id = channel.guild_id
    if guild_id is None:
        return call
    if body.get("parent_id") is not None:
        _category_room(backend, guild_id, int(body["parent_id"]), channel.id)
    if "permission_overwrites" in body:
        bot = backend.bot_user.id
        backend.require_permissions(guild_id, bot, channel.id, "manage_roles")
        entries = body["permission_overwrites"]
        _overwrite_list(backend, guild_id, channel.parent_id, entries, channel.id)
    if isinstance(body.get("name"), str):
        body["name"] = slug(body["name"], channel.type)
    return replace(call, body=body)


def _put_overwrite(backend: SocketBackend, call: Call) -> Call:
    channel, target = backend.get_channel(int(call.args["channel_id"])), int(call.args["target_id"])
    backend.require_permissions(channel.guild_id, backend.bot_user.id, channel.id, "manage_roles")
    others = [o for o in channel.overwrites if o.target_id != target]
    if len(others) >= MAX_OVERWRITES:
        raise refuse(400, 30060, "Maximum number of permission overwrites reached")
    if channel.guild_id is not None:
        entry = [{**call.body, "id": target}]
        _overwrite_list(backend, channel.guild_id, channel.parent_id, entry, channel.id)
    return call


def _role(backend: SocketBackend, call: Call) -> Call:
    _length(call.body, "name", 1, 100)
    if call.method == "POST":
        guild = backend.get_guild(int(call.args["guild_id"]))
        if len(guild.roles) >= MAX_ROLES:
            raise refuse(400, 30005, f"Maximum number of guild roles reached ({MAX_ROLES})")
    return call


def _nick(backend: SocketBackend, call: Call) -> Call:
    if call.body.get("nick"):
        _length(call.body, "nick", 1, 32)
    return call


def _when(backend: SocketBackend, body: Any, key: str) -> datetime | None:
    if body.get(key) is None:
        return None
    try:
        when = datetime.fromisoformat(str(body[key]))
    except ValueError:
        text = f"Could not parse {body[key]}. Should be ISO8601."
        raise refuse(400, 50035, text, key, "DATE_TIME_TYPE_PARSE") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=backend.clock.now().tzinfo)
    if when <= backend.clock.now():
        text = "Cannot schedule event in the past."
        raise refuse(400, 50035, text, key, "GUILD_SCHEDULED_EVENT_SCHEDULE_PAST")
    return when


def _event(backend: SocketBackend, call: Call) -> Call:
    body = call.body
    _length(body, "name", 1, 100)
    _length(body, "description", 0, 1000)
    _length(body.get("entity_metadata") or {}, "location", 1, 100)
    start = _when(backend, body, "scheduled_start_time")
    end = _when(backend, body, "scheduled_end_time")
    if start is not None and end is not None and end <= start:
        text = "Event end time must be after its start."
        code = "GUILD_SCHEDULED_EVENT_END_BEFORE_START"
        raise refuse(400, 50035, text, "scheduled_end_time", code)
    guild = backend.get_guild(int(call.args["guild_id"]))
    open_events = [e for e in guild.scheduled_events.values() if e.status in (1, 2)]
    if call.method == "POST" and len(open_events) >= MAX_EVENTS:
        raise refuse(400, 30038, "Maximum number of uncompleted guild scheduled events reached")
    return call


def _event_rights(backend: SocketBackend, call: Call) -> frozenset[str]:
    """Create Events is what creating takes; it also covers the bot's own events."""
    guild_id, bot = int(call.args["guild_id"]), backend.bot_user.id
    event = backend.get_guild(guild_id).scheduled_events.get(int(call.args.get("event_id", 0)))
    if call.method != "POST" and (event is None or event.creator_id != bot):
        return frozenset()
    held = backend.compute_permissions(guild_id, bot)
    if not held & discord.Permissions.create_events.flag:
        raise refuse(403, 50013, "Missing Permissions")
    return frozenset({"manage_events"})


def _dm(backend: SocketBackend, call: Call, closed: set[int]) -> None:
    channel = backend.channels.get(int(call.args["channel_id"]))
    if channel is None or channel.type != DM:
        return
    for user_id in channel.recipient_ids:
        shared = any(user_id in guild.members for guild in backend.guilds.values())
        if user_id in closed or not shared:
            raise refuse(403, 50007, "Cannot send messages to this user")


_CHECKS: dict[tuple[str, str], Callable[[SocketBackend, Call], Call]] = {
    ("POST", "/guilds/{guild_id}/channels"): _create_channel,
    ("PATCH", "/channels/{channel_id}"): _edit_channel,
    ("PUT", "/channels/{channel_id}/permissions/{target_id}"): _put_overwrite,
    ("POST", "/guilds/{guild_id}/roles"): _role,
    ("PATCH", "/guilds/{guild_id}/roles/{role_id}"): _role,
    ("PATCH", "/guilds/{guild_id}/members/{user_id}"): _nick,
    ("PATCH", "/guilds/{guild_id}/members/@me"): _nick,
    ("POST", _EVENT_ROUTE): _event,
    ("PATCH", _EVENT_ROUTE + "/{event_id}"): _event,
}


def perform_checked(backend: SocketBackend, call: Call, closed_dms: set[int]) -> Answer:
    """Check a call as Discord would, then run it. Never raises for what a client can cause."""
    waived: frozenset[str] = frozenset()
    try:
        if call.reason is not None and len(call.reason) > REASON_CHARS:
            text = f"X-Audit-Log-Reason must be {REASON_CHARS} or fewer characters."
            raise refuse(400, 50035, text, "reason", "BASE_TYPE_MAX_LENGTH")
        if call.route.startswith(_EVENT_ROUTE) and call.method in ("POST", "PATCH", "DELETE"):
            waived = _event_rights(backend, call)
        if (call.method, call.route) == ("POST", "/channels/{channel_id}/messages"):
            _dm(backend, call, closed_dms)
        check = _CHECKS.get((call.method, call.route))
        if check is not None and isinstance(call.body, dict):
            call = check(backend, call)
    except BackendError as error:
        return Answer(error.status, error.to_json())
    except (ValueError, KeyError, TypeError) as error:
        return Answer(400, refuse(400, 50035, f"Invalid Form Body: {error!r}").to_json())
    backend.waived = waived
    try:
        return backend.perform(call)
    finally:
        backend.waived = frozenset()
