"""Pure: what a group's calendar entry should be, and which answers in it are news.

An answer stands in the entry for the whole series or for one meeting. `seen` is what was read or
written last, so that only a change of it counts; "needs-action" never takes an answer back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.reconcile.answers import ATTENDING, NOT_ATTENDING, PENDING, TENTATIVE, name_of
from core.reconcile.series import Attendee, Instance, Partstat, Series, uid_of
from core.schedule import Rule, zone_info
from core.words import t

SILENT: Partstat = "needs-action"
TO_CALENDAR: Mapping[str, Partstat] = {
    ATTENDING: "accepted", NOT_ATTENDING: "declined", TENTATIVE: "tentative", PENDING: SILENT,
}  # fmt: skip
FROM_CALENDAR: Mapping[Partstat, str] = {
    "accepted": ATTENDING, "declined": NOT_ATTENDING, "tentative": TENTATIVE,
}  # fmt: skip
FROM_ALL = "calendar"  # core.db.meeting_models.Source: the answer was given in a calendar

# By day (ISO, "" for the series) and user id: the answer.
Seen = Mapping[str, Mapping[str, Partstat]]
# As core.calendars.port.Remote.answers: by day (None for the series) and address.
Answers = Mapping[tuple[date | None, str], Partstat]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the group who gave an address (lower case)."""

    user_id: int
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting that takes place or took place; `starts_at` is UTC."""

    id: int
    day: date
    starts_at: datetime
    minutes: int
    number: int | None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Said:
    """What stands in Muster. `answered_at` None: nobody ever answered."""

    status: str
    source: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """A group as its entry depends on it. `zone`: the server's, where there is no rule."""

    id: int
    guild_id: int
    name: str
    cohort: str
    server: str
    zone: str
    rule: Rule | None
    meetings: Sequence[Meeting]
    people: Sequence[Person] = ()
    said: Mapping[tuple[int, int], Said] = field(default_factory=dict)  # by meeting, user


@dataclass(frozen=True, slots=True)
class News:
    """`answers`: (meeting id, user id, status) to be written; `seen`: what stands there now."""

    answers: tuple[tuple[int, int, str], ...]
    seen: dict[str, dict[str, Partstat]]


def desired(
    group: Group, epoch: int, seen: Seen, *, invites: bool, sets_rsvp: bool, paused: bool = False
) -> Series | None:
    """The group's entry, in the language spoken now; None where it has no meeting.

    `paused`: nobody new is invited now. `sets_rsvp`: answers given in Muster are written into it.
    Raises UnknownZone.
    """
    if not group.meetings:
        return None
    series = seen.get("", {})
    people = invited(group.people) if invites else ()
    if paused:
        people = tuple(p for p in people if str(p.user_id) in series)
    answers = _own if sets_rsvp and not paused else _kept
    title = t("{group} · {cohort}", group=group.name, cohort=group.cohort)
    meetings = sorted(group.meetings, key=lambda m: m.day)
    zone, at, minutes, every = _usual(group, meetings)
    return Series(
        uid_of(group.guild_id, group.id, epoch), title,
        t(
            "The meetings of {group} ({cohort}) on the Discord server {server}. Muster keeps this "
            "entry: your answer is read, other changes are written over.",
            group=group.name, cohort=group.cohort, server=group.server,
        ),
        zone, at, minutes, every,
        tuple(
            Instance(
                m.day, m.starts_at, m.minutes, _title(title, m), answers(group, m, people, seen)
            )
            for m in meetings
        ),
        tuple(Attendee(p.address, p.name, _all(seen, p)) for p in people),
    )  # fmt: skip


def invited(people: Sequence[Person]) -> tuple[Person, ...]:
    """One person per address, by user id."""
    found: dict[str, Person] = {}
    for person in sorted(people, key=lambda p: p.user_id):
        found.setdefault(person.address, person)
    return tuple(found.values())


def _usual(group: Group, meetings: Sequence[Meeting]) -> tuple[str, time, int, int]:
    """Zone, wall time, minutes and weeks apart: the slot in force at the end of the series."""
    last = meetings[-1]
    if group.rule is None:
        zone_info(group.zone)
        at = last.starts_at.astimezone(ZoneInfo(group.zone)).time()
        return group.zone, at, last.minutes, 1
    slot = group.rule.slot_for(last.day)
    zone_info(slot.zone)
    return slot.zone, slot.at, slot.minutes, group.rule.every


