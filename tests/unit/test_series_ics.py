"""A series as an iCalendar file and back: hostile names, answers, edits, bombs."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from icalendar import Calendar

from core.reconcile.series import Attendee, Instance, Series
from core.reconcile.series_ics import write
from core.reconcile.series_read import MOST_BYTES, UNREADABLE, Read, read
from core.schedule import instant

BERLIN = "Europe/Berlin"
STAMP = datetime(2026, 1, 1, tzinfo=UTC)
ANN, BOB = "ann@example.org", "bob@example.org"
DAYS = [date(2026, 3, 19) + timedelta(days=7 * n) for n in range(4)]


def series(**changes: object) -> Series:
    instances = tuple(Instance(d, instant(d, time(19), BERLIN), 60, "Group 1") for d in DAYS)
    people = (Attendee(ANN, "Ann", "accepted"), Attendee(BOB, "Bob"))
    plain = Series("uid-1", "Group 1", "Bring pens.", BERLIN, time(19), 60, 1, instances, people)
    return replace(plain, **changes)  # type: ignore[arg-type]


def text_of(found: Series, sequence: int = 3) -> str:
    return write(found, sequence, STAMP, "mailto:muster@example.org")


def lines(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def test_what_is_written() -> None:
    written = lines(text_of(series()))
    assert written[:3] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Muster//Muster 1//EN"]
    assert not any(line.startswith("METHOD") for line in written)
    assert written.count("BEGIN:VEVENT") == written.count("BEGIN:VTIMEZONE") == 1
    for line in (
        "UID:uid-1", "SEQUENCE:3", "DTSTAMP:20260101T000000Z", "SUMMARY:Group 1", "DURATION:PT1H",
        "DTSTART;TZID=Europe/Berlin:20260319T190000", "RRULE:FREQ=WEEKLY;COUNT=4",
        "ORGANIZER;CN=Muster:mailto:muster@example.org",
    ):  # fmt: skip
        assert line in written
    people = [line.split(";", 2) for line in written if line.startswith("ATTENDEE")]
    role = "CUTYPE=INDIVIDUAL;PARTSTAT={};ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:{}"
    assert people == [
        ["ATTENDEE", "CN=Ann", role.format("ACCEPTED", ANN)],
        ["ATTENDEE", "CN=Bob", role.format("NEEDS-ACTION", BOB)],
    ]


def test_the_last_one_removed_is_told_by_whoever_invited() -> None:
    assert "ORGANIZER" in text_of(series(attendees=()))


def test_a_meeting_of_its_own_carries_everybody() -> None:
    first, second, *rest = series().instances
    moved = replace(
        second, starts_at=second.starts_at + timedelta(hours=1), answers={BOB: "declined"}
    )
    *_, event = text_of(series(instances=(first, moved, *rest))).split("BEGIN:VEVENT")
    own = lines(event)
    assert "RECURRENCE-ID;TZID=Europe/Berlin:20260326T190000" in own
    assert "DTSTART;TZID=Europe/Berlin:20260326T200000" in own
    assert [line.rpartition("PARTSTAT=")[2] for line in own if line.startswith("ATTENDEE")] == [
        "ACCEPTED;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:ann@example.org",
        "DECLINED;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:bob@example.org",
    ]
    assert "RRULE:FREQ=WEEKLY;COUNT=4" not in own


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('Ann"; \r\nATTENDEE:mailto:evil@example.org', "Ann'; ATTENDEE:mailto:evil@example.org"),
        ("semi;colon, comma: \\ back^n", "semi;colon, comma: \\ back^n"),
        ("👩‍👩‍👧 \u2028next\u0000", "👩‍👩‍👧 next"),
        ("x" * 1000, "x" * 199 + "…"),
        ("\ud800half", "half"),
    ],
)
def test_hostile_names(name: str, shown: str) -> None:
    hostile = series(title=name, description=name, attendees=(Attendee(ANN, name),))
    text = text_of(
        replace(hostile, instances=tuple(replace(i, title=name) for i in hostile.instances))
    )
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    (event,) = Calendar.from_ical(text).events
    assert str(event["SUMMARY"]).replace('"', "'") == shown
    assert event["ATTENDEE"].params["CN"] == shown
    assert event["ATTENDEE"] == f"mailto:{ANN}"
    assert read(text).answers == {(None, ANN): "needs-action"}


def test_a_hostile_address_is_one_address() -> None:
    address = "a\r\nx:y;z b%41@example.org"
    text = text_of(series(attendees=(Attendee(address, "A"),)))
    assert read(text).answers == {(None, address): "needs-action"}


def test_answers_are_read_by_day_and_address() -> None:
    first, second, *rest = series().instances
    own = replace(second, answers={BOB: "declined"})
    found = read(text_of(series(instances=(first, own, *rest))))
    assert found.uid == "uid-1"
    assert found.answers == {
        (None, ANN): "accepted", (None, BOB): "needs-action",
        (DAYS[1], ANN): "accepted", (DAYS[1], BOB): "declined",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("ATTENDEE;PARTSTAT=tentative:MAILTO:Ann@Example.org", {(None, ANN): "tentative"}),
        ("attendee;partstat=ACCEPTED:mailto:ann@example.org", {(None, ANN): "accepted"}),
        ("ATTENDEE:mailto:ann@example.org", {(None, ANN): "needs-action"}),
        ("ATTENDEE;PARTSTAT=DELEGATED:mailto:ann@example.org", {}),
        (
            'ATTENDEE;EMAIL="ann@example.org";PARTSTAT=DECLINED:/123/principal/',
            {(None, ANN): "declined"},
        ),
        (
            'ATTENDEE;CN="a:b;c";PARTSTAT=DECLINED:mailto:ann@exam\r\n ple.org',
            {(None, ANN): "declined"},
        ),
        ("ATTENDEE;PARTSTAT=ACCEPTED:mailto:nobody", {}),
    ],
)
def test_what_servers_make_of_an_attendee(line: str, answers: object) -> None:
    assert read(event("DTSTART:20260319T180000Z", line)).answers == answers


def event(*own: str, uid: str = "uid-1") -> str:
    inside = [f"UID:{uid}", *own]
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "BEGIN:VEVENT", *inside, "END:VEVENT", "END:VCALENDAR", ""]
    )


def two_events(start: str, known_by: str) -> str:
    said = "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.org"
    own = event(start).replace("END:VCALENDAR\r\n", "")
    return own + event(known_by, said).replace("BEGIN:VCALENDAR\r\n", "")


@pytest.mark.parametrize(
    ("start", "known_by", "day"),
    [
        (";TZID=Europe/Berlin:20260319T003000", ";TZID=Europe/Berlin:20260326T003000", 26),
        (";TZID=Europe/Berlin:20260319T003000", ":20260325T233000Z", 26),
        (";TZID=Europe/Berlin:20260319T003000", ";VALUE=DATE:20260326", 26),
        (";TZID=/x.org/Berlin:20260319T003000", ";TZID=/x.org/Berlin:20260326T003000", 26),
        # 23:30 is skipped in Nuuk and becomes 00:30 of the next day: the day is still the first.
        (";TZID=America/Nuuk:20260321T233000", ";TZID=America/Nuuk:20260328T233000", 28),
    ],
)  # fmt: skip
def test_the_day_of_an_answer_is_the_local_one(start: str, known_by: str, day: int) -> None:
    found = read(two_events("DTSTART" + start, "RECURRENCE-ID" + known_by))
    assert found.answers == {(date(2026, 3, day), ANN): "declined"}


def test_a_day_that_is_none_is_nobody_s_answer() -> None:
    assert read(two_events("DTSTART:20260319T180000Z", "RECURRENCE-ID:tomorrow")).answers == {}


PLAIN = text_of(series())


@pytest.mark.parametrize(
    "rewritten",
    [
        PLAIN.replace("PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED"),
        text_of(series(), sequence=99).replace("20260101T000000Z", "20260601T000000Z"),
        PLAIN.replace("SUMMARY:", "X-APPLE:1\r\nCREATED:20260101T000000Z\r\nSUMMARY:"),
        PLAIN.replace("\r\n", "\n"),
        PLAIN.replace("DURATION:PT1H", "DTEND;TZID=Europe/Berlin:20260319T200000"),
        PLAIN.replace("DTSTART;TZID=Europe/Berlin:20260319T190000", "DTSTART:20260319T180000Z"),
        PLAIN.replace("RRULE:FREQ=WEEKLY;COUNT=4", "RRULE:COUNT=4;INTERVAL=1;FREQ=WEEKLY;WKST=MO"),
        PLAIN.replace("RSVP=TRUE:", 'SCHEDULE-STATUS="1.2":'),
        # Somebody's answer to one meeting alone: written out, and otherwise as it was.
        text_of(
            series(instances=tuple(
                replace(i, answers={ANN: "declined"} if i.day == DAYS[2] else {})
                for i in series().instances
            ))
        ),
    ],
)  # fmt: skip
def test_no_edit(rewritten: str) -> None:
    assert read(rewritten).content == read(PLAIN).content


@pytest.mark.parametrize(
    "edited",
    [
        PLAIN.replace("SUMMARY:Group 1", "SUMMARY:Group 2"),
        PLAIN.replace("SUMMARY:Group 1", "SUMMARY:Group 1\r\nLOCATION:Pub"),
        PLAIN.replace("SUMMARY:Group 1", "SUMMARY:Group 1\r\nSTATUS:CANCELLED"),
        PLAIN.replace("T190000", "T193000"),
        PLAIN.replace("DURATION:PT1H", "DURATION:PT2H"),
        PLAIN.replace("COUNT=4", "COUNT=5"),
        PLAIN.replace("SUMMARY:", "EXDATE;TZID=Europe/Berlin:20260326T190000\r\nSUMMARY:"),
        PLAIN.replace("bob@", "eve@"),
    ],
)
def test_an_edit(edited: str) -> None:
    assert read(edited).content not in {read(PLAIN).content, UNREADABLE}


NOTHING = Read(None, UNREADABLE)


@pytest.mark.parametrize(
    "text", ["", "<html>", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "END:X\r\n" * 9]
)
def test_what_is_no_entry(text: str) -> None:
    assert read(text) == NOTHING


def test_an_entry_that_is_too_long_is_unreadable() -> None:
    long = event("X-LONG:" + "x" * MOST_BYTES)
    assert read(long) == NOTHING
    assert read(event("X-LONG:" + "x" * (MOST_BYTES - 1000))).uid == "uid-1"


BOMBS: list[Callable[[], str]] = [
    lambda: "A" * (MOST_BYTES + 1),
    lambda: event("ATTENDEE;" + "A;" * 450_000),
    lambda: event("ATTENDEE;" + 'A"' * 450_000),
    lambda: event("ATTENDEE;" + '"A":' * 220_000),
    lambda: event("SUMMARY:" + "\\" * 900_000),
    lambda: event("RDATE:" + "20260101T000000Z," * 50_000),
    lambda: event("DTSTART:20260101T000000Z", "RRULE:FREQ=SECONDLY"),
    lambda: "\r\n " * 300_000,
    lambda: "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * 60_000,
    lambda: event(*["ATTENDEE:mailto:a@example.org"] * 30_000),
    lambda: event("DURATION:P" + "9" * 900_000 + "D"),
    lambda: event("DTSTART:99999999T999999Z", "RECURRENCE-ID:" + "0" * 900_000),
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_take_a_moment(bomb: Callable[[], str]) -> None:
    """Half a second on this machine at its busiest; three says that nothing runs away."""
    text, before = bomb(), clock.process_time()
    read(text)
    assert clock.process_time() - before < 3


def test_zone_rules_of_others_are_never_looked_at() -> None:
    """Theirs say that Berlin is at UTC+9; icalendar itself would believe them from then on."""
    theirs = PLAIN.replace("+0100", "+0900").replace("+0200", "+0900")
    assert read(theirs).content == read(PLAIN).content
