"""What happens between a cohort's command and its result: form, preview, press, answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import discord

from bot import checks
from bot.ui import answer, lasting, meeting_typed, slot_steps
from bot.ui import cohort_form as form_ui
from bot.ui import cohorts as ui
from bot.ui import shared_steps as shared_steps  # noqa: PLC0414 - registers its button
from bot.ui.base import View
from bot.ui.lasting import LastingView
from bot.ui.release_steps import ask_release_cohort
from bot.ui.results import look_after, sync_groups
from bot.ui.text import plain
from bot.ui.undo import undo_view
from core.clock import utcnow
from core.errors import Refusal
from core.operations import cohort_draft, cohorts, meeting_views, roster, settings, sync_status
from core.operations.cohort_draft import CohortDraft
from core.operations.cohorts import CohortSummary
from core.operations.common import Actor
from core.schedule import Rule
from core.words import mark, t

_ENDED = {"closed": mark("{cohort}: closed"), "cancelled": mark("{cohort}: cancelled")}
_ENDED_BEFORE = {
    "closed": mark("“{cohort}” is closed already. Nothing changed."),
    "cancelled": mark("“{cohort}” is cancelled already. Nothing changed."),
}


async def _today(guild_id: int) -> date:
    """The day that it is in the guild's zone."""
    zone = (await settings.get(guild_id)).zone
    return utcnow().astimezone(ZoneInfo(zone)).date()


# --- create ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chosen:
    """What the form of a new cohort does not ask: chosen before it, or set under the preview."""

    access: str
    rooms: str
    rule: Rule | None = None
    breaks: tuple[date, ...] = ()


async def ask_new(
    interaction: discord.Interaction, access: str, rooms: str, when: str | None = None
) -> None:
    """Show the form; `access`, `rooms` and when all groups meet were chosen before.

    Raises Refusal where `when` cannot be read.
    """
    actor = await checks.moderator(interaction)
    zone = (await settings.get(actor.guild_id)).zone
    rule = meeting_typed.rule_of({"when": when}, zone) if when else None
    await interaction.response.send_modal(
        _new_form(await _today(actor.guild_id), _Chosen(access, rooms, rule))
    )


def _new_form(today: date, chosen: _Chosen, typed: dict[str, str] | None = None) -> answer.Form:
    fields = form_ui.new_fields(today)
    if typed:
        fields = [replace(f, value=typed.get(f.key, f.value)) for f in fields]
    return answer.Form(t("New cohort"), fields, partial(_preview_new, chosen=chosen))


async def _preview_new(
    interaction: discord.Interaction, typed: dict[str, str], *, chosen: _Chosen
) -> None:
    actor = await checks.moderator(interaction)
    guild = interaction.guild
    assert guild is not None
    basic = form_ui.draft_of(typed, chosen.access, chosen.rooms)
    draft = cohort_draft.preview(replace(basic, rule=chosen.rule, breaks=chosen.breaks))
    today = await _today(actor.guild_id)
    warnings = cohort_draft.warnings_for(
        draft, roles=len(guild.roles), channels=len(guild.channels)
    )
    form = _new_form(today, chosen, typed)
    time_form = await _time_form(actor, typed, chosen)
    view = View()
    for label, open_now in ((t("Create all"), True), (t("Keep as draft"), False)):
        style = discord.ButtonStyle.success if open_now else discord.ButtonStyle.secondary
        create = partial(_create, draft=draft, open_now=open_now, again=form.again(typed))
        view.add_button(label, answer.on_press(create, view), style=style)
    view.add_button(t("Set the meeting time"), time_form.reopen({}))
    view.add_button(t("Edit"), form.reopen(typed))
    view.add_button(t("Cancel"), _nothing_made)
    meets = slot_steps.draft_line(draft, await meeting_views.own_zone(actor))
    await answer.show(interaction, form_ui.draft_preview(draft, today, warnings, meets), view)


