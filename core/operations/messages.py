"""The messages of a server: what was sent, what waits and why. See `message_actions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Announcement, Delivery, DeliveryStatus
from core.db.models import Cohort, Group, Member
from core.errors import Refusal
from core.operations.common import Actor
from core.reconcile.reminders import CANCELLED
from core.words import t, unpack

Filter = Literal["all", "waiting", "sent", "failed", "skipped"]
PAGE = 8  # lines: what a phone shows without much scrolling
STATUSES: dict[Filter, tuple[DeliveryStatus, ...]] = {
    "all": tuple(DeliveryStatus),
    "waiting": (DeliveryStatus.pending, DeliveryStatus.sending),
    "sent": (DeliveryStatus.sent,),
    "failed": (DeliveryStatus.failed, DeliveryStatus.dead),
    "skipped": (DeliveryStatus.skipped,),
}
# Reasons not to send that a person may have removed since.
MENDED = ("closed_dms", "channel_gone", "expired", "too_late", CANCELLED)


@dataclass(frozen=True)
class Tally:
    """How an announcement's posts stand. `why`: (posts, reason) of those that are not shown."""

    id: int
    text: str
    sent: int = 0
    waiting: int = 0
    failed: int = 0
    skipped: int = 0
    unchanged: int = 0  # posts that still have to show another text, or to go
    withdrawn: bool = False
    names: tuple[str, ...] = ()
    why: tuple[tuple[int, str], ...] = ()

    @property
    def posts(self) -> int:
        return self.sent + self.waiting + self.failed + self.skipped


@dataclass(frozen=True)
class Line:
    """One message, or all posts of one announcement. Times are UTC, channels Discord's ids."""

    id: int
    kind: str
    status: str
    due_at: datetime
    next_at: datetime
    sent_at: datetime | None
    attempts: int
    error_class: str | None
    why: str | None
    channel_id: int | None
    message_id: int | None
    user_id: int | None
    person: str | None
    group: str | None
    cohort: str | None
    announcement: Tally | None = None

    @property
    def can_retry(self) -> bool:
        """Whether it was given up, or failed, or the reason not to send it may be gone."""
        if self.announcement is not None:
            return bool(self.announcement.failed or self.status in STATUSES["failed"])
        return self.status in STATUSES["failed"] or (
            self.status == DeliveryStatus.skipped and self.error_class in MENDED
        )

    @property
    def can_cancel(self) -> bool:
        """Whether it is still to be sent."""
        if self.announcement is not None:
            return bool(self.announcement.waiting or self.announcement.failed)
        return self.status in {DeliveryStatus.pending, DeliveryStatus.failed}


@dataclass(frozen=True)
class Page:
    """Lines, and whether there are some above (`newer`) and below (`older`)."""

    lines: tuple[Line, ...]
    newer: bool = False
    older: bool = False


def _columns() -> tuple[Any, ...]:
    return (
        Delivery.id, Delivery.kind, Delivery.status, Delivery.due_at, Delivery.next_at,
        Delivery.sent_at, Delivery.attempts, Delivery.error_class, Delivery.error_text,
        func.coalesce(Delivery.sent_channel_id, Delivery.channel_id), Delivery.message_id,
        Delivery.user_id, func.coalesce(Member.nickname, Member.name), Group.name, Cohort.name,
        Delivery.announcement_id,
    )  # fmt: skip


def _query(guild_id: int) -> Any:
    return (
        select(*_columns())
        .outerjoin(Group, and_(Group.id == Delivery.group_id, Group.guild_id == guild_id))
        .outerjoin(Cohort, Cohort.id == Group.cohort_id)
        .outerjoin(
            Member, and_(Member.user_id == Delivery.user_id, Member.guild_id == Delivery.guild_id)
        )
        .where(Delivery.guild_id == guild_id)
    )


