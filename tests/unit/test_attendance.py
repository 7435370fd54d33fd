"""Who came, and who may need a word: literals in, verdicts out."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from PIL import Image

from bot.ui.attendance_grid import Grid, Head, Row
from bot.ui.attendance_picture import WIDTH, draw, drawable
from core.reconcile.attendance import (
    Cause,
    Need,
    Past,
    Seen,
    Verdict,
    attention,
    counted,
    enough,
    until,
    verdict,
)
from core.reconcile.attendance_csv import COLUMNS, Line, Sheet, defused

START = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


@pytest.mark.parametrize(
    ("length", "threshold", "seconds"),
    [(60, 10, 600), (90, 10, 600), (20, 10, 600), (19, 10, 570), (15, 10, 450), (60, 45, 1800),
     (1, 1, 30)],
)  # fmt: skip
def test_enough_is_some_minutes_and_at_most_half(length: int, threshold: int, seconds: int) -> None:
    assert enough(length, threshold) == seconds


@pytest.mark.parametrize(
    ("seen", "anybody", "said"),
    [
        (Seen(600), True, Verdict.attended),
        (Seen(599), True, Verdict.absent),
        (None, True, Verdict.absent),
        (Seen(0), True, Verdict.absent),
        # Nobody was there for long enough: they met elsewhere, or Muster was away.
        (None, False, Verdict.unknown),
        (Seen(599), False, Verdict.unknown),
        # A facilitator's mark wins over what was seen, and over there being no data.
        (Seen(3600, "absent"), True, Verdict.absent),
        (Seen(3600, "excused"), True, Verdict.excused),
        (Seen(0, "attended"), True, Verdict.attended),
        (Seen(0, "attended"), False, Verdict.attended),
        (Seen(0, "absent"), False, Verdict.absent),
    ],
)
def test_verdicts(seen: Seen | None, anybody: bool, said: Verdict) -> None:
    assert verdict(seen, minutes=60, threshold=10, anybody_seen=anybody) == said


@pytest.mark.parametrize(
    ("since", "to", "seconds"),
    [(-10, 20, 1200), (0, 60, 3600), (50, 75, 600), (-10, 90, 3600), (-10, -1, 0), (61, 70, 0),
     (30, 30, 0), (30, 10, 0)],
)  # fmt: skip
def test_only_the_meeting_itself_counts(since: float, to: float, seconds: int) -> None:
    assert counted(START + minutes(since), START + minutes(to), START, 60) == seconds


@pytest.mark.parametrize(
    ("present", "leaving", "now", "last"),
    [
        (True, False, 30, 30),  # still there after a restart
        (False, True, 30, 30),  # just left
        (False, False, 30, 5),  # gone when somebody looked again
        (True, False, 65, 65),  # stayed over the end
        (False, True, 69, 69),
        (True, False, 71, 5),  # back in the channel much later is no proof of having stayed
        (False, True, 600, 5),
    ],
)
def test_up_to_when_a_stay_is_believed(
    present: bool, leaving: bool, now: float, last: float
) -> None:
    found = until(
        present=present, leaving=leaving, last_seen_at=START + minutes(5),
        ends_at=START + minutes(60), now=START + minutes(now),
    )  # fmt: skip
    assert found == START + minutes(last)


def past(*said: str) -> list[Past]:
    """Meetings of every week before NOW, newest first: a letter each.

    a: absent, n: absent with notice, +: attended, s: absent but there for a moment, e: excused,
    ?: no data.
    """
    kinds = {
        "a": (Verdict.absent, False, False),
        "n": (Verdict.absent, True, False),
        "+": (Verdict.attended, False, True),
        "s": (Verdict.absent, False, True),
        "e": (Verdict.excused, False, False),
        "?": (Verdict.unknown, False, False),
    }
    return [
        Past(i, NOW - timedelta(days=7 * i + 1), *kinds[letter])
        for i, letter in enumerate("".join(said))
    ]


LONG_AGO = NOW - timedelta(days=60)


@pytest.mark.parametrize(
    ("said", "answered", "cause", "meetings"),
    [
        ("", False, None, ()),
        ("+", False, None, ()),
        ("a", True, None, ()),
        ("aa", True, Cause.missed, (0, 1)),
        ("a?a", True, Cause.missed, (0, 2)),  # no data breaks no row
        ("??aa", True, Cause.missed, (2, 3)),
        ("a+a", True, None, ()),
        ("ana", True, None, ()),  # somebody who gave notice in between is in touch
        ("nn", True, None, ()),
        ("aea", True, None, ()),
        ("+aa", True, None, ()),
        ("ss", True, Cause.missed, (0, 1)),
        # Silent: three weeks without an answer, and never there.
        ("aaa", False, Cause.silent, (0, 1, 2)),
        ("?a?", False, Cause.silent, (1,)),
        ("???", False, None, ()),  # no data is not absence
        ("aaa+", False, Cause.silent, (0, 1, 2)),
        ("aa+", False, Cause.missed, (0, 1)),
        ("aas", False, Cause.missed, (0, 1)),
        ("eee", False, None, ()),
        ("aae", False, Cause.missed, (0, 1)),
        ("nnn", False, Cause.silent, (0, 1, 2)),
    ],
)
def test_members_who_may_need_a_word(
    said: str, answered: bool, cause: Cause | None, meetings: tuple[int, ...]
) -> None:
    found = attention(past(said), facilitator=False, since=LONG_AGO, answered=answered, now=NOW)
    assert (found.cause if found else None) == cause
    assert tuple(p.meeting_id for p in found.meetings) == meetings if found else meetings == ()


def test_nobody_is_silent_who_is_new() -> None:
    new = NOW - timedelta(days=20)
    assert attention(past("a"), facilitator=False, since=new, answered=False, now=NOW) is None
    old = NOW - timedelta(days=21)
    found = attention(past("a"), facilitator=False, since=old, answered=False, now=NOW)
    assert found == Need(Cause.silent, tuple(past("a")))


@pytest.mark.parametrize(
    ("said", "meetings"),
    [("a+", (0,)), ("n+", (0,)), ("?a", (1,)), ("+a", None), ("e", None), ("?", None), ("", None)],
)
def test_facilitators_are_named_at_once(said: str, meetings: tuple[int, ...] | None) -> None:
    """Also after notice: the group met without them."""
    found = attention(past(said), facilitator=True, since=LONG_AGO, answered=True, now=NOW)
    assert (tuple(p.meeting_id for p in found.meetings) if found else None) == meetings
    assert found is None or found.cause == Cause.facilitator


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Ann", "Ann"),
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+49 170", "'+49 170"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("\u00a0@x", "'\u00a0@x"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_names_never_become_formulas(name: str, cell: str) -> None:
    assert defused(name) == cell


def test_the_file_reads_back_as_it_was_written() -> None:
    berlin = timezone(timedelta(hours=1))
    at = datetime(2026, 3, 4, 19, 0, tzinfo=berlin)
    names = ['Änne "Ä" Müßig, die', "日本\n太郎", "=cmd|' /C calc'!A0", "👩‍🚀;crew"]
    lines = [Line(n, 10**18 + i, "Week 3", at, "attending", "attended", 55)
             for i, n in enumerate(names)]  # fmt: skip
    file = Sheet()
    file.add(lines[:1])
    file.add(lines[1:])
    content = file.content()
    assert content.startswith(b"\xef\xbb\xbfmember,id,meeting,date,answer,attendance,minutes\r\n")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[0] == list(COLUMNS)
    assert [row[0] for row in rows[1:]] == [names[0], names[1], "'" + names[2], names[3]]
    assert rows[1][1:] == [
        "1000000000000000000", "Week 3", "2026-03-04T19:00:00+01:00", "attending", "attended", "55",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Änne Müßig-Łódź", "Änne Müßig-Łódź"),
        ("Ελένη Жанна", "Ελένη Жанна"),
        ("日本語 太郎", "\ufffd \ufffd"),
        ("👩‍🚀 crew", "\ufffd crew"),
        ("A\u0308nne", "Änne"),
        ("\u202eevil\u200b", "evil"),
        ("\x00\n", "\ufffd"),
        ("", "\ufffd"),
    ],
)
def test_what_cannot_be_drawn_is_told_by_one_sign(name: str, shown: str) -> None:
    assert drawable(name) == shown


def picture(columns: int, names: list[str]) -> Image.Image:
    marks = ("attended", "absent", "excused", "unknown", None)
    rows = tuple(
        Row(i + 1, name, tuple(marks[(i + c) % 5] for c in range(columns)), "7/12")
        for i, name in enumerate(names)
    )
    heads = tuple(Head(str(c), "28", "Sept.") for c in range(columns))
    legend = tuple((m, f"{m} " * 9) for m in marks if m)
    content = draw(Grid("Group 1 · " + "Stats " * 30, heads, rows, legend))
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("columns", [1, 12])
def test_the_picture_is_as_large_as_its_rows(columns: int) -> None:
    few = picture(columns, ["Ann"])
    many = picture(columns, ["日本", "x" * 500, "👩‍🚀"] * 6 + ["", "é"])
    assert (few.format, few.width, many.width) == ("PNG", WIDTH, WIDTH)
    assert many.height - few.height == 19 * 54


def test_each_mark_is_told_by_its_shape_too() -> None:
    """Without colours the four marks still differ, and so does an empty cell."""
    grey = picture(5, ["Ann"]).convert("L")
    step = (WIDTH - 270 - 96) / 6
    cells = [grey.crop((int(270 + step * i), 202, int(270 + step * i) + 80, 256)) for i in range(5)]
    assert len({cell.tobytes() for cell in cells}) == 5
