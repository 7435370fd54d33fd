"""/why about people and groups, each situation built for real; with its fix pressed."""

from __future__ import annotations

from datetime import timedelta

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from core import sync
from core.operations import cohorts, groups, membership, settings
from core.operations import why as operations
from core.operations.common import Actor
from tests.e2e._acting import labels, last, made, mod_of, on_discord, sees, writes
from tests.e2e._why import (
    VIEW,
    Stage,
    expect,
    pending,
    posted,
    stage,
    text_of,
)
from tests.world import World

# --- the person ----------------------------------------------------------------------------------


@on_discord
async def test_everything_is_right(w: World) -> None:
    s = await stage(w)
    shown = await s.says(w.members[0], "right", "✅", "restart Discord", f"<#{s.place().id}>")
    assert labels(last(shown)) == ["Look again"]
    again = await w.mod.click(last(shown), label="Look again")
    assert text_of(again) == text_of(shown)


@on_discord
async def test_not_on_the_server_and_left(w: World) -> None:
    s = await stage(w)
    stranger = w.env.create_user("stranger")
    await s.says(stranger, "not_here", "**stranger** is not on this server.")
    user = w.env.create_user("gone")
    gone = w.guild.add_member(user)
    await w.settle()
    w.guild.remove_member(gone)
    await s.says(user, "left", "**gone** is not on this server any more, since <t:")


@on_discord
async def test_imported_but_not_here(w: World) -> None:
    s = await stage(w)
    await expect(s, "Newcomer")
    newcomer = w.env.create_user("newcomer")
    await s.says(newcomer, "expected", "imported list of **Group 1** · Stats", "seat is kept")


@on_discord
async def test_a_bot(w: World) -> None:
    s = await stage(w)
    other = w.guild.add_member(w.env.create_user("helper", bot=True))
    await s.says(other, "bot", "**helper** is a bot")


@on_discord
async def test_rules_not_accepted(w: World) -> None:
    s = await stage(w)
    late = w.members[3]
    pending(w, late, now=True)
    await membership.add(mod_of(w), s.ids[0], late.id, late.name)
    await sync.sync_group(s.ids[0])
    shown = await s.says(late, "pending", "**member4** has not accepted this server's rules yet")
    assert labels(last(shown)) == ["Look again"]
    pending(w, late, now=False)
    await s.says(late, "right")
    assert sees(w, late, "group-1")


@on_discord
async def test_timed_out(w: World) -> None:
    s = await stage(w)
    until = discord.utils.utcnow() + timedelta(days=3000)
    s.member(w.members[0], timed_out_until=until.isoformat())
    shown = await s.says(w.members[0], "timed_out", "until <t:", "cannot write or speak")
    assert labels(last(shown)) == ["Look again"]
    assert sees(w, w.members[0], "group-1")


@on_discord
async def test_administrators_see_everything(w: World) -> None:
    s = await stage(w)
    role = w.guild.create_role("Admins", permissions=discord.Permissions(administrator=True))
    boss = w.guild.add_member(w.env.create_user("boss"), roles=[role])
    await s.says(boss, "sees_all", "sees every channel")


@on_discord
async def test_a_moderator_sees_through_the_role(w: World) -> None:
    s = await stage(w)
    role = w.guild.roles["Moderators"]
    _, touched = await settings.change(mod_of(w), moderator_role_id=role.id)
    for group_id in touched:
        await sync.sync_group(group_id)
    await s.says(w.mod, "by_moderator", "**mod** is not in **Group 1**", "as a moderator")


# --- the group -----------------------------------------------------------------------------------


@on_discord
async def test_in_no_group_then_added(w: World) -> None:
    s = await stage(w)
    lone = w.members[3]
    shown = await s.says(lone, "no_group", "**member4** is not in **Group 1**", "asks you which")
    asked = await w.mod.click(last(shown), label="Add to a group")
    options = last(asked).components[0]["components"][0]["options"]
    assert options[0]["label"] == "Group 1 · Stats"
    assert len(options) == len(s.ids)
    done = await w.mod.select(last(asked), [f"group:{s.ids[0]}"])
    await w.settle()
    assert text_of(done).startswith("✅ Done.\n✅ Everything is right")
    assert sees(w, lone, "group-1")


