"""What Google answers with, as far as Muster reads it (Calendar API v3, resource "Event")."""

from __future__ import annotations

from datetime import UTC, date, datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from core.reconcile.series import Partstat
from core.schedule import UnknownZone, instant, local

MARK = "muster"  # the private property that says which series an entry of ours is
_SAID: dict[str, Partstat] = {
    "needsAction": "needs-action", "accepted": "accepted", "declined": "declined",
    "tentative": "tentative",
}  # fmt: skip
STATUS = {said: status for status, said in _SAID.items()}


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")


class When(_Read):
    """A moment, or a whole day where a person changed the entry to one."""

    date_time: datetime | None = None
    day: date | None = Field(None, alias="date")
    time_zone: str | None = None

    def at(self, zone: str) -> datetime | None:
        """In UTC; `zone` (IANA) counts where the answer has none. None: a whole day."""
        if self.date_time is None:
            return None
        if self.date_time.tzinfo is not None:
            return self.date_time.astimezone(UTC)
        try:
            return instant(self.date_time.date(), self.date_time.time(), self.time_zone or zone)
        except UnknownZone:
            return None

    def on(self, zone: str) -> date | None:
        """The local day in `zone`."""
        at = self.at(zone)
        return self.day if at is None else local(at, zone).date()


class Guest(_Read):
    email: str = ""
    response_status: str = "needsAction"

    @property
    def address(self) -> str:
        return self.email.lower()

    @property
    def said(self) -> Partstat:
        return _SAID.get(self.response_status, "needs-action")


class Properties(_Read):
    private: dict[str, str] = Field(default_factory=dict)


class Event(_Read):
    """A series, one of its instances, or what is left of a deleted one: an id and a status."""

    id: str
    etag: str = ""
    status: str = "confirmed"
    summary: str = ""
    description: str = ""
    location: str = ""
    start: When = When()
    end: When = When()
    recurrence: tuple[str, ...] = ()
    attendees: tuple[Guest, ...] = ()
    recurring_event_id: str | None = None
    original_start_time: When = When()
    # Named by hand: the generator makes icalUid of it.
    ical_uid: str = Field("", alias="iCalUID")
    guests_can_see_other_guests: bool = True
    extended_properties: Properties = Properties()

    @property
    def cancelled(self) -> bool:
        return self.status == "cancelled"

    @property
    def uid(self) -> str | None:
        """The series that it is ours by; None for what somebody else put there."""
        return self.extended_properties.private.get(MARK)


class Page(_Read):
    items: tuple[Event, ...] = ()
    next_page_token: str | None = None
    next_sync_token: str | None = None
    access_role: str = ""
    description: str = ""  # of the calendar


class CalendarInfo(_Read):
    id: str
    description: str = ""
    access_role: str = "owner"
    deleted: bool = False


class CalendarPage(_Read):
    items: tuple[CalendarInfo, ...] = ()
    next_page_token: str | None = None
