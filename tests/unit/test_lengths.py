"""Lengths of time as people type them, and back."""

from __future__ import annotations

import pytest

from core.reconcile.lengths import minutes, spoken
from core.words import speaking


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("1 day", 1440), ("2 h", 120), ("2h", 120), ("90 min", 90), ("1d 12h", 2160),
        ("1 day, 2 hours", 1560), ("1.5 h", 90), ("1,5 Stunden", 90), ("3 Tage", 4320),
        ("1 Std. 30 Min.", 90), ("2 weeks", 20160), ("1 Woche", 10080), ("OFF", 0), (" aus ", 0),
        ("0", 0), ("none", 0), ("", 0), ("0 min", 0),
        ("60", None), ("soon", None), ("1 fortnight", None), ("-1 h", None), ("1 h before", None),
        ("1 h 30", None), ("99999999 h", None), ("1 1 h", None), ("h", None),
    ],
)  # fmt: skip
def test_what_people_type(typed: str, expected: int | None) -> None:
    assert minutes(typed) == expected


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("length", [0, 5, 60, 90, 1440, 1441, 4320, 2880 + 61])
def test_what_is_said_can_be_typed(language: str, length: int) -> None:
    with speaking(language):
        assert minutes(spoken(length)) == length


def test_in_words() -> None:
    assert spoken(60) == "1 hour"
    assert spoken(1440 + 90) == "1 day 1 hour 30 minutes"
    assert spoken(0) == "off"