def _counted(statuses: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    """Rows that are lines: of an announcement the first, and changes only while they are due."""
    first = aliased(Delivery)
    earlier = (
        select(first.id)
        .where(
            first.announcement_id == Delivery.announcement_id,
            first.guild_id == Delivery.guild_id,
            first.id < Delivery.id,
            first.status.in_(statuses),
        )
        .exists()
    )
    over = and_(
        Delivery.kind == "announce_edit",
        Delivery.status.in_((DeliveryStatus.sent, DeliveryStatus.skipped)),
    )
    return (
        Delivery.status.in_(statuses),
        ~over,
        # An "or" with a subquery is looked up row by row, which is what a page of eight needs.
        or_(Delivery.announcement_id.is_(None), ~earlier),
    )


async def page(
    actor: Actor, which: Filter, *, before: int | None = None, after: int | None = None
) -> Page:
    """Eight lines that stand below the line `before`, or above `after`. Four statements at most.

    Raises Refusal(not_allowed).
    """
    actor.must_moderate()
    anchor, back = (after, True) if after is not None else (before, False)
    query = _list(actor.guild_id, which, anchor, back=back)
    async with get_database().transaction() as session:
        rows = (await session.execute(query.limit(PAGE + 1))).all()
        lines = await _lines(session, actor.guild_id, rows[:PAGE])
    more = len(rows) > PAGE
    if after is not None:
        return Page(tuple(reversed(lines)), newer=more, older=True)
    return Page(tuple(lines), newer=before is not None, older=more)


def _list(guild_id: int, which: Filter, anchor: int | None, *, back: bool) -> Any:
    """Rows in the order of when they were due, from the one before or (`back`) after `anchor` on.

    The newest stand first; of what waits, what comes next. "All" is what has been due.
    """
    query = _query(guild_id).where(*_counted(STATUSES[which]))
    if which == "all":
        query = query.where(
            or_(Delivery.status != DeliveryStatus.pending, Delivery.due_at <= utcnow())
        )
    place = tuple_(Delivery.due_at, Delivery.id)
    rising = (which == "waiting") != back
    if anchor is not None:
        there = aliased(Delivery)
        due = select(there.due_at).where(there.id == anchor, there.guild_id == guild_id)
        limit = tuple_(due.scalar_subquery(), anchor)
        query = query.where(place > limit if rising else place < limit)
    columns = (Delivery.due_at, Delivery.id)
    return query.order_by(*(c.asc() if rising else c.desc() for c in columns))


async def line(actor: Actor, delivery_id: int) -> Line:
    """One message. Raises Refusal: not_allowed, message_not_found."""
    actor.must_moderate()
    return await _one(actor, Delivery.id == delivery_id)


async def announcement(actor: Actor, announcement_id: int) -> Line:
    """All posts of an announcement. Raises Refusal: not_allowed, message_not_found."""
    actor.must_moderate()
    return await _one(actor, Delivery.announcement_id == announcement_id)


async def _one(actor: Actor, where: ColumnElement[bool]) -> Line:
    async with get_database().transaction() as session:
        query = _query(actor.guild_id).where(where).order_by(Delivery.id).limit(1)
        rows = (await session.execute(query)).all()
        found = await _lines(session, actor.guild_id, rows)
    if not found:
        raise not_found()
    return found[0]


def not_found() -> Refusal:
    """What to say where nothing of this guild has that number."""
    return Refusal("message_not_found", t("There is no such message here any more."))


async def _lines(session: AsyncSession, guild_id: int, rows: Sequence[Any]) -> list[Line]:
    tallies = await _tallies(session, guild_id, {row[15] for row in rows if row[15] is not None})
    found = []
    for row in rows:
        line = Line(*row[:15])
        why = unpack(line.why) if line.why is not None else None
        found.append(replace(line, why=why, announcement=tallies.get(row[15])))
    return found


async def _tallies(session: AsyncSession, guild_id: int, ids: set[int]) -> dict[int, Tally]:
    if not ids:
        return {}
    counted = await session.execute(
        select(
            Delivery.announcement_id, Delivery.kind, Delivery.status, Delivery.error_text,
            func.count(),
        )
        .where(Delivery.guild_id == guild_id, Delivery.announcement_id.in_(ids))
        .group_by(
            Delivery.announcement_id, Delivery.kind, Delivery.status, Delivery.error_text
        )
    )  # fmt: skip
    sums: dict[int, dict[str, int]] = {i: {} for i in ids}
    why: dict[int, list[tuple[int, str]]] = {i: [] for i in ids}
    for number, kind, status, reason, n in counted:
        name = _stands(kind, status)
        if name is None or number is None:
            continue
        sums[number][name] = sums[number].get(name, 0) + n
        if reason is not None and name != "sent":
            why[number].append((n, unpack(reason)))
    rows = await session.execute(
        select(
            Announcement.id, Announcement.content, Announcement.withdrawn_at, Announcement.targets
        ).where(Announcement.guild_id == guild_id, Announcement.id.in_(ids))
    )
    return {
        i: Tally(
            i, text, **sums[i], withdrawn=gone is not None, why=tuple(sorted(why[i], reverse=True)),
            names=tuple(targets.get("names", ())),
        )
        for i, text, gone, targets in rows
    }  # fmt: skip


def _stands(kind: str, status: str) -> str | None:
    """What a row of an announcement counts as: a field of Tally."""
    if kind == "announce_edit":
        over = status in {DeliveryStatus.sent, DeliveryStatus.skipped}
        return None if over else "unchanged"
    return next(name for name, several in STATUSES.items() if name != "all" and status in several)
