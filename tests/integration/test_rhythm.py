"""Another rhythm in the middle of a term: what was held stays, and N meetings are held in all."""

from __future__ import annotations

from datetime import date, time

import pytest

from core.db.engine import Database
from core.operations import cohorts, meetings, slots
from core.schedule import Piece, Rule, Slot
from tests.integration._meetings import (
    DAY,
    FIRST,
    HOUR,
    MOD,
    NOW,
    RULE,
    WED,
    WEEK,
    at,
    cohort_of,
    ids,
    refused,
    season,
    seen,
)  # fmt: skip

TWO_WEEKLY = Rule((Piece(WED),), every=2)


@pytest.fixture(autouse=True)
def _february() -> None:
    at(NOW)


async def test_from_weekly_to_two_weekly_and_back(database: Database) -> None:
    [group] = await season(count=6)
    before = await ids(group)
    at(FIRST + WEEK + DAY)  # two were held
    shown = await slots.preview(MOD, group, TWO_WEEKLY)
    assert (shown.series.made, shown.series.changed, shown.series.removed) == (0, 3, 0)
    await slots.change(MOD, group, TWO_WEEKLY)
    third = FIRST + 2 * WEEK
    assert await seen(group) == [
        (1, "planned", FIRST), (2, "planned", FIRST + WEEK), (3, "planned", third),
        (4, "planned", third + 2 * WEEK - HOUR), (5, "planned", third + 4 * WEEK - HOUR),
        (6, "planned", third + 6 * WEEK - HOUR),
    ]  # fmt: skip
    at(third + DAY)
    await slots.change(MOD, group, RULE)
    assert [s - HOUR * 0 for n, _, s in await seen(group) if (n or 0) > 3] == [
        third + WEEK - 0 * HOUR, third + 2 * WEEK - HOUR, third + 3 * WEEK - HOUR,
    ]  # fmt: skip
    assert await ids(group) == before


async def test_from_a_day_on(database: Database) -> None:
    [group] = await season(count=4)
    since = date(2026, 3, 19)
    await slots.change(MOD, group, TWO_WEEKLY, since)
    assert [(n, s) for n, _, s in await seen(group)] == [
        (1, FIRST), (2, FIRST + WEEK), (3, FIRST + 2 * WEEK), (4, FIRST + 3 * WEEK),
    ]  # fmt: skip
    await slots.change(MOD, group, Rule((Piece(WED),), monthly=True, dates=(date(2026, 1, 31),)),
                       since)  # fmt: skip
    assert [s.date() for _, _, s in await seen(group)] == [
        FIRST.date(), (FIRST + WEEK).date(), (FIRST + 2 * WEEK).date(), date(2026, 3, 31),
    ]  # fmt: skip
    # All at once again: what was to begin later is gone.
    await slots.change(MOD, group, RULE)
    assert [s for _, _, s in await seen(group)] == [
        FIRST, FIRST + WEEK, FIRST + 2 * WEEK, FIRST + 3 * WEEK,
    ]  # fmt: skip


async def test_no_meeting_comes_to_lie_before_the_day(database: Database) -> None:
    """From Friday 13 March on Mondays: the Monday of that week is before it."""
    [group] = await season(count=4)
    await slots.change(
        MOD, group, Rule((Piece(Slot(0, time(19), "UTC")),)), date(2026, 3, 13)
    )  # fmt: skip
    assert [(n, s.date()) for n, _, s in await seen(group)] == [
        (1, date(2026, 3, 4)), (2, date(2026, 3, 11)), (3, date(2026, 3, 16)),
        (4, date(2026, 3, 23)),
    ]  # fmt: skip


async def test_dates_go_on_with_the_numbers(database: Database) -> None:
    [group] = await season(count=4)
    at(FIRST + WEEK + DAY)
    days = (date(2026, 3, 4), date(2026, 4, 8), date(2026, 4, 9))
    await slots.change(MOD, group, Rule((Piece(WED),), dates=days))
    assert [(n, s.date()) for n, _, s in await seen(group)] == [
        (1, FIRST.date()), (2, (FIRST + WEEK).date()), (3, days[1]), (4, days[2]),
    ]  # fmt: skip


async def test_another_weekday_before_the_first_one_shifts_no_week(database: Database) -> None:
    """The cohort starts on a Monday; its first meeting under the new day would be before today."""
    [group] = await season(count=4, rule=Rule((Piece(Slot(0, time(19), "UTC")),)))
    at(FIRST - 2 * DAY + 3 * HOUR)  # Monday night: the first one was held
    await slots.change(MOD, group, RULE)
    assert [(n, s.date()) for n, _, s in await seen(group)] == [
        (1, date(2026, 3, 2)), (2, date(2026, 3, 11)), (3, date(2026, 3, 18)),
        (4, date(2026, 3, 25)),
    ]  # fmt: skip


async def test_a_whole_cohort_and_a_break_that_comes_too_late(database: Database) -> None:
    first, second = await season(count=4, number=2)
    cohort = await cohort_of(database, first)
    at(FIRST + DAY)
    shown = await slots.preview_cohort(MOD, cohort, TWO_WEEKLY, [FIRST.date()])
    assert [(p.series.made, p.series.removed) for p in shown] == [(0, 0), (0, 0)]
    await slots.change_cohort(MOD, cohort, TWO_WEEKLY, [FIRST.date()])
    for group in (first, second):
        assert [(n, s.date()) for n, _, s in await seen(group)] == [
            (1, FIRST.date()), (2, date(2026, 3, 11)), (3, date(2026, 3, 25)),
            (4, date(2026, 4, 8)),
        ]  # fmt: skip
    await refused("begun", cohorts.edit(MOD, cohort, start_date=date(2026, 3, 9)))
    await cohorts.edit(MOD, cohort, start_date=date(2026, 3, 2), meetings=5)
    assert [n for n, _, _ in await seen(first)] == [1, 2, 3, 4, 5]


async def test_one_that_was_moved_before_the_change_counts_once(database: Database) -> None:
    [group] = await season(count=4)
    before = await ids(group)
    at(FIRST + DAY)
    await meetings.move(MOD, before[2], FIRST + 2 * DAY)  # the third is held before the second
    at(FIRST + 3 * DAY)
    await slots.change(MOD, group, TWO_WEEKLY)
    assert sorted(n or 0 for n, _, _ in await seen(group)) == [1, 2, 3, 4]
    assert [s.date() for _, _, s in await seen(group)] == [
        FIRST.date(), date(2026, 3, 6), date(2026, 3, 11), date(2026, 3, 25),
    ]  # fmt: skip
