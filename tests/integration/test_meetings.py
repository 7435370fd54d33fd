"""Meetings as rows, one at a time: real Postgres, real operations."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.db.engine import Database
from core.db.meeting_models import Delivery, Meeting, Rsvp
from core.db.models import AuditEntry, SyncState
from core.errors import Refusal
from core.operations import cohorts, meeting_views, meetings, membership, slots, undo
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.undo_facts import Code
from tests.integration._meetings import (
    DAY,
    FACILITATOR,
    FIRST,
    GUILD,
    HOUR,
    MEMBER,
    MOD,
    NOW,
    OTHER,
    RULE,
    START,
    WEEK,
    answer,
    at,
    ids,
    keys,
    refused,
    season,
    seen,
)


@pytest.fixture(autouse=True)
def _february() -> None:
    at(NOW)


async def test_a_move_keeps_number_and_answers(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await answer(database, first, 3, "attending")
    after = await meetings.move(MOD, first, FIRST + DAY, seen=FIRST)
    assert (after.id, after.number, after.starts_at, after.moved) == (first, 1, FIRST + DAY, True)
    async with database.transaction() as session:
        row = await session.get_one(Rsvp, (first, 3))
        assert (row.status, row.source) == ("attending", "button")
        due = await session.scalars(select(SyncState.status).where(SyncState.group_id == group))
        assert set(due) == {"due"}
        entry = await session.get_one(AuditEntry, after.entry_id)
        assert entry.action == "meeting_moved"
    assert f"moved:{first}:{after.entry_id}" in await keys(database)


async def test_a_move_can_ask_again(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await answer(database, first, 3, "attending")
    await meetings.move(FACILITATOR, first, FIRST + HOUR, 90, ask_again=True)
    async with database.transaction() as session:
        row = await session.get_one(Rsvp, (first, 3))
        assert (row.status, row.source, row.interested) == ("pending", "move", False)
        assert (await session.get_one(Meeting, first)).minutes == 90


async def test_a_skip_keeps_the_other_numbers(database: Database) -> None:
    [group] = await season()
    second = (await ids(group))[1]
    after = await meetings.skip(MOD, second)
    assert [(n, s) for n, s, _ in await seen(group)] == [
        (1, "planned"), (2, "skipped"), (3, "planned"), (4, "planned"),
    ]  # fmt: skip
    assert f"skipped:{second}:{after.entry_id}" in await keys(database)
    await refused("wrong_status", meetings.skip(MOD, second))
    await refused("wrong_status", meetings.move(MOD, second, FIRST + DAY))
    await meetings.restore(MOD, second)
    assert [(n, s) for n, s, _ in await seen(group)][1] == (2, "planned")
    # The group never heard of it, so there is nothing to take back.
    assert not [k for k in await keys(database) if k.startswith("restored")]
    await refused("wrong_status", meetings.restore(MOD, second))


async def test_a_group_that_heard_of_a_skip_hears_that_it_is_taken_back(
    database: Database,
) -> None:
    [group] = await season()
    second = (await ids(group))[1]
    await meetings.skip(MOD, second)
    async with database.transaction() as session:
        await session.execute(update(Delivery).values(status="sent", sent_at=FIRST))
    after = await meetings.restore(MOD, second)
    assert (await keys(database))[-1] == f"restored:{second}:{after.entry_id}"


async def test_a_postpone_renumbers_and_adds_one_at_the_end(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    await meetings.postpone(FACILITATOR, before[1])
    found = await seen(group)
    assert [(n, s) for n, s, _ in found] == [
        (1, "planned"), (None, "postponed"), (2, "planned"), (3, "planned"), (4, "planned"),
    ]  # fmt: skip
    assert found[-1][2] == FIRST + 4 * WEEK - HOUR  # 1 April: the clocks changed on 29 March
    assert (await ids(group))[:4] == before  # nobody lost an answer
    await meetings.restore(MOD, before[1])
    assert await ids(group) == before
    assert [n for n, _, _ in await seen(group)] == [1, 2, 3, 4]


async def test_an_extra_meeting_stands_beside_the_series(database: Database) -> None:
    [group] = await season()
    extra = await meetings.add(FACILITATOR, group, FIRST + 2 * DAY, 45)
    assert (extra.extra, extra.number, extra.name) == (True, None, "Extra meeting")
    same_day = await meetings.add(MOD, group, FIRST + 3 * HOUR)
    assert same_day.starts_at == FIRST + 3 * HOUR
    await refused("overlaps", meetings.add(MOD, group, FIRST + timedelta(minutes=30)))
    await refused("extra", meetings.postpone(MOD, extra.id))
    await meetings.skip(MOD, extra.id)
    assert len(await seen(group)) == 6


async def test_what_cannot_be(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    await refused("in_the_past", meetings.move(MOD, first, NOW))
    await refused("too_far", meetings.move(MOD, first, NOW + timedelta(days=9999)))
    await refused("out_of_range", meetings.move(MOD, first, FIRST + HOUR, 0))
    await refused("out_of_range", meetings.move(MOD, first, FIRST + HOUR, 1441))
    await refused("overlaps", meetings.move(MOD, first, FIRST + WEEK + timedelta(minutes=59)))
    await refused("same", meetings.move(MOD, first, FIRST))
    await refused("changed_meanwhile", meetings.move(MOD, first, FIRST + DAY, seen=FIRST + HOUR))
    await refused("meeting_not_found", meetings.move(MOD, 2**62, FIRST + DAY))
    await meetings.move(MOD, first, FIRST + WEEK + HOUR)  # right after the second one
    at(FIRST + WEEK + timedelta(minutes=1))
    await refused("begun", meetings.move(MOD, second, FIRST + 3 * DAY + WEEK))
    await refused("begun", meetings.skip(MOD, second))
    assert (await meeting_views.show(GUILD, second)).status == "planned"


async def test_who_may(database: Database) -> None:
    [group] = await season()
    elsewhere = await cohorts.create(
        OTHER, CohortDraft("Theirs", START, groups=1, rule=RULE), open_now=True
    )
    first = (await ids(group))[0]
    for actor, code in (
        (MEMBER, "not_allowed"), (Actor(GUILD, 77, "stranger"), "not_allowed"),
        (OTHER, "meeting_not_found"), (Actor(600, 2, "fay elsewhere"), "meeting_not_found"),
    ):  # fmt: skip
        await refused(code, meetings.move(actor, first, FIRST + DAY))
        await refused(code, meetings.skip(actor, first))
        await refused(code, meetings.postpone(actor, first))
        await refused(code, meetings.restore(actor, first))
        await refused(code, meetings.manage(actor, first))
        await refused(code, meetings.preview(actor, first, "skip"))
        gone = "not_allowed" if actor.guild_id == GUILD else "group_not_found"
        await refused(gone, meetings.add(actor, group, FIRST + DAY))
        await refused(gone, slots.change(actor, group, RULE))
    await refused("group_not_found", meetings.add(MOD, elsewhere.group_ids[0], FIRST + DAY))
    await refused("not_allowed", slots.change_cohort(FACILITATOR, elsewhere.id, RULE))
    assert await meeting_views.choices(MEMBER) == []
    assert len(await meeting_views.choices(FACILITATOR)) == 4
    assert len(await meeting_views.choices(MOD)) == 4
    assert len(await meeting_views.choices(OTHER)) == 8
    await membership.remove(MOD, group, 2)
    await refused("not_allowed", meetings.skip(FACILITATOR, first))
    assert await meeting_views.choices(FACILITATOR) == []


async def test_choices_on_a_large_server(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meeting_views, "MOST", 3)
    _, second = await season(number=2)
    assert len(await meeting_views.choices(MOD)) == 3
    last = (await ids(second))[-1]
    for typed in ("Group 2 · Week", "group 2", "GROUP 2"):
        labels = [c.label for c in await meeting_views.choices(MOD, typed)]
        assert labels == [f"Group 2 · Week {n} · Wed {4 + 7 * (n - 1)} March" for n in (1, 2, 3)]
    assert [c.id for c in await meeting_views.choices(MOD, f"meeting:{last}")] == [last]
    assert len(await meeting_views.choices(MOD, "%")) == 3  # nothing is called that
    assert await meeting_views.choices(OTHER, f"meeting:{last}") == []


async def test_moves_at_the_same_moment(database: Database) -> None:
    """Two meetings to one time: one gets it. One meeting twice: the stale press does nothing."""
    [group] = await season()
    first, second, *_ = await ids(group)
    goal = FIRST + 3 * DAY
    results = await asyncio.gather(
        meetings.move(MOD, first, goal), meetings.move(FACILITATOR, second, goal),
        return_exceptions=True,
    )  # fmt: skip
    assert sorted(type(r).__name__ for r in results) == ["MeetingView", "Refusal"]
    mine = (await meeting_views.show(GUILD, second)).starts_at
    other = goal + 2 * DAY
    presses = await asyncio.gather(
        *(meetings.move(MOD, second, other + n * 2 * HOUR, seen=mine) for n in range(5)),
        return_exceptions=True,
    )
    assert sum(not isinstance(r, BaseException) for r in presses) == 1
    assert {r.code for r in presses if isinstance(r, Refusal)} == {"changed_meanwhile"}


async def test_presses_at_the_same_moment_postpone_once(database: Database) -> None:
    [group] = await season()
    first = (await ids(group))[0]
    await asyncio.gather(*(meetings.postpone(MOD, first) for _ in range(4)), return_exceptions=True)
    assert [s for _, s, _ in await seen(group)].count("postponed") == 1
    assert len(await seen(group)) == 5


async def test_undo_of_a_move_a_skip_a_postpone_and_an_extra(database: Database) -> None:
    [group] = await season()
    first, second, third, _ = await ids(group)
    moved = await meetings.move(MOD, first, FIRST + DAY, ask_again=True)
    skipped = await meetings.skip(MOD, second)
    postponed = await meetings.postpone(MOD, third)
    added = await meetings.add(MOD, group, FIRST + 5 * DAY)
    wanted = {
        moved.entry_id: Code.meeting_time, skipped.entry_id: Code.meeting_back,
        postponed.entry_id: Code.meeting_back, added.entry_id: Code.meeting_off,
    }  # fmt: skip
    undone: dict[int | None, int] = {}
    for entry_id, code in wanted.items():
        assert entry_id is not None
        done = await undo.apply(MOD, entry_id)
        assert [line.code for line in done.does] == [code]
        assert done.group_ids == (group,)
        assert done.entry_id is not None
        undone[entry_id] = done.entry_id
    regular = [m for m in await meeting_views.list_for_group(GUILD, group) if not m.extra]
    assert [(m.number, m.status, m.starts_at) for m in regular] == [
        (n, "planned", FIRST + (n - 1) * WEEK) for n in range(1, 5)
    ]
    assert (await meeting_views.show(GUILD, added.id)).status == "skipped"
    again = await undo.apply(MOD, undone[postponed.entry_id])  # done again
    assert [line.code for line in again.does] == [Code.meeting_later]
    assert (await meeting_views.show(GUILD, third)).number is None


async def test_undo_says_what_it_cannot(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    moved = await meetings.move(MOD, first, FIRST + DAY)
    await meetings.move(MOD, first, FIRST + 2 * DAY)
    assert moved.entry_id is not None
    shown = await undo.preview(MOD, moved.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_since]
    late = await meetings.move(MOD, second, FIRST + 9 * DAY)
    assert late.entry_id is not None
    await meetings.add(MOD, group, FIRST + WEEK)
    shown = await undo.preview(MOD, late.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_busy]
    at(FIRST + WEEK + DAY)
    shown = await undo.preview(MOD, late.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_past]
    at(FIRST + 9 * DAY)
    shown = await undo.preview(MOD, late.entry_id)
    assert [line.code for line in shown.cannot] == [Code.meeting_begun]


async def test_a_members_meetings_with_their_answers(database: Database) -> None:
    [group] = await season()
    first, second, *_ = await ids(group)
    await answer(database, first, 3, "pending")  # but Discord says: interested
    await meetings.skip(MOD, second)
    found = await meeting_views.list_for_member(MEMBER)
    assert [(m.number, m.answer) for m in found] == [
        (1, "attending"), (3, "pending"), (4, "pending"),
    ]  # fmt: skip
    assert await meeting_views.list_for_member(Actor(600, 3, "ann elsewhere")) == []


async def test_a_skipped_meeting_follows_the_numbers(database: Database) -> None:
    [group] = await season()
    before = await ids(group)
    await meetings.postpone(MOD, before[0])
    await meetings.skip(MOD, before[1])
    await meetings.restore(MOD, before[0])
    assert [(n, status) for n, status, _ in await seen(group)] == [
        (1, "planned"), (2, "skipped"), (3, "planned"), (4, "planned"),
    ]  # fmt: skip
