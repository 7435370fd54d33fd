"""When groups meet: the form, what it means for whom, and saving it; for a group or a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import discord

from bot import checks
from bot.ui import answer, lasting, meeting_typed
from bot.ui import meeting_words as words
from bot.ui.answer import Field
from bot.ui.base import View
from bot.ui.lasting import Interaction, LastingView
from bot.ui.meeting_typed import aside, rule_of
from bot.ui.results import look_after
from bot.ui.text import lines, plain
from bot.ui.undo import undo_button, undo_view
from core.clock import utcnow
from core.errors import Refusal
from core.operations import (
    cohorts,
    group_views,
    lookup,
    meeting_views,
    meetings,
    settings,
    slots,
)
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.operations.slots import Preview
from core.reconcile.trace import LIVE
from core.schedule import Rule, occurrences
from core.words import mark, t, tn

_GROUPS = 10  # groups of a cohort that a preview names; the rest is counted
_NOTE = mark("What was moved by hand, and what has been, stays as it is.")


def _check(group_id: int) -> answer.Check:
    return partial(checks.of_group, group_id=group_id)


# --- one group ---------------------------------------------------------------------------------


@lasting.on_press("meeting_slot")
async def form_group(interaction: Interaction, group_id: int) -> None:
    """The form with a group's time as it is."""
    actor = await checks.of_group(interaction, group_id)
    await meetings.may_add(actor, group_id)
    now = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id]
    await interaction.response.send_modal(_group_form(group_id, now.rule, now.zone))


def _group_form(group_id: int, rule: Rule | None, zone: str) -> answer.Form:
    fields = [
        *meeting_typed.fields(rule, zone),
        Field("since", t("From when on"), "",
              t("Empty: for all meetings to come. Else a day, like 2026-05-04"), 40,
              required=False),
    ]  # fmt: skip
    done = partial(_preview_group, group_id=group_id)
    return answer.Form(t("Meeting time"), fields, done, _check(group_id))


async def preview_group(
    interaction: discord.Interaction, group_id: int, typed: dict[str, str]
) -> None:
    """The same from a command; what it leaves out stays as it is."""
    actor = await checks.of_group(interaction, group_id)
    typed = meeting_typed.filled(
        typed, (await meeting_views.slots(actor.guild_id, [group_id]))[group_id].rule
    )
    try:
        await _preview_group(interaction, typed, group_id=group_id)
    except Refusal as refusal:
        if refusal.code in {"not_allowed", "group_not_found", "group_ended"}:
            raise
        actor = await checks.of_group(interaction, group_id)
        now = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id]
        again = _group_form(group_id, now.rule, now.zone).again(typed)
        await answer.show(interaction, plain(str(refusal)), again)


async def _preview_group(
    interaction: discord.Interaction, typed: dict[str, str], *, group_id: int
) -> None:
    await answer.acknowledge(interaction)
    actor = await checks.of_group(interaction, group_id)
    await meetings.may_add(actor, group_id)
    now = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id]
    rule = await aside(rule_of, typed, now.zone)
    since = await aside(meeting_typed.since, typed.get("since", ""), now.zone)
    found = await slots.preview(actor, group_id, rule, since)
    group = await group_views.show(actor.guild_id, group_id)
    own = await meeting_views.own_zone(actor)
    text = lines(
        [
            t("Set the meeting time of **{group}**?", group=plain(group.label)),
            _from_to(found),
            *_echo(found, own),
            *words.series(found.series, begins=False),
            t(_NOTE),
        ]
    )
    view = View()
    do_it = partial(_save_group, group_id=group_id, rule=rule, since=since, found=found)
    pressed = answer.on_press(do_it, view, _check(group_id))
    view.add_button(t("Save"), pressed, style=discord.ButtonStyle.success)
    view.add_button(t("Edit"), _group_form(group_id, now.rule, now.zone).reopen(typed))
    view.add_button(t("Cancel"), _nothing)
    await answer.show(interaction, text, view)


