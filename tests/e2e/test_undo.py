"""[Undo] as moderators meet it: under every answer and in /history, for ever, and only for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord

from core.clock import set_clock
from core.operations import cohorts, group_views, groups, history, membership, settings
from tests.e2e._acting import (
    dismiss,
    filled,
    labels,
    last,
    made,
    mod_of,
    moderator_elsewhere,
    on_discord,
    restart,
    sees,
)
from tests.world import World, text_of


def shown(result: Any) -> str:
    return str(last(result).content)


async def moved(w: World) -> Any:
    """Somebody was moved from Group 1 to Group 2; the answer with its [Undo]."""
    person = w.members[0]
    await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    preview = await w.mod.slash(w.room, "member move", member=person, group="Group 2")
    await w.mod.click(last(preview), label="Do it")
    assert sees(w, person, "group-2")
    return last(preview)


async def undone(w: World, message: Any) -> Any:
    """Press [Undo] under an answer, then in the preview; the last answer."""
    preview = await w.mod.click(message, label="Undo")
    assert labels(last(preview)) == ["Undo", "Cancel"], shown(preview)
    return await w.mod.click(last(preview), label="Undo")


@on_discord
async def test_a_move_is_taken_back_and_done_again(w: World) -> None:
    await made(w)
    person = w.members[0]
    answer = await moved(w)
    assert labels(answer) == ["Undo"]
    preview = await w.mod.click(answer, label="Undo")
    text = shown(preview)
    assert "**Undo this?**\nmod moved member1 from Group 1 to Group 2 (Stats)" in text
    assert f"• Puts 1 person back into Group 1: <@{person.id}>." in text
    assert f"• Takes 1 person out of Group 2: <@{person.id}>." in text
    assert preview.ephemeral
    await w.mod.click(last(preview), label="Cancel")
    assert shown(preview) == "Cancelled. Nothing changed."
    assert sees(w, person, "group-2")
    before = len(w.env.http_requests)
    done = await undone(w, answer)
    assert "Taken back" in shown(done)
    assert "Puts 1 person back into Group 1" in shown(done)
    assert sees(w, person, "group-1")
    assert not sees(w, person, "group-2")
    writes = [(r.method, r.path) for r in w.env.http_requests[before:] if "/permissions/" in r.path]
    assert sorted(m for m, _ in writes) == ["DELETE", "DELETE", "PUT", "PUT"]
    again = await w.mod.click(answer, label="Undo")
    assert "back already. Nothing was changed." in shown(again)
    redone = await undone(w, last(done))  # the undo's own answer has [Undo] as well
    assert "Done again" in shown(redone)
    assert sees(w, person, "group-2")
    assert not sees(w, person, "group-1")
    told = text_of(await w.mod.slash(w.room, "history")).splitlines()
    assert told[0].startswith("- mod did this again: mod moved member1 from Group 1 to Group 2")
    assert told[1].startswith("- ~~mod took this back: mod moved member1 from Group 1 to Group 2")
    assert told[2].startswith("- mod moved member1 from Group 1 to Group 2")


@on_discord
async def test_history_offers_what_can_be_undone(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    await membership.add(mod_of(w), cohort.group_ids[0], person.id, person.name)
    await settings.change(mod_of(w), keep_nicknames=False)
    page = await w.mod.slash(w.room, "history")
    [select] = [
        c for row in last(page).components for c in row["components"] if c.get("placeholder")
    ]
    assert [o["label"] for o in select["options"]] == [
        "mod changed the settings: keep nicknames from on to off",
        "mod put member1 into Group 1 (Stats)",
        "mod created the cohort Stats with 3 groups",
    ]
    chosen = select["options"][0]["value"]
    preview = await w.mod.select(last(page), [chosen], custom_id=select["custom_id"])
    assert "• Settings: keep nicknames from off to on." in shown(preview)
    await w.mod.click(last(preview), label="Undo")
    assert (await settings.get(w.guild.id)).keep_nicknames is True
    assert "keep_nicknames" not in (await settings.get(w.guild.id)).model_fields_set
    page = await w.mod.slash(w.room, "history")
    [select] = [
        c for row in last(page).components for c in row["components"] if c.get("placeholder")
    ]
    # What was taken back is not offered again; the undo itself is.
    assert [o["label"] for o in select["options"]] == [
        "mod took this back: mod changed the settings: keep nicknames from on to off",
        "mod put member1 into Group 1 (Stats)",
        "mod created the cohort Stats with 3 groups",
    ]


@on_discord
async def test_history_by_time(w: World) -> None:
    await made(w)
    set_clock(lambda: w.env.now() + timedelta(days=3))
    await settings.change(mod_of(w), keep_nicknames=False)
    today = text_of(await w.mod.slash(w.room, "history", time=1))
    assert len(today.splitlines()) == 1
    assert "keep nicknames" in today
    week = text_of(await w.mod.slash(w.room, "history", time=7))
    assert len(week.splitlines()) == 2


@on_discord
async def test_undo_is_for_moderators_of_this_server(w: World) -> None:
    await made(w)
    person = w.members[0]
    answer = await moved(w)
    preview = await w.mod.click(answer, label="Undo")
    room, thief = await moderator_elsewhere(w)
    away = thief.guild
    # A message of their own server with the button of ours, as a forged client could send it.
    entry = (await history.page(w.guild.id))[0]
    theirs = await thief.slash(room, "history")
    assert "Nothing was changed yet" in text_of(theirs)
    forged = away.create_text_channel("forged")
    posted = await w.bot.get_channel(forged.id).send(  # type: ignore[union-attr]
        "x", view=_with_button(f"muster:undo:{entry.id}")
    )
    await w.settle()
    refused = await thief.click(posted, label="Undo")
    assert "There is no such change in this server's history." in shown(refused)
    await dismiss(w, w.mod)
    for message in (answer, last(preview)):
        refused = await w.mod.click(message, label="Undo")
        assert "Only moderators can do that" in text_of(refused)
    assert sees(w, person, "group-2")


def _with_button(custom_id: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Undo", custom_id=custom_id))
    return view


@on_discord
async def test_twice_at_once(w: World) -> None:
    await made(w)
    answer = await moved(w)
    first = await w.mod.click(answer, label="Undo")
    second = await w.mod.click(answer, label="Undo")
    done = await w.mod.click(last(first), label="Undo")
    late = await w.mod.click(last(second), label="Undo")
    assert "Taken back" in shown(done)
    assert "back already" in shown(late)
    entries = await history.page(w.guild.id)
    assert [e.action for e in entries].count("undone") == 1


@on_discord
async def test_what_changed_since_the_preview_is_shown_first(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    answer = await moved(w)
    preview = await w.mod.click(answer, label="Undo")
    await membership.move(mod_of(w), cohort.group_ids[2], person.id, person.name)
    pressed = await w.mod.click(last(preview), label="Undo")
    assert "Nothing of this can be taken back any more. Nothing was changed." in shown(pressed)
    fresh = await w.mod.click(answer, label="Undo")
    assert f"✖️ <@{person.id}> is in Group 3 since then and stays there." in shown(fresh)
    assert labels(last(fresh)) == []
    await w.settle()
    assert sees(w, person, "group-3")


@on_discord
async def test_the_group_has_ended_meanwhile(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    answer = await moved(w)
    await groups.archive(mod_of(w), cohort.group_ids[0])
    fresh = await w.mod.click(answer, label="Undo")
    assert "✖️ Group 1 has ended since, so it stays as it is." in shown(fresh)
    await w.settle()
    assert sees(w, person, "group-2")


@on_discord
async def test_every_answer_has_its_undo(w: World) -> None:
    """Commands of /group and /cohort, each taken back by its own button."""
    cohort = await made(w)
    people = await filled(w, cohort)
    form = await w.mod.slash(w.room, "group edit", group="Group 1")
    edited = await w.mod.submit_modal(form, {"name": "Owls", "seats": "9"})
    preview = await w.mod.click(last(edited), label="Undo")
    assert "• Owls: name from Owls to Group 1." in shown(preview)
    assert "• Owls: seats from 9 to 8." in shown(preview)
    await w.mod.click(last(preview), label="Undo")
    assert (await group_views.show(w.guild.id, cohort.group_ids[0])).name == "Group 1"
    archived = await w.mod.slash(w.room, "group archive", group="Group 1")
    await w.mod.click(last(archived), label="Do it")
    done = await undone(w, last(archived))
    assert "Group 1 is there again." in shown(done)
    assert all(sees(w, p, "group-1") for p in people)
    assert (await group_views.show(w.guild.id, cohort.group_ids[0])).members == 2
    for command, word in (("close", "Closes"), ("cancel", "Cancels")):
        ended = await w.mod.slash(w.room, f"cohort {command}", cohort="Stats")
        await w.mod.click(last(ended), label="Do it")
        back = await undone(w, last(ended))
        assert "The cohort Stats is open again, with its groups." in shown(back)
        assert (await cohorts.show(w.guild.id, cohort.id)).people == 2
        again = await undone(w, last(back))
        assert f"{word} the cohort Stats again" in shown(again)
        await undone(w, last(again))
        assert all(sees(w, p, "group-1") for p in people)


@on_discord
async def test_a_full_group_is_told(w: World) -> None:
    cohort = await made(w, seats=1)
    first, second = w.members[:2]
    await membership.add(mod_of(w), cohort.group_ids[0], first.id, first.name)
    preview = await w.mod.slash(w.room, "member remove", member=first)
    await w.mod.click(last(preview), label="Do it")
    await membership.add(mod_of(w), cohort.group_ids[0], second.id, second.name)
    asked = await w.mod.click(last(preview), label="Undo")
    assert "Group 1 is full then: 2 of 1 seats are taken." in shown(asked)
    await w.mod.click(last(asked), label="Undo")
    assert (await group_views.show(w.guild.id, cohort.group_ids[0])).members == 2


@on_discord
async def test_a_lockout_is_warned_of(w: World) -> None:
    crew = w.guild.create_role("Crew")
    await w.settle()
    await settings.change(mod_of(w), moderator_role_id=crew.id)
    await settings.change(mod_of(w), moderator_role_id=None)
    entry = (await history.page(w.guild.id))[0]
    posted = await w.bot.get_channel(w.room.id).send(  # type: ignore[union-attr]
        "x", view=_with_button(f"muster:undo:{entry.id}")
    )
    preview = await w.mod.click(posted, label="Undo")
    assert "You would lock yourself out" in shown(preview)


@on_discord
async def test_it_works_after_a_restart(w: World) -> None:
    cohort = await made(w)
    answer = await moved(w)
    preview = await w.mod.click(answer, label="Undo")
    await restart(w)
    done = await w.mod.click(last(preview), label="Undo")
    assert "Taken back" in shown(done)
    there = [(await group_views.show(w.guild.id, g)).members for g in cohort.group_ids]
    assert there == [1, 0, 0]
    again = await w.mod.click(answer, label="Undo")
    assert "back already" in shown(again)
