"""A group runs once everything is there: its channels, a meeting, and somebody who can see them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.models import GroupStatus
from core.db.queries import deliveries
from core.db.queries.access import GUEST, Facts
from core.discord_outbound.cache import GuildView, guild_view
from core.notifications import notices

_ROOMS = {"text", "voice"}
_BEGIN = text("""
    update groups set status = 'active' where id = :group and status = 'preview'
        and exists (select from meetings where group_id = :group and status = 'planned')
    returning id
    """)


async def consider(session: AsyncSession, facts: Facts, now: datetime) -> bool:
    """Preview → active, by itself, whichever of the three came last; True where it did.

    Whoever is in it is told once, in the same transaction. `facts` were gathered in it.
    """
    group_id, guild_id = facts.group.id, facts.group.guild_id
    view = guild_view(guild_id) if facts.group.status == GroupStatus.preview else None
    if view is None or not complete(facts, view):
        return False
    if await session.scalar(_BEGIN, {"group": group_id}) is None:
        return False
    people = [user for user, status, role in facts.people if _belongs(status, role)]
    rows = [
        notices.assigned(guild_id, group_id, now),
        *notices.assigned_dms(guild_id, group_id, people, now),
    ]
    await deliveries.enqueue(session, rows, now)
    return True


def _belongs(status: str, role: str) -> bool:
    return status == "active" and role != GUEST


def complete(facts: Facts, view: GuildView) -> bool:
    """Its objects stand, and somebody who belongs to it has been let in."""
    rooms = [o for o in facts.objects.values() if o.kind in _ROOMS]
    if not rooms or any(o.state != "created" for o in facts.objects.values()):
        return False
    role = facts.objects.get("role") if facts.group.access_mode == "role" else None
    places = [role] if role is not None else rooms
    return any(
        user in facts.ledger.get(place.discord_id or 0, {})
        for user, status, role_of in facts.people
        if _belongs(status, role_of) and view.is_here(user)
        for place in places
    )
