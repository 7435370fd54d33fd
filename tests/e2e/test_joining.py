"""Joining a group through /my and /groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from core.clock import set_clock
from core.operations import cohorts, group_views, membership
from tests.e2e._acting import buttons, mod_of, on_discord, writes
from tests.e2e._members import (
    PAST,
    active,
    actor,
    choices,
    choose,
    cohort,
    items,
    join,
    pick,
    shown,
)
from tests.world import World


@on_discord
async def test_nobody_offers_anything(w: World) -> None:
    me = w.members[0]
    home = await me.slash(w.room, "my")
    assert "no group yet" in shown(home)
    listed = await me.click(home.response, label="Find a group")
    assert "no group to join right now" in shown(listed)
    assert buttons(listed.response) == []


@on_discord
async def test_join_says_which_channels(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    home = await me.slash(w.room, "my")
    listed = await me.click(home.response, label="Find a group")
    text = shown(listed)
    assert "starts Sun 1 March 2026" in text
    assert text.count("4 of 4 seats free") == 3
    assert "Post the list here" not in buttons(listed.response)
    joined = await pick(me, listed.response, "join", "Group 1 · Stats")
    group = await group_views.show(w.guild.id, made.group_ids[0], me.id)
    assert f"<#{group.text_id}> and <#{group.voice_id}>" in shown(joined)
    assert writes(w, me, "group-1")
    home = await me.click(joined.response, label="My groups")
    assert "**Group 1** · Stats" in shown(home)
    assert f"<#{group.text_id}>" in shown(home)
    assert buttons(home.response) == [
        "Switch",
        "Leave",
        "Meetings",
        "Calendar",
        "All groups",
        "I can't see my group",
        "My settings",
    ]
    again = await me.click(home.response, label="All groups")
    assert "✅ **Group 1** · you are here" in shown(again)
    assert "Group 1 · Stats" not in choices(again.response, "join")


@on_discord
async def test_good_size_is_marked_and_smallest_first(w: World) -> None:
    made = await cohort(w)
    for person in w.members[1:4]:
        await membership.join(actor(person), made.group_ids[0])
    listed = await w.members[0].slash(w.room, "groups")
    text = shown(listed)
    assert "**Group 1** · 1 of 4 seats free · 👍 good size" in text
    assert text.index("Group 2") < text.index("Group 3") < text.index("Group 1")


@on_discord
async def test_a_started_group_takes_nobody_new(w: World) -> None:
    """It starts while somebody looks at the list; afterwards it is not in it."""
    made = await cohort(w)
    me = w.members[0]
    listed = await me.slash(w.room, "groups")
    await cohorts.edit(mod_of(w), made.id, start_date=PAST)
    refused = await pick(me, listed.response, "join", "Group 1 · Stats")
    assert "has started already" in shown(refused)
    assert await active(me) == []
    listed = await me.click(refused.response, label="See all groups")
    assert "no group to join" in shown(listed)


@on_discord
async def test_joining_twice_changes_nothing(w: World) -> None:
    await cohort(w)
    me = w.members[0]
    listed = await me.slash(w.room, "groups")
    value = choices(listed.response, "join")["Group 1 · Stats"]
    custom_id = items(listed.response)[0]["custom_id"]
    await join(w, me)
    forged = await choose(w, me, listed.response, custom_id, value)
    assert "Already in “Group 1”" in shown(forged)
    assert len(await active(me)) == 1


@on_discord
async def test_a_closed_cohort_is_gone(w: World) -> None:
    made = await cohort(w)
    me = w.members[0]
    listed = await me.slash(w.room, "groups")
    await cohorts.close(mod_of(w), made.id)
    refused = await pick(me, listed.response, "join", "Group 1 · Stats")
    assert "does not take anybody any more" in shown(refused)


@on_discord
async def test_discord_fails_and_the_channels_follow(w: World) -> None:
    await cohort(w)
    me = w.members[0]
    w.env.inject_error("POST", "/guilds/*/channels", status=403, code=50013, times=None)
    joined = await join(w, me)
    assert "You are in **Group 1**" in shown(joined)
    assert "they follow by themselves" in shown(joined)
    assert "<#" not in shown(joined)
    assert "Channels follow." in shown(await me.slash(w.room, "my"))
    w.env.backend.faults.clear()
    set_clock(lambda: w.env.now() + timedelta(hours=2))
    await w.settle()
    assert writes(w, me, "group-1")


@on_discord
async def test_who_has_not_accepted_the_rules_waits(w: World) -> None:
    await cohort(w)
    me = w.members[0]
    await screening(w, me, pending=True)
    joined = await join(w, me)
    assert "accept this server's rules" in shown(joined)
    assert "accept this server's rules" in shown(await me.slash(w.room, "my"))
    await join(w, w.members[1])
    assert not writes(w, me, "group-1")
    await screening(w, me, pending=False)
    assert writes(w, me, "group-1")
    assert "rules" not in shown(await me.slash(w.room, "my"))


async def screening(w: World, person: Any, *, pending: bool) -> None:
    """What Discord does when somebody has yet to accept the rules, or just did."""
    backend = w.env.backend
    member = backend.get_guild(w.guild.id).members[person.id]
    member.pending = pending
    from simcord.backend import serializers

    payload = dict(serializers.member_payload(backend, backend.get_guild(w.guild.id), member))
    backend.emit("GUILD_MEMBER_UPDATE", {**payload, "guild_id": str(w.guild.id)})
    await w.settle()


@on_discord
async def test_many_groups_have_pages(w: World) -> None:
    made = await cohort(w, groups=30)
    me = w.members[0]
    seen: list[str] = []
    listed = await me.slash(w.room, "groups")
    for _ in range(2):
        seen += choices(listed.response, "join")
        listed = await me.click(listed.response, label="More groups")
    seen += choices(listed.response, "join")
    assert seen == [f"Group {n} · Stats" for n in range(1, 31)]
    assert "More groups" not in buttons(listed.response)
    await pick(me, listed.response, "join", "Group 30 · Stats")
    assert await active(me) == [made.group_ids[29]]


@on_discord
async def test_many_groups_of_mine_have_pages(w: World) -> None:
    me = w.members[0]
    ways = {"Meetings", "Calendar", "All groups", "I can't see my group", "My settings"}
    for number in range(7):
        made = await cohort(w, f"Course {number}", groups=1)
        await membership.join(actor(me), made.group_ids[0])
    home = await me.slash(w.room, "my")
    assert "Course 2" in shown(home)
    assert "Course 3" not in shown(home)
    for last in (5, 6):
        home = await me.click(home.response, label="More")
        assert f"Course {last}" in shown(home)
        assert ways <= set(buttons(home.response))
    for _ in range(2):
        home = await me.click(home.response, label="Back")
    assert ways <= set(buttons(home.response))
    asked = await me.click(home.response, label="Leave: Group 1 · Course 2")
    assert "Leave **Group 1** · Course 2?" in shown(asked)
