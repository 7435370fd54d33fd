"""The permission doctor: gather what the bot may do, and let core.reconcile.doctor judge."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import ManagedObject
from core.discord_outbound.cache import GuildView, guild_view, intents
from core.errors import TemporaryError
from core.operations import calendar_status
from core.operations.common import guild_settings
from core.reconcile.doctor import ChannelRights, Finding, RolePosition, examine, permission_integer
from core.reconcile.event_plan import LIVE
from core.reconcile.events import GUILD_LIMIT
from core.words import t


@dataclass(frozen=True)
class Counted:
    """How much was looked at: permissions of the server, channels and roles of Muster's own."""

    permissions: int
    channels: int
    roles: int


def _features(settings: GuildSettings) -> list[str]:
    features = ["channels", "access", "posts", "events"]
    features += ["nicknames"] if settings.keep_nicknames else []
    features += ["facilitators"] if settings.facilitators_moderate else []
    return features


async def counted(guild_id: int) -> Counted:
    """What `check` looks at in this guild, for the sentence that everything is right."""
    async with get_database().transaction() as session:
        settings = await guild_settings(session, guild_id)
        kinds = (
            await session.scalars(
                select(ManagedObject.kind).where(
                    ManagedObject.guild_id == guild_id, ManagedObject.state == "created"
                )
            )
        ).all()
    roles = sum(kind == "role" for kind in kinds)
    permissions = permission_integer(_features(settings)).bit_count()
    return Counted(permissions, len(kinds) - roles, roles)


async def check(guild_id: int) -> list[Finding]:
    """Everything that is missing in this guild, per channel. Makes no REST call.

    Raises TemporaryError where Discord does not show the guild now.
    """
    view = guild_view(guild_id)
    if view is None:
        raise TemporaryError(
            t("Discord does not show this server right now. Try again in a minute.")
        )
    async with get_database().alone() as session:
        settings = await guild_settings(session, guild_id)
        rows = await session.execute(
            select(ManagedObject.discord_id, ManagedObject.kind, ManagedObject.name).where(
                ManagedObject.guild_id == guild_id, ManagedObject.state == "created"
            )
        )
        managed = [(i, k, n) for i, k, n in rows if i is not None]
    channels, roles = [], []
    for discord_id, kind, name in managed:
        if kind == "role":
            role = view.role(discord_id)
            roles += [RolePosition(role.name, role.position)] if role else []
            continue
        bits = view.channel_permissions(discord_id)
        if bits is not None:
            channels.append(ChannelRights(discord_id, name, kind, bits))
    found = examine(
        features=_features(settings), guild_bits=view.permissions, channels=channels, roles=roles,
        top_role=view.top_role, intents=intents(),
    )  # fmt: skip
    return [*found, *_around(settings, view), *await calendar_status.findings(guild_id)]


def _around(settings: GuildSettings, view: GuildView) -> list[Finding]:
    """What is not a missing right: too many events, things that were chosen and are gone."""
    found = []
    if sum(event.status in LIVE for event in view.events().values()) >= GUILD_LIMIT:
        found.append(
            Finding(
                t("The server has {n} scheduled events, Discord's limit", n=GUILD_LIMIT),
                t("The next meetings have their events; later ones get theirs as these pass"),
                t("Nothing has to be done. Events that nobody needs can be deleted"),
            )
        )
    if settings.moderator_role_id is not None and view.role(settings.moderator_role_id) is None:
        found.append(
            Finding(
                t("The moderator role was deleted"),
                t("Only people with Manage Server count as moderators now"),
                t("Choose another role in /settings"),
            )
        )
    if settings.moderator_channel_id is None:
        found.append(
            Finding(
                t("No moderators' channel is chosen"),
                t("Nobody is told when something gives up"),
                t("Choose one in /settings"),
            )
        )
    elif view.channel_name(settings.moderator_channel_id) is None:
        found.append(
            Finding(
                t("The moderators' channel was deleted, or Muster cannot see it"),
                t("Nobody is told when something gives up"),
                t("Choose another channel in /settings"),
            )
        )
    return found
