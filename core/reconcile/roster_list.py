"""A list of people as moderators paste or export it, turned into rows. Nothing is looked up."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.errors import Refusal
from core.words import t

MAX_LINES = 10_000  # people of one list: ten times the largest role that anybody imports
CELL = 100  # characters of a name; Discord's own limit is 32
_SHOWN = 60  # characters of a line that are repeated to people
_SAMPLE = 100  # lines that are looked at to find the separator
_QUOTED_LINES = 10  # one quoted cell goes over so many lines at most; else a quote is stray

_HEADINGS = {
    "id": (
        "id", "userid", "discordid", "memberid", "discorduserid", "benutzerid", "nutzerid",
        "mitgliedsid", "kennung",
    ),
    "user": (
        "user", "username", "handle", "login", "discord", "discordname", "discordusername",
        "discordtag", "tag", "benutzername", "nutzername", "benutzer", "nutzer",
    ),
    "name": (
        "name", "names", "displayname", "nickname", "nick", "fullname", "member", "members",
        "person", "people", "participants", "student", "students", "anzeigename", "spitzname",
        "mitglied", "mitglieder", "teilnehmende", "vollername", "namen",
    ),
    "group": (
        "group", "groups", "groupname", "team", "teams", "section", "gruppe", "gruppen",
        "gruppenname",
    ),
    "role": ("role", "roles", "function", "as", "rolle", "rollen", "funktion", "als"),
}  # fmt: skip
_COLUMN = {word: kind for kind, words in _HEADINGS.items() for word in words}
_ROLES = {
    "facilitator": (
        "facilitator", "facilitators", "lead", "leader", "host", "tutor", "moderator", "leitung",
        "leiter", "leiterin", "gruppenleitung", "moderation", "trainer", "trainerin",
    ),
    "participant": (
        "participant", "participants", "member", "teilnehmer", "teilnehmerin", "teilnehmende",
        "mitglied",
    ),
}  # fmt: skip
_ROLE = {word: role for role, words in _ROLES.items() for word in words}
_MENTION = re.compile(r"<@!?(\d{15,20})>")
_LINK = re.compile(r"https?://(?:\w+\.)?discord(?:app)?\.com/users/(\d{15,20})/?")
# Spreadsheets keep long numbers as text with an apostrophe, or as the formula ="123".
_NUMBER = re.compile(r"(?:'?(\d{15,20})|=\"(\d{15,20})\")")
_CUT_NUMBER = re.compile(r"\d[.,]\d+[eE]\+\d{2}")
_SEVERAL = re.compile(r"(?:<@!?\d{15,20}>|@[\w.]{2,32}|\d{15,20})")
USERNAME = re.compile(r"(?!.*\.\.)[a-z0-9_.]{2,32}")  # Discord's rule for unique user names
_LARGEST = 2**63 - 1  # a Discord id is kept as a bigint


@dataclass(frozen=True, slots=True)
class Row:
    """One person of the list. `text` is safe to show and harmless in a spreadsheet.

    `problem`, where there is one, says why the row cannot be used: shortened_id, no_person,
    formula, too_long, columns, quotes, role, empty.
    """

    line: int  # from 1, as in the file
    text: str
    user_id: int | None = None
    who: str = ""  # a user name without @, or what people call them
    also: str = ""  # the other name, where the list has both
    is_username: bool = False  # it says so: "@name", or the column does
    group: str = ""
    role: str = "participant"
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class RosterList:
    """All rows; `heading_line` is the line that was taken for column headings."""

    rows: tuple[Row, ...]
    heading_line: int | None = None


def parse(text: str) -> RosterList:
    """Rows of a pasted list or a CSV text, each with its line number.

    Raises Refusal(empty_list, too_many_lines).
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n")
    separator = _separator(lines)
    records = _records(lines, separator)
    rows: list[Row] = []
    columns: dict[str, int] | None = None
    heading_line = None
    for line, cells in records:
        if heading_line is None and not rows and (columns := _headings(cells)):
            heading_line = line
            continue
        rows += _several(line, cells) or [_row(line, cells, columns)]
        if len(rows) > MAX_LINES:
            raise _too_many(sum(1 for _ in _records(lines, separator)))
    if not rows:
        raise Refusal(
            "empty_list",
            t("There is nobody on the list. Write one person on each line: a user name, a name "
              "or an id."),
        )  # fmt: skip
    return RosterList(tuple(rows), heading_line)


def _too_many(found: int) -> Refusal:
    return Refusal(
        "too_many_lines",
        t("The list has {found} lines; {n} are possible at once. Split it into several lists.",
          found=max(found, MAX_LINES + 1), n=MAX_LINES),
    )  # fmt: skip


def _cells(line: str, separator: str, *, strict: bool) -> list[str]:
    return next(csv.reader([line], delimiter=separator, strict=strict, skipinitialspace=True), [])


