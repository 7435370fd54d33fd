"""/setup and /settings: one panel, from the first press of [Accept all] to the last setting."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import discord

from core.clock import utcnow
from core.errors import Refusal
from core.operations import cohorts, first_steps, history, membership, settings
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.e2e._acting import mod_of
from tests.e2e._setup import NO, alone, buttons, chosen_ids, menu, private
from tests.world import World, text_of


@alone
async def test_accept_all_takes_every_suggestion_in_one_press(w: World) -> None:
    keys = w.guild.roles["Moderators"]
    room = private(w, "mod-chat", keys)
    private(w, "lobby-of-ada", w.members[0])  # hidden, but a member reads it
    await w.settle()
    shown = await w.mod.slash(w.room, "setup")
    assert shown.ephemeral
    text = text_of(shown)
    assert "Set up Muster" in text
    assert f"**Moderators** (suggested)\n<@&{keys.id}> and the server's owner" in text
    assert f"**Moderators' channel** (suggested)\n<#{room.id}>" in text
    assert "**Language of posts** (suggested)\nEnglish" in text
    assert await chosen_ids(w) == (None, None)
    done = await w.mod.click(shown.response, label="Accept all")
    assert "✅ Saved." in text_of(done)
    assert "Settings of Muster" in text_of(done)
    assert "suggested" not in text_of(done)
    assert "Everything is right: " in text_of(done)
    assert "`/cohort create`" in text_of(done)
    assert "Accept all" not in buttons(done)
    assert await chosen_ids(w) == (keys.id, room.id)
    entries = await history.page(w.guild.id)
    assert [e.action for e in entries] == ["settings_changed"]
    assert entries[0].actor_id == w.mod.id
    again = await w.mod.slash(w.room, "settings")
    assert "Settings of Muster" in text_of(again)
    assert "suggested" not in text_of(again)


@alone
async def test_a_bare_server_accepts_with_nothing_to_choose_from(w: World) -> None:
    """No channel of moderators: what is missing is named, not made."""
    before = len(w.guild.channels)
    shown = await w.mod.slash(w.room, "setup")
    done = await w.mod.click(shown.response, label="Accept all")
    assert "No moderators' channel is chosen" in text_of(done)
    assert "Create one" in buttons(done)
    assert len(w.guild.channels) == before
    assert "suggested" not in text_of(await w.mod.slash(w.room, "setup"))


@alone
async def test_what_was_chosen_stays_when_the_rest_is_accepted(w: World) -> None:
    private(w, "mods", w.guild.roles["Moderators"])
    await w.settle()
    await settings.change(mod_of(w), by_hand="repair", moderator_channel_id=w.room.id)
    shown = await w.mod.slash(w.room, "setup")
    assert "✅ **What is changed by hand**\nPut back by Muster" in text_of(shown)
    await w.mod.click(shown.response, label="Accept all")
    now = await settings.get(w.guild.id)
    assert (now.by_hand, now.moderator_channel_id) == ("repair", w.room.id)


@alone
async def test_a_german_server_is_suggested_german_and_berlin(w: World) -> None:
    home = w.env.create_guild(name="Lernhaus", preferred_locale="de")
    flur = home.create_text_channel("flur")
    keys = home.create_role("Leitung", permissions=discord.Permissions(manage_guild=True))
    lead: Any = home.add_member(w.env.create_user("lead"), roles=[keys])
    await w.settle()
    shown = await lead.slash(flur, "setup")
    assert "**Language of posts** (suggested)\nDeutsch" in text_of(shown)
    assert "Berlin (Europe/Berlin)" in text_of(shown)
    await lead.click(shown.response, label="Accept all")
    now = await settings.get(home.id)
    assert (now.language, now.zone) == ("de", "Europe/Berlin")
    assert now.moderator_role_id == keys.id


@alone
async def test_each_switch_is_saved_at_once(w: World) -> None:
    shown = await w.mod.slash(w.room, "settings")
    assert "Whoever has Manage Server" not in text_of(shown)  # Moderators are suggested
    steps = [
        ("Give extra rights", "On: they delete messages and mute", "No extra rights"),
        ("No extra rights", "**Extra rights of facilitators**\nOff", "Give extra rights"),
        ("Leave nicknames", "come back**\nLeft alone", "Keep nicknames"),
        ("Keep nicknames", "come back**\nGiven again", "Leave nicknames"),
        ("Put it back", "by hand**\nPut back by Muster", "Only report it"),
        ("Only report it", "by hand**\nOnly reported", "Put it back"),
        ("Deutsch", "posts**\nDeutsch", "English"),
        ("English", "posts**\nEnglish", "Deutsch"),
    ]
    for press, says, offers in steps:
        shown = await w.mod.click(shown.response, label=press)
        assert says in text_of(shown), press
        assert offers in buttons(shown), press
        assert press not in buttons(shown), press
        assert "Undo" in buttons(shown), press
    entries = await history.page(w.guild.id, limit=20)
    assert [e.action for e in entries] == ["settings_changed"] * len(steps)


@alone
async def test_what_was_saved_can_be_taken_back_from_the_panel(w: World) -> None:
    shown = await w.mod.slash(w.room, "setup")
    done = await w.mod.click(shown.response, label="Accept all")
    changed = await w.mod.click(done.response, label="Put it back")
    preview = await w.mod.click(changed.response, label="Undo")
    assert preview.ephemeral
    await w.mod.click(preview.response, label="Undo")
    assert (await settings.get(w.guild.id)).by_hand == "report"
    shown = await w.mod.slash(w.room, "settings")
    assert "by hand**\nOnly reported" in text_of(shown)
    assert "Undo" not in buttons(shown)


@alone
async def test_choosing_a_default_is_a_choice_without_a_change(w: World) -> None:
    await settings.change(mod_of(w), language="en")
    now = await settings.get(w.guild.id)
    assert "language" in now.model_fields_set
    assert "zone" not in now.model_fields_set
    assert await history.page(w.guild.id) == []
    assert "✅ **Language of posts**" in text_of(await w.mod.slash(w.room, "setup"))


@alone
async def test_moderators_channel_must_be_writable(w: World) -> None:
    me = w.bot.get_guild(w.guild.id).me  # type: ignore[union-attr]
    quiet = w.guild.create_text_channel(
        "quiet", overwrites={me: discord.PermissionOverwrite(send_messages=False)}
    )
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    pick = menu(shown, "setup_room")
    refused = await w.mod.select(shown.response, [quiet], custom_id=pick)
    assert "cannot post in #quiet: it lacks Send Messages" in text_of(refused)
    assert (await settings.get(w.guild.id)).moderator_channel_id is None
    saved = await w.mod.select(shown.response, [w.room], custom_id=pick)
    assert f"**Moderators' channel**\n<#{w.room.id}>" in text_of(saved)
    assert "Everyone can read" in text_of(saved)
    cleared = await w.mod.click(saved.response, label="No moderators' channel")
    assert "None, so nobody is told" in text_of(cleared)
    assert await chosen_ids(w) == (None, None)


@alone
async def test_a_made_channel_is_seen_by_moderators_alone(w: World) -> None:
    keys = w.guild.roles["Moderators"]
    shown = await w.mod.slash(w.room, "setup")
    made = await w.mod.click(shown.response, label="Create one")
    room_id = (await settings.get(w.guild.id)).moderator_channel_id
    assert f"**Moderators' channel**\n<#{room_id}>" in text_of(made)
    assert "Everyone can read" not in text_of(made)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    room = guild.get_channel(room_id or 0)
    assert isinstance(room, discord.TextChannel)
    assert room.name == "muster"
    assert not room.permissions_for(guild.default_role).view_channel
    assert room.permissions_for(guild.get_role(keys.id) or guild.me).view_channel
    assert room.permissions_for(guild.me).send_messages
    assert not room.permissions_for(w.members[0].member).view_channel


@alone
async def test_two_thumbs_make_one_channel(w: World) -> None:
    before = len(w.guild.channels)
    results = await asyncio.gather(
        first_steps.create_room(mod_of(w)),
        first_steps.create_room(mod_of(w)),
        return_exceptions=True,
    )
    refused = [r for r in results if isinstance(r, Refusal)]
    assert [r.code for r in refused] == ["room_exists"]
    await w.settle()
    assert len(w.guild.channels) == before + 1
    # Made, but its id was not saved: the next press takes it.
    await settings.change(mod_of(w), moderator_channel_id=None)
    await first_steps.create_room(mod_of(w))
    await w.settle()
    assert len(w.guild.channels) == before + 1
    # Chosen and deleted since: a new one is made.
    lost = (await settings.get(w.guild.id)).moderator_channel_id
    shown = await w.mod.slash(w.room, "setup")
    assert "Create one" not in buttons(shown)
    w.env.backend.delete_channel(lost or 0)
    await w.settle()
    shown = await w.mod.slash(w.room, "setup")
    assert "the chosen one was deleted" in text_of(shown)
    await w.mod.click(shown.response, label="Create one")
    found = (await settings.get(w.guild.id)).moderator_channel_id
    assert found not in {None, lost}


@alone
async def test_two_changes_at_once_lose_nothing(w: World) -> None:
    await asyncio.gather(
        settings.change(mod_of(w), by_hand="repair"),
        settings.change(mod_of(w), keep_nicknames=False),
        settings.change(mod_of(w), language="de"),
        first_steps.accept(mod_of(w), "en-US"),
        first_steps.accept(mod_of(w), "en-US"),
    )
    now = await settings.get(w.guild.id)
    assert set(first_steps.STEPS) <= now.model_fields_set


@alone
async def test_moderator_role_reaches_the_channels(w: World) -> None:
    """Also moderators without Manage Server see what they run, and lose it with the role."""
    start = (utcnow() + timedelta(days=30)).date()
    draft = CohortDraft("Stats", start, groups=2)
    made = (await cohorts.create(mod_of(w), draft, open_now=True)).group_ids
    ben, helper = w.members[0], w.members[1]
    await membership.join(Actor(w.guild.id, ben.id, ben.name), made[0])
    await w.settle()
    crew = w.guild.create_role("Crew")
    for person in (w.mod, helper):
        w.env.backend.add_member_role(w.guild.id, person.id, crew.id)
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    saved = await w.mod.select(shown.response, [crew], custom_id=menu(shown, "setup_role"))
    assert f"**Moderators**\n<@&{crew.id}> and the server's owner" in text_of(saved)
    assert "2 groups follow in a moment" in text_of(saved)
    assert w.worker._bumped == set(made)  # at once, without waiting for the sweep
    await w.settle()
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    text = guild.get_channel(w.guild.channels["group-1"].id)
    assert text is not None
    assert text.permissions_for(helper.member).view_channel
    cleared = await w.mod.click(saved.response, label="Manage Server decides")
    assert "Whoever has Manage Server" in text_of(cleared)
    await w.settle()
    assert not text.permissions_for(helper.member).view_channel


@alone
async def test_locking_oneself_out_needs_a_second_yes(w: World) -> None:
    crew = w.guild.create_role("Crew")
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    pick = menu(shown, "setup_role")
    warned = await w.mod.select(shown.response, [crew], custom_id=pick)
    assert "You do not have the role Crew, so you would lock yourself out" in text_of(warned)
    assert await chosen_ids(w) == (None, None)
    back = await w.mod.click(warned.response, label="Cancel")
    assert "Nothing changed" in text_of(back)
    warned = await w.mod.select(back.response, [crew], custom_id=pick)
    last = await w.mod.click(warned.response, label="Choose it anyway")
    assert (await settings.get(w.guild.id)).moderator_role_id == crew.id
    assert NO in text_of(await w.mod.slash(w.room, "settings"))
    assert NO in text_of(await w.mod.click(last.response, label="Manage Server decides"))


@alone
async def test_roles_that_everybody_or_a_bot_has_are_refused(w: World) -> None:
    shown = await w.mod.slash(w.room, "settings")
    pick = menu(shown, "setup_role")
    refused = await w.mod.select(shown.response, [w.guild.default_role], custom_id=pick)
    assert "cannot be the moderator role: everybody has it" in text_of(refused)
    assert (await settings.get(w.guild.id)).moderator_role_id is None


@alone
async def test_a_role_that_was_deleted_meanwhile(w: World) -> None:
    crew = w.guild.create_role("Crew")
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    warned = await w.mod.select(shown.response, [crew], custom_id=menu(shown, "setup_role"))
    w.env.backend.delete_role(w.guild.id, crew.id)
    await w.settle()
    told = await w.mod.click(warned.response, label="Choose it anyway")
    assert "deleted meanwhile. Nothing was changed" in text_of(told)
    assert await chosen_ids(w) == (None, None)
    keys = w.guild.roles["Moderators"]
    await settings.change(mod_of(w), moderator_role_id=keys.id)
    again = w.guild.create_role("Again", permissions=discord.Permissions(manage_guild=True))
    w.env.backend.add_member_role(w.guild.id, w.mod.id, again.id)
    w.env.backend.delete_role(w.guild.id, keys.id)
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    assert "Whoever has Manage Server (the chosen role was deleted)" in text_of(shown)
    cleared = await w.mod.click(shown.response, label="Manage Server decides")
    assert "✅ **Moderators**\nWhoever has Manage Server" in text_of(cleared)
    assert "deleted" not in text_of(cleared)
    assert await chosen_ids(w) == (None, None)
