"""What the gateway tells us: each event only says which groups to look at again."""

from __future__ import annotations

import discord
import structlog
from discord.ext import commands

from bot.client import Muster
from bot.ui import setup as setup_ui
from core import words
from core.discord_outbound.bot import set_nickname
from core.operations import arrivals, greeting, people, retention, settings
from core.operations.greeting import Arrival
from core.words import t

log = structlog.get_logger(__name__)


class Listeners(commands.Cog):
    """Events are hints. What is to be done is worked out from scratch by the sync."""

    def __init__(self, bot: Muster) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """A new session: the cache was rebuilt, so everything is looked at once."""
        await retention.note_left(guild.id for guild in self.bot.guilds)
        came = [(guild, await greeting.arrived(guild.id, guild.name)) for guild in self.bot.guilds]
        for guild in self.bot.guilds:  # people of a list who came while nobody listened
            self.bot.worker.bump(await arrivals.catch_up(guild.id))
            self.bot.worker.rights_changed(guild.id)
        self.bot.first_ready.set()
        self.bot.worker.ask_sweep()
        for guild, arrival in came:
            await self._greet(guild, arrival)

    @commands.Cog.listener()
    async def on_resumed(self) -> None:
        self.bot.worker.ask_sweep()
        for guild in self.bot.guilds:
            self.bot.worker.rights_changed(guild.id)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        arrival = await greeting.arrived(guild.id, guild.name)
        self.bot.worker.ask_sweep()
        await self._greet(guild, arrival)

    async def _greet(self, guild: discord.Guild, arrival: Arrival) -> None:
        await greeting.greet(
            guild.id,
            arrival,
            in_dm=lambda link: setup_ui.door(link, back=arrival == Arrival.back),
            in_room=lambda: setup_ui.invitation(back=arrival == Arrival.back),
        )

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        arrival = await greeting.arrived(guild.id, guild.name)
        await self._greet(guild, arrival)
        await arrivals.catch_up(guild.id)
        self.bot.worker.rights_changed(guild.id)
        self.bot.worker.bump(await people.live_groups(guild.id))

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await people.guild_left(guild.id)

    @commands.Cog.listener()
    async def on_member_join(self, member: discord.Member) -> None:
        """Access to their groups, and the stored nickname where they have none."""
        nickname = await people.member_joined(member.guild.id, member.id, member.display_name)
        if nickname and member.nick is None and not member.pending:
            await self._restore(member, nickname)
        if not member.bot:
            # A list may have brought them in before they came: their seat is a membership now.
            await arrivals.arrived(member.guild.id, member.id, member.name, member.display_name)
        await self._bump_user(member)

    async def _restore(self, member: discord.Member, nickname: str) -> None:
        chosen = await settings.get(member.guild.id)
        with words.speaking(chosen.language):  # the audit log is the server's
            reason = t("Muster: the stored nickname")
        why_not = await set_nickname(member, nickname, reason)
        if why_not:
            log.info("nickname_skipped", guild_id=member.guild.id, user_id=member.id, why=why_not)

    @commands.Cog.listener()
    async def on_raw_member_remove(self, payload: discord.RawMemberRemoveEvent) -> None:
        await people.member_left(payload.guild_id, payload.user.id)
        groups = await people.groups_of_user(payload.guild_id, payload.user.id)
        self.bot.worker.bump(groups)

    @commands.Cog.listener()
    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        if before.nick != after.nick:
            await people.nickname_changed(after.guild.id, after.id, after.display_name, after.nick)
        if after == after.guild.me:
            self.bot.worker.rights_changed(after.guild.id)
        if before.pending != after.pending or before.roles != after.roles:
            await self._bump_user(after)

    async def _bump_user(self, member: discord.Member) -> None:
        self.bot.worker.bump(await people.groups_of_user(member.guild.id, member.id))

    @commands.Cog.listener()
    async def on_guild_channel_update(
        self, _before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        self.bot.worker.rights_changed(after.guild.id)
        self.bot.worker.bump(await people.groups_of_object(after.guild.id, after.id))

    @commands.Cog.listener()
    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        """One that was deleted may be there again."""
        self.bot.worker.rights_changed(channel.guild.id)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.bot.worker.bump(await people.groups_of_object(channel.guild.id, channel.id))

    @commands.Cog.listener()
    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        """A role of ours, or rights and positions on which any group may depend."""
        self.bot.worker.rights_changed(after.guild.id)
        groups = await people.groups_of_object(after.guild.id, after.id)
        bot_roles = after.guild.me.roles
        if after in bot_roles or before.position != after.position:
            groups = await people.live_groups(after.guild.id)
        self.bot.worker.bump(groups)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        self.bot.worker.rights_changed(role.guild.id)  # one that took a right away, perhaps
        self.bot.worker.bump(await people.live_groups(role.guild.id))


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Listeners(bot))
