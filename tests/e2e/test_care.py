"""/check, /history and /settings as a moderator meets them."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord

import core
from bot.ui.history import SENTENCES, sentence
from core.clock import utcnow
from core.db.engine import Database
from core.errors import Refusal
from core.operations import cohorts, groups, history, membership, settings
from core.operations.common import Actor
from core.operations.history import Entry
from tests.world import World, text_of, world


def alone(test: Callable[[World], Awaitable[None]]) -> Callable[[Database], Awaitable[None]]:
    """Run a test within its own world. No fixture: SimCord's clock belongs to one task."""

    async def run(database: Database) -> None:
        async with world(database) as w:
            await test(w)
            # SimCord keeps what the ladder answered; only refusals were meant to happen.
            for error in w.env.errors:
                assert isinstance(getattr(error, "original", error), Refusal), error

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def boss(w: World) -> Actor:
    return Actor(w.guild.id, w.mod.id, "mod", moderator=True)


async def season(w: World) -> list[int]:
    """An open cohort "Stats" of two groups; its group ids."""
    start = (utcnow() + timedelta(days=30)).date()
    draft = cohorts.CohortDraft("Stats", start, groups=2)
    return (await cohorts.create(boss(w), draft, open_now=True)).group_ids


def labels(result: Any) -> list[str]:
    return [
        c.get("label") or c.get("placeholder")
        for row in result.response.components
        for c in row["components"]
    ]


def select_id(result: Any, placeholder: str) -> str:
    return next(
        str(c["custom_id"])
        for row in result.response.components
        for c in row["components"]
        if c.get("placeholder") == placeholder
    )


# --- /check ------------------------------------------------------------------------------------


@alone
async def test_check_names_what_is_missing(w: World) -> None:
    await w.mod.slash(w.room, "settings")
    await settings.change(boss(w), moderator_channel_id=w.room.id)
    fine = await w.mod.slash(w.room, "check")
    assert "Everything is right: " in text_of(fine), text_of(fine)
    assert "0 channels and 0 roles were looked at" in text_of(fine)
    me = w.bot.get_guild(w.guild.id).me  # type: ignore[union-attr]
    role = me.top_role
    before = role.permissions.value
    weaker = before & ~discord.Permissions(manage_roles=True, administrator=True).value
    w.env.backend.edit_role(w.guild.id, role.id, {"permissions": weaker})
    await w.settle()
    lacking = await w.mod.click(fine.response, label="Check again")
    words = text_of(lacking)
    assert "Muster lacks **Manage Roles** on this server" in words
    assert "Server Settings → Roles → Muster → Permissions → Manage Roles" in words
    assert "Manage Channels" not in words
    w.env.backend.edit_role(w.guild.id, role.id, {"permissions": before})
    await w.settle()
    again = await w.mod.click(lacking.response, label="Check again")
    assert "Everything is right" in text_of(again)


@alone
async def test_check_says_that_nobody_is_told(w: World) -> None:
    words = text_of(await w.mod.slash(w.room, "check"))
    assert "No moderators' channel is chosen" in words
    assert "/settings" in words


# --- /history ----------------------------------------------------------------------------------


def _strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _results(function: ast.AST) -> Iterator[str]:
    """The texts that a function may return, without those of its conditions."""
    for part in ast.walk(function):
        if isinstance(part, ast.Return) and part.value is not None:
            value = part.value
            sides = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            for side in sides:
                yield from _strings(side)


def _actions(module: ast.Module) -> Iterator[str]:
    """Every action that a module's calls of audit() can write."""
    functions = {
        f.name: f for f in ast.walk(module) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for function in functions.values():
        for call in ast.walk(function):
            if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "audit"):
                continue
            action = call.args[2]
            if isinstance(action, ast.Constant):
                yield str(action.value)
            elif isinstance(action, ast.IfExp):
                yield from (*_strings(action.body), *_strings(action.orelse))
            elif isinstance(action, ast.JoinedStr):
                start = "".join(_strings(action))
                yield from (start + status for status in _statuses(module, function.name))
            else:
                assert isinstance(action, ast.Call)
                assert isinstance(action.func, ast.Name)
                yield from _results(functions[action.func.id])


