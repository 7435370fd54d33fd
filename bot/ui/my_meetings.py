"""/meetings: what a person has before them, with their answers and buttons to change them."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot import checks
from bot.ui import lasting
from bot.ui import meeting_words as words
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import lines, when
from core.operations import meeting_views
from core.operations.meeting_views import MeetingView
from core.words import mark, t

PAGE = 4  # meetings per page: a row of answers each, and one row to turn pages (Discord allows 5)
# What the buttons mean, by the action that core.reconcile.answers gives them.
_ANSWERS = (
    ("rsvp_yes", "attending", mark("Attending"), discord.ButtonStyle.success),
    ("rsvp_maybe", "tentative", mark("Maybe"), discord.ButtonStyle.primary),
    ("rsvp_no", "not_attending", mark("Can't come"), discord.ButtonStyle.danger),
)


@lasting.on_press("my_meetings")
async def show(interaction: Interaction, page: int = 0) -> None:
    """The private list."""
    if not interaction.response.is_done():
        await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await lasting.show(interaction, *home(await meeting_views.list_for_member(actor), page))


def home(found: Sequence[MeetingView], page: int) -> tuple[str, LastingView]:
    """My next meetings in all my groups; the answer that counts has its own colour."""
    view = LastingView()
    if not found:
        view.button(t("My groups"), "my")
        return t("No meeting is to come in your groups. Their times come with the group."), view
    pages = -(-len(found) // PAGE)
    page = min(page, pages - 1)
    shown = found[page * PAGE : (page + 1) * PAGE]
    parts = [f"__{t('Your meetings')}__"]
    for row, meeting in enumerate(shown):
        number = page * PAGE + row + 1
        parts += [f"{number}. {words.title(meeting)}", _line(meeting)]
        for action, answer, label, style in _ANSWERS:
            said = t(label)
            view.button(
                said if len(shown) == 1 else t("{number}: {answer}", number=number, answer=said),
                action, meeting.id, row=row,
                style=style if meeting.answer == answer else discord.ButtonStyle.secondary,
            )  # fmt: skip
    if page > 0:
        view.button(t("Back"), "my_meetings", page - 1, row=4)
    if page < pages - 1:
        view.button(t("More"), "my_meetings", page + 1, row=4)
    view.button(t("Calendar"), "calendar", row=4)
    view.button(t("My groups"), "my", row=4)
    return lines(parts), view


def _line(meeting: MeetingView) -> str:
    parts = [
        t("{time} ({left})", time=when(meeting.starts_at, "F"), left=when(meeting.starts_at, "R")),
        t(words.ANSWERS[meeting.answer or "pending"]),
    ]
    return " · ".join([*parts, t("as a guest")] if meeting.guest else parts)
