"""Pure: which messages are still to come because of a group's meetings, and what to change.

A row says only what it is about and when; what it says is worked out when it is sent. Its key
holds the time of the meeting, so a meeting that moves moves its reminders, and one that comes back
to an old time repeats nothing that was sent for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from core.reconcile.clock_shifts import clock_shifts
from core.schedule import Occurrence, instant, local, monday

KINDS = ("nudge", "remind_first", "remind_last")
# Minutes before the meeting where a group chose nothing else: three days, a day, an hour.
OFFSETS: Mapping[str, int] = {"nudge": 4320, "remind_first": 1440, "remind_last": 60}
# A meeting set for exactly a day from now still gets the reminder of that moment.
SLACK = timedelta(minutes=2)
DIGEST_AT = time(9)  # Mondays, on the clocks of the group's zone
FORESIGHT = timedelta(days=14)  # facilitators hear so early that the clocks will split a group
# Rows of these kinds are wanted or not; all others are written by what causes them.
PERSONAL = "remind_dm"  # remind_last as a direct message, for those who switched it on
# Further ahead than any offset is usual: personal rows would otherwise be most of the table.
PERSONAL_REACH = timedelta(days=8)
RECONCILED = (*KINDS, PERSONAL, "digest", "shift")
_OF_MEETINGS = (*KINDS, PERSONAL)
CANCELLED = "cancelled"  # error class of a row that a moderator took back: it stays so


@dataclass(frozen=True, slots=True)
class MeetingFact:
    """A meeting that is not over. Times are UTC."""

    id: int
    day: date
    starts_at: datetime
    minutes: int
    number: int | None
    status: str


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery of one of these kinds as it is stored."""

    id: int
    kind: str
    key: str
    meeting_id: int | None
    user_id: int | None
    status: str
    due_at: datetime
    error_class: str | None = None

    @property
    def open(self) -> bool:
        return self.status in {"pending", "failed"}


@dataclass(frozen=True, slots=True)
class Wanted:
    kind: str
    key: str
    due_at: datetime
    meeting_id: int | None = None
    user_id: int | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupFacts:
    """What decides about a group's messages. `zones`: everybody's, the group's where not known."""

    group_id: int
    zone: str
    meetings: Sequence[MeetingFact]
    facilitators: Sequence[int] = ()
    zones: Mapping[int, str] = field(default_factory=dict)
    personal: Sequence[int] = ()  # who wants reminders as direct messages too
    offsets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ReminderPlan:
    """`move`: the row of this id becomes that. Empty: everything is as it should be."""

    create: tuple[Wanted, ...] = ()
    move: tuple[tuple[int, Wanted], ...] = ()
    delete: tuple[int, ...] = ()
    unchanged: int = 0

    def __bool__(self) -> bool:
        return bool(self.create or self.move or self.delete)


def desired(facts: GroupFacts, now: datetime) -> tuple[Wanted, ...]:
    """Every message that is to come, those of the past left out (they were sent, or never due)."""
    planned = [m for m in facts.meetings if m.status == "planned" and m.starts_at > now]
    wanted = [
        Wanted(kind, reminder_key(kind, m.id, m.starts_at), m.starts_at - before, m.id)
        for m in planned
        for kind in KINDS
        if (before := _before(facts.offsets, kind))
    ]
    return (
        *wanted,
        *_personal(facts, planned, now),
        *_digests(facts, planned, now),
        *_shifts(facts, now),
    )


def _personal(
    facts: GroupFacts, planned: Sequence[MeetingFact], now: datetime
) -> tuple[Wanted, ...]:
    before = _before(facts.offsets, "remind_last")
    if not before:
        return ()
    return tuple(
        Wanted(
            PERSONAL, f"{reminder_key(PERSONAL, m.id, m.starts_at)}:{user}", m.starts_at - before,
            m.id, user,
        )
        for m in planned
        if m.starts_at < now + PERSONAL_REACH
        for user in facts.personal
    )  # fmt: skip


