"""Letting one person into two channels and out again, as `core.discord_outbound` offers it."""

from __future__ import annotations

from typing import Any

import discord

from core.discord_outbound import (
    create_category,
    create_text_channel,
    create_voice_channel,
    get_members_with_access,
    grant_channel_access,
    revoke_channel_access,
)
from tests.e2e._acting import on_discord
from tests.world import World


async def hidden_pair(w: World) -> tuple[Any, Any]:
    """A text and a voice channel that hide themselves, in a category of theirs."""
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    home = await create_category(guild, "Dens")
    text = await create_text_channel(home, "den", overwrites={})
    voice = await create_voice_channel(home, "den voice", overwrites={})
    await w.settle()
    return text, voice


@on_discord
async def test_what_is_granted_is_revoked_and_nothing_else(w: World) -> None:
    text, voice = await hidden_pair(w)
    ada = w.members[0].member
    await text.set_permissions(ada, add_reactions=True)
    await w.settle()
    assert await grant_channel_access(ada, text, voice)
    await w.settle()
    may = text.permissions_for(ada)
    assert may.view_channel
    assert may.send_messages
    assert may.read_message_history
    assert voice.permissions_for(ada).connect
    assert str(ada.id) in get_members_with_access(text)
    before = len(w.env.http_requests)
    assert await grant_channel_access(ada, text, voice)
    assert len(w.env.http_requests) == before  # as it is already
    assert await revoke_channel_access(ada, text, voice)
    await w.settle()
    assert not text.permissions_for(ada).view_channel
    assert not voice.permissions_for(ada).view_channel
    assert text.overwrites_for(ada).add_reactions is True  # a hand had set that
    assert str(ada.id) not in get_members_with_access(text)


@on_discord
async def test_a_denial_by_hand_gives_way_to_a_grant(w: World) -> None:
    text, _ = await hidden_pair(w)
    ada = w.members[0].member
    await text.set_permissions(ada, view_channel=False, send_messages=False, add_reactions=False)
    await w.settle()
    assert await grant_channel_access(ada, text)
    await w.settle()
    assert text.permissions_for(ada).send_messages
    entry = text.overwrites_for(ada)
    assert (entry.view_channel, entry.send_messages, entry.add_reactions) == (True, True, False)
    _, denied = entry.pair()
    assert denied == discord.Permissions(add_reactions=True)


@on_discord
async def test_a_failure_has_a_class_and_stops_no_other_channel(w: World) -> None:
    text, voice = await hidden_pair(w)
    ada = w.members[0].member
    w.env.inject_error("PUT", f"/channels/{text.id}/permissions/*", status=403, code=50013)
    outcome = await grant_channel_access(ada, text, voice)
    await w.settle()
    assert not outcome
    assert (outcome.error_class, outcome.permanent) == ("missing_permission", True)
    assert voice.permissions_for(ada).connect
    assert not text.permissions_for(ada).view_channel