def _statuses(module: ast.Module, name: str) -> Iterator[str]:
    """The cohort statuses with which a function of the module is called."""
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == name:
            for argument in call.args:
                if ast.unparse(argument).startswith("CohortStatus."):
                    yield ast.unparse(argument).removeprefix("CohortStatus.")


def written() -> set[str]:
    folder = Path(next(iter(core.__path__)))
    return {
        action
        for path in folder.rglob("*.py")
        for action in _actions(ast.parse(path.read_text("utf-8")))
    }


def test_every_action_has_its_sentence() -> None:
    found = written()
    assert {"joined", "member_moved", "left", "cohort_cancelled", "sync_applied"} <= found
    assert found == set(SENTENCES), found ^ set(SENTENCES)


def test_every_sentence_stands_with_empty_details() -> None:
    """Rows of an older version may lack what a newer one writes."""
    for action in [*SENTENCES, "from_the_future"]:
        entry = Entry(1, utcnow(), 7, action, None, None, 8, {}, {})
        said = sentence(entry, lambda user: f"person{user}")
        assert said.startswith(("person7", "person8")), said


@alone
async def test_history_in_sentences(w: World) -> None:
    first, second = await season(w)
    ben = w.members[0]
    await membership.join(Actor(w.guild.id, ben.id, ben.name), first)
    await membership.move(boss(w), second, ben.id, ben.name)
    await membership.remove(boss(w), second, ben.id, "*spam* @everyone")
    await groups.edit(boss(w), second, seats=9)
    await settings.change(boss(w), by_hand="repair")
    shown = await w.mod.slash(w.room, "history")
    told = text_of(shown).splitlines()
    assert shown.ephemeral
    assert told[0].startswith(
        "- mod changed the settings: what was changed by hand from only reported to put back · <t:"
    )
    assert told[1].startswith("- mod changed Group 2 (Stats): seats from ")
    assert told[1].split(" · ")[0].endswith(" to 9")
    assert told[2].startswith(
        "- mod took member1 out of Group 2 (Stats): \\*spam\\* @\u200beveryone"
    )
    assert told[3].startswith("- mod moved member1 from Group 1 to Group 2 (Stats) · <t:")
    assert told[4].startswith("- member1 joined Group 1 (Stats) · <t:")
    assert told[5].startswith("- mod created the cohort Stats with 2 groups")
    mine = text_of(await w.mod.slash(w.room, "history", member=ben))
    assert len(mine.splitlines()) == 3
    assert "settings" not in mine
    one = text_of(await w.mod.slash(w.room, "history", group="group 1"))
    assert one.startswith("- member1 joined Group 1")
    assert "Group 2" not in one
    assert "No group here is called that" in text_of(
        await w.mod.slash(w.room, "history", group="nonsense")
    )


@alone
async def test_history_pages(w: World) -> None:
    for n in range(23):
        await settings.change(boss(w), keep_nicknames=bool(n % 2))
    first = await w.mod.slash(w.room, "history")
    assert len(text_of(first).splitlines()) == 10
    assert labels(first) == ["Older"]
    second = await w.mod.click(first.response, label="Older")
    assert labels(second) == ["Older", "Newer"]
    third = await w.mod.click(second.response, label="Older")
    assert len(text_of(third).splitlines()) == 3
    assert labels(third) == ["Newer"]
    back = await w.mod.click(third.response, label="Newer")
    assert len(text_of(back).splitlines()) == 10
    assert labels(back) == ["Older", "Newer"]


