"""Google Calendar behind the port, against the stand-in that checks every request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from core.calendars import port
from core.calendars.google import Google
from core.calendars.google_body import event_id
from core.calendars.google_tokens import SCOPE
from core.reconcile.series import uid_of
from core.schedule import instant
from tests.e2e._google import LISTS
from tests.integration._google_there import (
    ANN,
    BEN,
    BERLIN,
    DAYS,
    There,
    changed,
    connected,
    meeting,
    series,
    wanted,
)  # fmt: skip


@pytest.fixture
async def there() -> AsyncIterator[There]:
    async with connected() as found:
        yield found


async def test_a_series_is_one_event_and_one_request(there: There) -> None:
    await there.calendar.put(series(ANN, BEN), None)
    assert len(there.stand_in.calls("GET", "POST", "PUT", "DELETE")) == 1
    assert there.occurrences() == wanted(series())
    assert there.event["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=12"]
    assert there.event["guestsCanSeeOtherGuests"] is False
    assert there.event["id"] == event_id(uid_of(1, 2))


async def test_a_new_member_is_one_write(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.stand_in.seen.clear()
    after = await there.calendar.put(series(ANN, BEN), stored)
    assert [s.method for s in there.stand_in.calls("GET", "PUT", "POST")] == ["GET", "PUT"]
    assert there.stand_in.calls("PUT")[0].query["sendUpdates"] == "all"
    assert [g["email"] for g in there.event["attendees"]] == [ANN.address, BEN.address]
    there.stand_in.seen.clear()
    assert await there.calendar.put(series(ANN, BEN), after) == after
    assert there.stand_in.calls("PUT", "POST", "DELETE") == []


async def test_moved_skipped_and_extra_meetings(there: There) -> None:
    plan = series(ANN)
    stored = await there.calendar.put(plan, None)
    moved = changed(plan, DAYS[4], starts_at=instant(DAYS[4] + timedelta(days=1), time(18), BERLIN))
    extra = meeting(DAYS[6] + timedelta(days=2))
    some = (*(i for i in moved.instances if i.day != DAYS[2]), extra)
    plan = replace(moved, instances=tuple(sorted(some, key=lambda i: i.day)))
    stored = await there.calendar.put(plan, stored)
    assert there.occurrences() == wanted(plan)
    # Moved back: the exception says again what the series says.
    plan = changed(plan, DAYS[4], starts_at=meeting(DAYS[4]).starts_at)
    there.stand_in.seen.clear()
    await there.calendar.put(plan, stored)
    assert there.occurrences() == wanted(plan)
    assert len(there.stand_in.calls("PUT")) == 1


@pytest.mark.parametrize("keeps", [False, True])
async def test_another_time_for_all_drops_the_old_exceptions(there: There, keeps: bool) -> None:
    there.stand_in.keeps_exceptions = keeps
    plan = changed(series(ANN), DAYS[4], title="Guest")
    stored = await there.calendar.put(plan, None)
    later = tuple(meeting(day, time(20)) for day in DAYS)
    plan = replace(changed(series(ANN, instances=later), DAYS[4], title="Guest"), at=time(20))
    stored = await there.calendar.put(plan, stored)
    assert there.occurrences() == wanted(plan)
    others = there.book.exceptions[stored.address].values()
    assert [e["start"]["dateTime"][:16] for e in others if e["status"] != "cancelled"] == [
        f"{DAYS[4]}T20:00"
    ]
    there.stand_in.seen.clear()
    assert await there.calendar.put(plan, stored) == stored
    assert there.stand_in.calls("PUT", "POST", "DELETE") == []


async def test_answers_to_all_and_to_one(there: There) -> None:
    stored = await there.calendar.put(series(ANN, BEN), None)
    there.stand_in.answer(there.book, stored.address, ANN.address, "accepted")
    there.stand_in.answer(there.book, stored.address, BEN.address, "declined", DAYS[3])
    found = await there.calendar.read(stored.address)
    assert found is not None
    assert found.stored.etag != stored.etag
    assert found.answers[None, ANN.address] == "accepted"
    assert found.answers[None, BEN.address] == "needs-action"
    assert found.answers[DAYS[3], BEN.address] == "declined"


async def test_answers_are_no_edit_and_edits_are(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    first = await there.calendar.read(stored.address)
    there.stand_in.answer(there.book, stored.address, ANN.address, "accepted")
    there.stand_in.answer(there.book, stored.address, ANN.address, "declined", DAYS[3])
    second = await there.calendar.read(stored.address)
    there.stand_in.edit(there.book, stored.address, DAYS[5], summary="Party")
    third = await there.calendar.read(stored.address)
    there.stand_in.remove(there.book, stored.address, DAYS[6])
    fourth = await there.calendar.read(stored.address)
    assert first is not None
    assert second is not None
    assert third is not None
    assert fourth is not None
    assert first.content == second.content
    assert len({second.content, third.content, fourth.content}) == 3


async def test_an_answer_meanwhile_is_not_written_over(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.stand_in.answer(there.book, stored.address, ANN.address, "declined", DAYS[3])
    with pytest.raises(port.Changed):
        await there.calendar.put(series(ANN, BEN), stored)
    found = await there.calendar.read(stored.address)
    assert found is not None
    plan = changed(series(ANN, BEN), DAYS[3], answers={ANN.address: "declined"})
    await there.calendar.put(plan, found.stored)
    again = await there.calendar.read(stored.address)
    assert again is not None
    assert again.answers[DAYS[3], ANN.address] == "declined"
    assert again.answers[DAYS[3], BEN.address] == "needs-action"


async def test_what_somebody_did_to_one_meeting_is_put_right(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.stand_in.edit(there.book, stored.address, DAYS[5], summary="Party")
    there.stand_in.remove(there.book, stored.address, DAYS[6])
    found = await there.calendar.read(stored.address)
    assert found is not None
    await there.calendar.put(series(ANN), found.stored)
    assert there.occurrences() == wanted(series())


async def test_changes_since_a_cursor(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.stand_in.page = 1
    everything = await there.calendar.changes(None)
    assert everything.full
    assert [r.stored for r in everything.changed] == [stored]
    assert everything.changed[0].uid == uid_of(1, 2)
    there.stand_in.answer(there.book, stored.address, ANN.address, "declined", DAYS[3])
    some = await there.calendar.changes(everything.cursor)
    assert not some.full
    assert some.changed[0].answers[DAYS[3], ANN.address] == "declined"
    assert some.changed[0].content == everything.changed[0].content
    assert (await there.calendar.changes(some.cursor)).changed == ()
    there.stand_in.remove(there.book, stored.address)
    gone = await there.calendar.changes(some.cursor)
    assert gone.gone == (stored.address,)
    assert gone.changed == ()
    there.stand_in.expire_sync_tokens()
    with pytest.raises(port.CursorGone):
        await there.calendar.changes(gone.cursor)
    assert (await there.calendar.changes(None)).changed == ()


async def test_entries_of_others_are_none_of_ours(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    cursor = (await there.calendar.changes(None)).cursor
    theirs = {**there.event, "id": "abcde", "iCalUID": "abcde@google.com", "extendedProperties": {}}
    there.book.events["abcde"] = theirs
    there.stand_in._touch(there.book, theirs)
    there.stand_in.edit(there.book, "abcde", DAYS[3], summary="Party")
    assert (await there.calendar.changes(cursor)).changed == ()
    assert [r.stored for r in (await there.calendar.changes(None)).changed] == [stored]


async def test_an_entry_is_found_whatever_its_icaluid(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    there.event["iCalUID"] = "another@google.com"
    there.stand_in.answer(there.book, stored.address, ANN.address, "declined", DAYS[3])
    found = await there.calendar.read(stored.address)
    assert found is not None
    assert found.answers[DAYS[3], ANN.address] == "declined"


async def test_many_changes_are_one_list(there: There) -> None:
    for group in range(8):
        await there.calendar.put(replace(series(ANN), uid=uid_of(1, group)), None)
    cursor = (await there.calendar.changes(None)).cursor
    for address in list(there.book.events):
        there.stand_in.answer(there.book, address, ANN.address, "accepted")
    there.stand_in.seen.clear()
    found = await there.calendar.changes(cursor)
    assert len(there.stand_in.seen) == 2
    assert len(found.changed) == 8
    assert found.full
    assert (await there.calendar.changes(found.cursor)).changed == ()


async def test_deleted_is_vanished_and_its_id_is_never_free_again(there: There) -> None:
    stored = await there.calendar.put(series(ANN), None)
    await there.calendar.delete(stored)
    await there.calendar.delete(stored)  # 410
    await there.calendar.delete(port.Stored("neverwas", ""))  # 404
    assert await there.calendar.read(stored.address) is None
    with pytest.raises(port.Vanished):
        await there.calendar.put(series(ANN, BEN), stored)
    with pytest.raises(port.Exists):
        await there.calendar.put(series(ANN), None)
    await there.calendar.put(replace(series(ANN), uid=uid_of(1, 2, 1)), None)


async def test_the_calendar_is_found_before_it_is_made_again() -> None:
    async with connected(SCOPE, LISTS) as there:
        again = Google(
            there.session, there.calendar._api._tokens, None, marker="g1",
            api_base=there.stand_in.api_base,
        )  # fmt: skip
        assert await again.ensure_calendar("Rustaceans") == there.book.id
        other = Google(
            there.session, there.calendar._api._tokens, None, marker="g2",
            api_base=there.stand_in.api_base,
        )  # fmt: skip
        assert await other.ensure_calendar("Others") != there.book.id


async def test_a_calendar_that_is_gone(there: There) -> None:
    assert await there.calendar.ensure_calendar("Rustaceans") == there.book.id
    del there.stand_in.books[there.book.id]
    for doing in (
        lambda: there.calendar.put(series(ANN), None),
        lambda: there.calendar.changes(None),
        lambda: there.calendar.read("abcde"),
    ):
        with pytest.raises(port.CalendarGone):
            await doing()
    assert await there.calendar.ensure_calendar("Rustaceans") in there.stand_in.books


@pytest.mark.parametrize(
    ("day", "clock", "weeks"),
    [
        (date(2026, 3, 22), time(19), 2),
        (date(2026, 3, 22), time(2, 30), 3),
        (date(2026, 10, 18), time(2, 30), 3),
    ],
)
async def test_instants_over_a_change_of_the_clocks(
    there: There, day: date, clock: time, weeks: int
) -> None:
    some = [meeting(day + timedelta(weeks=n), clock) for n in range(weeks)]
    plan = replace(series(ANN, instances=some), at=clock)
    await there.calendar.put(plan, None)
    found = sorted(start for start, _, _ in there.occurrences().values())
    assert found == [i.starts_at for i in plan.instances]
