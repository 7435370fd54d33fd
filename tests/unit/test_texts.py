"""What people type: names, labels, zones."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refusal
from core.operations.common import clean
from core.operations.lookup import CHOICES, Choice, matching, resolve, unique
from core.operations.settings import zone


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Group 1", "Group 1"),
        ("  two   spaces\n and\tlines ", "two spaces and lines"),
        ("evil\u202eeman\u202c", "evileman"),
        ("a\u200bb\u2060c\u00ad", "abc"),
        ("nul\x00l\x1b[31m", "null[31m"),
        ("\ufeffBOM", "BOM"),
        ("\u2067rtl\u2069 \u200emark\u061c", "rtl mark"),
        ("Cafe\u0301", "Café"),
        ("👩\u200d🚀 crew", "👩\u200d🚀 crew"),  # the joiner that makes one emoji of two stays
        ("@everyone <@1> `x`", "@everyone <@1> `x`"),  # neutralized where it is shown
        ("\U000e0100x\ue000", "\U000e0100x"),
        ("a\u2028b", "a b"),
    ],
)
def test_names_become_one_clean_line(typed: str, kept: str) -> None:
    assert clean(typed, limit=100) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "\u200b\u200b", "\u202e", "\x00", "\u0301", "\u3164", "\u2800 \u2800", "\u115f"],
)
def test_a_name_must_be_seen(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        clean(typed, limit=100, what="cohort's name")
    assert refused.value.code == "empty_name"
    assert "cohort's name" in str(refused.value)


def test_length_is_counted_after_cleaning() -> None:
    assert clean("x" * 10 + " " * 50, limit=10) == "x" * 10
    with pytest.raises(Refusal, match="has 11 characters; 10 are possible") as refused:
        clean("x" * 11, limit=10)
    assert refused.value.code == "too_long"


@given(st.text(max_size=60))
def test_whatever_is_typed(typed: str) -> None:
    try:
        kept = clean(typed, limit=40)
    except Refusal as refused:
        assert refused.code in {"empty_name", "too_long"}  # noqa: PT017 - either way is right
        return
    assert 0 < len(kept) <= 40
    assert kept == kept.strip()
    assert not {unicodedata.category(c) for c in kept} & {"Cc", "Cs", "Co", "Zl", "Zp"}
    assert clean(kept, limit=40) == kept


LABELS = [
    Choice("Group 1 · Stats autumn", "group:1", 1),
    Choice("Group 2 · Stats autumn", "group:2", 2),
    Choice("Group 1 · Biology", "group:3", 3),
    Choice("Owls · Biology", "group:4", 4),
]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("group:3", 3),
        (" GROUP:3 ", 3),
        ("Group 1 · Stats autumn", 1),
        ("group 1 · biology", 3),
        ("Group 2", 2),  # only one cohort has it
        ("owls", 4),
        ("owl", 4),
    ],
)
def test_values_labels_and_unmistakable_parts(typed: str, found: int) -> None:
    assert resolve(LABELS, typed, "group").id == found


@pytest.mark.parametrize(
    ("typed", "code"),
    [("Group 1", "ambiguous"), ("group", "ambiguous"), ("biology", "ambiguous"),
     ("group:99", "not_found"), ("99", "not_found"), ("", "not_found"), ("  ", "not_found")],
)  # fmt: skip
def test_what_is_ambiguous_is_asked(typed: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        resolve(LABELS, typed, "group")
    assert refused.value.code == code
    assert "Group 1 · Biology" in str(refused.value)


def test_nothing_to_choose_from() -> None:
    with pytest.raises(Refusal, match="none yet"):
        resolve([], "x", "cohort")


@given(st.lists(st.sampled_from(["A", "a", "A (2)", "A (3)", "x" * 100, "x" * 101, "x" * 120])))
def test_labels_are_unique_and_lead_back(labels: list[str]) -> None:
    choices = unique(list(enumerate(labels)), "group")
    assert len({c.label.lower() for c in choices}) == len(labels)
    assert all(len(c.label) <= 100 for c in choices)
    for choice in choices:
        assert resolve(choices, choice.label, "group") == choice
        assert resolve(choices, choice.value, "group") == choice


def test_autocomplete_shows_the_likely_first() -> None:
    assert next(c.id for c in matching(LABELS, "o")) == 4
    assert [c.id for c in matching(LABELS, "biology")] == [3, 4]
    many = [Choice(f"Group {n}", f"group:{n}", n) for n in range(80)]
    assert len(matching(many, "")) == CHOICES


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        (" New York ", "America/New_York"),
        ("utc", "UTC"),
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("Calcutta", "Asia/Calcutta"),
        ("Europe/Kiev", "Europe/Kiev"),
    ],
)
def test_zones(typed: str, expected: str) -> None:
    assert zone(typed) == expected


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("Berlln", "Europe/Berlin"),
        ("xyzzy", "Try a city"),
        ("", "Try a city"),
        ("CEST!", ""),
        ("EST", "America/New_York"),
        ("GMT+1", "Try a city"),
        ("UTC+2", "Try a city"),
    ],
)
def test_unknown_zones_are_never_guessed_silently(typed: str, hint: str) -> None:
    with pytest.raises(Refusal) as refused:
        zone(typed)
    assert refused.value.code == "unknown_zone"
    assert hint in str(refused.value)
