"""Entries that somebody changed or deleted, and whatever happens in any order."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core.calendars import port
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, Source
from core.errors import Refusal
from core.operations import answers, meeting_views, meetings, membership
from core.operations.common import Actor
from core.reconcile.series import uid_of
from core.systems import calendar, calendar_answers
from tests import calendars_here as here
from tests.calendars_here import GUILD, MOD, Shelf, address_of, entry
from tests.integration._polls import later, poll, ready, shelf

__all__ = ["shelf"]  # a fixture

ANNA = Actor(GUILD, 3, "member3")


async def test_somebody_elses_edit_is_written_over_and_reported_once(shelf: Shelf) -> None:
    group = await ready(shelf)

    def rename(ics: Any) -> None:
        ics.events[0]["SUMMARY"] = "Party"

    shelf.edit(rename)
    assert (await poll()).edited == 1
    assert (await calendar.sync(group))["patched"] == 1
    assert "Party" not in shelf.only()
    assert (await poll()).edited == 0
    assert (await calendar.sync(group))["unchanged"] == 1


async def test_what_was_written_is_read_within_a_minute(shelf: Shelf) -> None:
    """Until then nobody can tell somebody's edit from what the server made of it."""
    group = await ready(shelf, count=12)
    await poll()
    await membership.add(MOD, group, 4, "ben")
    await here.give(4)
    await calendar.sync(group)
    later(minutes=1)
    await calendar_answers.poll_due()

    def rename(ics: Any) -> None:
        ics.events[0]["SUMMARY"] = "Party"

    shelf.edit(rename)
    later(minutes=40)
    assert await calendar_answers.poll_due() == {group}
    await calendar.sync(group)
    assert "Party" not in shelf.only()


async def test_only_partstat_is_believed_from_an_entry_that_was_edited(shelf: Shelf) -> None:
    group = await ready(shelf)

    def rename(ics: Any) -> None:
        ics.events[0]["SUMMARY"] = "Party"

    shelf.edit(rename)
    shelf.answer(address_of(3), "ACCEPTED")
    done = await poll()
    assert (done.edited, done.answers) == (1, 4)
    await calendar.sync(group)
    assert "Party" not in shelf.only()
    assert "ACCEPTED" in shelf.only()


@pytest.mark.parametrize("cursor", ["delta", "full"])
async def test_deleted_once_it_is_made_anew_twice_it_is_asked_about(
    shelf: Shelf, cursor: str
) -> None:
    group = await ready(shelf)
    for left in (1, 0):
        shelf.delete_by_hand()
        if cursor == "full":
            shelf.server.forget_cursors()
        done = await poll()
        assert (done.deleted, done.groups) == (1, {group})
        await calendar.sync(group)
        assert len(shelf.entries()) == left
        await poll()
    made = await entry(group)
    assert made is not None
    assert (made.state, made.epoch) == ("asked", 2)


async def test_an_error_is_never_a_deletion(shelf: Shelf) -> None:
    group = await ready(shelf)
    text = shelf.only()
    shelf.server.calendars[here.HOME].clear()
    for error in (port.Unreachable("500"), port.SlowDown("429", 90.0), port.Refused("400")):
        shelf.raises["changes"] = [error]
        assert await calendar_answers.poll(GUILD) is None
    made = await entry(group)
    assert made is not None
    assert made.state == "made"
    shelf.server.calendars[here.HOME][made.address or ""] = text
    assert (await poll()).deleted == 0


async def test_what_is_surely_ours_and_has_no_row_goes_and_nothing_else(shelf: Shelf) -> None:
    group = await ready(shelf)
    text = shelf.only()
    old, foreign = uid_of(GUILD, group, 3), uid_of(600, group)
    for uid in (old, foreign):
        shelf.server.write(here.HOME, uid, text.replace(uid_of(GUILD, group), uid))
    later(hours=25)
    done = await poll()
    assert done.orphans == 1
    assert set(shelf.entries()) == {uid_of(GUILD, group), foreign}


STEPS = ("answer", "press", "skip", "move", "join", "leave", "delete", "edit")


async def _step(shelf: Shelf, group: int, what: str, n: int) -> None:
    later(minutes=1)
    found = await meeting_views.list_for_group(GUILD, group)
    there = len(shelf.entries()) == 1
    match what:
        case "answer" if there and address_of(3) in shelf.only():
            shelf.answer(address_of(3), ("ACCEPTED", "DECLINED", "TENTATIVE")[n])
        case "press":
            await answers.answer(ANNA, found[n].id, Answer.tentative, Source.button)
        case "skip":
            await meetings.skip(MOD, found[-1].id)
        case "move":
            async with get_database().transaction() as session:
                starts_at = found[n].starts_at + timedelta(hours=n + 1)
                one = update(Meeting).where(Meeting.id == found[n].id)
                await session.execute(one.values(starts_at=starts_at, moved=True))
        case "join":
            await membership.add(MOD, group, 4, "ben")
        case "leave":
            await membership.remove(MOD, group, 4)
        case "delete" if there:
            shelf.delete_by_hand()
        case "edit" if there:
            shelf.edit(lambda ics: ics.events[0].__setitem__("SUMMARY", f"Party {n}"))


@pytest.mark.parametrize("seed", range(5))
async def test_applying_twice_does_nothing_the_second_time(shelf: Shelf, seed: int) -> None:
    chance = random.Random(seed)
    group = await ready(shelf, count=6)
    await here.give(4)
    for _ in range(8):
        with suppress(Refusal):
            await _step(shelf, group, chance.choice(STEPS), chance.randrange(3))
        if chance.random() < 0.5:
            await poll()
        counts = await calendar.sync(group)
        assert counts["failed"] == 0, counts
        shelf.took()
        await calendar.sync(group)
        assert shelf.took() == [], seed
    await poll()
    await calendar.sync(group)
    assert (await poll()).answers == 0
    shelf.took()
    await calendar.sync(group)
    assert shelf.took() == []
