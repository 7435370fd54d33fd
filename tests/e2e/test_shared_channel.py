"""The channel that a cohort shares: join, switch, leave, off and on, two groups at once."""

from __future__ import annotations

import asyncio
from typing import Any

from core import sync
from core.db.engine import get_database
from core.operations import groups, membership, merging, overview, shared_channel, sync_status
from core.systems import sweep
from tests.e2e._acting import channel, last, made, mod_of, on_discord, sees, writes
from tests.world import World, text_of

NAME = "stats-all"


async def cohort_of(w: World, **more: Any) -> Any:
    """Two groups with two people each, opened, and the shared channel switched on."""
    cohort = await made(w, groups=2, **more)
    for index, person in enumerate(w.members[:4]):
        group_id = cohort.group_ids[index // 2]
        await membership.add(mod_of(w), group_id, person.id, person.name)
    await shared_channel.switch(mod_of(w), cohort.id, on=True)
    for group_id in cohort.group_ids:
        await sync.sync_group(group_id)
    await w.settle()
    return cohort


async def nothing_left(w: World, cohort: Any) -> None:
    """A second plan of each group is empty, and the sweep opens none."""
    planned = await overview.plan(w.guild.id, cohort.group_ids)
    assert planned.groups == []
    async with get_database().transaction() as session:
        assert await sweep.groups_to_open(session) == []


def who_sees(w: World) -> list[str]:
    return [p.name for p in w.members if sees(w, p, NAME)]


@on_discord
async def test_everybody_of_the_cohort_and_nobody_else(w: World) -> None:
    cohort = await cohort_of(w)
    assert who_sees(w) == ["member1", "member2", "member3", "member4"]
    assert writes(w, w.members[0], NAME)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    assert len([c for c in guild.channels if c.name == NAME]) == 1
    assert channel(w, NAME).category.name == "Stats"
    await nothing_left(w, cohort)
    counts = await sync.sync_group_discord_permissions(cohort.group_ids[0])
    assert (counts["granted"], counts["revoked"], counts["unchanged"]) == (0, 0, 2)


@on_discord
async def test_join_switch_and_leave(w: World) -> None:
    cohort = await cohort_of(w)
    first, second = cohort.group_ids
    ada, eve = w.members[0], w.members[4]
    await membership.add(mod_of(w), second, eve.id, eve.name)
    await sync.sync_group(second)
    await w.env.settle()
    assert sees(w, eve, NAME)
    before = len(w.env.http_requests)
    await membership.move(mod_of(w), second, ada.id, ada.name)
    await sync.sync_after_group_change(second, first)
    await w.env.settle()
    assert sees(w, ada, NAME)
    room = str(channel(w, NAME).id)
    # Never without it, and no call for it: only the entry in the rows is another group's now.
    assert [r.path for r in w.env.http_requests[before:] if room in r.path] == []
    await nothing_left(w, cohort)
    await membership.remove(mod_of(w), second, ada.id, "moved away")
    await sync.sync_group(second)
    await w.env.settle()
    assert not sees(w, ada, NAME)
    assert sees(w, eve, NAME)
    await nothing_left(w, cohort)


@on_discord
async def test_who_left_before_the_new_group_was_looked_at_loses_it(w: World) -> None:
    cohort = await cohort_of(w)
    first, second = cohort.group_ids
    ada = w.members[0]
    await membership.move(mod_of(w), second, ada.id, ada.name)
    await sync.sync_group(first)
    await w.env.settle()
    assert sees(w, ada, NAME)
    await membership.remove(mod_of(w), second, ada.id, "gone")
    await sync.sync_group(second)
    await w.env.settle()
    assert not sees(w, ada, NAME)
    await sync.sync_group(first)
    await nothing_left(w, cohort)


@on_discord
async def test_two_groups_at_once(w: World) -> None:
    cohort = await cohort_of(w)
    first, second = cohort.group_ids
    for _ in range(3):
        await membership.move(mod_of(w), second, w.members[0].id, w.members[0].name)
        await membership.move(mod_of(w), first, w.members[2].id, w.members[2].name)
        await asyncio.gather(sync.sync_group(first), sync.sync_group(second))
        await w.env.settle()
        assert who_sees(w) == ["member1", "member2", "member3", "member4"]
        await membership.move(mod_of(w), first, w.members[0].id, w.members[0].name)
        await membership.move(mod_of(w), second, w.members[2].id, w.members[2].name)
        await asyncio.gather(sync.sync_group(second), sync.sync_group(first))
        await w.env.settle()
    await nothing_left(w, cohort)
    assert who_sees(w) == ["member1", "member2", "member3", "member4"]


@on_discord
async def test_roles_open_it_where_groups_have_roles(w: World) -> None:
    cohort = await cohort_of(w, access_mode="role")
    assert who_sees(w) == ["member1", "member2", "member3", "member4"]
    people = [t for t in channel(w, NAME).overwrites if t.id in {p.id for p in w.members}]
    assert people == []
    await nothing_left(w, cohort)
    await membership.move(mod_of(w), cohort.group_ids[1], w.members[0].id, w.members[0].name)
    await sync.sync_after_group_change(cohort.group_ids[1], cohort.group_ids[0])
    await w.env.settle()
    assert sees(w, w.members[0], NAME)


@on_discord
async def test_the_button_says_what_happens(w: World) -> None:
    cohort = await made(w, groups=2)
    for index, group_id in enumerate(cohort.group_ids):
        await membership.add(mod_of(w), group_id, w.members[index].id, w.members[index].name)
        await sync.sync_group(group_id)
    await w.settle()
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    asked = await w.mod.click(last(card), label="Shared channel")
    assert "Creates 1 channel, #stats-all" in text_of(asked)
    assert "2 people in its groups see it" in text_of(asked)
    done = await w.mod.click(last(asked), label="Do it")
    await w.settle()
    assert "one channel for all" in text_of(done)
    assert who_sees(w) == ["member1", "member2"]
    shown = await w.mod.slash(w.room, "announce")
    shown = await w.mod.submit_modal(shown, values={"text": "Hello"})
    shown = await w.mod.select(last(shown), [f"shared:{cohort.id}"])
    assert "1 post, pings nobody" in text_of(shown)
    await w.mod.click(last(shown), label="Ping members")
    await w.settle()
    post = w.guild.channels[NAME].history()[-1]
    assert {m.id for m in post.mentions} == {p.id for p in w.members[:2]}
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    asked = await w.mod.click(last(card), label="Shared channel")
    assert "2 people lose access" in text_of(asked)
    done = await w.mod.click(last(asked), label="Do it")
    await w.settle()
    assert who_sees(w) == []
    assert channel(w, NAME) is not None
    await nothing_left(w, cohort)
    await w.mod.click(last(await w.mod.click(last(done), label="Undo")), label="Undo")
    await w.settle()
    assert who_sees(w) == ["member1", "member2"]


@on_discord
async def test_deleted_on_discord_it_is_flagged_and_made_again(w: World) -> None:
    cohort = await cohort_of(w)
    await channel(w, NAME).delete()
    await w.settle()
    status = await sync_status.status(w.guild.id)
    assert [s.deleted for s in status if s.deleted] == [("shared channel “stats-all”",)]
    await groups.repair(mod_of(w), cohort.group_ids[0])
    for group_id in cohort.group_ids:
        await sync.sync_group(group_id)
    await w.settle()
    assert who_sees(w) == ["member1", "member2", "member3", "member4"]
    await nothing_left(w, cohort)


@on_discord
async def test_a_group_that_ends_leaves_it(w: World) -> None:
    cohort = await cohort_of(w)
    source, target = cohort.group_ids
    await merging.merge(mod_of(w), source, target)
    await sync.sync_after_group_change(target, source)
    await w.env.settle()
    assert who_sees(w) == ["member1", "member2", "member3", "member4"]
    await nothing_left(w, cohort)