def _title(title: str, meeting: Meeting) -> str:
    """The series' own, so that no meeting needs an exception only for its name."""
    if meeting.number is not None:
        return title
    return t("{title} · {meeting}", title=title, meeting=name_of(None))


def _all(seen: Seen, person: Person) -> Partstat:
    return seen.get("", {}).get(str(person.user_id), SILENT)


def _kept(
    _group: Group, meeting: Meeting, people: Sequence[Person], seen: Seen
) -> dict[str, Partstat]:
    """What was answered to this one in the calendar, where that differs from the series."""
    there = seen.get(meeting.day.isoformat(), {})
    own = {p.address: there.get(str(p.user_id), _all(seen, p)) for p in people}
    return {p.address: own[p.address] for p in people if own[p.address] != _all(seen, p)}


def _own(
    group: Group, meeting: Meeting, people: Sequence[Person], seen: Seen
) -> dict[str, Partstat]:
    """Likewise, with what was answered in Muster. Who was asked anew is silent again."""
    found = _kept(group, meeting, people, seen)
    for person in people:
        said = group.said.get((meeting.id, person.user_id))
        if said is None or said.answered_at is None:
            continue
        want = TO_CALENDAR[said.status]
        if want == _all(seen, person):
            found.pop(person.address, None)
        else:
            found[person.address] = want
    return found


def written(series: Series, people: Sequence[Person]) -> dict[str, dict[str, Partstat]]:
    """What is seen once this series was written."""
    who = {p.address: str(p.user_id) for p in invited(people)}
    found: dict[str, dict[str, Partstat]] = {
        "": {who[a.address]: a.partstat for a in series.attendees if a.address in who}
    }
    for instance in series.instances:
        own = {who[a]: p for a, p in instance.answers.items() if a in who}
        if own:
            found[instance.day.isoformat()] = own
    return found


def shows(series: Series, answers: Answers) -> bool:
    """Whether an entry with these answers says what the series wants to be said."""
    for person in series.attendees:
        whole = answers.get((None, person.address))
        if whole != person.partstat:
            return False
        for instance in series.instances:
            there = answers.get((instance.day, person.address), whole)
            if there != instance.answers.get(person.address, person.partstat):
                return False
    return True


def news(group: Group, seen: Seen, answers: Answers, now: datetime) -> News:
    """What people answered in the calendar since it was seen last; `now` is UTC.

    An answer to one meeting counts for that one. An answer to the series counts for all meetings
    to come that have none of their own, also for those that come in later.
    """
    found: list[tuple[int, int, str]] = []
    fresh: dict[str, dict[str, Partstat]] = {"": {}}
    for person in invited(group.people):
        key, whole = str(person.user_id), answers.get((None, person.address))
        if whole is None:
            continue
        fresh[""][key] = whole
        for meeting in group.meetings:
            own = answers.get((meeting.day, person.address), whole)
            if own != whole:
                fresh.setdefault(meeting.day.isoformat(), {})[key] = own
            status = _answer(group, seen, person, meeting, whole, own)
            if status is not None and now < meeting.ends_at:
                found.append((meeting.id, person.user_id, status))
    return News(tuple(found), fresh)


def _answer(
    group: Group, seen: Seen, person: Person, meeting: Meeting, whole: Partstat, own: Partstat
) -> str | None:
    """What this person's answer to the meeting becomes; None: nothing new."""
    key = str(person.user_id)
    before = seen.get("", {}).get(key, SILENT)
    alone = seen.get(meeting.day.isoformat(), {}).get(key)
    said = group.said.get((meeting.id, person.user_id))
    if own not in (whole, SILENT) or (alone is not None and own != SILENT):
        fresh, given = own != (alone or before), own
    elif said is None or said.answered_at is None:
        fresh, given = whole != SILENT, whole
    else:  # what came from an answer to the whole series follows it
        fresh = whole not in (SILENT, before) and said.source == FROM_ALL and alone is None
        given = whole
    if not fresh:
        return None
    status = FROM_CALENDAR[given]
    return status if said is None or status != said.status else None


def utc(text: str) -> datetime:
    """A time with an offset, as a database writes it into JSON, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
