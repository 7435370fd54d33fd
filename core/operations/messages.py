"""The messages of a server: what was sent, what waits and why, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Announcement, Delivery, DeliveryStatus
from core.db.models import Cohort, Group, Member
from core.db.queries.deliveries import wake
from core.errors import Refusal
from core.notifications.kinds import KINDS
from core.operations.announce_targets import rooms
from core.operations.common import Actor, audit
from core.reconcile.reminders import CANCELLED
from core.words import pack, t, unpack

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
_MENDED = ("closed_dms", "channel_gone", "expired", "too_late", CANCELLED)
_AT_ONCE = 1000  # rows of one press: fifty seconds of sending


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
            self.status == DeliveryStatus.skipped and self.error_class in _MENDED
        )

    @property
    def can_cancel(self) -> bool:
        """Whether it is still to be sent."""
        if self.announcement is not None:
            return bool(self.announcement.waiting or self.announcement.failed)
        return self.status in {DeliveryStatus.pending, DeliveryStatus.failed}


@dataclass(frozen=True)
class Page:
    """Lines, newest first, and whether there are newer and older ones."""

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
    """Eight lines older than the line `before`, or newer than `after`. Four statements at most.

    Raises Refusal(not_allowed).
    """
    actor.must_moderate()
    query = _query(actor.guild_id).where(*_counted(STATUSES[which]))
    if after is not None:
        query = query.where(Delivery.id > after).order_by(Delivery.id)
    else:
        query = query.order_by(Delivery.id.desc())
        query = query.where(Delivery.id < before) if before is not None else query
    async with get_database().transaction() as session:
        rows = (await session.execute(query.limit(PAGE + 1))).all()
        lines = await _lines(session, actor.guild_id, rows[:PAGE])
    more = len(rows) > PAGE
    if after is not None:
        return Page(tuple(reversed(lines)), newer=more, older=True)
    return Page(tuple(lines), newer=before is not None, older=more)


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
        raise _not_found()
    return found[0]


def _not_found() -> Refusal:
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


# --- send again, cancel --------------------------------------------------------------------------


async def retry(actor: Actor, delivery_id: int) -> Line:
    """Try a message once more, now. What was sent is never sent again.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    actor.must_moderate()
    mended = and_(Delivery.status == DeliveryStatus.skipped, Delivery.error_class.in_(_MENDED))
    open_ = or_(Delivery.status.in_(STATUSES["failed"]), mended)
    async with get_database().transaction() as session:
        rows = await _retry(session, actor, Delivery.id == delivery_id, open_)
        if not rows:
            raise await _why_not(session, actor, delivery_id)
        audit(session, actor, "message_retried", **_about(rows[0]))
    return await line(actor, delivery_id)


async def retry_announcement(actor: Actor, announcement_id: int) -> Line:
    """Try the failed posts of an announcement once more, also those that could not be changed.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        rows = await _retry(
            session, actor, Delivery.announcement_id == announcement_id,
            Delivery.status.in_(STATUSES["failed"]),
        )  # fmt: skip
        if not rows:
            raise _nothing_failed()
        audit(session, actor, "messages_retried", after={"n": len(rows), "kind": "announce"})
    return await announcement(actor, announcement_id)


async def retry_all(actor: Actor) -> int:
    """Try everything once more that failed, the newest thousand at most; how many those were.

    Raises Refusal: not_allowed, wrong_status.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        rows = await _retry(session, actor, Delivery.status.in_(STATUSES["failed"]))
        if not rows:
            raise _nothing_failed()
        audit(session, actor, "messages_retried", after={"n": len(rows)})
    return len(rows)


def _nothing_failed() -> Refusal:
    return Refusal("wrong_status", t("Nothing there failed. Nothing was changed."))


