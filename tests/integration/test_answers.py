"""Answers in the database: which one counts, under any number of presses at once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from core.clock import set_clock, utcnow
from core.db.engine import Database, get_database
from core.db.meeting_models import Answer, Rsvp, Source
from core.db.models import AuditEntry, Projection, Role
from core.errors import Refusal
from core.operations import answers, cohorts, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.systems import projection_rows
from tests.meetings_here import meet

GUILD = 1
MOD = Actor(GUILD, 2, "mod", moderator=True)
YES, MAYBE, NO = Answer.attending, Answer.tentative, Answer.not_attending


def person(user_id: int, guild: int = GUILD) -> Actor:
    return Actor(guild, user_id, f"user {user_id}")


async def group_of(people: int, *, seats: int = 60) -> int:
    """A group with so many members, users 100 and up."""
    made = await cohorts.create(
        MOD, CohortDraft("Stats", date(2099, 1, 5), seats=seats), open_now=True
    )
    for n in range(people):
        await membership.join(person(100 + n), made.group_ids[0])
    return made.group_ids[0]


async def stored(meeting_id: int) -> dict[int, Rsvp]:
    async with get_database().transaction() as session:
        rows = await session.scalars(select(Rsvp).where(Rsvp.meeting_id == meeting_id))
        return {r.user_id: r for r in rows}


async def test_fifty_answers_of_one_member_at_once_leave_the_last(database: Database) -> None:
    group_id = await group_of(1)
    meeting_id = await meet(group_id)
    start = utcnow()
    cycle = [YES, MAYBE, NO]
    given = [(start + timedelta(milliseconds=n), cycle[n % 3]) for n in range(50)]
    shuffled = sorted(given, key=lambda g: hash((g[0].microsecond, "mixed")))
    done = await asyncio.gather(
        *(answers.answer(person(100), meeting_id, a, Source.button, at=at) for at, a in shuffled)
    )
    row = (await stored(meeting_id))[100]
    assert (row.answered_at, row.status) == given[-1]
    assert any(d.changed for d in done)


async def test_fifty_members_at_once_are_all_kept(database: Database) -> None:
    group_id = await group_of(50)
    meeting_id = await meet(group_id)
    await asyncio.gather(
        *(
            answers.answer(person(100 + n), meeting_id, YES if n % 2 else NO, Source.button)
            for n in range(50)
        )
    )
    found = await stored(meeting_id)
    assert len(found) == 50
    assert all(r.status == (YES if u % 2 else NO) for u, r in found.items())


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ((YES, Source.button, 0), (NO, Source.calendar, 1), NO),
        ((NO, Source.button, 1), (YES, Source.calendar, 0), NO),
        ((NO, Source.calendar, 0), (YES, Source.button, 0), YES),
        ((MAYBE, Source.command, 5), (YES, Source.button, 4), MAYBE),
    ],
)
async def test_the_latest_explicit_answer_wins_whatever_its_source(
    database: Database,
    first: tuple[Answer, Source, int],
    second: tuple[Answer, Source, int],
    counts: Answer,
) -> None:
    group_id = await group_of(1)
    meeting_id = await meet(group_id)
    now = utcnow()
    await answers.answer(person(100), meeting_id, *first[:2], at=now + timedelta(seconds=first[2]))
    done = await answers.answer(
        person(100), meeting_id, *second[:2], at=now + timedelta(seconds=second[2])
    )
    assert done.status == counts
    assert done.changed == (counts == second[0])
    assert (await stored(meeting_id))[100].status == counts


async def test_interest_is_neither_touched_nor_in_the_way(database: Database) -> None:
    group_id = await group_of(1)
    meeting_id = await meet(group_id)
    async with get_database().transaction() as session:
        session.add(Rsvp(meeting_id=meeting_id, user_id=100, guild_id=GUILD, interested=True))
    seen = await answers.roll(MOD, meeting_id)
    assert [p.answer for p in seen.people] == ["attending"]
    await answers.answer(person(100), meeting_id, NO, Source.button)
    row = (await stored(meeting_id))[100]
    assert row.interested
    assert [p.answer for p in (await answers.roll(MOD, meeting_id)).people] == ["not_attending"]


async def refused(actor: Actor, meeting_id: int, user_id: int | None = None) -> str:
    with pytest.raises(Refusal) as refusal:
        await answers.answer(actor, meeting_id, YES, Source.button, user_id=user_id)
    assert len(str(refusal.value)) > 20
    return refusal.value.code


async def test_who_may_not_answer_what_is_told_why(database: Database) -> None:
    group_id = await group_of(2)
    meeting_id = await meet(group_id)
    assert await refused(person(100, guild=9), meeting_id) == "meeting_not_found"
    assert await refused(person(100), meeting_id + 999) == "meeting_not_found"
    assert await refused(person(999), meeting_id) == "not_in_group"
    assert await refused(person(100), meeting_id, user_id=101) == "not_allowed"
    skipped = await meet(group_id, number=2, status="skipped", starts_at=utcnow() + timedelta(9))
    assert await refused(person(100), skipped) == "meeting_not_planned"
    over = utcnow() + timedelta(days=2, minutes=60)
    set_clock(lambda: over)
    assert await refused(person(100), meeting_id) == "meeting_over"
    assert not await stored(meeting_id)


async def test_a_meeting_can_be_answered_until_its_end(database: Database) -> None:
    group_id = await group_of(1)
    meeting_id = await meet(group_id)
    nearly = utcnow() + timedelta(days=2, minutes=59)
    set_clock(lambda: nearly)
    assert (await answers.answer(person(100), meeting_id, YES, Source.button)).status == YES


async def test_answering_for_somebody_stands_in_the_history(database: Database) -> None:
    group_id = await group_of(1)
    await membership.add(MOD, group_id, 50, "fac", role=Role.facilitator)
    meeting_id = await meet(group_id)
    await answers.answer(person(50), meeting_id, NO, Source.moderator, user_id=100)
    await answers.answer(person(100), meeting_id, YES, Source.button)
    async with get_database().transaction() as session:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.action == "answered_for"))
        [entry] = rows.all()
    assert (entry.actor_id, entry.user_id, entry.group_id) == (50, 100, group_id)
    assert (entry.before["answer"], entry.after["answer"]) == ("pending", "not_attending")


async def test_a_reason_is_for_those_who_facilitate(database: Database) -> None:
    group_id = await group_of(2)
    await membership.add(MOD, group_id, 50, "fac", role=Role.facilitator)
    meeting_id = await meet(group_id)
    with pytest.raises(Refusal) as refusal:
        await answers.explain(person(100), meeting_id, "ill")
    assert refusal.value.code == "not_declined"
    await answers.answer(person(100), meeting_id, NO, Source.button)
    await answers.explain(person(100), meeting_id, "  ill,\nsorry ")
    for reader, seen in ((person(50), "ill, sorry"), (MOD, "ill, sorry"), (person(101), None)):
        roll = await answers.roll(reader, meeting_id)
        assert {p.user_id: p.reason for p in roll.people}[100] == seen
    with pytest.raises(Refusal):
        await answers.roll(person(777), meeting_id)
    await answers.answer(person(100), meeting_id, YES, Source.button)
    assert (await stored(meeting_id))[100].reason is None


async def test_a_press_marks_its_post_while_others_are_being_drawn(database: Database) -> None:
    """A press that saw the post dirty is never lost by the drawing that takes the mark back."""
    group_id = await group_of(1)
    meeting_id = await meet(group_id)
    key = ("answers", str(meeting_id))
    async with get_database().transaction() as session:
        await projection_rows.add(
            session, guild_id=GUILD, kind=key[0], subject=key[1], channel_id=1, group_id=group_id,
            now=utcnow(),
        )  # fmt: skip
    async with get_database().transaction() as session:
        await projection_rows.mark(session, [key])
        claim = asyncio.create_task(projection_rows.claim(key))
        await asyncio.wait({claim}, timeout=0.2)
        assert not claim.done(), "drawing waits for whoever is marking"
    assert await claim is not None
    await answers.answer(person(100), meeting_id, YES, Source.button)
    async with get_database().transaction() as session:
        row = (await session.scalars(select(Projection))).one()
        assert row.dirty


async def test_a_post_that_shows_what_it_should_is_not_drawn_again(database: Database) -> None:
    group_id = await group_of(1)
    key = ("answers", "7")
    async with database.transaction() as session:
        await projection_rows.add(
            session, guild_id=GUILD, kind="answers", subject="7", channel_id=5, group_id=group_id,
            now=utcnow(),
        )  # fmt: skip
    post, before = await projection_rows.claim(key) or pytest.fail("nothing to draw")
    assert before is None
    assert await projection_rows.channel_of(key) == 5  # whoever draws it may have died
    await projection_rows.note(post.id, "what it shows", 9)
    assert await projection_rows.channel_of(key) is None
    assert await projection_rows.claim(key) is None
    async with database.transaction() as session:
        await projection_rows.mark(session, [key])
    assert await projection_rows.channel_of(key) == 5
    again, before = await projection_rows.claim(key) or pytest.fail("nothing to draw")
    assert (again.message_id, before) == (9, "what it shows")
