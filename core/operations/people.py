"""Guilds and people as the gateway tells of them: who came, who left, what they are called."""

from __future__ import annotations

from sqlalchemy import and_, delete, or_, select, update

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    Group,
    GroupStatus,
    Guild,
    ManagedObject,
    ManagedOverwrite,
    Member,
    Membership,
    MembershipStatus,
)
from core.notifications import notices
from core.operations.common import ensure_guild, ensure_person, guild_settings


async def guild_left(guild_id: int) -> None:
    """The bot was removed: everything pauses; retention.delete_left deletes it one day."""
    async with get_database().transaction() as session:
        await session.execute(update(Guild).where(Guild.id == guild_id).values(left_at=utcnow()))


async def member_joined(guild_id: int, user_id: int, name: str) -> str | None:
    """Note an arrival; the stored nickname, to be set where the person has none."""
    async with get_database().transaction() as session:
        await ensure_guild(session, guild_id)
        await ensure_person(session, guild_id, user_id, name)
        member = await session.get_one(Member, (guild_id, user_id))
        member.joined_at, member.left_at = utcnow(), None
        await notices.is_here(session, guild_id, user_id, utcnow())
        # Who leaves loses their roles on Discord (their entries in channels stay): that was no
        # hand, so they are given again. An empty entry (adopted: some role let them in) goes too.
        roles = select(ManagedObject.discord_id).where(
            ManagedObject.guild_id == guild_id,
            ManagedObject.kind == "role",
            ManagedObject.discord_id.is_not(None),
        )
        await session.execute(
            delete(ManagedOverwrite).where(
                ManagedOverwrite.guild_id == guild_id,
                ManagedOverwrite.target_id == user_id,
                or_(
                    ManagedOverwrite.place_id.in_(roles),
                    and_(ManagedOverwrite.allow == 0, ManagedOverwrite.deny == 0),
                ),
            )
        )
        settings = await guild_settings(session, guild_id)
        return member.nickname if settings.keep_nicknames else None


async def member_left(guild_id: int, user_id: int) -> None:
    """Note a departure. Memberships stay: who comes back has their groups again."""
    async with get_database().transaction() as session:
        await session.execute(
            update(Member)
            .where(Member.guild_id == guild_id, Member.user_id == user_id)
            .values(left_at=utcnow())
        )


async def nickname_changed(guild_id: int, user_id: int, name: str, nickname: str | None) -> None:
    """A nickname on Discord is the truth; clearing it never overwrites the stored one."""
    async with get_database().transaction() as session:
        await ensure_guild(session, guild_id)
        await ensure_person(session, guild_id, user_id, name)
        if nickname:
            member = await session.get_one(Member, (guild_id, user_id))
            member.nickname = nickname[:32]


async def groups_of_user(guild_id: int, user_id: int) -> list[int]:
    """Group ids that a change of this person may concern: memberships, and left-over access."""
    async with get_database().transaction() as session:
        active = await session.scalars(
            select(Membership.group_id).where(
                Membership.guild_id == guild_id,
                Membership.user_id == user_id,
                Membership.status == MembershipStatus.active,
            )
        )
        left_over = await session.scalars(
            select(ManagedOverwrite.group_id).where(
                ManagedOverwrite.guild_id == guild_id,
                ManagedOverwrite.target_id == user_id,
                ManagedOverwrite.group_id.is_not(None),
            )
        )
        return sorted({*active, *(g for g in left_over if g is not None)})


async def groups_of_object(guild_id: int, discord_id: int) -> list[int]:
    """Group ids that a change of this channel, category or role concerns."""
    async with get_database().alone() as session:
        item = await session.scalar(
            select(ManagedObject).where(
                ManagedObject.guild_id == guild_id, ManagedObject.discord_id == discord_id
            )
        )
        if item is None:
            return []
        if item.group_id is not None:
            return [item.group_id]
        if item.kind == "text":  # the channel of all its cohort's groups
            groups = await session.scalars(
                select(Group.id).where(
                    Group.guild_id == guild_id, Group.cohort_id == item.cohort_id,
                    Group.status.in_(("preview", "active")),
                )
            )  # fmt: skip
            return sorted(groups)
        children = await session.scalars(
            select(ManagedObject.group_id).where(ManagedObject.parent_id == item.id)
        )
        return sorted({c for c in children if c is not None})


async def live_groups(guild_id: int) -> list[int]:
    """All groups of the guild that have channels or may get some."""
    async with get_database().alone() as session:
        rows = await session.scalars(
            select(Group.id)
            .where(
                Group.guild_id == guild_id,
                Group.status.in_((GroupStatus.preview, GroupStatus.active, GroupStatus.completed)),
            )
            .order_by(Group.id)
        )
        return list(rows)
