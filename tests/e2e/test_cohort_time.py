"""When all groups of a cohort meet: at its creation, on its card, and for one group differently."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from core.operations import cohorts, meeting_views, settings
from core.schedule import Piece, Rule, Slot
from tests.e2e._acting import defaults, labels, last, made, mod_of, on_discord
from tests.world import World, text_of

FORM = {"name": "Stats", "start": "2026-03-02", "meetings": "4", "groups": "2", "seats": "8"}
TIME = {"when": "Wed 19:00", "minutes": "60", "rhythm": ["weekly"], "dates": "", "breaks": ""}
FIRST = datetime(2026, 3, 4, 18, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
RULE = Rule((Piece(Slot(2, time(19), "Europe/Berlin")),))


async def starts(w: World, group: int) -> list[datetime]:
    return [m.starts_at for m in await meeting_views.list_for_group(w.guild.id, group)]


@on_discord
async def test_create_with_a_time_typed_in_the_command(w: World) -> None:
    form = await w.mod.slash(w.room, "cohort create", when="Wed 19:00 Europe/Berlin")
    preview = await w.mod.submit_modal(form, FORM)
    text = text_of(preview)
    assert "All groups: Wed 19:00 Europe/Berlin, 60 minutes" in text
    assert f"Wed 4 March 19:00 Europe/Berlin, that is <t:{int(FIRST.timestamp())}:F>" in text
    await w.mod.click(preview.response, label="Create all")
    for group in (1, 2):
        assert await starts(w, group) == [
            FIRST, FIRST + WEEK, FIRST + 2 * WEEK, FIRST + 3 * WEEK,
        ]  # fmt: skip
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "All groups: Wed 19:00 Europe/Berlin, 60 minutes" in text_of(card)
    assert text_of(card).count("next <t:") == 2
    assert "Meeting time" in labels(card.response)


@on_discord
async def test_create_with_the_time_set_under_the_preview(w: World) -> None:
    await settings.change(mod_of(w), zone="Europe/Berlin")
    form = await w.mod.slash(w.room, "cohort create")
    preview = await w.mod.submit_modal(form, FORM)
    assert "Meetings: no time yet" in text_of(preview)
    times = await w.mod.click(preview.response, label="Set the meeting time")
    assert defaults(times)["minutes"] == "60"
    wrong = {**TIME, "when": "Wed 19:00 Europe/Berlln"}
    await w.mod.submit_modal(times, wrong)
    assert "Did you mean" in preview.response.content
    times = await w.mod.click(preview.response, label="Edit again")
    assert defaults(times)["when"] == "Wed 19:00 Europe/Berlln"
    await w.mod.submit_modal(times, {**TIME, "breaks": "11.3.2026"})
    assert "All groups: Wed 19:00 Europe/Berlin, 60 minutes" in preview.response.content
    assert "No meetings in the week of Mon 9 March" in preview.response.content
    # What was typed before is still there, and the time survives an edit of it.
    form = await w.mod.click(preview.response, label="Edit")
    assert defaults(form)["name"] == "Stats"
    await w.mod.submit_modal(form, {**FORM, "meetings": "3"})
    assert "All groups: Wed 19:00 Europe/Berlin" in preview.response.content
    await w.mod.click(preview.response, label="Create all")
    assert await starts(w, 1) == [FIRST, FIRST + 2 * WEEK, FIRST + 3 * WEEK]
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "No meetings in the week of Mon 9 March" in text_of(card)


@on_discord
async def test_a_time_that_cannot_be_read_is_refused_before_the_form(w: World) -> None:
    refused = await w.mod.slash(w.room, "cohort create", when="Wed 19:00 Europa/Berlim")
    assert refused.modal is None
    assert "Europa/Berlim" in text_of(refused)
    refused = await w.mod.slash(w.room, "cohort create", when="whenever")
    assert refused.modal is None


@on_discord
async def test_all_groups_at_once_and_one_differently(w: World) -> None:
    cohort = await made(w, groups=2, meetings=2)
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "Meetings: no time yet" in text_of(card)
    form = await w.mod.click(card.response, label="Meeting time")
    typed = {**TIME, "when": "Wed 19:00 Europe/Berlin"}
    preview = await w.mod.submit_modal(form, typed)
    shown = last(preview) if preview.response or preview.followups else card.response
    assert "Set the meeting time of all groups of **Stats**?" in shown.content
    assert "**Group 2**: Next: <t:" in shown.content
    assert await starts(w, 1) == []
    await w.mod.click(shown, label="Save for all groups")
    assert await starts(w, 2) == [FIRST, FIRST + WEEK]
    await w.mod.click(shown, label="Change one group")
    form = await w.mod.select(shown, values=["group:2"])
    assert defaults(form)["when"] == "Wed 19:00 Europe/Berlin"
    typed = {"when": "Thu 19:00", "minutes": "60", "rhythm": ["weekly"], "dates": "", "since": ""}
    preview = await w.mod.submit_modal(form, typed)
    await w.mod.click(shown, label="Save")
    assert await starts(w, 2) == [FIRST + DAY, FIRST + WEEK + DAY]
    assert await starts(w, 1) == [FIRST, FIRST + WEEK]
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "Thu 19:00 Europe/Berlin, 60 minutes" in text_of(card)
    assert cohort.id == 1


@on_discord
async def test_only_the_break_weeks(w: World) -> None:
    await made(w, groups=1, meetings=2, rule=RULE)
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    form = await w.mod.click(card.response, label="Meeting time")
    await w.mod.submit_modal(form, {**TIME, "when": "", "breaks": "2026-03-06"})
    assert "Change the weeks without meetings of **Stats**?" in card.response.content
    await w.mod.click(card.response, label="Save for all groups")
    assert await starts(w, 1) == [FIRST + WEEK, FIRST + 2 * WEEK]
    await w.mod.click(card.response, label="Undo")
    history = text_of(await w.mod.slash(w.room, "history"))
    assert "set the weeks without meetings of the cohort Stats: Mon 2 March" in history


@on_discord
async def test_editing_the_cohort_moves_its_meetings(w: World) -> None:
    await made(w, groups=1, meetings=2, rule=RULE)
    form = await w.mod.slash(w.room, "cohort edit", cohort="Stats")
    await w.mod.submit_modal(
        form, {"name": "Stats", "start": "2026-03-09", "meetings": "3", "seats": "8"}
    )
    assert await starts(w, 1) == [FIRST + n * WEEK for n in (1, 2, 3)]
    await cohorts.close(mod_of(w), 1)
    assert {m.status for m in await meeting_views.list_for_group(w.guild.id, 1)} == {"cancelled"}
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "next <t:" not in text_of(card)
