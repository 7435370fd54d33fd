"""/member as moderators use it, on the simulated Discord."""

from __future__ import annotations

from datetime import date

import pytest

from core.db.models import Role
from core.operations import cohorts, group_views, history, membership, people
from tests.e2e._acting import (
    allow,
    dismiss,
    labels,
    last,
    made,
    mod_of,
    moderator_elsewhere,
    on_discord,
    sees,
)
from tests.world import World, text_of

# --- add -----------------------------------------------------------------------------------------


@on_discord
async def test_add(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    done = await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    text = text_of(done)
    assert done.ephemeral
    assert f"✅ <@{person.id}> is a member of **Group 1** · Stats." in text
    assert f"<#{w.guild.channels['group-1'].id}>" in text
    assert "⚠️" not in text
    assert sees(w, person, "group-1")
    helper = w.members[1]
    done = await w.mod.slash(
        w.room, "member add", member=helper, group="Group 1 · Stats", role="facilitator"
    )
    assert "is a facilitator of" in text_of(done)
    shown = await group_views.show(w.guild.id, cohort.group_ids[0])
    assert shown.members == 1  # facilitators take no seat
    again = await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    assert "Already in “Group 1”. Nothing changed." in text_of(again)
    other = await w.mod.slash(w.room, "member add", member=person, group="Group 2")
    assert "Use /member move" in text_of(other)
    done = await w.mod.slash(
        w.room, "member add", member=person, group="Group 1", role="facilitator"
    )
    assert "is a facilitator of" in text_of(done)


@on_discord
async def test_add_past_seats_and_timing_is_told(w: World) -> None:
    cohort = await made(w, seats=1, start=date(2025, 12, 1))
    first, second = w.members[:2]
    done = await w.mod.slash(w.room, "member add", member=first, group="Group 1")
    assert "It has started: Mon 1 December 2025." in text_of(done)
    assert "full" not in text_of(done)
    done = await w.mod.slash(w.room, "member add", member=second, group="Group 1")
    assert "It was full: seat 2 of 1." in text_of(done)
    assert "It has started" in text_of(done)
    assert sees(w, second, "group-1")
    assert (await group_views.show(w.guild.id, cohort.group_ids[0])).members == 2


@on_discord
async def test_add_to_a_draft(w: World) -> None:
    await made(w, open_now=False)
    done = await w.mod.slash(w.room, "member add", member=w.members[0], group="Group 1")
    assert "The cohort is a draft, so there are no channels yet" in text_of(done)
    assert "group-1" not in w.guild.channels


@on_discord
async def test_bots_and_strangers_cannot_be_added(w: World) -> None:
    cohort = await made(w)
    robot = w.guild.add_member(w.env.create_user("robot", bot=True))
    stranger = w.env.create_user("stranger")
    await w.settle()
    for command in ("add", "move"):
        refused = await w.mod.slash(w.room, f"member {command}", member=robot, group="Group 1")
        assert "robot is a bot; bots cannot be in groups." in text_of(refused)
        refused = await w.mod.slash(w.room, f"member {command}", member=stranger, group="Group 1")
        assert "stranger is not on this server. Invite them first" in text_of(refused)
    assert (await cohorts.show(w.guild.id, cohort.id)).people == 0


@on_discord
async def test_add_says_what_did_not_work(w: World) -> None:
    cohort = await made(w)
    w.env.inject_error(
        "POST", f"/guilds/{w.guild.id}/channels", status=403, code=50013, message="no", times=9
    )
    done = await w.mod.slash(w.room, "member add", member=w.members[0], group="Group 1")
    text = text_of(done)
    assert "is a member of" in text
    assert "1 × " in text
    assert "the access is not complete yet" in text
    assert (await cohorts.show(w.guild.id, cohort.id)).people == 1


# --- move ----------------------------------------------------------------------------------------


@on_discord
async def test_move(w: World) -> None:
    await made(w, seats=1)
    person, other = w.members[:2]
    await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    await w.mod.slash(w.room, "member add", member=other, group="Group 2")
    preview = await w.mod.slash(w.room, "member move", member=person, group="Group 2")
    text = text_of(preview)
    rooms = {name: f"<#{channel.id}>" for name, channel in w.guild.channels.items()}
    assert f"Move <@{person.id}> from **Group 1** · Stats to **Group 2** · Stats?" in text
    assert f"Loses {rooms['group-1']} {rooms['Group 1 Voice']}" in text
    assert f"gains {rooms['group-2']} {rooms['Group 2 Voice']}" in text
    assert "full: 1 of 1 seats" in text
    assert labels(last(preview)) == ["Do it", "Cancel"]
    await w.mod.click(last(preview), label="Cancel")
    assert last(preview).content == "Cancelled. Nothing changed."
    assert sees(w, person, "group-1")
    preview = await w.mod.slash(w.room, "member move", member=person, group="Group 2")
    await w.mod.click(last(preview), label="Do it")
    text = last(preview).content
    assert "is a member of **Group 2** · Stats, from **Group 1**." in text
    assert "It was full: seat 2 of 1." in text
    assert sees(w, person, "group-2")
    assert not sees(w, person, "group-1")


@on_discord
async def test_move_refuses(w: World) -> None:
    await made(w)
    person = w.members[0]
    refused = await w.mod.slash(w.room, "member move", member=person, group="Group 1")
    assert "They are in no group of this cohort. Use /member add." in text_of(refused)
    await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    refused = await w.mod.slash(w.room, "member move", member=person, group="Group 1")
    assert "Already in “Group 1”" in text_of(refused)
    refused = await w.mod.slash(w.room, "member move", member=person, group="Group 9")
    assert "No group here is called that" in text_of(refused)


@on_discord
async def test_a_facilitator_stays_one(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    await membership.add(
        mod_of(w), cohort.group_ids[0], person.id, person.name, role=Role.facilitator
    )
    preview = await w.mod.slash(w.room, "member move", member=person, group="Group 2")
    await w.mod.click(last(preview), label="Do it")
    assert "is a facilitator of **Group 2**" in last(preview).content


# --- remove --------------------------------------------------------------------------------------


@on_discord
async def test_remove(w: World) -> None:
    await made(w)
    person = w.members[0]
    await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    preview = await w.mod.slash(
        w.room, "member remove", member=person, group="Group 1", reason="moved **away** @everyone"
    )
    text = text_of(preview)
    assert f"Take <@{person.id}> out of **Group 1** · Stats?" in text
    assert f"Loses <#{w.guild.channels['group-1'].id}>" in text
    assert "Reason: moved \\*\\*away" in text
    assert "@everyone" not in text
    await w.mod.click(last(preview), label="Cancel")
    assert sees(w, person, "group-1")
    # Whoever is in one group only needs no group to be named.
    preview = await w.mod.slash(w.room, "member remove", member=person, reason="moved away")
    await w.mod.click(last(preview), label="Do it")
    assert "is no longer in **Group 1** · Stats." in last(preview).content
    assert not sees(w, person, "group-1")
    entry = (await history.page(w.guild.id))[0]
    assert (entry.action, entry.user_id) == ("member_removed", person.id)
    assert entry.after == {"reason": "moved away"}


@on_discord
async def test_remove_refuses(w: World) -> None:
    await made(w)
    await made(w, "Maths")
    person = w.members[0]
    refused = await w.mod.slash(w.room, "member remove", member=person)
    assert "member1 is in no group. Nothing changed." in text_of(refused)
    refused = await w.mod.slash(w.room, "member remove", member=person, group="Group 1 · Stats")
    assert "member1 is not in “Group 1”" in text_of(refused)
    for label in ("Group 1 · Stats", "Group 1 · Maths"):
        await w.mod.slash(w.room, "member add", member=person, group=label)
    refused = await w.mod.slash(w.room, "member remove", member=person)
    assert "is in more than one: “Group 1 · Stats”, “Group 1 · Maths”" in text_of(refused)
    refused = await w.mod.slash(
        w.room, "member remove", member=person, group="Group 1 · Stats", reason="r" * 201
    )
    assert "The reason has 201 characters; 200 are possible." in text_of(refused)
    first = await w.mod.slash(w.room, "member remove", member=person, group="Group 1 · Stats")
    second = await w.mod.slash(w.room, "member remove", member=person, group="Group 1 · Stats")
    await w.mod.click(last(first), label="Do it")
    await w.mod.click(last(second), label="Do it")
    assert "member1 is not in “Group 1”. Nothing changed." in last(second).content


@on_discord
async def test_remove_somebody_who_left_the_server(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    user = person.user
    w.guild.remove_member(person)
    await w.settle()
    preview = await w.mod.slash(w.room, "member remove", member=user)
    await w.mod.click(last(preview), label="Do it")
    assert "is no longer in" in last(preview).content
    assert (await cohorts.show(w.guild.id, cohort.id)).people == 0
    found = await w.mod.slash(w.room, "member find", member=user)
    assert "was taken out" in text_of(found)
    assert "Not on this server now." in text_of(found)


# --- find ----------------------------------------------------------------------------------------


@on_discord
async def test_find(w: World) -> None:
    await made(w)
    await made(w, "Maths")
    person = w.members[0]
    await w.mod.slash(w.room, "member add", member=person, group="Group 1 · Stats")
    preview = await w.mod.slash(w.room, "member remove", member=person)
    await w.mod.click(last(preview), label="Do it")
    await w.mod.slash(
        w.room, "member add", member=person, group="Group 2 · Maths", role="facilitator"
    )
    await people.nickname_changed(w.guild.id, person.id, person.name, "Captain **Ann**")
    for option in ({"name": "MEMBER1"}, {"name": "captain"}, {"member": person}):
        text = text_of(await w.mod.slash(w.room, "member find", **option))
        assert f"**member1** (<@{person.id}>) · stored nickname Captain \\*\\*Ann" in text
        assert "▫️ Group 2 · Maths · facilitator, in it now" in text
        assert "▫️ Group 1 · Stats · was taken out" in text
        assert "member2" not in text
    text = text_of(await w.mod.slash(w.room, "member find", name="member"))
    assert all(f"<@{m.id}>" in text for m in w.members)
    assert "never in a group" in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "Type a part of a name, or choose a person."),
        ({"name": "zorro"}, "Nobody here is called “zorro”. Try fewer letters"),
        ({"name": "%"}, "Nobody here is called “%”"),
        ({"name": "  "}, "The name is empty"),
        ({"name": "n" * 101}, "has 101 characters"),
        ({"name": "@everyone"}, "Nobody here is called “@\u200beveryone”"),
    ],
)
@on_discord
async def test_find_refuses(w: World, options: dict[str, str], sentence: str) -> None:
    assert sentence in text_of(await w.mod.slash(w.room, "member find", **options))


