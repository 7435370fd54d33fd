"""What gave up and why, what was changed by hand or deleted: for /sync status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Meeting, MeetingStatus
from core.db.models import Cohort, Group, ManagedObject, SyncState
from core.discord_outbound.cache import guild_view
from core.operations.overview import names
from core.plan import WHAT, ByHand
from core.reconcile import channels
from core.reconcile.events import name_of as name_of_event
from core.words import t, unpack

_Child = aliased(ManagedObject)  # what stands in a category


@dataclass(frozen=True)
class SystemStatus:
    """One system of one group. `status` as in sync_states; times are UTC."""

    group_id: int
    label: str
    system: str
    status: str
    error: str | None
    next_attempt_at: datetime | None
    last_ok_at: datetime | None
    attempts: int
    by_hand: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


async def status(guild_id: int, *, all_groups: bool = False) -> list[SystemStatus]:
    """What is not right (or everything): gave up, waiting, changed by hand, deleted."""
    view = guild_view(guild_id)
    name_of = await names(guild_id, view) if view else str
    async with get_database().alone() as session:
        rows = await session.execute(
            select(SyncState, Group.name, Cohort.name)
            .join(Group, Group.id == SyncState.group_id)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(SyncState.guild_id == guild_id)
            .order_by(Group.id, SyncState.system)
        )
        deleted = await _deleted_objects(session, guild_id)
        events = await _deleted_events(session, guild_id)
        found = []
        for state, group, cohort in rows:
            notes = tuple(ByHand(*note).words(name_of) for note in state.by_hand.get("notes", []))
            lost = {"discord": deleted, "rsvps": events}.get(state.system, {})
            missing = tuple(lost.get(state.group_id, ()))
            if all_groups or state.status != "ok" or notes or missing:
                found.append(
                    SystemStatus(
                        state.group_id, f"{group} · {cohort}", state.system, state.status,
                        unpack(state.error_text) if state.error_text is not None else None,
                        state.next_attempt_at, state.last_ok_at,
                        state.attempts, notes, missing,
                    )
                )  # fmt: skip
        return found


async def _deleted_objects(session: AsyncSession, guild_id: int) -> dict[int | None, list[str]]:
    """By group, what somebody deleted on Discord and [Repair] of that group brings back."""
    gone = await session.execute(
        select(ManagedObject.group_id, ManagedObject.kind, ManagedObject.name).where(
            ManagedObject.guild_id == guild_id, ManagedObject.state == "deleted"
        )
    )
    # A category belongs to the groups inside it: repairing any of them brings it back.
    homes = await session.execute(
        select(_Child.group_id, ManagedObject.kind, ManagedObject.name)
        .join(ManagedObject, ManagedObject.id == _Child.parent_id)
        .where(ManagedObject.guild_id == guild_id, ManagedObject.state == "deleted")
        .distinct()
    )
    shared = await session.execute(
        select(func.min(Group.id), literal(channels.SHARED), ManagedObject.name)
        .join(Group, Group.cohort_id == ManagedObject.cohort_id)
        .where(
            ManagedObject.guild_id == guild_id, ManagedObject.state == "deleted",
            ManagedObject.kind == "text", Group.status.in_(("preview", "active")),
        )
        .group_by(ManagedObject.id)
    )  # fmt: skip
    deleted: dict[int | None, list[str]] = {}
    for group_id, kind, name in [*gone, *homes, *shared]:
        deleted.setdefault(group_id, []).append(t(WHAT[kind], name=name))
    return deleted


async def _deleted_events(session: AsyncSession, guild_id: int) -> dict[int | None, list[str]]:
    """By group, events of meetings to come that somebody deleted on Discord."""
    rows = await session.execute(
        select(Meeting.group_id, Group.name, Meeting.number)
        .join(Group, Group.id == Meeting.group_id)
        .where(
            Meeting.guild_id == guild_id,
            Meeting.event_state == "gone",
            Meeting.status == MeetingStatus.planned,
            Meeting.starts_at > utcnow(),
        )
        .order_by(Meeting.starts_at)
    )
    found: dict[int | None, list[str]] = {}
    for group_id, group, number in rows:
        name = name_of_event(group, number)
        found.setdefault(group_id, []).append(t("event “{name}”", name=name))
    return found
