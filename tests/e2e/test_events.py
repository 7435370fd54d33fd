"""Discord's events follow a group's meetings."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.clock import set_clock
from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.operations import groups as group_operations
from core.systems import events
from tests.e2e._acting import channel, mod_of, on_discord
from tests.e2e._events import (
    ACTIVE,
    CANCELED,
    COMPLETED,
    FIRST,
    HOUR,
    WEEK,
    calls,
    event,
    group_with,
    put,
    rows,
    state,
    there,
)
from tests.world import World


@on_discord
async def test_four_events_ahead_for_four_calls_and_then_none(w: World) -> None:
    group = await group_with(w)
    counts = await events.sync(group)
    assert (counts["meetings"], counts["created"], counts["failed"]) == (8, 4, 0)
    assert [e.name for e in there(w)] == [f"Group 1 - Week {n}" for n in range(1, 5)]
    voice = channel(w, "Group 1 Voice")
    assert {e.channel_id for e in there(w)} == {voice.id}
    assert datetime.fromisoformat(there(w)[0].scheduled_start_time) == FIRST
    assert datetime.fromisoformat(there(w)[0].scheduled_end_time) == FIRST + HOUR
    assert "Press Interested" in there(w)[0].description
    assert await calls(w, group) == 0
    again = await events.sync(group)
    assert (again["created"], again["unchanged"]) == (0, 4)
    assert (await state(group)).status == "ok"


@on_discord
async def test_making_four_costs_four_calls_and_a_move_one(w: World) -> None:
    group = await group_with(w)
    assert await calls(w, group) == 4
    first = (await rows(group))[0]
    await put(first, starts_at=FIRST + HOUR)
    assert await calls(w, group) == 1
    assert datetime.fromisoformat(there(w)[0].scheduled_start_time) == FIRST + HOUR
    assert datetime.fromisoformat(there(w)[0].scheduled_end_time) == FIRST + 2 * HOUR
    assert there(w)[0].id == first.event_id
    assert await calls(w, group) == 0


@on_discord
async def test_renamed_with_the_group(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    await group_operations.edit(mod_of(w), group, name="Owls")
    assert (await events.sync(group))["moved"] == 2
    assert [e.name for e in there(w)] == ["Owls - Week 1", "Owls - Week 2"]


@on_discord
@pytest.mark.parametrize("status", ["skipped", "postponed", "cancelled"])
async def test_cancelled_with_the_meeting_and_back_with_it(w: World, status: str) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    first = (await rows(group))[0]
    await put(first, status=status)
    assert await calls(w, group) == 1
    assert event(w, first.event_id).status == CANCELED
    assert [e.name for e in there(w)] == ["Group 1 - Week 2"]
    await put(first, status="planned")
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1", "Group 1 - Week 2"]


@on_discord
async def test_live_with_the_meeting_completed_after_it_and_the_next_one_made(w: World) -> None:
    group = await group_with(w)
    await events.sync(group)
    first = (await rows(group))[0]
    set_clock(lambda: FIRST + timedelta(minutes=1))
    assert await calls(w, group) == 2  # this one starts, and the window moves on by one
    assert event(w, first.event_id).status == ACTIVE
    assert await calls(w, group) == 0
    set_clock(lambda: FIRST + HOUR)
    assert await calls(w, group) == 1
    assert event(w, first.event_id).status == COMPLETED
    assert (await rows(group))[0].event_state == "ended"
    assert await calls(w, group) == 0
    assert [e.name for e in there(w)] == [f"Group 1 - Week {n}" for n in range(2, 6)]


@on_discord
async def test_after_downtime_nothing_is_made_for_what_has_begun(w: World) -> None:
    group = await group_with(w, weeks=3)
    set_clock(lambda: FIRST + WEEK + timedelta(minutes=5))
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 3"]


@on_discord
async def test_a_group_without_voice_channel_has_none(w: World) -> None:
    group = await group_with(w, rooms="text")
    counts = await events.sync(group)
    assert (counts["meetings"], counts["created"], counts["failed"]) == (8, 0, 0)


@on_discord
async def test_an_ended_group_has_none(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    await group_operations.archive(mod_of(w), group)
    await events.sync(group)
    assert there(w) == []


@on_discord
async def test_a_crash_between_the_event_and_its_id_doubles_nothing(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    first, second = await rows(group)
    await put(first, event_id=None, event_state="intent")
    await put(second, event_id=None, event_state="intent", event_hash="0" * 64)
    counts = await events.sync(group)
    after = await rows(group)
    assert after[0].event_id == first.event_id
    assert counts["failed"] == 0
    assert sorted(e.id for e in there(w)) == sorted(m.event_id or 0 for m in after)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1", "Group 1 - Week 2"]


@on_discord
async def test_an_open_answer_is_asked_about_before_anything_is_made_again(w: World) -> None:
    """Discord made it and answered 503: the next attempt takes it over, moved meanwhile."""
    group = await group_with(w, weeks=1)
    w.env.inject_error("POST", "/guilds/*/scheduled-events", status=503)
    assert (await events.sync(group))["failed"] == 1
    [first] = await rows(group)
    assert (first.event_state, first.event_id) == ("intent", None)
    made_by_it = w.guild.create_scheduled_event(
        "Group 1 - Week 1", start_time=FIRST.isoformat(), end_time=(FIRST + HOUR).isoformat(),
        channel=w.guild.channels["Group 1 Voice"],
    )  # fmt: skip
    await w.env.settle()
    await put(first, starts_at=FIRST + HOUR)
    await events.sync(group)
    [only] = there(w)
    assert only.id == made_by_it.id
    assert datetime.fromisoformat(only.scheduled_start_time) == FIRST + HOUR


@on_discord
async def test_two_by_one_call_become_one(w: World) -> None:
    """discord.py tries a 500 again by itself: the twin is cancelled as soon as it is seen."""
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    w.guild.create_scheduled_event(
        "Group 1 - Week 1", start_time=FIRST.isoformat(), end_time=(FIRST + HOUR).isoformat(),
        channel=w.guild.channels["Group 1 Voice"],
    )  # fmt: skip
    await w.env.settle()
    await events.sync(group)
    assert [e.id for e in there(w)] == [first.event_id]


@on_discord
async def test_a_deleted_meeting_takes_its_event_along(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    async with get_database().transaction() as session:
        await session.delete(await session.get_one(Meeting, (await rows(group))[0].id))
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 2"]
