"""One message with everything that is known about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.notifications.kinds import KINDS, MENTIONS, Kind, wants
from core.notifications.known import (
    AnnouncementFact,
    Facts,
    GroupFact,
    Late,
    MeetingFact,
    PersonFact,
    Server,
)
from core.notifications.outgoing import Claimed

# Posts that somebody may get personally instead.
_PERSONAL = {"remind_last": "remind_dm", "assigned": "assigned_dm"}


@dataclass(frozen=True)
class Case:
    """A row with all that is known about it."""

    row: Claimed
    kind: Kind
    server: Server
    facts: Facts
    now: datetime

    @property
    def group(self) -> GroupFact | None:
        return self.facts.groups.get(self.row.group_id or 0)

    @property
    def meeting(self) -> MeetingFact | None:
        """The one that the row is about, else the group's next one."""
        if self.row.meeting_id is not None:
            return self.facts.meetings.get(self.row.meeting_id)
        return self.next

    @property
    def next(self) -> MeetingFact | None:
        """The group's next meeting."""
        return self.facts.meetings.get((self.group.next_id if self.group else None) or 0)

    @property
    def announcement(self) -> AnnouncementFact | None:
        return self.facts.announcements.get(self.row.announcement_id or 0)

    @property
    def late(self) -> list[Late]:
        """What could not be said in time to this person."""
        return self.facts.late.get((self.row.guild_id, self.row.user_id or 0), [])

    @property
    def audience(self) -> list[int]:
        """Everybody whom the meeting, or the group, is for: its people and the guests."""
        inside = list(self.group.people) if self.group is not None else []
        guests = self.facts.guests.get(self.row.meeting_id or 0, set())
        return [*inside, *sorted(guests - set(inside))]

    def person(self, user_id: int) -> PersonFact | None:
        return self.facts.people.get((self.row.guild_id, user_id))

    def answer(self, user_id: int) -> str:
        """The effective answer for the row's meeting."""
        return self.facts.answers.get(self.row.meeting_id or 0, {}).get(user_id, "pending")

    def is_here(self, user_id: int) -> bool:
        """Whether they are on the server."""
        person = self.person(user_id)
        return person is not None and person.here

    def mentioned(self, user_id: int) -> bool:
        """Whether a post about a meeting may notify them."""
        person = self.person(user_id)
        return person is not None and person.here and bool(person.switches.get(MENTIONS, True))

    def personally(self, user_id: int) -> bool:
        """Whether they get the same as a direct message: nobody is told twice of one thing."""
        kind = _PERSONAL.get(self.kind.name)
        person = self.person(user_id)
        return kind is not None and person is not None and wants(KINDS[kind], person.switches)
