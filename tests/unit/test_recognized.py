"""A message that an earlier try sent is known again, whatever changed since; no other one is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.notifications.deciding import decide
from core.notifications.known import AnnouncementFact, Facts, Late
from core.notifications.outgoing import Claimed, Message
from tests.unit._deciding import (
    ADA,
    AT,
    BEN,
    CLEO,
    FACILITATOR,
    GUILD,
    HOUR,
    MINUTE,
    change,
    row,
    sent,
    world,
)  # fmt: skip

KINDS = (
    "remind_first", "remind_last", "nudge", "remind_dm", "skipped", "cancelled", "restored",
    "added", "assigned", "joined", "left", "digest", "shift", "missed", "note",
)  # fmt: skip


def of(kind: str, **more: Any) -> Claimed:
    """A row of that kind, and what it needs to be said."""
    payloads: dict[str, Any] = {
        "note": {"from": "Mo", "text": "Hello"},
        "shift": {"day": "2026-03-29", "times": [["19:00", 2]]},
        "missed": {"since": AT.isoformat()},
    }
    more = {"payload": payloads.get(kind, {})} | more
    if kind == "note":
        more |= {"user_id": ADA}
    return row(kind, **more)


def there(kind: str) -> Facts:
    facts = world()
    if kind in {"skipped", "cancelled"}:
        change(facts, "meetings", 7, status=kind)
    if kind == "left":
        people = {u: r for u, r in facts.groups[5].people.items() if u != ADA}
        change(facts, "groups", 5, people=people)
    facts.late[(GUILD, FACILITATOR)] = [Late("remind_first", "Red", AT)]
    if kind == "remind_dm":
        change(facts, "people", (GUILD, ADA), switches={"remind_dm": True})
    return facts


def said(it: Claimed, facts: Facts, later: timedelta = timedelta()) -> Message:
    return sent(decide(it, facts, it.due_at + later)).message


def tried(it: Claimed) -> Claimed:
    return it._replace(unsure_since=it.due_at)


def since(facts: Facts) -> Facts:
    """Everybody but one answered otherwise, somebody is new, and more was not said in time."""
    facts.late[(GUILD, FACILITATOR)].append(Late("remind_last", "Red", AT))
    facts.answers[7] = {FACILITATOR: "tentative", ADA: "attending", CLEO: "attending"}
    facts.people[(GUILD, 99)] = replace(facts.people[(GUILD, BEN)], id=99, name="New")
    people = {**facts.groups[5].people, 99: "participant"}
    return change(facts, "groups", 5, people=people)


@pytest.mark.parametrize("kind", KINDS)
def test_late_and_with_other_answers(kind: str) -> None:
    before = said(of(kind), there(kind))
    after = said(tried(of(kind)), since(there(kind)), 20 * MINUTE)
    if kind not in {"joined", "left", "shift", "note"}:
        assert before.text != after.text
    assert after.is_in(before.text)
    assert after.is_in(after.text)
    assert not replace(after, text="", likes=()).is_in(before.text)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_is_taken_for_it(kind: str) -> None:
    mine = said(tried(of(kind)), there(kind))
    for other in KINDS:
        if other != kind:
            assert not mine.is_in(said(of(other), there(other)).text), other
    other_group = change(there(kind), "groups", 5, name="Blue")
    other_group = change(other_group, "meetings", 7, starts_at=AT + HOUR, number=4)
    elsewhere = of(kind)
    if kind.startswith(("remind", "nudge")):
        stamp = int((AT + HOUR).timestamp())
        elsewhere = elsewhere._replace(key=f"remind:{kind}:7:{stamp}")
    if kind not in {"joined", "left", "missed"}:  # their texts do not name the group
        assert not mine.is_in(said(elsewhere, other_group).text)


@pytest.mark.parametrize("kind", ["joined", "left"])
def test_the_same_about_somebody_else(kind: str) -> None:
    facts = there(kind)
    facts.groups[5].people.pop(BEN, None) if kind == "left" else None
    mine = said(tried(of(kind)), facts)
    assert not mine.is_in(said(of(kind, about_id=BEN), facts).text)


def announced(text: str, *earlier: str, version: int = 1) -> Facts:
    facts = world()
    facts.announcements[3] = AnnouncementFact(text, version=version, earlier=earlier)
    return facts


def test_an_announcement_that_was_changed_meanwhile() -> None:
    it = of("announce", announcement_id=3, meeting_id=None, channel_id=8,
            payload={"mention": [ADA, BEN]})  # fmt: skip
    before = said(it, announced("Bring pens"))
    after = said(tried(it), announced("Bring paper", "Bring pens", version=2), 20 * MINUTE)
    assert before.text == f"Bring pens\n<@{ADA}> <@{BEN}>"
    assert after.text.startswith("Bring paper\n-# Late")
    assert after.is_in(before.text)
    assert not after.is_in("Bring pens and paper")
    assert not after.is_in(f"Bring pens\nand paper\n<@{ADA}>")


def test_a_list_of_mentions_is_known_by_whom_it_mentions() -> None:
    it = of("announce", announcement_id=3, meeting_id=None, channel_id=8,
            payload={"mention": [ADA, BEN], "more": True})  # fmt: skip
    facts = announced("Bring pens")
    before = said(it, facts)
    after = said(tried(it), change(facts, "people", (GUILD, ADA), here=False))
    assert (before.text, after.text) == (f"<@{ADA}> <@{BEN}>", f"<@{BEN}>")
    assert after.is_in(before.text)
    assert not after.is_in(f"<@{CLEO}>")
    assert not after.is_in("Bring pens")


def test_in_words_of_the_server() -> None:
    facts = there("digest")
    own = "{group} on {when}: {answers}, and {silent}."
    server = facts.servers[GUILD]
    settings = server.settings.model_copy(update={"templates": {"digest": own}})
    change(facts, "servers", GUILD, settings=settings)
    before = said(of("digest"), facts)
    after = said(tried(of("digest")), since(facts), 20 * MINUTE)
    assert before.text != after.text
    assert after.is_in(before.text)
