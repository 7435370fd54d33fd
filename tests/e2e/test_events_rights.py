"""Events that Discord refuses: rights that are missing, a full server, calls that fail."""

from __future__ import annotations

from datetime import datetime

import discord
import pytest

from core.errors import TemporaryError
from core.operations.check import check
from core.systems import events
from tests.e2e._acting import channel, on_discord
from tests.e2e._events import (
    FIRST,
    HOUR,
    WEEK,
    add,
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

LACKS = discord.Permissions(manage_events=True, create_events=True)


@on_discord
async def test_without_the_right_moderators_hear_of_it_once(w: World) -> None:
    group, other = await group_with(w), await group_with(w, name="Maths")
    room = await office(w)
    role = next(r for r in channel(w, "Group 1 Voice").guild.me.roles if r.managed)
    before = role.permissions.value
    w.env.backend.edit_role(w.guild.id, role.id, {"permissions": before & ~LACKS.value})
    await w.env.settle()
    for one in (group, other, group):
        assert await calls(w, one) <= 1  # the sentence to the moderators, and nothing else
    told = [line for line in said(room) if "no events" in line]
    assert len(told) == 1
    assert "Muster lacks Manage Events, Create Events on this server" in told[0]
    assert "Everything else goes on" in told[0]
    assert (await state(group)).status == "parked"
    whats = [f.what for f in await check(w.guild.id)]
    assert "Muster lacks **Create Events** on this server" in whats
    w.env.backend.edit_role(w.guild.id, role.id, {"permissions": before})
    await w.env.settle()
    for one in (group, other):
        assert (await events.sync(one))["failed"] == 0
    assert len(there(w)) == 8
    assert (await state(group)).status == "ok"


@on_discord
async def test_a_channel_that_takes_the_right_away(w: World) -> None:
    group = await group_with(w)
    room = await office(w)
    voice = channel(w, "Group 1 Voice")
    entry = voice.overwrites_for(voice.guild.me)
    entry.update(create_events=False)
    await voice.set_permissions(voice.guild.me, overwrite=entry)
    await w.env.settle()
    assert (await events.sync(group))["failed"] == 1
    assert "Muster lacks Create Events in #Group 1 Voice" in said(room)[-1]
    found = [f for f in await check(w.guild.id) if "Create Events" in f.what]
    assert [f.effect for f in found] == ["The meetings of this group get no events on Discord"]
    assert there(w) == []


@on_discord
async def test_a_full_server_the_soonest_come_first(w: World) -> None:
    """98 events of others: two places are left for eight meetings of two groups."""
    group, other = await group_with(w, weeks=4), await group_with(w, name="Maths", weeks=0)
    await add(w, other, *(FIRST + HOUR + WEEK * n for n in range(4)))
    room = await office(w)
    foreign = [
        w.guild.create_scheduled_event(
            f"Party {n}", start_time="2026-02-01T19:00:00+00:00", entity_type=3, location="x",
            end_time="2026-02-01T20:00:00+00:00",
        )
        for n in range(98)
    ]  # fmt: skip
    await w.env.settle()
    for one in (group, other, group, other):
        await events.sync(one)
    mine = [e for e in there(w) if not e.name.startswith("Party")]
    starts = [datetime.fromisoformat(e.scheduled_start_time) for e in mine]
    assert starts == [FIRST, FIRST + HOUR]
    told = [line for line in said(room) if "Discord's limit" in line]
    assert len(told) == 1
    assert "100 scheduled events, Discord's limit: 6 meetings have none yet" in told[0]
    assert "The server has 100 scheduled events, Discord's limit" in {
        f.what for f in await check(w.guild.id)
    }
    assert await calls(w, group) == 0
    assert (await state(group)).status == "ok"  # its next meeting has its event
    for one in foreign[:50]:
        w.env.backend.delete_scheduled_event(w.guild.id, one.id)
    await w.env.settle()
    for one in (group, other):
        assert (await events.sync(one))["failed"] == 0
    assert len([e for e in there(w) if not e.name.startswith("Party")]) == 8
    assert (await state(group)).error_class is None


@on_discord
async def test_discord_itself_says_that_the_server_is_full(w: World) -> None:
    group = await group_with(w)
    room = await office(w)
    w.env.inject_error(
        "POST", "/guilds/*/scheduled-events", status=400, code=30038, message="Maximum", times=None
    )
    assert await calls(w, group) == 2  # one refusal is enough; and the moderators hear of it
    assert "Discord's limit" in said(room)[-1]
    assert {m.event_state for m in await rows(group)} == {None}


@on_discord
async def test_a_refusal_leaves_nothing_to_look_for(w: World) -> None:
    group = await group_with(w, weeks=1)
    w.env.inject_error("POST", "/guilds/*/scheduled-events", status=400, code=50035)
    assert (await events.sync(group))["failed"] == 1
    assert (await rows(group))[0].event_state is None


@on_discord
async def test_one_failure_stops_no_other(w: World) -> None:
    group = await group_with(w)
    await events.sync(group)
    first, second, *_ = await rows(group)
    await put(first, starts_at=FIRST + HOUR)
    await put(second, starts_at=FIRST + WEEK + HOUR)
    w.env.inject_error("PATCH", f"/guilds/*/scheduled-events/{first.event_id}", status=400)
    counts = await events.sync(group)
    assert (counts["failed"], counts["moved"]) == (1, 1)
    assert (await state(group)).status == "parked"
    assert await calls(w, group) == 1  # the plan is another one now
    assert await calls(w, group) == 0


@on_discord
async def test_a_server_that_is_away_is_a_failure_of_the_moment(w: World) -> None:
    group = await group_with(w, weeks=1)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    guild.unavailable = True
    with pytest.raises(TemporaryError):
        await events.sync(group)
    guild.unavailable = False
    assert (await state(group)).status == "waiting"
