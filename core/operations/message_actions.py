"""What moderators do about messages: send one again, or not at all. See `messages`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Announcement, Delivery, DeliveryStatus
from core.db.queries.deliveries import wake
from core.errors import Refusal
from core.notifications.kinds import KINDS
from core.operations.announce_targets import rooms
from core.operations.common import Actor, audit
from core.operations.messages import MENDED, STATUSES, Line, announcement, line, not_found
from core.reconcile.reminders import CANCELLED
from core.words import pack, t

_Where = ColumnElement[bool]
_Change = Callable[[AsyncSession, Actor, _Where, _Where], Awaitable[list[Delivery]]]
_AT_ONCE = 1000  # rows of one press: fifty seconds of sending


async def retry(actor: Actor, delivery_id: int) -> Line:
    """Try a message once more, now. What was sent is never sent again.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    mended = and_(Delivery.status == DeliveryStatus.skipped, Delivery.error_class.in_(MENDED))
    failed = or_(Delivery.status.in_(STATUSES["failed"]), mended)
    return await _one(actor, delivery_id, _retry, failed, "message_retried")


async def cancel(actor: Actor, delivery_id: int) -> Line:
    """Do not send a message that waits.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    waits = Delivery.status.in_((DeliveryStatus.pending, DeliveryStatus.failed))
    return await _one(actor, delivery_id, _cancel, waits, "message_cancelled")


async def _one(actor: Actor, delivery_id: int, change: _Change, where: _Where, action: str) -> Line:
    """`change` this message if `where` still fits it; as it is then."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        rows = await change(session, actor, Delivery.id == delivery_id, where)
        if not rows:
            raise await _why_not(session, actor, delivery_id)
        [row] = rows
        audit(
            session, actor, action, group_id=row.group_id, user_id=row.user_id,
            after={"kind": row.kind, "message": row.id},
        )  # fmt: skip
    return await line(actor, delivery_id)


async def retry_announcement(actor: Actor, announcement_id: int) -> Line:
    """Try the failed posts of an announcement once more, also those that could not be changed.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    failed = Delivery.status.in_(STATUSES["failed"])
    await _posts(actor, announcement_id, _retry, failed, "messages_retried", _nothing_failed())
    return await announcement(actor, announcement_id)


async def cancel_announcement(actor: Actor, announcement_id: int) -> Line:
    """Do not send those posts of an announcement that wait or failed.

    Raises Refusal: not_allowed, message_not_found, wrong_status.
    """
    open_ = and_(
        Delivery.kind == "announce",
        Delivery.status.in_((*STATUSES["failed"], DeliveryStatus.pending)),
    )
    nothing = Refusal("wrong_status", t("Nothing of it waits. Nothing was changed."))
    await _posts(actor, announcement_id, _cancel, open_, "message_cancelled", nothing)
    return await announcement(actor, announcement_id)


async def _posts(
    actor: Actor,
    announcement_id: int,
    change: _Change,
    where: _Where,
    action: str,
    nothing: Refusal,
) -> None:
    """`change` those posts of an announcement that `where` fits. Raises `nothing` for none."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        rows = await change(session, actor, Delivery.announcement_id == announcement_id, where)
        if not rows:
            await _must_exist(session, actor, announcement_id)
            raise nothing
        audit(session, actor, action, after={"n": len(rows), "kind": "announce"})


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


async def _must_exist(session: AsyncSession, actor: Actor, announcement_id: int) -> None:
    mine = exists().where(
        Announcement.guild_id == actor.guild_id, Announcement.id == announcement_id
    )
    if not await session.scalar(select(mine)):
        raise not_found()


def _nothing_failed() -> Refusal:
    return Refusal("wrong_status", t("Nothing there failed. Nothing was changed."))


async def _retry(session: AsyncSession, actor: Actor, *where: _Where) -> list[Delivery]:
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
        return not_found()
    said = {
        DeliveryStatus.sent: t("This was sent already, and nothing is sent twice."),
        DeliveryStatus.sending: t("This is being sent just now. Nothing was changed."),
        DeliveryStatus.pending: t("This waits already for its time. Nothing was changed."),
        DeliveryStatus.skipped: t("This is not sent any more. Nothing was changed."),
    }
    usual = t("This was given up already. Nothing was changed.")
    return Refusal("wrong_status", said.get(DeliveryStatus(status), usual))


async def _cancel(session: AsyncSession, actor: Actor, *where: _Where) -> list[Delivery]:
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
