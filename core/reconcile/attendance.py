"""Who came to a meeting, and who needs a look of a person. Pure: rows in, words of ours out."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# So long before a meeting somebody in its voice channel is taken for somebody who comes to it, and
# so long after it somebody who is still there is taken for somebody who stayed to the end. Only
# the seconds of the meeting itself are counted.
MARGIN = timedelta(minutes=10)
SILENT_DAYS = 21  # "three weeks"
# Two monthly meetings in a row lie within 62 days; what is older is no reason for a look.
WINDOW = timedelta(days=70)
_IN_A_ROW = 2  # meetings missed without notice, of which people want to hear


class Verdict(enum.StrEnum):
    attended = "attended"
    absent = "absent"
    excused = "excused"
    unknown = "unknown"  # no data, which is not absence


class Cause(enum.StrEnum):
    """Why somebody needs a look, worst first. Kept in snoozes.cause."""

    facilitator = "facilitator"
    silent = "silent"
    missed = "missed"


@dataclass(frozen=True)
class Seen:
    """What is known of one person in one meeting: seconds in its voice channel, and a mark."""

    seconds: int = 0
    mark: str | None = None


def enough(minutes: int, threshold: int) -> int:
    """Seconds that count as having come: `threshold` minutes, at most half of the meeting.

    A plain number of minutes is easy to say ("at least 10 minutes"); half of the meeting keeps it
    fair for meetings of a quarter of an hour.
    """
    return min(threshold * 60, minutes * 30)


def counted(since: datetime, until: datetime, starts_at: datetime, minutes: int) -> int:
    """Seconds of a stay (UTC) that lie within the meeting."""
    ends_at = starts_at + timedelta(minutes=minutes)
    inside = min(until, ends_at) - max(since, starts_at)
    return max(0, int(inside.total_seconds()))


def until(
    *, present: bool, leaving: bool, last_seen_at: datetime, ends_at: datetime, now: datetime
) -> datetime:
    """Up to when an open stay is counted (UTC).

    `present`: in the channel now. `leaving`: Discord just told of somebody who left. Who is there
    after a restart was there all the time; who is not there any more, up to when they were seen.
    """
    return now if (present or leaving) and now <= ends_at + MARGIN else last_seen_at


def verdict(seen: Seen | None, *, minutes: int, threshold: int, anybody_seen: bool) -> Verdict:
    """Whether somebody came. A facilitator's mark wins over what was seen.

    `anybody_seen`: at least one person was there for long enough. Where nobody was, they met
    elsewhere, or Muster was away: that says nothing about anybody.
    """
    if seen is not None and seen.mark is not None:
        return Verdict(seen.mark)
    if not anybody_seen:
        return Verdict.unknown
    if seen is not None and seen.seconds >= enough(minutes, threshold):
        return Verdict.attended
    return Verdict.absent


@dataclass(frozen=True)
class Past:
    """One meeting that is over, for one person who was expected there."""

    meeting_id: int
    starts_at: datetime
    verdict: Verdict
    notice: bool = False  # said that they can't come
    seen: bool = False  # was there for a moment at least

    @property
    def missed(self) -> bool:
        return self.verdict == Verdict.absent and not self.notice


@dataclass(frozen=True)
class Need:
    """Why, and the meetings that it is about, newest first."""

    cause: Cause
    meetings: tuple[Past, ...]


def attention(
    past: Sequence[Past], *, facilitator: bool, since: datetime, answered: bool, now: datetime
) -> Need | None:
    """Whether somebody needs a look, by their meetings of the last WINDOW, newest first.

    `since`: in the group from then on. `answered`: they answered a meeting of the last three
    weeks or one to come. Meetings without data neither count nor break a row; a facilitator who
    was not there is always named, also after notice, since the group met without them.
    """
    known = [p for p in past if p.verdict != Verdict.unknown]
    if facilitator:
        alone = known[:1]
        absent = bool(alone) and alone[0].verdict == Verdict.absent
        return Need(Cause.facilitator, tuple(alone)) if absent else None
    long_ago = now - timedelta(days=SILENT_DAYS)
    recent = [p for p in past if p.starts_at >= long_ago]
    # Who was excused is in touch with somebody.
    there = any(p.seen or p.verdict in {Verdict.attended, Verdict.excused} for p in recent)
    absences = tuple(p for p in recent if p.verdict == Verdict.absent)
    if absences and not there and not answered and since <= long_ago:
        return Need(Cause.silent, absences)
    row = known[:_IN_A_ROW]
    if len(row) == _IN_A_ROW and all(p.missed for p in row):
        return Need(Cause.missed, tuple(row))
    return None
