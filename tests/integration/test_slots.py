"""When a series meets, changed as a whole: slots, breaks, a cohort's start, number and end."""

from __future__ import annotations

from datetime import date, time

import pytest
from sqlalchemy import select

from core.db.engine import Database
from core.db.meeting_models import Delivery, Rsvp
from core.operations import (
    cohorts,
    groups,
    meeting_views,
    meetings,
    merging,
    slots,
    undo,
)
from core.operations.cohort_draft import CohortDraft
from core.reconcile.undo_facts import Code
from core.schedule import Piece, Rule, Slot
from tests.integration._meetings import (
    DAY,
    FACILITATOR,
    FIRST,
    GUILD,
    HOUR,
    MOD,
    NOW,
    RULE,
    START,
    WED,
    WEEK,
    answer,
    at,
    cohort_of,
    crowded,
    ids,
    keys,
    numbers,
    refused,
    season,
    seen,
)


@pytest.fixture(autouse=True)
def _february() -> None:
    at(NOW)


async def test_a_cohort_with_a_time_has_its_meetings(database: Database) -> None:
    first, second = await season(number=2)
    for group in (first, second):
        assert await seen(group) == [
            (n, "planned", FIRST + (n - 1) * WEEK - (HOUR if n > 4 else 0 * HOUR))
            for n in range(1, 5)
        ]  # fmt: skip
    view = (await meeting_views.list_for_group(GUILD, first))[0]
    assert view.label == "Group 1 · Week 1 · Wed 4 March"
    assert (view.zone, view.minutes) == ("Europe/Berlin", 60)


async def test_a_draft_gets_them_when_it_opens(database: Database) -> None:
    draft = CohortDraft("Stats", START, meetings=2, groups=1, rule=RULE)
    made = await cohorts.create(MOD, draft, open_now=False)
    assert await seen(made.group_ids[0]) == []
    await cohorts.open_(MOD, made.id)
    assert [n for n, _, _ in await seen(made.group_ids[0])] == [1, 2]


async def test_a_new_slot_from_a_week_on(database: Database) -> None:
    """The past stays, answers stay, and the notice is one."""
    [group] = await season()
    before = await ids(group)
    await answer(database, before[2], 3, "attending")
    thursday = Rule((Piece(Slot(3, time(20), "Europe/Berlin", 90)),))
    shown = await slots.preview(FACILITATOR, group, thursday, date(2026, 3, 18))
    assert (shown.series.changed, shown.series.made, shown.series.removed) == (2, 0, 0)
    assert shown.series.effect.people == 2
    done = await slots.change(FACILITATOR, group, thursday, date(2026, 3, 18))
    assert await ids(group) == before
    assert [s for _, _, s in await seen(group)] == [
        FIRST, FIRST + WEEK, FIRST + 2 * WEEK + DAY + HOUR, FIRST + 3 * WEEK + DAY + HOUR,
    ]  # fmt: skip
    async with database.transaction() as session:
        assert (await session.get_one(Rsvp, (before[2], 3))).status == "attending"
    assert done.entry_id is not None
    # The group hears once, of the first one that moved.
    moved = [k for k in await keys(database) if k.startswith("moved")]
    assert moved == [f"moved:{before[2]}:{done.entry_id}"]
    again = await slots.change(FACILITATOR, group, thursday, date(2026, 3, 18))
    assert again.entry_id is None


