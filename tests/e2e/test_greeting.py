"""The first words on a server: to whom, in which language, and never twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import discord

from bot.client import Muster
from bot.demo.gaps import invited_by
from core.clock import utcnow
from core.db.engine import Database, get_database
from core.db.models import Guild
from core.discord_outbound import set_bot
from core.operations import cohorts, greeting, settings
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.worker import Worker
from tests.e2e._setup import alone
from tests.world import World, parts_of, words_of

MANAGER = discord.Permissions(manage_guild=True)
NOTHING = discord.Permissions.none()


def server(w: World, name: str = "New Home", **options: Any) -> tuple[Any, Any, Any]:
    """A new server with a lobby, a role of moderators, and whoever set it up."""
    home = w.env.create_guild(name=name, **options)
    keys = home.create_role("Moderators", permissions=MANAGER)
    lead = w.env.create_user("lead")
    home.create_text_channel("lobby")
    home.add_member(lead, roles=[keys])
    return home, keys, lead


def team_room(w: World, home: Any, keys: Any, name: str = "team-intern") -> Any:
    see = discord.PermissionOverwrite(view_channel=True)
    hide = discord.PermissionOverwrite(view_channel=False)
    return home.create_text_channel(
        name, overwrites={home.default_role: hide, keys: see, w.bot.user: see}
    )


def letters(w: World, user: Any) -> list[Any]:
    """The direct messages that a person got."""
    if user.id not in w.env.backend.dm_channels:
        return []
    return list(user.dm_channel.history(viewer=user))


def weaken(w: World, home: Any, **without: bool) -> None:
    """Take permissions from the bot's own role."""
    member = w.env.backend.get_guild(home.id).members[w.bot.user.id]  # type: ignore[union-attr]
    for role_id in member.role_ids:
        role = w.env.backend.get_guild(home.id).roles[role_id]
        left = role.permissions & ~discord.Permissions(**without).value
        w.env.backend.edit_role(home.id, role_id, {"permissions": left})


async def row(guild_id: int) -> Guild:
    async with get_database().transaction() as session:
        return await session.get_one(Guild, guild_id)


@alone
async def test_whoever_invited_is_greeted_once_by_a_direct_message(w: World) -> None:
    home, keys, lead = server(w)
    room = team_room(w, home, keys)
    invited_by(w.env.backend, home.id, lead.id)
    await w.settle()
    (letter,) = letters(w, lead)
    assert "Thank you for inviting Muster to **New Home**! Type `/setup` there" in letter.content
    (button,) = [c for c in parts_of(letter) if c["type"] == 2]
    assert button["label"] == "Set up Muster"
    assert button["url"].startswith(f"https://discord.com/channels/{home.id}/")
    assert room.history() == []
    assert home.channels["lobby"].history() == []
    for _ in range(2):
        bot = Muster(Worker(), rest_per_second=50)
        set_bot(bot)
        await w.env.restart_bot(bot)
        await w.env.settle()
    assert len(letters(w, lead)) == 1


@alone
async def test_the_audit_log_names_the_inviter_as_well(w: World) -> None:
    home, _keys, lead = server(w)
    weaken(w, home, manage_guild=True)
    for who, whom in ((w.members[0].id, w.mod.id), (lead.id, w.bot.user.id)):  # type: ignore[union-attr]
        w.env.backend.record_audit_log(
            home.id, discord.AuditLogAction.bot_add.value, target_id=whom, user_id=who
        )  # fmt: skip
    await w.settle()
    assert len(letters(w, lead)) == 1
    assert letters(w, w.members[0].user) == []


@alone
async def test_closed_direct_messages_lead_to_the_moderators_channel(w: World) -> None:
    home, keys, lead = server(w, preferred_locale="de")
    room = team_room(w, home, keys)
    invited_by(w.env.backend, home.id, lead.id)
    dm = lead.dm_channel
    w.env.inject_error(
        "POST", f"/channels/{dm.id}/messages", status=403, code=50007, times=1
    )  # fmt: skip
    await w.settle()
    assert letters(w, lead) == []
    (post,) = room.history()
    assert [c.get("label") for c in parts_of(post) if c["type"] == 2]
    assert post.content
    lead_here = home.add_member(w.env.create_user("two"), roles=[keys])
    await w.settle()
    shown = await lead_here.click(post, custom_id="muster:setup_open:0")
    assert shown.ephemeral
    assert "muster:setup_accept:0" in [c.get("custom_id") for c in parts_of(shown.response)]


@alone
async def test_an_unknown_inviter_leads_to_moderators_too(w: World) -> None:
    home, keys, _lead = server(w)
    weaken(w, home, manage_guild=True, view_audit_log=True)
    before = len(w.env.http_requests)
    room = team_room(w, home, keys, "mods")
    await w.settle()
    asked = [r.path for r in w.env.http_requests[before:]]
    assert not [p for p in asked if "integrations" in p or "audit" in p]
    (post,) = room.history()
    assert "Thank you for inviting Muster!" in words_of(post)


