"""Adopting hand-made servers on the simulated Discord: not one call, and nothing left to do."""

from __future__ import annotations

import pytest

from core import sync
from core.errors import Refusal
from core.operations import (
    adopt,
    cohorts,
    groups,
    history,
    membership,
    release,
    settings,
)
from core.plan import Bits
from core.reconcile.hand_made import Wishes
from core.reconcile.permissions import MANAGE_MESSAGES, MANAGE_ROLES, VIEW_CHANNEL
from core.systems import discord as discord_system
from tests.e2e._acting import mod_of, on_discord
from tests.e2e._adopting import roles_at, sees
from tests.e2e._hand_made import (
    TEXT,
    VOICE,
    HandMade,
    adopt_it,
    nothing_to_do,
    offer,
    ours,
    pairs,
)
from tests.world import World


@on_discord
async def test_six_groups_and_not_one_call(w: World) -> None:
    made, home = await pairs(w, 6)
    before, since = made.snapshot(), len(w.env.http_requests)
    done = await adopt_it(w, categories=(home,))
    assert (done.name, len(done.group_ids), done.people) == ("Stats autumn", 6, 6)
    await w.settle()
    await nothing_to_do(w)
    for group_id in done.group_ids:
        counts = await discord_system.sync(group_id, repair=True)
        assert (counts["granted"], counts["revoked"], counts["failed"]) == (0, 0, 0)
    assert made.calls(since) == []
    assert made.snapshot() == before
    shown = await cohorts.show(w.guild.id, done.cohort_id)
    assert (shown.status, shown.access_mode, shown.rooms) == ("open", "overwrites", "both")
    assert [g[2] for g in shown.groups] == ["active"] * 6
    entry = (await history.page(w.guild.id))[0]
    assert (entry.action, entry.after["groups"], entry.after["people"]) == ("cohort_adopted", 6, 6)
    assert {int(i) for i in entry.after["objects"]} == {*made.ids.values()}


@on_discord
async def test_odd_entries_stay_as_they_are(w: World) -> None:
    made = HandMade(w)
    home = made.category("odd")
    ada, ben, cleo, dan, eve, fay = w.members
    odd = {
        ada: Bits(VIEW_CHANNEL | MANAGE_MESSAGES | MANAGE_ROLES | 1 << 50, 1 << 15),
        ben: Bits(VIEW_CHANNEL, 1 << 11),
        cleo: Bits(0, VIEW_CHANNEL),
        dan: Bits(1 << 15, 0),
        987654: TEXT,  # left the server long ago
    }
    made.channel("one", "text", odd, home)
    made.channel("two", "text", {eve: TEXT, fay: TEXT}, home)
    await settings.change(mod_of(w), moderator_role_id=w.guild.roles["Moderators"].id)
    await settings.change(mod_of(w), facilitators_moderate=True)
    await w.settle()
    before, since = made.snapshot(), len(w.env.http_requests)
    done = await adopt_it(w, categories=(home,))
    assert done.people == 4
    await nothing_to_do(w)
    await settings.change(mod_of(w), facilitators_moderate=False)
    await settings.change(mod_of(w), moderator_role_id=None)
    await w.settle()
    await nothing_to_do(w)
    assert made.calls(since) == []
    assert made.snapshot() == before
    await membership.remove(mod_of(w), done.group_ids[0], ada.id)
    await sync.sync_after_group_change(done.group_ids[0])
    after = made.entries("one")
    assert ada.id not in after
    assert {t: after[t] for t in (ben.id, cleo.id, dan.id, 987654)} == {
        t if isinstance(t, int) else t.id: b for t, b in odd.items() if t is not ada
    }


@on_discord
async def test_a_role_for_each_group(w: World) -> None:
    made = HandMade(w)
    home = made.category("teams")
    first, second = roles_at(w, w.members[:2], w.members[2:4])
    for name, role in (("team-1", first), ("team-2", second)):
        made.channel(name, "text", {role: TEXT}, home)
        made.channel(f"{name} voice", "voice", {role: Bits(VIEW_CHANNEL, 0)}, home)
    made.channel("general", "text", {first: TEXT, second: TEXT}, home)
    await w.settle()
    before, since = made.snapshot(), len(w.env.http_requests)
    seen = await offer(w, categories=(home,))
    assert seen.proposal.by_role
    assert seen.proposal.left_out == (made.ids["general"],)
    done = await adopt_it(w, categories=(home,))
    assert (await cohorts.show(w.guild.id, done.cohort_id)).access_mode == "role"
    await nothing_to_do(w)
    assert made.calls(since) == []
    assert made.snapshot() == before
    newcomer, ada = w.members[5], w.members[0]
    await membership.add(mod_of(w), done.group_ids[0], newcomer.id, newcomer.name)
    await membership.remove(mod_of(w), done.group_ids[0], ada.id)
    since = len(w.env.http_requests)
    await sync.sync_after_group_change(done.group_ids[0])
    where = f"/guilds/{w.guild.id}/members/%s/roles/{first.id}"
    assert sorted(made.calls(since)) == [
        ("DELETE", where % ada.id), ("PUT", where % newcomer.id)
    ]  # fmt: skip
    assert sees(w, newcomer, made.ids["team-1"])
    assert not sees(w, ada, made.ids["team-1"])
    await nothing_to_do(w)


