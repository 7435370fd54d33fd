"""Answers to meetings. A press is one transaction of two statements: check; write and mark."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Source, Visit
from core.db.models import Cohort, Group, Membership, MembershipStatus
from core.db.queries import answers as queries
from core.db.queries.answers import Somebody
from core.errors import Refusal
from core.operations.common import Actor, audit, clean
from core.operations.meeting_rights import may_manage, must_manage
from core.reconcile.answers import MeetingFacts
from core.systems import answer_posts, projection_rows
from core.words import t

REASON_LIMIT = 200  # the column's


@dataclass(frozen=True)
class Answered:
    """What counts for this person and meeting now. `changed`: this answer is why.

    `visiting`: they are a guest of another group instead of this meeting.
    """

    meeting: MeetingFacts
    group_id: int
    group_name: str
    status: str
    guest: bool
    changed: bool
    reason: str | None = None
    visiting: bool = False


@dataclass(frozen=True)
class _Facts:
    meeting: Meeting
    group: str
    cohort_id: int
    member: bool
    guest: bool
    visiting: bool


async def answer(
    actor: Actor,
    meeting_id: int,
    status: Answer,
    source: Source,
    *,
    user_id: int | None = None,
    reason: str | None = None,
    at: datetime | None = None,
) -> Answered:
    """Write the answer of the actor, or of `user_id`, given at `at` (UTC; now).

    The later explicit answer wins: one that is older than the stored one changes nothing. Only
    moderators and the group's facilitators answer for others, which the history remembers.

    Raises Refusal: meeting_not_found, not_in_group, meeting_not_planned, meeting_over,
    not_allowed, empty_name or too_long (the reason).
    """
    now = utcnow()
    whom = actor.user_id if user_id is None else user_id
    why = clean(reason, limit=REASON_LIMIT, what="reason") if reason is not None else None
    async with get_database().transaction() as session:
        facts = await _checked(session, actor, meeting_id, whom, now)
        if whom != actor.user_id:
            await must_manage(session, actor, facts.meeting.group_id)
        before = await _stored(session, meeting_id, whom) if whom != actor.user_id else None
        counts, changed = await _write(session, facts.meeting, whom, status, source, at or now, why)
        if whom != actor.user_id and changed and before != status:
            audit(
                session, actor, "answered_for", cohort_id=facts.cohort_id,
                group_id=facts.meeting.group_id, user_id=whom,
                before={"answer": before}, after=_told(facts.meeting, status),
            )  # fmt: skip
    return Answered(
        queries.facts_of(facts.meeting), facts.meeting.group_id, facts.group, counts,
        facts.guest and not facts.member, changed, why, facts.visiting,
    )  # fmt: skip


def _told(meeting: Meeting, status: Answer) -> dict[str, Any]:
    return {"answer": status, "meeting_id": meeting.id, "number": meeting.number}


@cache
def _check() -> Any:
    """Built once: putting a statement together takes longer than running it."""
    member = exists().where(
        Membership.group_id == Meeting.group_id,
        Membership.user_id == bindparam("whom"),
        Membership.status == MembershipStatus.active,
    )
    guest = exists().where(
        Visit.meeting_id == Meeting.id, Visit.user_id == bindparam("whom"), Visit.ended_at.is_(None)
    )
    visiting = exists().where(
        Visit.missed_id == Meeting.id, Visit.user_id == bindparam("whom"), Visit.ended_at.is_(None)
    )
    return (
        select(
            Meeting, Group.name, Group.cohort_id, member, guest, visiting,
            projection_rows.lock_of(bindparam("post")),
        )
        .join(Group, Group.id == Meeting.group_id)
        .where(Meeting.id == bindparam("meeting"), Meeting.guild_id == bindparam("guild"))
    )  # fmt: skip


async def _checked(
    session: AsyncSession, actor: Actor, meeting_id: int, whom: int, now: datetime
) -> _Facts:
    """The meeting, if this person may answer it; one statement, which shares its posts' lock."""
    given = {
        "meeting": meeting_id, "guild": actor.guild_id, "whom": whom,
        "post": answer_posts.lock_name(meeting_id),
    }  # fmt: skip
    row = (await session.execute(_check(), given)).one_or_none()
    if row is None:
        raise Refusal("meeting_not_found", t("There is no such meeting here any more."))
    facts = _Facts(*row[:6])
    if not facts.member and not facts.guest:
        raise Refusal("not_in_group", _outside(facts.group, self_asked=whom == actor.user_id))
    must_be_open(facts.meeting, now)
    return facts


