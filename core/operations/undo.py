"""Taking changes back: what it would mean now, and doing it, in one transaction.

An entry stands as long as no standing entry takes it back; taking back an undo does the change
again. The caller runs the sync of `Done.group_ids` after the commit, in that order.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import AuditEntry, Member
from core.errors import Refusal
from core.operations import history, release, series
from core.operations.common import Actor, audit
from core.operations.history import Entry
from core.operations.undo_rows import look, trace_of
from core.operations.undo_writes import carry_out
from core.reconcile.undo import decide
from core.reconcile.undo_facts import Code, Decision, Line
from core.words import mark, t

ADOPTED = "cohort_adopted"  # taken back by a release
# Every action of the history is in one of these two; a test reads the source and misses none.
UNDOABLE = frozenset({
    "joined", "switched", "left", "member_added", "member_moved", "member_removed",
    "members_imported", "expected_arrived", "group_created", "group_edited", "group_opened",
    "group_archived", "group_merged", "cohort_created", "cohort_edited", "cohort_opened",
    "cohort_closed", "cohort_cancelled", "settings_changed", "difference_kept", "undone",
    "cohort_adopted", "slot_changed", "slots_changed", "meeting_moved", "meeting_skipped",
    "meeting_postponed", "meeting_restored", "meeting_added", "reminders_changed",
})  # fmt: skip
NOT_UNDOABLE = {
    "group_repaired": mark(
        "Muster deletes nothing, so what was created again stays. Delete it on Discord if nobody "
        "needs it."
    ),
    "cohort_released": mark(
        "What was released can be adopted again with /cohort adopt; it becomes a new cohort."
    ),
    "group_released": mark(
        "What was released can be adopted again with /cohort adopt; it becomes a new cohort."
    ),
    "attendance_marked": mark(
        "Correct it with /attendance show: choose the meeting, then the person."
    ),
    "announced": mark("Withdraw it: /messages, then the announcement, then Withdraw."),
    "announcement_edited": mark(
        "Change it again: /messages, then the announcement, then Edit. The text before is in this "
        "line."
    ),
    "announcement_withdrawn": mark("What was withdrawn is deleted. Send it again with /announce."),
    "message_retried": mark("It is tried once more already. Until it is sent it can be cancelled."),
    "messages_retried": mark(
        "They are tried once more already. Until they are sent they can be cancelled."
    ),
    "message_cancelled": mark("What was cancelled is not sent any more."),
    "note_sent": mark("A message that was sent cannot be taken back from here."),
    "answered_for": mark("An answer is not taken back but given anew, in the meeting's own menu."),
    "visit_booked": mark("The guest cancels it, with Cancel the visit."),
    "visit_cancelled": mark("The guest books it again, after Can't come."),
    "feed_renewed": mark("A link that ended stays ended. /calendar makes another one."),
    "calendar_connected": mark("Disconnect it under /settings → Calendar."),
    "calendar_disconnected": mark("Connect it again under /settings → Calendar."),
    "calendar_invites": mark("Switch it back under /settings → Calendar."),
    "calendar_put_back": mark("Delete the entry in the calendar; Muster asks again."),
    "calendar_left_out": mark("Disconnect the calendar and connect it again: it is made then."),
    "groups_posted": mark("A posted list stays until its channel is deleted."),
    "sync_applied": mark(
        "Applying changed nothing but access, which follows from who is in which group. Take back "
        "the change of the group instead."
    ),
    "difference_put_back": mark(
        "What somebody set by hand on Discord cannot be brought back from here. Set it on Discord "
        "again."
    ),
}


@dataclass(frozen=True)
class Preview:
    """What an undo would do now. `mark` changes with it; without `does` there is nothing to do."""

    entry: Entry
    does: tuple[Line, ...]
    cannot: tuple[Line, ...]
    stays: tuple[Line, ...]
    mark: int


@dataclass(frozen=True)
class Done:
    """What was done. `entry_id` is the undo's own entry, which can be taken back as well.

    `group_ids` are to be synced in this order: those that lose people first.
    """

    entry_id: int | None
    entry: Entry  # what was taken back
    group_ids: tuple[int, ...]
    does: tuple[Line, ...]
    cannot: tuple[Line, ...]
    stays: tuple[Line, ...]


def can(entry: Entry) -> bool:
    """Whether /history offers to take this entry back; whether it works, the preview says."""
    return entry.stands and entry.action in UNDOABLE


async def preview(actor: Actor, entry_id: int) -> Preview:
    """What taking this entry back would do now. Changes nothing.

    Raises Refusal: not_allowed, entry_not_found, already_undone, not_undoable, too_old.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        row = await _entry(session, actor, entry_id)
        shown = await history.entry(session, row)
        adopted = row.action == ADOPTED
        decision = Decision() if adopted else await _decided(session, row, lock=False)
    if adopted:
        decision = await _releasing(actor, row)
    return Preview(
        shown, tuple(decision.does), tuple(decision.cannot), tuple(decision.stays), decision.mark()
    )  # fmt: skip


async def apply(actor: Actor, entry_id: int, *, seen: int | None = None) -> Done:
    """Take this entry back as far as it goes now.

    `seen` is the mark of the preview that was shown: where something else would happen by now,
    nothing does. Raises Refusal as `preview` does, and: nothing_left, changed_meanwhile.
    """
    actor.must_moderate()
    try:
        async with get_database().transaction() as session:
            row = await _entry(session, actor, entry_id, lock=True)
            if row.action != ADOPTED:
                decision = await _decided(session, row, lock=True)
                _as_seen(decision, seen)
                return await _take_back(session, actor, row, decision)
        return await _release(actor, row, seen)
    except IntegrityError as error:
        # Somebody's own click decided it at the same moment; the unique indexes keep the rules.
        raise _meanwhile() from error


