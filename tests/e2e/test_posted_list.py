"""The list of groups that a moderator posts: pinned, kept up, put back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
from sqlalchemy import func, select

from bot.cogs import groups as groups_cog
from bot.ui import lasting
from core.clock import set_clock
from core.db.engine import get_database
from core.db.models import Projection
from core.operations import groups
from tests.e2e._acting import mod_of, on_discord, restart
from tests.e2e._members import (
    active,
    cohort,
    forged,
    join,
    pick,
    post,
    posts_in,
    shown,
)
from tests.world import World


@on_discord
async def test_post_is_pinned_opens_the_list_and_follows(w: World) -> None:
    await cohort(w)
    message = await post(w)
    assert message.content.count("4 of 4 seats free") == 3
    me = w.members[0]
    listed = await me.click(message, label="Join a group")
    await pick(me, listed.response, "join", "Group 1 · Stats")
    await w.settle()
    (now,) = posts_in(w.room)
    assert now.id == message.id
    assert "**Group 1** · 3 of 4 seats free" in now.content
    calls = len(w.env.http_requests)
    await groups_cog.refresh_posts(w.guild.id)
    await groups_cog.look_at_the_clock()
    assert len(w.env.http_requests) == calls


@on_discord
async def test_only_moderators_post(w: World) -> None:
    await cohort(w)
    me = w.members[0]
    view = lasting.LastingView().button("Post", "groups_post")
    message = await forged(w, view)
    assert "Only moderators" in shown(await me.click(message, label="Post"))
    assert posts_in(w.room) == []
    async with get_database().transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Projection)) == 0


@on_discord
async def test_one_post_a_channel(w: World) -> None:
    await cohort(w)
    message = await post(w)
    listed = await w.mod.slash(w.room, "groups")
    again = await w.mod.click(listed.response, label="Post the list here")
    assert "in this channel already" in shown(again)
    assert [m.id for m in posts_in(w.room)] == [message.id]


@on_discord
async def test_a_post_that_cannot_be_sent_leaves_nothing(w: World) -> None:
    w.env.inject_error("POST", "/channels/*/messages", status=403, code=50013)
    listed = await w.mod.slash(w.room, "groups")
    answer = await w.mod.click(listed.response, label="Post the list here")
    assert "lacks a permission" in shown(answer)
    async with get_database().transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Projection)) == 0


@on_discord
async def test_a_post_that_cannot_be_pinned_says_so(w: World) -> None:
    w.env.inject_error("PUT", "/channels/*/messages/pins/*", status=403, code=50013)
    listed = await w.mod.slash(w.room, "groups")
    answer = await w.mod.click(listed.response, label="Post the list here")
    assert "could not be pinned: Muster lacks a permission" in shown(answer)
    assert len(posts_in(w.room)) == 1


async def delete(w: World, message: Any) -> None:
    """Somebody who may manage messages tidies up."""
    rights = discord.Permissions(manage_messages=True)
    tidy = w.guild.create_role("Tidy", permissions=rights)
    await w.guild.add_member(w.env.create_user("janitor"), roles=[tidy]).delete(message)


@on_discord
async def test_a_deleted_post_is_put_back(w: World) -> None:
    """Noticed at the next change at the latest; it has its button and its pin again."""
    await cohort(w)
    message = await post(w)
    await delete(w, message)
    await join(w, w.members[0])
    (back,) = posts_in(w.room)
    assert back.id != message.id
    assert [m.id for m in w.room.pinned_messages()] == [back.id]
    assert "3 of 4" in back.content
    assert "Group 2" in shown(await w.members[1].click(back, label="Join a group"))


@on_discord
async def test_a_deletion_that_discord_tells_of_is_repaired_at_once(w: World) -> None:
    await cohort(w)
    message = await post(w)
    await delete(w, message)
    data: Any = {"id": message.id, "channel_id": w.room.id, "guild_id": w.guild.id}
    await w.hears("raw_message_delete", discord.RawMessageDeleteEvent(data))
    (back,) = posts_in(w.room)
    bulk: Any = {"ids": [back.id], "channel_id": w.room.id, "guild_id": w.guild.id}
    await delete(w, back)
    await w.hears("raw_bulk_message_delete", discord.RawBulkMessageDeleteEvent(bulk))
    (again,) = posts_in(w.room)
    assert again.id not in {message.id, back.id}


@on_discord
async def test_a_failed_edit_is_made_up_for(w: World) -> None:
    await cohort(w)
    await post(w)
    w.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50013)
    await join(w, w.members[0])
    (stale,) = posts_in(w.room)
    assert "3 of 4" not in stale.content
    await groups_cog.look_at_the_clock()
    (now,) = posts_in(w.room)
    assert "3 of 4" in now.content


@on_discord
async def test_a_post_whose_channel_is_gone_is_forgotten(w: World) -> None:
    await cohort(w)
    await post(w)
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    lobby = w.guild.create_text_channel("lobby")
    await channel.delete()
    await w.settle()
    w.room = lobby
    await join(w, w.members[0])
    async with get_database().transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Projection)) == 0


@on_discord
async def test_groups_that_start_leave_the_post(w: World) -> None:
    await cohort(w)
    await post(w)
    set_clock(lambda: w.env.now() + timedelta(days=70))
    await groups_cog.look_at_the_clock()
    (now,) = posts_in(w.room)
    assert "No group can be joined right now." in now.content


@on_discord
async def test_everything_works_after_a_restart(w: World) -> None:
    made = await cohort(w)
    message = await post(w)
    me, other = w.members[:2]
    listed = await me.slash(w.room, "groups")
    await restart(w)
    await pick(me, listed.response, "join", "Group 1 · Stats")
    assert await active(me) == [made.group_ids[0]]
    opened = await other.click(message, label="Join a group")
    assert "Group 1" in shown(opened)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    await restart(w)
    await me.click(asked.response, label="Leave")
    assert await active(me) == []
    await w.settle()
    (now,) = posts_in(w.room)
    assert now.id == message.id
    assert now.content.count("4 of 4 seats free") == 3


@on_discord
async def test_names_cannot_ping_or_link(w: World) -> None:
    made = await cohort(w, "@everyone <#1>", groups=1)
    await groups.edit(mod_of(w), made.group_ids[0], name="**loud** <@1>")
    me = w.members[0]
    message = await post(w)
    listed = await me.slash(w.room, "groups")
    for text in (message.content, shown(listed)):
        assert "@everyone" not in text
        assert "<@1>" not in text
        assert "<#1>" not in text
        assert r"\*\*loud" in text
