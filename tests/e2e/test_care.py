"""/check and /history as a moderator meets them; /settings is in test_setup."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord

import core
from bot.ui.history_words import SENTENCES, sentence
from core.clock import utcnow
from core.operations import cohorts, groups, membership, settings, undo
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.operations.history import Entry
from tests.e2e._acting import mod_of, moderator_elsewhere, on_discord
from tests.world import World, text_of


async def season(w: World) -> list[int]:
    """An open cohort "Stats" of two groups; its group ids."""
    start = (utcnow() + timedelta(days=30)).date()
    draft = CohortDraft("Stats", start, groups=2)
    return (await cohorts.create(mod_of(w), draft, open_now=True)).group_ids


def labels(result: Any) -> list[str]:
    return [
        c.get("label") or c.get("placeholder")
        for row in result.response.components
        for c in row["components"]
    ]


# --- /check ------------------------------------------------------------------------------------


@on_discord
async def test_check_names_what_is_missing(w: World) -> None:
    await w.mod.slash(w.room, "settings")
    await settings.change(mod_of(w), moderator_channel_id=w.room.id)
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


@on_discord
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
            if not isinstance(call, ast.Call):
                continue
            if getattr(call.func, "id", "") == "AuditEntry":  # what Muster notes by itself
                named = [k.value for k in call.keywords if k.arg == "action"]
                yield from (str(v.value) for v in named if isinstance(v, ast.Constant))
            if getattr(call.func, "id", "") != "audit":
                continue
            action = call.args[2]
            if isinstance(action, ast.Constant):
                yield str(action.value)
            elif isinstance(action, ast.IfExp):
                yield from (*_strings(action.body), *_strings(action.orelse))
            elif isinstance(action, ast.JoinedStr):
                start = "".join(_strings(action))
                yield from (start + status for status in _statuses(module, function.name))
            elif isinstance(action, ast.Name):
                yield from _given(module, function, action.id)
            else:
                assert isinstance(action, ast.Call)
                assert isinstance(action.func, ast.Name)
                yield from _results(functions[action.func.id])


def _given(
    module: ast.Module, function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str
) -> Iterator[str]:
    """The texts that a module's calls of the function give for this parameter, by its place."""
    place = [a.arg for a in function.args.args].index(parameter)
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == function.name:
            yield from _strings(call.args[place])


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


def test_every_action_can_be_undone_or_says_why_not() -> None:
    """Each in one of the two lists, none in both, and a reason is a sentence."""
    assert set(undo.NOT_UNDOABLE) | undo.UNDOABLE == written()
    assert not set(undo.NOT_UNDOABLE) & undo.UNDOABLE
    for reason in undo.NOT_UNDOABLE.values():
        assert reason.endswith(".")
        assert len(reason.split()) > 3


def test_every_sentence_stands_with_empty_details() -> None:
    """Rows of an older version may lack what a newer one writes."""
    for action in [*SENTENCES, "from_the_future"]:
        entry = Entry(1, utcnow(), 7, action, None, None, 8, {}, {})
        said = sentence(entry, lambda user: f"person{user}")
        assert said.startswith(("person7", "person8")), said


@on_discord
async def test_history_in_sentences(w: World) -> None:
    first, second = await season(w)
    ben = w.members[0]
    await membership.join(Actor(w.guild.id, ben.id, ben.name), first)
    await membership.move(mod_of(w), second, ben.id, ben.name)
    await membership.remove(mod_of(w), second, ben.id, "*spam* @everyone")
    await groups.edit(mod_of(w), second, seats=9)
    await settings.change(mod_of(w), by_hand="repair")
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


@on_discord
async def test_history_pages(w: World) -> None:
    for n in range(23):
        await settings.change(mod_of(w), keep_nicknames=bool(n % 2))
    first = await w.mod.slash(w.room, "history")
    assert len(text_of(first).splitlines()) == 10
    assert labels(first) == ["Undo one of these…", "Older"]
    second = await w.mod.click(first.response, label="Older")
    assert labels(second) == ["Undo one of these…", "Older", "Newer"]
    third = await w.mod.click(second.response, label="Older")
    assert len(text_of(third).splitlines()) == 3
    assert labels(third) == ["Undo one of these…", "Newer"]
    back = await w.mod.click(third.response, label="Newer")
    assert len(text_of(back).splitlines()) == 10
    assert labels(back) == ["Undo one of these…", "Older", "Newer"]


@on_discord
async def test_nothing_of_another_guild(w: World) -> None:
    await season(w)
    lobby, stranger = await moderator_elsewhere(w)
    assert "Nothing was changed yet" in text_of(await stranger.slash(lobby, "history"))
    answer = text_of(await stranger.slash(lobby, "history", group="Group 1 · Stats"))
    assert "No group here is called that. There are: none yet" in answer
    assert await stranger.autocomplete(lobby, "history", "group", "") == []


# --- rights ----------------------------------------------------------------------------------


@on_discord
async def test_rights_count_at_the_moment_of_each_press(w: World) -> None:
    crew = w.guild.create_role("Crew")
    await settings.change(mod_of(w), keep_nicknames=False)
    checked = await w.mod.slash(w.room, "check")
    for n in range(10):
        await settings.change(mod_of(w), keep_nicknames=not n % 2)
    pages = await w.mod.slash(w.room, "history")
    await settings.change(mod_of(w), moderator_role_id=crew.id)
    await w.settle()
    no = "Only moderators can do that"
    for command in ("check", "history"):
        assert no in text_of(await w.mod.slash(w.room, command))
    assert no in text_of(await w.mod.click(checked.response, label="Check again"))
    assert no in text_of(await w.mod.click(pages.response, label="Older"))
    assert await w.mod.autocomplete(w.room, "history", "group", "") == []


@on_discord
async def test_ping(w: World) -> None:
    assert "Here I am" in text_of(await w.members[0].slash(w.room, "ping"))
