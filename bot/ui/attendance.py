"""Attendance in words: the text beside the picture, and what stands on its buttons."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import discord
from babel.dates import format_date

from bot.ui.attendance_grid import Grid, Head, Row
from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain, when
from core.operations.attendance_sheet import MEETINGS, PEOPLE, Cell, Column, Person, Sheet
from core.reconcile.attendance import Verdict
from core.words import day, language, mark, t, tn

VERDICTS = {
    Verdict.attended: ("✅", mark("came")),
    Verdict.absent: ("❌", mark("was not there")),
    Verdict.excused: ("➖", mark("excused")),
    Verdict.unknown: ("❔", mark("no data")),
}
NOT_EXPECTED = "▫️"
_NAME = 32  # Discord's longest nickname
# The number of a button holds the group and both pages: a group has 17 pages of meetings and 25
# of people at most.
_PAGES = 100


def number(group_id: int, meetings: int, people: int) -> int:
    """What a button carries: the group and the two pages."""
    return (group_id * _PAGES + meetings) * _PAGES + people


def pages(carried: int) -> tuple[int, int, int]:
    """(group id, page of meetings, page of people) of such a number."""
    rest, people = divmod(carried, _PAGES)
    group_id, meetings = divmod(rest, _PAGES)
    return group_id, meetings, people


def row_number(sheet: Sheet, index: int) -> int:
    """The number of a person's row, counted over all pages from 1."""
    return sheet.page[1] * PEOPLE + index + 1


def total(person: Person) -> str:
    """As in 7/9: meetings they came to, of those of which something is known."""
    known = [c for c in person.cells if c is not None and c.verdict != Verdict.unknown]
    came = sum(c.verdict == Verdict.attended for c in known)
    return f"{came}/{len(known)}" if known else "–"


def text(sheet: Sheet) -> str:
    """The picture's twin."""
    parts = [f"**{plain(sheet.label)}** · {t('Attendance')}"]
    if not sheet.meetings:
        return lines([*parts, t("No meeting has begun yet.")])
    parts.append(_span(sheet))
    parts += [_line(sheet, index) for index in range(len(sheet.people))]
    if not sheet.people:
        parts.append(t("Nobody is in it."))
    words = [f"{icon} {t(word)}" for icon, word in VERDICTS.values()]
    parts.append("-# " + " · ".join([*words, f"{NOT_EXPECTED} {t('not expected')}"]))
    counts = t(
        "Who was in the voice channel for {n} minutes, or for half of a shorter meeting, came. "
        "Where nobody was, there is no data.",
        n=sheet.threshold,
    )
    return lines([*parts, f"-# {counts}"])


def _span(sheet: Sheet) -> str:
    first, last = sheet.meetings[0], sheet.meetings[-1]
    if len(sheet.meetings) == 1:
        return f"{first.name}, {when(first.starts_at, 'd')}"
    return t(
        "{first} ({begin}) to {last} ({end}), oldest first",
        first=first.name,
        begin=when(first.starts_at, "d"),
        last=last.name,
        end=when(last.starts_at, "d"),
    )


def _line(sheet: Sheet, index: int) -> str:
    person = sheet.people[index]
    name = plain(person.name[:_NAME])
    if person.guest:
        name = t("{name} (guest)", name=name)
    marks = "".join(NOT_EXPECTED if c is None else VERDICTS[c.verdict][0] for c in person.cells)
    return f"`{row_number(sheet, index)}` **{name}** {marks} {total(person)}"


def alt(sheet: Sheet) -> str:
    """What is said instead of the picture; at most 1,024 characters, Discord's limit."""
    return t(
        "Attendance of {group}: {people} and {meetings}, each with a mark. The text of this "
        "message says the same.",
        group=sheet.label,
        people=tn("{n} person", "{n} people", len(sheet.people)),
        meetings=tn("{n} meeting", "{n} meetings", len(sheet.meetings)),
    )


def view(sheet: Sheet) -> LastingView:
    """A select that corrects, the other pages, and the spreadsheet."""
    found = LastingView()
    meetings, people = sheet.page
    if sheet.meetings and sheet.people:
        options = [
            discord.SelectOption(label=title(m, sheet.zone)[:100], value=str(m.id))
            for m in reversed(sheet.meetings)
        ]
        here = number(sheet.group_id, meetings, people)
        found.select(t("Correct a meeting"), "attend_meeting", options, here, row=0)

    def turn(label: str, by_meetings: int, by_people: int) -> None:
        target = number(sheet.group_id, meetings + by_meetings, people + by_people)
        found.button(label, "attend_show", target, row=1)

    if (meetings + 1) * MEETINGS < sheet.all_meetings:
        turn(t("Earlier meetings"), 1, 0)
    if meetings:
        turn(t("Later meetings"), -1, 0)
    if people:
        turn(t("People before"), 0, -1)
    if (people + 1) * PEOPLE < sheet.all_people:
        turn(t("More people"), 0, 1)
    return found.button(t("Spreadsheet"), "attend_export", sheet.group_id, row=2)


def title(meeting: Column, zone: str) -> str:
    """As in a select, where timestamps show nothing: Week 3 · 4 March 2026."""
    return f"{meeting.name} · {day(meeting.starts_at.astimezone(ZoneInfo(zone)).date())}"


def seen(cell: Cell | None) -> str:
    """One person in one meeting, in words: what counts, why, and what they had answered."""
    if cell is None:
        return t("not expected")
    icon, word = VERDICTS[cell.verdict]
    parts = [f"{icon} {t(word)}"]
    if cell.marked:
        parts.append(t("noted by hand"))
    if cell.seconds:
        here = tn("{n} minute there", "{n} minutes there", cell.seconds // 60)
        parts.append(here)
    said = {
        "attending": t("had said yes"),
        "tentative": t("had said maybe"),
        "not_attending": t("had said that they can't come"),
    }
    if cell.answer in said:
        parts.append(said[cell.answer])
    return " · ".join(parts)


def file_name(label: str) -> str:
    """A name that every system takes: attendance-group-1-stats.csv."""
    short = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:60]
    return f"attendance-{short}.csv" if short else "attendance.csv"


def picture(sheet: Sheet) -> bytes:
    """The PNG. Takes up to a tenth of a second: call it in a thread."""
    # Pillow takes a tenth of a second to load, which only this needs.
    from bot.ui.attendance_picture import draw  # noqa: PLC0415

    rows = tuple(
        Row(
            row_number(sheet, index),
            p.name,
            tuple(None if c is None else c.verdict.value for c in p.cells),
            total(p),
        )
        for index, p in enumerate(sheet.people)
    )
    legend = tuple((v.value, str(t(word))) for v, (_, word) in VERDICTS.items())
    heads = tuple(_head(m, sheet.zone) for m in sheet.meetings)
    return draw(Grid(sheet.label, heads, rows, legend))


def _head(meeting: Column, zone: str) -> Head:
    at = meeting.starts_at.astimezone(ZoneInfo(zone))
    month = format_date(at, "LLL", locale=language())
    return Head(str(meeting.number or "+"), str(at.day), str(month))
