"""Who answered what, for whoever manages a meeting, and answers that they enter for others."""

from __future__ import annotations

import discord

from bot import checks
from bot.ui import answers as ui
from bot.ui import lasting
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import plain
from core.db.meeting_models import Answer, Source
from core.errors import Refusal
from core.operations import answers
from core.operations.answers import Roll
from core.words import mark, t

PAGE = 25  # people to choose from at once: Discord's limit of a select
_SAID = {
    Answer.attending: ("✅", mark("Attending")),
    Answer.tentative: ("❔", mark("Maybe")),
    Answer.not_attending: ("❌", mark("Can't come")),
    Answer.pending: ("💤", mark("No answer")),
}


async def show(interaction: Interaction, meeting_id: int, page: int = 0, note: str = "") -> None:
    """The list with a select of people. Raises Refusal for whoever may not manage the meeting."""
    actor = await checks.of_meeting(interaction, meeting_id)
    found = await answers.roll(actor, meeting_id)
    if not found.reasons:
        raise Refusal(
            "not_allowed",
            t("Only moderators and the facilitators of this group can do that. "
              "Nothing was changed."),
        )  # fmt: skip
    text = f"{note}\n{ui.roll(found)}".strip()
    await lasting.show(interaction, text, _view(found, meeting_id, page))


def _view(found: Roll, meeting_id: int, page: int) -> LastingView:
    view = LastingView()
    shown = found.people[page * PAGE : (page + 1) * PAGE]
    if shown:
        options = [
            discord.SelectOption(
                label=person.name[:100], value=f"{person.user_id}",
                emoji=_SAID[Answer(person.answer)][0],
                description=t(_SAID[Answer(person.answer)][1]),
            )
            for person in shown
        ]  # fmt: skip
        view.select(t("Answer for somebody"), "answer_for", options, meeting_id, row=0)
    if page > 0:
        view.button(t("Back"), "answers_page", meeting_id * 100 + page - 1, row=1)
    if len(found.people) > (page + 1) * PAGE:
        view.button(t("More"), "answers_page", meeting_id * 100 + page + 1, row=1)
    return view.button(t("Back to the meeting"), "meeting_manage", meeting_id, row=1)


@lasting.on_press("meeting_answers")
async def _open(interaction: Interaction, meeting_id: int) -> None:
    await lasting.begin(interaction)
    await show(interaction, meeting_id)


@lasting.on_press("answers_page")
async def _page(interaction: Interaction, number: int) -> None:
    await lasting.begin(interaction)
    await show(interaction, *divmod(number, 100))


@lasting.on_pick("answer_for")
async def _whom(interaction: Interaction, meeting_id: int, values: list[str]) -> None:
    """The four answers for the person who was chosen."""
    await lasting.begin(interaction)
    actor = await checks.of_meeting(interaction, meeting_id)
    found = await answers.roll(actor, meeting_id)
    person = next((p for p in found.people if str(p.user_id) == values[0]), None)
    if person is None:
        raise Refusal("not_in_group", t("They are not in this group any more."))
    options = [
        discord.SelectOption(
            label=t(label), value=f"{person.user_id}:{answer}", emoji=emoji,
            default=answer == person.answer,
        )
        for answer, (emoji, label) in _SAID.items()
    ]  # fmt: skip
    view = LastingView().select(t("Their answer"), "answer_as", options, meeting_id)
    view.button(t("Back"), "meeting_answers", meeting_id)
    text = t("What does {person} say? The history remembers that you entered it.",
             person=plain(person.name))  # fmt: skip
    await lasting.show(interaction, text, view)


@lasting.on_pick("answer_as")
async def _said(interaction: Interaction, meeting_id: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    actor = await checks.of_meeting(interaction, meeting_id)
    user_id, _, said = values[0].partition(":")
    if not user_id.isdecimal() or said not in set(Answer):
        raise Refusal("unknown_choice", t("That choice is not known."))
    await answers.answer(actor, meeting_id, Answer(said), Source.moderator, user_id=int(user_id))
    await show(interaction, meeting_id, note=t("✅ Saved."))
