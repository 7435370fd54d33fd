"""What moderators can do with a cohort. Each function is one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import (
    AuditEntry,
    Cohort,
    CohortStatus,
    Group,
    GroupStatus,
    Guild,
    ManagedObject,
    Membership,
    MembershipStatus,
)
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations import series
from core.operations.cohort_draft import (
    CohortDraft,
    checked_draft,
)
from core.operations.common import Actor, audit, ensure_guild, get_cohort
from core.operations.slot_rules import weeks
from core.reconcile.trace import LIVE, RowChange, Trace, changed, ended
from core.words import mark, speaking, t

_EDITABLE = ("name", "start_date", "meetings", "seats", "access_mode", "rooms")
_ENDED = {
    CohortStatus.closed: mark("This cohort is closed already."),
    CohortStatus.cancelled: mark("This cohort is cancelled already."),
}


@dataclass(frozen=True)
class CohortSummary:
    """A cohort as people see it; `groups` are (id, name, status, members, seats)."""

    id: int
    name: str
    status: str
    start_date: date
    meetings: int
    seats: int
    access_mode: str
    rooms: str
    groups: tuple[tuple[int, str, str, int, int], ...] = ()
    warnings: tuple[str, ...] = field(default=())
    entry_id: int | None = None  # of the history, where an operation gave this
    breaks: tuple[str, ...] = ()  # weeks without meetings: their ISO Mondays

    @property
    def group_ids(self) -> list[int]:
        return [g[0] for g in self.groups]

    @property
    def people(self) -> int:
        return sum(g[3] for g in self.groups)


async def create(actor: Actor, draft: CohortDraft, *, open_now: bool) -> CohortSummary:
    """Make the cohort with all its groups, open for joining at once or as a draft.

    Raises Refusal (too_long, out_of_range, name_taken, not_allowed).
    """
    actor.must_moderate()
    draft, now = checked_draft(draft), utcnow()
    try:
        async with get_database().transaction() as session:
            guild = await ensure_guild(session, actor.guild_id)
            cohort = Cohort(
                guild_id=actor.guild_id, name=draft.name, start_date=draft.start_date,
                meetings=draft.meetings, seats=draft.seats, access_mode=draft.access_mode,
                rooms=draft.rooms, breaks=weeks(draft.breaks), created_at=now,
                status=CohortStatus.open if open_now else CohortStatus.draft,
            )  # fmt: skip
            session.add(cohort)
            await session.flush()
            made = [
                Group(
                    guild_id=actor.guild_id, cohort_id=cohort.id, name=name,
                    seats=draft.seats, created_at=now,
                    rule=draft.rule.to_json() if draft.rule is not None else None,
                )
                for name in _names(guild, draft.groups)
            ]  # fmt: skip
            session.add_all(made)
            await session.flush()
            entry = audit(
                session, actor, "cohort_created", cohort_id=cohort.id,
                after={"name": draft.name, "groups": draft.groups, "open": open_now},
                trace=Trace(
                    groups=tuple(RowChange(g.id, None, {"status": "preview"}) for g in made),
                    cohorts=(RowChange(cohort.id, None, {"status": str(cohort.status)}),),
                ),
            )  # fmt: skip
            await series.follow(session, [g.id for g in made], now)
            cohort_id = cohort.id
    except IntegrityError as error:
        raise _taken(draft.name, error) from error
    return await _noted(actor, cohort_id, entry)


async def _noted(actor: Actor, cohort_id: int, entry: AuditEntry | None) -> CohortSummary:
    """The cohort as it is now, with the history's entry where something changed."""
    shown = await show(actor.guild_id, cohort_id)
    return replace(shown, entry_id=entry.id if entry is not None else None)


def _names(guild: Guild, number: int) -> list[str]:
    """The first names of a cohort's groups, in the server's language: everybody reads them."""
    with speaking(GuildSettings.model_validate(guild.settings or {}).language):
        return [t("Group {number}", number=n) for n in range(1, number + 1)]


