"""Texts that reach a narrow place by way of a table; `test_languages` sees those said in place."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from bot.ui import answer_for, attendance, attendance_steps, messages, my_settings, reminders
from bot.ui.meeting_typed import RHYTHMS
from core.notifications.kinds import KINDS
from core.notifications.templates import TEMPLATES
from core.words import LANGUAGES, speaking, t

OPTION, BUTTON, LABEL = 100, 80, 45  # characters that Discord takes
NUMBER = 4  # characters of "12. " before a message's kind

TABLES: dict[str, tuple[Iterable[str], int]] = {
    "kinds of messages, in a list": ([kind.title for kind in KINDS.values()], OPTION - NUMBER),
    "kinds whose text can be changed": ([KINDS[name].title for name in TEMPLATES], LABEL),
    "reminders": (reminders._LABELS.values(), LABEL),
    "rhythms": (RHYTHMS.values(), OPTION),
    "filters of messages": (messages.FILTERS.values(), OPTION),
    "switches": (my_settings.SWITCHES.values(), OPTION),
    "answers": ([label for _, label in answer_for._SAID.values()], OPTION),
    "corrections": (attendance_steps.SAY.values(), BUTTON),
    "attendance": ([word for _, word in attendance.VERDICTS.values()], OPTION),
}


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("table", TABLES)
def test_every_label_of_a_table_fits_its_place(table: str, code: str) -> None:
    found, limit = TABLES[table]
    with speaking(code):
        shown = [str(t(text)) for text in found]
    assert shown
    assert [text for text in shown if len(text) > limit] == []
