"""How the coming week looks to moderators. Rendering only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import discord

from bot.ui.home import week_lines
from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain, when
from core.operations.home import Home
from core.operations.week import Day, DayMeeting
from core.reconcile.answers import Answered, listed, name_of
from core.words import day as of_day
from core.words import mark, t, tn

PAGE = 5  # meetings with names at once: more is a wall of text on a phone
_NAMES = 300  # characters of names for one answer of one meeting
_COUNTS = (
    ("attending", mark("{n} yes")),
    ("tentative", mark("{n} maybe")),
    ("not_attending", mark("{n} no")),
    ("pending", mark("{n} silent")),
)
_WHO = (
    ("attending", mark("✅ {names}")),
    ("tentative", mark("❔ {names}")),
    ("not_attending", mark("❌ {names}")),
    ("pending", mark("💬 silent: {names}")),
)


def counted(answers: Mapping[str, int]) -> str:
    """31 yes, 4 maybe, 6 no, 7 silent."""
    return ", ".join(t(words, n=answers.get(answer, 0)) for answer, words in _COUNTS)


def week(found: Home, days: Sequence[Day]) -> tuple[str, LastingView]:
    """A line for each day on which somebody meets, with a select for the names."""
    view = LastingView()
    parts = [f"**{t('This week')}**"]
    for one in days:
        number = tn("{n} meeting", "{n} meetings", one.meetings)
        parts.append(f"**{of_day(one.day)}**: {counted(one.answers)} · {number}")
    if not days:
        parts.append(t("Nobody meets within seven days."))
    else:
        options = [
            discord.SelectOption(
                label=of_day(one.day), value=one.day.isoformat(), description=counted(one.answers)
            )
            for one in days
        ]
        view.select(t("Who comes on …"), "week_day", options, row=0)
    parts += week_lines(found)
    return lines(parts), view.button(t("Home"), "home", row=1)


def day(
    shown: date, meetings: Sequence[DayMeeting], page: int, total: int
) -> tuple[str, LastingView]:
    """The meetings of a day with everybody's names."""
    view = LastingView()
    parts = [f"**{of_day(shown)}** ({total})"]
    for meeting in meetings:
        at = when(meeting.starts_at, "t")
        parts.append(f"**{plain(meeting.label)}** · {name_of(meeting.number)} · {at}")
        parts += [
            t(words, names=_names(meeting.names[answer]))
            for answer, words in _WHO
            if meeting.names.get(answer)
        ]
    if not meetings:
        parts.append(t("Nobody meets on that day any more."))
    number = shown.toordinal() * 1000  # a press brings back the day and the page
    if page > 0:
        view.button(t("Back"), "week_page", number + page - 1)
    if (page + 1) * PAGE < total:
        view.button(t("More"), "week_page", number + page + 1)
    return lines(parts), view.button(t("This week"), "home_week")


def _names(names: Sequence[str]) -> str:
    return listed([Answered(plain(name)) for name in names], room=_NAMES)
