"""What an import shows: the counts, the groups, every line, the post in a group."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import discord

from bot.ui.text import lines, plain
from core.operations.imports import Facts, Imported
from core.reconcile.roster_match import Match, People, Status
from core.reconcile.roster_seats import Place, Seating
from core.words import mark, t, tn

_WHY = {
    "shortened_id": mark("the spreadsheet cut this id short; make the column text and save again"),
    "no_person": mark("a role or a channel, not a person"),
    "formula": mark("a formula, not a name"),
    "too_long": mark("longer than any name on Discord"),
    "columns": mark("more columns than I understand; add a first line with headings"),
    "role": mark("the role is neither participant nor facilitator"),
    "empty": mark("nobody is named"),
    "bot": mark("a bot; bots cannot be in groups"),
    "nobody": mark("nobody here is called that; if it is a user name, write @ before it"),
    "twice": mark("the same person as on an earlier line"),
    "out": mark("left out"),
    "full": mark("no seat is free"),
    "no_group": mark("the list names no group"),
    "unknown_group": mark("the cohort has no group of this name"),
}
PLACED = {Status.found, Status.away}  # who gets a group, where there is one
_LINES_NAMED = 8  # line numbers that a summary names; the report has them all
_POST_NAMES = 60  # mentions of 23 characters: what fits into one post with its sentence


def head(facts: Facts, matches: Sequence[Match]) -> str:
    """The first two lines: into what, how many lines, and what became of them."""
    counts = Counter(m.status for m in matches)
    parts = [tn("{n} found", "{n} found", counts[Status.found])]
    parts.append(tn("{n} unclear", "{n} unclear", counts[Status.unclear]))
    parts.append(tn("{n} not here yet", "{n} not here yet", counts[Status.away]))
    if counts[Status.inside]:
        parts.append(tn("{n} in it already", "{n} in it already", counts[Status.inside]))
    if counts[Status.bad]:
        parts.append(tn("{n} not usable", "{n} not usable", counts[Status.bad]))
    title = tn(
        "**Import into {cohort}** · {n} line", "**Import into {cohort}** · {n} lines",
        len(matches), cohort=plain(facts.cohort_name),
    )  # fmt: skip
    return f"{title}\n{', '.join(parts)}"


def overview(facts: Facts, matches: Sequence[Match], heading_line: int | None) -> str:
    """The preview of a list before groups are chosen."""
    counts = Counter(m.status for m in matches)
    parts = [head(facts, matches), t("Nothing was done yet.")]
    if heading_line is not None:
        parts.append(t("Line {n} was read as headings.", n=heading_line))
    if counts[Status.unclear]:
        parts.append(t("❓ Decide who is meant where it is unclear: nothing is guessed."))
    if counts[Status.away]:
        parts.append(
            t("⏳ Who is not here yet holds a seat and is let in as soon as they come.")
        )  # fmt: skip
    if counts[Status.inside]:
        parts.append(t("▫️ Who is in a group of this cohort already stays there."))
    parts += _reasons((m.row.line, m.why) for m in matches if m.status == Status.bad)
    if not counts[Status.found] + counts[Status.away] + counts[Status.unclear]:
        parts.append(t("So there is nobody to bring in."))
    return lines(parts)


def _reasons(found: Iterable[tuple[int, str]]) -> list[str]:
    """One line a reason, with the numbers of the lines that it is about."""
    grouped: dict[str, list[int]] = defaultdict(list)
    for line, why in found:
        grouped[why].append(line)
    result = []
    for why, numbers in grouped.items():
        named = ", ".join(map(str, numbers[:_LINES_NAMED]))
        more = " …" if len(numbers) > _LINES_NAMED else ""
        result.append(
            tn(
                "⚠️ {n} × {why}: line {lines}", "⚠️ {n} × {why}: lines {lines}",
                len(numbers), why=t(_WHY[why]), lines=f"{named}{more}",
            )
        )  # fmt: skip
    return result


def question(found: Match, number: int, total: int) -> str:
    """Who is meant by one unclear line?"""
    return t(
        "Line {line}: **{text}**. Who is it? ({number} of {total})",
        line=found.row.line, text=plain(found.row.text), number=number, total=total,
    )  # fmt: skip


def candidates(found: Match, people: People, facts: Facts) -> list[discord.SelectOption]:
    """The people who could be meant, with their user name and where they are already."""
    names = {p.id: p.name for p in facts.places}
    options = []
    for user_id in found.candidates:
        person = people.by_id[user_id]
        where = facts.inside.get(user_id)
        described = f"@{person.username}"
        if where is not None:
            described = t(
                "@{user} · in {group} already", user=person.username, group=names.get(where, "?")
            )
        options.append(
            discord.SelectOption(
                label=person.shown[:100], value=str(user_id), description=described[:100]
            )
        )
    return options


def seating(facts: Facts, matches: Sequence[Match], seats: Seating) -> str:
    """The second preview: what each group would have."""
    added, helpers = seats.added(), Counter(p.group_id for p in seats.placed)
    parts = [head(facts, matches), t("Nothing was done yet.")]
    parts += [_place(p, added[p.id], helpers[p.id] - added[p.id]) for p in facts.places]
    waiting = sum(p.user_id is None for p in seats.placed)
    if waiting:
        parts.append(
            tn("⏳ {n} of them is not here yet.", "⏳ {n} of them are not here yet.", waiting)
        )
    if seats.over:
        parts.append(
            tn("⚠️ {n} person more than there are seats.",
               "⚠️ {n} people more than there are seats.", seats.over)
        )  # fmt: skip
    if missing := seats.left_for("full"):
        parts.append(tn("⚠️ {n} person does not fit.", "⚠️ {n} people do not fit.", missing))
    parts += _reasons((one.match.row.line, one.why) for one in seats.left if one.why != "full")
    if not seats.placed:
        parts.append(t("So there is nobody to bring in."))
    return lines(parts)


def _place(place: Place, added: int, helpers: int) -> str:
    """One group: "Group 1: 6 more, then 12 of 12 seats taken"."""
    text = tn(
        "▫️ **{group}**: {added} more, then {taken} of {n} seat taken",
        "▫️ **{group}**: {added} more, then {taken} of {n} seats taken",
        place.seats, group=plain(place.name), added=added, taken=place.taken + added,
    )  # fmt: skip
    if not helpers:
        return text
    return f"{text} · {tn('{n} facilitator more', '{n} facilitators more', helpers)}"


def report(
    facts: Facts, people: People, matches: Sequence[Match], seats: Seating | None
) -> discord.File:
    """Every line of the list and what becomes of it, as a text file."""
    names = {p.id: p.name for p in facts.places}
    chosen = {(p.line, p.user_id or p.name): p.group_id for p in seats.placed} if seats else {}
    left = {one.match.row: one.why for one in seats.left} if seats else {}
    rows = []
    for found in matches:
        group = chosen.get((found.row.line, found.user_id or found.name), found.group_id)
        why = left.get(found.row) if found.status in PLACED else None
        told = t(_WHY[why]) if why else _told(found, people)
        where = f" → {names[group]}" if group in names and not why else ""
        rows.append(f"{found.row.line}: {found.row.text} → {told}{where}")
    data = "\r\n".join(rows).encode("utf-8-sig")  # the mark and the line ends are for Windows
    return discord.File(io.BytesIO(data), t("import-report.txt"))


def _told(found: Match, people: People) -> str:
    """What became of one line, in words."""
    if found.status == Status.bad:
        if found.why == "twice":
            return t("the same person as on line {line}", line=found.of_line)
        return t(_WHY[found.why])
    person = people.by_id.get(found.user_id or 0)
    who = f"{person.shown} (@{person.username})" if person else f"@{found.name}"
    if found.status == Status.unclear:
        return tn(
            "unclear, {n} person could be meant", "unclear, {n} people could be meant",
            len(found.candidates),
        )  # fmt: skip
    if found.status == Status.inside:
        return t("{who}, in it already", who=who)
    if found.status == Status.away:
        return t("{who}, not here yet", who=who)
    return who


def done(facts: Facts, imported: Imported, seats: Seating) -> list[str]:
    """Sentences on what was done, for the answer and the moderators' post."""
    groups = tn("{n} group", "{n} groups", len(imported.group_ids))
    parts = [
        tn("{n} person is in {groups} now.", "{n} people are in {groups} now.",
           imported.members, groups=groups)
    ]  # fmt: skip
    if imported.waiting:
        parts.append(
            tn("{n} is not here yet and holds a seat.", "{n} are not here yet and hold a seat.",
               imported.waiting)
        )  # fmt: skip
    if imported.already:
        parts.append(
            tn("{n} came in by themselves in the meantime.",
               "{n} came in by themselves in the meantime.", imported.already)
        )  # fmt: skip
    if missing := seats.left_for("full"):
        parts.append(tn("{n} did not fit.", "{n} did not fit.", missing))
    if facts.draft:
        parts.append(
            t("The cohort is a draft, so there are no channels yet: `/cohort open`.")
        )  # fmt: skip
    return list(parts)


def welcome(user_ids: Sequence[int]) -> str:
    """The one post in a group; it pings nobody."""
    named = ", ".join(f"<@{user}>" for user in user_ids[:_POST_NAMES])
    if (more := len(user_ids) - _POST_NAMES) > 0:
        return tn(
            "👋 New in this group: {people} and {n} more",
            "👋 New in this group: {people} and {n} more", more, people=named,
        )  # fmt: skip
    return t("👋 New in this group: {people}", people=named)
