"""Direct messages, quiet hours and languages: rows and facts written out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.config import GuildSettings
from core.notifications.deciding import decide
from core.notifications.known import Facts, Late, MeetingFact
from core.notifications.outgoing import Wait
from core.reconcile.attendance import Seen
from core.reconcile.quiet import quiet_until
from core.words import speaking
from tests.unit._deciding import (
    ADA,
    AT,
    BEN,
    CLEO,
    FACILITATOR,
    GUEST,
    GUILD,
    HOUR,
    MINUTE,
    ROOM,
    STAMP,
    change,
    code,
    on_time,
    row,
    sent,
    world,
)

# --- direct messages ----------------------------------------------------------------------------


def chosen(**more: Any) -> Facts:
    """Ada wants to be reminded personally."""
    return change(world(), "people", (GUILD, ADA), switches={"remind_dm": True}, **more)


def test_a_personal_reminder() -> None:
    found = sent(on_time("remind_dm", chosen(dm_channel_id=77)))
    assert (found.user_id, found.channel_id, found.dm_channel_id) == (ADA, None, 77)
    assert found.message.text.endswith(f"(<t:{STAMP}:F>). <#{ROOM}>")
    assert found.fallback_channel_id == ROOM
    assert found.fallback is not None
    assert (found.fallback.mention, found.fallback.silent) == ((ADA,), True)
    assert code(on_time("remind_dm", world())) == "switched_off"


def test_a_personal_reminder_only_for_whoever_may_come() -> None:
    facts = chosen()
    facts.answers[7][ADA] = "not_attending"
    assert code(on_time("remind_dm", facts)) == "declined"
    facts = change(world(), "people", (GUILD, GUEST), switches={"remind_dm": True})
    assert code(on_time("remind_dm", facts, user_id=GUEST)) == "not_in_group"
    facts.guests = {7: {GUEST}}
    sent(on_time("remind_dm", facts, user_id=GUEST))


def test_somebody_who_wants_no_direct_messages_is_mentioned_instead() -> None:
    found = sent(on_time("remind_dm", chosen(dm=False)))
    assert (found.user_id, found.channel_id) == (None, ROOM)
    assert (found.message.mention, found.message.silent) == ((ADA,), True)
    facts = change(world(), "people", (GUILD, FACILITATOR), dm=False)
    assert code(on_time("digest", facts)) == "messages_off"
    assert sent(on_time("shift", facts, payload=SHIFT)).channel_id == ROOM


def test_somebody_who_is_not_on_the_server_is_waited_for() -> None:
    facts = change(world(), "people", (GUILD, ADA), here=False, switches={"assigned_dm": True})
    it = row("assigned_dm")
    found = decide(it, facts, it.due_at)
    assert isinstance(found, Wait)
    assert (found.code, found.until) == ("not_here", it.due_at + 10 * MINUTE)
    assert code(decide(it, facts, it.due_at + timedelta(days=14))) == "expired"
    back = change(facts, "people", (GUILD, ADA), here=True)
    assert "Late" not in sent(decide(it, back, it.due_at + timedelta(days=13))).message.text
    never = world(people={})
    assert code(decide(it, never, it.due_at)) == "not_here"


SHIFT = {"day": "2026-03-29", "times": [["19:00", 7], ["18:00", 3], ["20:30", 1]]}


def test_the_clocks_change() -> None:
    found = sent(on_time("shift", world(), payload=SHIFT))
    assert found.user_id == FACILITATOR
    assert (
        "from Sun 29 March 2026 on **Red** meets at "
        "19:00 for 7 people, 18:00 for 3 people and 20:30 for 1 person local time"
    ) in found.message.text
    assert [(b.action, b.number) for b in found.message.buttons] == [("meeting_manage", 7)]
    assert found.fallback is not None
    assert [(b.action, b.number) for b in found.fallback.buttons] == [("meeting_manage", 7)]
    assert code(on_time("shift", world(), user_id=ADA)) == "not_facilitator"


def test_a_weekly_overview() -> None:
    facts = change(world(), "groups", 5, last_id=6)
    before = AT - timedelta(days=7)
    facts.meetings[6] = MeetingFact(6, 5, 2, before, before + HOUR)
    facts.seen = {6: {ADA: Seen(3000), BEN: Seen(5), CLEO: Seen(0, "excused")}}
    found = sent(on_time("digest", facts))
    assert found.message.text == (
        f"📋 **Red** · the week\nNext: Week 3, <t:{STAMP}:F>\n"
        "2 yes, 0 maybe, 1 no, 1 without an answer\n"
        "No answer yet: **Cleo**\nLast time: 1 person came, not: **Fay**, **Ben**"
    )
    facts.seen = {6: {BEN: Seen(5)}}
    assert "Last time: no data" in sent(on_time("digest", facts)).message.text
    assert found.fallback is not None
    assert "Cleo" not in found.fallback.text  # not in front of everybody
    off = change(world(), "people", (GUILD, FACILITATOR), switches={"digest": False})
    assert code(on_time("digest", off)) == "switched_off"
    none = change(world(), "groups", 5, next_id=None)
    assert code(on_time("digest", none)) == "no_meeting"


def test_what_was_missed() -> None:
    facts = world(late={(GUILD, FACILITATOR): [Late("remind_last", "Red", AT)] * 14})
    found = sent(on_time("missed", facts))
    assert found.message.text.count(f"• Reminder just before · Red · <t:{STAMP}:F>") == 12
    assert found.message.text.endswith("… and 2 more")
    assert code(on_time("missed", world())) == "nothing"


# --- quiet hours --------------------------------------------------------------------------------

BERLIN = "Europe/Berlin"


def berlin(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "hours", "over"),
    [
        ("2026-03-04 21:59", (22, 8), None),
        ("2026-03-04 22:00", (22, 8), "2026-03-05 08:00"),
        ("2026-03-05 00:30", (22, 8), "2026-03-05 08:00"),
        ("2026-03-05 07:59", (22, 8), "2026-03-05 08:00"),
        ("2026-03-05 08:00", (22, 8), None),
        ("2026-03-05 13:30", (13, 15), "2026-03-05 15:00"),  # a nap
        ("2026-03-05 15:00", (13, 15), None),
        ("2026-03-05 03:00", (0, 0), None),  # none
        ("2026-03-28 23:00", (22, 8), "2026-03-29 08:00"),  # an hour is skipped: 8, not 9
        ("2026-10-24 23:00", (22, 8), "2026-10-25 08:00"),  # an hour comes twice
        ("2026-03-28 23:00", (22, 2), "2026-03-29 03:00"),  # 2:00 does not exist that night
    ],
)
def test_quiet_hours(now: str, hours: tuple[int, int], over: str | None) -> None:
    expected = berlin(over) if over else None
    assert quiet_until(berlin(now), BERLIN, hours) == expected


def test_the_nights_on_which_the_clocks_change_have_another_length() -> None:
    for day, length in (("2026-03-28", 9), ("2026-10-24", 11), ("2026-10-23", 10)):
        now = berlin(f"{day} 22:00")
        over = quiet_until(now, BERLIN, (22, 8))
        assert over is not None
        assert over - now == length * HOUR


def test_quiet_hours_end_once_where_an_hour_comes_twice() -> None:
    for fold in (0, 1):
        over = quiet_until(berlin("2026-10-25 02:30", fold=fold), BERLIN, (22, 3))
        assert over == berlin("2026-10-25 03:00")
    assert quiet_until(berlin("2026-10-25 02:30", fold=1), BERLIN, (1, 2)) is None


def test_where_nobody_knows_the_zone_nothing_is_quiet() -> None:
    assert quiet_until(AT, None, (0, 23)) is None


def test_a_message_waits_for_the_morning() -> None:
    facts = change(
        world(), "people", (GUILD, ADA), switches={"assigned_dm": True}, zone="Asia/Tokyo"
    )
    it = row("assigned_dm")._replace(due_at=datetime(2026, 3, 2, 16, 0, tzinfo=UTC))  # 1:00 there
    found = decide(it, facts, it.due_at)
    assert isinstance(found, Wait)
    assert (found.code, found.until) == ("quiet_hours", datetime(2026, 3, 2, 23, 0, tzinfo=UTC))
    assert sent(decide(it, facts, found.until)).user_id == ADA


def test_put_off_by_the_night_is_not_late() -> None:
    facts = change(world(), "people", (GUILD, FACILITATOR), zone="America/New_York")
    due = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # Monday 9:00 in Berlin, 3:00 in New York
    it = row("digest")._replace(due_at=due)
    found = decide(it, facts, due)
    assert isinstance(found, Wait)
    assert found.until == datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
    assert "Late" not in sent(decide(it, facts, found.until)).message.text
    assert "Late" in sent(decide(it, facts, found.until + HOUR)).message.text


def test_a_reminder_at_night_that_would_come_too_late_is_said_in_the_channel() -> None:
    # 19:00 in Berlin is 3:00 in Tokyo.
    found = sent(on_time("remind_dm", chosen(zone="Asia/Tokyo")))
    assert (found.user_id, found.channel_id) == (None, ROOM)
    assert (found.message.mention, found.message.silent) == ((ADA,), True)


def test_a_reminder_waits_for_the_morning_where_that_is_early_enough() -> None:
    # 19:00 in Berlin is 8:00 in Honolulu: the hour before lies in the night, but ends on time.
    facts = chosen(zone="Pacific/Honolulu", quiet=(22, 7))
    found = on_time("remind_dm", facts)
    assert sent(found).user_id == ADA  # 7:00: the night is just over
    facts = chosen(zone="Pacific/Honolulu", quiet=(22, 8))
    assert isinstance(on_time("remind_dm", facts), Wait)


# --- languages ----------------------------------------------------------------------------------


def german() -> Facts:
    return change(world(), "servers", GUILD, settings=GuildSettings(language="de"))


def test_posts_speak_the_servers_language_and_direct_messages_the_persons() -> None:
    facts = change(german(), "people", (GUILD, ADA), switches={"remind_dm": True}, language="en")
    why = {"reason": "x"}
    assert "Grund: x" in sent(on_time("remind_last", facts, payload=why)).message.text
    found = sent(on_time("remind_dm", facts, payload=why))
    assert "Reason: x" in found.message.text
    assert found.fallback is not None
    assert "Grund: x" in found.fallback.text
    change(facts, "people", (GUILD, ADA), language=None)
    assert "Grund: x" in sent(on_time("remind_dm", facts, payload=why)).message.text
    with speaking("de"):  # whoever happens to speak has no part in it
        assert "Reason: x" in sent(on_time("remind_last", world(), payload=why)).message.text


def test_a_servers_own_words() -> None:
    own = GuildSettings(
        templates={"remind_last": "Go {group}! {relative} {server} {0} {__class__}"}
    )
    facts = change(world(), "servers", GUILD, settings=own)
    assert sent(on_time("remind_last", facts)).message.text.startswith(
        f"Go Red! <t:{STAMP}:R> {{server}} {{0}} {{__class__}}\n"
    )


def test_names_in_texts_do_nothing() -> None:
    facts = change(world(), "groups", 5, name="**@everyone** {when} <#1>")
    text = sent(on_time("remind_first", facts)).message.text
    assert "\\*\\*@\u200beveryone\\*\\* {when} <\u200b#1>" in text
