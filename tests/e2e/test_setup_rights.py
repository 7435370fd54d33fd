"""The setup panel after a restart, in strange hands, and where an admin has to help."""

from __future__ import annotations

import gettext
from typing import Any

import discord
import pytest

from bot.client import Muster
from bot.ui import setup
from bot.ui.lasting import Panel, press
from core import words
from core.config import GuildSettings
from core.db.engine import Database
from core.discord_outbound import commands, set_bot
from core.operations import first_steps, history, settings
from core.operations.first_steps import STEPS, Seen, Steps
from core.plan import Gone
from core.systems.telling import tell_gone
from core.worker import Worker
from tests.e2e._acting import mod_of, moderator_elsewhere
from tests.e2e._setup import NO, alone, buttons, menu, private
from tests.world import World, parts_of, text_of


async def restart(w: World) -> None:
    """A new process: nothing is remembered but the database."""
    commands.forget()
    bot = Muster(Worker(), rest_per_second=50)
    set_bot(bot)
    await w.env.restart_bot(bot)
    await w.env.settle()


@alone
async def test_an_old_panel_works_after_a_restart(w: World) -> None:
    shown = await w.mod.slash(w.room, "setup")
    pick = menu(shown, "setup_role")
    await restart(w)
    on = await w.mod.click(shown.response, label="Give extra rights")
    assert "On: they delete messages" in text_of(on)
    await restart(w)
    crew = w.guild.create_role("Crew")
    await w.env.settle()
    warned = await w.mod.select(on.response, [crew], custom_id=pick)
    await restart(w)
    await w.mod.click(warned.response, label="Cancel")
    form = await w.mod.click(warned.response, label="Set the time")
    echo = await w.mod.submit_modal(form, {"time": "Kathmandu"})
    await restart(w)
    saved = await w.mod.click(echo.response, label="Yes, that is my time")
    assert "✅ Saved" in text_of(saved)
    done = await w.mod.click(saved.response, label="Accept all")
    assert "Settings of Muster" in text_of(done)
    now = await settings.get(w.guild.id)
    assert (now.facilitators_moderate, now.zone) == (True, "Asia/Kathmandu")


@alone
async def test_rights_count_at_the_moment_of_each_press(w: World) -> None:
    shown = await w.mod.slash(w.room, "setup")
    form = await w.mod.click(shown.response, label="Set the time")
    echo = await w.mod.slash(w.room, "setup")
    ask = await w.mod.click(echo.response, label="Set the time")
    echo = await w.mod.submit_modal(ask, {"time": "Tokyo"})
    crew = w.guild.create_role("Crew")
    await settings.change(mod_of(w), moderator_role_id=crew.id)
    await w.settle()
    before = await settings.get(w.guild.id)
    for command in ("setup", "settings"):
        assert NO in text_of(await w.mod.slash(w.room, command))
    for label in buttons(shown):
        assert NO in text_of(await w.mod.click(shown.response, label=label)), label
    for action, value in (("setup_role", crew), ("setup_room", w.room)):
        pressed = await w.mod.select(shown.response, [value], custom_id=menu(shown, action))
        assert NO in text_of(pressed), action
    assert NO in text_of(await w.mod.submit_modal(form, {"time": "Kolkata"}))
    for label in buttons(echo):
        assert NO in text_of(await w.mod.click(echo.response, label=label)), label
    assert await settings.get(w.guild.id) == before


@alone
async def test_a_member_at_the_first_post(w: World) -> None:
    """The button of a post: for moderators a panel of their own, for others a sentence."""
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    post = await channel.send("Hello", view=setup.invitation(back=False))
    await w.env.settle()
    refused = await w.members[0].click(post, label="Set up Muster")
    assert refused.ephemeral
    assert NO in text_of(refused)
    shown = await w.mod.click(post, label="Set up Muster")
    assert shown.ephemeral
    assert "Accept all" in buttons(shown)
    assert channel.last_message_id == post.id


@alone
async def test_ids_of_another_server_do_nothing_here(w: World) -> None:
    lobby, stranger = await moderator_elsewhere(w)
    other = stranger.guild
    theirs = other.create_role("Kings")
    await w.settle()
    await settings.change(mod_of(w), by_hand="repair")
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    forged = Panel().row(
        press("Kings", "setup_role_anyway", theirs.id),
        press("Klingon", "setup_language", 99),
        press("Far", "setup_cities", 10**18),
    )
    post = await channel.send(view=forged)
    await w.env.settle()
    assert "deleted meanwhile" in text_of(await w.mod.click(post, label="Kings"))
    assert "not known" in text_of(await w.mod.click(post, label="Klingon"))
    assert "Nowhere is it that time" in text_of(await w.mod.click(post, label="Far"))
    now = await settings.get(w.guild.id)
    assert now.model_fields_set == {"by_hand"}
    shown = await stranger.slash(lobby, "settings")
    await stranger.click(shown.response, label="Accept all")
    assert (await settings.get(w.guild.id)).model_fields_set == {"by_hand"}
    assert (await settings.get(other.id)).by_hand == "report"
    assert [e.action for e in await history.page(w.guild.id)] == ["settings_changed"]


