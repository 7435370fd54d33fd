"""Who may manage the meetings of a group: moderators, and those who facilitate that very group."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.models import Group, Membership, MembershipStatus, Role
from core.errors import Refusal
from core.operations.common import Actor
from core.words import t


async def may_manage(session: AsyncSession, actor: Actor, group_id: int) -> bool:
    """Whether they may move, skip or mark meetings of this group of their own guild now."""
    if actor.moderator:
        found = select(Group.id).where(Group.id == group_id, Group.guild_id == actor.guild_id)
    else:
        found = select(Membership.id).where(
            Membership.guild_id == actor.guild_id,
            Membership.group_id == group_id,
            Membership.user_id == actor.user_id,
            Membership.role == Role.facilitator,
            Membership.status == MembershipStatus.active,
        )
    return await session.scalar(found) is not None


async def must_manage(session: AsyncSession, actor: Actor, group_id: int) -> None:
    """Raise Refusal(not_allowed) for everybody else, also for groups of another guild."""
    if not await may_manage(session, actor, group_id):
        raise Refusal(
            "not_allowed",
            t(
                "Only moderators and the facilitators of this group can do that. "
                "Nothing was changed."
            ),
        )


async def manageable(session: AsyncSession, actor: Actor) -> set[int] | None:
    """Ids of the groups whose meetings they may manage; None: all of their guild."""
    if actor.moderator:
        return None
    rows = await session.scalars(
        select(Membership.group_id).where(
            Membership.guild_id == actor.guild_id,
            Membership.user_id == actor.user_id,
            Membership.role == Role.facilitator,
            Membership.status == MembershipStatus.active,
        )
    )
    return set(rows)
