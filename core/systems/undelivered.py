"""Messages that could not be sent: moderators hear of them, and a right that is back wakes them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import Cohort, Group, Guild
from core.db.queries import claims
from core.db.queries.claims import Mendable
from core.db.queries.deliveries import wake
from core.discord_outbound.cache import guild_view
from core.errors import sentence
from core.notifications.outgoing import Claimed
from core.notifications.results import MENDABLE
from core.notifications.scheduler import wakes
from core.reconcile.cleaning import shown
from core.reconcile.permissions import SEND_MESSAGES, VIEW_CHANNEL
from core.systems.telling import tell_moderators
from core.words import again, speaking, t

_RIGHTS = {"missing_permission", "missing_access"}
_MENDABLE = MENDABLE | {"unknown_channel"}
_POSTS = VIEW_CHANNEL | SEND_MESSAGES


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


async def look_again(guild_ids: Collection[int]) -> int:
    """Rights or channels of these guilds changed: what waits for them is sent, where it can be now.

    How many rows that are. One statement where none waits. A right that is still missing wakes
    nothing, so that a restless server does not have us refused again and again.
    """
    if not guild_ids:
        return 0
    now = utcnow()
    until = now + timedelta(seconds=wakes.probe_seconds)
    async with get_database().transaction() as session:
        found = await claims.mendable(session, guild_ids, _MENDABLE, now=now, until=until)
        ids = [row.id for row in found if _possible(row)]
        if ids:
            await claims.due_now(session, ids, now)
            await wake(session)
    return len(ids)


def _possible(row: Mendable) -> bool:
    """Whether we may post where it goes, as far as Discord told us; unknown places are tried."""
    view = guild_view(row.guild_id)
    if view is None:
        return False
    bits = [view.channel_permissions(channel) or 0 for channel in row.channels]
    return not bits or any(one & _POSTS == _POSTS for one in bits)
