"""The ambient bot, and people on its servers."""

from __future__ import annotations

import asyncio

import discord

from core.discord_outbound.outcome import attempt
from core.words import t

_bot: discord.Client | None = None
_lookups: dict[tuple[int, int], asyncio.Task[discord.Member | None]] = {}


def set_bot(bot: discord.Client | None) -> None:
    """Set the ambient bot; called once by the composition root."""
    global _bot  # noqa: PLW0603 - one of the two ambient handles of the design
    _bot = bot


def get_bot() -> discord.Client:
    """The ambient bot. Raises RuntimeError before `set_bot`."""
    if _bot is None:
        raise RuntimeError("set_bot() has not been called")
    return _bot


async def get_or_fetch_member(guild: discord.Guild, discord_id: int | str) -> discord.Member | None:
    """The member from the gateway cache, else by one REST call; None if not on the server.

    Concurrent look-ups of one person share a call. Raises TemporaryError where Discord could
    not be asked, so that "unknown" is never taken for "not here".
    """
    user_id = int(discord_id)
    if (cached := guild.get_member(user_id)) is not None:
        return cached
    key = (guild.id, user_id)
    task = _lookups.get(key)
    if task is None:
        task = asyncio.ensure_future(_fetch_member(guild, user_id))
        _lookups[key] = task
        task.add_done_callback(lambda _: _lookups.pop(key, None))
    return await asyncio.shield(task)


async def _fetch_member(guild: discord.Guild, user_id: int) -> discord.Member | None:
    outcome = await attempt(guild.fetch_member(user_id))
    if outcome.error_class in {"unknown_member", "unknown_user"}:
        return None
    if not outcome:
        raise outcome.as_error()
    member: discord.Member = outcome.value
    return member


async def set_nickname(member: discord.Member, nickname: str, reason: str) -> str | None:
    """Set a nickname (32 characters at most); a sentence why not, or None when it is done."""
    me = member.guild.me
    if member.id == member.guild.owner_id:
        return t("Discord lets nobody rename the server's owner")
    if not me.guild_permissions.manage_nicknames:
        return t("Muster lacks {name}", name=t("Manage Nicknames"))
    if member.top_role >= me.top_role:
        return t("the role {role} is not below Muster's", role=member.top_role.name)
    outcome = await attempt(member.edit(nick=nickname[:32], reason=reason[:200]))
    return None if outcome else outcome.text
