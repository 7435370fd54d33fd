"""What the gateway cache knows, as plain data: nothing above this package sees discord.py."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import discord

from core.discord_outbound.bot import get_bot
from core.plan import Bits
from core.reconcile.cleaning import one_line
from core.reconcile.event_plan import Event
from core.reconcile.hand_made import Channel, Role, Server
from core.reconcile.permissions import VIEW_CHANNEL


@dataclass(frozen=True)
class MemberView:
    id: int
    name: str  # see `called`
    nick: str | None
    pending: bool
    bot: bool
    top_role: int  # position


def called(member: discord.Member) -> str:
    """What somebody is called on the server; by the username where that shows nothing."""
    name = member.display_name
    return name if name.isascii() or one_line(name) else member.name


@dataclass(frozen=True)
class RoleView:
    id: int
    name: str
    position: int
    managed: bool
    member_ids: tuple[int, ...]


class GuildView:
    """One guild as the cache has it now. Reads are cheap; nothing here makes a call."""

    def __init__(self, guild: discord.Guild) -> None:
        self._guild = guild
        self.id = guild.id
        self.name = guild.name
        self.everyone_id = guild.id
        self.owner_id = guild.owner_id

    @property
    def me(self) -> discord.Member:
        return self._guild.me

    @property
    def self_ids(self) -> frozenset[int]:
        """The bot member and its managed role: the targets of its own overwrite."""
        role = self._guild.self_role
        return frozenset({self.me.id} | ({role.id} if role else set()))

    @property
    def permissions(self) -> int:
        """The bot's bits at guild level."""
        return self.me.guild_permissions.value

    @property
    def top_role(self) -> int:
        return self.me.top_role.position

    @property
    def role_count(self) -> int:
        return len(self._guild.roles)

    def channel_name(self, channel_id: int) -> str | None:
        channel = self._guild.get_channel(channel_id)
        return channel.name if channel else None

    def channel_permissions(self, channel_id: int) -> int | None:
        """The bot's bits in one channel, None where it is not there."""
        channel = self._guild.get_channel(channel_id)
        return channel.permissions_for(self.me).value if channel else None

    def can_see(self, member_id: int, channel_id: int) -> bool:
        channel, member = self._guild.get_channel(channel_id), self._guild.get_member(member_id)
        return bool(channel and member and channel.permissions_for(member).view_channel)

    def events(self) -> dict[int, Event]:
        """Scheduled events by id, whoever made them, those that are over included."""
        return {e.id: event_of(e) for e in self._guild.scheduled_events}

    def event_name(self, event_id: int) -> str | None:
        event = self._guild.get_scheduled_event(event_id)
        return event.name if event else None

    def overwrites(self, channel_id: int) -> dict[int, Bits]:
        """Raw bits by target. `.overwrites` would build objects and drop unknown bits."""
        channel = self._guild.get_channel(channel_id)
        return {o.id: Bits(o.allow, o.deny) for o in channel._overwrites} if channel else {}  # noqa: SLF001 - the raw list is 300 times faster (measured) and keeps unknown bits

    def children(self, category_id: int) -> Iterator[tuple[int, str, str]]:
        """(id, kind, name) of the channels in a category."""
        category = self._guild.get_channel(category_id)
        if isinstance(category, discord.CategoryChannel):
            for channel in category.channels:
                yield channel.id, str(channel.type), channel.name

    def categories(self) -> Iterator[tuple[int, str]]:
        for category in self._guild.categories:
            yield category.id, category.name

    def roles(self) -> Iterator[RoleView]:
        for role in self._guild.roles:
            yield _role(role, ())

    def role(self, role_id: int) -> RoleView | None:
        """One role with the ids of its members."""
        role = self._guild.get_role(role_id)
        return _role(role, tuple(m.id for m in role.members)) if role else None

    def member(self, user_id: int) -> MemberView | None:
        member = self._guild.get_member(user_id)
        if member is None:
            return None
        return MemberView(
            member.id,
            called(member),
            member.nick,
            member.pending,
            member.bot,
            member.top_role.position,
        )

    def is_here(self, user_id: int) -> bool:
        """On the server, and past the rules' screening where there is one."""
        member = self._guild.get_member(user_id)
        return member is not None and not member.pending

    def as_made(self, asker_id: int) -> Server:
        """The server as people made it: what could be adopted, as far as the asker sees it."""
        guild, asker = self._guild, self._guild.get_member(asker_id)
        reach = self.me.top_role.position
        if asker is not None and asker.id != guild.owner_id:
            reach = min(reach, asker.top_role.position)
        channels = [c for _, some in guild.by_category() for c in some if str(c.type) in _ADOPTABLE]
        opens: dict[int, set[int]] = defaultdict(set)
        for channel in guild.channels:
            if not isinstance(channel, discord.CategoryChannel):
                for o in channel._overwrites:  # noqa: SLF001 - raw and fast, see above
                    if o.allow & VIEW_CHANNEL:
                        opens[o.id].add(channel.id)
        members: dict[int, set[int]] = defaultdict(set)
        for member in guild.members:
            for role_id in member._roles:  # noqa: SLF001 - ids; `.roles` sorts objects
                if not member.bot:
                    members[role_id].add(member.id)
        return Server(
            Role(guild.id, "@everyone", permissions=guild.default_role.permissions.value),
            tuple(
                Channel(
                    c.id, _ADOPTABLE[str(c.type)], c.name, c.category_id, self.overwrites(c.id)
                )
                for c in channels
                if asker is not None and c.permissions_for(asker).view_channel
            ),
            {
                r.id: Role(
                    r.id, r.name, frozenset(members[r.id]), r.permissions.value,
                    frozenset(opens[r.id]), in_reach=r.position < reach and not r.managed,
                )
                for r in guild.roles
                if r.id != guild.id
            },
            {m.id: m.display_name for m in guild.members if not m.bot},
            {c.id: c.name for c in guild.categories},
            guild.name,
        )  # fmt: skip


