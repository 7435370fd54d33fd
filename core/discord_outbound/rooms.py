"""A server before Muster made anything in it: its moderators, their rooms, and who invited us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import discord
import structlog

from core.discord_outbound.bot import get_bot
from core.discord_outbound.channels import make_room
from core.discord_outbound.outcome import attempt
from core.plan import Bits
from core.reconcile.first_steps import RoleFact, RoomFact, likeness
from core.reconcile.permissions import TEXT_ACCESS
from core.words import t

log = structlog.get_logger(__name__)

# Who may do one of these is no ordinary member.
_POWERS = discord.Permissions(
    administrator=True, manage_guild=True, manage_roles=True, manage_channels=True,
    manage_messages=True, kick_members=True, ban_members=True, moderate_members=True,
)  # fmt: skip
_INVITED = 25  # entries of the audit log to look at: bots added lately, newest first


def locale_of(guild_id: int) -> str:
    """The server's own language as Discord writes it; "en-US" where nobody chose one."""
    guild = get_bot().get_guild(guild_id)
    return guild.preferred_locale.value if guild else "en-US"


def roles_of(guild_id: int, user_id: int) -> tuple[list[RoleFact], bool]:
    """The roles that people made, and whether this person owns the server."""
    guild = get_bot().get_guild(guild_id)
    if guild is None:
        return [], False
    member = guild.get_member(user_id)
    held = {role.id for role in member.roles} if member else set()
    facts = [
        RoleFact(r.id, r.name, r.position, r.permissions.manage_guild, r.id in held)
        for r in guild.roles
        if not r.is_default() and not r.managed
    ]
    return facts, guild.owner_id == user_id


def private_rooms(guild_id: int, moderator_role_id: int | None = None) -> list[RoomFact]:
    """The text channels that only moderators can read and Muster can post in."""
    guild = get_bot().get_guild(guild_id)
    if guild is None:
        return []
    return [
        RoomFact(c.id, c.name, c.position)
        for c in guild.text_channels
        if may_post(c) and only_moderators(c, moderator_role_id)
    ]


def may_post(channel: discord.TextChannel) -> bool:
    """Whether Muster can see the channel and write in it."""
    rights = channel.permissions_for(channel.guild.me)
    return rights.view_channel and rights.send_messages


def only_moderators(channel: discord.TextChannel, moderator_role_id: int | None = None) -> bool:
    """Whether nobody but moderators and bots can read it."""
    guild = channel.guild
    if channel.permissions_for(guild.default_role).view_channel:
        return False
    for role in guild.roles:
        if channel.permissions_for(role).view_channel and not (
            role.managed or _moderates(role) or role.id == moderator_role_id
        ):
            return False
    return all(_moderates_person(guild, user_id) for user_id in _let_in(channel))


def _moderates(role: discord.Role) -> bool:
    return bool(role.permissions.value & _POWERS.value) or bool(likeness(role.name))


def _moderates_person(guild: discord.Guild, user_id: int) -> bool:
    member = guild.get_member(user_id)
    if member is None or member.bot or member.id == guild.owner_id:
        return True
    return any(_moderates(role) for role in member.roles if not role.is_default())


def _let_in(channel: discord.TextChannel) -> Iterator[int]:
    """Ids of the people with an entry of their own that lets them read."""
    for target, entry in channel.overwrites.items():
        if not isinstance(target, discord.Role) and entry.view_channel:
            yield target.id


async def create_private_room(guild_id: int, name: str, role_ids: Sequence[int]) -> int:
    """A text channel that only these roles (and Muster) see; its id.

    Raises TemporaryError or PermanentError.
    """
    entries = {role_id: (Bits(TEXT_ACCESS, 0), True) for role_id in role_ids}
    return await make_room(guild_id, name, entries, t("Muster: the moderators' channel"))


def manager_roles(guild_id: int) -> list[int]:
    """Ids of the roles with Manage Server that are no bot's."""
    guild = get_bot().get_guild(guild_id)
    roles = guild.roles if guild else []
    return [r.id for r in roles if r.permissions.manage_guild and not r.managed]


def front_door(guild_id: int) -> str | None:
    """A link to a channel of the server that everybody can see: the one for system messages."""
    guild = get_bot().get_guild(guild_id)
    if guild is None:
        return None
    seen = [c for c in guild.text_channels if c.permissions_for(guild.default_role).view_channel]
    channel = guild.system_channel or (seen[0] if seen else None)
    return channel.jump_url if channel else None


async def inviter(guild_id: int) -> int | None:
    """The id of whoever invited Muster; None where Discord does not show it to us.

    Integrations need Manage Server, the audit log View Audit Log; usually Muster has neither.
    """
    bot = get_bot()
    guild = bot.get_guild(guild_id)
    if guild is None or guild.me is None:
        return None
    rights = guild.me.guild_permissions
    found: int | None = None
    if rights.manage_guild:
        outcome = await attempt(guild.integrations())
        found = _who_installed(outcome.value, bot.application_id) if outcome else None
    if found is None and rights.view_audit_log:
        outcome = await attempt(_who_added(guild))
        found = outcome.value if outcome else None
    return found


def _who_installed(
    integrations: Sequence[discord.Integration], application_id: int | None
) -> int | None:
    for found in integrations:
        ours = isinstance(found, discord.BotIntegration) and found.application.id == application_id
        if ours and found.user is not None:
            return found.user.id
    return None


async def _who_added(guild: discord.Guild) -> int | None:
    action = discord.AuditLogAction.bot_add
    async for entry in guild.audit_logs(limit=_INVITED, action=action):
        if entry.target is not None and entry.target.id == guild.me.id:
            return entry.user_id
    return None