@on_discord
async def test_in_another_group_then_moved(w: World) -> None:
    s = await stage(w)
    mover = w.members[0]
    await membership.move(mod_of(w), s.ids[1], mover.id, mover.name)
    await sync.sync_after_group_change(s.ids[1], s.ids[0])
    shown = await s.says(
        mover, "other_group", "is in **Group 2**", f"<@{w.mod.id}> moved them there <t:"
    )
    asked = await w.mod.click(last(shown), label="Add to a group")
    assert "they lose the channels of **Group 2**" in text_of(asked)
    await w.mod.select(last(asked), [f"group:{s.ids[0]}"])
    await w.settle()
    assert sees(w, mover, "group-1")
    assert not sees(w, mover, "group-2")


@on_discord
async def test_switched_by_themselves(w: World) -> None:
    s = await stage(w)
    mover = w.members[0]
    await membership.join(Actor(w.guild.id, mover.id, mover.name), s.ids[1])
    await sync.sync_after_group_change(s.ids[1], s.ids[0])
    shown = await s.says(mover, "other_group", "is in **Group 2**")
    assert "moved" not in text_of(shown).split("→")[0]


@on_discord
async def test_left_and_removed(w: World) -> None:
    s = await stage(w)
    first, second = w.members[:2]
    await membership.leave(Actor(w.guild.id, first.id, first.name), s.ids[0])
    await membership.remove(mod_of(w), s.ids[0], second.id)
    await sync.sync_group(s.ids[0])
    await s.says(first, "left_group", "**member1** left **Group 1** · Stats <t:")
    await s.says(second, "removed", f"<@{w.mod.id}> took **member2** out of **Group 1**")


@on_discord
async def test_on_the_list_but_not_put_in(w: World) -> None:
    s = await stage(w)
    await expect(s, "MEMBER4")
    await s.says(w.members[3], "expected_here", "was not put into it yet")


@on_discord
async def test_outsiders_who_see_it(w: World) -> None:
    s = await stage(w)
    friend, helper = w.members[3:5]
    s.entry(friend, VIEW)
    await s.says(friend, "sees_own", "by an entry of their own")
    role = w.guild.create_role("Helpers")
    s.member(helper, role_ids=[role.id])
    w.env.backend.set_overwrite(s.place().id, Overwrite(role.id, OverwriteType.ROLE, VIEW, 0))
    await s.says(helper, "sees_role", "the role Helpers lets them into")
    w.env.backend.set_overwrite(s.place().id, Overwrite(w.guild.id, OverwriteType.ROLE, VIEW, 0))
    await s.says(w.members[5], "sees_open", "is open for everybody")


@on_discord
async def test_a_draft_is_opened(w: World) -> None:
    cohort = await made(w, open_now=False)
    s, person = Stage(w, cohort), w.members[0]
    await membership.add(mod_of(w), s.ids[0], person.id, person.name)
    await sync.sync_group(s.ids[0])
    answer = await operations.explain_group(mod_of(w), person.id, person.name, s.ids[0])
    assert (answer.link.code, answer.link.fix) == ("draft", "open")
    menu = await w.mod.click(await posted(s, person), label="Look at it")
    assert "still a draft" in text_of(menu)
    assert (await s.fix(menu, "Open the group")).startswith("✅ Done.")
    assert sees(w, person, "group-1")


@on_discord
async def test_archived_closed_and_cancelled(w: World) -> None:
    s = await stage(w)
    person = w.members[0]
    await groups.archive(mod_of(w), s.ids[0])
    await sync.sync_group(s.ids[0])
    await s.says(person, "archived", "**Group 1** · Stats is archived", "not write")
    assert sees(w, person, "group-1")
    assert not writes(w, person, "group-1")
    await cohorts.close(mod_of(w), s.cohort.id)
    await s.says(person, "closed", "**Stats** is closed")
    again = await stage(w, name="Next")
    await cohorts.cancel(mod_of(w), again.cohort.id)
    for group_id in again.ids:
        await sync.sync_group(group_id)
    answer = await operations.explain_group(mod_of(w), person.id, person.name, again.ids[0])
    assert answer.link.code == "cancelled"
