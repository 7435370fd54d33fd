"""Bodies for Google, and what is read from its answers; all pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendars import port
from core.calendars.google_body import (
    event_id,
    instance_body,
    keeping,
    notify,
    remote,
    same,
    version,
    wanted,
)
from core.calendars.google_errors import About, failure
from core.calendars.google_events import Event
from core.errors import MusterError
from core.reconcile.series import Attendee, Instance, Series, uid_of
from core.schedule import instant
from tests.integration._google_there import ANN, BEN, BERLIN, DAYS, changed, meeting, series


def event(body: dict[str, Any], **more: Any) -> Event:
    return Event.model_validate({"id": "abcde", "etag": '"1"', **body, **more})


@given(st.integers(0, 2**63), st.integers(0, 2**31), st.integers(0, 9))
def test_ids_are_of_googles_alphabet_and_differ(guild: int, group: int, epoch: int) -> None:
    found = event_id(uid_of(guild, group, epoch))
    assert re.fullmatch("[a-v0-9]{5,1024}", found)
    assert found == event_id(uid_of(guild, group, epoch))
    assert found != event_id(uid_of(guild, group, epoch + 1))


def test_a_body_in_full() -> None:
    few = [meeting(DAYS[0]), meeting(DAYS[2]), meeting(DAYS[2] + timedelta(days=1))]
    plan = replace(series(BEN, ANN, instances=few), description="a < b & <i>c</i>")
    assert wanted(plan, invites=True).body == {
        "summary": "Rust study",
        "description": "a &lt; b & &lt;i>c&lt;/i>",
        "start": {"dateTime": "2026-03-02T19:00:00", "timeZone": BERLIN},
        "end": {"dateTime": "2026-03-02T20:00:00", "timeZone": BERLIN},
        "recurrence": [
            "RRULE:FREQ=WEEKLY;COUNT=3",
            f"RDATE;TZID={BERLIN}:20260317T190000",
            f"EXDATE;TZID={BERLIN}:20260309T190000",
        ],
        "status": "confirmed",
        "extendedProperties": {"private": {"muster": plan.uid}},
        "guestsCanSeeOtherGuests": False,
        "guestsCanInviteOthers": False,
        "guestsCanModify": False,
        "attendees": [
            {"email": ANN.address, "displayName": "Ann", "responseStatus": "needsAction"},
            {"email": BEN.address, "displayName": "Ben", "responseStatus": "needsAction"},
        ],
    }
    assert "attendees" not in wanted(plan, invites=False).body


def test_an_instance_has_the_offset_of_its_day() -> None:
    late = meeting(DAYS[0], on=date(2026, 3, 30))
    body = instance_body(series(ANN), late, invites=True)
    assert body["start"] == {"dateTime": "2026-03-30T19:00:00+02:00", "timeZone": BERLIN}
    assert "recurrence" not in body


def test_without_guests_answers_are_no_difference() -> None:
    plan = changed(series(ANN), DAYS[1], answers={ANN.address: "declined"})
    assert wanted(plan, invites=True).changed == {DAYS[1]}
    assert wanted(plan, invites=False).changed == set()


def test_the_same_however_google_writes_it() -> None:
    body = wanted(series(ANN, BEN), invites=True).body
    shown = {
        **body,
        "start": {"dateTime": "2026-03-02T18:00:00Z", "timeZone": BERLIN},
        "end": {"dateTime": "2026-03-02T12:00:00-07:00", "timeZone": BERLIN},
        "attendees": [
            {"email": "Ben@example.com", "responseStatus": "needsAction", "self": True},
            {"email": ANN.address, "responseStatus": "needsAction"},
        ],
        "kind": "calendar#event", "sequence": 4, "hangoutLink": "x",
    }  # fmt: skip
    assert same(event(shown), body)
    for other in (
        {"summary": "Party"},
        {"description": ""},
        {"location": "Somewhere"},
        {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=11"]},
        {"guestsCanSeeOtherGuests": True},
        {"start": {"date": "2026-03-02"}},
        {"attendees": body["attendees"][:1]},
        {"attendees": [{"email": ANN.address, "responseStatus": "accepted"}, body["attendees"][1]]},
    ):
        assert not same(event(shown | other), body), other


def test_who_gets_a_mail() -> None:
    none, one, two = (wanted(series(*some), invites=True).body for some in ((), (ANN,), (ANN, BEN)))
    said = wanted(series(replace(ANN, partstat="accepted")), invites=True).body
    assert notify(None, none) == "none"
    assert notify(None, one) == "all"
    assert notify(event(one), two) == "all"
    assert notify(event(two), one) == "externalOnly"
    assert notify(event(one), said) == "none"
    assert notify(event(one), one | {"summary": "Party"}) == "externalOnly"
    assert notify(event(none), none | {"summary": "Party"}) == "none"


def test_silence_overrides_no_answer() -> None:
    said = wanted(series(replace(ANN, partstat="declined"), BEN), invites=True).body
    silent = wanted(series(ANN, BEN), invites=True).body
    assert keeping(event(said), silent) == said
    accepted = wanted(series(replace(ANN, partstat="accepted"), BEN), invites=True).body
    assert keeping(event(said), accepted) == accepted
    assert "attendees" not in keeping(event(said), wanted(series(), invites=False).body)


def exception(plan: Series, day: date, **more: Any) -> Event:
    usual = instant(day, plan.at, plan.zone)
    body = instance_body(plan, next(i for i in plan.instances if i.day == day), invites=True)
    return event(
        {**body, "originalStartTime": {"dateTime": usual.isoformat(), "timeZone": BERLIN}},
        id=f"abcde_{usual:%Y%m%dT%H%M%SZ}", recurringEventId="abcde", **more,
    )  # fmt: skip


def test_content_is_all_but_answers() -> None:
    plan = series(ANN)
    master = event(wanted(plan, invites=True).body)
    plain = remote(master, [])
    answered = remote(master, [exception(plan, DAYS[3], etag='"7"')])
    assert answered.content == plain.content
    assert answered.stored.etag != plain.stored.etag
    moved = changed(plan, DAYS[3], minutes=90)
    assert remote(master, [exception(moved, DAYS[3])]).content != plain.content
    gone = exception(plan, DAYS[3], status="cancelled")
    assert remote(master, [gone]).content != plain.content
    assert (DAYS[3], ANN.address) not in remote(master, [gone]).answers


def test_a_version_covers_every_exception() -> None:
    master = event(wanted(series(ANN), invites=True).body)
    some = [exception(series(ANN), day) for day in DAYS[:2]]
    assert version(master, some) == version(master, some[::-1])
    later = some[0].model_copy(update={"etag": '"8"'})
    assert len({version(master, x) for x in ([], some, some[:1], [later, some[1]])}) == 4


def test_an_entry_that_somebody_turned_into_whole_days() -> None:
    body = wanted(series(ANN), invites=True).body
    whole = event(body | {"start": {"date": "2026-03-02"}, "end": {"date": "2026-03-03"}})
    moved = exception(series(ANN), DAYS[1]).model_copy(update={"start": whole.start})
    strange = moved.model_copy(update={"original_start_time": whole.start})
    assert remote(whole, [moved, strange]).content != remote(event(body), []).content


@pytest.mark.parametrize("about", ["calendar", "list", "cursor", "entry"])
def test_every_status_is_an_error_of_the_port(about: About) -> None:
    known = {
        port.Unauthorized, port.Refused, port.CalendarGone, port.Exists, port.Changed,
        port.Vanished, port.CursorGone, port.SlowDown, port.AttendeesPaused, port.Unreachable,
    }  # fmt: skip
    for status in (*range(300, 600),):
        for reason in ("", "quotaExceeded", "somethingNew"):
            found: MusterError = failure(status, reason, about)
            assert type(found) in known
            if status >= 500:
                assert type(found) is port.Unreachable
            if isinstance(found, port.Vanished | port.CalendarGone):
                assert status in {404, 410}


def test_a_few_letters_more_than_a_person_types() -> None:
    guest = Attendee("ann@example.org", 'Ann "the <b>" Ü')
    one = Instance(DAYS[0], instant(DAYS[0], time(19), BERLIN), 60, "Rust & <Go>")
    body = instance_body(series(guest), one, invites=True)
    assert body["attendees"][0]["displayName"] == guest.name
    assert body["summary"] == "Rust & <Go>"
