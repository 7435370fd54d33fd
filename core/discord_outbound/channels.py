"""Make, rename and find categories, channels and roles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import discord

from core.discord_outbound.bot import get_bot
from core.discord_outbound.outcome import Outcome, attempt, require
from core.plan import Bits
from core.reconcile.permissions import TEXT_ACCESS, VIEW_CHANNEL, VOICE_ACCESS
from core.words import t

# By target id: the bits, and whether the target is a role.
Overwrites = Mapping[int, tuple[Bits, bool]]


_CLASSES: dict[str, tuple[int, Any]] = {
    "text": (0, discord.TextChannel),
    "voice": (2, discord.VoiceChannel),
    "category": (4, discord.CategoryChannel),
}


def _raw(overwrites: Overwrites) -> list[dict[str, Any]]:
    return [
        {"id": target, "allow": str(b.allow), "deny": str(b.deny), "type": 0 if is_role else 1}
        for target, (b, is_role) in overwrites.items()
    ]


async def _make(
    guild: discord.Guild,
    kind: str,
    name: str,
    overwrites: Overwrites | None,
    reason: str,
    parent_id: int | None = None,
) -> Any:
    """Make it by one POST.

    The high-level calls are passed by: they take an Object for a role as a member (2.7.1), and
    a role made a moment ago is not in the cache yet.
    """
    number, cls = _CLASSES[kind]
    options: dict[str, Any] = {"name": name}
    if parent_id is not None:
        options["parent_id"] = parent_id
    if overwrites is not None:
        options["permission_overwrites"] = _raw(overwrites)
    http = get_bot().http
    data = await require(http.create_channel(guild.id, number, reason=reason, **options))  # type: ignore[arg-type]  # the stub wants a literal of each type
    if (cached := guild.get_channel(int(data["id"]))) is not None:
        return cached
    channel = cls(state=guild._state, guild=guild, data=data)  # noqa: SLF001 - as discord.py does
    guild._add_channel(channel)  # noqa: SLF001 - known at once, not only with the gateway's event
    return channel


def self_overwrite(guild: discord.Guild, allow: int) -> dict[int, tuple[Bits, bool]]:
    """@everyone out, the bot in: without its own entry it would lock itself out."""
    role = guild.self_role
    me = (role.id, True) if role else (guild.me.id, False)
    return {guild.id: (Bits(0, VIEW_CHANNEL), True), me[0]: (Bits(allow, 0), me[1])}


def _hidden(guild: discord.Guild, allow: int, overwrites: Overwrites | None) -> Overwrites:
    return {**self_overwrite(guild, allow), **(overwrites or {})}


async def create_category(
    guild: discord.Guild, name: str, *, overwrites: Overwrites | None = None, reason: str = "Muster"
) -> discord.CategoryChannel:
    """A category that hides itself from @everyone. Raises TemporaryError or PermanentError."""
    entries = _hidden(guild, TEXT_ACCESS | VOICE_ACCESS, overwrites)
    category: discord.CategoryChannel = await _make(guild, "category", name, entries, reason)
    return category


async def create_text_channel(
    category: discord.CategoryChannel,
    name: str,
    *,
    overwrites: Overwrites | None = None,
    reason: str = "Muster",
) -> discord.TextChannel:
    """A text channel, born with `overwrites`. Without them it inherits the category's.

    Raises TemporaryError or PermanentError.
    """
    guild = category.guild
    entries = None if overwrites is None else _hidden(guild, TEXT_ACCESS, overwrites)
    channel: discord.TextChannel = await _make(guild, "text", name, entries, reason, category.id)
    return channel


async def create_voice_channel(
    category: discord.CategoryChannel,
    name: str,
    *,
    overwrites: Overwrites | None = None,
    reason: str = "Muster",
) -> discord.VoiceChannel:
    """A voice channel; as `create_text_channel`."""
    guild = category.guild
    entries = None if overwrites is None else _hidden(guild, VOICE_ACCESS, overwrites)
    channel: discord.VoiceChannel = await _make(guild, "voice", name, entries, reason, category.id)
    return channel


async def make_room(guild_id: int, name: str, overwrites: Overwrites, reason: str) -> int:
    """A text channel outside of every category that only these targets and Muster see; its id.

    Raises TemporaryError or PermanentError.
    """
    guild = get_bot().get_guild(guild_id)
    if guild is None:
        raise Outcome("unknown_guild", t("the server cannot be reached now")).as_error()
    channel = await _make(guild, "text", name, _hidden(guild, TEXT_ACCESS, overwrites), reason)
    return int(channel.id)


async def create(
    guild_id: int,
    kind: str,
    name: str,
    *,
    parent_id: int | None,
    overwrites: Overwrites,
    reason: str,
) -> int:
    """Make an object of `kind` (category, role, text, voice) and give its Discord id.

    Raises TemporaryError or PermanentError.
    """
    guild = get_bot().get_guild(guild_id)
    if guild is None:
        raise Outcome("unknown_guild", t("the server cannot be reached now")).as_error()
    if kind == "role":
        role: discord.Role = await require(
            guild.create_role(name=name, permissions=discord.Permissions.none(), reason=reason)
        )
        return role.id
    if kind == "category":
        made = await create_category(guild, name, overwrites=overwrites, reason=reason)
        return made.id
    parent = guild.get_channel(parent_id or 0)
    if not isinstance(parent, discord.CategoryChannel):
        raise Outcome("unknown_channel", t("the category is not there (yet)")).as_error()
    make = create_text_channel if kind == "text" else create_voice_channel
    return (await make(parent, name, overwrites=overwrites, reason=reason)).id


async def find(
    guild_id: int,
    kind: str,
    name: str,
    *,
    parent_id: int | None,
    since: datetime,
    taken: frozenset[int],
    ask: bool,
) -> int | None:
    """The id of an object that we made but did not get to save; None if there is none.

    Its marker: kind, name and category as intended, made by no earlier than `since` (UTC), and
    nobody else's (`taken`). `ask` reads the list from Discord instead of the cache (one call).
    """
    guild = get_bot().get_guild(guild_id)
    if guild is None:
        return None
    found: Any = guild.roles if kind == "role" else guild.channels
    if ask:
        call: Any = guild.fetch_roles() if kind == "role" else guild.fetch_channels()
        found = await require(call)
    for item in sorted(found, key=lambda i: i.id):
        right_kind = kind == "role" or str(item.type) == kind
        right_place = kind in {"role", "category"} or item.category_id == parent_id
        ours = item.name == name and item.id not in taken and item.created_at >= since
        if right_kind and right_place and ours:
            return int(item.id)
    return None


async def rename(kind: str, guild_id: int, object_id: int, name: str, reason: str) -> Outcome:
    """Rename one channel or role, alone in its call: a rename can stall for ten minutes."""
    http = get_bot().http
    if kind == "role":
        return await attempt(http.edit_role(guild_id, object_id, name=name, reason=reason))
    return await attempt(http.edit_channel(object_id, name=name, reason=reason))


async def get_or_fetch_channel(bot: discord.Client, channel_id: int | str) -> Any:
    """The channel from the cache, else by one REST call; None if it is gone or hidden from us."""
    channel = bot.get_channel(int(channel_id))
    if channel is not None:
        return channel
    outcome = await attempt(bot.fetch_channel(int(channel_id)))
    if outcome or outcome.permanent:
        return outcome.value
    raise outcome.as_error()
