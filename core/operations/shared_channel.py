"""The channel that all groups of a cohort share: switched on and off on the cohort's card."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    ManagedObject,
    Membership,
    MembershipStatus,
)
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations.common import Actor, audit, get_cohort
from core.reconcile.channels import shared_name
from core.reconcile.trace import LIVE, Trace, changed
from core.words import t


@dataclass(frozen=True)
class SharedChannel:
    """How it is now. `channel_id` is Discord's; None: not made, or deleted there.

    `people` are those who see it, or would; `group_ids` the groups to sync after a change.
    """

    cohort_id: int
    cohort: str
    name: str
    on: bool
    people: int
    group_ids: tuple[int, ...]
    channel_id: int | None = None
    deleted: bool = False
    entry_id: int | None = None  # of the history, where this follows from a change


async def show(guild_id: int, cohort_id: int) -> SharedChannel:
    """What the preview says. Raises Refusal: cohort_not_found, closed, adopted."""
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, guild_id, cohort_id)
        await _must_fit(session, cohort)
        return await _shown(session, cohort)


async def _must_fit(session: AsyncSession, cohort: Cohort) -> None:
    if cohort.status not in {CohortStatus.draft, CohortStatus.open}:
        raise Refusal("closed", t("This cohort is closed; it can no longer be changed."))
    adopted = await session.scalar(
        select(func.count())
        .select_from(ManagedObject)
        .join(Group, Group.id == ManagedObject.group_id)
        .where(Group.cohort_id == cohort.id, ManagedObject.adopted)
    )
    if adopted:
        raise Refusal(
            "adopted",
            t("This cohort was adopted, and Muster makes no channels beside adopted ones."),
        )


async def _row(session: AsyncSession, cohort: Cohort) -> ManagedObject | None:
    row: ManagedObject | None = await session.scalar(
        select(ManagedObject).where(
            ManagedObject.guild_id == cohort.guild_id,
            ManagedObject.cohort_id == cohort.id,
            ManagedObject.kind == "text",
        )
    )
    return row


async def _shown(
    session: AsyncSession, cohort: Cohort, entry_id: int | None = None
) -> SharedChannel:
    people = await session.scalar(
        select(func.count()).where(
            Membership.guild_id == cohort.guild_id,
            Membership.cohort_id == cohort.id,
            Membership.status == MembershipStatus.active,
        )
    )
    groups = await session.scalars(
        select(Group.id)
        .where(Group.cohort_id == cohort.id, Group.status.in_(LIVE))
        .order_by(Group.id)
    )
    row = await _row(session, cohort)
    there = row is not None and row.state == "created"
    return SharedChannel(
        cohort.id, cohort.name, shared_name(cohort.name), cohort.shared, people or 0,
        tuple(groups), row.discord_id if row is not None and there else None,
        row is not None and row.state == "deleted", entry_id,
    )  # fmt: skip


async def switch(actor: Actor, cohort_id: int, *, on: bool) -> SharedChannel:
    """Have the cohort's shared channel, or have it no more; its groups are due.

    Switching it off deletes nothing: only moderators see it then. Switching it on makes one again
    where somebody deleted it. Raises Refusal: not_allowed, cohort_not_found, closed, adopted.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
        await _must_fit(session, cohort)
        row, entry = await _row(session, cohort), None
        again = on and row is not None and row.state == "deleted"
        if row is not None and again:
            row.state, row.discord_id, row.intent_at = "intent", None, utcnow()
            row.renamed_at = []
        if cohort.shared != on:
            before, after = {"shared": cohort.shared}, {"shared": on}
            cohort.shared = on
            trace = Trace(cohorts=tuple(changed(cohort_id, before, after)))
            entry = audit(
                session, actor, "cohort_edited", cohort_id=cohort_id, trace=trace,
                before=before, after=after,
            )  # fmt: skip
        await session.flush()
        shown = await _shown(session, cohort, entry.id if entry is not None else None)
        if entry is not None or again:
            await mark_due(session, shown.group_ids, utcnow(), systems=("discord",))
        return shown
