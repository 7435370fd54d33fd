"""A day as people type it into a form."""

from __future__ import annotations

from datetime import date

import pytest

from bot.ui.answer import calendar_day
from core.errors import Refusal


@pytest.mark.parametrize("typed", ["2026-03-02", "2.3.2026", " 02. 03. 2026 ", "2.3.26"])
def test_a_day(typed: str) -> None:
    assert calendar_day(typed) == date(2026, 3, 2)


@pytest.mark.parametrize("typed", ["", "1.2", "31.2.2026", "1.1.99999999999", "1.1.-5", "2.3.1999"])
def test_no_day(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        calendar_day(typed)
    assert refused.value.code == "no_date"
