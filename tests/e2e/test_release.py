"""Giving adopted channels back: no trace, no call, nobody else's rows."""

from __future__ import annotations

import asyncio

import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from core import sync
from core.errors import Refusal
from core.operations import adopt, cohorts, group_views, membership, release
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.hand_made import Wishes
from core.reconcile.permissions import VIEW_CHANNEL
from core.systems import discord as discord_system
from tests.e2e._acting import SOON, mod_of, on_discord
from tests.e2e._hand_made import (
    adopt_it,
    nothing_to_do,
    ours,
    pairs,
)
from tests.world import World


@on_discord
async def test_release_leaves_no_trace(w: World) -> None:
    made, home = await pairs(w, 3)
    done = await adopt_it(w, categories=(home,))
    before, since = made.snapshot(), len(w.env.http_requests)
    released = await release.release_cohort(mod_of(w), done.cohort_id)
    assert (released.groups, released.people, len(released.objects)) == (3, 3, 7)
    assert await ours(w) == ([], 0)
    shown = await cohorts.show(w.guild.id, done.cohort_id)
    assert (shown.status, {g[2] for g in shown.groups}) == ("closed", {"completed"})
    # Somebody changes something by hand, and everything that looks at groups looks.
    w.env.backend.set_overwrite(
        made.ids["group-1"], Overwrite(w.members[5].id, OverwriteType.MEMBER, VIEW_CHANNEL, 0)
    )
    w.env.backend.delete_overwrite(made.ids["group-1"], w.members[0].id)
    before = made.snapshot()
    w.worker.ask_sweep()
    w.worker.bump(done.group_ids)
    await w.settle()
    for group_id in done.group_ids:
        await discord_system.sync(group_id, repair=True)
    await nothing_to_do(w)
    assert made.calls(since) == []
    assert made.snapshot() == before
    assert await ours(w) == ([], 0)
    with pytest.raises(Refusal) as refused:
        await release.release_cohort(mod_of(w), done.cohort_id)
    assert refused.value.code == "not_adopted"
    again = await adopt_it(w, categories=(home,))
    assert again.cohort_id != done.cohort_id
    assert made.calls(since) == []


@on_discord
async def test_one_group_is_released_and_the_others_stay(w: World) -> None:
    made, home = await pairs(w)
    done = await adopt_it(w, categories=(home,))
    before, since = made.snapshot(), len(w.env.http_requests)
    released = await release.release_group(mod_of(w), done.group_ids[0])
    assert {i for _, i in released.objects} == {made.ids["group-1"], made.ids["group-1 voice"]}
    objects, _ = await ours(w)
    assert objects == sorted([home, made.ids["group-2"], made.ids["group-2 voice"]])
    assert (await group_views.show(w.guild.id, done.group_ids[0])).status == "completed"
    await nothing_to_do(w)
    again = await adopt_it(w, channels=(made.ids["group-1"],))
    assert again.people == 1
    await release.release_group(mod_of(w), done.group_ids[1])
    objects, _ = await ours(w)
    assert objects == [made.ids["group-1"]]  # the category went with the last of its groups
    assert made.calls(since) == []
    assert made.snapshot() == before


@on_discord
async def test_it_waits_for_a_sync_that_is_under_way(w: World) -> None:
    made, home = await pairs(w)
    done = await adopt_it(w, categories=(home,))
    await membership.add(mod_of(w), done.group_ids[0], w.members[4].id, "member5")
    syncing = asyncio.create_task(sync.sync_group(done.group_ids[0]))
    await asyncio.sleep(0)
    await release.release_cohort(mod_of(w), done.cohort_id)
    await syncing
    assert await ours(w) == ([], 0)
    since = len(w.env.http_requests)
    w.worker.ask_sweep()
    w.worker.bump(done.group_ids)
    await w.settle()
    assert made.calls(since) == []
    assert await ours(w) == ([], 0)


@on_discord
async def test_releasing_touches_no_other_cohort(w: World) -> None:
    made, home = await pairs(w)
    other = await cohorts.create(mod_of(w), CohortDraft("Own", SOON), open_now=True)
    await membership.add(mod_of(w), other.group_ids[0], w.members[5].id, "member6")
    await sync.sync_group(other.group_ids[0])
    before = await ours(w)
    done = await adopt_it(w, categories=(home,))
    await release.release_group(mod_of(w), done.group_ids[0])
    await release.release_cohort(mod_of(w), done.cohort_id)
    assert await ours(w) == before
    assert len(before[0]) == 3
    await nothing_to_do(w)
    with pytest.raises(Refusal) as refused:
        await release.release_cohort(mod_of(w), other.id)
    assert refused.value.code == "not_adopted"
    del made


@on_discord
async def test_of_this_guild_only(w: World) -> None:
    _, home = await pairs(w)
    done = await adopt_it(w, categories=(home,))
    elsewhere = w.env.create_guild(name="Elsewhere")
    stranger = Actor(elsewhere.id, w.mod.id, "mod", moderator=True)
    await w.env.settle()
    for of_cohort in (release.preview_cohort, release.release_cohort):
        with pytest.raises(Refusal) as refused:
            await of_cohort(stranger, done.cohort_id)
        assert refused.value.code == "cohort_not_found"
    for of_group in (release.preview_group, release.release_group):
        with pytest.raises(Refusal) as refused:
            await of_group(stranger, done.group_ids[0])
        assert refused.value.code == "group_not_found"
    with pytest.raises(Refusal) as refused:
        await adopt.propose(stranger, Wishes(categories=(home,)))
    assert refused.value.code == "nothing_to_adopt"
