"""Which posts are still said, to whom, and how: rows and facts written out."""

from __future__ import annotations

from typing import Any

import pytest

from core.notifications.deciding import decide
from core.notifications.kinds import KINDS
from core.notifications.known import AnnouncementFact, Room
from core.notifications.outgoing import Skip, Wait
from core.notifications.still import REASONS
from core.notifications.templates import TEMPLATES
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
    person,
    row,
    sent,
    world,
)


def test_every_kind_has_its_text_and_its_reasons() -> None:
    assert set(KINDS) - {"announce", "announce_edit"} == set(TEMPLATES)
    assert all(reason.isascii() or "’" not in reason for reason in REASONS.values())


def test_a_reminder_a_day_before() -> None:
    found = sent(on_time("remind_first", world()))
    assert found.channel_id == ROOM
    assert found.message.text == f"🗓️ **Red** · Week 3: <t:{STAMP}:F> (<t:{STAMP}:R>). Can you come?"
    assert (found.message.silent, found.message.mention) == (True, ())
    assert [(b.label, b.action, b.number) for b in found.message.buttons] == [
        ("Attending", "rsvp_yes", 7), ("Maybe", "rsvp_maybe", 7), ("Can't come", "rsvp_no", 7),
    ]  # fmt: skip


def test_a_reminder_an_hour_before_mentions_whoever_may_come() -> None:
    found = sent(on_time("remind_last", world(guests={7: {GUEST}})))
    assert found.message.mention == (FACILITATOR, ADA, CLEO, GUEST)
    assert not found.message.silent
    assert found.message.text == (
        f"🔔 **Red** · Week 3 begins <t:{STAMP}:R> (<t:{STAMP}:F>).\n<@10> <@11> <@13> <@20>"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"switches": {"mentions": False}},  # does not want it
        {"switches": {"remind_dm": True}},  # hears it personally
        {"here": False},
    ],
)
def test_whom_it_does_not_mention(changed: dict[str, Any]) -> None:
    facts = change(world(), "people", (GUILD, ADA), **changed)
    assert sent(on_time("remind_last", facts)).message.mention == (FACILITATOR, CLEO)


def test_a_hundred_are_mentioned_and_no_more_than_fit() -> None:
    facts = world(answers={})
    people = dict.fromkeys(range(10**17, 10**17 + 200), "participant")
    facts.people = {(GUILD, n): person(n, "x") for n in people}
    found = sent(on_time("remind_last", change(facts, "groups", 5, people=people)))
    assert len(found.message.text) <= 2000
    assert found.message.text.count("<@") == len(found.message.mention)
    assert 80 < len(found.message.mention) <= 100
    short = dict.fromkeys(range(1, 201), "participant")
    facts.people = {(GUILD, n): person(n, "x") for n in short}
    found = sent(on_time("remind_last", change(facts, "groups", 5, people=short)))
    assert len(found.message.mention) == 100


def test_a_nudge_asks_only_those_without_an_answer() -> None:
    found = sent(on_time("nudge", world(guests={7: {GUEST}})))
    assert (found.message.mention, found.message.silent) == ((CLEO,), True)
    facts = world()
    facts.answers[7][CLEO] = "tentative"
    assert code(on_time("nudge", facts)) == "all_answered"
    facts = change(world(), "people", (GUILD, CLEO), switches={"mentions": False})
    assert code(on_time("nudge", facts)) == "all_answered"


def test_nobody_to_remind() -> None:
    everybody = dict.fromkeys((FACILITATOR, ADA, BEN, CLEO), "not_attending")
    assert code(on_time("remind_last", world(answers={7: everybody}))) == "all_declined"
    assert code(on_time("remind_last", change(world(), "groups", 5, people={}))) == "nobody"


