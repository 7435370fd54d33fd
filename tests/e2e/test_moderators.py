"""/cohort and /group as moderators use them, on the simulated Discord."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import discord
import pytest

from bot.ui import results
from core.clock import utcnow
from core.db.models import Role
from core.errors import Refusal
from core.operations import cohorts, groups, lookup, membership, roster, settings
from core.operations.cohorts import CohortDraft, CohortSummary
from core.operations.common import Actor
from tests.e2e._acting import (
    allow,
    defaults,
    dismiss,
    labels,
    last,
    mod_of,
    on_discord,
    sees,
    writes,
)
from tests.world import World, text_of

FORM = {"name": "Stats", "start": "2026-03-02", "meetings": "8", "groups": "3", "seats": "8"}
SOON = date(2026, 3, 2)  # SimCord's clock stands at 2026-01-01


async def made(w: World, name: str = "Stats", *, open_now: bool = True, **more: Any) -> Any:
    draft = CohortDraft(name, more.pop("start", SOON), **more)
    return await cohorts.create(mod_of(w), draft, open_now=open_now)


async def filled(w: World, cohort: CohortSummary, *, index: int = 0, people: int = 2) -> list[Any]:
    """The first people of the world put into one group, with its channels made."""
    chosen = w.members[:people]
    for person in chosen:
        await membership.add(mod_of(w), cohort.group_ids[index], person.id, person.name)
    w.worker.bump([cohort.group_ids[index]])
    await w.settle()
    return chosen


# --- /cohort create ------------------------------------------------------------------------------


@on_discord
async def test_create_all(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create")
    assert defaults(form) == {
        "name": None, "start": "2026-01-12", "meetings": "8", "groups": "3", "seats": "8",
    }  # fmt: skip
    preview = await w.mod.submit_modal(form, {**FORM, "name": "Stats autumn"})
    assert preview.ephemeral
    text = text_of(preview)
    assert "**Stats autumn** starts Mon 2 March 2026" in text
    assert "1 category, 6 channels" in text
    assert "as people join" in text
    assert "⚠️" not in text
    assert labels(preview.response) == ["Create all", "Keep as draft", "Edit", "Cancel"]
    done = await w.mod.click(preview.response, label="Create all")
    assert "Stats autumn: open for joining" in preview.response.content
    assert "3 groups" in preview.response.content
    assert "0 failed" in preview.response.content
    assert preview.response.components == []
    assert not done.followups
    shown = await cohorts.show(w.guild.id, 1)
    assert (shown.status, len(shown.groups), shown.access_mode) == ("open", 3, "overwrites")


@on_discord
async def test_keep_as_draft_with_choices(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create", access="role", rooms="text")
    preview = await w.mod.submit_modal(form, FORM)
    assert "3 channels (a text channel for each group), 3 roles" in text_of(preview)
    await w.mod.click(preview.response, label="Keep as draft")
    assert "kept as a draft" in preview.response.content
    shown = await cohorts.show(w.guild.id, 1)
    assert (shown.status, shown.access_mode, shown.rooms) == ("draft", "role", "text")
    assert await groups.joinable(w.guild.id, w.members[0].id) == []


@on_discord
async def test_preview_warns(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create", access="role")
    preview = await w.mod.submit_modal(form, {**FORM, "groups": "100", "start": "1.1.2026"})
    text = text_of(preview)
    assert "200 channels do not fit into one category" in text
    assert "The start date is today" in text
    past = await w.mod.click(preview.response, label="Edit")
    assert defaults(past)["start"] == "1.1.2026"
    preview = await w.mod.submit_modal(past, {**FORM, "start": "31.12.2025"})
    assert "The start date is past" in preview.response.content


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("start", "31.2.2026", "is no date that I know. Type it like 2026-03-02"),
        ("start", "next week", "“next week” is no date"),
        ("start", "1.2", "is no date"),
        ("start", "2.3.20260", "is no date"),
        ("start", "0026-03-02", "Check the year"),
        ("groups", "three", "Number of groups: “three” is no whole number"),
        ("groups", "101", "The number of groups must be a number from 1 to 100"),
        ("meetings", "0", "The number of meetings must be a number from 1 to 200"),
        ("meetings", "8.5", "is no whole number"),
        ("seats", "-1", "The number of seats must be a number from 1 to 500"),
        ("name", "   ", "The cohort's name is empty"),
        ("name", "\u202e\u200b", "The cohort's name is empty"),
        ("name", "n" * 101, "has 101 characters; 90 are possible"),
    ],
)
@on_discord
async def test_wrong_input_can_be_edited_again(
    w: World, field: str, typed: str, sentence: str
) -> None:
    form = await w.mod.slash(w.room, "cohort create")
    refused = await w.mod.submit_modal(form, {**FORM, field: typed})
    assert refused.ephemeral
    assert sentence in text_of(refused)
    again = await w.mod.click(refused.response, label="Edit again")
    assert defaults(again) == {**FORM, field: typed}
    preview = await w.mod.submit_modal(again, FORM)
    assert labels(refused.response) == ["Create all", "Keep as draft", "Edit", "Cancel"]
    assert "**Stats**" in refused.response.content
    assert not preview.followups


@on_discord
async def test_a_taken_name(w: World) -> None:
    await made(w, "stats")
    form = await w.mod.slash(w.room, "cohort create")
    preview = await w.mod.submit_modal(form, FORM)
    await w.mod.click(preview.response, label="Create all")
    assert "There is a cohort called “Stats” already" in preview.response.content
    again = await w.mod.click(preview.response, label="Edit again")
    assert defaults(again) == FORM
    await w.mod.submit_modal(again, {**FORM, "name": "Stats 2"})
    await w.mod.click(preview.response, label="Create all")
    assert "Stats 2: open for joining" in preview.response.content


@on_discord
async def test_cancel_creates_nothing(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create")
    preview = await w.mod.submit_modal(form, FORM)
    await w.mod.click(preview.response, label="Cancel")
    assert preview.response.content == "Cancelled. Nothing was created."
    assert preview.response.components == []
    assert await lookup.cohorts(w.guild.id, ended=True) == []


HOSTILE = "@everyone **b** <@1> \u202egnp.exe"


@on_discord
async def test_hostile_names(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create")
    preview = await w.mod.submit_modal(form, {**FORM, "name": HOSTILE})
    await w.mod.click(preview.response, label="Create all")
    cohort = await cohorts.show(w.guild.id, 1)
    assert "\u202e" not in cohort.name
    await groups.edit(mod_of(w), cohort.group_ids[0], name=HOSTILE)
    await filled(w, cohort)
    answers = [preview.response.content]
    for command, option in (
        ("cohort show", {"cohort": "cohort:1"}), ("cohort close", {"cohort": "cohort:1"}),
        ("cohort open", {"cohort": "cohort:1"}), ("cohort cancel", {"cohort": "cohort:1"}),
        ("group show", {"group": "group:1"}), ("group archive", {"group": "group:1"}),
        ("member find", {"name": "member1"}),
        ("group merge", {"group": "group:1", "into": "group:2"}),
    ):  # fmt: skip
        answers.append(text_of(await w.mod.slash(w.room, command, **option)))
    for text in answers:
        assert "gnp.exe" in text, text
        assert "@everyone" not in text
        assert "<@1>" not in text
        assert "**b**" not in text
        assert "\u202e" not in text


# --- /cohort edit --------------------------------------------------------------------------------


@on_discord
async def test_edit(w: World) -> None:
    cohort = await made(w)
    await groups.edit(mod_of(w), cohort.group_ids[1], seats=3)
    await filled(w, cohort)
    form = await w.mod.slash(w.room, "cohort edit", cohort="Stats")
    assert defaults(form) == {
        "name": "Stats", "start": "2026-03-02", "meetings": "8", "seats": "8",
    }  # fmt: skip
    values = {"name": "Maths", "start": "9.3.2026", "meetings": "9", "seats": "8"}
    done = await w.mod.submit_modal(form, values)
    text = text_of(done)
    assert "Maths: changed" in text
    assert "Renamed from Stats." in text
    assert "Starts Mon 9 March 2026." in text
    assert "9 meetings." in text
    assert "Maths" in w.guild.channels
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert [g[4] for g in shown.groups] == [8, 3, 8]  # its own number stays
    form = await w.mod.slash(w.room, "cohort edit", cohort="Maths")
    done = await w.mod.submit_modal(form, {**values, "seats": "1"})
    assert "Group 1 has 2 people: nobody is taken out." in text_of(done)
    assert (await groups.show(w.guild.id, cohort.group_ids[0])).members == 2


@on_discord
async def test_edit_refuses(w: World) -> None:
    cohort = await made(w)
    await made(w, "Maths")
    values = {"name": "maths", "start": "2026-03-02", "meetings": "8", "seats": "8"}
    form = await w.mod.slash(w.room, "cohort edit", cohort="Stats")
    refused = await w.mod.submit_modal(form, values)
    assert "There is a cohort called “maths” already" in text_of(refused)
    again = await w.mod.click(last(refused), label="Edit again")
    assert defaults(again) == values
    await w.mod.submit_modal(again, {**values, "name": "Stats"})
    await filled(w, cohort)
    form = await w.mod.slash(w.room, "cohort edit", cohort="Stats", rooms="voice", access="role")
    refused = await w.mod.submit_modal(form, {**values, "name": "Stats"})
    assert "Channels exist already" in text_of(refused)
    await cohorts.close(mod_of(w), cohort.id)
    refused = await w.mod.slash(w.room, "cohort edit", cohort="Stats")
    assert refused.modal is None
    assert "can no longer be changed" in text_of(refused)


@on_discord
async def test_edit_rooms_of_a_draft(w: World) -> None:
    cohort = await made(w, open_now=False)
    form = await w.mod.slash(w.room, "cohort edit", cohort="Stats", rooms="voice", access="role")
    done = await w.mod.submit_modal(form, {k: v for k, v in FORM.items() if k != "groups"})
    assert "Groups get voice channels." in text_of(done)
    assert "each group has a role" in text_of(done)
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert (shown.rooms, shown.access_mode) == ("voice", "role")


# --- /cohort show, open, close, cancel -----------------------------------------------------------


@on_discord
async def test_show_with_buttons(w: World) -> None:
    cohort = await made(w, open_now=False)
    card = await w.mod.slash(w.room, "cohort show", cohort="cohort:1")
    text = text_of(card)
    assert card.ephemeral
    assert "**Stats** · 📝 draft" in text
    assert "0 people in 3 groups" in text
    assert "⚪ **Group 2** · 0 of 8 seats taken · no channels yet" in text
    assert labels(last(card)) == ["Edit", "Open", "Close", "Cancel cohort"]
    form = await w.mod.click(last(card), label="Edit")
    assert defaults(form)["name"] == "Stats"
    await w.mod.click(last(card), label="Open")
    assert "Open **Stats**" in last(card).content
    await w.mod.click(last(card), label="Do it")
    assert "Stats: open for joining" in last(card).content
    people = await filled(w, cohort)
    text = text_of(await w.mod.slash(w.room, "cohort show", cohort="stats"))
    link = f"<#{w.guild.channels['group-1'].id}>"
    assert "2 of 8 seats taken" in text
    assert link in text
    assert "needs attention" not in text
    assert sees(w, people[0], "group-1")


@on_discord
async def test_open_a_draft_with_people(w: World) -> None:
    cohort = await made(w, open_now=False)
    people = await filled(w, cohort)
    assert "group-1" not in w.guild.channels
    preview = await w.mod.slash(w.room, "cohort open", cohort="Stats")
    text = text_of(preview)
    assert "1 group with 2 people: creates the category where it is missing, 2 channels" in text
    await w.mod.click(last(preview), label="Cancel")
    assert (await cohorts.show(w.guild.id, cohort.id)).status == "draft"
    preview = await w.mod.slash(w.room, "cohort open", cohort="Stats")
    await w.mod.click(last(preview), label="Do it")
    assert "0 existed · 3 created · 2 granted · 0 revoked · 0 failed" in last(preview).content
    assert sees(w, people[1], "group-1")
    again = await w.mod.slash(w.room, "cohort open", cohort="Stats")
    assert "It is open already" in text_of(again)


@on_discord
async def test_close(w: World) -> None:
    cohort = await made(w)
    people = await filled(w, cohort)
    preview = await w.mod.slash(w.room, "cohort close", cohort="Stats")
    text = text_of(preview)
    assert "2 people in 3 groups can still read" in text
    assert f"<#{w.guild.channels['group-1'].id}>" in text
    assert "Nothing is deleted." in text
    assert labels(last(preview)) == ["Do it", "Cancel"]
    assert writes(w, people[0], "group-1")
    await w.mod.click(last(preview), label="Do it")
    assert "Stats: closed" in last(preview).content
    assert sees(w, people[0], "group-1")
    assert not writes(w, people[0], "group-1")
    for command in ("open", "close", "cancel"):
        refused = await w.mod.slash(w.room, f"cohort {command}", cohort="Stats")
        assert "“Stats” is closed already" in text_of(refused)
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "📦 closed" in text_of(card)
    assert labels(last(card)) == []


@on_discord
async def test_cancel(w: World) -> None:
    cohort = await made(w)
    people = await filled(w, cohort)
    preview = await w.mod.slash(w.room, "cohort cancel", cohort="Stats")
    text = text_of(preview)
    assert "2 people lose access" in text
    assert "2 channels in 3 groups" in text
    await w.mod.click(last(preview), label="Cancel")
    assert last(preview).content == "Cancelled. Nothing changed."
    assert sees(w, people[0], "group-1")
    preview = await w.mod.slash(w.room, "cohort cancel", cohort="Stats")
    await w.mod.click(last(preview), label="Do it")
    assert "2 revoked" in last(preview).content
    assert not sees(w, people[0], "group-1")
    assert "group-1" in w.guild.channels


@on_discord
async def test_a_preview_that_is_out_of_date(w: World) -> None:
    cohort = await made(w)
    preview = await w.mod.slash(w.room, "cohort close", cohort="Stats")
    await cohorts.cancel(mod_of(w), cohort.id)
    await w.mod.click(last(preview), label="Do it")
    assert "This cohort is cancelled already." in last(preview).content
    assert labels(last(preview)) == []


# --- choosing ------------------------------------------------------------------------------------


@on_discord
async def test_labels_typed_and_ambiguity(w: World) -> None:
    await made(w, "Stats autumn")
    await made(w, "Stats spring")
    refused = await w.mod.slash(w.room, "group show", group="Group 1")
    assert "More than one group fits" in text_of(refused)
    assert "Group 1 · Stats autumn" in text_of(refused)
    refused = await w.mod.slash(w.room, "cohort show", cohort="stats")
    assert "More than one cohort fits" in text_of(refused)
    for typed in ("Group 1 · Stats spring", "GROUP 1 · STATS SPRING", "group:4"):
        assert "**Group 1** · Stats spring" in text_of(
            await w.mod.slash(w.room, "group show", group=typed)
        )
    refused = await w.mod.slash(w.room, "cohort show", cohort="Chess")
    assert "No cohort here is called that" in text_of(refused)
    refused = await w.mod.slash(w.room, "group show", group="  ")
    assert "No group here is called that" in text_of(refused)
    offered = await w.mod.autocomplete(w.room, "group show", "group", "group 1")
    assert [c["name"] for c in offered] == ["Group 1 · Stats spring", "Group 1 · Stats autumn"]
    offered = await w.mod.autocomplete(w.room, "cohort show", "cohort", "autumn")
    assert offered == [{"name": "Stats autumn", "value": "cohort:1"}]


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
    assert "early-birds" in w.guild.channels
    assert "Early birds Voice" in w.guild.channels
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
    assert "**Group 1** · Stats · 🟢 has its channels" in text
    assert "2 of 8 seats taken" in text
    assert f"<#{w.guild.channels['group-1'].id}>" in text
    assert f"<#{w.guild.channels['Group 1 Voice'].id}>" in text
    assert f"✅ <@{people[0].id}>" in text
    assert f"⏳ <@{w.members[3].id}> (member4) · no access yet" in text
    assert text.index("Facilitators") < text.index(str(w.members[3].id)) < text.index("Members")
    assert last(card).message.mentions == [] or last(card).ephemeral
    assert labels(last(card)) == ["Edit", "Archive"]
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
    assert labels(last(card)) == ["Edit", "Create channels", "Archive"]
    await w.mod.click(last(card), label="Create channels")
    assert "Group 1 · Stats: channels created" in last(card).content
    assert "0 existed · 3 created · 2 granted · 0 revoked · 0 failed" in last(card).content
    assert sees(w, people[0], "group-1")
    done = await w.mod.slash(w.room, "group open", group="Group 1")
    assert "3 existed · 0 created · 0 granted" in text_of(done)


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
    assert sees(w, people[0], "group-1")
    assert not writes(w, people[0], "group-1")
    refused = await w.mod.slash(w.room, "group archive", group="Group 1")
    assert "is completed already" in text_of(refused)
    card = await w.mod.slash(w.room, "group show", group="Group 1")
    assert f"<@{people[0].id}>" in text_of(card)
    assert labels(last(card)) == []


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


# --- progress and results ------------------------------------------------------------------------


@on_discord
async def test_one_lasting_post_edited_in_place(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = w.guild.create_text_channel("desk")
    await settings.change(mod_of(w), moderator_channel_id=desk.id)
    cohort = await made(w, open_now=False)
    await filled(w, cohort, index=0, people=1)
    await membership.add(mod_of(w), cohort.group_ids[1], w.members[1].id, "member2")
    monkeypatch.setattr(results, "EVERY", 0.0)
    preview = await w.mod.slash(w.room, "cohort open", cohort="Stats")
    before = len(w.env.http_requests)
    await w.mod.click(last(preview), label="Do it")
    posts = [m async for m in w.bot.get_channel(desk.id).history()]  # type: ignore[union-attr]
    assert len(posts) == 1
    assert "✅ **Stats: open for joining** · 3 groups" in posts[0].content
    assert f"<@{w.mod.id}>" in posts[0].content
    assert posts[0].mentions == [] or not posts[0].mention_everyone
    calls = [(r.method, r.path) for r in w.env.http_requests[before:]]
    edits = [p for m, p in calls if m == "PATCH" and f"/channels/{desk.id}/messages/" in p]
    assert len(edits) == 2  # posted after the first group, edited after the second and at the end
    answers = [p for m, p in calls if m == "PATCH" and "@original" in p]
    assert len(answers) == 4  # begun, two on the way, the end


@on_discord
async def test_work_goes_on_when_nobody_can_be_told(w: World) -> None:
    """The moderators' channel is gone, and the asker's answer can no longer be edited."""
    cohort = await made(w, open_now=False)
    people = await filled(w, cohort)
    desk = w.guild.create_text_channel("desk")
    await settings.change(mod_of(w), moderator_channel_id=desk.id)
    preview = await w.mod.slash(w.room, "group open", group="Group 1")
    assert "3 created" in text_of(preview)
    channel = w.bot.get_channel(desk.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.delete()
    preview = await w.mod.slash(w.room, "cohort close", cohort="Stats")
    w.env.inject_error("PATCH", "/webhooks/*", status=401, code=50027, message="no", times=None)
    await w.mod.click(last(preview), label="Do it")
    assert last(preview).content == "⏳ Working…"
    assert (await cohorts.show(w.guild.id, cohort.id)).status == "closed"
    assert sees(w, people[0], "group-1")
    assert not writes(w, people[0], "group-1")


@on_discord
async def test_edits_are_two_seconds_apart(w: World) -> None:
    cohort = await made(w, groups=9)
    now = 0.0

    class Sink:
        user, guild_id, message = w.mod, w.guild.id, None

        class response:  # noqa: N801 - as discord.py calls it
            @staticmethod
            def is_done() -> bool:
                return True

        shown: list[tuple[float, str]] = []  # noqa: RUF012 - one instance

        async def edit_original_response(self, *, content: str, view: Any) -> None:
            assert view is None
            self.shown.append((now, content))

    sink: Any = Sink()
    progress = results.Progress(sink, "Work", len(cohort.group_ids), clock=lambda: now)
    await progress.begin()
    for _ in cohort.group_ids:
        now += 0.7
        await progress.step()
    await progress.finish()
    times = [round(at, 1) for at, _ in sink.shown]
    assert times == [0.0, 2.1, 4.2, 6.3]
    assert "⏳ **Work** · 3 of 9 groups" in sink.shown[1][1]
    assert "✅ **Work**" in sink.shown[-1][1]


@on_discord
async def test_errors_are_grouped(w: World) -> None:
    cohort = await made(w, open_now=False, groups=3)
    for index, person in enumerate(w.members[:3]):
        await membership.add(mod_of(w), cohort.group_ids[index], person.id, person.name)
    desk = w.guild.create_text_channel("desk")
    await settings.change(mod_of(w), moderator_channel_id=desk.id)
    w.env.inject_error(
        "POST", f"/guilds/{w.guild.id}/channels", status=403, code=50013, message="no", times=9
    )
    preview = await w.mod.slash(w.room, "cohort open", cohort="Stats")
    await w.mod.click(last(preview), label="Do it")
    text = last(preview).content
    assert "⚠️ **Stats: open for joining** · 3 groups" in text
    assert "3 failed" in text
    assert "3 × " in text
    assert "`/sync status`" in text
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "3 groups need attention" in text_of(card)


# --- rights --------------------------------------------------------------------------------------

COMMANDS: list[tuple[str, dict[str, str]]] = [
    ("cohort create", {}),
    ("cohort edit", {"cohort": "cohort:1"}),
    ("cohort show", {"cohort": "cohort:1"}),
    ("cohort open", {"cohort": "cohort:1"}),
    ("cohort close", {"cohort": "cohort:1"}),
    ("cohort cancel", {"cohort": "cohort:1"}),
    ("group create", {"cohort": "cohort:1"}),
    ("group edit", {"group": "group:1"}),
    ("group show", {"group": "group:1"}),
    ("group open", {"group": "group:1"}),
    ("group archive", {"group": "group:1"}),
    ("group merge", {"group": "group:1", "into": "group:2"}),
]


@on_discord
async def test_hidden_from_members_and_refused_in_code(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    assert not [c for c in person.available_commands(w.room) if c.startswith(("cohort", "group "))]
    for name in ("cohort", "group"):
        allow(w, name, person)
    for command, options in COMMANDS:
        refused = await person.slash(w.room, command, **options)
        assert refused.modal is None, command
        assert "Only moderators can do that" in text_of(refused), command
    for command, option in (("cohort show", "cohort"), ("group show", "group")):
        assert await person.autocomplete(w.room, command, option, "") == []
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert (shown.status, len(shown.groups)) == ("open", 3)


@on_discord
async def test_rights_lost_between_preview_and_press(w: World) -> None:
    cohort = await made(w)
    preview = await w.mod.slash(w.room, "cohort close", cohort="Stats")
    form = await w.mod.slash(w.room, "group create", cohort="Stats")
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    await dismiss(w, w.mod)
    for message, label in (
        (last(preview), "Do it"), (last(card), "Edit"), (last(card), "Close"),
        (last(card), "Cancel cohort"),
    ):  # fmt: skip
        refused = await w.mod.click(message, label=label)
        assert refused.modal is None
        assert "Only moderators can do that" in text_of(refused)
    refused = await w.mod.submit_modal(form, {"name": "Mine", "seats": "4"})
    assert "Only moderators can do that" in text_of(refused)
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert (shown.status, len(shown.groups)) == ("open", 3)


@on_discord
async def test_nothing_of_another_guild(w: World) -> None:
    """A moderator of guild B tries everything of guild A: by value, by label, by button."""
    cohort = await made(w, "Secret")
    await filled(w, cohort)
    away = w.env.create_guild(name="Elsewhere")
    room = away.create_text_channel("general")
    keys = away.create_role("Mods", permissions=discord.Permissions(manage_guild=True))
    thief = away.add_member(w.env.create_user("thief"), roles=[keys])
    await w.settle()
    requests = len(w.env.http_requests)
    for command, options in COMMANDS[1:]:
        for kind in ("value", "label"):
            tried = dict(options)
            if kind == "label":
                tried = {
                    k: "Secret" if v.startswith("cohort") else f"Group {v[-1]} · Secret"
                    for k, v in options.items()
                }
            refused = await thief.slash(room, command, **tried)
            assert refused.modal is None, command
            assert "here is called that. There are: none yet" in text_of(refused), command
    for command, option in (
        ("cohort show", "cohort"), ("group show", "group"), ("group merge", "into"),
        ("group create", "cohort"),
    ):  # fmt: skip
        for typed in ("", "Secret", "group:1", "cohort:1"):
            assert await thief.autocomplete(room, command, option, typed) == []
    ours = [r for r in w.env.http_requests[requests:] if str(w.guild.id) in r.path]
    assert ours == []
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert (shown.status, len(shown.groups), shown.people) == ("open", 3, 2)


@on_discord
async def test_operations_behind_buttons_are_scoped(w: World) -> None:
    """What buttons and forms run, handed an id of another guild; the guild is the presser's."""
    cohort = await made(w, "Secret")
    stranger = Actor(w.guild.id + 1, w.mod.id, "x", moderator=True)
    for call in (
        cohorts.open_(stranger, cohort.id), cohorts.close(stranger, cohort.id),
        cohorts.cancel(stranger, cohort.id), cohorts.edit(stranger, cohort.id, name="x"),
        groups.create(stranger, cohort.id, "x"), groups.edit(stranger, 1, name="x"),
        groups.open_(stranger, 1), groups.archive(stranger, 1), groups.merge(stranger, 1, 2),
        roster.of_group(stranger.guild_id, 1), roster.preview_move(stranger.guild_id, 1, w.mod.id),
        roster.preview_merge(stranger.guild_id, 1, 2),
        membership.remove(stranger, 1, w.mod.id), membership.move(stranger, 1, w.mod.id, "x"),
    ):  # fmt: skip
        with pytest.raises(Refusal, match="There is no such"):
            await call