@alone
async def test_nothing_of_another_guild(w: World) -> None:
    await season(w)
    other = w.env.create_guild(name="Elsewhere")
    keys = other.create_role("Keys", permissions=discord.Permissions(manage_guild=True))
    lobby = other.create_text_channel("lobby")
    stranger = other.add_member(w.env.create_user("stranger"), roles=[keys])
    await w.settle()
    assert "Nothing was changed yet" in text_of(await stranger.slash(lobby, "history"))
    answer = text_of(await stranger.slash(lobby, "history", group="Group 1 · Stats"))
    assert "No group here is called that. There are: none yet" in answer
    assert await stranger.autocomplete(lobby, "history", "group", "") == []


# --- /settings ---------------------------------------------------------------------------------


@alone
async def test_switches_are_saved_at_once(w: World) -> None:
    shown = await w.mod.slash(w.room, "settings")
    assert "Moderators: whoever has Manage Server" in text_of(shown)
    assert "What is changed by hand: only reported" in text_of(shown)
    assert shown.ephemeral
    on = await w.mod.click(shown.response, label="Facilitators' extra rights: turn on")
    assert "Facilitators' extra rights in their channels: on" in text_of(on)
    off = await w.mod.click(on.response, label="Keep nicknames: turn off")
    assert "Keep nicknames of people who come back: off" in text_of(off)
    chosen = await w.mod.select(
        off.response, ["repair"], custom_id=select_id(off, "What is changed by hand")
    )
    assert "What is changed by hand: put back by Muster" in text_of(chosen)
    now = await settings.get(w.guild.id)
    assert (now.facilitators_moderate, now.keep_nicknames, now.by_hand) == (True, False, "repair")
    entries = await history.page(w.guild.id)
    assert [e.action for e in entries] == ["settings_changed"] * 3
    assert entries[0].actor_id == w.mod.id


@alone
async def test_zone_is_echoed_or_refused_with_suggestions(w: World) -> None:
    shown = await w.mod.slash(w.room, "settings")
    form = await w.mod.click(shown.response, label="Time zone")
    wrong = await w.mod.submit_modal(form, {"zone": "Europe/Berlln"})
    assert "Did you mean" in text_of(wrong)
    assert "Europe/Berlin" in text_of(wrong)
    assert (await settings.get(w.guild.id)).zone == "UTC"
    form = await w.mod.click(wrong.response, label="Edit again")
    right = await w.mod.submit_modal(form, {"zone": "tokyo"})
    there = (utcnow() + timedelta(hours=9)).strftime("%H:%M")  # Tokyo has no summer time
    assert f"Asia/Tokyo, it is {there} there now" in text_of(right)
    assert (await settings.get(w.guild.id)).zone == "Asia/Tokyo"


@alone
async def test_moderators_channel_must_be_writable(w: World) -> None:
    me = w.bot.get_guild(w.guild.id).me  # type: ignore[union-attr]
    quiet = w.guild.create_text_channel(
        "quiet", overwrites={me: discord.PermissionOverwrite(send_messages=False)}
    )
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    menu = select_id(shown, "Choose the moderators' channel")
    refused = await w.mod.select(shown.response, [quiet], custom_id=menu)
    assert "cannot post in #quiet: it lacks Send Messages" in text_of(refused)
    assert (await settings.get(w.guild.id)).moderator_channel_id is None
    saved = await w.mod.select(shown.response, [w.room], custom_id=menu)
    assert f"Moderators' channel: <#{w.room.id}>" in text_of(saved)
    assert "Everyone can read" in text_of(saved)
    cleared = await w.mod.click(saved.response, label="No moderators' channel")
    assert "Moderators' channel: none" in text_of(cleared)
    assert (await settings.get(w.guild.id)).moderator_channel_id is None


