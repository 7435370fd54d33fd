"""The menu "Manage member" on a name, as moderators use it on the simulated Discord."""

from __future__ import annotations

from typing import Any

import pytest

from core.operations import cohorts, group_views, membership
from tests.e2e._acting import dismiss, filled, labels, last, made, mod_of, on_discord, sees
from tests.world import World, text_of

MENU = "Manage member"


async def opened(w: World, person: Any) -> Any:
    return last(await w.mod.context_menu(w.room, MENU, person))


def options(message: Any) -> list[dict[str, Any]]:
    return [
        o for row in message.components for c in row["components"] for o in c.get("options", [])
    ]


def buttons(message: Any) -> list[str]:
    found = [c.get("label", "") for row in message.components for c in row["components"]]
    return [label for label in found if label]


@on_discord
async def test_somebody_in_no_group(w: World) -> None:
    await made(w, groups=2)
    person = w.members[0]
    message = await opened(w, person)
    assert message.ephemeral
    assert message.content.endswith("In no group now.")
    assert labels(message) == ["Add to a group", "Why"]
    await w.mod.click(message, label="Add to a group")
    assert [o["label"] for o in options(message)] == ["Group 1 · Stats", "Group 2 · Stats"]
    await w.mod.select(message, [options(message)[1]["value"]])
    assert f"✅ <@{person.id}> is a member of **Group 2** · Stats." in message.content
    assert sees(w, person, "group-2")


@on_discord
async def test_move_and_remove(w: World) -> None:
    cohort = await made(w, groups=3)
    person, _ = await filled(w, cohort)
    message = await opened(w, person)
    assert "✅ **Group 1** · Stats" in message.content
    assert labels(message) == ["Add to a group", "Move", "Remove", "Why"]
    await w.mod.click(message, label="Move")
    assert [o["label"] for o in options(message)] == ["Group 2 · Stats", "Group 3 · Stats"]
    await w.mod.select(message, [options(message)[0]["value"]])
    assert (
        f"Move <@{person.id}> from **Group 1** · Stats to **Group 2** · Stats?" in message.content
    )
    assert sees(w, person, "group-1")
    await w.mod.click(message, label="Do it")
    assert sees(w, person, "group-2")
    assert not sees(w, person, "group-1")
    message = await opened(w, person)
    assert "Group 1 · Stats · left" in message.content
    await w.mod.click(message, label="Remove")
    assert f"Take <@{person.id}> out of **Group 2** · Stats?" in message.content
    await w.mod.click(message, label="Do it")
    assert "is no longer in **Group 2** · Stats." in message.content
    assert not sees(w, person, "group-2")


@on_discord
async def test_in_several_groups_it_asks_which(w: World) -> None:
    first, second = await made(w, groups=1), await made(w, "Logic", groups=1)
    person = w.members[0]
    for cohort in (first, second):
        await membership.add(mod_of(w), cohort.group_ids[0], person.id, person.name)
    message = await opened(w, person)
    await w.mod.click(message, label="Remove")
    assert len(options(message)) == 2
    chosen = next(o for o in options(message) if "Logic" in o["label"])
    await w.mod.select(message, [chosen["value"]])
    assert "out of **Group 1** · Logic?" in message.content
    message = await opened(w, person)
    await w.mod.click(message, label="Add to a group")
    assert "They are in a group of every cohort already. Use Move." in message.content
    await w.mod.click(message, label="Their groups")
    await w.mod.click(message, label="Move")
    assert "There is no other group of the same cohort." in message.content


@on_discord
async def test_more_groups_than_a_select_holds(w: World) -> None:
    await made(w, groups=30)
    message = await opened(w, w.members[0])
    await w.mod.click(message, label="Add to a group")
    assert len(options(message)) == 25
    await w.mod.click(message, label="More")
    assert [o["label"] for o in options(message)][-1] == "Group 30 · Stats"
    await w.mod.click(message, label="Back")
    assert options(message)[0]["label"] == "Group 1 · Stats"


@on_discord
async def test_why(w: World) -> None:
    cohort = await made(w, groups=1)
    person, _ = await filled(w, cohort)
    message = await opened(w, person)
    await w.mod.click(message, label="Why")
    assert "Which channel does" in message.content


@on_discord
async def test_what_went_away_meanwhile(w: World) -> None:
    cohort = await made(w, groups=2)
    person, _ = await filled(w, cohort)
    adding, moving, removing = [await opened(w, p) for p in (w.members[4], person, person)]
    await w.mod.click(adding, label="Add to a group")
    await w.mod.click(moving, label="Move")
    await w.mod.click(removing, label="Remove")
    await cohorts.close(mod_of(w), cohort.id)
    for message in (adding, moving):
        refused = await w.mod.select(message, [options(message)[0]["value"]])
        assert "No group here is called that" in text_of(refused)
    await w.mod.click(removing, label="Do it")
    assert "Nothing changed." in removing.content
    robot = w.guild.add_member(w.env.create_user("robot", bot=True))
    await w.settle()
    refused = await w.mod.context_menu(w.room, MENU, robot)
    assert "robot is a bot; bots cannot be in groups." in text_of(refused)


@on_discord
@pytest.mark.parametrize("step", ["", "Add to a group", "Move", "Remove"])
async def test_rights_are_asked_at_every_press(w: World, step: str) -> None:
    cohort = await made(w, groups=30)
    person, _ = await filled(w, cohort)
    message = await opened(w, person)
    if step:
        await w.mod.click(message, label=step)
    await dismiss(w, w.mod)
    before = message.content
    for label in [b for b in buttons(message) if b != "Cancel"]:
        refused = await w.mod.click(message, label=label)
        assert "Only moderators can do that." in text_of(refused), label
    if options(message):
        refused = await w.mod.select(message, [options(message)[0]["value"]])
        assert "Only moderators can do that." in text_of(refused)
    assert message.content == before
    assert [g.id for g in await group_views.of_member(w.guild.id, person.id)] == cohort.group_ids[
        :1
    ]


@on_discord
async def test_members_do_not_get_the_panel(w: World) -> None:
    found = w.env.backend.find_command(MENU, w.guild.id, type=2)  # a menu on a name
    assert found is not None
    w.guild.set_command_permissions(int(found["id"]), {w.members[0]: True})
    refused = await w.members[0].context_menu(w.room, MENU, w.members[1])
    assert "Only moderators can do that." in text_of(refused)