@alone
async def test_a_room_of_many_is_never_greeted(w: World) -> None:
    """Neither one that everybody sees, nor a hidden one with members in it, nor one by its name."""
    home, keys, _lead = server(w)
    pupils = home.create_role("Pupils")
    open_mods = home.create_text_channel("moderators")
    hide = discord.PermissionOverwrite(view_channel=False)
    see = discord.PermissionOverwrite(view_channel=True)
    someone = home.add_member(w.env.create_user("someone"))
    shared = home.create_text_channel(
        "staff",
        overwrites={home.default_role: hide, pupils: see, keys: see, w.bot.user: see},
    )
    personal = home.create_text_channel(
        "admin-talk",
        overwrites={home.default_role: hide, someone: see, keys: see, w.bot.user: see},
    )
    mute = discord.PermissionOverwrite(view_channel=True, send_messages=False)
    silent = home.create_text_channel(
        "mod-log", overwrites={home.default_role: hide, keys: see, w.bot.user: mute}
    )
    await w.settle()
    for room in (open_mods, shared, personal, silent, home.channels["lobby"]):
        assert room.history() == [], room.name
    assert (await row(home.id)).greeted_at is not None  # and nobody is looked for again


@alone
async def test_coming_back_loses_nothing_and_says_so(w: World) -> None:
    home, _keys, lead = server(w)
    invited_by(w.env.backend, home.id, lead.id)
    await w.settle()
    who = Actor(home.id, lead.id, "lead", moderator=True)
    await settings.change(who, by_hand="repair")
    draft = CohortDraft("Stats", utcnow().date() + timedelta(days=9), groups=2)
    made = await cohorts.create(who, draft, open_now=True)
    await w.settle()
    w.env.backend.remove_guild(home.id)
    await w.settle()
    assert (await row(home.id)).left_at is not None
    w.env.backend._reserved_ids.discard(home.id)  # SimCord gives no id twice
    again = w.env.create_guild(name="New Home", id=home.id)
    again.create_text_channel("lobby")
    again.add_member(lead)
    await w.env.settle()
    assert w.worker._bumped == set(made.group_ids)  # they are looked at at once
    assert (await row(home.id)).left_at is None
    letter = letters(w, lead)[-1]
    assert len(letters(w, lead)) == 2
    assert "Welcome back! Nothing was lost" in letter.content
    assert (await settings.get(home.id)).by_hand == "repair"
    # SimCord tells of a new server as Discord does after an outage; this is Discord's own event.
    cog: Any = w.bot.get_cog("Listeners")
    await cog.on_guild_join(w.bot.get_guild(home.id))
    assert w.worker._sweep_asked
    assert len(letters(w, lead)) == 2


@alone
async def test_a_server_in_use_is_not_greeted(w: World) -> None:
    """One that was set up before Muster greeted anybody."""
    number = 4_711_000_000_000_000
    await settings.change(Actor(number, 7, "lead", moderator=True), language="de")
    home, _keys, lead = server(w, id=number)
    invited_by(w.env.backend, home.id, lead.id)
    await w.settle()
    assert letters(w, lead) == []
    assert (await row(home.id)).greeted_at is not None


@alone
async def test_discord_being_down_is_tried_again_at_the_next_start(w: World) -> None:
    home, _keys, lead = server(w)
    invited_by(w.env.backend, home.id, lead.id)
    w.env.inject_error(
        "POST", f"/channels/{lead.dm_channel.id}/messages", status=503, times=1
    )  # fmt: skip
    await w.settle()
    assert letters(w, lead) == []
    assert (await row(home.id)).greeted_at is None
    bot = Muster(Worker(), rest_per_second=50)
    set_bot(bot)
    await w.env.restart_bot(bot)
    await w.env.settle()
    assert len(letters(w, lead)) == 1


@alone
async def test_servers_that_were_left_while_muster_slept(w: World) -> None:
    async with get_database().transaction() as session:
        session.add(Guild(id=4711, name="Gone", joined_at=utcnow()))
    bot = Muster(Worker(), rest_per_second=50)
    set_bot(bot)
    await w.env.restart_bot(bot)
    await w.env.settle()
    assert (await row(4711)).left_at is not None
    assert (await row(w.guild.id)).left_at is None


async def test_the_claim_is_given_once(database: Database) -> None:
    """Also where two events of one server arrive together, or the process died in between."""
    got = await asyncio.gather(*(greeting.arrived(9, "Nine") for _ in range(8)))
    assert sorted(got) == ["known"] * 7 + ["new"]
    assert await greeting.arrived(9, "Nine") == "known"
