"""Every statement of an undo has its sentence, and a trace survives being stored."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from bot.ui.undo_words import LINES
from core.plan import NOTHING, Bits, ByHand
from core.reconcile.by_hand import is_news, kept_of, notes_of, recorded, shown, with_kept
from core.reconcile.permissions import (
    HAS_ROLE,
    HIDDEN,
    TEXT_ACCESS,
    VIEW_CHANNEL,
    claimed,
)
from core.reconcile.trace import (
    ExpectedChange,
    KeptChange,
    MeetingChange,
    RowChange,
    Trace,
    begun,
    changed,
    ended,
    parsed,
    stored,
)
from core.reconcile.undo_facts import Code, Line

NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


def test_every_code_is_said() -> None:
    assert set(LINES) == set(Code)


@pytest.mark.parametrize("code", list(Code))
def test_sentences_end_and_leave_nothing_open(code: Code) -> None:
    for people in ((7,), (7, 8), tuple(range(1, 30))):
        line = Line(code, "Owls *", people, len(people), "seats", 8, "9, 10")
        said = LINES[code](line)
        assert said.endswith((".", "`")), said
        assert "{" not in said
        assert "Owls *" not in said.replace("\\*", "")  # markdown of people does nothing


def test_a_trace_survives_json() -> None:
    trace = Trace(
        ended([(1, 2**60, 3)], "removed", "why", NOW) + begun([(2, 5, 6)]),
        (RowChange(3, None, {"status": "preview"}),),
        tuple(changed(4, {"start_date": date(2026, 1, 1), "name": "a"},
                      {"start_date": date(2026, 1, 2), "name": "a"})),
        ({"zone": "UTC"}, {"zone": "Asia/Tokyo"}), ("zone",),
        (ExpectedChange("ann", 3, "participant", 1, added=True),),
        (KeptChange(3, (1, 2, "lost"), added=True),),
        (MeetingChange(5, 3, {"status": "planned"}, {"status": "skipped"}, asked=True),),
    )  # fmt: skip
    again = parsed(json.loads(json.dumps(stored(trace))))
    assert again == trace
    assert again.cohorts[0].was == {"start_date": "2026-01-01"}
    assert stored(Trace()) == {}
    assert not Trace()
    assert changed(1, {"a": 1}, {"a": 1}) == []


def test_what_is_kept_stays_out_until_it_is_gone() -> None:
    one, two = ByHand(1, 2, "lost"), ByHand(1, 3, "extra")
    state = recorded([one, two], {})
    state = with_kept(state, (1, 2, "lost"), keep=True)
    assert notes_of(state) == [(1, 3, "extra")]
    assert shown([one, two], state) == (two,)
    assert not is_news([one, two], state)
    assert recorded([one, two], state) == state
    assert is_news([two], state)
    gone = recorded([two], state)
    assert kept_of(gone) == []
    assert notes_of(recorded([one, two], gone)) == [(1, 2, "lost"), (1, 3, "extra")]
    assert is_news([one], {})
    assert not is_news([], {})


def test_a_claim_takes_only_what_stands_in_the_way() -> None:
    other = 1 << 35
    want = Bits(TEXT_ACCESS, 0)
    denied = Bits(other, VIEW_CHANNEL)
    assert claimed("text", denied, want, want) == Bits(TEXT_ACCESS, VIEW_CHANNEL)
    assert claimed("text", NOTHING, want, want) == want
    let_in = Bits(TEXT_ACCESS | other | 1, 0)
    assert claimed("text", let_in, NOTHING, None) == Bits(TEXT_ACCESS, 0)
    assert claimed("role", HAS_ROLE, NOTHING, None) == HAS_ROLE
    opened = Bits(VIEW_CHANNEL, 0)
    assert claimed("text", opened, HIDDEN, HIDDEN) == Bits(VIEW_CHANNEL, VIEW_CHANNEL)
