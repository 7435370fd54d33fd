"""Pure: events on Discord, the changes that make them right, and a plan of these in words."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.plan import ByHand
from core.words import t

# Statuses of Discord's API documentation.
SCHEDULED, ACTIVE, COMPLETED, CANCELED = 1, 2, 3, 4
LIVE = (SCHEDULED, ACTIVE)
FIELDS = ("name", "start", "end", "channel_id")
_MARK = 16  # hexadecimal digits of each field's mark: four of them fill meetings.event_hash


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting's row, as far as its event depends on it. Times are UTC."""

    id: int
    number: int | None
    extra: bool
    starts_at: datetime
    minutes: int
    status: str
    event_id: int | None = None
    event_state: str | None = None  # intent, created, gone, ended
    event_hash: str | None = None  # marks of what Muster last set
    event_intent_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Event:
    """An event as Discord has it. Times are UTC, ids are Discord's."""

    id: int
    name: str
    start: datetime
    end: datetime | None
    channel_id: int | None
    status: int
    creator_id: int | None
    made_at: datetime


@dataclass(frozen=True, order=True, slots=True)
class Wanted:
    """An event as it should be. `start` comes first: the soonest is made first."""

    start: datetime
    meeting_id: int
    end: datetime
    name: str
    channel_id: int

    def marks(self) -> str:
        """See marks_of."""
        return marks_of(self)


@dataclass(frozen=True)
class Group:
    """What all events of a group share. `channel_id`: its voice channel, where it stands."""

    name: str
    live: bool
    channel_id: int | None


@dataclass(frozen=True, order=True)
class MakeEvent:
    wanted: Wanted

    def words(self) -> str:
        when = _stamp(self.wanted.start)
        return t("create the event “{name}” on {when}", name=self.wanted.name, when=when)


@dataclass(frozen=True, order=True)
class ChangeEvent:
    """Set these of FIELDS as wanted; the others stay as they are."""

    event_id: int
    wanted: Wanted
    fields: tuple[str, ...]

    def words(self) -> str:
        name = self.wanted.name
        if "start" in self.fields or "end" in self.fields:
            when = _stamp(self.wanted.start)
            return t("move the event “{name}” to {when}", name=name, when=when)
        if "channel_id" in self.fields:
            return t("move the event “{name}” to another channel", name=name)
        return t("rename an event to “{name}”", name=name)


@dataclass(frozen=True, order=True)
class StartEvent:
    """Its meeting begins.

    Discord starts no event in a channel by itself, and tells who is interested only then.
    """

    event_id: int
    meeting_id: int
    name: str

    def words(self) -> str:
        return t("start the event “{name}”", name=self.name)


@dataclass(frozen=True, order=True)
class EndEvent:
    """A running event whose meeting is over, or does not take place now.

    Forgotten: its meeting may get another one.
    """

    event_id: int
    meeting_id: int
    name: str
    forget: bool = False

    def words(self) -> str:
        return t("end the event “{name}”", name=self.name)


@dataclass(frozen=True, order=True)
class CancelEvent:
    """The meeting does not take place. Without a meeting: its row is no more.

    Canceled and not deleted: the link to it goes on saying what became of it.
    """

    event_id: int
    meeting_id: int | None
    name: str

    def words(self) -> str:
        return t("cancel the event “{name}”", name=self.name)


@dataclass(frozen=True, order=True)
class EventGone:
    """Somebody deleted or canceled it on Discord.

    It comes back when its meeting moves, or when a moderator asks for it.
    """

    event_id: int
    meeting_id: int
    name: str

    def words(self) -> str:
        return t("the event “{name}” was deleted on Discord", name=self.name)


@dataclass(frozen=True, order=True)
class FindEvent:
    """A call to make this event was under way when something broke: look before making it."""

    meeting_id: int

    def words(self) -> str:
        return t("look for an event that may have been made before")


@dataclass(frozen=True, order=True)
class SettleEvent:
    """The row only, no call: what it says of its event is no longer so."""

    meeting_id: int
    state: str | None
    event_id: int | None = None
    marks: str | None = None

    def words(self) -> str:
        return t("note what became of an event")


Change = (
    MakeEvent | ChangeEvent | StartEvent | EndEvent | CancelEvent | EventGone | FindEvent
    | SettleEvent
)  # fmt: skip


@dataclass(frozen=True)
class EventPlan:
    """Ordered changes, differences by people, how many events are right, and when to look again.

    `homeless`: meetings that should have an event and for which the server has no room.
    """

    changes: tuple[Change, ...] = ()
    by_hand: tuple[ByHand, ...] = ()
    unchanged: int = 0
    homeless: int = 0
    next_at: datetime | None = None
    context: str = field(default="", compare=False)  # the bot's rights: part of the inputs

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def makes(self) -> list[Wanted]:
        return [c.wanted for c in self.changes if isinstance(c, MakeEvent)]

    def inputs_hash(self) -> str:
        """Changes when what is to be done, or what the bot may do, changed."""
        return hashlib.sha256(repr((self.changes, self.context)).encode()).hexdigest()

    def within(self, allowed: Collection[int]) -> EventPlan:
        """The plan with only those new events for whose meetings there is room."""
        kept = tuple(
            c
            for c in self.changes
            if not isinstance(c, MakeEvent) or c.wanted.meeting_id in allowed
        )
        return replace(self, changes=kept, homeless=len(self.changes) - len(kept))

    def words(self) -> list[str]:
        """One plain sentence a change, in the order in which they are made."""
        return [c.words() for c in self.changes if not isinstance(c, SettleEvent)]


def mark_in(thing: Event | Wanted, name: str) -> str:
    """The mark of one of FIELDS as it is in `thing`."""
    value = getattr(thing, name)
    text = str(int(value.timestamp())) if isinstance(value, datetime) else str(value)
    return hashlib.sha256(f"{name}:{text}".encode()).hexdigest()[:_MARK]


def marks_of(thing: Event | Wanted) -> str:
    """64 hexadecimal digits, 16 for each of FIELDS; what Muster last set stands in the row."""
    return "".join(mark_in(thing, name) for name in FIELDS)


def mark_of(marks: str | None, name: str) -> str | None:
    """The mark of one of FIELDS out of all four; None where there are none."""
    at = FIELDS.index(name) * _MARK
    return marks[at : at + _MARK] if marks else None


def _stamp(when: datetime) -> str:
    return f"<t:{int(when.timestamp())}:F>"