@on_discord
async def test_one_by_one_where_the_first_came_by_role(w: World) -> None:
    """A mixed cohort: those who were there see by their role, later ones by an own entry."""
    made = HandMade(w)
    home = made.category("teams")
    (first,) = roles_at(w, w.members[:2])
    made.channel("team-1", "text", {first: TEXT}, home)
    made.channel("team-2", "text", {w.members[2]: TEXT}, home)
    await w.settle()
    since = len(w.env.http_requests)
    done = await adopt_it(w, categories=(home,))
    assert done.people == 3
    assert (await cohorts.show(w.guild.id, done.cohort_id)).access_mode == "overwrites"
    await nothing_to_do(w)
    assert made.calls(since) == []
    newcomer = w.members[4]
    await membership.add(mod_of(w), done.group_ids[0], newcomer.id, newcomer.name)
    await sync.sync_after_group_change(done.group_ids[0])
    assert made.entries("team-1")[newcomer.id] == TEXT
    # Their role went with them when they left the server, so they are let in themselves.
    w.guild.remove_member(w.members[0])
    await w.settle()
    back = w.guild.add_member(w.members[0].user)
    await w.settle()
    assert sees(w, back, made.ids["team-1"])
    await nothing_to_do(w)


@on_discord
async def test_single_channels_threads_and_forums(w: World) -> None:
    made = HandMade(w)
    only = made.channel("book-club", "text", {w.members[0]: TEXT})
    forum = made.channel("questions", "forum", {w.members[0]: TEXT})
    call = made.channel("call", "stage", {w.members[1]: VOICE})
    thread = w.env.backend.create_thread(only, "side talk", owner_id=w.members[0].id)
    await w.settle()
    before = made.snapshot()
    done = await adopt_it(w, channels=(only, forum, call))
    assert len(done.group_ids) == 2
    objects, _ = await ours(w)
    assert objects == sorted([only, call])
    assert w.env.backend.get_channel(thread.id).name == "side talk"
    await nothing_to_do(w)
    assert made.snapshot() == before


@on_discord
async def test_odd_names(w: World) -> None:
    made = HandMade(w)
    home = made.category("x" * 100)
    odd = ["🦊" * 50, "y" * 100, "y" * 100, "\u202elive\u202c", "@everyone <@1> `x`", "\u200b"]
    for n, name in enumerate(odd):
        made.channel(name, "text", {w.members[n]: TEXT}, home, key=f"{n}")
    await w.settle()
    before, since = made.snapshot(), len(w.env.http_requests)
    done = await adopt_it(w, categories=(home,))
    shown = await cohorts.show(w.guild.id, done.cohort_id)
    names = [g[1] for g in shown.groups]
    assert shown.name == "X" + "x" * 89
    assert names[:3] == ["🦊" * 50, "Y" + "y" * 79, "Y" + "y" * 75 + " (2)"]
    assert names[3:] == ["Live", "@everyone <@1> `x`", "Group 6"]
    # Neither a rename of ours nor one by hand is anybody's business but its people's.
    await cohorts.edit(mod_of(w), done.cohort_id, name="Another")
    await groups.edit(mod_of(w), done.group_ids[0], name="Foxes")
    w.env.backend.edit_channel(made.ids["1"], {"name": "zebras"})
    before[0][made.ids["1"]] = ("zebras", *before[0][made.ids["1"]][1:])
    await w.settle()
    await nothing_to_do(w)
    assert made.calls(since) == []
    assert made.snapshot() == before


@on_discord
async def test_twenty_five_groups(w: World) -> None:
    made = HandMade(w)
    home = made.category("season")
    people = [w.guild.add_member(w.env.create_user(f"p{n}")) for n in range(75)]
    for n in range(25):
        made.pair(f"group-{n + 1}", people[n * 3 : n * 3 + 3], home)
    await w.settle()
    before, since = made.snapshot(), len(w.env.http_requests)
    done = await adopt_it(w, categories=(home,))
    assert (len(done.group_ids), done.people) == (25, 75)
    await nothing_to_do(w)
    released = await release.release_cohort(mod_of(w), done.cohort_id)
    assert len(released.objects) == 51
    assert made.calls(since) == []
    assert made.snapshot() == before


@on_discord
async def test_what_changed_meanwhile_is_shown_again(w: World) -> None:
    made, home = await pairs(w)
    seen = await offer(w, categories=(home,))
    w.env.backend.delete_channel(made.ids["group-1 voice"])
    await w.env.settle()
    with pytest.raises(Refusal) as refused:
        await adopt.adopt(mod_of(w), Wishes(categories=(home,)), seen.mark)
    assert refused.value.code == "changed"
    assert await ours(w) == ([], 0)


@on_discord
async def test_what_the_asker_cannot_see_is_not_there(w: World) -> None:
    """Adding oneself to an adopted staff room must not be a way into it."""
    made = HandMade(w)
    home = made.category("staff")
    entries = {w.guild.id: Bits(0, VIEW_CHANNEL), w.members[0]: TEXT}
    secret = made.channel("secret", "text", entries, home, hidden=False)
    await w.settle()
    for wishes in ({"categories": (home,)}, {"channels": (secret,)}):
        with pytest.raises(Refusal) as refused:
            await offer(w, **wishes)
        assert refused.value.code == "nothing_to_adopt"


@on_discord
async def test_a_role_above_the_asker_is_never_handed_out(w: World) -> None:
    made = HandMade(w)
    home = made.category("team")
    high = w.guild.create_role("Chiefs", position=99)
    w.env.backend.add_member_role(w.guild.id, w.members[0].id, high.id)
    room = made.channel("chiefs", "text", {high: TEXT}, home)
    await w.settle()
    seen = await offer(w, categories=(home,), role_of={room: high.id})
    assert not seen.proposal.by_role
    assert [g.people for g in seen.proposal.groups] == [(w.members[0].id,)]
    assert seen.proposal.dependent == {w.members[0].id}
