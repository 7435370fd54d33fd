"""Pure: what to suggest to a server that has chosen nothing yet, and who sees the commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Whole words of names in English and German, lower case.
_SURE = re.compile(
    "mods?|moderat(or|ors|ion|oren|orinnen)|admins?|administrat(or|ors|ion)|staff|leitung|orga"
    "|organisation|organi[sz]ers?|organisator(en)?|vorstand|management|muster"
)
_MAYBE = re.compile("team|crew|leads?|leaders?|leiter|hosts|intern|internal|private|office")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class RoleFact:
    """A role that a person made. `held`: whoever sets Muster up has it."""

    id: int
    name: str
    position: int
    manage_server: bool
    held: bool


@dataclass(frozen=True)
class RoomFact:
    """A text channel that only moderators can read and Muster can post in."""

    id: int
    name: str
    position: int


def likeness(name: str) -> int:
    """How much a name looks like moderators' own: 2 surely, 1 perhaps, 0 not at all.

    A word like "team" counts only where nothing else is said: #team-red is a team's.
    """
    said = _WORD.findall(name.casefold())
    if any(_SURE.fullmatch(word) for word in said):
        return 2
    return 1 if said and all(_MAYBE.fullmatch(word) for word in said) else 0


def suggest_role(roles: Iterable[RoleFact], *, owner: bool) -> int | None:
    """The id of the moderator role to suggest; None: whoever has Manage Server.

    Never one that would lock out the person who accepts it (the owner cannot be locked out).
    """
    fit = [r for r in roles if r.manage_server and likeness(r.name) and (owner or r.held)]
    # Among equals the lowest: "Moderators" rather than "Head admins".
    best = max(fit, key=lambda r: (likeness(r.name), -r.position), default=None)
    return best.id if best else None


def suggest_room(rooms: Iterable[RoomFact]) -> int | None:
    """The id of the moderators' channel to suggest; None where no name looks like one."""
    fit = [r for r in rooms if likeness(r.name)]
    best = max(fit, key=lambda r: (likeness(r.name), -r.position), default=None)
    return best.id if best else None


def commands_hidden(
    commands: Mapping[int, str],
    allowed: Mapping[int, Mapping[int, bool]],
    *,
    role_id: int,
    everyone_id: int,
) -> list[str]:
    """Names of the commands that a role without Manage Server does not see.

    `commands` are names by command id, `allowed` what an admin entered under Server Settings →
    Integrations: by command id, then by role id. A role's own entry wins over that of @everyone.
    What is entered for the whole app does not lift a command's default permissions (Discord,
    Application Command Permissions), so it does not count.
    """
    return sorted(
        name
        for number, name in commands.items()
        if not allowed.get(number, {}).get(role_id, allowed.get(number, {}).get(everyone_id, False))
    )
