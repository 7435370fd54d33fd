"""The simulated Discord does what it says: each test drives it with plain discord.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import discord
import pytest

from tests.e2e._discord_testbot import Bot, general_of, guild_of, intents, pointed_at, running
from tests.e2e.discord_client import (
    BOT_PERMISSIONS,
    CATEGORY,
    VOICE,
    DiscordServer,
    GatewayAction,
    Impossible,
    ServerProcess,
)

VIEW = discord.Permissions.view_channel.flag


@pytest.fixture
async def server(process: ServerProcess) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(seed="small", process=process) as running_server:
        yield running_server


@pytest.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    async with running(server) as running_bot:
        yield running_bot


# --- connecting --------------------------------------------------------------------------------


async def test_connects_with_the_whole_guild(server: DiscordServer, bot: Bot) -> None:
    guild = guild_of(bot, server)
    await server.wait_gateway("member_requests", 1)
    assert guild.member_count == len(guild.members) == 13
    assert guild.me.guild_permissions.value & ~guild.default_role.permissions.value == (
        BOT_PERMISSIONS & ~guild.default_role.permissions.value
    )
    assert guild.self_role is not None
    assert guild.self_role.permissions.value == BOT_PERMISSIONS
    assert bot.application is not None
    assert bot.application.flags.gateway_guild_members_limited
    assert {c["name"] for c in await server.commands()} == {"echo", "slow", "panel", "hidden"}
    assert await server.violations() == []


async def test_heartbeats_are_acknowledged(server: DiscordServer) -> None:
    await server.configure(heartbeat_interval=0.1)
    async with running(server) as bot:
        await server.wait_gateway("heartbeats", 3)
        assert 0 < bot.latency < 5
        await server.configure(ack_heartbeats=False)
        # Unacknowledged heartbeats make discord.py give the connection up and resume.
        bot.ws._max_heartbeat_timeout = 0.3
        if bot.ws._keep_alive is not None:
            bot.ws._keep_alive.heartbeat_timeout = 0.3
        await server.wait_gateway("resumed", 1)


async def test_a_wrong_token_and_a_missing_intent_are_refused(server: DiscordServer) -> None:
    await server.configure(token="right")
    with pytest.raises(discord.LoginFailure):
        async with running(server):
            pass
    await server.configure(token=None, approved_intents=[])
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(server):
            pass


async def test_the_first_gateway_connections_are_refused(server: DiscordServer) -> None:
    await server.refuse_gateway(1)
    async with pointed_at(server):
        client = discord.Client(intents=intents())
        # discord.py #10520: its own reconnecting trips over a first connection that failed.
        with pytest.raises(AttributeError, match="sequence"):
            await asyncio.wait_for(client.start("token"), 20)
        await client.close()
    assert (await server.status())["gateway"]["refused"] == 1
    async with running(server):
        assert (await server.wait_connected())["identified"] == 1


async def test_members_are_found_by_id(server: DiscordServer, bot: Bot) -> None:
    wanted = server.seed["member_ids"][:3]
    found = await guild_of(bot, server).query_members(user_ids=[*wanted, 1], limit=5)
    assert sorted(member.id for member in found) == sorted(wanted)


# --- losing the connection ---------------------------------------------------------------------


@pytest.mark.parametrize("action", ["reconnect", "drop", "invalid_resumable", "close"])
async def test_resumes_with_replay(server: DiscordServer, bot: Bot, action: GatewayAction) -> None:
    before = guild_of(bot, server)
    await server.refuse_gateway(1, "503")
    await server.gateway(action)
    await server.wait_gateway("refused", 1)
    late = await server.add_member(before.id, "Late")
    await bot.hears("resumed")
    # The same object with the new member: the cache was kept and what was missed was replayed.
    assert guild_of(bot, server) is before
    assert before.get_member(late) is not None
    assert bot.heard == ["ready", "resumed"]


async def test_an_invalid_session_starts_anew(server: DiscordServer, bot: Bot) -> None:
    before = guild_of(bot, server)
    await server.gateway("invalid")
    await bot.hears("ready", 2)
    assert guild_of(bot, server) is not before
    assert bot.heard == ["ready", "ready"]
    assert (await server.status())["gateway"]["identified"] == 2


async def test_a_forgotten_session_cannot_resume(server: DiscordServer, bot: Bot) -> None:
    await server.gateway("forget")
    await server.gateway("reconnect")
    await bot.hears("ready", 2)
    assert (await server.status())["gateway"]["invalidated"] == 1


async def test_held_events_leave_the_cache_stale(server: DiscordServer, bot: Bot) -> None:
    await server.hold_events()
    await server.edit_channel(server.seed["general_id"], topic="new")
    fetched = await bot.fetch_channel(server.seed["general_id"])
    assert isinstance(fetched, discord.TextChannel)
    assert (fetched.topic, general_of(bot, server).topic) == ("new", None)
    heard = asyncio.create_task(bot.wait_for("guild_channel_update", timeout=10))
    await asyncio.sleep(0)
    assert await server.release_events() == 1
    await heard
    assert general_of(bot, server).topic == "new"


# --- people ------------------------------------------------------------------------------------


async def test_slash_commands(server: DiscordServer, bot: Bot) -> None:
    here, ada = server.seed["general_id"], server.seed["member_ids"][0]
    choices = await server.autocomplete(here, ada, "echo", "text", "hi", {"who": ada})
    assert choices == [{"name": "HI", "value": "hi"}]
    result = await server.slash(here, ada, "echo", {"text": "hi", "who": ada})
    assert result.message is not None
    assert result.message["content"] == f"hi {ada}"
    assert result.ephemeral
    assert result.ack_ms is not None
    assert 0 < result.ack_ms < 3000
    with pytest.raises(Impossible, match="not visible"):
        await server.slash(here, ada, "hidden")
    shown = await server.slash(here, server.seed["moderator_id"], "hidden")
    assert "secret" in shown.text
    with pytest.raises(Impossible, match="requires option"):
        await server.slash(here, ada, "echo", {"text": "hi"})


async def test_deferred_answers_with_edits_and_follow_ups(server: DiscordServer, bot: Bot) -> None:
    here, ada = server.seed["general_id"], server.seed["member_ids"][0]
    result = await server.slash(here, ada, "slow", contains="and more")
    assert result.message is not None
    assert result.message["content"] == "done"
    assert [m["content"] for m in result.followups] == ["and more"]
    edits = [a["body"].get("content") for a in result.answers if a["method"] == "PATCH"]
    assert edits == ["half", "done"]
    assert result.complete


async def test_clicks_selects_and_modals(server: DiscordServer, bot: Bot) -> None:
    here, ada = server.seed["general_id"], server.seed["member_ids"][0]
    posted = (await server.slash(here, ada, "panel")).message_id
    role = await server.select(here, posted, ada, [server.seed["moderator_role_id"]])
    assert "role Moderators" in role.text
    shown = await server.click(here, posted, ada, label="Name")
    assert shown.modal is not None
    assert "hello Ada" in (await server.submit(shown, {"field": "Ada"})).text
    click = await server.click(here, posted, ada, custom_id="join", contains="welcome")
    assert click.message is not None
    assert click.message["content"] == f"joined by {ada}"
    with pytest.raises(Impossible, match="No matching component"):
        await server.click(here, posted, ada, custom_id="gone")
    forged = await server.forge(
        here, ada, 3, {"custom_id": "join", "component_type": 2}, message_id=posted
    )
    assert forged.acknowledged


async def test_two_hundred_clicks_at_once(server: DiscordServer, bot: Bot) -> None:
    here, people = server.seed["general_id"], server.seed["member_ids"]
    posted = (await server.slash(here, people[0], "panel")).message_id
    clicks = [
        server.click(here, posted, people[i % 10], custom_id="join", contains="welcome", timeout=30)
        for i in range(200)
    ]
    results = await asyncio.gather(*clicks)
    assert all(result.acknowledged and len(result.followups) == 1 for result in results)


async def test_nobody_there_to_answer(server: DiscordServer) -> None:
    async with running(server):
        pass
    here, ada = server.seed["general_id"], server.seed["member_ids"][0]
    result = await server.slash(here, ada, "slow", timeout=0.1)
    assert (result.acknowledged, result.message) == (False, None)


# --- the world ---------------------------------------------------------------------------------


async def test_channels_with_overwrites(server: DiscordServer, bot: Bot) -> None:
    guild, ada = guild_of(bot, server), server.seed["member_ids"][0]
    member = guild.get_member(ada)
    assert member is not None
    hide = discord.PermissionOverwrite(view_channel=False)
    show = discord.PermissionOverwrite(view_channel=True)
    category = await guild.create_category(
        "Season", overwrites={guild.default_role: hide, guild.me: show}
    )
    text = await category.create_text_channel("Group One")
    voice = await guild.create_voice_channel(
        "Group One", category=category, overwrites={member: show, guild.default_role: hide}
    )
    assert (text.name, voice.name) == ("group-one", "Group One")
    dump = {c["id"]: c for c in (await server.dump(guild.id))["channels"]}
    # Without overwrites of its own a channel is synced with its category.
    assert dump[text.id]["overwrites"] == dump[category.id]["overwrites"]
    entry = {"id": ada, "type": 1, "allow": VIEW, "deny": 0}
    assert entry in dump[voice.id]["overwrites"]
    assert voice.id in await server.visible_channels(guild.id, ada)
    assert text.id not in await server.visible_channels(guild.id, ada)
    await category.delete()
    assert (await server.dump(guild.id))["channels"][-1]["parent_id"] is None
    assert await server.violations() == []


async def test_changes_by_hand_reach_the_bot(server: DiscordServer, bot: Bot) -> None:
    guild, here = guild_of(bot, server), server.seed["general_id"]
    ada = server.seed["member_ids"][0]
    heard = asyncio.create_task(bot.wait_for("guild_channel_delete", timeout=10))
    await asyncio.sleep(0)
    newcomer = await server.add_member(guild.id, "New", pending=True)
    await server.set_overwrite(here, ada, role=False, deny=VIEW)
    await server.remove_member(guild.id, server.seed["member_ids"][1])
    await server.delete_channel(server.seed["moderators_id"])
    assert (await heard).id == server.seed["moderators_id"]
    arrived = guild.get_member(newcomer)
    assert arrived is not None
    assert arrived.pending
    assert guild.get_member(server.seed["member_ids"][1]) is None
    member = guild.get_member(ada)
    assert member is not None
    assert not general_of(bot, server).permissions_for(member).view_channel


async def test_checks_that_simcord_leaves_out(server: DiscordServer, bot: Bot) -> None:
    guild = guild_of(bot, server)
    for name in ("", "x" * 101):
        with pytest.raises(discord.HTTPException) as bad_name:
            await guild.create_text_channel(name)
        assert (bad_name.value.status, bad_name.value.code) == (400, 50035)
    with pytest.raises(discord.HTTPException) as crowd:
        await guild.create_voice_channel("v", user_limit=100)
    assert crowd.value.code == 50035
    start = discord.utils.utcnow()
    for begins in (start - timedelta(hours=1), start + timedelta(hours=1)):
        event = guild.create_scheduled_event(
            name="Meeting",
            start_time=begins,
            end_time=begins + timedelta(hours=1),
            location="here",
            entity_type=discord.EntityType.external,
            privacy_level=discord.PrivacyLevel.guild_only,
        )
        if begins > start:
            assert (await event).name == "Meeting"
            continue
        with pytest.raises(discord.HTTPException) as past:
            await event
        assert (past.value.status, past.value.code) == (400, 50035)
    lacking = discord.PermissionOverwrite(ban_members=True)
    with pytest.raises(discord.Forbidden) as rights:
        await general_of(bot, server).set_permissions(guild.default_role, overwrite=lacking)
    assert rights.value.code == 50013


async def test_a_category_holds_fifty(server: DiscordServer, bot: Bot) -> None:
    guild = guild_of(bot, server)
    category = await server.create_channel(guild.id, "Full", kind=CATEGORY)
    for number in range(49):
        await server.create_channel(guild.id, f"c{number}", kind=VOICE, parent_id=category)
    parent = await guild.fetch_channel(category)
    assert isinstance(parent, discord.CategoryChannel)
    await parent.create_voice_channel("fiftieth")
    with pytest.raises(discord.HTTPException, match="Maximum number of channels") as full:
        await parent.create_voice_channel("one too many")
    assert (full.value.status, full.value.code) == (400, 50035)


async def test_closed_dms(server: DiscordServer, bot: Bot) -> None:
    ada = guild_of(bot, server).get_member(server.seed["member_ids"][0])
    assert ada is not None
    await ada.send("hello")
    assert [m["content"] for m in await server.direct_messages(ada.id)] == ["hello"]
    await server.close_dms(ada.id)
    with pytest.raises(discord.Forbidden) as closed:
        await ada.send("hello again")
    assert closed.value.code == 50007


async def test_bodies_that_break_the_description_are_recorded(server: DiscordServer) -> None:
    if not (await server.status())["validating"]:
        pytest.skip("Discord's OpenAPI description is not beside the project")
    url = f"{server.api}/channels/{server.seed['general_id']}/messages"
    async with aiohttp.ClientSession() as session:
        await session.post(url, json={"content": "fine"})
        assert await server.violations() == []
        await session.post(url, json={"content": ["not", "text"]})
        await session.post(url, json={"content": "x", "colour": 1})
    problems = [violation["problem"] for violation in await server.violations()]
    assert any("$.content" in problem for problem in problems)
    assert any("colour" in problem for problem in problems)


async def test_validation_is_skipped_without_the_description() -> None:
    async with (
        DiscordServer(seed="small", openapi="") as server,
        aiohttp.ClientSession() as session,
    ):
        assert not (await server.status())["validating"]
        url = f"{server.api}/channels/{server.seed['general_id']}/messages"
        async with session.post(url, json={"content": "fine"}) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "application/json"
