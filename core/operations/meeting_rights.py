"""Who may manage the meetings of a group: moderators, and those who facilitate that very group."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.db.models import Group, Member, Membership, MembershipStatus, Role
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


async def guild_of(
    user_id: int, *, meeting_id: int | None = None, group_id: int | None = None
) -> int:
    """The guild of a meeting or of a group whose button somebody has in their direct messages.

    Raises Refusal(meeting_not_found) for everybody who has no place on that server.
    """
    owner = Group.id == group_id if meeting_id is None else Meeting.id == meeting_id
    async with get_database().transaction() as session:
        found: int | None = await session.scalar(
            select(Group.guild_id)
            .join(Member, Member.guild_id == Group.guild_id)
            .outerjoin(Meeting, Meeting.group_id == Group.id)
            .where(owner, Member.user_id == user_id)
            .limit(1)
        )
    if found is None:
        raise Refusal("meeting_not_found", t("There is no such meeting here any more."))
    return found
