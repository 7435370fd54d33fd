"""/muster and /help: every panel by a moderator, by nobody, from elsewhere, and after a restart."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from core.clock import utcnow
from core.operations import cohorts, group_views, home, membership, mine, settings
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.e2e._acting import mod_of, moderator_elsewhere, on_discord, restart
from tests.e2e._setup import menu
from tests.world import World, text_of

PANELS = ["Cohorts", "This week", "Needs attention", "Messages", "Check", "History", "Settings"]


def person(w: World, number: int) -> Actor:
    return Actor(w.guild.id, w.members[number].id, f"member{number}")


async def season(w: World, *, name: str = "Stats", days: int = 3, seats: int = 2) -> list[int]:
    start = (utcnow() + timedelta(days=days)).date()
    draft = CohortDraft(name, start, groups=2, seats=seats)
    return (await cohorts.create(mod_of(w), draft, open_now=True)).group_ids


def buttons(result: Any) -> list[str]:
    rows = result.response.components if result.response else []
    return [c["label"] for row in rows for c in row["components"] if c.get("label")]


@on_discord
async def test_an_empty_server_says_how_to_begin(w: World) -> None:
    shown = await w.mod.slash(w.room, "muster")
    assert "There is no cohort yet" in text_of(shown)
    assert "/cohort create" in text_of(shown)
    assert buttons(shown) == PANELS
    for label in ("Cohorts", "This week", "Needs attention"):
        panel = await w.mod.click((await w.mod.slash(w.room, "muster")).response, label=label)
        assert "Home" in buttons(panel), label
        back = await w.mod.click(panel.response, label="Home")
        assert buttons(back) == PANELS


@on_discord
async def test_what_there_is_and_what_this_week_brings(w: World) -> None:
    first, second = await season(w)
    await season(w, name="Chess", days=60)
    await membership.join(person(w, 0), first)
    await membership.join(person(w, 1), first)
    await membership.join(person(w, 2), second)
    await membership.leave(person(w, 2), second)
    await w.settle()
    shown = text_of(await w.mod.slash(w.room, "muster"))
    assert "2 open cohorts · 4 groups · 2 people" in shown
    assert "Stats starts on " in shown
    assert "Nothing needs you right now" in shown
    home = await w.mod.slash(w.room, "muster")
    week = text_of(await w.mod.click(home.response, label="This week"))
    assert "2 joined a group, 1 left one" in week
    assert "Chess" not in week
    needs = text_of(
        await w.mod.click((await w.mod.slash(w.room, "muster")).response, label="Needs attention")
    )
    assert "Group 1 · Stats** is full" in needs


@on_discord
async def test_what_was_changed_by_hand_needs_a_person(w: World) -> None:
    first, _ = await season(w)
    await membership.join(person(w, 0), first)
    await w.settle()
    await w.worker.sweep()
    await w.settle()
    text_id = (await group_views.show(w.guild.id, first)).text_id
    assert text_id is not None
    w.env.backend.delete_overwrite(text_id, w.members[0].id)
    await w.settle()
    await w.worker.sweep()
    await w.settle()
    shown = await w.mod.slash(w.room, "muster")
    assert "1 thing needs a person" in text_of(shown)
    needs = await w.mod.click(shown.response, label="Needs attention")
    assert "changed by hand" in text_of(needs)
    assert {"Sync status", "Check", "Home"} <= set(buttons(needs))


@on_discord
async def test_cohorts_open_from_the_list(w: World) -> None:
    for number in range(12):
        await season(w, name=f"Season {number}", days=number + 1)
    listed = await w.mod.click((await w.mod.slash(w.room, "muster")).response, label="Cohorts")
    assert "(12)" in text_of(listed)
    assert "More" in buttons(listed)
    rest = await w.mod.click(listed.response, label="More")
    assert "Back" in buttons(rest)
    assert "More" not in buttons(rest)
    made = (await group_views.joinable(w.guild.id, None))[0].cohort_id
    card = await w.mod.select(rest.response, values=[_value(rest)])
    assert "Season" in text_of(card)
    assert made


def _value(result: Any) -> str:
    for row in result.response.components:
        for component in row["components"]:
            if component.get("options"):
                return str(component["options"][0]["value"])
    raise AssertionError


@on_discord
async def test_members_get_nowhere(w: World) -> None:
    await season(w)
    # A panel that is open since before the rights were taken away.
    panel = await w.mod.slash(w.room, "muster")
    w.env.backend.remove_member_role(w.guild.id, w.mod.id, w.guild.roles["Moderators"].id)
    await w.settle()
    for label in PANELS:
        answer = await w.mod.click(panel.response, label=label)
        assert "Only moderators" in text_of(answer), label


@on_discord
async def test_help_is_by_role(w: World) -> None:
    mine = text_of(await w.mod.slash(w.room, "help"))
    theirs = text_of(await w.members[0].slash(w.room, "help"))
    assert "/my" in mine
    assert "/my" in theirs
    assert "/member import" in mine
    assert "/member import" not in theirs


@on_discord
async def test_another_server_sees_only_its_own(w: World) -> None:
    await season(w)
    lobby, stranger = await moderator_elsewhere(w)
    shown = await stranger.slash(lobby, "muster")
    assert "There is no cohort yet" in text_of(shown)
    assert shown.response is not None
    listed = await stranger.click(shown.response, label="Cohorts")
    assert "Stats" not in text_of(listed)


@on_discord
async def test_panels_survive_a_restart_and_what_was_deleted(w: World) -> None:
    await season(w)
    await settings.change(mod_of(w), moderator_channel_id=w.room.id)
    shown = await w.mod.slash(w.room, "muster")
    listed = await w.mod.click((await w.mod.slash(w.room, "muster")).response, label="Cohorts")
    await restart(w)
    for label in PANELS:
        answer = await w.mod.click(shown.response, label=label)
        assert "Something went wrong" not in text_of(answer), label
        shown = await w.mod.slash(w.room, "muster")
    chosen = _value(listed)
    await cohorts.cancel(mod_of(w), int(chosen))
    card = await w.mod.select(listed.response, values=[chosen])
    assert "cancelled" in text_of(card).lower()


@on_discord
async def test_a_step_from_before_a_restart_is_a_sentence(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create")
    names = {"name": "Chess", "start": "2026-05-04", "meetings": "8", "groups": "2", "seats": "4"}
    preview = await w.mod.submit_modal(form, names)
    await restart(w)
    assert preview.response is not None
    answer = await w.mod.click(preview.response, label="Create all")
    assert "Nothing was changed: open it again." in text_of(answer)
    assert (await home.cohorts(w.guild.id, page=0, size=5))[1] == 0


@on_discord
async def test_a_card_works_after_a_restart(w: World) -> None:
    await season(w)
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    await restart(w)
    wanted = ["Edit", "Meeting time", "Close", "Cancel cohort", "Shared channel", "Home"]
    assert buttons(card) == wanted
    asked = await w.mod.click(card.response, label="Close")
    assert "Do it" in buttons(asked)


@on_discord
async def test_what_a_person_decides_about_themselves(w: World) -> None:
    first, _ = await season(w)
    me = w.members[0]
    await membership.join(person(w, 0), first)
    await w.settle()
    panel = await me.click((await me.slash(w.room, "my")).response, label="My settings")
    assert "Messages to you: on" in text_of(panel)
    off = await me.click(panel.response, label="Turn messages off")
    assert "Messages to you: off" in text_of(off)
    german = await me.select(
        off.response, ["de"], custom_id=menu(off, "my_language")
    )  # fmt: skip
    assert "Their language: Deutsch" in text_of(german)
    chosen = await mine.settings(person(w, 0))
    assert (chosen.messages, chosen.language) == (False, "de")
    told = await me.click(german.response, label="My data")
    message = told.response
    assert message is not None
    found = json.loads(await message.attachments[0].read())
    assert [g["group"] for g in found["groups"]] == ["Group 1"]
    assert found["settings"]["language"] == "de"
    assert message.ephemeral
    (_, other) = [await mine.data(person(w, n)) for n in (0, 1)]
    assert other["groups"] == []


@on_discord
async def test_what_newly_needs_a_person_calls_the_moderators_once(w: World) -> None:
    both = await season(w, name="Stats <@1> **x**")
    for number, group in enumerate(both):
        await membership.join(person(w, number), group)
    await w.worker.sweep()
    await w.settle()
    role = w.guild.roles["Moderators"].id
    await settings.change(mod_of(w), moderator_channel_id=w.room.id, moderator_role_id=role)
    await w.settle()
    for group in both:
        text_id = (await group_views.show(w.guild.id, group)).text_id
        assert text_id is not None
        w.env.backend.delete_channel(text_id)
    await w.settle()
    told = [m for m in w.room.history() if "was deleted on Discord" in m.content]
    assert len(told) == 2
    assert sum(f"<@&{role}>" in m.content for m in told) == 1
    assert [m.raw_role_mentions for m in told if f"<@&{role}>" in m.content] == [[role]]
