"""Switching groups and leaving them, with equal names in two cohorts."""

from __future__ import annotations

from core.operations import cohorts, group_views, membership
from tests.e2e._acting import buttons, mod_of, on_discord, writes
from tests.e2e._members import (
    PAST,
    active,
    choices,
    cohort,
    join,
    pick,
    shown,
    text_channel,
)
from tests.world import World


@on_discord
async def test_switch_says_what_is_lost_before(w: World) -> None:
    made = await cohort(w)
    me, other = w.members[:2]
    await join(w, me)
    await join(w, other, "Group 2 · Stats")
    one, two = [await group_views.show(w.guild.id, g, me.id) for g in made.group_ids[:2]]
    home = await me.slash(w.room, "my")
    where = await me.click(home.response, label="Switch")
    assert set(choices(where.response, "switch_to")) == {"Group 2 · Stats", "Group 3 · Stats"}
    before = await pick(me, where.response, "switch_to", "Group 2 · Stats")
    assert f"You lose <#{one.text_id}> and <#{one.voice_id}>" in shown(before)
    assert f"gain <#{two.text_id}> and <#{two.voice_id}>" in shown(before)
    assert await active(me) == [one.id]
    done = await me.click(before.response, label="Switch to Group 2")
    assert "You are in **Group 2**" in shown(done)
    assert "You left **Group 1**" in shown(done)
    assert await active(me) == [two.id]
    assert writes(w, me, "group-2")
    assert not writes(w, me, "group-1")


@on_discord
async def test_choosing_another_group_in_the_list_is_a_switch(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    listed = await me.slash(w.room, "groups")
    asked = await pick(me, listed.response, "join", "Group 3 · Stats")
    assert "Switch from **Group 1** · Stats to **Group 3**?" in shown(asked)
    assert "made when you come" in shown(asked)
    assert await active(me) == [made.group_ids[0]]
    kept = await me.click(asked.response, label="Cancel")
    assert "**Group 1** · Stats" in shown(kept)
    assert await active(me) == [made.group_ids[0]]


@on_discord
async def test_switching_after_the_start(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    await cohorts.edit(mod_of(w), made.id, start_date=PAST)
    home = await me.slash(w.room, "my")
    assert "started Mon 1 December 2025" in shown(home)
    where = await me.click(home.response, label="Switch")
    before = await pick(me, where.response, "switch_to", "Group 2 · Stats")
    await me.click(before.response, label="Switch to Group 2")
    assert await active(me) == [made.group_ids[1]]


@on_discord
async def test_nowhere_to_switch_to(w: World) -> None:
    await cohort(w, groups=1)
    me = w.members[0]
    await join(w, me)
    home = await me.slash(w.room, "my")
    nowhere = await me.click(home.response, label="Switch")
    assert "No other group of Stats has a free seat" in shown(nowhere)
    assert "**Group 1**" in shown(await me.click(nowhere.response, label="Back"))


@on_discord
async def test_leave_says_what_is_lost_and_asks(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    group = await group_views.show(w.guild.id, made.group_ids[0], me.id)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    assert f"You lose <#{group.text_id}>" in shown(asked)
    assert "only a moderator" not in shown(asked)
    stayed = await me.click(asked.response, label="Stay")
    assert "**Group 1**" in shown(stayed)
    assert await active(me) == [group.id]
    asked = await me.click(stayed.response, label="Leave")
    left = await me.click(asked.response, label="Leave")
    assert "You left **Group 1**" in shown(left)
    assert await active(me) == []
    assert not writes(w, me, "group-1")
    assert "no group yet" in shown(await me.click(left.response, label="My groups"))


@on_discord
async def test_leaving_a_started_group_warns(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    await cohorts.edit(mod_of(w), made.id, start_date=PAST)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    assert "only a moderator can bring you back" in shown(asked)


@on_discord
async def test_leaving_what_a_moderator_took_away(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    await join(w, me)
    home = await me.slash(w.room, "my")
    asked = await me.click(home.response, label="Leave")
    await membership.remove(mod_of(w), made.group_ids[0], me.id)
    assert "not in “Group 1”" in shown(await me.click(asked.response, label="Leave"))


@on_discord
async def test_equal_group_names_in_two_cohorts(w: World) -> None:
    stats, maths = await cohort(w), await cohort(w, "Maths")
    me = w.members[0]
    await join(w, me, "Group 1 · Maths")
    assert await active(me) == [maths.group_ids[0]]
    joined = await join(w, me)
    assert "You left" not in shown(joined)
    assert sorted(await active(me)) == [stats.group_ids[0], maths.group_ids[0]]
    for name in ("Stats", "Maths"):
        channel = text_channel(w, name, "group-1")
        assert channel.permissions_for(me.member).send_messages
    home = await me.slash(w.room, "my")
    assert {"Leave: Group 1 · Stats", "Leave: Group 1 · Maths"} < set(buttons(home.response))
    where = await me.click(home.response, label="Switch: Group 1 · Maths")
    assert set(choices(where.response, "switch_to")) == {"Group 2 · Maths", "Group 3 · Maths"}
    asked = await me.click(where.response, label="Back")
    asked = await me.click(asked.response, label="Leave: Group 1 · Maths")
    await me.click(asked.response, label="Leave")
    assert await active(me) == [stats.group_ids[0]]
