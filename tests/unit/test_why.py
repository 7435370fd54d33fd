"""The order of the links between a person and a channel, decided from literals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ui import why_words
from core.operations.why import Answer
from core.plan import Bits, SetAccess
from core.reconcile import permissions as p
from core.reconcile.why import (
    Case,
    Door,
    GroupRole,
    Guest,
    Link,
    Seat,
    Someone,
    SyncFacts,
    Team,
    Visit,
    guest_of,
    why,
)
from core.words import LANGUAGES, speaking, t

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SHUT = Door(7, sees=False, uses=False)
OWED = replace(SHUT, owed=True)
UNMADE = Door(None, state="intent", there=False, sees=False, uses=False, owed=True)
GONE = replace(SHUT, state="deleted", there=False)
OUT = Seat("")
ROLE = GroupRole("created", "Group 1", 9)


def case(**facts: Any) -> Case:
    door = facts.pop("door", None)
    if door is not None:
        facts["doors"] = (door,)
    return Case(**facts)


TABLE: list[tuple[Case, str, str | None]] = [
    (case(), "right", None),
    (case(someone=Someone(bot=True)), "bot", None),
    (case(someone=Someone(here=False)), "not_here", None),
    (case(someone=Someone(here=False, left_at=NOW)), "left", None),
    (case(someone=Someone(here=False), seat=Seat("", expected=True)), "expected", None),
    (case(someone=Someone(pending=True), door=OWED), "pending", None),
    (case(someone=Someone(sees_all=True), seat=OUT), "sees_all", None),
    (case(someone=Someone(sees_all=True), door=GONE), "deleted", "repair"),
    (case(team=None, door=Door(7, state="", sees=False)), "not_ours", None),
    (case(team=None, door=Door(7, state="")), "not_ours_sees", None),
    (case(team=None, door=Door(7, "category", "")), "category", None),
    (case(seat=OUT, door=SHUT), "no_group", "add"),
    (case(seat=OUT, door=SHUT, team=Team("completed")), "no_group", None),
    (case(seat=Seat("dropped", NOW), door=SHUT), "left_group", "add"),
    (case(seat=Seat("removed", NOW, 5), door=SHUT), "removed", "add"),
    (case(seat=Seat("", expected=True), door=SHUT), "expected_here", "add"),
    (case(seat=Seat("dropped", NOW, 5, "Group 2"), door=SHUT), "other_group", "add"),
    (case(seat=Seat("removed"), team=Team("cancelled", "cancelled"), door=SHUT), "cancelled", None),
    (case(seat=OUT, someone=Someone(moderates=True)), "by_moderator", None),
    (case(seat=OUT, door=Door(7, through="own")), "sees_own", None),
    (case(seat=OUT, door=Door(7, through="role", name="Helpers")), "sees_role", None),
    (case(seat=OUT, door=Door(7, through="open")), "sees_open", None),
    (case(team=Team("preview", "draft"), doors=()), "draft", "open"),
    (case(team=Team("preview", "draft", opened=True), door=UNMADE), "soon", "sync"),
    (case(team=Team("preview"), doors=()), "soon", "sync"),
    (case(team=Team("preview"), doors=(), sync=SyncFacts("parked", reason="x")), "gave_up", "sync"),
    (case(team=Team("completed"), doors=(), seat=Seat("completed")), "ended_unopened", None),
    (case(door=GONE), "deleted", "repair"),
    (case(door=replace(SHUT, there=False)), "deleted", "repair"),
    (case(door=OWED, role=GroupRole("deleted", "Group 1")), "role_deleted", "repair"),
    (case(door=OWED), "soon", "sync"),
    (case(door=OWED, role=replace(ROLE, too_low=True)), "role_too_low", "check"),
    (case(door=replace(OWED, lacks=p.SPEAK)), "bot_lacks", "check"),
    (case(door=replace(OWED, lacks_here=p.MANAGE_ROLES)), "bot_lacks_here", "check"),
    (case(door=OWED, sync=SyncFacts("waiting", NOW, "slow")), "queued", "sync"),
    (case(door=OWED, sync=SyncFacts("parked", None, "no")), "gave_up", "sync"),
    (case(door=replace(SHUT, by_hand="lost")), "taken_out", "put_back"),
    (case(door=replace(SHUT, by_hand="denied")), "denied", "put_back"),
    (case(door=replace(SHUT, by_hand="role_lost"), role=ROLE), "role_taken", "put_back"),
    (case(door=replace(SHUT, by_hand="role_closed"), role=ROLE), "role_closed", "put_back"),
    (case(door=Door(7, uses=False, by_hand="denied")), "muted", "put_back"),
    (case(door=Door(7, uses=False, by_hand="lost")), "muted", "put_back"),
    (case(door=SHUT), "unclear", "sync"),
    (case(seat=Seat("", elsewhere="Group 2", guest=Guest("open", NOW))), "guest_open", None),
    (case(seat=Seat("dropped", guest=Guest("open", NOW)), door=OWED), "soon", "sync"),
    (case(seat=Seat("", guest=Guest("early", NOW)), door=SHUT), "guest_early", None),
    (case(seat=Seat("", guest=Guest("early", NOW)), door=Door(7, through="own")), "sees_own", None),
    (
        case(seat=Seat("", elsewhere="Group 2", guest=Guest("over", NOW)), door=SHUT),
        "guest_over",
        "add",
    ),
    (
        case(seat=Seat("", elsewhere="Group 2", guest=Guest("withdrawn", NOW)), door=SHUT),
        "guest_withdrawn",
        "add",
    ),
    (
        case(seat=Seat("", elsewhere="Group 2", guest=Guest("off", NOW)), door=SHUT),
        "guest_off",
        "add",
    ),
    (case(seat=Seat(guest=Guest("over", NOW))), "right", None),
    (case(shared="on"), "right", None),
    (case(shared="on", door=OWED), "soon", "sync"),
    (case(shared="on", door=GONE), "deleted", "repair"),
    (case(shared="on", seat=OUT, door=SHUT), "in_none", "add"),
    (case(shared="on", seat=OUT, door=SHUT, team=Team("completed")), "in_none", None),
    (case(shared="on", seat=Seat("", expected=True), door=SHUT), "expected_here", "add"),
    (case(shared="on", seat=Seat("dropped", NOW), door=SHUT), "left_group", "add"),
    (case(shared="off", door=SHUT), "shared_off", None),
    (case(shared="off", door=Door(7), someone=Someone(moderates=True)), "by_moderator", None),
    (case(someone=Someone(quiet_until=NOW), door=Door(7, uses=False)), "timed_out", None),
    (case(someone=Someone(quiet_until=NOW), door=OWED), "soon", "sync"),
    (case(team=Team("completed"), seat=Seat("completed"), door=Door(uses=False)), "archived", None),
    (
        case(team=Team("completed", "closed"), seat=Seat("completed"), door=Door(uses=False)),
        "closed",
        None,
    ),
    (case(team=Team("completed"), seat=Seat("completed")), "right", None),
]


@pytest.mark.parametrize(("facts", "code", "fix"), TABLE)
def test_each_link(facts: Case, code: str, fix: str | None) -> None:
    link = why(facts)
    assert (link.code, link.fix) == (code, fix)


DAY = timedelta(days=1)
PAST, OPEN = Visit(NOW - 9 * DAY, NOW), Visit(NOW - DAY, NOW + DAY)
AHEAD = Visit(NOW + DAY, NOW + 9 * DAY)
BACK = replace(AHEAD, ended_at=NOW - DAY)


@pytest.mark.parametrize(
    ("visits", "want"),
    [
        ([], None),
        ([PAST], Guest("over", NOW)),
        ([OPEN], Guest("open", NOW + DAY)),
        ([replace(OPEN, opens_at=NOW)], Guest("open", NOW + DAY)),
        ([AHEAD], Guest("early", NOW + DAY)),
        ([replace(AHEAD, planned=False)], Guest("off", NOW + DAY)),
        ([BACK], Guest("withdrawn", NOW - DAY)),
        ([PAST, AHEAD, BACK, OPEN], Guest("open", NOW + DAY)),
        ([PAST, replace(OPEN, closes_at=NOW + 2 * DAY), OPEN], Guest("open", NOW + 2 * DAY)),
        ([replace(AHEAD, opens_at=NOW + 8 * DAY), PAST, AHEAD], Guest("early", NOW + DAY)),
        ([BACK, PAST], Guest("withdrawn", NOW - DAY)),
    ],
)
def test_what_visits_mean(visits: list[Visit], want: Guest | None) -> None:
    assert guest_of(visits, NOW) == want


# Everything is broken at once; one by one it is mended, and the next link is named.
BROKEN = Case(
    Someone(here=False, pending=True, quiet_until=NOW),
    Team("preview"),
    OUT,
    GroupRole("deleted", "Group 1"),
    (replace(GONE, owed=True, lacks=p.SPEAK),),
    SyncFacts("parked", None, "no"),
)
HERE = replace(BROKEN, someone=Someone(pending=True, quiet_until=NOW))
AGREED = replace(HERE, someone=Someone(quiet_until=NOW))
INSIDE = replace(AGREED, seat=Seat())
ROLED = replace(INSIDE, role=ROLE)
MADE = replace(ROLED, doors=(replace(OWED, lacks=p.SPEAK),))
ABLE = replace(MADE, doors=(OWED,))
TRIED = replace(ABLE, sync=SyncFacts("waiting", NOW, "slow"))
DUE = replace(TRIED, sync=SyncFacts("due"))
HANDS = replace(DUE, doors=(replace(SHUT, by_hand="denied"),))
SEEN = replace(HANDS, doors=(Door(7, uses=False),))
LOUD = replace(SEEN, someone=Someone(), doors=(Door(7),))
CHAIN = [
    (BROKEN, "not_here"), (HERE, "pending"), (AGREED, "no_group"), (INSIDE, "role_deleted"),
    (ROLED, "deleted"), (MADE, "bot_lacks"), (ABLE, "gave_up"), (TRIED, "queued"), (DUE, "soon"),
    (HANDS, "denied"), (SEEN, "timed_out"), (LOUD, "right"),
]  # fmt: skip


def test_the_first_broken_link_is_named() -> None:
    assert [why(facts).code for facts, _ in CHAIN] == [code for _, code in CHAIN]
    assert all(a != b for (a, _), (b, _) in pairwise(CHAIN))


def test_the_first_shut_door_counts() -> None:
    voice = Door(8, "voice")
    assert why(Case(doors=(Door(7), voice))).code == "right"
    link = why(Case(doors=(Door(7), replace(voice, sees=False, by_hand="lost"))))
    assert (link.code, link.door and link.door.id) == ("taken_out", 8)


TEXT = Bits(p.TEXT_ACCESS, 0)
DENIED = Bits(0, p.VIEW_CHANNEL)


@pytest.mark.parametrize(
    ("have", "ours", "claim"),
    [
        (TEXT, TEXT, None),  # nothing is missing
        (Bits(0, 0), TEXT, TEXT),  # taken away: given again
        (Bits(0, 0), Bits(0, 0), None),  # never given: the plan does that by itself
        (DENIED, Bits(0, 0), DENIED),  # denied before we came
        (DENIED, TEXT, Bits(p.TEXT_ACCESS, p.VIEW_CHANNEL)),
        # What somebody else denied beside it is not ours to touch.
        (Bits(0, p.VIEW_CHANNEL | p.CONNECT), TEXT, Bits(p.TEXT_ACCESS, p.VIEW_CHANNEL)),
    ],
)
def test_what_is_claimed_to_put_access_back(have: Bits, ours: Bits, claim: Bits | None) -> None:
    assert p.reclaimed("text", have, ours, TEXT) == claim


bits = st.integers(0, 2**12 - 1).map(lambda n: sum(1 << (b * 2) for b in range(12) if n >> b & 1))


@given(allow=bits, deny=bits, ours_allow=bits)
def test_putting_back_gives_all_and_touches_nothing_else(
    allow: int, deny: int, ours_allow: int
) -> None:
    """The claim, then the usual diff: the person has it all, others' bits stay as they were."""
    should = p.member_bits("text", facilitator=False, policy=p.Policy(1))
    have = Bits(allow & ~deny, deny)
    ours = Bits(ours_allow & should.allow, 0)
    claim = p.reclaimed("text", have, ours, should)
    entry = p.Entry(claim, confirmed=False) if claim is not None else p.Entry(ours)
    ledger = {5: entry} if entry.bits != Bits(0, 0) else {}
    place = p.Place(7, "text", {5: have}, ledger)
    plan = p.diff(place, p.Desired({5: should}))
    after = next((c.after for c in plan.changes if isinstance(c, SetAccess)), have)
    assert after.allow & should.allow == should.allow
    assert not after.deny & should.allow
    assert (after.allow & ~should.allow, after.deny & ~should.allow) == (
        have.allow & ~should.allow,
        have.deny & ~should.allow,
    )


