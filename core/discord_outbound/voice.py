"""Who is in a voice channel, from the gateway cache."""

from __future__ import annotations

import discord

from core.discord_outbound.bot import get_bot


def voice_members(guild_id: int, channel_id: int) -> frozenset[int] | None:
    """Ids of the people in the channel now, bots left out.

    None where that is not known: the guild is unavailable, or the channel is not there.
    """
    guild = get_bot().get_guild(guild_id)
    if guild is None or guild.unavailable:
        return None
    channel = guild.get_channel(channel_id)
    if not isinstance(channel, discord.VoiceChannel | discord.StageChannel):
        return None
    people = frozenset(channel.voice_states)
    return frozenset(
        i for i in people if (member := guild.get_member(i)) is None or not member.bot
    )  # fmt: skip
