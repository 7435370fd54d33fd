"""Pure: a series as Google's events, and Google's events as what the port gives back."""

from __future__ import annotations

import hashlib
from base64 import b32hexencode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from core.calendars.google_events import MARK, STATUS, Event
from core.calendars.port import Remote, Stored
from core.reconcile.recurrence import recurrence
from core.reconcile.series import Instance, Partstat, Series
from core.schedule import instant, local

_ID_BYTES = 20  # 32 letters; Google takes 5 to 1024
# What a reader of the calendar may do; the addresses are for nobody but Google.
_GUESTS = {
    "guestsCanSeeOtherGuests": False, "guestsCanInviteOthers": False, "guestsCanModify": False,
}  # fmt: skip
_SILENT = STATUS["needs-action"]
Notify = Literal["all", "externalOnly", "none"]


def event_id(uid: str) -> str:
    """The id of a series: a-v and 0-9 only (RFC 4648 base32hex), the same for the same UID.

    A deleted id can never be used again, which is why a UID has an epoch (series.uid_of).
    """
    return b32hexencode(hashlib.sha256(uid.encode()).digest()[:_ID_BYTES]).decode().lower()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The entry as it should be: its own body, and those of the instances that differ by day.

    `days`: every day with a meeting, and when by the rule (UTC), which is what Google calls the
    original start.
    """

    body: dict[str, Any]
    days: Mapping[datetime, Instance]
    changed: frozenset[date]


def wanted(series: Series, *, invites: bool) -> Wanted:
    """What to write for `series`; without attendees where `invites` is off. Raises UnknownZone."""
    plan = recurrence(series)
    body: dict[str, Any] = {
        "summary": series.title,
        "description": _text(series.description),
        "start": _wall(plan.wall(plan.first), plan.zone),
        "end": _wall(plan.wall(plan.first) + timedelta(minutes=series.minutes), plan.zone),
        "recurrence": list(plan.lines()),
        "status": "confirmed",
        "extendedProperties": {"private": {MARK: series.uid}},
        **_GUESTS,
    }
    if invites:
        body["attendees"] = _guests(series, {})
    return Wanted(
        body,
        {instant(i.day, series.at, series.zone): i for i in series.instances},
        frozenset(c.instance.day for c in plan.changed if invites or _differs(series, c.instance)),
    )


def instance_body(series: Series, instance: Instance, *, invites: bool) -> dict[str, Any]:
    """One meeting, complete: an exception is assumed to inherit nothing."""
    end = instance.starts_at + timedelta(minutes=instance.minutes)
    body: dict[str, Any] = {
        "summary": instance.title,
        "description": _text(series.description),
        "start": _moment(instance.starts_at, series.zone),
        "end": _moment(end, series.zone),
        "status": "confirmed",
        "extendedProperties": {"private": {MARK: series.uid}},
        **_GUESTS,
    }
    if invites:
        body["attendees"] = _guests(series, instance.answers)
    return body


def _differs(series: Series, instance: Instance) -> bool:
    """Whether it is another meeting than the rule gives, whatever people answered."""
    usual = (instant(instance.day, series.at, series.zone), series.minutes, series.title)
    return (instance.starts_at, instance.minutes, instance.title) != usual


def keeping(event: Event, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the answers that stand there where it has none: silence overrides nothing."""
    said = {guest.address: STATUS[guest.said] for guest in event.attendees}
    guests = [
        {**guest, "responseStatus": said.get(guest["email"], _SILENT)}
        if guest["responseStatus"] == _SILENT
        else guest
        for guest in body.get("attendees", ())
    ]
    return {**body, "attendees": guests} if "attendees" in body else dict(body)


def same(event: Event, body: Mapping[str, Any]) -> bool:
    """Whether the event is already what the body would make it."""
    would = _as_event(event, body)
    return _face(event) == _face(would) and _answers(event) == _answers(would)


