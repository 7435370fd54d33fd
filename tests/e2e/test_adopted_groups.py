"""What was adopted goes on as other groups do: people come and go, groups end, rooms come back."""

from __future__ import annotations

import asyncio

import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from core import sync
from core.errors import Refusal
from core.operations import (
    adopt,
    cohorts,
    group_views,
    groups,
    history,
    membership,
)
from core.operations.common import Actor
from core.reconcile.hand_made import Wishes
from core.reconcile.permissions import MANAGE_ROLES, VIEW_CHANNEL
from core.systems import discord as discord_system
from tests.e2e._acting import mod_of, on_discord
from tests.e2e._adopting import sees
from tests.e2e._hand_made import (
    TEXT,
    VOICE,
    HandMade,
    adopt_it,
    nothing_to_do,
    offer,
    pairs,
)
from tests.world import World


@on_discord
async def test_later_members_come_in_and_go_out(w: World) -> None:
    made, home = await pairs(w)
    done = await adopt_it(w, categories=(home,))
    untouched = made.entries("group-2")
    newcomer, ada = w.members[4], w.members[0]
    await membership.add(mod_of(w), done.group_ids[0], newcomer.id, newcomer.name)
    await sync.sync_after_group_change(done.group_ids[0])
    assert made.entries("group-1")[newcomer.id] == TEXT
    assert made.entries("group-1 voice")[newcomer.id] == VOICE
    assert sees(w, newcomer, made.ids["group-1"])
    for person in (newcomer, ada):
        await membership.remove(mod_of(w), done.group_ids[0], person.id)
        await sync.sync_after_group_change(done.group_ids[0])
        assert person.id not in made.entries("group-1")
        assert not sees(w, person, made.ids["group-1"])
    assert w.guild.id in made.entries("group-1")
    assert made.entries("group-2") == untouched
    await nothing_to_do(w)


@on_discord
async def test_a_switch_takes_the_one_and_gives_the_other(w: World) -> None:
    made, home = await pairs(w)
    done = await adopt_it(w, categories=(home,))
    ada = w.members[0]
    await membership.join(Actor(w.guild.id, ada.id, ada.name), done.group_ids[1])
    await sync.sync_after_group_change(done.group_ids[1], done.group_ids[0])
    assert not sees(w, ada, made.ids["group-1"])
    assert sees(w, ada, made.ids["group-2"])
    await nothing_to_do(w)


@on_discord
async def test_nothing_is_adopted_twice(w: World) -> None:
    made, home = await pairs(w)
    seen = await offer(w, categories=(home,))
    wishes = Wishes(categories=(home,))
    twice = await asyncio.gather(
        *(adopt.adopt(mod_of(w), wishes, seen.mark) for _ in range(3)), return_exceptions=True
    )
    refused = [r for r in twice if isinstance(r, Refusal)]
    assert sorted(r.code for r in refused) == ["adopted_already"] * 2
    assert all("belong to “" in str(r) for r in refused)
    assert len(await history.page(w.guild.id)) == 1
    with pytest.raises(Refusal) as third:
        await offer(w, channels=(made.ids["group-1"],))
    assert "Group 1 · Stats autumn" in str(third.value)
    # What is still free can be adopted; what is not, is named.
    free = made.channel("group-3", "text", {w.members[4]: TEXT}, home)
    await w.settle()
    rest = await offer(w, categories=(home,))
    assert [g.key for g in rest.proposal.groups] == [free]
    assert len(rest.taken) == 4
    assert rest.proposal.name == "Stats autumn (2)"
    assert rest.proposal.categories == ()


@on_discord
async def test_what_is_deleted_later_is_flagged_and_made_again_as_musters_own(w: World) -> None:
    made, home = await pairs(w)
    done = await adopt_it(w, categories=(home,))
    w.env.backend.delete_channel(made.ids["group-1"])
    since = len(w.env.http_requests)
    await w.settle()
    assert made.calls(since) == []
    assert await groups.repair(mod_of(w), done.group_ids[0]) == ["text"]
    await sync.sync_after_group_change(done.group_ids[0])
    view = await group_views.show(w.guild.id, done.group_ids[0])
    assert view.text_id not in {None, made.ids["group-1"]}
    assert sees(w, w.members[0], view.text_id or 0)
    assert w.env.backend.get_channel(view.text_id or 0).parent_id == home
    await nothing_to_do(w)