async def _retry(
    session: AsyncSession, actor: Actor, *where: ColumnElement[bool]
) -> list[Delivery]:
    """Rows that match become due now, with the same key. Whoever claims one is waited for."""
    now = utcnow()
    found = await session.scalars(
        select(Delivery)
        .where(Delivery.guild_id == actor.guild_id, *where)
        .order_by(Delivery.id.desc())
        .limit(_AT_ONCE)
        .with_for_update()
    )
    rows = list(found.all())
    await _find_rooms(session, actor.guild_id, rows)
    for row in rows:
        kind = KINDS.get(row.kind)
        row.status, row.next_at, row.attempts = DeliveryStatus.pending, now, 0
        row.error_class = row.error_text = None
        # A person wants it sent all the same; what it is about decides whether it still fits.
        if kind is not None and row.due_at + kind.grace < now:
            row.due_at = now
    if rows:
        await wake(session)
    return rows


async def _find_rooms(session: AsyncSession, guild_id: int, rows: Sequence[Delivery]) -> None:
    """An announcement goes to the channel that its group, or its cohort, has now."""
    posts = [row for row in rows if row.kind == "announce"]
    if not posts:
        return
    groups = {row.group_id for row in posts if row.group_id is not None}
    cohorts = {int(row.payload["cohort"]) for row in posts if "cohort" in row.payload}
    found = await rooms(session, guild_id, groups, cohorts)
    for row in posts:
        owner = f"shared:{row.payload['cohort']}" if "cohort" in row.payload else None
        row.channel_id = found.get(owner or f"group:{row.group_id}", row.channel_id)


async def _why_not(session: AsyncSession, actor: Actor, delivery_id: int) -> Refusal:
    """What to say about a row that is not as it was shown."""
    status = await session.scalar(
        select(Delivery.status).where(
            Delivery.guild_id == actor.guild_id, Delivery.id == delivery_id
        )
    )
    if status is None:
        return _not_found()
    said = {
        DeliveryStatus.sent: t("This was sent already, and nothing is sent twice."),
        DeliveryStatus.sending: t("This is being sent just now. Nothing was changed."),
        DeliveryStatus.pending: t("This waits already for its time. Nothing was changed."),
        DeliveryStatus.skipped: t("This is not sent any more. Nothing was changed."),
    }
    usual = t("This was given up already. Nothing was changed.")
    return Refusal("wrong_status", said.get(DeliveryStatus(status), usual))


def _about(row: Delivery) -> dict[str, Any]:
    """What the history says of one message."""
    after = {"kind": row.kind, "message": row.id}
    return {"group_id": row.group_id, "user_id": row.user_id, "after": after}


async def cancel(actor: Actor, delivery_id: int) -> Line:
    """Do not send a message that waits.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        waits = Delivery.status.in_((DeliveryStatus.pending, DeliveryStatus.failed))
        rows = await _cancel(session, actor, Delivery.id == delivery_id, waits)
        if not rows:
            raise await _why_not(session, actor, delivery_id)
        audit(session, actor, "message_cancelled", **_about(rows[0]))
    return await line(actor, delivery_id)


async def cancel_announcement(actor: Actor, announcement_id: int) -> Line:
    """Do not send those posts of an announcement that wait or failed.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        rows = await _cancel(
            session, actor, Delivery.announcement_id == announcement_id,
            Delivery.kind == "announce",
            Delivery.status.in_((*STATUSES["failed"], DeliveryStatus.pending)),
        )  # fmt: skip
        if not rows:
            raise Refusal("wrong_status", t("Nothing of it waits. Nothing was changed."))
        audit(
            session, actor, "message_cancelled", after={"kind": "announce", "n": len(rows)},
        )  # fmt: skip
    return await announcement(actor, announcement_id)


async def _cancel(
    session: AsyncSession, actor: Actor, *where: ColumnElement[bool]
) -> list[Delivery]:
    """Rows that are not claimed: whoever claims one is waited for, and then it is left alone."""
    found = await session.scalars(
        update(Delivery)
        .where(
            Delivery.guild_id == actor.guild_id,
            *where,
        )
        .values(
            status=DeliveryStatus.skipped, error_class=CANCELLED,
            error_text=pack(t("Cancelled by {name}", name=actor.name)),
        )
        .returning(Delivery)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return list(found.all())
