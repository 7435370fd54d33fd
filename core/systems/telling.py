"""What moderators are told by themselves: once, in their channel.

Their role is notified of what newly needs a person, and of a whole batch of it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import Group, Guild
from core.discord_outbound.messages import send_channel_message
from core.errors import MusterError, sentence
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


@dataclass(frozen=True)
class Whose:
    """A group as moderators are told of it; its names as people typed them."""

    guild_id: int
    group_id: int
    group: str
    cohort: str
    language: str


@dataclass(frozen=True)
class GaveUp:
    """What is said when a system of a group gives up: what, whom it affects, and the next step.

    `one` with {group}, {cohort} and {problem}; `whole` with {problem}, of the error classes `wide`:
    problems of the whole server, which are told once and not once a group.
    """

    name: str  # of the system, for the keys of its posts
    one: str
    whole: str = ""
    wide: frozenset[str] = frozenset()

    def shared(self, error: MusterError | None) -> str | None:
        """The error's class where it is a problem of the whole server."""
        kind: str = getattr(error, "kind", "")
        return kind if kind in self.wide else None

    async def tell(self, whose: Whose, error: MusterError) -> None:
        """Say it to the moderators. Who does is decided before, by sync_states.claim_telling."""
        with speaking(whose.language):
            problem = sentence(again(error.text))
            if (kind := self.shared(error)) is not None:
                key, text = f"{self.name}:{whose.guild_id}:{kind}", t(self.whole, problem=problem)
            else:
                key = f"{self.name}:{whose.group_id}:{pack(error.text)}"
                names = {"group": shown(whose.group), "cohort": shown(whose.cohort)}
                text = t(self.one, **names, problem=problem)
        await tell_moderators(whose.guild_id, text, key=key, needs_person=True)


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
