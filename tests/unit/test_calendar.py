"""Which entry a group should have, and which answers in it are news."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from core.reconcile import calendar as pure
from core.reconcile.calendar import Group, Meeting, News, Person, Said, desired, news
from core.reconcile.series import Attendee, Partstat, Series
from core.schedule import Piece, Rule, Slot, UnknownZone

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA = Person(1, "Anna", "anna@example.org")
BEN = Person(2, "Ben", "ben@example.org")
FIRST, SECOND, THIRD = date(2026, 3, 4), date(2026, 3, 11), date(2026, 3, 18)
MEETINGS = tuple(
    Meeting(10 + n, day, datetime(day.year, day.month, day.day, 18, tzinfo=UTC), 60, n + 1)
    for n, day in enumerate((FIRST, SECOND, THIRD))
)
RULE = Rule((Piece(Slot(2, time(19), "Europe/Berlin", 60)),))
GROUP = Group(
    7, 5, "Group 1", "Stats", "Study Hall", "UTC", RULE, MEETINGS, (ANNA, BEN)
)  # fmt: skip


def series(group: Group = GROUP, seen: pure.Seen | None = None, **more: bool) -> Series:
    made = desired(group, 0, seen or {}, **({"invites": True, "sets_rsvp": True} | more))
    assert made is not None
    return made


def said(*answers: tuple[int, int, str], source: str = "button") -> Group:
    return replace(GROUP, said={(m, u): Said(s, source, NOW) for m, u, s in answers})


def answers(
    whole: Partstat = "needs-action", **days: Partstat
) -> dict[tuple[date | None, str], Partstat]:
    """Anna's: `d4` is 4 March."""
    found: dict[tuple[date | None, str], Partstat] = {(None, ANNA.address): whole}
    found |= {(date(2026, 3, int(day[1:])), ANNA.address): p for day, p in days.items()}
    return found


def test_an_entry_is_the_groups_slot_its_meetings_and_its_people() -> None:
    made = series()
    assert (made.title, made.zone, made.at, made.minutes, made.every) == (
        "Group 1 · Stats", "Europe/Berlin", time(19), 60, 1,
    )  # fmt: skip
    assert [(i.day, i.title, i.answers) for i in made.instances] == [
        (FIRST, made.title, {}), (SECOND, made.title, {}), (THIRD, made.title, {}),
    ]  # fmt: skip
    assert made.attendees == (
        Attendee("anna@example.org", "Anna"), Attendee("ben@example.org", "Ben"),
    )  # fmt: skip


def test_without_meetings_there_is_no_entry_and_without_invitations_nobody_in_it() -> None:
    nothing = replace(GROUP, meetings=())
    assert desired(nothing, 0, {}, invites=True, sets_rsvp=True) is None
    assert series(invites=False).attendees == ()


def test_only_what_was_added_by_hand_has_a_name_of_its_own() -> None:
    extra = replace(MEETINGS[1], number=None)
    titles = [i.title for i in series(replace(GROUP, meetings=(MEETINGS[0], extra))).instances]
    assert titles == ["Group 1 · Stats", "Group 1 · Stats · Extra meeting"]


def test_a_group_without_a_slot_meets_by_the_servers_clock_and_an_unknown_zone_is_said() -> None:
    made = series(replace(GROUP, rule=None, zone="America/New_York"))
    assert (made.zone, made.at) == ("America/New_York", time(14))
    with pytest.raises(UnknownZone):
        series(replace(GROUP, rule=Rule((Piece(Slot(2, time(19), "Mars/Olympus")),))))


def test_two_people_with_one_address_are_invited_once() -> None:
    twin = replace(BEN, address=ANNA.address)
    assert series(replace(GROUP, people=(twin, ANNA))).attendees == (
        Attendee("anna@example.org", "Anna"),
    )


def test_an_answer_in_muster_stands_at_its_meeting_where_the_calendar_takes_it() -> None:
    group = said((10, 1, "attending"), (11, 1, "not_attending"), (12, 2, "tentative"))
    assert [i.answers for i in series(group).instances] == [
        {"anna@example.org": "accepted"}, {"anna@example.org": "declined"},
        {"ben@example.org": "tentative"},
    ]  # fmt: skip
    assert [i.answers for i in series(group, sets_rsvp=False).instances] == [{}, {}, {}]


def test_what_was_answered_to_the_series_needs_no_exception() -> None:
    group = said((10, 1, "attending"), (11, 1, "not_attending"))
    made = series(group, {"": {"1": "accepted"}})
    assert made.attendees[0].partstat == "accepted"
    assert [i.answers for i in made.instances] == [{}, {"anna@example.org": "declined"}, {}]


def test_who_is_asked_anew_is_silent_at_that_meeting() -> None:
    group = replace(GROUP, said={(11, 1): Said("pending", "move", NOW)})
    made = series(group, {"": {"1": "accepted"}})
    assert made.instances[1].answers == {"anna@example.org": "needs-action"}


def test_while_attendees_are_paused_nobody_new_is_written() -> None:
    seen = {"": {"1": "accepted"}, "2026-03-11": {"1": "declined"}}
    made = series(said((10, 1, "tentative")), seen, paused=True)  # type: ignore[arg-type]
    assert [a.address for a in made.attendees] == ["anna@example.org"]
    assert [i.answers for i in made.instances] == [{}, {"anna@example.org": "declined"}, {}]


def test_what_was_written_is_seen_and_shown() -> None:
    group = said((11, 1, "not_attending"))
    made = series(group)
    assert pure.written(made, group.people) == {
        "": {"1": "needs-action", "2": "needs-action"}, "2026-03-11": {"1": "declined"},
    }  # fmt: skip
    there = answers(d11="declined") | {(None, BEN.address): "needs-action"}
    assert pure.shows(made, there)
    assert not pure.shows(made, answers() | {(None, BEN.address): "needs-action"})
    assert not pure.shows(made, answers(d11="declined"))


