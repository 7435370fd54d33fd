"""Pure: the Discord events that a group's meetings should have, and what differs out there.

An event's name, start, end and channel are compared one by one with what is wanted and with what
Muster last set (`marks`), as permissions are compared with their ledger:

- Discord has what is wanted: nothing to do;
- Discord has what Muster set, and something else is wanted now: Muster changes it;
- Discord has something else, and what Muster set is still wanted: a person changed it. It is
  reported, and put back only where the guild says so;
- all three differ: the meeting was changed after the person's change, and the meeting wins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from core.plan import ByHand
from core.reconcile.event_plan import (
    ACTIVE,
    FIELDS,
    LIVE,
    SCHEDULED,
    CancelEvent,
    Change,
    ChangeEvent,
    EndEvent,
    Event,
    EventGone,
    EventPlan,
    FindEvent,
    Group,
    MakeEvent,
    Meeting,
    SettleEvent,
    StartEvent,
    Wanted,
    mark_in,
    mark_of,
    marks_of,
)
from core.words import t

# A group's next four meetings, five weeks ahead at most: 25 weekly groups fill a server exactly.
AHEAD = 4
HORIZON = timedelta(weeks=5)
# Discord's limit of scheduled and active events in a guild, whoever made them (error 30038).
GUILD_LIMIT = 100
NAME_LIMIT = 100  # Discord's, of an event's name
# Discord refuses a start in the past; a call and its retries take half a minute (discord.py).
LEAST_AHEAD = timedelta(minutes=1)
# A snowflake's time is Discord's clock, the intent's is ours.
CLOCK_SLACK = timedelta(seconds=60)
_MOST_MEETINGS = 200  # of a cohort: a constraint of its table
_BY_HAND = {
    "name": "event_renamed", "start": "event_moved", "end": "event_moved",
    "channel_id": "event_rehomed",
}  # fmt: skip


def allot(makes: Iterable[Wanted], taken: int) -> frozenset[int]:
    """Meetings that get one of the places left in a guild that has `taken` events, soonest first.

    `makes` are all that are to be made in this guild, of whichever group.
    """
    room = max(0, GUILD_LIMIT - taken)
    return frozenset(w.meeting_id for w in sorted(makes)[:room])


def name_of(group: str, number: int | None) -> str:
    """As members see it, in the language spoken now; cut to Discord's 100 characters."""
    if number is None:
        return t("{group} - Extra meeting", group=group)[:NAME_LIMIT]
    return t("{group} - Week {n}", group=group, n=number)[:NAME_LIMIT]


def desired(group: Group, meetings: Iterable[Meeting], now: datetime) -> dict[int, Wanted]:
    """By meeting id, the event of each meeting that takes place and is not over."""
    if not group.live or group.channel_id is None:
        return {}
    return {
        m.id: Wanted(m.starts_at, m.id, m.ends_at, name_of(group.name, m.number), group.channel_id)
        for m in meetings
        if m.status == "planned" and m.ends_at > now
    }


def window(wanted: Iterable[Wanted], now: datetime) -> frozenset[int]:
    """The meetings of a group that should have an event by now: AHEAD of them, within HORIZON."""
    ahead = sorted(w for w in wanted if now + LEAST_AHEAD < w.start <= now + HORIZON)
    return frozenset(w.meeting_id for w in ahead[:AHEAD])


def diff(
    group: Group,
    meetings: Sequence[Meeting],
    actual: Mapping[int, Event],
    now: datetime,
    *,
    bot_id: int,
    repair: bool = False,
) -> EventPlan:
    """What takes a group's events to what they should be; `actual` are the guild's, by id."""
    wanted = desired(group, meetings, now)
    differ = _Differ(group, wanted, window(wanted.values(), now), actual, now, repair=repair)
    differ.bot_id = bot_id
    differ.taken = {m.event_id for m in meetings if m.event_id is not None}
    for meeting in sorted(meetings, key=lambda m: (m.starts_at, m.id)):
        differ.look(meeting)
    differ.left_over()
    return EventPlan(
        tuple(differ.changes), tuple(differ.by_hand), differ.unchanged, next_at=differ.next_at
    )


