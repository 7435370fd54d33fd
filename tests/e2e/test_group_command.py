"""/group as moderators use it, on the simulated Discord."""

from __future__ import annotations

from bot.ui.groups import leave_preview
from core.db.models import Role
from core.operations import cohorts, group_views, groups, history, membership
from tests.e2e._acting import (
    defaults,
    filled,
    labels,
    last,
    made,
    mod_of,
    on_discord,
    sees,
    writes,
)
from tests.world import World, text_of

# --- /group --------------------------------------------------------------------------------------


@on_discord
async def test_group_create(w: World) -> None:
    cohort = await made(w, seats=5)
    form = await w.mod.slash(w.room, "group create", cohort="Stats")
    assert defaults(form) == {"name": "Group 4", "seats": "5"}
    refused = await w.mod.submit_modal(form, {"name": "group 1", "seats": "4"})
    assert "This cohort has a group “group 1” already" in text_of(refused)
    for wrong, sentence in (
        ({"name": "x", "seats": "many"}, "Seats: “many” is no whole number"),
        ({"name": "x", "seats": "501"}, "Seats must be a number from 1 to 500"),
        ({"name": " ", "seats": "4"}, "The group's name is empty"),
        ({"name": "y" * 101, "seats": "4"}, "101 characters; 80 are possible"),
    ):
        again = await w.mod.click(last(refused), label="Edit again")
        await w.mod.submit_modal(again, wrong)
        assert sentence in last(refused).content
    again = await w.mod.click(last(refused), label="Edit again")
    await w.mod.submit_modal(again, {"name": "Evening", "seats": "4"})
    assert "✅ **Evening** · Stats is there with 4 seats" in last(refused).content
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert shown.groups[-1][1:] == ("Evening", "preview", 0, 4)
    await cohorts.close(mod_of(w), cohort.id)
    refused = await w.mod.slash(w.room, "group create", cohort="Stats")
    assert "takes no new groups" in text_of(refused)


@on_discord
async def test_group_edit(w: World) -> None:
    cohort = await made(w)
    await filled(w, cohort)
    form = await w.mod.slash(w.room, "group edit", group="Group 1")
    assert defaults(form) == {"name": "Group 1", "seats": "8"}
    done = await w.mod.submit_modal(form, {"name": "Early birds", "seats": "1"})
    assert "Early birds · Stats: changed" in text_of(done)
    assert "1 seat, 2 taken. Nobody is taken out." in text_of(done)
    assert "3 existed · 0 created" in text_of(done)
    assert "early-birds" in w.guild.channels
    assert "Early birds Voice" in w.guild.channels
    for name in ("Larks", "Early birds"):
        form = await w.mod.slash(w.room, "group edit", group=f"group:{cohort.group_ids[0]}")
        done = await w.mod.submit_modal(form, {"name": name, "seats": "1"})
    assert "3 existed · 0 created" in text_of(done)
    assert "🕓 2 × a rename waits: Discord allows two in ten minutes" in text_of(done)
    await groups.archive(mod_of(w), cohort.group_ids[0])
    refused = await w.mod.slash(w.room, "group edit", group="Early birds")
    assert "it cannot be changed" in text_of(refused)


@on_discord
async def test_group_show(w: World) -> None:
    cohort = await made(w)
    people = await filled(w, cohort)
    await membership.add(
        mod_of(w), cohort.group_ids[0], w.members[3].id, "member4",
        role=Role.facilitator,
    )  # fmt: skip
    card = await w.mod.slash(w.room, "group show", group="Group 1")
    text = text_of(card)
    assert "**Group 1** · Stats · ⚪ not running yet" in text
    assert "2 of 8 seats taken" in text
    assert f"<#{w.guild.channels['group-1'].id}>" in text
    assert f"<#{w.guild.channels['Group 1 Voice'].id}>" in text
    assert f"✅ <@{people[0].id}>" in text
    assert f"⏳ <@{w.members[3].id}> (member4) · no access yet" in text
    assert text.index("Facilitators") < text.index(str(w.members[3].id)) < text.index("Members")
    assert last(card).message.mentions == [] or last(card).ephemeral
    assert labels(last(card)) == ["Edit", "Meeting time", "Reminders", "Archive", "Home"]
    form = await w.mod.click(last(card), label="Edit")
    assert defaults(form)["name"] == "Group 1"
    await w.mod.click(last(card), label="Archive")
    assert "Read-only for 3 people" in last(card).content


