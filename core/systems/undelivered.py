"""Moderators hear of messages that could not be sent: once per group and kind of trouble."""

from __future__ import annotations

from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import Cohort, Group, Guild
from core.errors import sentence
from core.notifications.outgoing import Claimed
from core.systems.telling import shown, tell_moderators
from core.words import again, speaking, t

_RIGHTS = {"missing_permission", "missing_access"}


async def tell(row: Claimed, error_class: str, error: str) -> None:
    """What the dispatcher calls; `error` is a sentence made by t()."""
    async with get_database().transaction() as session:
        group = await session.get(Group, row.group_id) if row.group_id is not None else None
        if group is not None and group.guild_id != row.guild_id:
            group = None
        cohort = await session.get(Cohort, group.cohort_id) if group is not None else None
        guild = await session.get(Guild, row.guild_id)
        settings = GuildSettings.model_validate(guild.settings if guild is not None else {})
    with speaking(settings.language):
        if group is not None and cohort is not None:
            where = f"**{shown(group.name)}** · {shown(cohort.name)}"
        else:
            where = t("A message of Muster")
        mendable = error_class in _RIGHTS or (
            error_class == "unknown_channel" and row.channel_id is None
        )
        why = sentence(again(error))
        if mendable:
            text = t(
                "⚠️ {where}: a message could not be sent. {error} `/check` names what is missing; "
                "Muster tries again by itself.",
                where=where,
                error=why,
            )
        else:
            text = t("⚠️ {where}: a message was not sent. {error}", where=where, error=why)
    key = f"undelivered:{row.id}:{error_class}"
    await tell_moderators(row.guild_id, text, key=key, needs_person=True)