def _outside(group: str, *, self_asked: bool) -> str:
    if self_asked:
        return t(
            "You are not in “{group}”, so your answer does not count here. "
            "`/groups` shows which groups you can join.",
            group=group,
        )
    return t("They are not in “{group}”. Nothing was changed.", group=group)


def must_be_open(meeting: Meeting, now: datetime) -> None:
    """Raise Refusal where a meeting does not take place, or is over at `now` (UTC)."""
    facts = queries.facts_of(meeting)
    if meeting.status != MeetingStatus.planned:
        raise Refusal(
            "meeting_not_planned",
            t("{meeting} does not take place. There is nothing to answer.", meeting=facts.name),
        )
    if now >= facts.ends_at:
        raise Refusal(
            "meeting_over",
            t("{meeting} is over, so answers to it are closed.", meeting=facts.name),
        )


async def _stored(session: AsyncSession, meeting_id: int, user_id: int) -> str:
    found = await session.scalar(
        select(Rsvp.status).where(Rsvp.meeting_id == meeting_id, Rsvp.user_id == user_id)
    )
    return found or Answer.pending


# One statement, put together once: two of SQLAlchemy's cost a press twice the time.
_WRITE = text(f"""
    with written as ({queries.PUT} returning r.status),
    marked as ({queries.MARK} and exists (select from written))
    select status from written
    """)  # noqa: S608 - no value in it, only parameters


async def _write(
    session: AsyncSession,
    meeting: Meeting,
    user_id: int,
    status: Answer,
    source: Source,
    at: datetime,
    reason: str | None,
) -> tuple[str, bool]:
    """What counts now, and whether it is this. Where it is, its posts are marked.

    The statement before this one shares the posts' lock, so nobody takes their mark back meanwhile.
    """
    given = {
        "meeting": meeting.id, "user": user_id, "guild": meeting.guild_id, "status": status,
        "source": source, "at": at, "reason": reason, **answer_posts.marking(meeting.id),
    }  # fmt: skip
    written: str | None = await session.scalar(_WRITE, given)
    if written is None:
        return await _stored(session, meeting.id, user_id), False
    answer_posts.marked(session, meeting.id)
    return written, True


async def explain(actor: Actor, meeting_id: int, reason: str) -> Answered:
    """Why the actor cannot come: their facilitators and moderators read it.

    Raises Refusal like `answer`, and not_declined where they have changed their mind since.
    """
    now = utcnow()
    why = clean(reason, limit=REASON_LIMIT, what="reason")
    async with get_database().transaction() as session:
        facts = await _checked(session, actor, meeting_id, actor.user_id, now)
        done = await session.scalar(
            update(Rsvp)
            .where(
                Rsvp.guild_id == actor.guild_id,
                Rsvp.meeting_id == meeting_id,
                Rsvp.user_id == actor.user_id,
                Rsvp.status == Answer.not_attending,
            )
            .values(reason=why)
            .returning(Rsvp.user_id)
        )
    if done is None:
        raise Refusal(
            "not_declined", t("You did not say that you can't come, so no reason is needed.")
        )
    return Answered(
        queries.facts_of(facts.meeting), facts.meeting.group_id, facts.group,
        Answer.not_attending, facts.guest and not facts.member, changed=True, reason=why,
        visiting=facts.visiting,
    )  # fmt: skip


@dataclass(frozen=True)
class Roll:
    """Everybody whom a meeting is for. Reasons are there only for those who may read them."""

    meeting: MeetingFacts
    group_name: str
    cohort_name: str
    people: tuple[Somebody, ...]
    reasons: bool


async def roll(actor: Actor, meeting_id: int) -> Roll:
    """Who answered what. For the group's people, its guests and moderators.

    Raises Refusal(meeting_not_found, not_in_group).
    """
    async with get_database().transaction() as session:
        row = (
            await session.execute(
                select(Meeting, Group.name, Cohort.name)
                .join(Group, Group.id == Meeting.group_id)
                .join(Cohort, Cohort.id == Group.cohort_id)
                .where(Meeting.id == meeting_id, Meeting.guild_id == actor.guild_id)
            )
        ).one_or_none()
        if row is None:
            raise Refusal("meeting_not_found", t("There is no such meeting here any more."))
        meeting, group, cohort = row
        people = await queries.audience(session, actor.guild_id, meeting_id)
        reasons = await may_manage(session, actor, meeting.group_id)
    if not reasons and all(p.user_id != actor.user_id for p in people):
        raise Refusal("not_in_group", t("Only the people of “{group}” see that.", group=group))
    kept = people if reasons else [_discreet(p) for p in people]
    return Roll(queries.facts_of(meeting), group, cohort, tuple(kept), reasons)


def _discreet(person: Somebody) -> Somebody:
    return Somebody(person.user_id, person.name, person.role, person.answer)
