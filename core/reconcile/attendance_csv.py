"""The spreadsheet of a group's attendance. What people typed never becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

COLUMNS = ("member", "id", "meeting", "date", "answer", "attendance", "minutes")
# Spreadsheets take a cell that begins so for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARK = "\ufeff"  # without it spreadsheets read UTF-8 as something else


@dataclass(frozen=True)
class Line:
    """One person in one meeting; `at` is aware and written as ISO 8601 with its offset."""

    member: str
    user_id: int
    meeting: str
    at: datetime
    answer: str
    attendance: str
    minutes: int


def defused(cell: str) -> str:
    """A text that a spreadsheet shows as it is: an apostrophe before what would be a formula.

    Spaces before such a beginning do not help: some programs cut them off.
    """
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell


class Sheet:
    """The file as it grows: UTF-8 with its mark, commas, CRLF as RFC 4180 asks."""

    def __init__(self) -> None:
        self._out = io.StringIO()
        self._writer = csv.writer(self._out)
        self._writer.writerow(COLUMNS)

    def add(self, lines: Iterable[Line]) -> None:
        """Write these lines below the others."""
        self._writer.writerows(
            (
                defused(line.member),
                str(line.user_id),
                defused(line.meeting),
                line.at.isoformat(),
                line.answer,
                line.attendance,
                line.minutes,
            )
            for line in lines
        )

    def content(self) -> bytes:
        """The whole file."""
        return (_MARK + self._out.getvalue()).encode()