def _from_to(found: Preview) -> str:
    new = words.rule(found.new)
    if found.old is None:
        return t("New: {time}", time=new)
    return t("Now: {old}\nNew: {new}", old=words.rule(found.old), new=new)


def _echo(found: Preview, own: str | None) -> list[str]:
    """The first meeting in the group's zone and in the person's own."""
    first = found.series.first
    if first is None:
        return [t("No meeting is to come at this time.")]
    zone = found.new.slot_for(first.day).zone
    return [t("The next one: {time}.", time=words.echo(first.starts_at, zone, own))]


async def _save_group(
    interaction: discord.Interaction,
    actor: Actor,
    *,
    group_id: int,
    rule: Rule,
    since: date | None,
    found: Preview,
) -> None:
    seen = found.old.to_json() if found.old is not None else {}
    done = await slots.change(actor, group_id, rule, since, seen=seen)
    after = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id]
    group = await group_views.show(actor.guild_id, group_id)
    view = LastingView()
    if actor.moderator and interaction.guild_id is not None:
        undo_button(view, done.entry_id)
    if after.next is not None:
        view.button(t("Manage"), "meeting_manage", after.next.id)
    said = t("✅ **{group}** · {time}", group=plain(group.label), time=words.group_time(after))
    await answer.show(interaction, said, view)
    look_after(interaction, done.group_ids)


async def _nothing(interaction: discord.Interaction) -> None:
    await answer.show(interaction, t("Cancelled. Nothing changed."))


# --- a whole cohort ----------------------------------------------------------------------------


@lasting.on_press("cohort_slot")
async def form_cohort(interaction: Interaction, cohort_id: int) -> None:
    """The form for all groups of a cohort at once; moderators only."""
    actor = await checks.moderator(interaction)
    cohort = await cohorts.show(actor.guild_id, cohort_id)
    found = await meeting_views.slots(actor.guild_id, cohort.group_ids)
    rules = [found[g[0]].rule for g in cohort.groups if g[2] in LIVE]
    same = rules[0] if rules and all(rule == rules[0] for rule in rules) else None
    zone = await _zone(actor.guild_id, same)
    await interaction.response.send_modal(_cohort_form(cohort_id, same, zone, cohort.breaks))


async def _zone(guild_id: int, rule: Rule | None) -> str:
    if rule is not None:
        return rule.slot_for(utcnow().date()).zone
    return (await settings.get(guild_id)).zone


def _cohort_form(
    cohort_id: int, rule: Rule | None, zone: str, breaks: Sequence[str]
) -> answer.Form:
    first, *more = meeting_typed.fields(rule, zone)
    hint = t("Like “Wed 19:00”; empty: only the weeks without meetings change")
    fields = [
        replace(first, hint=hint, required=False), *more, meeting_typed.weeks_field(list(breaks))
    ]  # fmt: skip
    done = partial(_preview_cohort, cohort_id=cohort_id, zone=zone)
    return answer.Form(t("Meeting time of all groups"), fields, done)


async def _preview_cohort(
    interaction: discord.Interaction, typed: dict[str, str], *, cohort_id: int, zone: str
) -> None:
    await answer.acknowledge(interaction)
    actor = await checks.moderator(interaction)
    rule = await aside(rule_of, typed, zone) if typed["when"].strip() else None
    breaks = await aside(meeting_typed.days, typed.get("breaks", ""), zone)
    found = await slots.preview_cohort(actor, cohort_id, rule, breaks)
    cohort = await cohorts.show(actor.guild_id, cohort_id)
    own = await meeting_views.own_zone(actor)
    text = lines(
        [
            *_of_cohort(plain(cohort.name), rule),
            *(_echo(found[0], own) if found and rule is not None else []),
            *_of_groups(found),
            *([words.weeks_off(breaks)] if breaks else []),
            t(_NOTE),
        ]
    )
    view = View()
    do_it = partial(_save_cohort, cohort_id=cohort_id, rule=rule, breaks=breaks)
    pressed = answer.on_press(do_it, view)
    view.add_button(t("Save for all groups"), pressed, style=discord.ButtonStyle.success)
    view.add_button(t("Edit"), _cohort_form(cohort_id, rule, zone, ()).reopen(typed))
    view.add_button(t("Cancel"), _nothing)
    await answer.show(interaction, text, view)