@pytest.mark.parametrize("kind", ["remind_first", "remind_last", "nudge", "remind_dm"])
def test_a_reminder_is_for_the_time_that_it_was_written_for(kind: str) -> None:
    facts = change(world(), "people", (GUILD, ADA), switches={"remind_dm": True})
    sent(on_time(kind, facts))
    later = change(facts, "meetings", 7, starts_at=AT + HOUR, ends_at=AT + 2 * HOUR)
    assert code(on_time(kind, later)) == "moved"
    for status in ("skipped", "postponed", "cancelled"):
        assert code(on_time(kind, change(later, "meetings", 7, status=status))) == "not_planned"
    assert code(on_time(kind, world(meetings={}))) == "meeting_gone"


def test_a_reminder_that_was_written_too_late_is_no_news() -> None:
    it = row("remind_first")
    it = it._replace(created_at=it.due_at + HOUR)
    assert code(decide(it, world(), it.created_at)) == "made_late"


@pytest.mark.parametrize(
    ("kind", "last_minute"),
    [("remind_first", 12 * 60), ("remind_last", 45), ("nudge", 24 * 60)],
)
def test_late_is_said_and_too_late_is_left(kind: str, last_minute: int) -> None:
    it = row(kind)
    due = int(it.due_at.timestamp())
    said = f"-# Late: this was due <t:{due}:F>."
    assert said not in sent(decide(it, world(), it.due_at + 5 * MINUTE)).message.text
    assert said in sent(decide(it, world(), it.due_at + 6 * MINUTE)).message.text
    assert said in sent(decide(it, world(), it.due_at + last_minute * MINUTE)).message.text
    found = decide(it, world(), it.due_at + (last_minute + 1) * MINUTE)
    assert code(found) == "too_late"
    assert isinstance(found, Skip)
    assert str(last_minute + 1) in found.reason


def test_nobody_is_reminded_of_what_has_begun() -> None:
    it = row("remind_last")._replace(due_at=AT - 10 * MINUTE)
    sent(decide(it, world(), AT))
    assert code(decide(it, world(), AT + MINUTE)) == "too_late"


def test_a_meeting_that_moved() -> None:
    was = AT - 2 * HOUR
    facts = change(world(), "meetings", 7, told_starts_at=was)
    found = sent(on_time("moved", facts, payload={"again": True, "reason": "*Room* <@1> closed"}))
    assert found.message.text == (
        f"🔁 **Red** · Week 3 was moved from <t:{STAMP - 7200}:F> to <t:{STAMP}:F> "
        f"(<t:{STAMP}:R>).\nPlease answer again.\n"
        "Reason: \\*Room\\* <\u200b@1> closed\n<@10> <@11> <@13>"
    )
    assert found.extra == {"starts_at": AT.isoformat()}
    assert len(found.message.buttons) == 3
    assert sent(on_time("moved", facts)).message.buttons == ()
    assert code(on_time("moved", world())) == "no_news"
    facts.newest = {7: 2}
    assert code(on_time("moved", facts)) == "newer"
    sent(on_time("moved", facts, id=2))


@pytest.mark.parametrize(
    ("kind", "status"),
    [("skipped", "skipped"), ("skipped", "postponed"), ("cancelled", "cancelled")],
)
def test_a_meeting_that_is_off(kind: str, status: str) -> None:
    facts = change(world(), "meetings", 7, status=status)
    assert f"<t:{STAMP}:F>" in sent(on_time(kind, facts)).message.text
    assert code(on_time(kind, world())) == "takes_place"
    assert code(decide(row(kind), facts, AT + 2 * HOUR)) == "too_late"


def test_an_extra_meeting_asks() -> None:
    found = sent(on_time("added", world()))
    assert len(found.message.buttons) == 3
    assert found.extra == {"starts_at": AT.isoformat()}


def test_a_cancelled_group_still_hears_that_its_meetings_are() -> None:
    facts = change(world(), "meetings", 7, status="cancelled")
    change(facts, "groups", 5, status="cancelled")
    sent(on_time("cancelled", facts))
    for kind in ("remind_last", "joined", "assigned", "digest"):
        assert code(on_time(kind, facts)) == "group_ended"


