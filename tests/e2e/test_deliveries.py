"""Messages on a simulated Discord: people who take none, channels that are gone, lost answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest
from sqlalchemy.dialects.postgresql import insert

from core.clock import set_clock, utcnow
from core.db.engine import Database, get_database, set_database
from core.db.models import User
from core.discord_outbound import get_bot
from core.notifications.dispatcher import Dispatcher
from core.operations import settings
from core.systems import undelivered
from tests.e2e._acting import mod_of, on_discord
from tests.integration._sending import add, no_follow_up, plainly, rows
from tests.world import World


def sender() -> Dispatcher:
    return Dispatcher(prepare=plainly, sent=no_follow_up, gave_up=undelivered.tell)


async def send(w: World) -> None:
    await sender().drain()
    await w.env.settle()


async def look(w: World) -> None:
    """What events asked for is done, but for the sending."""
    await w.env.settle()
    await w.worker.drain()


async def due(w: World, text: str, **more: Any) -> None:
    await add(get_database(), text, due=utcnow(), guild_id=w.guild.id, **more)


def said(room: Any) -> list[str]:
    return [m.content for m in room.history()]


@on_discord
async def test_a_post_and_a_direct_message(w: World) -> None:
    ada = w.members[0]
    async with get_database().transaction() as session:
        await session.execute(insert(User).values(id=ada.id).on_conflict_do_nothing())
    await due(w, "to all", channel_id=w.room.id)
    await due(w, "to Ada", user_id=ada.id, channel_id=None)
    await send(w)
    assert said(w.room) == ["to all"]
    found = await rows(get_database())
    assert {r.status for r in found.values()} == {"sent"}
    assert found["to all"].message_id == w.room.history()[0].id
    async with get_database().transaction() as session:
        channel = (await session.get_one(User, ada.id)).dm_channel_id
    assert channel == found["to Ada"].sent_channel_id


@on_discord
async def test_closed_direct_messages_go_where_it_was_said(w: World) -> None:
    ada = w.members[0]
    w.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)
    payload = {"text": "a", "fallback": w.room.id}
    await due(w, "a", user_id=ada.id, channel_id=None, payload=payload)
    await send(w)
    assert said(w.room) == [f"<@{ada.id}> a"]
    row = (await rows(get_database()))["a"]
    assert (row.status, row.error_class, row.sent_channel_id) == ("sent", "closed_dms", w.room.id)


@on_discord
async def test_closed_direct_messages_without_another_place(w: World) -> None:
    ada = w.members[0]
    w.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)
    await due(w, "a", user_id=ada.id, channel_id=None)
    await send(w)
    row = (await rows(get_database()))["a"]
    assert (row.status, row.error_class) == ("skipped", "closed_dms")


@on_discord
async def test_a_channel_that_is_gone_is_told_once(w: World) -> None:
    room = w.guild.create_text_channel("moderators")
    await w.env.settle()
    await settings.change(mod_of(w), moderator_channel_id=room.id)
    for n in range(3):
        await due(w, f"n{n}", channel_id=123)
    await send(w)
    assert {r.status for r in (await rows(get_database())).values()} == {"dead"}
    assert len(said(room)) == 1
    assert "the channel is gone" in said(room)[0].lower()


@on_discord
async def test_a_right_that_is_missing_is_asked_for_and_waited_for(w: World) -> None:
    guild = get_bot().get_guild(w.guild.id)
    assert guild is not None
    moderators = w.guild.create_text_channel("moderators")
    closed = w.guild.create_text_channel("closed")
    await w.env.settle()
    await settings.change(mod_of(w), moderator_channel_id=moderators.id)
    channel = guild.get_channel(closed.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.set_permissions(guild.default_role, send_messages=False, view_channel=True)
    await w.env.settle()
    await due(w, "a", channel_id=closed.id)
    await send(w)
    row = (await rows(get_database()))["a"]
    assert (row.status, row.error_class) == ("failed", "missing_permission")
    assert "/check" in said(moderators)[0]
    tries = len(w.env.http_requests)
    await guild.default_role.edit(mentionable=True)  # no right of ours
    await look(w)
    await send(w)
    posts = [r for r in w.env.http_requests[tries:] if r.method == "POST"]
    assert posts == []  # nothing is asked for again that is refused for sure
    await channel.set_permissions(guild.default_role, overwrite=None)
    await look(w)
    await send(w)
    assert said(closed) == ["a"]  # and not in an hour only
    assert utcnow() < row.next_at - timedelta(minutes=50)
    assert len(said(moderators)) == 1


@on_discord
async def test_a_right_that_came_back_while_postgres_was_away(w: World) -> None:
    guild = get_bot().get_guild(w.guild.id)
    assert guild is not None
    closed = w.guild.create_text_channel("closed")
    await w.env.settle()
    channel = guild.get_channel(closed.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.set_permissions(guild.default_role, send_messages=False, view_channel=True)
    await look(w)
    await due(w, "a", channel_id=closed.id)
    await send(w)
    await channel.set_permissions(guild.default_role, overwrite=None)
    await w.env.settle()
    here, away = get_database(), Database("postgresql://nobody@127.0.0.1:1/nothing")
    set_database(away)
    try:
        with pytest.raises(OSError):
            await w.worker.drain()
    finally:
        set_database(here)
        await away.close()
    await look(w)
    await send(w)
    assert said(closed) == ["a"]


@on_discord
async def test_after_a_long_silence_the_history_is_read_first(w: World) -> None:
    """Sent, and killed before it was noted; hours later nobody's memory has the nonce."""
    ada = w.members[0]
    for text in ("seen", "unseen"):
        await due(w, text, channel_id=w.room.id)
        await due(w, f"{text} by Ada", user_id=ada.id, channel_id=None)
    before = utcnow()
    lost = sender()
    claimed = {row.payload["text"]: row for row in await lost._claim()}
    async with get_database().transaction() as session:
        decisions = await plainly(session, list(claimed.values()), before)
    for text in ("seen", "seen by Ada"):
        row = claimed[text]
        await lost._deliver(row, decisions[row.id])  # type: ignore[arg-type]  # all are Send
    await w.env.settle()
    hours = before + timedelta(hours=3)
    set_clock(lambda: hours)
    calls = len(w.env.http_requests)
    await send(w)
    assert said(w.room) == ["seen", "unseen"]
    found = await rows(get_database())
    assert {r.status for r in found.values()} == {"sent"}
    assert found["seen"].message_id == w.room.history()[0].id
    posts = [r for r in w.env.http_requests[calls:] if r.method == "POST" and "messages" in r.path]
    assert len(posts) == 2


@on_discord
async def test_the_same_words_twice_are_two_messages(w: World) -> None:
    """A message with the same text that belongs to another row is not taken for this one's."""
    for n in range(2):
        await add(
            get_database(), f"key {n}", guild_id=w.guild.id, channel_id=w.room.id,
            due=utcnow(), payload={"text": "same"},
        )  # fmt: skip
    lost = sender()
    first, _ = await lost._claim()
    async with get_database().transaction() as session:
        decisions = await plainly(session, [first], utcnow())
    await lost._deliver(first, decisions[first.id])  # type: ignore[arg-type]  # it is a Send
    await w.env.settle()
    hours = utcnow() + timedelta(hours=3)
    set_clock(lambda: hours)
    await send(w)
    assert said(w.room) == ["same", "same"]
