"""Guests: offers, capacity under concurrent clicks, and who is a guest of what."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from core.clock import set_clock
from core.db.engine import Database, get_database
from core.db.meeting_models import Answer, Delivery, Meeting, Source, Visit
from core.db.models import Guild, Role
from core.db.queries import access
from core.errors import Refusal
from core.operations import answers, cohorts, membership, visits
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.meetings_here import meet

GUILD = 1
MOD = Actor(GUILD, 2, "mod", moderator=True)
MONDAY = datetime(2099, 3, 2, 12, tzinfo=UTC)  # an ISO week begins
WED, FRI = MONDAY + timedelta(days=2), MONDAY + timedelta(days=4)


@pytest.fixture(autouse=True)
def _monday() -> None:
    set_clock(lambda: MONDAY)


def person(user_id: int) -> Actor:
    return Actor(GUILD, user_id, f"user {user_id}")


async def two_groups(
    *, mine: int = 1, theirs: int = 1, seats: int = 4, name: str = "Stats"
) -> tuple[int, int]:
    """Users 100 and up in the first group, 200 and up in the second."""
    draft = CohortDraft(name, date(2099, 6, 1), groups=2, seats=seats)
    made = await cohorts.create(MOD, draft, open_now=True)
    for first, n, group_id in ((100, mine, made.group_ids[0]), (200, theirs, made.group_ids[1])):
        for user in range(first, first + n):
            await membership.add(MOD, group_id, user, f"user {user}")
    return made.group_ids[0], made.group_ids[1]


async def declined(meeting_id: int, *user_ids: int) -> None:
    for user in user_ids:
        await answers.answer(person(user), meeting_id, Answer.not_attending, Source.button)


async def guests(meeting_id: int) -> list[int]:
    async with get_database().transaction() as session:
        rows = await session.scalars(
            select(Visit.user_id).where(Visit.meeting_id == meeting_id, Visit.ended_at.is_(None))
        )
        return sorted(rows)


async def test_a_week_ends_on_sunday_in_the_servers_zone(database: Database) -> None:
    mine, other = await two_groups()
    async with get_database().transaction() as session:
        guild = await session.get_one(Guild, GUILD)
        guild.settings = {"zone": "Asia/Tokyo"}
    missed = await meet(mine, starts_at=WED)
    sunday_15utc = MONDAY + timedelta(days=6, hours=3)  # in Tokyo it is Monday
    late = await meet(other, starts_at=sunday_15utc)
    early = await meet(other, number=2, starts_at=sunday_15utc - timedelta(hours=25))
    await meet(other, number=3, starts_at=FRI, status="skipped")
    await declined(missed, 100)
    assert [o.meeting.id for o in await visits.offers(person(100), missed)] == [early]
    assert late not in [o.meeting.id for o in await visits.offers(person(100), missed)]


async def test_only_who_declined_is_offered_anything(database: Database) -> None:
    mine, other = await two_groups()
    missed, host = await meet(mine, starts_at=WED), await meet(other, starts_at=FRI)
    assert await visits.offers(person(100), missed) == []
    with pytest.raises(Refusal) as refusal:
        await visits.visit(person(100), missed, host)
    assert refusal.value.code == "not_declined"
    await declined(missed, 100)
    [offer] = await visits.offers(person(100), missed)
    assert (offer.meeting.id, offer.free) == (host, 3)
    assert await visits.offers(Actor(99, 100, "elsewhere"), missed) == []


async def test_room_is_what_nobody_needs_at_that_meeting(database: Database) -> None:
    mine, other = await two_groups(mine=2, theirs=4)
    await membership.add(MOD, other, 300, "fac", role=Role.facilitator)
    missed, host = await meet(mine, starts_at=WED), await meet(other, starts_at=FRI)
    await declined(missed, 100, 101)
    assert await visits.offers(person(100), missed) == []
    await declined(host, 200)
    assert [o.free for o in await visits.offers(person(100), missed)] == [1]
    await visits.visit(person(100), missed, host)
    with pytest.raises(Refusal) as refusal:
        await visits.visit(person(101), missed, host)
    assert refusal.value.code == "no_room"
    # The member comes after all: nobody is displaced, and nobody else comes in.
    await answers.answer(person(200), host, Answer.attending, Source.button)
    assert await guests(host) == [100]
    await declined(host, 100)
    assert await visits.offers(person(101), missed) == []


async def test_ten_guests_at_once_never_take_more_than_there_is(database: Database) -> None:
    mine, other = await two_groups(mine=10, theirs=1, seats=4)
    missed, host = await meet(mine, starts_at=WED), await meet(other, starts_at=FRI)
    people = range(100, 110)
    await declined(missed, *people)
    results = await asyncio.gather(
        *(visits.visit(person(u), missed, host) for u in people), return_exceptions=True
    )
    told = Counter(r.code if isinstance(r, Refusal) else "in" for r in results)
    assert told == {"in": 3, "no_room": 7}
    assert len(await guests(host)) == 3


async def test_another_visit_ends_the_first_and_the_group_hears_once(database: Database) -> None:
    mine, other = await two_groups()
    missed = await meet(mine, starts_at=WED)
    one, two = await meet(other, starts_at=FRI), await meet(other, number=2, starts_at=WED)
    await declined(missed, 100)
    await visits.visit(person(100), missed, one)
    await visits.visit(person(100), missed, one)
    await visits.visit(person(100), missed, two)
    assert (await guests(one), await guests(two)) == ([], [100])
    await visits.visit(person(100), missed, one)
    async with get_database().transaction() as session:
        told = await session.scalar(
            select(func.count()).select_from(Delivery).where(Delivery.kind == "guest")
        )
    assert told == 2, "once for each meeting"
    assert await visits.cancel(person(100), missed) == [other]
    with pytest.raises(Refusal):
        await visits.cancel(person(100), missed)
    assert await guests(one) == []


async def test_a_guest_is_counted_in_the_meeting_and_is_no_member(database: Database) -> None:
    mine, other = await two_groups()
    missed, host = await meet(mine, starts_at=WED), await meet(other, starts_at=FRI)
    await declined(missed, 100)
    await visits.visit(person(100), missed, host)
    roll = await answers.roll(MOD, host)
    assert [(p.user_id, p.answer, p.guest) for p in roll.people] == [
        (200, "pending", False),
        (100, "attending", True),
    ]
    done = await answers.answer(person(100), host, Answer.tentative, Source.button)
    assert done.guest


async def roles(group_id: int) -> dict[int, tuple[str, str]]:
    async with get_database().transaction() as session:
        [facts] = await access.gather(session, [group_id])
    return {user: (status, role) for user, status, role in facts.people}


async def test_access_is_open_from_six_days_before_to_three_after(database: Database) -> None:
    mine, other = await two_groups()
    missed, host = await meet(mine, starts_at=WED), await meet(other, starts_at=FRI, minutes=90)
    await declined(missed, 100)
    await visits.visit(person(100), missed, host)
    ends = FRI + timedelta(minutes=90)
    for moment, inside in (
        (FRI - timedelta(days=6, seconds=1), False),
        (FRI - timedelta(days=6), True),
        (ends + timedelta(days=3) - timedelta(seconds=1), True),
        (ends + timedelta(days=3), False),
    ):
        set_clock(lambda moment=moment: moment)  # type: ignore[misc]  # mypy knows no such lambda
        assert (100 in await roles(other)) is inside, moment
    set_clock(lambda: FRI)
    assert (await roles(other))[100] == ("active", "guest")
    async with get_database().transaction() as session:
        (await session.get_one(Meeting, host)).starts_at = FRI + timedelta(days=20)
    assert 100 not in await roles(other), "the window moves with the meeting"


async def test_who_leaves_the_cohort_is_no_guest_of_it(database: Database) -> None:
    mine, other = await two_groups()
    missed, host = await meet(mine, starts_at=WED), await meet(other, starts_at=FRI)
    await declined(missed, 100)
    await visits.visit(person(100), missed, host)
    assert 100 in await roles(other)
    await membership.remove(MOD, mine, 100)
    assert 100 not in await roles(other)


async def test_a_guest_who_joins_is_a_member(database: Database) -> None:
    mine, other = await two_groups()
    missed, host = await meet(mine, starts_at=WED), await meet(other, starts_at=FRI)
    await declined(missed, 100)
    await visits.visit(person(100), missed, host)
    await membership.move(MOD, other, 100, "user 100")
    assert (await roles(other))[100] == ("active", "participant")
    assert [p.guest for p in (await answers.roll(MOD, host)).people] == [False, False]
