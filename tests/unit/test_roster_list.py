"""Lists as people paste and export them, and files as their programs write them."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refusal
from core.reconcile.roster_list import MAX_LINES, Row, parse, shown, tidy
from core.reconcile.roster_text import MAX_BYTES, decode

ID = 123456789012345678


def who(text: str) -> list[tuple[int, str | int, str, str]]:
    """(line, id or name, group, problem or role) of every row."""
    return [
        (r.line, r.user_id or r.who, r.group, r.problem or ("" if r.role[0] == "p" else "lead"))
        for r in parse(text).rows
    ]


def refused(text: str) -> str:
    with pytest.raises(Refusal) as refusal:
        parse(text)
    return refusal.value.code


def test_names_one_a_line() -> None:
    assert who("anna\n\n  Bert Meier \r\n@carla\r\u200bdëe\n") == [
        (1, "anna", "", ""), (3, "Bert Meier", "", ""), (4, "carla", "", ""),
        (5, "dëe", "", ""),
    ]  # fmt: skip
    assert [r.is_username for r in parse("anna\n@anna").rows] == [False, True]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("headings", ["Name,Group,Role", "Benutzername,Gruppe,Rolle"])
def test_columns_with_headings(separator: str, headings: str) -> None:
    lines = [headings, "anna,Group 1,", '"bert",2,Facilitator', "carla,,Leitung", "d,2,boss"]
    found = parse("\n".join(line.replace(",", separator) for line in lines))
    assert found.heading_line == 1
    assert any(row.group for row in found.rows)
    assert [(r.line, r.who, r.group, r.role, r.problem) for r in found.rows] == [
        (2, "anna", "Group 1", "participant", None),
        (3, "bert", "2", "facilitator", None),
        (4, "carla", "", "facilitator", None),
        (5, "d", "2", "participant", "role"),
    ]


def test_columns_in_any_order_and_others_between() -> None:
    text = f"E-mail;Gruppe;Discord-ID;Anzeigename\na@b;Rot;{ID};Anna\nc@d;Rot;;Bert\n"
    assert who(text) == [(2, ID, "Rot", ""), (3, "Bert", "Rot", "")]
    assert parse(text).rows[0].also == "Anna"


def test_columns_without_headings() -> None:
    assert who(f"anna,Group 1\nbert,2,facilitator\nCarla,{ID},Group 3") == [
        (1, "anna", "Group 1", ""), (2, "bert", "2", "lead"), (3, ID, "Group 3", ""),
    ]  # fmt: skip
    assert [r[3] for r in who("anna,b,c,d\nb,c,d,e")] == ["columns", "columns"]
    # A comma here and there is part of a name.
    assert [r[1] for r in who("anna\nbert\nMeier, Carla\ndora\nemil")][2] == "Meier, Carla"


@pytest.mark.parametrize(
    "cell",
    [
        f"<@{ID}>", f"<@!{ID}>", str(ID), f"'{ID}", f'"=""{ID}"""', f"https://discord.com/users/{ID}"
    ],
)  # fmt: skip
def test_ids(cell: str) -> None:
    assert who(cell) == [(1, ID, "", "")]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ('=HYPERLINK("http://x","y")', "formula"), ("+1+1", "formula"), ("-2+3", "formula"),
        ("@=cmd|' /C calc'!A0", "formula"), ("@@x", "formula"), ("1.23457E+17", "shortened_id"),
        ("1,23457E+17", "shortened_id"), (f"<@&{ID}>", "no_person"), (f"<#{ID}>", "no_person"),
        ("x" * 101, "too_long"), ("@", "empty"), ("Name\n;x", None),
    ],
)  # fmt: skip
def test_what_is_no_person(cell: str, problem: str | None) -> None:
    (row,) = parse(f"name;x\n{cell}" if "\n" not in cell else cell).rows[:1]
    assert row.problem == problem or problem is None
    assert not row.text.startswith(("=", "+", "-", "@"))
    assert row.user_id is None


def test_mentions_side_by_side() -> None:
    assert who(f"<@{ID}> <@{ID + 1}>, @anna\nbert") == [
        (1, ID, "", ""), (1, ID + 1, "", ""), (1, "anna", "", ""), (2, "bert", "", ""),
    ]  # fmt: skip