def notify(event: Event | None, body: Mapping[str, Any]) -> Notify:
    """Who gets a mail from Google for this write.

    Somebody new gets the invitation, without which some calendars do not show it. Of a change
    Muster tells on Discord; only guests outside of Google need a mail to have it in their
    calendar. An answer that was given elsewhere is no news to anybody.
    """
    invited = {guest["email"] for guest in body.get("attendees", ())}
    if event is None:
        return "all" if invited else "none"
    known = {guest.address for guest in event.attendees}
    if invited - known:
        return "all"
    plain = _face(event) == _face(_as_event(event, body))
    return "none" if plain or not invited | known else "externalOnly"


def remote(master: Event, exceptions: Sequence[Event]) -> Remote:
    """An entry and its exceptions as the port gives it."""
    zone = master.start.time_zone or "UTC"
    answers: dict[tuple[date | None, str], Partstat] = {
        (None, guest.address): guest.said for guest in master.attendees
    }
    for event in exceptions:
        day = event.original_start_time.on(zone)
        if day is not None and not event.cancelled:
            answers |= {(day, guest.address): guest.said for guest in event.attendees}
    kept = sorted(exceptions, key=lambda event: event.id)
    content = repr([_face(master), *(f for e in kept if (f := _other(master, e)) is not None)])
    return Remote(
        Stored(master.id, version(master, exceptions)),
        master.uid or "",
        hashlib.sha256(content.encode()).hexdigest(),
        answers,
    )


def version(master: Event, exceptions: Sequence[Event]) -> str:
    """The etag of an entry with all its exceptions: Google's own says nothing about those."""
    if not exceptions:
        return master.etag
    parts = sorted(f"{event.id} {event.etag} {event.status}" for event in exceptions)
    return f"{master.etag} {hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}"


def _other(master: Event, event: Event) -> object | None:
    """How an exception shows; None where it shows what its series says, or only an answer."""
    zone = master.start.time_zone or "UTC"
    usual, start = event.original_start_time.at(zone), master.start.at(zone)
    if event.cancelled:
        return ("cancelled", str(usual))
    end = master.end.at(zone)
    if usual is None or start is None or end is None:
        return _face(event)
    as_ruled = (
        master.summary, master.description, master.location, str(usual), str(usual + (end - start)),
        sorted(guest.address for guest in master.attendees),
    )  # fmt: skip
    found = _face(event)
    return None if found[:6] == as_ruled else (str(usual), *found)


def _face(event: Event) -> tuple[Any, ...]:
    """All of it that people see, answers and what Google adds by itself left out."""
    zone = event.start.time_zone or "UTC"
    return (
        event.summary, event.description, event.location,
        str(event.start.at(zone) or event.start.day), str(event.end.at(zone) or event.end.day),
        sorted(guest.address for guest in event.attendees),
        sorted(event.recurrence), zone if event.recurrence else "",
        event.guests_can_see_other_guests,
    )  # fmt: skip


def _answers(event: Event) -> dict[str, Partstat]:
    return {guest.address: guest.said for guest in event.attendees}


def _as_event(event: Event, body: Mapping[str, Any]) -> Event:
    return Event.model_validate({"id": event.id, **body})


def _guests(series: Series, answers: Mapping[str, Partstat]) -> list[dict[str, str]]:
    return [
        {
            "email": guest.address,
            "displayName": guest.name,
            "responseStatus": STATUS[answers.get(guest.address, guest.partstat)],
        }
        for guest in sorted(series.attendees, key=lambda guest: guest.address)
    ]


def _wall(at: datetime, zone: str) -> dict[str, str]:
    """A wall time: where the clocks skip it, the rule still goes on from it."""
    return {"dateTime": at.isoformat(timespec="seconds"), "timeZone": zone}


def _moment(at: datetime, zone: str) -> dict[str, str]:
    return {"dateTime": local(at, zone).isoformat(timespec="seconds"), "timeZone": zone}


def _text(text: str) -> str:
    """Google reads descriptions as HTML; a lone < would swallow what follows it."""
    return text.replace("<", "&lt;")