@on_discord
async def test_ended_groups_stay_as_they_are(w: World) -> None:
    made, home = await pairs(w, 3)
    done = await adopt_it(w, categories=(home,))
    before, since = made.snapshot(), len(w.env.http_requests)
    await groups.archive(mod_of(w), done.group_ids[0])
    await sync.sync_after_group_change(done.group_ids[0])
    await cohorts.close(mod_of(w), done.cohort_id)
    w.worker.ask_sweep()
    await w.settle()
    await nothing_to_do(w)
    assert made.calls(since) == []
    assert made.snapshot() == before


@on_discord
async def test_a_new_group_of_an_adopted_cohort_is_musters_own(w: World) -> None:
    made, home = await pairs(w)
    done = await adopt_it(w, categories=(home,))
    before = {name: made.entries(name) for name in made.ids}
    new = await groups.create(mod_of(w), done.cohort_id, "Group 3")
    await membership.add(mod_of(w), new.id, w.members[4].id, "member5")
    await sync.sync_after_group_change(new.id)
    view = await group_views.show(w.guild.id, new.id)
    assert w.env.backend.get_channel(view.text_id or 0).parent_id == home
    assert sees(w, w.members[4], view.text_id or 0)
    assert not sees(w, w.members[3], view.text_id or 0)
    assert {name: made.entries(name) for name in made.ids} == before
    await nothing_to_do(w)


@on_discord
async def test_who_is_in_no_group_keeps_what_they_have(w: World) -> None:
    made = HandMade(w)
    home = made.category("stats")
    helper, ada, ben = w.members[:3]
    made.channel("one", "text", {helper: TEXT, ada: TEXT}, home)
    made.channel("two", "text", {helper: TEXT, ben: TEXT}, home)
    await w.settle()
    seen = await offer(w, categories=(home,))
    assert seen.proposal.several == {helper.id: (made.ids["one"], made.ids["two"])}
    done = await adopt_it(w, categories=(home,), without=frozenset({ben.id}))
    assert done.people == 1
    await nothing_to_do(w)
    assert made.entries("one")[helper.id] == TEXT
    # Later they join one group: what they had is theirs, and stays when they leave again.
    await membership.add(mod_of(w), done.group_ids[0], helper.id, "helper")
    await sync.sync_after_group_change(done.group_ids[0])
    await membership.remove(mod_of(w), done.group_ids[0], helper.id)
    await sync.sync_after_group_change(done.group_ids[0])
    assert made.entries("one")[helper.id] == TEXT
    assert made.entries("two")[ben.id] == TEXT


@on_discord
async def test_where_the_bot_is_locked_out_it_says_so_and_catches_up(w: World) -> None:
    made = HandMade(w)
    home = made.category("stats")
    room = made.channel("one", "text", {w.members[0]: TEXT}, home, bot=False)
    await w.settle()
    assert (await offer(w, categories=(home,))).locked == (room,)
    since = len(w.env.http_requests)
    done = await adopt_it(w, categories=(home,))
    await nothing_to_do(w)
    assert made.calls(since) == []
    await membership.add(mod_of(w), done.group_ids[0], w.members[1].id, "member2")
    counts = await discord_system.sync(done.group_ids[0])
    assert (counts["failed"], counts["granted"]) == (1, 0)
    mine = Overwrite(w.bot.user.id, OverwriteType.MEMBER, VIEW_CHANNEL | MANAGE_ROLES, 0)  # type: ignore[union-attr]
    w.env.backend.set_overwrite(room, mine)
    await w.settle()
    assert sees(w, w.members[1], room)
    await nothing_to_do(w)