@on_discord
async def test_outside_a_server(w: World) -> None:
    shown = w.mod.user.available_commands()
    assert not [c for c in shown if c.startswith(("cohort", "group ", "member"))]


def test_first_day_is_a_monday() -> None:
    from bot.ui.cohorts import first_day

    for offset in range(10):
        today = utcnow().date() + timedelta(days=offset)
        start = first_day(today)
        assert start.weekday() == 0
        assert 7 < (start - today).days <= 14


def test_totals_add_up_over_groups_and_systems() -> None:
    quiet: Any = {"meetings": 0}
    totals = results.Totals()
    for problems, failed in ((["12 × Muster lacks Manage Roles.", "the channel is gone"], 13),
                             (["Muster lacks Manage Roles"], 1)):  # fmt: skip
        part: Any = {
            "granted": 2, "revoked": 1, "unchanged": 0, "failed": failed, "existed": 3,
            "created": 1, "problems": problems,
        }  # fmt: skip
        totals.add({"discord": part, "calendar": {"error": "no **link**"}, "reminders": quiet,
                    "rsvps": quiet})  # fmt: skip
    assert totals.summary() == "6 existed · 2 created · 4 granted · 2 revoked · 16 failed"
    assert totals.troubles() == [
        "⚠️ 13 × Muster lacks Manage Roles",
        "⚠️ 2 × Calendar: no \\*\\*link\\*\\*",
        "⚠️ 1 × the channel is gone",
    ]
