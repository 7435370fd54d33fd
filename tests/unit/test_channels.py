"""Names, categories, renames and what was deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.plan import ByHand, Create, Gone, Plan, Rename
from core.reconcile.channels import (
    Known,
    category_name,
    diff,
    fitting_category,
    kinds,
    names,
    rename_at,
    slug,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WANTED = {"category": "Stats", "text": "group-1", "voice": "Group 1 Voice"}


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Group 1", "group-1"),
        ("  --Böse Überraschung!! ", "böse-überraschung"),
        ("Группа №2", "группа-no2"),  # the numero sign's compatibility form is "No"
        ("a.b.c", "a-b-c"),
        ("💬💬", "group"),
        ("日本語 クラス", "日本語-クラス"),
        ("under_score", "under_score"),
        ("x" * 150, "x" * 100),
        ("x" * 99 + " y", "x" * 99),  # cut at 100 would leave a hyphen hanging
    ],
)
def test_text_channels_are_named_as_discord_would(name: str, expected: str) -> None:
    assert slug(name) == expected
    assert slug(slug(name)) == slug(name)


def test_a_groups_names() -> None:
    assert names("Stats", "Group 1") == {
        "role": "Stats - Group 1", "text": "group-1", "voice": "Group 1 Voice",
    }  # fmt: skip
    assert {len(n) <= 100 for n in names("c" * 90, "g" * 80).values()} == {True}
    assert names("c", "g" * 100)["voice"].endswith(" Voice")


def test_categories_are_numbered_from_the_second_on() -> None:
    assert category_name("Stats", 1) == "Stats"
    assert category_name("Stats", 2) == "Stats (2)"
    assert category_name("s" * 100, 12) == "s" * 95 + " (12)"


@pytest.mark.parametrize(
    ("rooms", "mode", "expected"),
    [
        ("both", "overwrites", ("text", "voice")),
        ("text", "overwrites", ("text",)),
        ("voice", "role", ("role", "voice")),
        ("both", "role", ("role", "text", "voice")),
    ],
)
def test_what_a_group_needs(rooms: str, mode: str, expected: tuple[str, ...]) -> None:
    assert kinds(rooms, mode) == expected


@pytest.mark.parametrize(
    ("children", "rooms", "ordinal"),
    [
        ({}, 2, 1),
        ({1: 48}, 2, 1),
        ({1: 49}, 2, 2),
        ({1: 49}, 1, 1),
        ({1: 50, 2: 50, 3: 12}, 2, 3),
        ({1: 50, 2: 49, 3: 50}, 2, 4),
        ({1: 50, 2: 10, 3: 50}, 2, 2),
    ],
)
def test_fifty_channels_fill_a_category(children: dict[int, int], rooms: int, ordinal: int) -> None:
    assert fitting_category(children, rooms) == ordinal


@pytest.mark.parametrize(
    ("stamps", "allowed"),
    [
        ((), None),
        ((ago(1),), None),
        ((ago(10), ago(1)), None),  # ten minutes ago is over
        ((ago(9), ago(1)), NOW + timedelta(minutes=1)),
        ((ago(1), ago(9)), NOW + timedelta(minutes=1)),
        ((ago(5), ago(4), ago(1)), NOW + timedelta(minutes=6)),
    ],
)
def test_two_renames_in_ten_minutes(stamps: tuple[datetime, ...], allowed: datetime | None) -> None:
    assert rename_at(stamps, NOW) == allowed


def known(kind: str, *, state: str = "created", actual: str | None = "", **more: object) -> Known:
    name = WANTED.get(kind, "Stats - Group 1")
    values = {"discord_id": 10, "name": name, **more}
    shown = values["name"] if actual == "" else actual
    return Known(kind=kind, state=state, actual_name=shown, **values)  # type: ignore[arg-type]


def test_everything_is_made_in_order() -> None:
    wanted = {"voice": "v", "text": "t", "role": "r", "category": "c"}
    plan = diff(wanted, {}, NOW, create=True)
    assert plan.changes == (
        Create("category", "c"), Create("role", "r"), Create("text", "t"), Create("voice", "v"),
    )  # fmt: skip
    assert diff(wanted, {}, NOW, create=False) == Plan()


def test_an_intent_is_made_again_and_what_stands_is_left_alone() -> None:
    have = {
        "category": known("category"),
        "text": known("text", state="intent", actual=None, discord_id=None),
        "voice": known("voice"),
    }
    plan = diff(WANTED, have, NOW, create=True)
    assert plan == Plan((Create("text", "group-1"),), (), 2)


def test_what_was_deleted_is_flagged_once() -> None:
    gone = {"text": known("text", actual=None, discord_id=5)}
    plan = diff({"text": "group-1"}, gone, NOW, create=True)
    assert plan.changes == (Gone("text", 5, "group-1"),)
    flagged = {"text": known("text", state="deleted", actual=None, discord_id=5)}
    assert diff({"text": "group-1"}, flagged, NOW, create=True) == Plan()


def test_renames_follow_the_database_and_wait_their_turn() -> None:
    have = {"text": known("text", discord_id=5, name="group-1")}
    assert diff({"text": "owls"}, have, NOW, create=True).changes == (
        Rename("text", 5, "group-1", "owls"),
    )
    busy = {"text": known("text", discord_id=5, name="group-1", renamed_at=(ago(3), ago(2)))}
    assert diff({"text": "owls"}, busy, NOW, create=True).changes == (
        Rename("text", 5, "group-1", "owls", NOW + timedelta(minutes=7)),
    )
    role = {"role": Known("role", 6, "created", "old", "old", (ago(3), ago(2)))}
    assert diff({"role": "new"}, role, NOW, create=True).changes == (
        Rename("role", 6, "old", "new"),
    )


def test_a_rename_by_hand_is_reported_and_left() -> None:
    have = {"text": known("text", discord_id=5, actual="owls-nest")}
    assert diff({"text": "group-1"}, have, NOW, create=True) == Plan(
        (), (ByHand(5, 0, "renamed"),), 1
    )
