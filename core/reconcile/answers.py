"""Pure: what an answer counts as, which of two wins, and how a meeting's post reads.

The latest explicit answer wins. Discord's "Interested" counts as attending only where there is no
explicit answer, and silence never overrides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core.words import mark, t, tn

Style = Literal["primary", "secondary", "success", "danger"]

PENDING, ATTENDING, TENTATIVE, NOT_ATTENDING = "pending", "attending", "tentative", "not_attending"
# What the buttons mean, by the action that stands in their id.
PRESSES = {"rsvp_yes": ATTENDING, "rsvp_maybe": TENTATIVE, "rsvp_no": NOT_ATTENDING}
LABELS = {
    "rsvp_yes": mark("Attending"),
    "rsvp_maybe": mark("Maybe"),
    "rsvp_no": mark("Can't come"),
    "meeting_ics": mark("Add to calendar"),
    "meeting_manage": mark("Manage"),
}
_STYLES: dict[str, Style] = {"rsvp_yes": "success", "rsvp_no": "danger"}
_HEADINGS = (
    (ATTENDING, mark("✅ **Attending ({n})**: {names}")),
    (TENTATIVE, mark("❔ **Maybe ({n})**: {names}")),
    (NOT_ATTENDING, mark("❌ **Can't come ({n})**: {names}")),
)
_NOT_HELD = {
    "skipped": mark("⏭️ {name} · {day} · skipped"),
    "postponed": mark("⏭️ {name} · {day} · postponed, one is added at the end"),
    "cancelled": mark("🚫 {name} · {day} · cancelled"),
}
# Characters for the names of one answer: three lists and the rest stay below Discord's 2,000.
_LIST = 520
_NAME = 70  # a nickname has at most 32 characters; made safe to show it may be twice as long


def effective(status: str, interested: bool) -> str:
    """What counts: the explicit answer, else "Interested" as attending, else pending."""
    if status != PENDING:
        return status
    return ATTENDING if interested else PENDING


@dataclass(frozen=True)
class Knob:
    """A lasting button: its label, what a press does, and the number that it is done to."""

    label: str
    action: str
    number: int = 0
    style: Style = "secondary"


@dataclass(frozen=True)
class Shown:
    """A post as people see it: at most 2,000 characters."""

    text: str
    buttons: tuple[Knob, ...] = ()


@dataclass(frozen=True)
class MeetingFacts:
    """One meeting. `starts_at` is UTC; `status` as in core.db.meeting_models.MeetingStatus."""

    id: int
    number: int | None
    starts_at: datetime
    minutes: int
    status: str = "planned"

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def name(self) -> str:
        later = self.number is None and self.status == "postponed"
        return t("Postponed meeting") if later else name_of(self.number)


@dataclass(frozen=True)
class Answered:
    """One of those whom a meeting is for. `name` is safe to show, `answer` the effective one."""

    name: str
    answer: str = PENDING
    guest: bool = False


def name_of(number: int | None) -> str:
    """What people call a meeting: its number in the series, where it has one."""
    return t("Week {number}", number=number) if number is not None else t("Extra meeting")


def at(moment: datetime, style: str = "F") -> str:
    """A Discord timestamp: everybody reads it in their own zone."""
    return f"<t:{int(moment.timestamp())}:{style}>"


def buttons(meeting_id: int, *, manage: bool = True) -> tuple[Knob, ...]:
    """Attending, Maybe, Can't come and, on the post itself, Add to calendar and Manage."""
    return tuple(
        Knob(t(label), action, meeting_id, _STYLES.get(action, "secondary"))
        for action, label in LABELS.items()
        if manage or action in PRESSES
    )


def tally(answers: Iterable[str]) -> dict[str, int]:
    """How many of each answer; every answer is there."""
    found = dict.fromkeys((ATTENDING, TENTATIVE, NOT_ATTENDING, PENDING), 0)
    for answer in answers:
        found[answer] += 1
    return found


def listed(people: Sequence[Answered], *, room: int = _LIST) -> str:
    """Names with commas, guests marked; "… and 12 more" once `room` characters are used."""
    names = [_shown(person) for person in people]
    used, fits = 0, 0
    for name in names:
        used += len(name) + 2
        if used > room:
            break
        fits += 1
    said = ", ".join(names[:fits])
    if fits == len(names):
        return said
    return t("{names} and {n} more", names=said, n=len(names) - fits)


def _shown(person: Answered) -> str:
    name = person.name if len(person.name) <= _NAME else person.name[: _NAME - 1] + "…"
    return t("{name} (guest)", name=name) if person.guest else name


def post(meeting: MeetingFacts, people: Sequence[Answered]) -> Shown:
    """The living post of a group's next meeting: who answered what, and the buttons."""
    parts = [title(meeting), ""]
    for answer, heading in _HEADINGS:
        those = [p for p in people if p.answer == answer]
        if those:
            parts.append(t(heading, n=len(those), names=listed(those)))
    silent = sum(p.answer == PENDING for p in people)
    if silent == len(people):
        parts.append(t("Nobody has answered yet. Will you come?"))
    elif silent:
        parts.append(tn("💤 {n} has not answered yet", "💤 {n} have not answered yet", silent))
    return Shown("\n".join(parts), buttons(meeting.id))


def title(meeting: MeetingFacts) -> str:
    """As in: Week 3 · Wednesday, 4 March 2026 19:00 (in 2 days)."""
    when = t("{time} ({left})", time=at(meeting.starts_at), left=at(meeting.starts_at, "R"))
    return f"📅 **{meeting.name}** · {when}"


def line(meeting: MeetingFacts, *, yes: int, came: int | None = None, now: datetime) -> Shown:
    """What becomes of the post of a meeting that is not the next one (any more): one line.

    `yes` said that they attend; `came` were there, None where nobody knows. `now` is UTC.
    """
    name, day = f"**{meeting.name}**", at(meeting.starts_at, "D")
    if meeting.status != "planned":
        return Shown(t(_NOT_HELD[meeting.status], name=name, day=day))
    if now < meeting.ends_at:
        # It was moved behind another one, or another one came in before it.
        return Shown(t("↪️ {name} · takes place on {time}", name=name, time=at(meeting.starts_at)))
    if came is not None:
        return Shown(tn("✅ {name} · {day} · {n} came", "✅ {name} · {day} · {n} came", came,
                        name=name, day=day))  # fmt: skip
    return Shown(tn("✅ {name} · {day} · {n} said yes", "✅ {name} · {day} · {n} said yes", yes,
                    name=name, day=day))  # fmt: skip


def activity(joined: int, left: int, answered: int) -> str | None:
    """What happened in a group today; None on a quiet day."""
    parts = [tn("{n} joined", "{n} joined", joined)] if joined else []
    parts += [tn("{n} left", "{n} left", left)] if left else []
    parts += [tn("{n} answered", "{n} answered", answered)] if answered else []
    return t("Today: {what}", what=", ".join(parts)) if parts else None