# Channels that a group can meet in, and what they count as. Forums and threads are left alone.
_ADOPTABLE = {"text": "text", "news": "text", "voice": "voice", "stage_voice": "voice"}


def _role(role: discord.Role, members: tuple[int, ...]) -> RoleView:
    return RoleView(role.id, role.name, role.position, role.managed, members)


def event_of(event: discord.ScheduledEvent) -> Event:
    """A scheduled event as plain data."""
    return Event(
        event.id,
        event.name,
        event.start_time,
        event.end_time,
        event.channel_id,
        event.status.value,
        event.creator_id,
        discord.utils.snowflake_time(event.id),
    )


def guild_view(guild_id: int) -> GuildView | None:
    """The guild from the cache; None while it is unavailable or the bot is not in it."""
    guild = get_bot().get_guild(guild_id)
    if guild is None or guild.unavailable or guild.me is None:
        return None
    return GuildView(guild)


HEARTBEAT_GRACE = 5.0  # seconds in which a heartbeat's answer may still be on its way


def is_fresh() -> bool:
    """Whether the cache may be merged into without asking first: connected and heard from."""
    bot = get_bot()
    gateway = getattr(bot, "ws", None)
    if not bot.is_ready() or bot.is_closed() or gateway is None or not gateway.open:
        return False
    beat = getattr(gateway, "_keep_alive", None)  # the simulated gateway has none
    if beat is None:
        return True
    unanswered = beat._last_send > beat._last_ack  # noqa: SLF001 - discord.py shows it nowhere else
    return not unanswered or time.perf_counter() - beat._last_send < HEARTBEAT_GRACE  # noqa: SLF001


def intents() -> dict[str, bool]:
    """The privileged intents that Muster depends on."""
    return {"members": get_bot().intents.members}