async def test_a_whole_new_slot_moves_what_is_to_come(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    await meetings.move(MOD, before[1], FIRST + WEEK + DAY)
    at(FIRST + DAY)
    monday = Rule((Piece(Slot(0, time(7, 30), "Asia/Kolkata", 30)),))
    done = await slots.change(MOD, group, monday)
    found = await seen(group)
    assert found[0] == (1, "planned", FIRST)  # it was
    assert found[1] == (2, "planned", FIRST + WEEK + DAY)  # a person moved it
    assert [s.isoformat() for _, _, s in found[2:]] == [
        "2026-03-16T02:00:00+00:00", "2026-03-23T02:00:00+00:00",
    ]  # fmt: skip
    assert await ids(group) == before
    assert done.entry_id is not None
    back = await undo.apply(MOD, done.entry_id)
    assert [line.code for line in back.does] == [Code.group_field]
    assert [s for _, _, s in await seen(group)][2:] == [FIRST + 2 * WEEK, FIRST + 3 * WEEK]
    assert await ids(group) == before


async def test_a_cohort_at_once_with_a_break_week(database: Database) -> None:
    first, second = await season(number=2)
    shown = await slots.preview_cohort(MOD, await cohort_of(database, first), RULE, [FIRST.date()])
    assert [p.name for p in shown] == ["Group 1", "Group 2"]
    # The week of 9 March: given by any day in it.
    cohort = await cohort_of(database, first)
    done = await slots.change_cohort(MOD, cohort, breaks=[date(2026, 3, 12)])
    for group in (first, second):
        assert [s for _, _, s in await seen(group)] == [
            FIRST, FIRST + 2 * WEEK, FIRST + 3 * WEEK, FIRST + 4 * WEEK - HOUR,
        ]  # fmt: skip
    daily = Rule((Piece(Slot(4, time(8), "UTC")),), every=2)
    both = await slots.change_cohort(MOD, cohort, daily)
    assert both.group_ids == (first, second)
    assert both.entry_id is not None
    assert done.entry_id is not None
    assert [line.code for line in (await undo.apply(MOD, both.entry_id)).does] == [Code.slots]
    assert [line.code for line in (await undo.apply(MOD, done.entry_id)).does] == [
        Code.cohort_field
    ]
    assert [s for _, _, s in await seen(first)] == [FIRST + n * WEEK for n in range(4)]


async def test_hostile_rules(database: Database) -> None:
    [group] = await season()
    for bad, code in (
        (Rule((Piece(Slot(2, time(19), "Mars/Olympus")),)), "unknown_zone"),
        (Rule((Piece(Slot(2, time(19), "../../etc/passwd")),)), "unknown_zone"),
        (Rule((Piece(Slot(2, time(19), "UTC", 1441)),)), "out_of_range"),
        (Rule((Piece(WED),), dates=(date(9999, 12, 31),)), "out_of_range"),
        (Rule((Piece(WED),), dates=tuple(START + n * DAY for n in range(201))), "out_of_range"),
    ):
        await refused(code, slots.change(MOD, group, bad))
        await refused(code, slots.preview(MOD, group, bad))
    cohort = await cohort_of(database, group)
    weeks = [START + n * WEEK for n in range(61)]
    await refused("out_of_range", slots.change_cohort(MOD, cohort, breaks=weeks))
    stale: dict[str, object] = {"pieces": []}
    await refused("changed_meanwhile", slots.change(MOD, group, RULE, seen=stale))
    assert len(await seen(group)) == 4


async def test_the_end_takes_them_along_and_back(database: Database) -> None:
    first, second = await season(number=2)
    cohort = await cohort_of(database, first)
    at(FIRST + DAY)
    await meetings.skip(MOD, (await ids(first))[2])
    closed = await cohorts.close(MOD, cohort)
    assert [s for _, s, _ in await seen(first)] == [
        "planned", "cancelled", "skipped", "cancelled",
    ]  # fmt: skip
    assert closed.entry_id is not None
    told = f"cancelled:{(await ids(first))[1]}:{closed.entry_id}"
    assert next(k for k in await keys(database) if k.startswith("cancelled")) == told
    await refused("group_ended", meetings.add(MOD, first, FIRST + 3 * DAY))
    await undo.apply(MOD, closed.entry_id)
    assert [s for _, s, _ in await seen(first)] == ["planned", "planned", "skipped", "planned"]
    archived = await groups.archive(MOD, second)
    assert [s for _, s, _ in await seen(second)] == ["planned", *["cancelled"] * 3]
    assert archived.entry_id is not None
    await undo.apply(MOD, archived.entry_id)
    assert [s for _, s, _ in await seen(second)] == ["planned"] * 4
    await merging.merge(MOD, first, second)
    assert [s for _, s, _ in await seen(first)].count("planned") == 1
    assert [s for _, s, _ in await seen(second)] == ["planned"] * 4


async def test_a_cohorts_new_start_and_number(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    cohort = await cohort_of(database, group)
    await cohorts.edit(MOD, cohort, meetings=5, start_date=START + WEEK)
    assert [s for _, _, s in await seen(group)] == [
        FIRST + WEEK, FIRST + 2 * WEEK, FIRST + 3 * WEEK,
        FIRST + 4 * WEEK - HOUR, FIRST + 5 * WEEK - HOUR,
    ]  # fmt: skip
    # A meeting of a day that stays a day of the series is still that meeting.
    assert (await ids(group))[:4] == [*before[1:], before[0]]
    await cohorts.edit(MOD, cohort, meetings=1)
    assert await ids(group) == before[1:2]
    async with database.transaction() as session:
        told = (await session.scalars(select(Delivery).where(Delivery.kind == "cancelled"))).all()
    assert [(d.meeting_id, d.payload) for d in told] == [(before[2], {"later": True})]
    # What comes back is what was there, with its answers.
    await cohorts.edit(MOD, cohort, meetings=4)
    assert await ids(group) == [*before[1:], before[0]]


async def test_a_new_group_meets_like_the_others(database: Database) -> None:
    [group] = await season(number=1)
    cohort = await cohort_of(database, group)
    more = await groups.create(MOD, cohort, "Late")
    assert [n for n, _, _ in await seen(more.id)] == [1, 2, 3, 4]
    await slots.change(MOD, more.id, Rule((Piece(Slot(0, time(9), "UTC")),)))
    another = await groups.create(MOD, cohort, "Later")  # they differ: nobody knows its time
    assert await seen(another.id) == []
    assert (await meeting_views.slots(GUILD, [another.id]))[another.id].rule is None


async def test_a_new_slot_on_the_day_of_an_extra(database: Database) -> None:
    """The series loses none, the extra stays where it is, and the preview says so."""
    [group] = await season()
    extra = await meetings.add(MOD, group, FIRST + WEEK + DAY - 4 * HOUR)
    moved = (await ids(group))[0]
    await meetings.move(MOD, moved, FIRST + 2 * WEEK + DAY)
    thursday = Rule((Piece(Slot(3, time(19), "Europe/Berlin")),))
    found = (await slots.preview(FACILITATOR, group, thursday)).series
    assert (found.made, found.changed, found.removed) == (0, 4, 0)
    assert [row.id for row in found.kept] == [moved]
    assert crowded(found.effect) == [[None, 2], [1, 3]]
    await slots.change(FACILITATOR, group, thursday)
    assert await numbers(group) == [None, 2, 1, 3, 4]
    at_then = await meeting_views.show(GUILD, extra.id)
    assert (at_then.starts_at, at_then.name) == (extra.starts_at, "Extra meeting")
    # There and back again.
    await slots.change(FACILITATOR, group, RULE)
    assert await numbers(group) == [2, None, 3, 1, 4]