# --- rights --------------------------------------------------------------------------------------


@on_discord
async def test_members_cannot(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    assert not [c for c in person.available_commands(w.room) if c.startswith("member")]
    allow(w, "member", person)
    for command, options in (
        ("find", {"name": "m"}), ("add", {"member": person, "group": "Group 1"}),
        ("move", {"member": person, "group": "Group 1"}), ("remove", {"member": w.members[1]}),
    ):  # fmt: skip
        refused = await person.slash(w.room, f"member {command}", **options)
        assert text_of(refused) == "Only moderators can do that. Nothing was changed."
        if command in {"add", "move", "remove"}:
            assert await person.autocomplete(w.room, f"member {command}", "group", "") == []
    assert (await cohorts.show(w.guild.id, cohort.id)).people == 0


@on_discord
async def test_rights_lost_before_the_press(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    previews = [
        await w.mod.slash(w.room, "member remove", member=person),
        await w.mod.slash(w.room, "member move", member=person, group="Group 2"),
    ]
    await dismiss(w, w.mod)
    for preview in previews:
        refused = await w.mod.click(last(preview), label="Do it")
        assert "Only moderators can do that" in text_of(refused)
    assert (await group_views.show(w.guild.id, cohort.group_ids[0])).members == 1


@on_discord
async def test_nothing_of_another_guild(w: World) -> None:
    cohort = await made(w, "Secret")
    person = w.members[0]
    await w.mod.slash(w.room, "member add", member=person, group="Group 1")
    room, thief = await moderator_elsewhere(w)
    for typed in ("group:1", "Group 1", "Group 1 · Secret", "1"):
        for command in ("add", "move", "remove"):
            # Somebody of both guilds, and the other guild's person by id.
            for whom in (thief, person.user):
                refused = await thief.slash(room, f"member {command}", member=whom, group=typed)
                assert "No group here is called that. There are: none yet." in text_of(refused)
    for command in ("add", "move", "remove"):
        for typed in ("", "Secret", "group:1"):
            assert await thief.autocomplete(room, f"member {command}", "group", typed) == []
    refused = await thief.slash(room, "member remove", member=person.user)
    assert "is in no group" in text_of(refused)
    refused = await thief.slash(room, "member find", name="member1")
    assert "Nobody here is called" in text_of(refused)
    found = await thief.slash(room, "member find", member=person.user)
    assert "never in a group" in text_of(found)
    assert "Secret" not in text_of(found)
    assert (await cohorts.show(w.guild.id, cohort.id)).people == 1
