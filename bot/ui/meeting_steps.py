"""Moving, skipping, postponing and adding a meeting: form, preview, press, answer.

Facilitators are ordinary members: every step asks the operation, which looks at their rights of
that moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import discord

from bot import checks
from bot.ui import answer, lasting, meeting_typed
from bot.ui import meeting_words as words
from bot.ui.answer import Field
from bot.ui.base import View
from bot.ui.lasting import Interaction, LastingView
from bot.ui.meeting_typed import aside, moment
from bot.ui.results import look_after
from bot.ui.text import lines, plain, when
from bot.ui.undo import undo_button
from core.errors import Refusal
from core.operations import group_views, meeting_views, meetings
from core.operations.common import Actor
from core.operations.meeting_checks import Change
from core.operations.meeting_views import MeetingView
from core.operations.meetings import Preview
from core.words import mark, t

_DONE = {
    "move": mark("✅ {meeting} is {time} now."),
    "skip": mark("✅ {meeting} does not take place ({time}). The others keep their numbers."),
    "postpone": mark(
        "✅ {meeting} is postponed ({time}): the next one takes its place, and one is added at "
        "the end."
    ),
    "restore": mark("✅ {meeting} takes place after all: {time}."),
    "add": mark("✅ {meeting} is added: {time}."),
}
_ASKED = {
    "skip": mark("Skip {meeting}, {time}? It does not take place, the others keep their numbers."),
    "postpone": mark(
        "Postpone {meeting}, {time}? It does not take place: the next one becomes this one, all "
        "later ones move up, and one is added at the end."
    ),
    "restore": mark("Let {meeting} take place after all, {time}?"),
}
_LABELS = {
    "skip": mark("Skip"),
    "postpone": mark("Postpone"),
    "restore": mark("Take place after all"),
}
# Refusals that no other input would change.
_NO_FORM = {
    "not_allowed", "meeting_not_found", "group_not_found", "group_ended", "begun", "wrong_status",
    "extra",
}  # fmt: skip
_OPERATIONS: dict[str, Callable[..., Awaitable[MeetingView]]] = {
    "skip": meetings.skip, "postpone": meetings.postpone, "restore": meetings.restore,
}  # fmt: skip


def _of_meeting(meeting_id: int) -> answer.Check:
    return partial(checks.of_meeting, meeting_id=meeting_id)


def _of_group(group_id: int) -> answer.Check:
    return partial(checks.of_group, group_id=group_id)


# --- move --------------------------------------------------------------------------------------


async def form_move(interaction: Interaction, meeting_id: int) -> None:
    """The form for another time, filled in with the one that there is."""
    actor = await checks.of_meeting(interaction, meeting_id)
    now = (await meetings.preview(actor, meeting_id, "move")).meeting
    await interaction.response.send_modal(_move_form(now, {}))


def _move_form(now: MeetingView, typed: dict[str, str]) -> answer.Form:
    hint = t("Like “Thu 19:00” or “next friday 7pm”; without a zone it is {zone}", zone=now.zone)
    fields = [
        Field("when", t("New time"), typed.get("when", _now_at(now)), hint, 100),
        Field("minutes", t("Minutes"), typed.get("minutes", str(now.minutes)), limit=20),
    ]
    done = partial(_preview_move, meeting_id=now.id)
    return answer.Form(t("Move {meeting}", meeting=now.name), fields, done, _of_meeting(now.id))


def _now_at(now: MeetingView) -> str:
    """Its time as it can be typed again, to be corrected in place."""
    return now.starts_at.astimezone(ZoneInfo(now.zone)).strftime("%Y-%m-%d %H:%M")


async def _preview_move(
    interaction: discord.Interaction, typed: dict[str, str], *, meeting_id: int
) -> None:
    """What the move means, with [Move, ask again] [Move, keep answers] [Edit] [Cancel]."""
    await answer.acknowledge(interaction)
    actor = await checks.of_meeting(interaction, meeting_id)
    now = (await meetings.manage(actor, meeting_id)).meeting
    there = await aside(moment, typed["when"], now.zone, now.local_day)
    minutes = meeting_typed.minutes(typed.get("minutes", ""))
    found = await meetings.preview(actor, meeting_id, "move", there.starts_at, minutes)
    own = await meeting_views.own_zone(actor)
    text = lines(
        [
            t("Move {meeting} from {old}?", meeting=words.title(now),
              old=when(now.starts_at, "F")),
            t("New: {time}, {length}.", time=words.echo(there.starts_at, there.zone, own),
              length=words.length(found.minutes)),
            words.effect(found.effect),
            *words.crowds(found.effect.crowds),
        ]
    )  # fmt: skip
    view = View()
    for label, ask_again in ((t("Move, ask again"), True), (t("Move, keep answers"), False)):
        do_it = partial(_move, found=found, ask_again=ask_again)
        style = discord.ButtonStyle.primary if ask_again else discord.ButtonStyle.success
        view.add_button(label, answer.on_press(do_it, view, _of_meeting(meeting_id)), style=style)
    view.add_button(t("Edit"), _move_form(now, typed).reopen(typed))
    view.add_button(t("Cancel"), _nothing)
    await answer.show(interaction, text, view)


async def preview_move(
    interaction: discord.Interaction, meeting_id: int, typed: str, minutes: int | None
) -> None:
    """The same from a command, where everything was typed already."""
    values = {"when": typed, "minutes": str(minutes) if minutes is not None else ""}
    try:
        await _preview_move(interaction, values, meeting_id=meeting_id)
    except Refusal as refusal:
        if refusal.code in _NO_FORM:
            raise
        actor = await checks.of_meeting(interaction, meeting_id)
        now = (await meetings.manage(actor, meeting_id)).meeting
        again = _move_form(now, values).again(values)
        await answer.show(interaction, plain(str(refusal)), again)


async def _move(
    interaction: discord.Interaction, actor: Actor, *, found: Preview, ask_again: bool
) -> None:
    after = await meetings.move(
        actor, found.meeting.id, found.starts_at, found.minutes,
        ask_again=ask_again, seen=found.meeting.starts_at,
    )  # fmt: skip
    note = t("Everybody is asked again.") if ask_again else t("The answers stay.")
    await _told(interaction, actor, after, "move", note)


async def _nothing(interaction: discord.Interaction) -> None:
    await answer.show(interaction, t("Cancelled. Nothing changed."))


# --- skip, postpone, take back -----------------------------------------------------------------


async def ask(interaction: discord.Interaction, meeting_id: int, change: Change) -> None:
    """A preview with the change's button and [Cancel]; acknowledged before."""
    actor = await checks.of_meeting(interaction, meeting_id)
    found = await meetings.preview(actor, meeting_id, change)
    text = lines(
        [
            t(_ASKED[change], meeting=words.title(found.meeting),
              time=when(found.meeting.starts_at, "F")),
            words.effect(found.effect),
            *words.crowds(found.effect.crowds),
        ]
    )  # fmt: skip
    view = View()
    do_it = partial(_do, change=change, found=found)
    style = discord.ButtonStyle.success if change == "restore" else discord.ButtonStyle.danger
    pressed = answer.on_press(do_it, view, _of_meeting(meeting_id))
    view.add_button(t(_LABELS[change]), pressed, style=style)
    view.add_button(t("Cancel"), _nothing)
    await answer.show(interaction, text, view)


