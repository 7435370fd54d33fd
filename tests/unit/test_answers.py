"""What an answer counts as, which of two wins, and how a meeting's post and line read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.reconcile import answers
from core.reconcile.answers import Answered, MeetingFacts
from core.words import speaking

AT = datetime(2026, 3, 4, 19, tzinfo=UTC)
WEEK = MeetingFacts(7, 3, AT, 60)


@pytest.mark.parametrize(
    ("status", "interested", "counts"),
    [
        ("pending", False, "pending"),
        ("pending", True, "attending"),
        ("attending", False, "attending"),
        ("not_attending", True, "not_attending"),
        ("tentative", True, "tentative"),
    ],
)
def test_interested_counts_only_without_an_explicit_answer(
    status: str, interested: bool, counts: str
) -> None:
    assert answers.effective(status, interested) == counts


def test_a_post_lists_who_answered_what() -> None:
    shown = answers.post(
        WEEK,
        [
            Answered("Ann", "attending"),
            Answered("Gus", "attending", guest=True),
            Answered("Ben", "tentative"),
            Answered("Cem", "not_attending"),
            Answered("Dee"),
            Answered("Eli"),
        ],
    )
    unix = int(AT.timestamp())
    assert shown.text.splitlines() == [
        f"📅 **Week 3** · <t:{unix}:F> (<t:{unix}:R>)",
        "",
        "✅ **Attending (2)**: Ann, Gus (guest)",
        "❔ **Maybe (1)**: Ben",
        "❌ **Can't come (1)**: Cem",
        "💤 2 have not answered yet",
    ]
    assert [(b.label, b.action, b.number) for b in shown.buttons] == [
        ("Attending", "rsvp_yes", 7),
        ("Maybe", "rsvp_maybe", 7),
        ("Can't come", "rsvp_no", 7),
        ("Add to calendar", "meeting_ics", 7),
        ("Manage", "meeting_manage", 7),
    ]


def test_a_post_without_answers_asks_for_one() -> None:
    assert "Nobody has answered yet" in answers.post(WEEK, [Answered("Ann")]).text


@pytest.mark.parametrize("language", ["en", "de"])
def test_five_hundred_people_of_long_names_fit(language: str) -> None:
    name = "\\_" * 32 + "Wolfeschlegelsteinhausenbergerdorff" * 3
    people = [
        Answered(name, answer, guest=True)
        for answer in ("attending", "tentative", "not_attending", "pending")
        for _ in range(125)
    ]
    with speaking(language):
        text = answers.post(MeetingFacts(1, None, AT, 60), people).text
    assert len(text) <= 2000
    assert "(125)" in text
    assert "119" in text, "says how many are left out"


def test_names_are_listed_up_to_the_room_and_no_further() -> None:
    people = [Answered("a" * 10) for _ in range(4)]
    assert answers.listed(people, room=48) == ", ".join(["a" * 10] * 4)
    assert answers.listed(people, room=47) == ", ".join(["a" * 10] * 3) + " and 1 more"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("skipped", "skipped"),
        ("postponed", "postponed"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_meeting_that_did_not_take_place_becomes_a_line(status: str, said: str) -> None:
    shown = answers.line(MeetingFacts(7, 2, AT, 60, status), yes=3, now=AT)
    assert said in shown.text
    assert "**Week 2**" in shown.text
    assert not shown.buttons
    assert "\n" not in shown.text


def test_a_meeting_that_is_over_becomes_a_line_with_who_came() -> None:
    over = AT + timedelta(minutes=60)
    assert "5 came" in answers.line(WEEK, yes=3, came=5, now=over).text
    assert "3 said yes" in answers.line(WEEK, yes=3, now=over).text
    assert "takes place on" in answers.line(WEEK, yes=3, now=over - timedelta(seconds=1)).text


def test_a_quiet_day_has_no_line() -> None:
    assert answers.activity(0, 0, 0) is None
    assert answers.activity(2, 1, 5) == "Today: 2 joined, 1 left, 5 answered"
    assert answers.activity(0, 0, 1) == "Today: 1 answered"


def test_every_answer_is_counted() -> None:
    assert answers.tally(["attending", "pending", "attending"]) == {
        "attending": 2, "tentative": 0, "not_attending": 0, "pending": 1,
    }  # fmt: skip
