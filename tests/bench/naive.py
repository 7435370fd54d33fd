"""The per-member algorithm that Muster is measured against, as its predecessor had it.

On every sync each member of a group is looked up by a query and their overwrite is written on
both channels, whether it differs or not; whoever has an overwrite and is no member loses it.
It keeps no ledger, compares nothing and knows no roles. discord.py's public calls only.
"""

from __future__ import annotations

from typing import Any

import discord
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.engine import get_database
from core.db.models import Group, ManagedObject, Membership, MembershipStatus, User
from core.reconcile.channels import names

TEXT = discord.PermissionOverwrite(view_channel=True, send_messages=True, read_message_history=True)
VOICE = discord.PermissionOverwrite(view_channel=True, connect=True, speak=True)

Channel = discord.TextChannel | discord.VoiceChannel


class Naive:
    """Syncs groups through `bot`, a plain discord.py client."""

    def __init__(self, bot: discord.Client) -> None:
        self._bot = bot

    async def change(self, new: int, previous: int | None) -> None:
        """After somebody joined, left or switched."""
        if previous is not None:
            await self.sync(previous)
        await self.sync(new)

    async def sync(self, group_id: int) -> None:
        """Make the channels where they are missing, then rewrite everybody's access.

        In one transaction from beginning to end, as the predecessor did.
        """
        async with get_database().transaction() as session:
            group = await session.get_one(Group, group_id)
            guild = self._bot.get_guild(group.guild_id)
            assert guild is not None
            channels = await self._channels(session, group, guild)
            people = await session.scalars(
                select(Membership.user_id).where(
                    Membership.group_id == group_id, Membership.status == MembershipStatus.active
                )
            )
            inside = set(people)
            for user_id in sorted(inside):
                await self._let_in(session, guild, user_id, channels)
        for channel in channels:
            for stale in self.with_access(channel) - inside:
                await channel.set_permissions(_target(guild, stale), overwrite=None)

    async def _let_in(
        self, session: AsyncSession, guild: discord.Guild, user_id: int, channels: list[Channel]
    ) -> None:
        user = await session.get_one(User, user_id)
        member = guild.get_member(user.id)
        if member is None:
            return
        for channel in channels:
            rights = TEXT if isinstance(channel, discord.TextChannel) else VOICE
            await channel.set_permissions(member, overwrite=rights)

    @staticmethod
    def with_access(channel: Channel) -> set[int]:
        """Ids of the people, other than the bot, who have an overwrite of their own."""
        me = channel.guild.me
        return {
            target.id
            for target, rights in channel.overwrites.items()
            if not isinstance(target, discord.Role) and target.id != me.id and rights.view_channel
        }

    async def _channels(
        self, session: AsyncSession, group: Group, guild: discord.Guild
    ) -> list[Channel]:
        rows = await session.scalars(
            select(ManagedObject).where(
                (ManagedObject.group_id == group.id) | (ManagedObject.cohort_id == group.cohort_id)
            )
        )
        found = {(r.kind, r.group_id): r.discord_id for r in rows}
        category = guild.get_channel(found["category", None] or 0)
        assert isinstance(category, discord.CategoryChannel)
        titles = names("", group.name)
        return [
            await self._channel(category, kind, titles[kind], found.get((kind, group.id)))
            for kind in ("text", "voice")
        ]

    async def _channel(
        self, category: discord.CategoryChannel, kind: str, name: str, known: int | None
    ) -> Channel:
        """The one that is known, else a new one. Saving its id would add to neither count."""
        channel: Any = category.guild.get_channel(known or 0)
        if channel is not None:
            found: Channel = channel
            return found
        if kind == "text":
            return await category.create_text_channel(name)
        return await category.create_voice_channel(name)


def _target(guild: discord.Guild, user_id: int) -> Any:
    return guild.get_member(user_id) or discord.Object(user_id, type=discord.Member)
