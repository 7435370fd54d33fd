"""What is known about a batch of messages, as plain values. `facts.gather` fills them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.config import GuildSettings
from core.reconcile.attendance import Seen


@dataclass(frozen=True)
class Server:
    id: int
    name: str
    settings: GuildSettings
    left: bool = False


@dataclass(frozen=True)
class Room:
    """A channel of a group. `channel_id` is Discord's; None: not made yet."""

    channel_id: int | None
    deleted: bool = False


@dataclass(frozen=True)
class GroupFact:
    """`people`: user id → role, of those who are in it now. `room`: None: not planned yet."""

    id: int
    guild_id: int
    name: str
    status: str
    cohort: str
    room: Room | None = None
    people: dict[int, str] = field(default_factory=dict)
    next_id: int | None = None  # its next meeting
    last_id: int | None = None  # the one before


@dataclass(frozen=True)
class MeetingFact:
    """Times are UTC."""

    id: int
    group_id: int
    number: int | None
    starts_at: datetime
    ends_at: datetime
    status: str = "planned"
    extra: bool = False
    told_starts_at: datetime | None = None


@dataclass(frozen=True)
class PersonFact:
    """Somebody on one server. `zone` is None where it is not known."""

    id: int
    name: str
    here: bool = True
    zone: str | None = None
    dm: bool = True
    language: str | None = None
    quiet: tuple[int, int] = (22, 8)
    switches: dict[str, Any] = field(default_factory=dict)
    dm_channel_id: int | None = None


@dataclass(frozen=True)
class AnnouncementFact:
    """`earlier` are the texts that it had before, where somebody may have seen one."""

    content: str
    withdrawn: bool = False
    version: int = 1  # raised by every change, also by its withdrawal
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class Late:
    """Something that was not said in time."""

    kind: str
    group: str
    due_at: datetime


@dataclass
class Facts:
    """By Discord's ids for servers and people, by the database's for the rest."""

    servers: dict[int, Server] = field(default_factory=dict)
    groups: dict[int, GroupFact] = field(default_factory=dict)
    meetings: dict[int, MeetingFact] = field(default_factory=dict)
    people: dict[tuple[int, int], PersonFact] = field(default_factory=dict)  # (server, person)
    answers: dict[int, dict[int, str]] = field(default_factory=dict)  # meeting: person: Answer
    guests: dict[int, set[int]] = field(default_factory=dict)  # by meeting
    seen: dict[int, dict[int, Seen]] = field(default_factory=dict)  # meeting: person
    announcements: dict[int, AnnouncementFact] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)  # meeting: its newest row "moved"
    late: dict[tuple[int, int], list[Late]] = field(default_factory=dict)  # (server, person or 0)