def _taken(name: str, error: IntegrityError) -> Exception:
    if "uq_cohorts_name" in str(error.orig):
        text = t("There is a cohort called “{name}” already. Choose another name.", name=name)
        return Refusal("name_taken", text)
    return error


async def show(guild_id: int, cohort_id: int) -> CohortSummary:
    """The cohort with its live groups. Raises Refusal(cohort_not_found)."""
    async with get_database().alone() as session:
        cohort = await get_cohort(session, guild_id, cohort_id)
        members = (
            select(Membership.group_id, func.count().label("n"))
            .where(
                Membership.cohort_id == cohort_id,
                Membership.status == MembershipStatus.active,
                Membership.role == "participant",
            )
            .group_by(Membership.group_id)
            .subquery()
        )
        rows = await session.execute(
            select(Group.id, Group.name, Group.status, func.coalesce(members.c.n, 0), Group.seats)
            .outerjoin(members, members.c.group_id == Group.id)
            .where(Group.cohort_id == cohort_id)
            .order_by(Group.id)
        )
        return CohortSummary(
            cohort.id, cohort.name, cohort.status, cohort.start_date, cohort.meetings,
            cohort.seats, cohort.access_mode, cohort.rooms, tuple(tuple(r) for r in rows),
            breaks=tuple(cohort.breaks),
        )  # fmt: skip


async def edit(actor: Actor, cohort_id: int, **changes: Any) -> CohortSummary:
    """Change name, start_date, meetings, seats (also of its groups), rooms or access_mode.

    Rooms and access mode can only be changed while nothing was made on Discord yet, the start
    until the first meeting.
    """
    actor.must_moderate()
    try:
        async with get_database().transaction() as session:
            cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
            if cohort.status not in {CohortStatus.draft, CohortStatus.open}:
                raise Refusal("closed", t("This cohort is closed; it can no longer be changed."))
            before = {f: getattr(cohort, f) for f in _EDITABLE}
            wanted = {f: changes.get(f, was) for f, was in before.items()}
            draft = checked_draft(CohortDraft(**wanted, groups=1))
            if (draft.rooms, draft.access_mode) != (cohort.rooms, cohort.access_mode):
                await _refuse_if_made(session, cohort_id)
            if draft.start_date != cohort.start_date:
                await series.must_not_have_begun(session, cohort_id, utcnow())
            after = {f: getattr(draft, f) for f in _EDITABLE}
            for f, value in after.items():
                setattr(cohort, f, value)
            seats = await _set_seats(session, cohort_id, draft.seats) if "seats" in changes else []
            trace = Trace(groups=tuple(seats), cohorts=tuple(changed(cohort_id, before, after)))
            entry = None
            if trace:
                entry = audit(
                    session, actor, "cohort_edited", cohort_id=cohort_id, trace=trace,
                    before={k: str(v) for k, v in before.items() if v != after[k]},
                    after={k: str(v) for k, v in after.items() if v != before[k]},
                )  # fmt: skip
            await _all_follow(session, cohort_id, entry)
    except IntegrityError as error:
        raise _taken(str(changes.get("name", "")), error) from error
    return await _noted(actor, cohort_id, entry)


async def _all_follow(session: AsyncSession, cohort_id: int, entry: AuditEntry | None) -> None:
    """All groups of a changed cohort: their meetings, whom to tell of it, and their syncs."""
    await session.flush()
    found = await session.scalars(select(Group.id).where(Group.cohort_id == cohort_id))
    groups = found.all()
    moved = await series.follow(session, groups, utcnow())
    if entry is not None:
        await series.tell_moved(session, moved, entry.id, utcnow())
    await mark_due(session, groups, utcnow())


async def _set_seats(session: AsyncSession, cohort_id: int, seats: int) -> list[RowChange]:
    """The same number for every live group; what that changed, for each had its own."""
    groups = await session.scalars(
        select(Group)
        .where(Group.cohort_id == cohort_id, Group.status.in_(LIVE))
        .order_by(Group.id)
        .with_for_update(key_share=True)
    )
    changes: list[RowChange] = []
    for group in groups:
        changes += changed(group.id, {"seats": group.seats}, {"seats": seats})
        group.seats = seats
    return changes


