"""What tests of deciding share: a group of four, its meeting, and rows about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from core.config import GuildSettings
from core.notifications.deciding import decide
from core.notifications.kinds import KINDS
from core.notifications.known import (
    Facts,
    GroupFact,
    MeetingFact,
    PersonFact,
    Room,
    Server,
)
from core.notifications.outgoing import Claimed, Send, Skip, Wait

GUILD, ROOM = 1, 900
AT = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)  # the meeting: 19:00 in Berlin
STAMP = int(AT.timestamp())
FACILITATOR, ADA, BEN, CLEO, GUEST = 10, 11, 12, 13, 20
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def person(number: int, name: str, **more: Any) -> PersonFact:
    return PersonFact(number, name, **more)


def world(**more: Any) -> Facts:
    """A group of four, of whom Ada attends, Ben does not, Cleo is silent."""
    names = {FACILITATOR: "Fay", ADA: "Ada", BEN: "Ben", CLEO: "Cleo", GUEST: "Gus"}
    facts = Facts(
        servers={GUILD: Server(GUILD, "Study Hall", GuildSettings())},
        groups={
            5: GroupFact(
                5, GUILD, "Red", "active", "Spring", Room(ROOM),
                {FACILITATOR: "facilitator", ADA: "participant", BEN: "participant",
                 CLEO: "participant"},
                next_id=7,
            )
        },
        meetings={7: MeetingFact(7, 5, 3, AT, AT + HOUR, told_starts_at=AT)},
        people={(GUILD, n): person(n, name) for n, name in names.items()},
        answers={7: {FACILITATOR: "attending", ADA: "attending", BEN: "not_attending"}},
    )  # fmt: skip
    for name, value in more.items():
        setattr(facts, name, value)
    return facts


def change(facts: Facts, what: str, key: Any, **values: Any) -> Facts:
    """The same with one of its parts changed."""
    table = getattr(facts, what)
    table[key] = replace(table[key], **values)
    return facts


def row(kind: str, **more: Any) -> Claimed:
    """A row as it is written for the meeting, or the group."""
    of_meeting = kind in {"remind_first", "remind_last", "nudge", "remind_dm"}
    offset = KINDS[kind].offset or HOUR
    due = AT - offset if of_meeting else AT - timedelta(days=2)
    values: dict[str, Any] = {
        "id": 1, "guild_id": GUILD, "kind": kind, "key": f"remind:{kind}:7:{STAMP}",
        "user_id": None, "channel_id": None, "group_id": 5, "meeting_id": 7,
        "announcement_id": None, "about_id": None, "payload": {}, "due_at": due, "attempts": 1,
        "created_at": due - timedelta(days=10),
    }  # fmt: skip
    if kind in {"assigned", "assigned_dm", "joined", "left", "digest"}:
        values["meeting_id"] = None
    if kind in {"assigned_dm", "remind_dm"}:
        values["user_id"] = ADA
    if kind in {"digest", "shift", "missed"}:
        values["user_id"] = FACILITATOR
    if kind in {"joined", "left"}:
        values["about_id"] = ADA
    return Claimed(**(values | more))


def sent(found: Any) -> Send:
    assert isinstance(found, Send), found
    return found


def code(found: Any) -> str:
    assert isinstance(found, Skip | Wait), found
    return found.code


def on_time(kind: str, facts: Facts, **more: Any) -> Any:
    it = row(kind, **more)
    return decide(it, facts, it.due_at)