def test_who_comes_and_who_goes() -> None:
    found = sent(on_time("joined", world()))
    assert found.message.text == "👋 **Ada** is in this group now."
    assert (found.message.silent, found.message.mention) == (True, ())
    assert code(on_time("joined", world(), about_id=GUEST)) == "not_in_group"
    assert code(on_time("left", world())) == "in_group"
    assert sent(on_time("left", world(), about_id=GUEST)).message.text == "**Gus** left this group."
    away = change(world(), "people", (GUILD, ADA), here=False)
    assert code(on_time("joined", away)) == "not_here"


def test_a_guest_is_announced_while_they_are_one() -> None:
    facts = world(guests={7: {GUEST}})
    found = sent(on_time("guest", facts, about_id=GUEST))
    assert found.message.text == f"👋 **Gus** comes to Week 3 (<t:{STAMP}:F>) as a guest."
    assert code(on_time("guest", world(), about_id=GUEST)) == "no_guest"


def test_a_group_opens() -> None:
    found = sent(on_time("assigned", world()))
    assert found.message.text.startswith(
        "👋 **Red** starts. This is your channel.\nIn it: <@10>, <@11>, <@12>, <@13>\n"
        f"Next meeting: <t:{STAMP}:F> (<t:{STAMP}:R>)\n"
    )
    assert found.message.mention == (FACILITATOR, ADA, BEN, CLEO)
    assert [b.action for b in found.message.buttons] == ["my_settings"]
    facts = change(world(), "people", (GUILD, ADA), switches={"assigned_dm": True})
    assert ADA not in sent(on_time("assigned", facts)).message.mention
    nothing = change(world(meetings={}), "groups", 5, next_id=None)
    assert "not known yet" in sent(on_time("assigned", nothing)).message.text


def test_an_announcement() -> None:
    facts = world(announcements={3: AnnouncementFact("Bring **pens**")})
    it = {"meeting_id": None, "announcement_id": 3, "channel_id": 44}
    found = sent(on_time("announce", facts, **it))
    assert (found.channel_id, found.message.text) == (44, "Bring **pens**")
    assert found.message.mention == ()
    pinged = sent(on_time("announce", facts, **it, payload={"mention": [11, 10, 99]})).message
    assert (pinged.text, pinged.mention) == ("Bring **pens**\n<@11> <@10>", (11, 10))
    more = {"mention": [12, 13], "more": True}
    assert sent(on_time("announce", facts, **it, payload=more)).message.text == "<@12> <@13>"
    gone = {"mention": [99], "more": True}
    assert code(on_time("announce", facts, **it, payload=gone)) == "nobody"
    facts.announcements[3] = AnnouncementFact("x", withdrawn=True)
    assert code(on_time("announce", facts, **it)) == "withdrawn"


def test_a_channel_that_is_not_there() -> None:
    it = row("remind_last")
    for room in (None, Room(None)):
        found = decide(it, change(world(), "groups", 5, room=room), it.due_at)
        assert isinstance(found, Wait)
        assert (found.code, found.until) == ("no_channel", it.due_at + 10 * MINUTE)
    found = decide(it, change(world(), "groups", 5, room=None), it.due_at + 45 * MINUTE)
    assert code(found) == "expired"
    gone = change(world(), "groups", 5, room=Room(ROOM, deleted=True))
    assert code(decide(it, gone, it.due_at)) == "channel_gone"


def test_what_has_no_server_or_group_or_kind() -> None:
    assert code(on_time("left", world(groups={}))) == "group_gone"
    assert code(on_time("left", world(servers={}))) == "server_left"
    assert code(on_time("left", change(world(), "servers", GUILD, left=True))) == "server_left"
    assert code(decide(row("left")._replace(kind="fax"), world(), AT)) == "unknown_kind"