async def _refuse_if_made(session: Any, cohort_id: int) -> None:
    made = await session.scalar(
        select(func.count())
        .select_from(ManagedObject)
        .join(Group, Group.id == ManagedObject.group_id)
        .where(Group.cohort_id == cohort_id)
    )
    if made:
        raise Refusal(
            "already_made",
            t(
                "Channels exist already, so rooms and the way of access stay as they are. "
                "Make a new cohort to have it differently."
            ),
        )


async def open_(actor: Actor, cohort_id: int) -> CohortSummary:
    """Let people join, and have channels made for groups that have somebody in them."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
        if cohort.status not in {CohortStatus.draft, CohortStatus.open}:
            raise Refusal("closed", t("This cohort is closed. Make a new one instead."))
        entry = None
        if cohort.status == CohortStatus.draft:
            row = changed(cohort_id, {"status": cohort.status}, {"status": CohortStatus.open})
            cohort.status = CohortStatus.open
            trace = Trace(cohorts=tuple(row))
            entry = audit(session, actor, "cohort_opened", cohort_id=cohort_id, trace=trace)
            await session.flush()
        found = await session.scalars(
            select(Group.id).where(Group.cohort_id == cohort_id, Group.status.in_(LIVE))
        )
        groups = found.all()
        await series.follow(session, groups, utcnow())
        await mark_due(session, groups, utcnow())
    return await _noted(actor, cohort_id, entry)


async def close(actor: Actor, cohort_id: int) -> CohortSummary:
    """The season is over: nobody joins any more, channels become read-only, nothing is deleted."""
    return await _end(
        actor, cohort_id, CohortStatus.closed, GroupStatus.completed, MembershipStatus.completed
    )


async def cancel(actor: Actor, cohort_id: int) -> CohortSummary:
    """It does not take place: everybody loses access, the channels stay for moderators."""
    return await _end(
        actor, cohort_id, CohortStatus.cancelled, GroupStatus.cancelled, MembershipStatus.removed
    )


async def _end(
    actor: Actor, cohort_id: int, status: CohortStatus, group: GroupStatus, member: MembershipStatus
) -> CohortSummary:
    actor.must_moderate()
    now, reason = utcnow(), f"cohort_{status}"
    async with get_database().transaction() as session:
        cohort = await get_cohort(session, actor.guild_id, cohort_id, lock=True)
        if cohort.status not in {CohortStatus.draft, CohortStatus.open}:
            raise Refusal("closed", t(_ENDED[CohortStatus(cohort.status)]))
        before = str(cohort.status)
        cohort.status = status
        live = await session.scalars(
            select(Group)
            .where(Group.cohort_id == cohort_id, Group.status.in_(LIVE))
            .order_by(Group.id)
            .with_for_update(key_share=True)
        )
        rows: list[RowChange] = []
        for one in live.all():
            rows += changed(one.id, {"status": one.status}, {"status": group})
            one.status = group
        found = await session.execute(
            update(Membership)
            .where(Membership.cohort_id == cohort_id, Membership.status == "active")
            .values(status=member, ended_at=now, reason=reason)
            .returning(Membership.id, Membership.user_id, Membership.group_id)
        )
        people = [(i, user, of) for i, user, of in found]
        trace = Trace(
            ended(people, member, reason, now), tuple(rows),
            tuple(changed(cohort_id, {"status": before}, {"status": status})),
        )  # fmt: skip
        entry = audit(
            session, actor, f"cohort_{status}", cohort_id=cohort_id, trace=trace,
            before={"status": before}, after={"status": status, "people": len(people)},
        )  # fmt: skip
        await session.flush()
        await series.end(session, [r.id for r in rows], entry.id, now)
        await mark_due(session, [r.id for r in rows], now)
    return await _noted(actor, cohort_id, entry)