async def _time_form(actor: Actor, typed: dict[str, str], chosen: _Chosen) -> answer.Form:
    """The form for the time of all groups, under the preview of a new cohort."""
    zone = (await settings.get(actor.guild_id)).zone

    async def done(interaction: discord.Interaction, times: dict[str, str]) -> None:
        await answer.acknowledge(interaction)
        rule = await meeting_typed.aside(meeting_typed.rule_of, times, zone)
        breaks = await meeting_typed.aside(meeting_typed.days, times.get("breaks", ""), zone)
        after = replace(chosen, rule=rule, breaks=breaks)
        await _preview_new(interaction, typed, chosen=after)

    fields = slot_steps.draft_fields(chosen.rule, zone, chosen.breaks)
    return answer.Form(t("Meeting time of all groups"), fields, done)


async def _nothing_made(interaction: discord.Interaction) -> None:
    await answer.show(interaction, t("Cancelled. Nothing was created."))


async def _create(
    interaction: discord.Interaction,
    actor: Actor,
    *,
    draft: CohortDraft,
    open_now: bool,
    again: View,
) -> None:
    try:
        made = await cohorts.create(actor, draft, open_now=open_now)
    except Refusal as refusal:
        await answer.show(interaction, plain(str(refusal)), again)
        return
    if not open_now:
        await answer.show(interaction, form_ui.kept(made), undo_view(made.entry_id))
        return
    await sync_groups(
        interaction,
        made.group_ids,
        t("{cohort}: open for joining", cohort=made.name),
        note=t(
            "Members join with `/groups`. A group's channels are created with its first person."
        ),
        view=undo_view(made.entry_id),
    )
    look_after(interaction, made.group_ids)


# --- edit --------------------------------------------------------------------------------------


async def ask_edit(
    interaction: discord.Interaction, chosen_id: int, changes: dict[str, str] | None = None
) -> None:
    """Show the form as the cohort is now; `changes` are choices made before (rooms, access)."""
    actor = await checks.moderator(interaction)
    cohort = await cohorts.show(actor.guild_id, chosen_id)
    if cohort.status not in {"draft", "open"}:
        raise Refusal("closed", t("This cohort is closed; it can no longer be changed."))
    done = partial(_edit, cohort=cohort, changes=changes or {})
    await interaction.response.send_modal(
        answer.Form(t("Edit cohort"), form_ui.edit_fields(cohort), done)
    )


async def _edit(
    interaction: discord.Interaction,
    typed: dict[str, str],
    *,
    cohort: CohortSummary,
    changes: dict[str, str],
) -> None:
    actor = await checks.moderator(interaction)
    wanted: dict[str, Any] = {
        "name": typed["name"],
        "start_date": answer.calendar_day(typed["start"]),
        "meetings": answer.number(typed["meetings"], t("Number of meetings")),
        "seats": answer.number(typed["seats"], t("Seats in each group")),
        **changes,
    }
    if wanted["seats"] == cohort.seats:
        del wanted["seats"]  # else groups with a number of their own would lose it
    await answer.acknowledge(interaction)
    after = await cohorts.edit(actor, cohort.id, **wanted)
    notes = form_ui.edited(cohort, after, await _today(actor.guild_id))
    groups = ui.live(after)
    title = t("{cohort}: changed", cohort=after.name)
    view = undo_view(after.entry_id)
    await sync_groups(interaction, groups, title, note=notes, post=False, view=view)
    look_after(interaction, groups)


# --- open, close, cancel -----------------------------------------------------------------------


async def _facts(
    actor: Actor, chosen_id: int
) -> tuple[CohortSummary, dict[int, roster.Roster], date]:
    cohort = await cohorts.show(actor.guild_id, chosen_id)
    rosters = await roster.of_groups(actor.guild_id, cohort.group_ids)
    return cohort, rosters, await _today(actor.guild_id)


