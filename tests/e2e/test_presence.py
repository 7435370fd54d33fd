"""Voice presence while a group meets: joins, leaves, restarts, two groups, two servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
import pytest

from core.db.engine import get_database
from core.db.meeting_models import Meeting
from core.discord_outbound import cache
from core.operations import cohorts, membership, presence
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.operations.presence import Looked
from tests.e2e._acting import SOON, mod_of, moderator_elsewhere, on_discord
from tests.e2e._attendance import START, groups, later, lead, meeting, room, rows, visit
from tests.world import World


async def minutes(meeting_id: int) -> dict[int, float]:
    return {user: row.seconds / 60 for user, row in (await rows(meeting_id)).items()}


@on_discord
async def test_joins_and_leaves_are_counted_within_the_meeting(w: World) -> None:
    first, _ = await groups(w)
    held = await meeting(w, first)
    voice = await room(w, first)
    ann, bob, cid, *_ = w.members
    later(-20)
    await ann.join_voice(voice)  # too early for a row; she is found when it begins
    assert await rows(held) == {}
    later(-5)
    await bob.join_voice(voice)
    assert set(await rows(held)) == {ann.id, bob.id}
    later(10)
    await cid.join_voice(voice)
    later(30)
    await bob.leave_voice()
    later(40)
    await bob.join_voice(voice)
    await ann.set_voice(self_mute=True)
    later(55)
    await ann.leave_voice()
    assert (await minutes(held))[ann.id] == 55
    later(61)
    assert await presence.tick() == Looked(0, 0, 2)
    assert await minutes(held) == {ann.id: 55, bob.id: 30 + 20, cid.id: 50}
    assert all(row.here_since is None for row in (await rows(held)).values())
    later(70)
    assert await presence.tick() == Looked()


@on_discord
async def test_a_leave_just_after_the_end_counts_to_the_end(w: World) -> None:
    first, _ = await groups(w)
    held = await meeting(w, first, minutes=45)
    ann = w.members[0]
    later(15)
    await ann.join_voice(await room(w, first))
    later(45.5)
    await ann.leave_voice()
    assert await minutes(held) == {ann.id: 30}


@on_discord
async def test_a_restart_in_the_middle(w: World) -> None:
    """Who is still there goes on; who left meanwhile was there until last seen; who came begins."""
    first, _ = await groups(w, people=4)
    held = await meeting(w, first)
    voice = await room(w, first)
    ann, bob, cid, dan, *_ = w.members
    later(0)
    for person in (ann, bob, cid):
        await person.join_voice(voice)
    later(5)
    await cid.leave_voice()
    await presence.tick()
    await unheard(w, bob.leave_voice, lambda: dan.join_voice(voice))
    later(20)
    await w.hears("ready")
    assert await minutes(held) == {ann.id: 0, bob.id: 5, cid.id: 5, dan.id: 0}
    later(60)
    await presence.tick()
    assert await minutes(held) == {ann.id: 60, bob.id: 5, cid.id: 5, dan.id: 40}


async def unheard(w: World, *moves: Callable[[], Awaitable[Any]]) -> None:
    """People move while nobody listens: the cache changes, and no event comes through."""
    listeners = w.bot.extra_events.pop("on_voice_state_update")
    for move in moves:
        await move()
    w.bot.extra_events["on_voice_state_update"] = listeners


async def put(w: World, person: Any, voice: Any) -> None:
    """A moderator drags somebody into a channel, whatever they may do there themselves."""
    w.env.backend.set_voice_state(w.guild.id, person.id, voice.id)
    await w.env.settle()


@on_discord
async def test_away_until_after_the_end(w: World) -> None:
    """A meeting that ended while nobody looked: everybody up to when they were last seen."""
    first, _ = await groups(w)
    held = await meeting(w, first)
    ann, bob, *_ = w.members
    voice = await room(w, first)
    later(0)
    await ann.join_voice(voice)
    await bob.join_voice(voice)
    later(12)
    await presence.tick()
    await unheard(w, bob.leave_voice)
    later(60 * 20)
    await presence.tick()
    assert await minutes(held) == {ann.id: 12, bob.id: 12}


@on_discord
async def test_a_late_word_of_leaving_is_not_believed(w: World) -> None:
    """After a lost connection Discord tells of what happened meanwhile."""
    first, _ = await groups(w)
    held = await meeting(w, first)
    ann = w.members[0]
    later(0)
    await ann.join_voice(await room(w, first))
    later(10)
    await presence.tick()
    await w.hears("disconnect")
    later(40)
    await ann.leave_voice()
    assert await minutes(held) == {ann.id: 10}
    await w.hears("resumed")
    await ann.join_voice(await room(w, first))
    later(50)
    await ann.leave_voice()
    assert await minutes(held) == {ann.id: 20}


@on_discord
async def test_nothing_is_read_while_the_gateway_is_silent(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = await groups(w)
    held = await meeting(w, first)
    later(0)
    await w.members[0].join_voice(await room(w, first))
    later(30)
    monkeypatch.setattr(presence, "is_fresh", lambda: False)
    assert await presence.tick() == Looked()
    assert (await rows(held))[w.members[0].id].last_seen_at == START
    monkeypatch.setattr(presence, "is_fresh", cache.is_fresh)
    assert await presence.tick() == Looked(0, 1, 0)


@on_discord
async def test_who_is_counted(w: World) -> None:
    """Facilitators and guests are, strangers and bots are not; who joins the group meanwhile is."""
    first, second = await groups(w, people=1)
    held = await meeting(w, first)
    ann, guest, head, stranger, late, _ = w.members
    await visit(w, held, guest)
    await lead(w, first, head)
    voice = await room(w, first)
    robot = w.guild.add_member(w.env.create_user("robot", bot=True))
    later(1)
    for person in (ann, guest, head, stranger, late, robot):
        await put(w, person, voice)
    assert set(await rows(held)) == {ann.id, guest.id, head.id}
    await membership.add(mod_of(w), first, late.id, late.name)
    await membership.add(mod_of(w), second, stranger.id, stranger.name)
    later(2)
    await presence.tick()
    assert set(await rows(held)) == {ann.id, guest.id, head.id, late.id}


@on_discord
async def test_two_groups_at_once(w: World) -> None:
    first, second = await groups(w, people=2)
    dan = w.members[3]
    await membership.add(mod_of(w), second, dan.id, dan.name)
    w.worker.bump([second])
    await w.settle()
    one, other = await meeting(w, first), await meeting(w, second)
    later(0)
    await w.members[0].join_voice(await room(w, first))
    await dan.join_voice(await room(w, second))
    later(30)
    # From one meeting's channel into the other's: that one is not theirs.
    await put(w, w.members[0], await room(w, second))
    later(60)
    await presence.tick()
    assert await minutes(one) == {w.members[0].id: 30}
    assert await minutes(other) == {dan.id: 60}


@on_discord
async def test_two_servers_know_nothing_of_each_other(w: World) -> None:
    first, _ = await groups(w)
    held = await meeting(w, first)
    ann = w.members[0]
    _, boss = await moderator_elsewhere(w)
    elsewhere = boss.guild
    there = elsewhere.add_member(ann.user)
    await w.settle()
    lead_there = Actor(elsewhere.id, boss.id, "boss", moderator=True)
    made = await cohorts.create(lead_there, CohortDraft("Chess", SOON, groups=1), open_now=True)
    away = made.group_ids[0]
    await membership.add(lead_there, away, ann.id, ann.name)
    w.worker.bump([away])
    await w.settle()
    other = await meeting(w, away, guild_id=elsewhere.id)
    later(0)
    await there.join_voice(await room(w, away, guild=elsewhere))
    later(1)
    await presence.tick()
    assert await rows(held) == {}
    assert set(await rows(other)) == {ann.id}


@pytest.mark.parametrize("status", ["skipped", "postponed", "cancelled"])
@on_discord
async def test_what_does_not_take_place_has_no_attendance(w: World, status: str) -> None:
    first, _ = await groups(w)
    held = await meeting(w, first, status=status)
    later(5)
    await w.members[0].join_voice(await room(w, first))
    await presence.tick()
    assert await rows(held) == {}


@on_discord
async def test_a_meeting_called_off_in_the_middle_closes(w: World) -> None:
    first, _ = await groups(w)
    held = await meeting(w, first)
    later(0)
    await w.members[0].join_voice(await room(w, first))
    later(3)
    await presence.tick()
    async with get_database().transaction() as session:
        (await session.get_one(Meeting, held)).status = "skipped"
    later(30)
    assert await presence.tick() == Looked(0, 0, 1)
    assert await minutes(held) == {w.members[0].id: 3}


@on_discord
async def test_a_channel_that_is_gone_closes_at_the_end_only(w: World) -> None:
    first, _ = await groups(w)
    held = await meeting(w, first)
    voice = await room(w, first)
    later(0)
    await w.members[0].join_voice(voice)
    later(20)
    await presence.tick()
    found = w.bot.get_channel(voice.id)
    assert isinstance(found, discord.VoiceChannel)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    guild.unavailable = True
    later(30)
    assert await presence.tick() == Looked()
    guild.unavailable = False
    later(31)
    assert await presence.tick() == Looked(0, 1, 0)
    later(60)
    await presence.tick()
    assert await minutes(held) == {w.members[0].id: 60}
