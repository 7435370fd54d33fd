"""What a change of meetings says beforehand: who it is for, their nights, crowded days."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from sqlalchemy import func, select, update

from core.db.engine import Database
from core.db.models import AuditEntry, User
from core.operations import cohorts, meetings, membership
from core.operations.cohort_draft import CohortDraft
from tests.integration._meetings import (
    DAY,
    FACILITATOR,
    FIRST,
    HOUR,
    MOD,
    NOW,
    RULE,
    START,
    WEEK,
    answer,
    at,
    crowded,
    ids,
    numbers,
    refused,
    season,
    seen,
)


@pytest.fixture(autouse=True)
def _february() -> None:
    at(NOW)


async def test_the_preview_says_whose_night_it_is(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await answer(database, first, 3, "attending")
    async with database.transaction() as session:
        await session.execute(update(User).where(User.id == 3).values(zone="Asia/Tokyo"))
        await session.execute(update(User).where(User.id == 2).values(zone="No/Where"))
    found = await meetings.preview(FACILITATOR, first, "move", FIRST + DAY)
    assert (found.effect.people, found.effect.yes) == (2, 1)
    assert found.effect.nights == ((time(3), 1),)
    assert not found.effect.clocks
    later = await meetings.preview(MOD, first, "move", FIRST + 6 * WEEK)
    assert later.effect.clocks
    extra = await meetings.preview_add(MOD, group, FIRST + DAY)
    assert extra.people == 2
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(AuditEntry)) == 3


async def test_the_preview_names_another_meeting_of_the_same_person(database: Database) -> None:
    [group] = await season()
    other = await cohorts.create(
        MOD, CohortDraft("Chess", START, groups=1, rule=RULE), open_now=True
    )
    await membership.add(MOD, other.group_ids[0], 3, "ann")
    first = (await ids(group))[0]
    clash = await meetings.preview(MOD, first, "move", FIRST + timedelta(minutes=30))
    assert clash.effect.clashes == (("Group 1", 1),)
    free = await meetings.preview(MOD, first, "move", FIRST + HOUR)
    assert free.effect.clashes == ()


async def test_a_postpone_that_ends_on_the_day_of_an_extra(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    last = FIRST + 4 * WEEK - HOUR  # the clocks have changed by then
    assert crowded(await meetings.preview_add(MOD, group, last + 2 * HOUR)) == []
    await meetings.add(MOD, group, last + 2 * HOUR)
    found = await meetings.preview(MOD, before[0], "postpone")
    assert crowded(found.effect) == [[4, None]]
    await meetings.postpone(MOD, before[0])
    assert await numbers(group) == [1, 2, 3, 4, None]
    assert (await seen(group))[-2] == (4, "planned", last)
    await meetings.restore(MOD, before[0])
    assert await numbers(group) == [1, 2, 3, 4, None]
    await refused("overlaps", meetings.add(MOD, group, FIRST + timedelta(minutes=30)))


async def test_the_previews_of_an_extra_and_of_a_move_name_that_day(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    assert crowded(await meetings.preview_add(MOD, group, FIRST - 4 * HOUR)) == [[None, 1]]
    assert crowded(await meetings.preview_add(MOD, group, FIRST + DAY)) == []
    found = await meetings.preview(MOD, first, "move", FIRST + WEEK + HOUR)
    assert crowded(found.effect) == [[2, 1]]
    await meetings.move(MOD, first, FIRST + WEEK + HOUR)
    again = await meetings.preview(MOD, second, "skip")
    assert crowded(again.effect) == []
    await meetings.skip(MOD, second)
    back = await meetings.preview(MOD, second, "restore")
    assert crowded(back.effect) == [[2, 1]]