def _of_cohort(name: str, rule: Rule | None) -> list[str]:
    if rule is None:
        return [t("Change the weeks without meetings of **{cohort}**?", cohort=name)]
    return [
        t("Set the meeting time of all groups of **{cohort}**?", cohort=name),
        t("New: {time}", time=words.rule(rule)),
    ]


def _of_groups(found: Sequence[Preview]) -> list[str]:
    named = [
        t("**{group}**: {what}", group=plain(one.name), what=" ".join(words.series(one.series)))
        for one in found[:_GROUPS]
    ]
    rest = len(found) - len(named)
    return [*named, *([tn("… and {n} more group", "… and {n} more groups", rest)] if rest else [])]


async def _save_cohort(
    interaction: discord.Interaction,
    actor: Actor,
    *,
    cohort_id: int,
    rule: Rule | None,
    breaks: Sequence[date],
) -> None:
    done = await slots.change_cohort(actor, cohort_id, rule, breaks)
    said = (
        t("✅ All groups meet {time}.", time=words.rule(rule))
        if rule is not None
        else t("✅ The weeks without meetings are changed.")
    )
    view = undo_view(done.entry_id) or LastingView()
    view.button(t("Change one group"), "cohort_times", cohort_id)
    await answer.show(interaction, said, view)
    look_after(interaction, done.group_ids)


@lasting.on_press("cohort_times")
async def _times(interaction: Interaction, cohort_id: int) -> None:
    """Which group is to meet at another time than the rest."""
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    cohort = await cohorts.show(actor.guild_id, cohort_id)
    found = await meeting_views.slots(actor.guild_id, cohort.group_ids)
    live = [g for g in cohort.groups if g[2] in LIVE][:25]  # Discord's limit of a select
    parts = [
        f"**{plain(name)}** · {words.group_time(found[group_id])}"
        for group_id, name, *_ in live
    ]  # fmt: skip
    view = LastingView()
    if live:
        options = [
            discord.SelectOption(label=name[:100], value=f"group:{group_id}")
            for group_id, name, *_ in live
        ]
        view.select(t("Which group"), "slot_group", options)
    await lasting.show(interaction, lines(parts or [t("There is no group.")]), view)


@lasting.on_pick("slot_group")
async def _group(interaction: Interaction, _number: int, values: list[str]) -> None:
    await form_group(interaction, lookup.id_in(values[0], "group"))


# --- a cohort that is being made ---------------------------------------------------------------


def draft_fields(rule: Rule | None, zone: str, breaks: Sequence[date]) -> list[Field]:
    """What [Set the meeting time] asks under the preview of a new cohort."""
    weeks = meeting_typed.weeks_field([day.isoformat() for day in breaks])
    return [*meeting_typed.fields(rule, zone), weeks]


def draft_line(draft: CohortDraft, own: str | None) -> list[str]:
    """When all its groups meet, with the first meeting echoed; an empty rule is named as well."""
    if draft.rule is None:
        return [t("Meetings: no time yet. **Set the meeting time** gives all groups the same one.")]
    parts = [t("All groups: {time}", time=words.rule(draft.rule))]
    found = [
        o for o in occurrences(draft.rule, draft.start_date, draft.meetings, draft.breaks)
        if o.starts_at > utcnow()
    ]  # fmt: skip
    if found:
        zone = draft.rule.slot_for(found[0].day).zone
        first = words.echo(found[0].starts_at, zone, own)
        parts.append(t("The first one: {time}.", time=first))
    if draft.breaks:
        parts.append(words.weeks_off(draft.breaks))
    return parts
