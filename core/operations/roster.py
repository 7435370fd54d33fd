"""Who is in groups, and whether they can see its channels: what previews and cards are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.engine import get_database
from core.db.models import (
    Group,
    GroupStatus,
    ManagedObject,
    Member,
    Membership,
    MembershipStatus,
    Role,
)
from core.discord_outbound.cache import GuildView, guild_view
from core.errors import Refusal
from core.operations import group_views
from core.operations.group_views import GroupView
from core.operations.groups import must_live
from core.words import t


@dataclass(frozen=True)
class Inside:
    """Somebody in a group. `access`: sees, waiting, screening, away, or none (no channels)."""

    user_id: int
    name: str
    facilitator: bool
    access: str


@dataclass
class Roster:
    """A group's people (those of its end, where it ended) and its channels' Discord ids."""

    people: list[Inside] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    adopted: bool = False  # Muster did not make (all of) its channels, and leaves them as they are

    @property
    def facilitators(self) -> list[Inside]:
        return [p for p in self.people if p.facilitator]

    @property
    def participants(self) -> list[Inside]:
        return [p for p in self.people if not p.facilitator]


def _access(view: GuildView | None, user_id: int, channels: Sequence[int]) -> str:
    member = view.member(user_id) if view else None
    if view is None or member is None:
        return "away"
    if member.pending:
        return "screening"
    if not channels:
        return "none"
    return "sees" if all(view.can_see(user_id, c) for c in channels) else "waiting"


async def _load(
    session: AsyncSession, guild_id: int, group_ids: Sequence[int]
) -> dict[int, Roster]:
    rooms = await session.execute(
        select(ManagedObject.group_id, ManagedObject.discord_id, ManagedObject.adopted)
        .where(
            ManagedObject.guild_id == guild_id,
            ManagedObject.group_id.in_(group_ids),
            ManagedObject.kind.in_(("text", "voice")),
            ManagedObject.state == "created",
        )
        .order_by(ManagedObject.kind)
    )
    found: dict[int, Roster] = defaultdict(Roster)
    for group_id, discord_id, adopted in rooms:
        if group_id is not None and discord_id is not None:
            found[group_id].channels.append(discord_id)
            found[group_id].adopted |= adopted
    people = await session.execute(
        select(Membership.group_id, Membership.user_id, Member.name, Membership.role)
        .join(Group, Group.id == Membership.group_id)
        .join(
            Member,
            (Member.guild_id == Membership.guild_id) & (Member.user_id == Membership.user_id),
        )
        .where(
            Membership.guild_id == guild_id,
            Membership.group_id.in_(group_ids),
            or_(
                Membership.status == MembershipStatus.active,
                (Membership.status == MembershipStatus.completed)
                & (Group.status == GroupStatus.completed),
            ),
        )
        .order_by(Membership.group_id, Membership.seat, Membership.id)
    )
    view = guild_view(guild_id)
    for group_id, user_id, name, role in people:
        roster = found[group_id]
        access = _access(view, user_id, roster.channels)
        roster.people.append(Inside(user_id, name, role == Role.facilitator, access))
    return found


async def of_groups(guild_id: int, group_ids: Sequence[int]) -> dict[int, Roster]:
    """By group id; groups of other guilds have nobody and nothing. Two statements."""
    async with get_database().alone() as session:
        found = await _load(session, guild_id, group_ids)
    return {group_id: found.get(group_id, Roster()) for group_id in group_ids}


async def of_group(guild_id: int, group_id: int) -> tuple[GroupView, Roster]:
    """One group, whatever its status. Raises Refusal(group_not_found)."""
    shown = await group_views.show(guild_id, group_id)
    return shown, (await of_groups(guild_id, [group_id]))[group_id]


@dataclass(frozen=True)
class MovePreview:
    """One person's move: the group now, the one afterwards, and both groups' channels."""

    source: GroupView
    target: GroupView
    loses: tuple[int, ...]
    gains: tuple[int, ...]


async def preview_move(guild_id: int, group_id: int, user_id: int) -> MovePreview:
    """What a move would take and give. Raises Refusal as the move itself would."""
    target, here = await of_group(guild_id, group_id)
    mine = await group_views.of_member(guild_id, user_id)
    source = next((g for g in mine if g.cohort_id == target.cohort_id), None)
    if source is None:
        raise Refusal("not_in_cohort", t("They are in no group of this cohort. Use /member add."))
    if source.id == group_id:
        raise Refusal(
            "already_in_group", t("Already in “{group}”. Nothing changed.", group=target.name)
        )
    there = (await of_groups(guild_id, [source.id]))[source.id]
    return MovePreview(source, target, tuple(there.channels), tuple(here.channels))


async def preview_merge(
    guild_id: int, source_id: int, target_id: int
) -> tuple[GroupView, Roster, GroupView, Roster]:
    """Both groups with their people. Raises Refusal as the merge itself would."""
    if source_id == target_id:
        raise Refusal("same_group", t("Choose two different groups."))
    source, leaving = await of_group(guild_id, source_id)
    target, staying = await of_group(guild_id, target_id)
    for group in (source, target):
        must_live(group)
    if source.cohort_id != target.cohort_id:
        raise Refusal("other_cohort", t("Only groups of the same cohort can be merged."))
    return source, leaving, target, staying
