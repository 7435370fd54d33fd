"""The steps of /setup: what is chosen, what is suggested, and taking all of it at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import structlog

from core.config import GuildSettings
from core.discord_outbound import commands, rooms
from core.discord_outbound.cache import guild_view
from core.errors import Refusal
from core.operations import settings
from core.operations.common import Actor
from core.reconcile import daytime
from core.reconcile.first_steps import commands_hidden, suggest_role, suggest_room
from core.words import SOURCE, nearest, t

log = structlog.get_logger(__name__)

ROOM = "muster"  # the name of the channel that [Create one] makes
STEPS = (
    "moderator_role_id",
    "moderator_channel_id",
    "zone",
    "language",
    "by_hand",
    "facilitators_moderate",
    "keep_nicknames",
)
# One at a time per server, so that two thumbs make one channel. The gateway gives a server's
# interactions to one process.
_making: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)


@dataclass(frozen=True)
class Steps:
    """`values` are what counts or is suggested; `open` are the names of STEPS not chosen yet."""

    chosen: GuildSettings
    values: GuildSettings
    open: frozenset[str]


async def steps(actor: Actor, locale: str) -> Steps:
    """What was chosen, and for the rest what suits this server and whoever looks at it.

    `locale` is the person's; it counts where the server has no language of its own. Raises
    Refusal(not_allowed).
    """
    actor.must_moderate()
    chosen = await settings.get(actor.guild_id)
    missing = frozenset(STEPS) - chosen.model_fields_set
    suggested = _suggest(actor, chosen, locale) if missing else {}
    values = chosen.model_copy(update={k: v for k, v in suggested.items() if k in missing})
    return Steps(chosen, values, missing)


def _suggest(actor: Actor, chosen: GuildSettings, locale: str) -> dict[str, Any]:
    roles, owner = rooms.roles_of(actor.guild_id, actor.user_id)
    role = suggest_role(roles, owner=owner)
    here = rooms.locale_of(actor.guild_id)
    return {
        "moderator_role_id": role,
        "moderator_channel_id": suggest_room(
            rooms.private_rooms(actor.guild_id, chosen.moderator_role_id or role)
        ),
        "zone": daytime.zone_for(here) or daytime.zone_for(locale) or chosen.zone,
        "language": nearest(here),
    }


async def accept(actor: Actor, locale: str) -> settings.Changed:
    """Take every suggestion for what was not chosen yet. Raises Refusal(not_allowed)."""
    actor.must_moderate()
    found = await steps(actor, locale)
    changes = {name: getattr(found.values, name) for name in STEPS if name in found.open}
    return await settings.change(actor, **changes)


async def create_room(actor: Actor) -> settings.Changed:
    """Make a hidden channel for moderators and choose it.

    Raises Refusal(room_exists) where one is chosen and there; TemporaryError or PermanentError.
    """
    actor.must_moderate()
    async with _making[actor.guild_id]:
        chosen = await settings.get(actor.guild_id)
        view = guild_view(actor.guild_id)
        if chosen.moderator_channel_id and view and view.channel_name(chosen.moderator_channel_id):
            raise Refusal(
                "room_exists", t("There is a moderators' channel already. Nothing was made.")
            )
        role = chosen.moderator_role_id
        known = role is not None and view is not None and view.role(role) is not None
        targets = [role] if known and role is not None else rooms.manager_roles(actor.guild_id)
        found = [r.id for r in rooms.private_rooms(actor.guild_id, role) if r.name == ROOM]
        # One that was made when saving its id did not work any more is taken again.
        made = found[0] if found else await rooms.create_private_room(actor.guild_id, ROOM, targets)
        return await settings.change(actor, moderator_channel_id=made)


@dataclass(frozen=True)
class Seen:
    """Names of commands that the moderator role does not see; None: Discord did not say."""

    hidden: list[str] | None


async def commands_seen(guild_id: int, role_id: int) -> Seen:
    """Whether an admin shows moderators' commands to a role without Manage Server.

    One call, and one more the first time after a start.
    """
    listed = await commands.moderators_commands()
    entries = await commands.role_entries(guild_id) if listed else listed
    if not entries:
        log.info("command_permissions_unread", guild_id=guild_id, error=entries.text)
        return Seen(None)
    return Seen(commands_hidden(listed.value, entries.value, role_id=role_id, everyone_id=guild_id))


def language_of(guild_id: int, chosen: GuildSettings) -> str:
    """The language for posts: the chosen one, before that the server's own."""
    if "language" in chosen.model_fields_set:
        return chosen.language
    return nearest(rooms.locale_of(guild_id)) or SOURCE