async def ask_open(interaction: discord.Interaction, chosen_id: int) -> None:
    """Preview and [Do it] for opening."""
    actor = await checks.moderator(interaction)

    async def draw(who: Actor) -> str:
        cohort, rosters, today = await _facts(who, chosen_id)
        _must_run(cohort)
        return ui.open_preview(cohort, rosters, today)

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        after = await cohorts.open_(actor, chosen_id)
        title = t("{cohort}: open for joining", cohort=after.name)
        await _follow(press, after, ui.live(after), title)

    await answer.ask(interaction, actor, draw, do_it)


async def ask_close(interaction: discord.Interaction, chosen_id: int) -> None:
    """Preview and [Do it] for closing."""
    await _ask_end(interaction, chosen_id, ui.close_preview, cohorts.close, "closed")


async def ask_cancel(interaction: discord.Interaction, chosen_id: int) -> None:
    """Preview and [Do it] for cancelling."""
    await _ask_end(interaction, chosen_id, ui.cancel_preview, cohorts.cancel, "cancelled")


async def _ask_end(
    interaction: discord.Interaction,
    chosen_id: int,
    preview: Callable[[CohortSummary, dict[int, roster.Roster]], str],
    operation: Callable[[Actor, int], Any],
    word: str,
) -> None:
    actor = await checks.moderator(interaction)

    async def draw(who: Actor) -> str:
        cohort, rosters, _ = await _facts(who, chosen_id)
        _must_run(cohort)
        return preview(cohort, rosters)

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        before = await cohorts.show(actor.guild_id, chosen_id)
        after = await operation(actor, chosen_id)
        title = t(_ENDED[word], cohort=after.name)
        await _follow(press, after, ui.live(before), title, note=t(ui.KEPT))

    await answer.ask(interaction, actor, draw, do_it, danger=True)


def _must_run(cohort: CohortSummary) -> None:
    if cohort.status not in {"draft", "open"}:
        raise Refusal("closed", t(_ENDED_BEFORE[cohort.status], cohort=cohort.name))


async def _follow(
    interaction: discord.Interaction,
    after: CohortSummary,
    group_ids: list[int],
    title: str,
    *,
    note: str = "",
) -> None:
    await sync_groups(interaction, group_ids, title, note=note, view=undo_view(after.entry_id))
    look_after(interaction, group_ids)


# --- show --------------------------------------------------------------------------------------


async def show_card(interaction: discord.Interaction, chosen_id: int) -> None:
    """The cohort with buttons for what can be done with it now."""
    actor = await checks.moderator(interaction)
    cohort, rosters, today = await _facts(actor, chosen_id)
    cohort_guild = interaction.guild_id or 0
    states = await sync_status.status(cohort_guild)
    trouble = {s.group_id for s in states if s.status == "parked" or s.by_hand or s.deleted}
    view = LastingView()
    if cohort.status in {"draft", "open"}:
        view.button(t("Edit"), "cohort_edit", chosen_id)
        view.button(t("Meeting time"), "cohort_slot", chosen_id)
        if not any(r.adopted for r in rosters.values()):
            view.button(t("Shared channel"), "cohort_shared", chosen_id, row=1)
        if cohort.status == "draft":
            view.button(t("Open"), "cohort_open", chosen_id)
        view.button(t("Close"), "cohort_close", chosen_id)
        view.button(t("Cancel cohort"), "cohort_cancel", chosen_id)
    if any(r.adopted for r in rosters.values()):
        view.button(t("Release"), "cohort_release", chosen_id)
    view.button(t("Home"), "home", row=1)
    number = len(trouble & set(cohort.group_ids))
    times = await meeting_views.slots(cohort_guild, cohort.group_ids)
    await answer.show(interaction, ui.card(cohort, rosters, number, today, times), view)


for _action, _ask in (
    ("cohort_edit", ask_edit), ("cohort_open", ask_open), ("cohort_close", ask_close),
    ("cohort_cancel", ask_cancel), ("cohort_release", ask_release_cohort),
):  # fmt: skip
    lasting.on_press(_action)(_ask)