@on_discord
async def test_group_open(w: World) -> None:
    cohort = await made(w, open_now=False)
    refused = await w.mod.slash(w.room, "group open", group="Group 1")
    assert "Nobody is in “Group 1” yet" in text_of(refused)
    people = await filled(w, cohort)
    card = await w.mod.slash(w.room, "group show", group="Group 1")
    assert labels(last(card)) == [
        "Edit", "Meeting time", "Reminders", "Create channels", "Archive", "Home",
    ]  # fmt: skip
    await w.mod.click(last(card), label="Create channels")
    assert "Group 1 · Stats: channels created" in last(card).content
    assert "0 existed · 3 created · 2 granted · 0 revoked · 0 failed" in last(card).content
    assert sees(w, people[0], "group-1")
    done = await w.mod.slash(w.room, "group open", group="Group 1")
    assert "3 existed · 0 created · 0 granted" in text_of(done)
    w.env.backend.delete_channel(w.guild.channels["group-1"].id)
    await w.settle()
    done = text_of(await w.mod.slash(w.room, "group open", group="Group 1"))
    assert "Group 1 · Stats: open" in done
    assert "1 of its channels was deleted on Discord. Repair in `/sync status` brings it" in done


@on_discord
async def test_group_archive(w: World) -> None:
    cohort = await made(w)
    people = await filled(w, cohort)
    preview = await w.mod.slash(w.room, "group archive", group="Group 1")
    text = text_of(preview)
    assert "Read-only for 2 people" in text
    assert f"<@{people[0].id}>" in text
    assert "Nothing is deleted." in text
    await w.mod.click(last(preview), label="Do it")
    assert "Group 1 · Stats: archived" in last(preview).content
    assert "0 granted · 2 revoked" in last(preview).content
    assert sees(w, people[0], "group-1")
    assert not writes(w, people[0], "group-1")
    refused = await w.mod.slash(w.room, "group archive", group="Group 1")
    assert "is completed already" in text_of(refused)
    card = await w.mod.slash(w.room, "group show", group="Group 1")
    assert f"<@{people[0].id}>" in text_of(card)
    assert labels(last(card)) == ["Home"]


@on_discord
async def test_who_facilitates_has_no_seat_to_lose(w: World) -> None:
    cohort = await made(w)
    group, person = cohort.group_ids[0], w.members[0]
    await membership.add(mod_of(w), group, person.id, "\u3164")
    seated, _ = leave_preview(await group_views.show(w.guild.id, group, person.id))
    assert "your seat" in seated
    await membership.add(mod_of(w), group, person.id, "\u3164", role=Role.facilitator)
    text, _ = leave_preview(await group_views.show(w.guild.id, group, person.id))
    assert "seat" not in text
    said = text_of(await w.mod.slash(w.room, "history"))
    assert "mod made member1 a facilitator in Group 1" in said
    w.env.backend.edit_member(w.guild.id, person.id, {"nick": "\u3164"})
    await w.settle()
    assert "mod made member1 a facilitator" in text_of(await w.mod.slash(w.room, "history"))


@on_discord
async def test_group_merge(w: World) -> None:
    cohort = await made(w, seats=2)
    other = await made(w, "Maths")
    people = await filled(w, cohort)
    late = w.members[2]
    await membership.add(mod_of(w), cohort.group_ids[1], late.id, late.name)
    w.worker.bump([cohort.group_ids[1]])
    await w.settle()
    preview = await w.mod.slash(
        w.room, "group merge", group="Group 1 · Stats", into="Group 2 · Stats"
    )
    text = text_of(preview)
    assert f"2 people move: <@{people[0].id}>, <@{people[1].id}>" in text
    assert f"lose <#{w.guild.channels['group-1'].id}>" in text
    assert f"gain <#{w.guild.channels['group-2'].id}>" in text
    assert "Seats afterwards: 3 of 2 taken." in text
    assert "1 more than there are seats" in text
    await w.mod.click(last(preview), label="Do it")
    assert "2 people moved" in last(preview).content
    assert "2 granted · 2 revoked · 0 failed" in last(preview).content
    for found in (
        await history.page(w.guild.id, group_id=cohort.group_ids[1]),
        await history.page(w.guild.id, user_id=people[0].id),
    ):
        assert "group_merged" in {entry.action for entry in found}
    for person in (*people, late):
        assert sees(w, person, "group-2")
        assert not sees(w, person, "group-1")
    for group, into, sentence in (
        ("Group 2 · Stats", "Group 2 · Stats", "Choose two different groups"),
        (f"group:{cohort.group_ids[1]}", f"group:{other.group_ids[0]}", "of the same cohort"),
        ("Group 1 · Stats", "Group 2 · Stats", "it cannot be changed"),
    ):
        refused = await w.mod.slash(w.room, "group merge", group=group, into=into)
        assert sentence in text_of(refused)
        assert labels(last(refused)) == []
