"""Pure: what a change changed, row by row, as the history keeps it in `before["rows"]`.

The sentences of /history are made of names; undo needs rows. A trace is small and complete: for
every row its id, what stood there before and what stands there since (None: it was not there).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KEY = "rows"  # where a trace stands in an entry's `before`
LIVE = frozenset({"preview", "active"})  # groups that take people
RUNNING = frozenset({"draft", "open"})  # cohorts whose groups can be live


@dataclass(frozen=True)
class Held:
    """A membership's condition: its status, and if it ended, why and when (ISO, UTC)."""

    status: str
    reason: str | None = None
    ended_at: str | None = None

    @property
    def active(self) -> bool:
        return self.status == "active"


ACTIVE = Held("active")


@dataclass(frozen=True)
class MemberChange:
    """One membership row. `was` None: it was made by the change."""

    id: int
    user_id: int
    group_id: int
    was: Held | None
    now: Held

    @property
    def came(self) -> bool:
        return self.now.active and not (self.was is not None and self.was.active)

    @property
    def went(self) -> bool:
        return self.was is not None and self.was.active and not self.now.active


@dataclass(frozen=True)
class RowChange:
    """Fields of one group or cohort, only those that changed. `was` None: it was made."""

    id: int
    was: Mapping[str, Any] | None
    now: Mapping[str, Any]


@dataclass(frozen=True)
class ExpectedChange:
    """Somebody who is not on the server yet: put on the list (`added`) or taken off it."""

    name: str
    group_id: int
    role: str
    seat: int | None
    added: bool


@dataclass(frozen=True)
class KeptChange:
    """A difference made by hand that was accepted (`added`), or is no longer."""

    group_id: int
    note: tuple[int, int, str]  # place, target, what: as core.plan.ByHand
    added: bool


@dataclass(frozen=True)
class MeetingChange:
    """Fields of one meeting, only those that changed. `was` None: a person added it.

    `asked`: everybody is asked again, so that answers given before are open.
    """

    id: int
    group_id: int
    was: Mapping[str, Any] | None
    now: Mapping[str, Any]
    asked: bool = False


@dataclass(frozen=True)
class Trace:
    """All that one change changed."""

    members: tuple[MemberChange, ...] = ()
    groups: tuple[RowChange, ...] = ()
    cohorts: tuple[RowChange, ...] = ()
    settings: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None  # was, now
    unchosen: tuple[str, ...] = ()  # of `was`: nobody had chosen it, it was the default
    expected: tuple[ExpectedChange, ...] = ()
    kept: tuple[KeptChange, ...] = field(default=())
    meetings: tuple[MeetingChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(
            self.members or self.groups or self.cohorts or self.settings or self.expected
            or self.kept or self.meetings
        )  # fmt: skip

    def group_ids(self) -> set[int]:
        """Every group that it touches by id."""
        return (
            {m.group_id for m in self.members}
            | {g.id for g in self.groups}
            | {e.group_id for e in self.expected}
            | {k.group_id for k in self.kept}
            | {m.group_id for m in self.meetings}
        )


def held(status: str, reason: str | None, ended_at: datetime | None) -> Held:
    """The condition of a membership row as it stands."""
    return Held(status, reason, ended_at.isoformat() if ended_at else None)


def stored(trace: Trace) -> dict[str, Any]:
    """The trace as JSON; `parsed` reads it."""
    rows: dict[str, Any] = {
        "members": [
            [m.id, m.user_id, m.group_id, _held_out(m.was), _held_out(m.now)] for m in trace.members
        ],
        "groups": [[g.id, _fields(g.was), _fields(g.now)] for g in trace.groups],
        "cohorts": [[c.id, _fields(c.was), _fields(c.now)] for c in trace.cohorts],
        "settings": [dict(part) for part in trace.settings or ()],
        "unchosen": list(trace.unchosen),
        "expected": [[e.name, e.group_id, e.role, e.seat, e.added] for e in trace.expected],
        "kept": [[k.group_id, list(k.note), k.added] for k in trace.kept],
        "meetings": [
            [m.id, m.group_id, _fields(m.was), _fields(m.now), m.asked] for m in trace.meetings
        ],
    }
    return {key: value for key, value in rows.items() if value}


def parsed(rows: Mapping[str, Any]) -> Trace:
    """A trace out of the JSON that `stored` made."""
    settings = rows.get("settings")
    return Trace(
        tuple(
            MemberChange(i, user, group, Held(*was) if was else None, Held(*now))
            for i, user, group, was, now in rows.get("members", ())
        ),
        tuple(RowChange(*row) for row in rows.get("groups", ())),
        tuple(RowChange(*row) for row in rows.get("cohorts", ())),
        (settings[0], settings[1]) if settings else None,
        tuple(rows.get("unchosen", ())),
        tuple(ExpectedChange(*row) for row in rows.get("expected", ())),
        tuple(KeptChange(g, (n[0], n[1], n[2]), a) for g, n, a in rows.get("kept", ())),
        tuple(MeetingChange(*row) for row in rows.get("meetings", ())),
    )


def _held_out(condition: Held | None) -> list[str | None] | None:
    if condition is None:
        return None
    return [condition.status, condition.reason, condition.ended_at]


def _fields(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else plain_fields(values)


def plain_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Times and days as ISO texts, everything else as it is."""
    return {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in values.items()}


def changed(row_id: int, was: Mapping[str, Any], now: Mapping[str, Any]) -> list[RowChange]:
    """One row change of the fields that differ; none where nothing does."""
    old, new = _fields(was) or {}, _fields(now) or {}
    keys = [k for k in new if old.get(k) != new[k]]
    if not keys:
        return []
    return [RowChange(row_id, {k: old.get(k) for k in keys}, {k: new[k] for k in keys})]


def ended(
    rows: Iterable[tuple[int, int, int]], status: str, reason: str | None, at: datetime
) -> tuple[MemberChange, ...]:
    """Memberships (id, user, group) that were active and are not since."""
    now = held(status, reason, at)
    return tuple(MemberChange(i, user, group, ACTIVE, now) for i, user, group in rows)


def begun(rows: Iterable[tuple[int, int, int]]) -> tuple[MemberChange, ...]:
    """Memberships (id, user, group) that were made."""
    return tuple(MemberChange(i, user, group, None, ACTIVE) for i, user, group in rows)
