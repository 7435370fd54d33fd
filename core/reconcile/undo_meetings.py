"""Pure: the part of undo that is about single meetings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core.reconcile.trace import MeetingChange
from core.reconcile.undo_facts import Code, Line, MeetingNow, Now


def since(change: MeetingChange, now: Now, group: str) -> Line | None:
    """Why this change of a meeting cannot be taken back any more, or None."""
    there = now.meetings.get(change.id)
    if there is None:
        return Line(Code.meeting_gone, group)
    if any(there.fields[key] != value for key, value in change.now.items() if key in there.fields):
        return _line(Code.meeting_since, there, group)
    goal = dict(there.fields) | _goal(change)
    starts_at = datetime.fromisoformat(goal["starts_at"])
    if now.at is not None and there.starts_at <= now.at:
        return _line(Code.meeting_begun, there, group)
    if now.at is not None and starts_at <= now.at:
        return _line(Code.meeting_past, there, group)
    if goal["status"] == "planned" and _busy(there, starts_at, goal["minutes"], now):
        return _line(Code.meeting_busy, there, group)
    return None


def back(change: MeetingChange, there: MeetingNow, group: str) -> tuple[MeetingChange, Line]:
    """What the meeting becomes, and what is to be said of it."""
    goal = _goal(change)
    was = {key: there.fields[key] for key in goal}
    made = MeetingChange(there.id, there.group_id, was, goal)
    if "status" not in goal:
        then = goal.get("starts_at", there.fields["starts_at"])
        return made, _line(Code.meeting_time, there, group, then)
    codes = {"planned": Code.meeting_back, "postponed": Code.meeting_later}
    return made, _line(codes.get(goal["status"], Code.meeting_off), there, group)


def _goal(change: MeetingChange) -> dict[str, Any]:
    """The fields to set. What a person added is not deleted: it does not take place."""
    return {"status": "skipped"} if change.was is None else dict(change.was)


def _busy(there: MeetingNow, starts_at: datetime, minutes: int, now: Now) -> bool:
    until = starts_at + timedelta(minutes=minutes)
    return any(
        m.id != there.id and m.group_id == there.group_id and m.fields["status"] == "planned"
        and m.starts_at < until and starts_at < m.ends_at
        for m in now.meetings.values()
    )  # fmt: skip


def _line(code: Code, there: MeetingNow, group: str, old: Any = None) -> Line:
    return Line(code, group, n=there.number or 0, old=old, new=there.fields["starts_at"])
