"""Pure: which categories, roles and channels a group should have, and under what names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.plan import ByHand, Change, Create, Gone, Plan, Rename

NAME_LIMIT = 100  # Discord's limit for roles and channels
CHANNEL_LIMIT = 500  # Discord's limit of channels, categories included, per server
CATEGORY_LIMIT = 50  # Discord's limit of channels per category
ROLE_WARN, ROLE_LIMIT = 240, 250  # Discord refuses the 251st role
RENAMES, RENAME_WINDOW = 2, timedelta(minutes=10)  # discord-api-docs #1900

SHARED = "shared"  # in plans: the text channel that all groups of a cohort see
ORDER = ("category", "role", "text", "voice", SHARED)
ROOMS = {"both": ("text", "voice"), "text": ("text",), "voice": ("voice",)}


@dataclass(frozen=True)
class Known:
    """A managed object as the database and Discord have it. `actual_name` None: not there."""

    kind: str
    discord_id: int | None
    state: str  # intent, created or deleted
    name: str
    actual_name: str | None = None
    renamed_at: tuple[datetime, ...] = ()


def slug(name: str) -> str:
    """A text channel's name as Discord itself would write it: lower case, hyphens, no dots."""
    folded = unicodedata.normalize("NFKC", name).lower()
    return re.sub(r"[^\w]+", "-", folded).strip("-_")[:NAME_LIMIT].rstrip("-_") or "group"


def category_name(cohort: str, ordinal: int) -> str:
    """The cohort's name; "(2)" and so on once the first category is full."""
    suffix = f" ({ordinal})" if ordinal > 1 else ""
    return cohort[: NAME_LIMIT - len(suffix)] + suffix


def names(cohort: str, group: str) -> dict[str, str]:
    """The names of a group's own objects by kind."""
    return {
        "role": f"{cohort} - {group}"[:NAME_LIMIT],
        "text": slug(group),
        "voice": f"{group[: NAME_LIMIT - 6]} Voice",
    }


def shared_name(cohort: str) -> str:
    """The name of the channel for all groups of a cohort."""
    return slug(f"{cohort[: NAME_LIMIT - 4]} all")


def kinds(rooms: str, access_mode: str) -> tuple[str, ...]:
    """Which objects a group needs, in the order in which they are made."""
    role = ("role",) if access_mode == "role" else ()
    return (*role, *ROOMS[rooms])


def rename_at(renamed_at: Sequence[datetime], now: datetime) -> datetime | None:
    """When the next rename is allowed (UTC), or None for now: two per ten minutes a channel."""
    recent = sorted(t for t in renamed_at if t > now - RENAME_WINDOW)
    return recent[-RENAMES] + RENAME_WINDOW if len(recent) >= RENAMES else None


def diff(
    wanted: Mapping[str, str], known: Mapping[str, Known], now: datetime, *, create: bool
) -> Plan:
    """What has to be made, renamed or flagged. `create` False: keep what is there, add nothing."""
    changes: list[Change] = []
    by_hand: list[ByHand] = []
    unchanged = 0
    for kind in sorted(wanted, key=ORDER.index):
        name, have = wanted[kind], known.get(kind)
        if have is None or have.state == "intent":
            if create:
                changes.append(Create(kind, name))
        elif have.state == "deleted":
            continue  # flagged already; a person decides
        elif have.actual_name is None:
            changes.append(Gone(kind, have.discord_id or 0, have.name))
        elif have.name != name:
            wait = rename_at(have.renamed_at, now) if kind != "role" else None
            changes.append(Rename(kind, have.discord_id or 0, have.actual_name, name, wait))
        else:
            unchanged += 1
            if have.actual_name != have.name:
                by_hand.append(ByHand(have.discord_id or 0, 0, "renamed"))
    return Plan(tuple(changes), tuple(by_hand), unchanged)


def fitting_category(children: Mapping[int, int], rooms: int) -> int:
    """The ordinal of the first category with room for `rooms` more channels.

    `children` counts, by ordinal from 1, the channels that a category has or was promised.
    """
    ordinal = 1
    while children.get(ordinal, 0) + rooms > CATEGORY_LIMIT:
        ordinal += 1
    return ordinal
