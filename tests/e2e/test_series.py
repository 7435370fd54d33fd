"""From a slot to meetings, messages to come, and a group that runs: on SimCord and Postgres."""

from __future__ import annotations

from collections import Counter
from datetime import date, time
from typing import Any

from sqlalchemy import select, update

from core import sync
from core.db.engine import get_database
from core.db.meeting_models import Delivery, Meeting
from core.db.models import Group
from core.operations import cohorts, membership
from core.schedule import Piece, Rule, Slot, instant
from tests.e2e._acting import filled, made, mod_of, on_discord
from tests.world import World

BERLIN = Slot(2, time(19), "Europe/Berlin")


async def give(group_id: int, slot: Slot = BERLIN) -> None:
    """The group meets then; what derives its meetings comes with the next sync."""
    async with get_database().transaction() as session:
        await session.execute(
            update(Group).where(Group.id == group_id).values(rule=Rule((Piece(slot),)).to_json())
        )


async def rows(table: Any, group_id: int) -> list[Any]:
    async with get_database().transaction() as session:
        found = await session.scalars(
            select(table).where(table.group_id == group_id).order_by(table.id)
        )
        return list(found)


async def status(group_id: int) -> str:
    async with get_database().transaction() as session:
        return (await session.get_one(Group, group_id)).status


@on_discord
async def test_opening_makes_the_meetings_and_their_messages(w: World) -> None:
    cohort = await made(w, meetings=3, groups=1, start=date(2026, 3, 19))
    group = cohort.group_ids[0]
    await give(group)
    await filled(w, cohort)
    meetings = await rows(Meeting, group)
    assert [(m.number, m.occurrence_date, m.starts_at) for m in meetings] == [
        (n, day, instant(day, time(19), "Europe/Berlin"))
        for n, day in enumerate([date(2026, 3, 25), date(2026, 4, 1), date(2026, 4, 8)], 1)
    ]
    kinds = Counter(d.kind for d in await rows(Delivery, group))
    assert kinds == {"nudge": 3, "remind_first": 3, "remind_last": 3, "assigned": 1,
                     "assigned_dm": 2}  # fmt: skip
    assert await status(group) == "active"
    again = await sync.sync_group_reminders(group)
    assert again == {"meetings": 3, "created": 0, "deleted": 0, "moved": 0, "unchanged": 9}


@on_discord
async def test_a_draft_has_no_meetings_yet(w: World) -> None:
    cohort = await made(w, groups=1, open_now=False)
    await give(cohort.group_ids[0])
    await sync.sync_group(cohort.group_ids[0])
    assert await rows(Meeting, cohort.group_ids[0]) == []


@on_discord
async def test_a_group_runs_when_the_last_of_three_things_is_there(w: World) -> None:
    cohort = await made(w, groups=1)
    group = cohort.group_ids[0]
    await filled(w, cohort)
    assert await status(group) == "preview"  # channels and people, and no meeting
    await give(group)
    await sync.sync_group(group)
    assert await status(group) == "active"
    assert len([d for d in await rows(Delivery, group) if d.kind == "assigned"]) == 1


@on_discord
async def test_a_group_without_anybody_on_the_server_waits_for_somebody(w: World) -> None:
    cohort = await made(w, groups=1)
    group = cohort.group_ids[0]
    await give(group)
    await membership.add(mod_of(w), group, 424242, "not here")
    w.worker.bump([group])
    await w.settle()
    assert await status(group) == "preview"
    await membership.add(mod_of(w), group, w.members[0].id, "member1")
    w.worker.bump([group])
    await w.settle()
    assert await status(group) == "active"


@on_discord
async def test_a_new_slot_moves_meetings_and_messages_and_keeps_their_rows(w: World) -> None:
    cohort = await made(w, groups=1, meetings=2)
    group = cohort.group_ids[0]
    await give(group)
    await filled(w, cohort)
    before = await rows(Meeting, group)
    await give(group, Slot(4, time(7, 30), "America/New_York", 90))
    counts = await sync.sync_group_reminders(group)
    after = await rows(Meeting, group)
    assert [m.id for m in after] == [m.id for m in before]
    assert [(m.occurrence_date, m.minutes) for m in after] == [
        (date(2026, 3, 6), 90), (date(2026, 3, 13), 90),
    ]  # fmt: skip
    assert (counts["moved"], counts["created"], counts["deleted"]) == (6, 0, 0)
    due = {(d.meeting_id, d.kind): d.due_at for d in await rows(Delivery, group)}
    assert due[after[0].id, "remind_last"] == instant(
        date(2026, 3, 6), time(6, 30), "America/New_York"
    )


@on_discord
async def test_a_group_that_ended_has_no_messages_to_come(w: World) -> None:
    cohort = await made(w, groups=1, meetings=2)
    group = cohort.group_ids[0]
    await give(group)
    await filled(w, cohort)
    await cohorts.cancel(mod_of(w), cohort.id)
    counts = await sync.sync_group_reminders(group)
    assert counts["deleted"] == 6
