"""The sweep: every group gathered in a constant number of statements, decided in memory."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.models import SyncStatus
from core.db.queries import access as access_queries
from core.db.queries import sync_states
from core.db.queries.access import Facts
from core.discord_outbound.cache import GuildView, guild_view
from core.reconcile.by_hand import is_news
from core.systems import access, answer_posts, calendar, events, meetings


async def groups_to_open(session: AsyncSession) -> list[int]:
    """Ids of the groups that need a sync now: due rows, and plans that are not empty."""
    now = utcnow()
    facts = await access_queries.gather(session)
    needing = {group_id for group_id, _ in await sync_states.due(session, now)}
    views: dict[int, GuildView | None] = {}
    for fact in facts:
        guild_id = fact.group.guild_id
        if guild_id not in views:
            views[guild_id] = guild_view(guild_id)
        view = views[guild_id]
        if view is not None and fact.group.id not in needing and _differs(fact, view, now):
            needing.add(fact.group.id)
    needing |= await meetings.needing(session, facts, now)
    needing |= await events.needing(session, facts, now)
    needing |= set(await answer_posts.needing(session, now))
    needing |= await calendar.needing(session, facts, now)
    return [f.group.id for f in facts if f.group.id in needing and views[f.group.guild_id]]


def _differs(fact: Facts, view: GuildView, now: datetime) -> bool:
    state = fact.state
    plan = access.plan(fact, view, now).whole
    if state is not None and state.status in {SyncStatus.waiting, SyncStatus.parked}:
        return bool(plan) and state.inputs_hash != plan.inputs_hash()
    if bool(plan):
        return True
    return is_news(plan.by_hand, state.by_hand if state else {})