async def _do(
    interaction: discord.Interaction, actor: Actor, *, change: Change, found: Preview
) -> None:
    operation = _OPERATIONS[change]
    after = await operation(actor, found.meeting.id, seen=found.meeting.starts_at)
    await _told(interaction, actor, after, change, before=found.meeting)


# --- add ---------------------------------------------------------------------------------------


async def form_add(interaction: Interaction, group_id: int) -> None:
    """The form for one more meeting of a group."""
    actor = await checks.of_group(interaction, group_id)
    await meetings.may_add(actor, group_id)
    zone = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id].zone
    await interaction.response.send_modal(_add_form(group_id, zone, {}))


def _add_form(group_id: int, zone: str, typed: dict[str, str]) -> answer.Form:
    hint = t("Like “Thu 19:00” or “next friday 7pm”; without a zone it is {zone}", zone=zone)
    usual = str(meeting_typed.MINUTES)
    fields = [
        Field("when", t("When"), typed.get("when", ""), hint, 100),
        Field("minutes", t("Minutes"), typed.get("minutes", usual), limit=20),
    ]
    done = partial(_preview_add, group_id=group_id)
    return answer.Form(t("Extra meeting"), fields, done, _of_group(group_id))


async def _preview_add(
    interaction: discord.Interaction, typed: dict[str, str], *, group_id: int
) -> None:
    await answer.acknowledge(interaction)
    actor = await checks.of_group(interaction, group_id)
    await meetings.may_add(actor, group_id)
    zone = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id].zone
    there = await aside(moment, typed["when"], zone)
    length = meeting_typed.minutes(typed.get("minutes", ""))
    minutes = meeting_typed.MINUTES if length is None else length
    effect = await meetings.preview_add(actor, group_id, there.starts_at, minutes)
    group = await group_views.show(actor.guild_id, group_id)
    own = await meeting_views.own_zone(actor)
    text = lines(
        [
            t("One more meeting of **{group}**?", group=plain(group.label)),
            t("New: {time}, {length}.", time=words.echo(there.starts_at, there.zone, own),
              length=words.length(minutes)),
            words.effect(effect),
            *words.crowds(effect.crowds),
        ]
    )  # fmt: skip
    view = View()

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        after = await meetings.add(actor, group_id, there.starts_at, minutes)
        await _told(press, actor, after, "add")

    pressed = answer.on_press(do_it, view, _of_group(group_id))
    view.add_button(t("Add"), pressed, style=discord.ButtonStyle.success)
    view.add_button(t("Edit"), _add_form(group_id, zone, typed).reopen(typed))
    view.add_button(t("Cancel"), _nothing)
    await answer.show(interaction, text, view)


