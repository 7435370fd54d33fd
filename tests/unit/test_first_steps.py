"""What /setup suggests, and which commands a role does not see."""

from __future__ import annotations

import pytest

from core.reconcile.first_steps import (
    RoleFact,
    RoomFact,
    commands_hidden,
    likeness,
    suggest_role,
    suggest_room,
)


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("mod", 2),
        ("Mods", 2),
        ("🛡️・moderators", 2),
        ("mod-log", 2),
        ("Admins & Friends", 2),
        ("team-leitung", 2),
        ("Orga", 2),
        ("staff_only", 2),
        ("muster", 2),
        ("team", 1),
        ("Team", 1),
        ("team-intern", 1),
        ("private", 1),
        ("team-red", 0),
        ("private-lessons", 0),
        ("modern-art", 0),
        ("badminton", 0),
        ("general", 0),
        ("123", 0),
        ("", 0),
    ],
)
def test_names_that_look_like_moderators(name: str, points: int) -> None:
    assert likeness(name) == points


MODS = RoleFact(1, "Moderators", 3, manage_server=True, held=True)
ADMINS = RoleFact(2, "Admin", 5, manage_server=True, held=True)
TEAM = RoleFact(3, "Team", 1, manage_server=True, held=True)
WEAK = RoleFact(4, "Mods", 2, manage_server=False, held=True)
OTHERS = RoleFact(5, "Moderation", 1, manage_server=True, held=False)
KINGS = RoleFact(6, "Kings", 1, manage_server=True, held=True)


def test_the_role_that_looks_most_like_moderators() -> None:
    assert suggest_role([TEAM, MODS, ADMINS], owner=False) == 1
    assert suggest_role([TEAM, ADMINS], owner=False) == 2
    assert suggest_role([TEAM], owner=False) == 3
    assert suggest_role([WEAK, KINGS], owner=False) is None
    assert suggest_role([], owner=True) is None


def test_nobody_is_locked_out_by_a_suggestion() -> None:
    assert suggest_role([OTHERS], owner=False) is None
    assert suggest_role([OTHERS, MODS], owner=False) == 1
    assert suggest_role([OTHERS], owner=True) == 5


def test_the_room_that_looks_most_like_moderators() -> None:
    rooms = [RoomFact(1, "team", 0), RoomFact(2, "mod-chat", 4), RoomFact(3, "admin-log", 5)]
    assert suggest_room(rooms) == 2
    assert suggest_room([RoomFact(1, "secret", 0)]) is None
    assert suggest_room([]) is None


def test_commands_that_a_role_does_not_see() -> None:
    listed = {10: "/check", 11: "/cohort", 12: "/why"}
    role, everyone = 7, 1
    assert commands_hidden(listed, {}, role_id=role, everyone_id=everyone) == [
        "/check", "/cohort", "/why",
    ]  # fmt: skip
    entries = {10: {role: True}, 11: {everyone: True}, 12: {role: False, everyone: True}}
    assert commands_hidden(listed, entries, role_id=role, everyone_id=everyone) == ["/why"]
    entries[12] = {role: True, everyone: False}
    assert commands_hidden(listed, entries, role_id=role, everyone_id=everyone) == []
    app_wide = {99: {role: True}}  # not one of the commands: lifts nothing
    assert len(commands_hidden(listed, app_wide, role_id=role, everyone_id=everyone)) == 3