def test_whatever_is_written_out_is_in_the_hash() -> None:
    whole = series(said((10, 1, "attending")))
    first, person = whole.instances[0], whole.attendees[0]
    instance: list[dict[str, Any]] = [
        {"day": THIRD}, {"starts_at": NOW}, {"minutes": 5}, {"title": "x"}, {"answers": {}},
    ]  # fmt: skip
    attendee: list[dict[str, Any]] = [{"address": "x"}, {"name": "x"}, {"partstat": "declined"}]
    changes: list[dict[str, Any]] = [
        {"uid": "x"}, {"title": "x"}, {"description": "x"}, {"zone": "UTC"}, {"at": time(20)},
        {"minutes": 5}, {"every": 2}, {"instances": whole.instances[1:]}, {"attendees": ()},
        *({"instances": (replace(first, **c), *whole.instances[1:])} for c in instance),
        *({"attendees": (replace(person, **c),)} for c in attendee),
    ]  # fmt: skip
    others = [replace(whole, **change) for change in changes]
    hashes = {whole.hash, *(other.hash for other in others)}
    assert len(hashes) == len(others) + 1
    assert replace(whole).hash == whole.hash


NEWS: list[tuple[str, dict[str, dict[str, Partstat]], Mapping[str, Partstat], list[object]]] = [
    ("silence is no answer", {}, {}, []),
    ("a first answer to all of it", {}, {"whole": "accepted"},
     [(10, "attending"), (11, "attending"), (12, "attending")]),
    ("one meeting only", {}, {"d11": "declined"}, [(11, "not_attending")]),
    ("all, and one otherwise", {}, {"whole": "accepted", "d11": "tentative"},
     [(10, "attending"), (11, "tentative"), (12, "attending")]),
    ("what was seen is no news", {"2026-03-11": {"1": "declined"}}, {"d11": "declined"}, []),
    ("another mind", {"2026-03-11": {"1": "declined"}}, {"d11": "accepted"}, [(11, "attending")]),
    ("taken back to silence", {"2026-03-11": {"1": "declined"}}, {"d11": "needs-action"}, []),
    ("an exception that is none any more",
     {"": {"1": "accepted"}, "2026-03-11": {"1": "declined"}}, {"whole": "accepted"},
     [(10, "attending"), (11, "attending"), (12, "attending")]),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "read", "found"), [n[1:] for n in NEWS], ids=[n[0] for n in NEWS])
def test_news(
    seen: dict[str, dict[str, Partstat]], read: Mapping[str, Partstat], found: list[object]
) -> None:
    got = news(GROUP, seen, answers(**read), NOW)
    assert [(m, status) for m, user, status in got.answers if user == 1] == found


def test_an_answer_to_all_leaves_a_meetings_own_answer_alone() -> None:
    own = said((10, 1, "not_attending"))
    got = news(own, {"": {"1": "needs-action"}}, answers("accepted"), NOW)
    assert got.answers == ((11, 1, "attending"), (12, 1, "attending"))


def test_a_second_answer_to_all_turns_what_came_from_the_first() -> None:
    before = said((10, 1, "attending"), (11, 1, "attending"), (12, 1, "attending"),
                  source="calendar")  # fmt: skip
    got = news(before, {"": {"1": "accepted"}}, answers("declined"), NOW)
    assert [status for _, _, status in got.answers] == ["not_attending"] * 3


def test_an_exception_that_ends_is_an_answer_to_its_meeting() -> None:
    before = said((11, 1, "not_attending"), source="calendar")
    seen: dict[str, dict[str, Partstat]] = {"": {"1": "accepted"}, "2026-03-11": {"1": "declined"}}
    got = news(before, seen, answers("accepted"), NOW)
    assert (11, 1, "attending") in got.answers


def test_who_is_asked_anew_answers_anew() -> None:
    asked = replace(GROUP, said={(11, 1): Said("pending", "move", NOW)})
    seen: dict[str, dict[str, Partstat]] = {
        "": {"1": "accepted"}, "2026-03-11": {"1": "needs-action"},
    }  # fmt: skip
    silent = news(asked, seen, answers("accepted", d11="needs-action"), NOW)
    assert 11 not in [meeting for meeting, _, _ in silent.answers]
    assert (11, 1, "attending") in news(asked, seen, answers("accepted"), NOW).answers


def test_a_meeting_that_comes_in_later_gets_the_answer_to_all() -> None:
    before = said((10, 1, "attending"), (11, 1, "attending"), source="calendar")
    got = news(before, {"": {"1": "accepted"}}, answers("accepted"), NOW)
    assert got.answers == ((12, 1, "attending"),)


def test_what_is_over_is_not_answered_and_who_is_no_member_is_not_heard() -> None:
    late = MEETINGS[0].ends_at
    assert [m for m, _, _ in news(GROUP, {}, answers("accepted"), late).answers] == [11, 12]
    assert news(replace(GROUP, people=(BEN,)), {}, answers("accepted"), NOW) == News((), {"": {}})


def test_hearing_the_same_twice_is_no_news_the_second_time() -> None:
    read = answers("accepted", d11="declined")
    first = news(GROUP, {}, read, NOW)
    after = said(*first.answers, source="calendar")
    assert news(after, first.seen, read, NOW + timedelta(minutes=5)) == News((), first.seen)
    assert pure.shows(
        series(replace(after, people=(ANNA,)), first.seen), read
    )  # and there is nothing to write