async def preview_add(
    interaction: discord.Interaction, group_id: int, typed: str, minutes: int | None
) -> None:
    """The same from a command, where everything was typed already."""
    values = {"when": typed, "minutes": str(minutes) if minutes is not None else ""}
    try:
        await _preview_add(interaction, values, group_id=group_id)
    except Refusal as refusal:
        if refusal.code in _NO_FORM:
            raise
        actor = await checks.of_group(interaction, group_id)
        zone = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id].zone
        again = _add_form(group_id, zone, values).again(values)
        await answer.show(interaction, plain(str(refusal)), again)


# --- afterwards --------------------------------------------------------------------------------


async def _told(
    interaction: discord.Interaction,
    actor: Actor,
    after: MeetingView,
    change: str,
    note: str = "",
    *,
    before: MeetingView | None = None,
) -> None:
    """What was done, with [Undo] for moderators; reminders, events and posts follow."""
    view = LastingView()
    if actor.moderator and interaction.guild_id is not None:
        undo_button(view, after.entry_id)
    view.button(t("Manage"), "meeting_manage", after.id)
    name = words.title(before or after)
    said = t(_DONE[change], meeting=name, time=when(after.starts_at, "F"))
    await answer.show(interaction, lines([said, note] if note else [said]), view)
    look_after(interaction, [after.group_id])


def _asks(change: Change) -> lasting.Pressed:
    async def pressed(interaction: Interaction, meeting_id: int) -> None:
        await lasting.begin(interaction)
        await ask(interaction, meeting_id, change)

    return pressed


_CHANGES: tuple[Change, ...] = ("skip", "postpone", "restore")
for _change in _CHANGES:
    lasting.on_press(f"meeting_{_change}")(_asks(_change))
_FORMS: tuple[tuple[str, Callable[[Interaction, int], Any]], ...] = (
    ("meeting_move", form_move), ("meeting_add", form_add),
)  # fmt: skip
for _action, _form in _FORMS:
    lasting.on_press(_action)(_form)
