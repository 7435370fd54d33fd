"""/cohort as moderators use it, on the simulated Discord."""

from __future__ import annotations

import pytest

from core.operations import cohorts, group_views, groups, lookup, membership
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

FORM = {"name": "Stats", "start": "2026-03-02", "meetings": "8", "groups": "3", "seats": "8"}


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
    assert labels(preview.response) == [
        "Create all", "Keep as draft", "Set the meeting time", "Edit", "Cancel",
    ]  # fmt: skip
    done = await w.mod.click(preview.response, label="Create all")
    assert "Stats autumn: open for joining" in preview.response.content
    assert "3 groups" in preview.response.content
    assert "0 failed" in preview.response.content
    assert labels(preview.response) == ["Undo"]
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
    assert await group_views.joinable(w.guild.id, w.members[0].id) == []


@on_discord
async def test_preview_warns(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create", access="role")
    preview = await w.mod.submit_modal(form, {**FORM, "groups": "100", "start": "1.1.2026"})
    text = text_of(preview)
    assert "200 channels do not fit into one category" in text
    assert "Creates 4 categories, 200 channels" in text
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
        ("start", "1.1.99999999999", "is no date"),
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
    assert labels(refused.response) == [
        "Create all", "Keep as draft", "Set the meeting time", "Edit", "Cancel",
    ]  # fmt: skip
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
    assert (await group_views.show(w.guild.id, cohort.group_ids[0])).members == 2


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
    assert "⚪ **Group 2** · 0 of 8 seats taken · not running yet" in text
    assert labels(last(card)) == [
        "Edit", "Meeting time", "Open", "Close", "Cancel cohort", "Shared channel", "Home",
    ]  # fmt: skip
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
    assert labels(last(card)) == ["Home"]


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
    assert "“Stats” is cancelled already. Nothing changed." in last(preview).content
    assert labels(last(preview)) == []


@on_discord
async def test_what_nobody_agreed_to_is_shown_first(w: World) -> None:
    cohort = await made(w, groups=2)
    await filled(w, cohort, people=2)
    preview = await w.mod.slash(w.room, "group merge", group="Group 1", into="Group 2")
    assert "2 people move" in last(preview).content
    third = w.members[2]
    await membership.add(mod_of(w), cohort.group_ids[0], third.id, third.name)
    await w.mod.click(last(preview), label="Do it")
    assert "Something changed in the meantime, so nothing was done." in last(preview).content
    assert "3 people move" in last(preview).content
    assert (await group_views.show(w.guild.id, cohort.group_ids[0])).members == 3
    await w.mod.click(last(preview), label="Do it")
    assert "3 people moved." in last(preview).content


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
