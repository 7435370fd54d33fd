"""Events that somebody deleted, renamed or moved on Discord."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from core.db.engine import get_database
from core.db.models import ManagedObject
from core.operations import by_hand, settings, sync_status
from core.operations import groups as group_operations
from core.systems import events
from tests.e2e._acting import channel, mod_of, on_discord
from tests.e2e._events import (
    FIRST,
    HOUR,
    WEEK,
    calls,
    group_with,
    office,
    put,
    rows,
    said,
    state,
    there,
)
from tests.world import World


@on_discord
async def test_deleted_by_hand_is_told_once_and_comes_back_by_repair(w: World) -> None:
    group = await group_with(w, weeks=2)
    room = await office(w)
    await events.sync(group)
    first = (await rows(group))[0]
    w.env.backend.delete_scheduled_event(w.guild.id, first.event_id or 0)
    await w.env.settle()
    for _ in range(3):
        await events.sync(group)
    told = [line for line in said(room) if "was deleted on Discord" in line]
    assert len(told) == 1
    assert "“Group 1 - Week 1”" in told[0]
    assert [e.name for e in there(w)] == ["Group 1 - Week 2"]
    assert await calls(w, group) == 0
    [shown] = [s for s in await sync_status.status(w.guild.id) if s.deleted]
    assert shown.deleted == ("event “Group 1 - Week 1”",)
    assert "event" in await group_operations.repair(mod_of(w), group)
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1", "Group 1 - Week 2"]


@on_discord
async def test_deleted_by_hand_comes_back_when_the_meeting_moves(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    w.env.backend.delete_scheduled_event(w.guild.id, first.event_id or 0)
    await w.env.settle()
    await events.sync(group)
    await put(first, starts_at=FIRST + HOUR)
    await events.sync(group)
    assert [e.name for e in there(w)] == ["Group 1 - Week 1"]


@on_discord
async def test_a_gap_in_the_cache_is_no_deletion(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    guild._scheduled_events.clear()
    assert await calls(w, group) == 1  # the list is read before anything is said
    assert (await rows(group))[0].event_state == "created"
    assert await calls(w, group) == 0


@on_discord
async def test_renamed_by_hand_is_reported_and_put_back_where_the_server_says_so(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    w.env.backend.edit_scheduled_event(w.guild.id, first.event_id or 0, {"name": "Party"})
    await w.env.settle()
    assert await calls(w, group) == 0
    assert (await state(group)).by_hand["notes"] == [[first.event_id, 0, "event_renamed"]]
    assert there(w)[0].name == "Party"
    await settings.change(mod_of(w), by_hand="repair")
    await events.sync(group)
    assert there(w)[0].name == "Group 1 - Week 1"
    assert (await state(group)).by_hand["notes"] == []


@on_discord
async def test_a_difference_is_put_back_or_kept_one_by_one(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    for meeting, change in zip(
        await rows(group),
        ({"name": "Party"}, {"scheduled_start_time": (FIRST + WEEK + HOUR / 2).isoformat()}),
        strict=True,
    ):
        w.env.backend.edit_scheduled_event(w.guild.id, meeting.event_id or 0, change)
    await w.env.settle()
    await events.sync(group)
    renamed, moved = await by_hand.listed(w.guild.id)
    assert renamed.text == "the event “Party” was renamed by hand"
    assert moved.text == "the event “Group 1 - Week 2” was moved to another time by hand"
    await by_hand.put_back(mod_of(w), renamed.number)
    await by_hand.keep(mod_of(w), moved.number)
    await events.sync(group)
    assert there(w)[0].name == "Group 1 - Week 1"
    assert datetime.fromisoformat(there(w)[1].scheduled_start_time) == FIRST + WEEK + HOUR / 2
    assert await by_hand.listed(w.guild.id) == []


@on_discord
async def test_by_hand_on_discord_is_looked_at_at_once(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    await w.settle()
    [first] = await rows(group)
    w.env.backend.edit_scheduled_event(w.guild.id, first.event_id or 0, {"name": "Party"})
    await w.env.settle()
    assert group in w.worker._bumped
    await w.settle()
    w.env.backend.delete_scheduled_event(w.guild.id, first.event_id or 0)
    await w.env.settle()
    assert group in w.worker._bumped


@on_discord
async def test_the_voice_channel_is_deleted_and_comes_back(w: World) -> None:
    group = await group_with(w, weeks=1)
    room = await office(w)
    await events.sync(group)
    voice = channel(w, "Group 1 Voice")
    await voice.delete()
    await w.settle()
    async with get_database().transaction() as session:
        gone = await session.scalar(
            select(ManagedObject.state).where(ManagedObject.discord_id == voice.id)
        )
    assert gone == "deleted"
    await events.sync(group)
    assert not [line for line in said(room) if "the event" in line]
    await group_operations.repair(mod_of(w), group)
    await w.settle()
    await events.sync(group)
    # Discord deletes a channel's events with it, SimCord does not.
    new = channel(w, "Group 1 Voice")
    assert [e.name for e in there(w) if e.channel_id == new.id] == ["Group 1 - Week 1"]