def codes() -> set[str]:
    return {why(facts).code for facts, _, _ in TABLE}


def test_every_code_has_words() -> None:
    assert codes() <= why_words.MODERATORS.keys()
    bare = {k.removesuffix("_by").removesuffix("_when") for k in why_words.MODERATORS}
    assert bare == codes()
    # Moderators mend it, or the member is told something of their own.
    outside = {
        "bot", "not_here", "left", "expected", "not_ours", "not_ours_sees", "category",
        "shared_off", "in_none",
    }  # fmt: skip
    told = why_words.MEMBER.keys() | why_words.MODERATORS_MEND | {"sees_all"}
    assert codes() - outside <= told
    assert codes() >= why_words.MODERATORS_MEND


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("facts", "code", "fix"), TABLE)
def test_sentences_are_filled_in(facts: Case, code: str, fix: str | None, language: str) -> None:
    link = why(facts)
    for shown in (link, replace(link, who=77), replace(link, who=77, at=NOW - timedelta(days=1))):
        answer = Answer(shown, 5, "Ana*", 7, "group-1", 3, "Group 1", "Stats")
        with speaking(language):
            said, mine = why_words.for_moderators(answer), why_words.for_member(answer)
            button = t(why_words.LABELS[fix]) if fix else ""
        assert "{" not in said + mine
        assert "Ana*" not in said  # markdown in names does nothing
        assert "77" not in mine, "a member is told of nobody else"
        assert ("\n→ " in said) == (fix is not None), code
        assert f"**{button}**" in said or not button, "the fix is called as its button is"


def test_a_channel_that_is_not_there_is_named_by_its_group() -> None:
    answer = Answer(Link("soon", "sync"), 5, "Ana", None, "", 3, "Group 1", "Stats")
    assert "the channels of **Group 1** · Stats" in why_words.for_moderators(answer)