@alone
async def test_moderator_role_reaches_the_channels(w: World) -> None:
    """Also moderators without Manage Server see what they run, and lose it with the role."""
    made = await season(w)
    group = made[0]
    ben, helper = w.members[0], w.members[1]
    await membership.join(Actor(w.guild.id, ben.id, ben.name), group)
    await w.settle()
    crew = w.guild.create_role("Crew")
    for person in (w.mod, helper):
        w.env.backend.add_member_role(w.guild.id, person.id, crew.id)
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    menu = select_id(shown, "Choose the moderator role")
    saved = await w.mod.select(shown.response, [crew], custom_id=menu)
    assert f"Moderators: <@&{crew.id}> and the server's owner" in text_of(saved)
    assert "Server Settings → Integrations" in text_of(saved)
    assert "2 groups follow in a moment" in text_of(saved)
    assert w.worker._bumped == set(made)  # at once, without waiting for the sweep
    await w.settle()
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    text = guild.get_channel(w.guild.channels["group-1"].id)
    assert text is not None
    assert text.permissions_for(helper.member).view_channel
    cleared = await w.mod.click(saved.response, label="Manage Server decides")
    assert "whoever has Manage Server" in text_of(cleared)
    await w.settle()
    assert not text.permissions_for(helper.member).view_channel


@alone
async def test_locking_oneself_out_needs_a_second_yes(w: World) -> None:
    crew = w.guild.create_role("Crew")
    await w.settle()
    shown = await w.mod.slash(w.room, "settings")
    menu = select_id(shown, "Choose the moderator role")
    warned = await w.mod.select(shown.response, [crew], custom_id=menu)
    assert "You do not have the role Crew, so you would lock yourself out" in text_of(warned)
    assert (await settings.get(w.guild.id)).moderator_role_id is None
    back = await w.mod.click(warned.response, label="Cancel")
    assert "Nothing changed" in text_of(back)
    warned = await w.mod.select(
        back.response, [crew], custom_id=select_id(back, "Choose the moderator role")
    )
    await w.mod.click(warned.response, label="Choose it anyway")
    assert (await settings.get(w.guild.id)).moderator_role_id == crew.id
    assert "Only moderators can do that" in text_of(await w.mod.slash(w.room, "settings"))


@alone
async def test_roles_that_everybody_or_a_bot_has_are_refused(w: World) -> None:
    shown = await w.mod.slash(w.room, "settings")
    menu = select_id(shown, "Choose the moderator role")
    refused = await w.mod.select(shown.response, [w.guild.default_role], custom_id=menu)
    assert "cannot be the moderator role: everybody has it" in text_of(refused)
    assert (await settings.get(w.guild.id)).moderator_role_id is None


@alone
async def test_rights_count_at_the_moment_of_each_press(w: World) -> None:
    crew = w.guild.create_role("Crew")
    await settings.change(boss(w), keep_nicknames=False)
    panel = await w.mod.slash(w.room, "settings")
    checked = await w.mod.slash(w.room, "check")
    for n in range(10):
        await settings.change(boss(w), keep_nicknames=not n % 2)
    pages = await w.mod.slash(w.room, "history")
    form = await w.mod.click(panel.response, label="Time zone")
    await settings.change(boss(w), moderator_role_id=crew.id)
    await w.settle()
    no = "Only moderators can do that"
    for command in ("settings", "check", "history"):
        assert no in text_of(await w.mod.slash(w.room, command))
    for label in labels(panel)[3:]:
        assert no in text_of(await w.mod.click(panel.response, label=label)), label
    for menu, value in (
        ("Choose the moderator role", crew),
        ("Choose the moderators' channel", w.room),
        ("What is changed by hand", "repair"),
    ):
        pressed = await w.mod.select(panel.response, [value], custom_id=select_id(panel, menu))
        assert no in text_of(pressed), menu
    assert no in text_of(await w.mod.submit_modal(form, {"zone": "Asia/Tokyo"}))
    assert no in text_of(await w.mod.click(checked.response, label="Check again"))
    assert no in text_of(await w.mod.click(pages.response, label="Older"))
    assert await w.mod.autocomplete(w.room, "history", "group", "") == []
    now = await settings.get(w.guild.id)
    assert (now.zone, now.by_hand, now.moderator_channel_id) == ("UTC", "report", None)


@alone
async def test_ping(w: World) -> None:
    assert "Here I am" in text_of(await w.members[0].slash(w.room, "ping"))