def _as_seen(decision: Decision, seen: int | None) -> None:
    if not decision.does:
        raise Refusal(
            "nothing_left", t("Nothing of this can be taken back any more. Nothing was changed.")
        )
    if seen is not None and decision.mark() != seen:
        raise _meanwhile()


def _meanwhile() -> Refusal:
    return Refusal(
        "changed_meanwhile",
        t("Something changed in the meantime, so nothing was taken back. Look at it again."),
    )


async def _take_back(
    session: AsyncSession, actor: Actor, row: AuditEntry, decision: Decision
) -> Done:
    shown = await history.entry(session, row)
    trace, group_ids, moved = await carry_out(session, actor, decision)
    written = audit(
        session, actor, "undone", cohort_id=row.cohort_id, group_id=row.group_id,
        user_id=row.user_id, undoes_id=row.id, trace=trace,
        before={"root": shown.root.id if shown.root else row.id},
        after={"again": row.action == "undone" and not row.after.get("again", False)},
    )  # fmt: skip
    await session.flush()
    await series.tell(session, trace.meetings, written.id, utcnow())
    await series.tell_moved(session, moved, written.id, utcnow())
    await series.tell_back(session, [g.id for g in trace.groups], written.id, utcnow())
    return Done(
        written.id, shown, tuple(group_ids), tuple(decision.does), tuple(decision.cannot),
        tuple(decision.stays),
    )  # fmt: skip


async def _entry(
    session: AsyncSession, actor: Actor, entry_id: int, *, lock: bool = False
) -> AuditEntry:
    """The entry of this guild, if it stands and can be taken back."""
    row = await session.get(AuditEntry, entry_id)
    if row is None or row.guild_id != actor.guild_id:
        raise Refusal("entry_not_found", t("There is no such change in this server's history."))
    if row.action not in UNDOABLE:
        raise Refusal(
            "not_undoable", t("This cannot be taken back. {why}", why=why_not(row.action))
        )
    if lock:
        # One at a time for a change and all that was undone and done again of it.
        root = int(row.before.get("root", row.id))
        await session.execute(select(AuditEntry.id).where(AuditEntry.id == root).with_for_update())
    if not (await history.standing(session, actor.guild_id, [entry_id]))[entry_id]:
        raise Refusal("already_undone", await _by_whom(session, row))
    return row


def why_not(action: str) -> str:
    """Why this action cannot be taken back, in words."""
    return t(NOT_UNDOABLE.get(action, mark("Muster does not know how.")))


async def _by_whom(session: AsyncSession, row: AuditEntry) -> str:
    undoing = await session.scalar(
        select(AuditEntry).where(AuditEntry.undoes_id == row.id).order_by(AuditEntry.id.desc())
    )
    name = await session.scalar(
        select(Member.name).where(
            Member.guild_id == row.guild_id,
            Member.user_id == (undoing.actor_id if undoing is not None else None),
        )
    )
    if undoing is None or name is None:
        return t("This was taken back already. Nothing was changed.")
    return t("{who} took this back already. Nothing was changed.", who=name)


async def _decided(session: AsyncSession, row: AuditEntry, *, lock: bool) -> Decision:
    await _must_be_ours(session, row)
    trace = await trace_of(session, row)
    if not trace:
        raise Refusal(
            "too_old",
            t("The history of this change does not hold enough to take it back. Nothing changed."),
        )
    return decide(trace, await look(session, row.guild_id, trace, lock=lock))


async def _must_be_ours(session: AsyncSession, row: AuditEntry) -> None:
    """Raise Refusal(released) where the channels were given back since: they are no longer ours."""
    since = await session.scalar(
        select(AuditEntry.action)
        .where(
            AuditEntry.guild_id == row.guild_id,
            AuditEntry.cohort_id == row.cohort_id,
            AuditEntry.id > row.id,
            (AuditEntry.action == "cohort_released")
            | ((AuditEntry.action == "group_released") & (AuditEntry.group_id == row.group_id)),
        )
        .limit(1)
    )
    if row.cohort_id is not None and since is not None:
        text = t("Its channels were released since, so Muster leaves them alone. Nothing changed.")
        raise Refusal("released", text)


# --- an adoption is taken back by a release ------------------------------------------------------


async def _releasing(actor: Actor, row: AuditEntry) -> Decision:
    try:
        found = await release.preview_cohort(actor, row.cohort_id or 0)
    except Refusal as refusal:
        raise Refusal("nothing_left", str(refusal)) from refusal
    return Decision(does=[Line(Code.release, found.name, n=found.people)])


async def _release(actor: Actor, row: AuditEntry, seen: int | None) -> Done:
    decision = await _releasing(actor, row)
    _as_seen(decision, seen)
    await release.release_cohort(actor, row.cohort_id or 0)
    async with get_database().transaction() as session:
        shown = await history.entry(session, row)
        written = await session.scalar(
            select(AuditEntry)
            .where(
                AuditEntry.cohort_id == row.cohort_id, AuditEntry.action == "cohort_released",
                AuditEntry.id > row.id,
            )
            .order_by(AuditEntry.id)
            .limit(1)
        )  # fmt: skip
        if written is not None:
            written.undoes_id = row.id
    # What takes an adoption back cannot be taken back itself: it is adopted anew.
    return Done(None, shown, (), tuple(decision.does), (), ())
