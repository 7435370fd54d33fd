"""Who may need a word: private to moderators, and nothing of it happens by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Snooze
from core.db.models import Member, Membership
from core.db.queries import attention as queries
from core.db.queries.attention import Suspect, Was
from core.db.queries.deliveries import New, enqueue
from core.errors import Refusal
from core.operations import attendance
from core.operations.common import Actor, audit
from core.reconcile.answers import NOT_ATTENDING, effective
from core.reconcile.attendance import Cause, Past, Seen, Verdict, attention, verdict
from core.words import t

LATER = timedelta(days=7)
LONGEST = 1200  # characters of a message: with names it stays below templates.FILLED
# Ten pages of the list; whoever is dealt with makes room for the next.
MOST = 100


@dataclass(frozen=True)
class Missed:
    """A meeting that it is about; `notice`: they said that they can't come."""

    meeting_id: int
    number: int | None
    starts_at_unix: int
    notice: bool
    absent: bool


@dataclass(frozen=True)
class Entry:
    """One member who may need a word, and why."""

    membership_id: int
    group_id: int
    user_id: int
    name: str
    label: str
    cause: Cause
    missed: tuple[Missed, ...]  # newest first


async def entries(guild_id: int) -> list[Entry]:
    """Those of whom nobody said "later", worst cause first, in two statements."""
    async with get_database().alone() as session:
        return await find(session, guild_id)


async def find(
    session: AsyncSession, guild_id: int, membership_id: int | None = None
) -> list[Entry]:
    """Likewise in a transaction; of one membership, snoozed or not, where one is given."""
    now = utcnow()
    some = await queries.suspects(
        session, guild_id, now, limit=MOST, membership_id=membership_id
    )  # fmt: skip
    past = await queries.past(session, guild_id, [s.membership_id for s in some], now)
    found = []
    for suspect in some:
        rows = past[suspect.membership_id]
        seen = [_past(row) for row in rows]
        need = attention(
            seen,
            facilitator=suspect.facilitator,
            since=suspect.since,
            answered=suspect.answered,
            now=now,
        )
        if need is None or (membership_id is None and need.cause in suspect.snoozed):
            continue
        ids = {p.meeting_id for p in need.meetings}
        missed = tuple(
            _missed(row, one) for row, one in zip(rows, seen, strict=True) if row.meeting_id in ids
        )
        found.append(_entry(suspect, need.cause, missed))
    order = list(Cause)
    return sorted(found, key=lambda e: order.index(e.cause))


def _past(row: Was) -> Past:
    said = verdict(
        Seen(row.seconds, row.mark),
        minutes=row.minutes,
        threshold=row.threshold,
        anybody_seen=row.anybody_seen,
    )
    notice = effective(row.status, row.interested) == NOT_ATTENDING
    return Past(row.meeting_id, row.starts_at, said, notice, row.seconds > 0)


def _missed(row: Was, past: Past) -> Missed:
    absent = past.verdict == Verdict.absent
    return Missed(
        row.meeting_id, row.number, int(row.starts_at.timestamp()), past.notice, absent
    )  # fmt: skip


def _entry(suspect: Suspect, cause: Cause, missed: tuple[Missed, ...]) -> Entry:
    return Entry(
        suspect.membership_id, suspect.group_id, suspect.user_id, suspect.name, suspect.label,
        cause, missed,
    )  # fmt: skip


async def one(actor: Actor, membership_id: int) -> Entry:
    """One entry as it is now. Raises Refusal(not_allowed, no_longer)."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        return await _one(session, actor, membership_id)


async def _one(session: AsyncSession, actor: Actor, membership_id: int) -> Entry:
    found = await find(session, actor.guild_id, membership_id)
    if not found:
        raise Refusal("no_longer", t("That is over already: there is nothing to do any more."))
    return found[0]


async def excuse(actor: Actor, membership_id: int) -> Entry:
    """Mark the meetings that it is about as excused. Raises Refusal(not_allowed, no_longer)."""
    entry = await one(actor, membership_id)
    ids = [m.meeting_id for m in entry.missed if m.absent]
    await attendance.mark(actor, ids, entry.user_id, "excused")
    return entry


async def later(actor: Actor, membership_id: int) -> Entry:
    """Do not show it to anybody for LATER. Raises Refusal(not_allowed, no_longer)."""
    actor.must_moderate()
    now = utcnow()
    async with get_database().transaction() as session:
        entry = await _one(session, actor, membership_id)
        await session.execute(
            delete(Snooze).where(Snooze.guild_id == actor.guild_id, Snooze.until <= now)
        )
        statement = insert(Snooze).values(
            guild_id=actor.guild_id, group_id=entry.group_id, user_id=entry.user_id,
            cause=entry.cause.value, until=now + LATER,
        )  # fmt: skip
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[Snooze.group_id, Snooze.user_id, Snooze.cause],
                set_={"until": statement.excluded.until},
            )
        )
    return entry


def _sayable(text: str) -> str:
    """Without the space around it. Raises Refusal(empty, too_long)."""
    said = text.strip()
    if not said:
        raise Refusal("empty", t("The message is empty. Nothing was sent."))
    if len(said) > LONGEST:
        raise Refusal(
            "too_long",
            t("The message has {n} characters; {limit} are possible.", n=len(said), limit=LONGEST),
        )
    return said


async def message(actor: Actor, membership_id: int, text: str, cause: int) -> str:
    """Write to somebody in the moderator's name; the person's name.

    `cause` is the interaction's id: the same form sent twice is one message. The history notes
    that it was written, not what. Raises Refusal(not_allowed, no_longer, empty, too_long).
    """
    actor.must_moderate()
    said, now = _sayable(text), utcnow()
    async with get_database().transaction() as session:
        member = await session.scalar(
            select(Membership).where(
                Membership.id == membership_id, Membership.guild_id == actor.guild_id
            )
        )
        if member is None:
            raise Refusal("no_longer", t("That is over already: there is nothing to do any more."))
        made = await enqueue(
            session,
            [
                New(
                    actor.guild_id, "note", f"note:{membership_id}:{cause}", now,
                    user_id=member.user_id, group_id=member.group_id,
                    payload={"text": said, "from": actor.name},
                )
            ],
            now,
        )  # fmt: skip
        if made:
            audit(
                session, actor, "note_sent",
                cohort_id=member.cohort_id, group_id=member.group_id, user_id=member.user_id,
            )  # fmt: skip
        name = await session.scalar(
            select(Member.name).where(
                Member.guild_id == actor.guild_id, Member.user_id == member.user_id
            )
        )
        return name or str(member.user_id)