def test_quotes() -> None:
    assert who('name,group\n"Meier, Anna",1\n"say ""hi""",2') == [
        (2, "Meier, Anna", "1", ""), (3, 'say "hi"', "2", ""),
    ]  # fmt: skip
    # A quote that is never closed takes nobody else's line with it.
    assert [r[1] for r in who('"Bob\nanna\ncarl')] == ["Bob", "anna", "carl"]
    # A cell over several lines keeps the numbers of the lines after it right.
    assert who('name,note,group\nanna,"two\nlines",1\nbert,,2') == [
        (2, "anna", "1", ""), (4, "bert", "2", ""),
    ]  # fmt: skip


def test_too_much_and_nothing() -> None:
    assert refused("") == refused("\n \n\u200b\n") == refused("Name,Group") == "empty_list"
    many = "\n".join(f"user{n}" for n in range(MAX_LINES))
    assert len(parse(many).rows) == MAX_LINES
    assert len(parse("Name\n" + many + "\n\n\n").rows) == MAX_LINES
    with pytest.raises(Refusal, match="10001 lines; 10000 are possible"):
        parse(many + "\nanother")


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings(codec: str) -> None:
    text = "Name;Gruppe\r\nJürgen Groß;Äpfel\r\n"
    assert who(decode(text.encode(codec))) == [(2, "Jürgen Groß", "Äpfel", "")]


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1", b"%PDF-1.7", b"\x89PNG\r\n",
        b"\xff\xfea",
        b"anna\x00\x01\x02", bytes(range(256)), b"\x81\x8d\x8f anna", b"name\x1b[31m\nanna",
    ],
)  # fmt: skip
def test_files_that_are_no_text(data: bytes) -> None:
    with pytest.raises(Refusal, match="cannot be read as a text"):
        decode(data)


def test_a_file_that_is_too_large() -> None:
    assert decode(b"a" * MAX_BYTES)
    with pytest.raises(Refusal, match="larger than 4 MB"):
        decode(b"a" * (MAX_BYTES + 1))


@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    """Whatever is pasted: a refusal, or rows that are numbered, tidy and harmless."""
    try:
        found = parse(text)
    except Refusal as refusal:
        assert refusal.code == "empty_list"  # noqa: PT017 - an answer is right as well
        return
    count = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    lines = [r.line for r in found.rows]
    assert lines == sorted(lines)
    assert all(1 <= line <= count for line in lines)
    for row in found.rows:
        assert row.text == tidy(row.text)
        assert not row.text.startswith(("=", "+", "-", "@"))
        assert row.problem or row.user_id or row.who


@given(st.binary(max_size=300))
def test_any_file(data: bytes) -> None:
    try:
        text = decode(data)
    except Refusal as refusal:
        assert refusal.code == "no_text"  # noqa: PT017 - an answer is right as well
        return
    assert "\0" not in text


NAME = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=30
)


@given(st.lists(st.tuples(NAME, NAME), min_size=1, max_size=8), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_wrote_is_read_again(pairs: list[tuple[str, str]], sep: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=sep)
    writer.writerow(["nickname", "group"])
    writer.writerows(pairs)
    rows = parse(decode(out.getvalue().encode("utf-8-sig"))).rows
    usual = [(p, r) for p, r in zip(pairs, rows, strict=False) if plain_name(p[0])]
    assert len(rows) >= len(pairs)
    if len(rows) == len(pairs):
        for (name, group), row in usual:
            assert (row.who, row.group) == (tidy(name), tidy(group))


def plain_name(name: str) -> bool:
    return name.isalpha() and tidy(name) == name


def test_shown_is_short_and_no_formula() -> None:
    assert shown(["=1+1", "x"]) == "'=1+1 · x"
    assert shown(["@anna"]) == "anna"
    assert len(shown(["y" * 500])) == 60


def test_stray_quotes_cost_no_time() -> None:
    begun = time.perf_counter()
    rows = parse("\n".join(f'"user{n},1' for n in range(5000))).rows
    assert len(rows) == 5000
    assert time.perf_counter() - begun < 5
    assert isinstance(rows[0], Row)