# --- an admin's help ---------------------------------------------------------------------------


@alone
async def test_commands_that_moderators_do_not_see_are_named_until_they_do(w: World) -> None:
    crew = w.guild.create_role("Crew")
    w.env.backend.add_member_role(w.guild.id, w.mod.id, crew.id)
    await settings.change(mod_of(w), moderator_role_id=crew.id)
    await w.settle()
    shown = await w.mod.slash(w.room, "setup")
    text = text_of(shown)
    assert "Server Settings → Integrations → Muster → the command" in text
    assert f"<@&{crew.id}> has no Manage Server" in text
    listed = await first_steps.commands_seen(w.guild.id, crew.id)
    names = listed.hidden or []
    assert {"/check", "/cohort", "/setup", "/muster", "/sync"} <= set(names)
    assert not {"/my", "/groups", "/ping", "/help"} & set(names)
    for name in names:
        assert f"`{name}`" in text
    ids = {name: number for number, name in commands._known[w.bot.application_id or 0].items()}
    for name in names[1:]:
        w.guild.set_command_permissions(ids[name], {crew: True})
    before = len(w.env.http_requests)
    shown = await w.mod.click(shown.response, label="Check again")
    asked = [r for r in w.env.http_requests[before:] if r.method == "GET"]
    assert [r.path.rsplit("/", 2)[-2:] for r in asked] == [["commands", "permissions"]]
    assert f"Not shown yet: `{names[0]}`" in text_of(shown)
    w.guild.set_command_permissions(ids[names[0]], {crew: True})
    shown = await w.mod.click(shown.response, label="Check again")
    assert f"✅ <@&{crew.id}> can see the commands for moderators." in text_of(shown)


@alone
async def test_the_way_is_told_where_discord_does_not_say(w: World) -> None:
    crew = w.guild.create_role("Crew")
    w.env.backend.add_member_role(w.guild.id, w.mod.id, crew.id)
    await settings.change(mod_of(w), moderator_role_id=crew.id)
    await w.settle()
    w.env.inject_error("GET", "/applications/*/commands/permissions", status=500, times=10)
    shown = await w.mod.slash(w.room, "settings")
    assert "Server Settings → Integrations → Muster" in text_of(shown)
    assert "could not be read just now" in text_of(shown)


# --- what is shown -----------------------------------------------------------------------------


class Shouting(gettext.NullTranslations):
    """A language in which everything is shouted."""

    def gettext(self, message: str) -> str:
        return "!" + message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return "!" + (msgid1 if n == 1 else msgid2)


async def test_posts_speak_the_language_that_was_chosen(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel itself goes on in the person's own."""
    monkeypatch.setattr(
        words, "_catalog", lambda code: Shouting() if code == "de" else gettext.NullTranslations()
    )

    @alone
    async def run(w: World) -> None:
        room = private(w, "mods", w.guild.roles["Moderators"])
        await w.settle()
        await settings.change(mod_of(w), moderator_channel_id=room.id)
        shown = await w.mod.slash(w.room, "setup")
        panel = await w.mod.click(shown.response, label="Deutsch")
        assert "**Language of posts**\nDeutsch" in text_of(panel)
        assert "!" not in text_of(panel)
        await tell_gone(w.guild.id, 0, [Gone("text", 1, "group-1")])
        await w.mod.click(panel.response, label="English")
        await tell_gone(w.guild.id, 0, [Gone("text", 2, "group-2")])
        german, english = room.history()
        assert german.content.startswith("!")
        assert not english.content.startswith("!")

    await run(database)


def longest(w: World, *, open_steps: bool, seen: Seen | None) -> setup.Shown:
    crew, guild = w.guild.roles["Moderators"], w.bot.get_guild(w.guild.id)
    assert guild is not None
    chosen = GuildSettings(
        moderator_role_id=crew.id, moderator_channel_id=w.room.id, facilitators_moderate=True,
        zone="America/Argentina/ComodRivadavia", by_hand="repair",
    )  # fmt: skip
    steps = Steps(chosen, chosen, frozenset(STEPS) if open_steps else frozenset())
    findings = ["⚠️ " + "Something is missing here. " * 9] * 40
    undo = press("Undo", "undo", 1)
    note = setup.saved(chosen, ["zone"], 240)
    return setup.Shown(steps, guild, note, undo, seen, findings, "fine")


@alone
async def test_the_panel_keeps_to_discords_limits(w: World) -> None:
    names = [f"/command-number-{n}" for n in range(20)]
    for open_steps in (True, False):
        for seen in (None, Seen([]), Seen(None), Seen(names)):
            for language in words.LANGUAGES:
                with words.speaking(language):
                    view = setup.panel(longest(w, open_steps=open_steps, seen=seen))
                assert view.total_children_count <= 40
                assert view.content_length() <= 4000
                channel = w.bot.get_channel(w.room.id)
                assert isinstance(channel, discord.TextChannel)
                sent: Any = await channel.send(view=view)
                labels = [p["label"] for p in parts_of(sent) if p["type"] == 2]
                assert len(labels) == len(set(labels))
                assert all(len(label) <= 40 for label in labels)
