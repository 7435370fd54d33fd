"""Pure: the words' codes, the rows that undo decides about, and what it decides."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.reconcile.trace import ExpectedChange, Held, KeptChange, MeetingChange


class Code(enum.StrEnum):
    """What a line says; bot.ui.undo has the sentence of each."""

    # what will happen
    put_back = "put_back"
    take_out = "take_out"
    role_back = "role_back"
    group_gone = "group_gone"
    group_back = "group_back"
    group_ends = "group_ends"
    group_unopened = "group_unopened"
    group_field = "group_field"
    all_seats = "all_seats"
    cohort_gone = "cohort_gone"
    cohort_back = "cohort_back"
    cohort_ends = "cohort_ends"
    cohort_draft = "cohort_draft"
    cohort_field = "cohort_field"
    setting = "setting"
    unexpect = "unexpect"
    expect = "expect"
    unkeep = "unkeep"
    keep = "keep"
    release = "release"
    slots = "slots"
    meeting_time = "meeting_time"
    meeting_back = "meeting_back"
    meeting_off = "meeting_off"
    meeting_later = "meeting_later"
    # what cannot be done
    elsewhere = "elsewhere"
    already_back = "already_back"
    left_since = "left_since"
    group_used = "group_used"
    group_ended = "group_ended"
    group_name = "group_name"
    group_joined = "group_joined"
    group_since = "group_since"
    cohort_used = "cohort_used"
    cohort_ended = "cohort_ended"
    cohort_name = "cohort_name"
    cohort_joined = "cohort_joined"
    cohort_since = "cohort_since"
    already_made = "already_made"
    setting_since = "setting_since"
    arrived = "arrived"
    expected_again = "expected_again"
    hand_since = "hand_since"
    meeting_gone = "meeting_gone"
    meeting_since = "meeting_since"
    meeting_begun = "meeting_begun"
    meeting_past = "meeting_past"
    meeting_busy = "meeting_busy"
    # what it does not bring back, and what to know
    channels_stay = "channels_stay"
    deleted = "deleted"
    full = "full"
    asked_stays = "asked_stays"


@dataclass(frozen=True)
class Line:
    """One statement about a part. `name` is a group's, cohort's or expected person's."""

    code: Code
    name: str = ""
    people: tuple[int, ...] = ()
    n: int = 0
    field: str = ""
    old: Any = None
    new: Any = None


@dataclass(frozen=True)
class MemberNow:
    id: int
    user_id: int
    group_id: int
    cohort_id: int
    role: str
    seat: int | None
    held: Held


@dataclass(frozen=True)
class GroupNow:
    """`made`: it has channels. `deleted`: somebody deleted one of them on Discord."""

    id: int
    cohort_id: int
    fields: Mapping[str, Any]  # name, seats, status, opened_at, merged_into_id
    made: bool = False
    deleted: bool = False


@dataclass(frozen=True)
class ExpectedNow:
    name: str
    group_id: int
    seat: int | None


@dataclass(frozen=True)
class MeetingNow:
    """A meeting. `fields`: starts_at (ISO, UTC), minutes, status, moved."""

    id: int
    group_id: int
    number: int | None
    fields: Mapping[str, Any]

    @property
    def starts_at(self) -> datetime:
        return datetime.fromisoformat(self.fields["starts_at"])

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.fields["minutes"])


@dataclass(frozen=True)
class Now:
    """What stands in the database, as far as the trace's cohorts are concerned."""

    members: Mapping[int, MemberNow] = field(default_factory=dict)  # the trace's and all active
    groups: Mapping[int, GroupNow] = field(default_factory=dict)  # all of the cohorts
    cohorts: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    cohort_names: frozenset[str] = frozenset()  # lower case, of other running cohorts
    settings: Mapping[str, Any] = field(default_factory=dict)
    expected: tuple[ExpectedNow, ...] = ()
    kept: frozenset[tuple[int, tuple[int, int, str]]] = frozenset()  # group id, note
    meetings: Mapping[int, MeetingNow] = field(default_factory=dict)  # all of the trace's groups
    at: datetime | None = None  # UTC; given where the trace has meetings


@dataclass
class Decision:
    """What will be said, and the rows that it takes. `end` has the condition they go back to."""

    does: list[Line] = field(default_factory=list)
    cannot: list[Line] = field(default_factory=list)
    stays: list[Line] = field(default_factory=list)
    cohorts: dict[int, dict[str, Any]] = field(default_factory=dict)
    groups: dict[int, dict[str, Any]] = field(default_factory=dict)
    end: list[tuple[MemberNow, Held | None]] = field(default_factory=list)
    revive: list[tuple[MemberNow, int | None]] = field(default_factory=list)  # with the seat
    settings: dict[str, Any] = field(default_factory=dict)
    unchosen: list[str] = field(default_factory=list)  # settings that go back to the default
    expected: list[ExpectedChange] = field(default_factory=list)
    kept: list[KeptChange] = field(default_factory=list)
    # What becomes of meetings: the change back, with the fields that it sets in `now`.
    meetings: list[MeetingChange] = field(default_factory=list)

    def mark(self) -> int:
        """A number under a million that changes when anything that is said or done changes."""
        digest = hashlib.sha256(repr(self).encode()).digest()
        return int.from_bytes(digest[:8]) % 1_000_000
