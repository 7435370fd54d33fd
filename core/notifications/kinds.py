"""The kinds of messages: one table of what each is, whom it notifies and how late it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from core.reconcile.reminders import OFFSETS
from core.words import mark

# Whom a post notifies by a mention. "coming": who attends, may come or has not answered yet.
Audience = Literal["nobody", "coming", "silent", "members", "announced"]

# Later than that is said: five thousand messages at Discord's 50 a second take 100 s.
MARK_AFTER = timedelta(minutes=5)
MENTIONS = "mentions"  # the switch for being mentioned in posts about meetings


def _hours(n: float) -> timedelta:
    return timedelta(hours=n)


@dataclass(frozen=True)
class Kind:
    """What Muster knows of a kind. `title` is marked: say it with t().

    Sent later than MARK_AFTER, but by less than `grace`, it says when it was due; later than that
    it is not sent any more. What cannot be sent yet waits for `expiry` after that at most.
    """

    name: str
    title: str
    grace: timedelta
    expiry: timedelta
    audience: Audience = "nobody"
    silent: bool = False
    default: bool = True  # whether people get it who chose nothing
    switch: bool = False  # whether a person decides; for direct messages only
    offset: timedelta | None = None  # how long before the meeting, where the group chose nothing
    marked: bool = True  # whether a late one says so: those about a time
    counts: bool = True  # whether facilitators hear that it could not be sent in time
    buttons: bool = False  # the three answers
    facilitators: bool = False  # only for those
    # What is said where the person takes no direct messages: the same in the group's channel, or
    # only that there is something, or nothing.
    instead: Literal["same", "note", "nothing"] = "nothing"
    offable: bool = True  # not said at all to whoever wants no direct messages


def _offset(kind: str) -> timedelta:
    return timedelta(minutes=OFFSETS[kind])


_ALL = (
    # A reminder of a day before is still one half a day before; the last one ends with the start.
    Kind("remind_first", mark("Reminder a day before"), _hours(12), _hours(12), silent=True,
         offset=_offset("remind_first"), buttons=True),
    Kind("remind_last", mark("Reminder just before"), _hours(0.75), _hours(0.75), "coming",
         offset=_offset("remind_last"), buttons=True),
    Kind("nudge", mark("Question to those who have not answered"), _hours(24), _hours(24),
         "silent", silent=True, offset=_offset("nudge"), buttons=True),
    Kind("remind_dm", mark("Personal reminder"), _hours(0.75), _hours(0.75), default=False,
         switch=True, buttons=True, counts=False, instead="same", offable=False),
    # News of a meeting is of use until the meeting; two days is the most that a bot is away.
    Kind("moved", mark("Meeting moved"), _hours(48), _hours(48), "coming"),
    Kind("skipped", mark("Meeting does not take place"), _hours(48), _hours(48), "coming"),
    Kind("cancelled", mark("Meeting cancelled"), _hours(48), _hours(48), "coming"),
    Kind("added", mark("Extra meeting"), _hours(48), _hours(48), "coming"),
    Kind("restored", mark("Meeting takes place after all"), _hours(48), _hours(48), "coming"),
    Kind("guest", mark("A guest comes"), _hours(48), _hours(48), silent=True, counts=False),
    # Who is in a group stays true; two weeks is how long somebody may take to join the server.
    Kind("assigned", mark("A group opens"), _hours(14 * 24), _hours(14 * 24), "members",
         marked=False),
    Kind("assigned_dm", mark("Your group opens"), _hours(14 * 24), _hours(14 * 24), default=False,
         switch=True, marked=False, counts=False, instead="same", offable=False),
    Kind("joined", mark("Somebody joined"), _hours(14 * 24), _hours(14 * 24), silent=True,
         marked=False, counts=False),
    Kind("left", mark("Somebody left"), _hours(24), _hours(24), silent=True, marked=False,
         counts=False),
    # Monday's overview still serves on Tuesday, not on Wednesday.
    Kind("digest", mark("Weekly overview"), _hours(36), _hours(36), switch=True,
         facilitators=True, counts=False, instead="note"),
    # Said two weeks ahead: up to a week late there is time to move the meeting.
    Kind("shift", mark("The clocks change"), _hours(7 * 24), _hours(7 * 24), facilitators=True,
         marked=False, instead="same", offable=False),
    Kind("missed", mark("What was not said in time"), _hours(72), _hours(72), marked=False,
         counts=False, instead="note"),
    # A moderator's word to one person. Nothing of it is said where others read.
    Kind("note", mark("A moderator's message"), _hours(72), _hours(72), marked=False, counts=False),
    # A person's own words; whether they still fit after a day, only that person knows.
    Kind("announce", mark("Announcement"), _hours(24), _hours(24), "announced"),
    # What was changed or withdrawn must follow, however long Discord was away.
    Kind("announce_edit", mark("Change of an announcement"), _hours(14 * 24), _hours(14 * 24),
         "announced", silent=True, marked=False, counts=False),
)  # fmt: skip
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}


def wants(kind: Kind, switches: dict[str, object]) -> bool:
    """Whether somebody with these switches gets this kind of direct message."""
    return bool(switches.get(kind.name, kind.default)) if kind.switch else True