class _Differ:
    """One run of `diff`: goes through the meetings in order and gathers changes."""

    def __init__(
        self,
        group: Group,
        wanted: Mapping[int, Wanted],
        near: Collection[int],
        actual: Mapping[int, Event],
        now: datetime,
        *,
        repair: bool,
    ) -> None:
        self.group, self.wanted, self.near, self.actual = group, wanted, near, actual
        self.now, self.repair = now, repair
        self.bot_id = 0
        self.taken: set[int] = set()
        self.changes: list[Change] = []
        self.by_hand: list[ByHand] = []
        self.unchanged = 0
        self.next_at: datetime | None = None
        self._mine: dict[str, Event] | None = None  # events of ours in the channel, by marks

    def look(self, meeting: Meeting) -> None:
        """Add what one meeting's event needs."""
        if meeting.event_state == "intent":
            self.changes.append(FindEvent(meeting.id))
        elif meeting.event_state == "created" and meeting.event_id is not None:
            before = len(self.changes)
            self._made(meeting, self.actual.get(meeting.event_id))
            self.unchanged += len(self.changes) == before
        else:
            self._unmade(meeting)

    def _unmade(self, meeting: Meeting) -> None:
        """A meeting without an event: new, deleted by hand, or over before it was moved."""
        want = self.wanted.get(meeting.id)
        if want is None or want.start <= self.now:
            return
        if meeting.event_state == "gone" and not _moved(want, meeting.event_hash):
            return
        known = self._unknown_to_rows().pop(want.marks(), None) if self._loose else None
        if known is not None:
            self.changes.append(SettleEvent(meeting.id, "created", known.id, want.marks()))
        elif meeting.id in self.near:
            self.changes.append(MakeEvent(want))

    @property
    def _loose(self) -> bool:
        return bool(self._unknown_to_rows())

    def _unknown_to_rows(self) -> dict[str, Event]:
        """Events of ours to come that no row knows of, by marks.

        Rows were deleted, or came out of a backup; or one call made two.
        """
        if self._mine is None:
            self._mine = {
                marks_of(e): e
                for e in self.actual.values()
                if e.channel_id == self.group.channel_id
                and e.creator_id == self.bot_id
                and e.status == SCHEDULED
                and e.start > self.now
                and e.id not in self.taken
            }
        return self._mine

    def left_over(self) -> None:
        """Cancel events of meetings that are no more: made by us, here, and named by us."""
        if any(isinstance(c, FindEvent) for c in self.changes) or not self._loose:
            return
        names = {name_of(self.group.name, n) for n in (None, *range(1, _MOST_MEETINGS + 1))}
        self.changes += [
            CancelEvent(e.id, None, e.name)
            for e in sorted(self._unknown_to_rows().values(), key=lambda e: e.id)
            if e.name in names
        ]

    def _made(self, meeting: Meeting, event: Event | None) -> None:
        """A meeting whose event was made: is it there, and as it should be?"""
        there = event is not None and event.status in LIVE
        want = self.wanted.get(meeting.id)
        if meeting.ends_at <= self.now and meeting.status == "planned":
            if there and event is not None and event.status == ACTIVE:
                self.changes.append(EndEvent(event.id, meeting.id, event.name))
            else:
                # Discord itself takes away what was never started, some hours later.
                self.changes.append(SettleEvent(meeting.id, "ended", meeting.event_id))
        elif want is None:
            self._unwanted(meeting, event if there else None)
        elif there and event is not None:
            self._compare(meeting, event, want)
        elif want.start <= self.now:
            # Discord ends an event some minutes after the last person left its channel.
            self.changes.append(SettleEvent(meeting.id, "ended", meeting.event_id))
        elif meeting.event_id is not None:
            self.changes.append(EventGone(meeting.event_id, meeting.id, want.name))

    def _unwanted(self, meeting: Meeting, event: Event | None) -> None:
        if event is None:
            self.changes.append(SettleEvent(meeting.id, None))
        elif self.group.live and meeting.status == "planned":
            return  # only its channel is missing, and may come back
        elif event.status == ACTIVE:
            self.changes.append(EndEvent(event.id, meeting.id, event.name, forget=True))
        else:
            self.changes.append(CancelEvent(event.id, meeting.id, event.name))

    def _compare(self, meeting: Meeting, event: Event, want: Wanted) -> None:
        running = event.status == ACTIVE
        if running and want.start > self.now and _moved(want, meeting.event_hash):
            # A running event's start cannot be set any more: the meeting gets another one.
            self.changes.append(EndEvent(event.id, meeting.id, event.name, forget=True))
            return
        fields = self._fields(meeting, event, want, running=running)
        if fields:
            self.changes.append(ChangeEvent(event.id, want, fields))
        if not running and want.start <= self.now:
            self.changes.append(StartEvent(event.id, meeting.id, want.name))
        elif _same(event, want) and meeting.event_hash != want.marks():
            self.changes.append(SettleEvent(meeting.id, "created", event.id, want.marks()))
        self._look_at(want.end if running or want.start <= self.now else want.start)

    def _fields(
        self, meeting: Meeting, event: Event, want: Wanted, *, running: bool
    ) -> tuple[str, ...]:
        """Which fields are to be set; what a person changed goes into `by_hand`."""
        ours, notes = [], []
        for name in FIELDS:
            if getattr(event, name) == getattr(want, name):
                continue
            if name not in {"name", "end"} and (running or want.start <= self.now):
                continue  # of a running event, or in the past: Discord refuses it
            last = mark_of(meeting.event_hash, name)
            if last is None or last != mark_in(want, name) or self.repair:
                ours.append(name)
            else:
                notes.append(_BY_HAND[name])
        self.by_hand += [ByHand(event.id, 0, what) for what in dict.fromkeys(notes)]
        return tuple(ours)

    def _look_at(self, when: datetime) -> None:
        self.next_at = when if self.next_at is None else min(self.next_at, when)


def matching(
    meeting: Meeting, events: Iterable[Event], *, bot_id: int, taken: Collection[int]
) -> Event | None:
    """The event that an earlier attempt made for this meeting, as its intent describes it.

    Its marker: every field as intended, made by us, no earlier than the intent, and no other
    meeting's (`taken`).
    """
    since = meeting.event_intent_at
    for event in sorted(events, key=lambda e: e.id):
        ours = event.creator_id == bot_id and event.status in LIVE and event.id not in taken
        young = since is None or event.made_at >= since - CLOCK_SLACK
        if ours and young and marks_of(event) == meeting.event_hash:
            return event
    return None


def waiting_for(rows: Iterable[tuple[int, Wanted, bool]], now: datetime) -> list[Wanted]:
    """Of (group id, wanted, has an event): what these groups' windows lack."""
    groups: dict[int, list[tuple[Wanted, bool]]] = defaultdict(list)
    for group_id, want, has in rows:
        groups[group_id].append((want, has))
    found = []
    for inside in groups.values():
        near = window([w for w, _ in inside], now)
        found += [w for w, has in inside if not has and w.meeting_id in near]
    return found


def _moved(want: Wanted, marks: str | None) -> bool:
    """Whether the meeting's time is another one than when its event was last set."""
    return any(mark_of(marks, name) != mark_in(want, name) for name in ("start", "end"))


def _same(event: Event, want: Wanted) -> bool:
    return all(getattr(event, name) == getattr(want, name) for name in FIELDS)
