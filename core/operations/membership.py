"""Join, leave, switch; and what moderators do with people. Each function is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    Membership,
    MembershipStatus,
    Role,
)
from core.db.queries import seats
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.notifications import notices
from core.operations.common import Actor, audit, ensure_person, get_group, group_with_all
from core.operations.group_views import has_started
from core.reconcile.trace import LIVE, MemberChange, Trace, begun, ended
from core.words import t, tn


@dataclass(frozen=True)
class Moved:
    """What changed: the group now (None: left), the one before, and rules that were bypassed."""

    user_id: int
    group_id: int | None
    group_name: str | None
    previous_id: int | None = None
    previous_name: str | None = None
    bypassed: tuple[str, ...] = ()
    entry_id: int | None = None  # of the history, for undo


async def join(actor: Actor, group_id: int) -> Moved:
    """A member joins a group, or switches to it from another of the same cohort.

    Raises Refusal: group_not_found, group_full, already_in_group, group_already_started.
    """
    return await _place(actor, _Wish(group_id, actor.user_id, actor.name))


async def add(
    actor: Actor, group_id: int, user_id: int, name: str, *, role: Role = Role.participant
) -> Moved:
    """A moderator puts somebody into a group, past seats and timing, and is told so.

    Somebody in another group of the cohort is refused with already_in_cohort: that is a move.
    """
    actor.must_moderate()
    return await _place(
        actor, _Wish(group_id, user_id, name, role=role, bypass=True, may_move=False)
    )


async def move(actor: Actor, group_id: int, user_id: int, name: str) -> Moved:
    """A moderator moves somebody to this group from another one of the same cohort."""
    actor.must_moderate()
    return await _place(actor, _Wish(group_id, user_id, name, bypass=True, must_move=True))


async def leave(actor: Actor, group_id: int) -> Moved:
    """A member leaves. Raises Refusal(not_in_group)."""
    return await _end(actor, group_id, actor.user_id, MembershipStatus.dropped, "left")


async def remove(actor: Actor, group_id: int, user_id: int, reason: str | None = None) -> Moved:
    """A moderator takes somebody out. Raises Refusal(not_in_group)."""
    actor.must_moderate()
    return await _end(
        actor, group_id, user_id, MembershipStatus.removed, (reason or "removed")[:200]
    )


@dataclass(frozen=True)
class _Wish:
    """Who is to be in which group, as what, and what the one who asked may do for it."""

    group_id: int
    user_id: int
    name: str
    role: Role | None = None
    bypass: bool = False
    may_move: bool = True
    must_move: bool = False


async def _place(actor: Actor, wish: _Wish) -> Moved:
    try:
        async with get_database().transaction() as session:
            # The row lock makes seats and the one-active rule race-free without retries.
            group, cohort, settings = await group_with_all(session, actor.guild_id, wish.group_id)
            current = await _current(session, cohort.id, wish.user_id)
            _check_open(group, cohort, bypass=wish.bypass)
            _check_place(wish, group, current)
            late = current is None and has_started(cohort.start_date, settings.zone, utcnow())
            return await _put(session, actor, wish, group, current, late=late)
    except IntegrityError as error:
        # Two clicks of one person at once on two groups: the partial unique index decides.
        if "uq_memberships" in str(error.orig):
            raise Refusal(
                "already_in_group", t("You are in a group of this cohort already. Look at /my.")
            ) from error
        raise


def _check_place(wish: _Wish, group: Group, current: Membership | None) -> None:
    """Whether it suits where the person is now."""
    if current is None:
        if wish.must_move:
            raise Refusal(
                "not_in_cohort", t("They are in no group of this cohort. Use /member add.")
            )
        return
    if current.group_id != group.id and not wish.may_move:
        raise Refusal(
            "already_in_cohort", t("They are in another group of this cohort. Use /member move.")
        )
    if current.group_id == group.id and wish.role in {None, current.role}:
        raise Refusal(
            "already_in_group", t("Already in “{group}”. Nothing changed.", group=group.name)
        )


_WATCHED = text("delete from seat_watches where group_id = :group and user_id = :user")


async def _put(
    session: AsyncSession,
    actor: Actor,
    wish: _Wish,
    group: Group,
    current: Membership | None,
    *,
    late: bool,
) -> Moved:
    """Write it all: the membership, the history, what is due, what is said.

    `late`: the group has started, and the person comes from none of its cohort.
    """
    now, user_id = utcnow(), wish.user_id
    same = current is not None and current.group_id == group.id
    kept = wish.role or (Role(current.role) if current else Role.participant)
    sits = kept == Role.participant  # facilitators hold no seat
    own = {current.seat} if current and same and current.seat else set()
    # The group's lock is held: nobody takes a seat meanwhile.
    taken = (await seats.taken(session, [group.id]))[group.id] - own if sits else set()
    full = sits and not own and seats.next_free(taken, group.seats) is None
    bypassed = _rules(group, full=full, late=late)
    if bypassed and not wish.bypass:
        raise bypassed[0]
    await ensure_person(session, actor.guild_id, user_id, wish.name)
    previous = await _finish(session, current, now, "switched")
    # Past the seats for those whom a moderator adds: numbers go on above.
    seat = seats.next_free(taken, group.seats) or seats.beyond(taken, group.seats)
    made = Membership(
        guild_id=actor.guild_id, cohort_id=group.cohort_id, group_id=group.id, user_id=user_id,
        role=kept, seat=seat if sits else None, created_at=now,
    )  # fmt: skip
    session.add(made)
    await session.flush()
    entry = audit(
        session, actor, _action(actor, user_id, current), cohort_id=group.cohort_id,
        group_id=group.id, user_id=user_id,
        before={"group_id": previous.id, "group": previous.name} if previous else {},
        after={"group_id": group.id, "group": group.name, **({"role": kept} if same else {})},
        trace=Trace(_ended(current, now) + begun([(made.id, user_id, group.id)])),
    )  # fmt: skip
    await session.flush()
    await mark_due(session, [group.id, *([previous.id] if previous else [])], now)
    left = None if same else previous
    if not same:
        await notices.came(session, group, user_id, now)
    if left is not None:
        await notices.went(session, left, user_id, now)
    await session.execute(_WATCHED, {"group": group.id, "user": user_id})
    return Moved(
        user_id, group.id, group.name, left.id if left else None, left.name if left else None,
        tuple(r.code for r in bypassed), entry.id,
    )  # fmt: skip


def _action(actor: Actor, user_id: int, current: Membership | None) -> str:
    if actor.user_id == user_id:
        return "switched" if current else "joined"
    return "member_moved" if current else "member_added"


def _check_open(group: Group, cohort: Cohort, *, bypass: bool) -> None:
    """Members see only live groups of open cohorts; moderators may fill drafts as well."""
    cohorts = {CohortStatus.open, CohortStatus.draft} if bypass else {CohortStatus.open}
    if group.status not in LIVE or cohort.status not in cohorts:
        raise Refusal("group_not_found", t("This group does not take anybody any more."))


def _rules(group: Group, *, full: bool, late: bool) -> list[Refusal]:
    """Which joining rules stand in the way; moderators pass them and are told."""
    broken = []
    if full:
        broken.append(
            Refusal(
                "group_full",
                tn(
                    "“{group}” is full ({n} seat). Nothing changed.",
                    "“{group}” is full ({n} seats). Nothing changed.",
                    group.seats,
                    group=group.name,
                ),
            )
        )
    if late:
        broken.append(
            Refusal(
                "group_already_started",
                t(
                    "“{group}” has started already, so nobody new can join. "
                    "Ask a moderator, who can add you.",
                    group=group.name,
                ),
            )
        )
    return broken


_CURRENT = (
    select(Membership)
    .where(
        Membership.cohort_id == bindparam("cohort"),
        Membership.user_id == bindparam("user"),
        Membership.status == MembershipStatus.active,
    )
    .with_for_update()
)


async def _current(session: AsyncSession, cohort_id: int, user_id: int) -> Membership | None:
    values = {"cohort": cohort_id, "user": user_id}
    found: Membership | None = await session.scalar(_CURRENT, values)
    return found


async def _finish(
    session: AsyncSession, current: Membership | None, now: datetime, reason: str
) -> Group | None:
    """End the membership that a new one takes the place of; its group."""
    if current is None:
        return None
    current.status, current.ended_at, current.reason = MembershipStatus.dropped, now, reason
    await session.flush()
    return await session.get_one(Group, current.group_id)


def _ended(row: Membership | None, now: datetime) -> tuple[MemberChange, ...]:
    """What `_finish` did, for undo."""
    if row is None:
        return ()
    return ended([(row.id, row.user_id, row.group_id)], row.status, row.reason, now)


async def _end(
    actor: Actor, group_id: int, user_id: int, status: MembershipStatus, reason: str
) -> Moved:
    now = utcnow()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id, lock=True)
        left = await session.scalar(
            update(Membership)
            .where(
                Membership.group_id == group_id,
                Membership.user_id == user_id,
                Membership.status == MembershipStatus.active,
            )
            .values(status=status, ended_at=now, reason=reason)
            .returning(Membership.id)
        )
        if left is None:
            raise Refusal(
                "not_in_group",
                t("You are not in “{group}”. Nothing changed.", group=group.name)
                if user_id == actor.user_id
                else t("They are not in “{group}”. Nothing changed.", group=group.name),
            )
        entry = audit(
            session, actor, "left" if user_id == actor.user_id else "member_removed",
            cohort_id=group.cohort_id, group_id=group_id, user_id=user_id,
            before={"group_id": group_id, "group": group.name}, after={"reason": reason},
            trace=Trace(ended([(left, user_id, group_id)], status, reason, now)),
        )  # fmt: skip
        await mark_due(session, [group_id], now)
        await notices.went(session, group, user_id, now)
        return Moved(user_id, None, None, group_id, group.name, entry_id=entry.id)
