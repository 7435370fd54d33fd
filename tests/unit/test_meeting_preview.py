"""What a change of meetings means for whom, and how that reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from bot.ui import meeting_words as words
from core.clock import set_clock
from core.reconcile.meeting_preview import (
    Busy,
    Effect,
    Person,
    crowds,
    effect,
    overlaps,
    series_effect,
)
from core.reconcile.meeting_rows import Have, diff
from core.schedule import Piece, Rule, Slot, occurrences

WED = datetime(2026, 3, 4, 18, tzinfo=UTC)  # 19:00 in Berlin
HOUR = timedelta(hours=1)
BERLIN = Slot(2, time(19), "Europe/Berlin")


def people() -> list[Person]:
    at_two = Busy(WED + 2 * HOUR, WED + 3 * HOUR, "Chess")
    return [
        Person(1, "Europe/Berlin", "attending"),
        Person(2, "Asia/Tokyo", "attending", (at_two,)),
        Person(3, None, "tentative", (at_two, at_two)),
        Person(4, "America/New_York", "not_attending"),
    ]


def test_an_effect_in_one_sentence() -> None:
    found = effect(people(), WED, 60)
    assert found == Effect(4, 2, 1, ((time(3), 1),))
    assert words.effect(found) == (
        "4 people; 2 had said yes; 1 had said maybe; 03:00 at night for one of them."
    )


def test_what_does_not_take_place_is_at_nobodys_night() -> None:
    assert effect(people(), None) == Effect(4, 2, 1)
    assert words.effect(effect([], None)) == "0 people."


def test_another_meeting_of_the_same_person() -> None:
    assert effect(people(), WED + HOUR, 60).clashes == ()
    assert effect(people(), WED + HOUR, 61).clashes == (("Chess", 2),)
    said = words.effect(effect(people(), WED + 2 * HOUR, 60))
    assert "2 of them meet with Chess then" in said


def test_meetings_that_touch_do_not_overlap() -> None:
    assert not overlaps(WED, 60, WED + HOUR, 60)
    assert not overlaps(WED + HOUR, 60, WED, 60)
    assert overlaps(WED, 61, WED + HOUR, 60)
    assert overlaps(WED, 60, WED, 60)


def test_the_clocks_change_in_between() -> None:
    after = datetime(2026, 4, 1, 17, tzinfo=UTC)  # 19:00 in Berlin again, in summer
    assert effect(people(), after, 60, old=WED, zone="Europe/Berlin").clocks
    assert not effect(people(), WED + HOUR, 60, old=WED, zone="Europe/Berlin").clocks
    assert not effect(people(), after, 60, old=WED, zone="Asia/Tokyo").clocks
    shown = words.effect(effect([], after, 60, old=WED, zone="Europe/Berlin"))
    assert shown == "0 people. The clocks change in between."


def test_a_new_series() -> None:
    start, now = date(2026, 3, 2), WED - 24 * HOUR
    old = occurrences(Rule((Piece(BERLIN),)), start, 5)
    have = [Have(o.number or 0, o.day, o.starts_at, o.minutes, o.number) for o in old]
    zone = "Europe/Berlin"
    want = occurrences(Rule((Piece(Slot(3, time(19), "Europe/Berlin")),)), start, 4)
    who = [Person(1, "Europe/Berlin"), Person(2, "Asia/Kolkata"), Person(3, "Asia/Kolkata")]
    found = series_effect(who, have, diff(have, want, now), want, zone, now)
    assert (found.made, found.changed, found.removed, found.kept) == (0, 4, 1, ())
    said = words.series(found)
    assert said[0].startswith("Next: <t:")
    assert "4 meetings change; 1 meeting is dropped." in said[0]
    assert len(said) == 1  # all four are before the clocks change
    longer = occurrences(Rule((Piece(BERLIN),)), start, 5)
    split = series_effect(who, [], diff([], longer, now), longer, zone, now)
    assert words.series(split)[1:] == [
        "🕒 From Wed 1 April this is 22:30 for 2 people and 19:00 for 1 person."
    ]


def test_a_new_series_that_lands_on_what_people_made() -> None:
    """Thursdays instead of Wednesdays: one meeting was moved to a Thursday, one was added there."""
    start, now = date(2026, 3, 2), WED - 24 * HOUR
    old = occurrences(Rule((Piece(BERLIN),)), start, 3)
    have = [Have(o.number or 0, o.day, o.starts_at, o.minutes, o.number) for o in old]
    have[0] = replace(have[0], starts_at=WED + 8 * 24 * HOUR + HOUR / 2, moved=True)
    have.append(Have(9, date(2026, 3, 19), WED + 15 * 24 * HOUR + HOUR, 60, None, extra=True))
    want = occurrences(Rule((Piece(Slot(3, time(19), "Europe/Berlin")),)), start, 3)
    found = series_effect([], have, diff(have, want, now), want, "Europe/Berlin", now)
    assert [row.id for row in found.kept] == [1]
    first, second = found.effect.crowds
    assert ([row.id for row in first.meetings], first.overlap) == ([2, 1], True)
    assert ([row.id for row in second.meetings], second.overlap) == ([3, 9], False)
    said = words.series(found)[1:]
    assert said[0].startswith("✋ Week 1 was moved by hand and stays at <t:")
    assert "More than one meeting on Thu 12 March: Week 2 (<t:" in said[1]
    assert said[1].endswith("They overlap.")
    assert "on Thu 19 March: Week 3 (<t:" in said[2]
    assert "and Extra meeting (<t:" in said[2]
    assert not said[2].endswith("They overlap.")


def test_what_was_crowded_before_is_no_news() -> None:
    pair = [Have(n, date(2026, 3, n), WED + n * HOUR, 60, n) for n in (1, 2)]
    before, later = WED - HOUR, WED + 90 * HOUR
    (found,) = crowds([], pair, "Europe/Berlin", before)
    assert found.meetings == tuple(pair)
    assert crowds(pair, pair, "Europe/Berlin", before) == ()
    assert crowds([], pair, "Europe/Berlin", later) == ()
    off = [pair[0], replace(pair[1], status="skipped")]
    assert crowds([], off, "Europe/Berlin", before) == ()
    # 19:00 and 20:00 UTC are on one day in Berlin; in Kabul 23:30 and 00:30.
    assert crowds([], pair, "Asia/Kabul", before) == ()
    # What is moved within such a day is news again.
    moved = [pair[0], replace(pair[1], starts_at=WED + 3 * HOUR)]
    assert len(crowds(pair, moved, "Europe/Berlin", before)) == 1


def test_many_are_counted() -> None:
    many = [
        Have(n, date(2026, 3, 1), WED + (n // 2) * 24 * HOUR, 60, n, moved=True) for n in range(12)
    ]
    found = series_effect([], many, diff([], (), WED), (), "Europe/Berlin", WED - HOUR)
    said = words.series(found)
    assert said[4] == "9 more meetings that were moved keep their times."
    assert len(said) == 5, "they stood there before"
    crowded = words.crowds(crowds([], many, "Europe/Berlin", WED - HOUR))
    assert (len(crowded), crowded[-1]) == (4, "⚠️ And on 3 more days.")


def test_rules_in_words() -> None:
    plain = Rule((Piece(BERLIN),))
    assert words.rule(plain) == "Wed 19:00 Europe/Berlin, 60 minutes"
    later = Rule((Piece(BERLIN), Piece(Slot(3, time(20), "UTC", 90), date(2026, 5, 6))), every=2)
    set_clock(lambda: WED)
    assert words.rule(later) == (
        "every two weeks, Wed 19:00 Europe/Berlin, 60 minutes; "
        "from Mon 4 May Thu 20:00 UTC, 90 minutes"
    )
    assert words.rule(replace(plain, since=date(2026, 3, 16), before=later)) == (
        "every two weeks, Wed 19:00 Europe/Berlin, 60 minutes; "
        "from Mon 4 May Thu 20:00 UTC, 90 minutes; from Mon 16 March "
        "Wed 19:00 Europe/Berlin, 60 minutes"
    )
    # What is over is no news.
    set_clock(lambda: datetime(2026, 5, 5, tzinfo=UTC))
    assert words.rule(later) == "every two weeks, Thu 20:00 UTC, 90 minutes"
    monthly = Rule((Piece(BERLIN),), monthly=True)
    assert words.rule(monthly) == "once a month, 19:00 Europe/Berlin, 60 minutes"
    dates = Rule((Piece(BERLIN),), dates=(date(2026, 3, 4), date(2026, 3, 9)))
    assert words.rule(dates) == "on 2 dates, 19:00 Europe/Berlin, 60 minutes"
