"""What moderators are told by themselves: once, in their channel.

Their role is notified of what newly needs a person, and of a whole batch of it once.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime, timedelta

import structlog

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import Group, Guild
from core.db.queries.access import Facts
from core.discord_outbound.messages import send_channel_message
from core.errors import MusterError, sentence
from core.notifications.scheduler import wakes
from core.plan import THE, Gone
from core.reconcile.cleaning import shown as shown  # noqa: PLC0414 - used as telling.shown
from core.words import again, pack, speaking, t

log = structlog.get_logger(__name__)

# A missing permission makes many groups give up in one go; that is one reason to look, not many.
QUIET = timedelta(minutes=10)
_called: dict[int, datetime] = {}  # by guild: when its moderators were last notified


async def _settings(guild_id: int) -> GuildSettings:
    """What the guild's moderators chose; defaults where nothing was."""
    async with get_database().transaction() as session:
        guild = await session.get(Guild, guild_id)
        return GuildSettings.model_validate(guild.settings if guild is not None else {})


def _call(guild_id: int, settings: GuildSettings) -> int | None:
    """The moderator role, where it is to be notified now."""
    now, last = utcnow(), _called.get(guild_id)
    if settings.moderator_role_id is None or (last is not None and last <= now < last + QUIET):
        return None
    _called[guild_id] = now
    return settings.moderator_role_id


async def tell_moderators(
    guild_id: int, text: str, *, key: str, needs_person: bool = False
) -> bool:
    """Post in the moderators' channel; False where there is none or it cannot be posted to.

    What t() made is said in the server's language. `key` must not depend on a language. What newly
    needs a person notifies the moderator role.
    """
    settings = await _settings(guild_id)
    channel = settings.moderator_channel_id
    with speaking(settings.language):
        text = again(text)
    if channel is None:
        log.warning("nobody_to_tell", guild_id=guild_id, text=text)
        return False
    role = _call(guild_id, settings) if needs_person else None
    if role is not None:
        text = f"{text}\n<@&{role}>"
    outcome = await send_channel_message(channel, text, role=role, key=key)
    if not outcome:
        log.warning("telling_failed", guild_id=guild_id, error=outcome.text, text=text)
    return bool(outcome)


def server_wide(error: MusterError | None, kinds: Container[str]) -> str | None:
    """The error's class if it is one of `kinds`: told once, not once a group."""
    kind: str = getattr(error, "kind", "")
    return kind if kind in kinds else None


async def tell_gave_up(facts: Facts, error: str) -> None:
    """A system of a group gave up: what, whom it affects, and the next step."""
    group = facts.group
    with speaking(facts.settings.language):
        text = t(
            "⚠️ **{group}** · {cohort}: access is not complete. {error} "
            "`/check` names what is missing; Muster looks again by itself once it changed. "
            "Details: `/sync status`.",
            group=shown(group.name),
            cohort=shown(group.cohort_name),
            error=sentence(again(error)),
        )
    key = f"gave-up:{group.id}:{pack(error)}"
    await tell_moderators(group.guild_id, text, key=key, needs_person=True)


async def tell_gone(guild_id: int, group_id: int, gone: Sequence[Gone]) -> None:
    """Somebody deleted something of ours: flagged, and repaired by one button in /sync status."""
    async with get_database().transaction() as session:
        group = await session.get(Group, group_id)
        known = group.name if group is not None and group.guild_id == guild_id else None
    with speaking((await _settings(guild_id)).language):
        text = t(
            "⚠️ **{group}**: {what} was deleted on Discord. Nothing was made again. "
            "To bring it back, press **Repair** in `/sync status`.",
            group=shown(known) if known else t("a group"),
            what=", ".join(t(THE[g.kind], name=shown(g.name)) for g in gone),
        )
    key = f"gone:{gone[0].object_id}"
    await tell_moderators(guild_id, text, key=key, needs_person=True)


def wake_later(system: str, group_id: int, at: datetime) -> None:
    """Set the process's wake for a row that waits for `at` (UTC)."""
    wakes.wake_at(system, group_id, at)