def _records(lines: Sequence[str], separator: str | None) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not blank."""
    number = 0
    while number < len(lines):
        line, used = lines[number], 1
        if not tidy(line):
            number += 1
            continue
        cells = [line]
        if separator is not None or line.lstrip().startswith('"'):
            cells, used = _quoted(lines, number, separator or "\t")
        if any(map(tidy, cells)):
            yield number + 1, cells
        number += used


def _quoted(lines: Sequence[str], start: int, separator: str) -> tuple[list[str], int]:
    """The cells of a line, and how many lines they take: a quoted cell may go over several.

    A quote that is never closed is stray: then the line stands for itself, as it is written.
    """
    for used in range(1, _QUOTED_LINES + 1):
        try:
            return _cells("\n".join(lines[start : start + used]), separator, strict=True), used
        except csv.Error as error:
            if not str(error).startswith("unexpected"):  # … end of data
                break
    try:
        cells = _cells(lines[start], separator, strict=False)
    except csv.Error:  # longer than the csv module's own limit for a cell
        cells = [lines[start]]
    return cells, 1


def _separator(lines: Sequence[str]) -> str | None:
    """Tab, semicolon or comma; None where lines are names and nothing else.

    Column headings decide; without them, what splits at least half of the lines.
    """
    sample = [line for line in lines if tidy(line)][:_SAMPLE]
    if not sample:
        return None
    split: dict[str, list[list[str]]] = {}
    for separator in "\t;,":
        split[separator] = [_quoted([line], 0, separator)[0] for line in sample]
    headed = {s: len(_headings(cells[0]) or ()) for s, cells in split.items() if len(cells[0]) > 1}
    if headed and max(headed.values()):
        return max(headed, key=lambda s: headed[s])
    counts = {s: sum(len(cells) > 1 for cells in found) for s, found in split.items()}
    best = max(counts, key=lambda s: counts[s])
    return best if counts[best] * 2 >= len(sample) else None


def _word(cell: str) -> str:
    return "".join(c for c in tidy(cell).casefold() if c.isalnum())


def _headings(cells: Sequence[str]) -> dict[str, int] | None:
    """Columns by what they hold, where the line is one of headings: it must name people."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        kind = _COLUMN.get(_word(cell))
        if kind is not None:
            found.setdefault(kind, place)
    return found if found.keys() & {"id", "user", "name"} else None


def tidy(text: str) -> str:
    """One line without invisible characters, spaces at the ends and double spaces."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = (
        " " if c.isspace() else c
        for c in unicodedata.normalize("NFC", text)
        if c.isspace() or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    return " ".join("".join(kept).split())


def shown(cells: Sequence[str]) -> str:
    """A line as it is repeated to people: short, and no formula wherever it is opened."""
    text = " · ".join(filter(None, (tidy(c).removeprefix("@") for c in cells)))
    text = text[: _SHOWN - 1] + "…" if len(text) > _SHOWN else text
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _several(line: int, cells: Sequence[str]) -> list[Row]:
    """Mentions, ids or @names side by side on one line, as people copy them out of Discord."""
    tokens = [token for cell in cells for token in re.split(r"[\s,;]+", cell) if token]
    if len(tokens) < 2 or not all(_SEVERAL.fullmatch(token) for token in tokens):  # noqa: PLR2004 - several
        return []
    return [_row(line, [token], None) for token in tokens]


def _row(line: int, cells: Sequence[str], columns: dict[str, int] | None) -> Row:
    """One line; with column headings by them, else by what the cells look like."""
    kept = Row(line, shown(cells))
    if any(len(cell) > CELL for cell in (cells if columns is None else _read(cells, columns))):
        return replace(kept, problem="too_long")
    if columns is None:
        return _by_looks(kept, [tidy(cell) for cell in cells])
    values = {kind: tidy(cells[at]) if at < len(cells) else "" for kind, at in columns.items()}
    who = next((values[k] for k in ("id", "user", "name") if values.get(k)), "")
    row = _identified(kept, who, username=bool(values.get("user")) and who == values["user"])
    also = next((values[k] for k in ("name", "user") if values.get(k) not in {None, "", who}), "")
    row = replace(
        row, also=also, text=shown([who, values.get("group", "")]), group=values.get("group", "")
    )
    return _with_role(row, values.get("role", ""))


def _read(cells: Sequence[str], columns: dict[str, int]) -> list[str]:
    return [cells[at] for at in columns.values() if at < len(cells)]


def _by_looks(row: Row, cells: list[str]) -> Row:
    """Without headings: the id or the first cell is the person, then comes the group."""
    at = next((n for n, c in enumerate(cells) if _id_of(c)), None)
    rest = [c for c in cells[(at or 0) + 1 :] if c]
    role = next((c for c in reversed(rest) if _word(c) in _ROLE), "")
    if role:
        rest.remove(role)
    found = _identified(row, cells[at or 0], username=False)
    if len(rest) > 1 and at is None:
        return replace(found, problem="columns")
    # Beside an id a name says nothing that the id does not: the last column is the group.
    return _with_role(replace(found, group=rest[-1] if rest else ""), role)


def _with_role(row: Row, word: str) -> Row:
    role = _ROLE.get(_word(word)) if word else "participant"
    if role is None:
        return replace(row, problem=row.problem or "role")
    return replace(row, role=role)


def _id_of(cell: str) -> int | None:
    for pattern in (_MENTION, _LINK, _NUMBER):
        if found := pattern.fullmatch(cell):
            number = int(next(g for g in found.groups() if g))
            return number if number <= _LARGEST else None
    return None


def _identified(row: Row, who: str, *, username: bool) -> Row:
    """The row with what its person is called."""
    if (user_id := _id_of(who)) is not None:
        return replace(row, user_id=user_id)
    if _CUT_NUMBER.fullmatch(who):
        return replace(row, problem="shortened_id")
    if who.startswith(("<@", "<#")):
        return replace(row, problem="no_person")
    if not who:
        return replace(row, problem="empty")
    name = who.removeprefix("@").removesuffix("#0").strip()
    # Only somebody who is called exactly so is meant by it; see roster_match.
    problem = "formula" if name.startswith(("=", "+", "-", "@")) else None
    named = who.startswith("@") or username
    return replace(row, who=name, is_username=named, problem=problem if name else "empty")
