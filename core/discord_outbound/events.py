"""Discord scheduled events."""

from __future__ import annotations

from datetime import datetime

import discord

from core.discord_outbound.outcome import require


async def create_scheduled_event(
    guild: discord.Guild,
    name: str,
    start_time: datetime,
    end_time: datetime,
    channel: discord.VoiceChannel | discord.StageChannel,
    description: str = "",
) -> discord.ScheduledEvent:
    """One event in a voice channel, times aware. Raises TemporaryError or PermanentError.

    Names are cut at 100 and descriptions at 1,000 characters, Discord's limits. Type and
    privacy are given explicitly: discord.py 2.7.1 fails to derive them (measured).
    """
    event: discord.ScheduledEvent = await require(
        guild.create_scheduled_event(
            name=name[:100],
            start_time=start_time,
            end_time=end_time,
            channel=channel,
            description=description[:1000],
            entity_type=discord.EntityType.voice,
            privacy_level=discord.PrivacyLevel.guild_only,
        )
    )
    return event
