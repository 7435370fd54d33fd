"""[Manage] on a meeting's post: a private panel, for whoever may manage it at that moment."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot import checks
from bot.ui import lasting
from bot.ui import meeting_words as words
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import lines, when
from core.clock import utcnow
from core.operations import lookup, meeting_views, meetings
from core.operations.meeting_views import MeetingView, Slots
from core.operations.meetings import Preview
from core.reconcile.trace import LIVE
from core.words import t

_CHOICES = 25  # Discord's limit of a select


@lasting.on_press("meeting_manage")
async def show(interaction: Interaction, meeting_id: int) -> None:
    """The panel of one meeting. Raises Refusal for whoever may not manage it."""
    await lasting.begin(interaction)
    actor = await checks.of_meeting(interaction, meeting_id)
    found = await meetings.manage(actor, meeting_id)
    group_id = found.meeting.group_id
    slots = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id]
    others = await meeting_views.list_for_group(actor.guild_id, group_id)
    await lasting.show(interaction, *panel(found, slots, others))


@lasting.on_pick("meeting_other")
async def _other(interaction: Interaction, _number: int, values: list[str]) -> None:
    await show(interaction, lookup.id_in(values[0], "meeting"))


def panel(found: Preview, slots: Slots, others: Sequence[MeetingView]) -> tuple[str, LastingView]:
    """When it is, who comes, and what can be done with it now."""
    meeting = found.meeting
    begun = meeting.starts_at <= utcnow()
    parts = [
        f"{words.title(meeting)} · {t(words.STATUS[meeting.status])}",
        t("{time} ({left}), {length}", time=when(meeting.starts_at, "F"),
          left=when(meeting.starts_at, "R"), length=words.length(meeting.minutes)),
        words.effect(found.effect),
        words.group_time(slots),
    ]  # fmt: skip
    view = LastingView()
    if meeting.group_status not in LIVE:
        parts.append(t("This group has ended, so its meetings stay as they are."))
        return lines(parts), view
    if begun:
        parts.append(t("It has begun already, so it stays as it is."))
    elif meeting.planned:
        view.button(t("Move"), "meeting_move", meeting.id, style=discord.ButtonStyle.primary)
        view.button(t("Skip"), "meeting_skip", meeting.id)
        if not meeting.extra:
            view.button(t("Postpone"), "meeting_postpone", meeting.id)
    elif meeting.status in {"skipped", "postponed"}:
        view.button(t("Take place after all"), "meeting_restore", meeting.id)
    view.button(t("Answers"), "meeting_answers", meeting.id, row=1)
    view.button(t("Add a meeting"), "meeting_add", meeting.group_id, row=1)
    view.button(t("Meeting time"), "meeting_slot", meeting.group_id, row=1)
    rest = options([m for m in others if m.id != meeting.id])
    if rest:
        view.select(t("Another meeting of this group"), "meeting_other", rest, row=2)
    return lines(parts), view


def options(found: Sequence[MeetingView]) -> list[discord.SelectOption]:
    """Choices of a select, with labels that can be told apart."""
    made: list[discord.SelectOption] = []
    used: dict[str, int] = {}
    for meeting in found[:_CHOICES]:
        label = f"{meeting.name} · {words.local(meeting.starts_at, meeting.zone)}"[:95]
        used[label] = used.get(label, 0) + 1
        suffix = f" ({used[label]})" if used[label] > 1 else ""
        made.append(
            discord.SelectOption(
                label=label + suffix, value=f"meeting:{meeting.id}",
                description=None if meeting.planned else t(words.STATUS[meeting.status])[:100],
            )
        )  # fmt: skip
    return made