def reminder_key(kind: str, meeting_id: int, starts_at: datetime) -> str:
    """The idempotency key of a meeting's reminder at that time (UTC)."""
    return f"remind:{kind}:{meeting_id}:{int(starts_at.timestamp())}"


def _before(offsets: Mapping[str, int], kind: str) -> timedelta:
    return timedelta(minutes=offsets.get(kind, OFFSETS[kind]))


def _digests(
    facts: GroupFacts, planned: Sequence[MeetingFact], now: datetime
) -> tuple[Wanted, ...]:
    """The next Monday morning's, if the group meets in the week after it."""
    if not facts.facilitators or not planned:
        return ()
    week = monday(local(now, facts.zone).date())
    at = instant(week, DIGEST_AT, facts.zone)
    if at < now - SLACK:
        week += timedelta(days=7)
        at = instant(week, DIGEST_AT, facts.zone)
    if not any(at <= m.starts_at < at + timedelta(days=7) for m in planned):
        return ()
    year, number, _ = week.isocalendar()
    return tuple(
        Wanted("digest", f"digest:{facts.group_id}:{user}:{year}-{number:02}", at, user_id=user)
        for user in facts.facilitators
    )


def _shifts(facts: GroupFacts, now: datetime) -> tuple[Wanted, ...]:
    """Two weeks before the clocks split the group; a change nearer than that is said at once."""
    if not facts.facilitators or len(set(facts.zones.values())) < 2:  # noqa: PLR2004 - to differ
        return ()
    reach = now + FORESIGHT + timedelta(days=8)  # the first meeting after it, and a day to spare
    near = [
        Occurrence(m.day, m.starts_at, m.minutes, m.number or 0)
        for m in facts.meetings
        if m.status == "planned" and m.starts_at < reach
    ]
    wanted = []
    for shift in clock_shifts(near, facts.zones):
        first = next(m for m in facts.meetings if m.day == shift.day)
        due = max(first.starts_at - FORESIGHT, now)
        times = [[f"{after:%H:%M}", len(who)] for _, after, who in shift.groups]
        wanted += [
            Wanted(
                "shift", f"shift:{facts.group_id}:{shift.day.isoformat()}:{user}", due, first.id,
                user, {"day": shift.day.isoformat(), "times": times},
            )
            for user in facts.facilitators
            if first.starts_at > now
        ]  # fmt: skip
    return tuple(wanted)


def diff(rows: Sequence[Row], wanted: Sequence[Wanted], now: datetime) -> ReminderPlan:
    """What turns the stored rows into the wanted ones. Sent ones stay, whatever is wanted.

    A row for another time of the same meeting is moved. A wanted one whose time has passed is not
    made any more: nobody needs a reminder of a day before, an hour before.
    """
    by_key = {row.key: row for row in rows}
    keys = {w.key for w in wanted}
    free = {
        (row.kind, row.meeting_id, row.user_id): row
        for row in rows
        if row.open and row.key not in keys and (row.due_at > now or row.kind in _OF_MEETINGS)
    }
    create: list[Wanted] = []
    move: list[tuple[int, Wanted]] = []
    unchanged = 0
    for want in wanted:
        row = by_key.get(want.key)
        if row is not None:
            if _as_wanted(row, want, now):
                unchanged += 1
            else:
                move.append((row.id, want))
            continue
        if want.due_at < now - SLACK:
            continue
        old = free.pop((want.kind, want.meeting_id, want.user_id), None)
        if old is not None:
            move.append((old.id, want))
        else:
            create.append(want)
    delete = tuple(row.id for row in free.values())
    return ReminderPlan(tuple(create), tuple(move), delete, unchanged)


def _as_wanted(row: Row, want: Wanted, now: datetime) -> bool:
    """Whether a row of this very key is right; what was not sent follows its time."""
    if row.status in {"sent", "sending", "dead"} or row.error_class == CANCELLED:
        return True
    if want.due_at < now - SLACK:
        return True
    if row.status == "skipped":
        # Skipped for a time to which the meeting has come back: its moment is yet to come.
        return row.due_at <= now
    return row.due_at == want.due_at or want.kind == "shift"
