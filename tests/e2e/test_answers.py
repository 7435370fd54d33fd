"""Answering a meeting by its buttons: what the person reads, what the post shows, who may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core import sync
from core.clock import set_clock, utcnow
from core.db.calendar_models import CalendarEntry
from core.db.engine import get_database
from core.db.meeting_models import Answer, Source
from core.errors import Refusal
from core.notifications.scheduler import wakes
from core.operations import answers, membership, settings
from core.operations.common import Actor
from core.systems import answer_posts, projections
from core.systems.projections import keeper
from tests.e2e._acting import filled, last, made, mod_of, on_discord, sees
from tests.e2e._answers import post_of, room_of, started
from tests.meetings_here import meet, posts_of
from tests.world import World, parts_of, text_of


@on_discord
async def test_a_press_is_answered_privately_and_the_post_follows(w: World) -> None:
    group_id, _, [ann, ben, _] = await started(w)
    post = await post_of(w, group_id)
    assert "**Week 3**" in post.content
    assert "Nobody has answered yet" in post.content
    assert [c.label for row in post.components for c in row.children] == [
        "Attending", "Maybe", "Can't come", "Add to calendar", "Manage",
    ]  # fmt: skip
    done = await ann.click(post, label="Attending")
    assert "You are coming to Week 3" in text_of(done)
    assert last(done).flags.ephemeral
    assert [c["label"] for c in parts_of(last(done)) if "label" in c] == ["Can't come after all"]
    await ben.click(post, label="Maybe")
    await w.settle()
    text = (await post_of(w, group_id)).content
    assert "Attending (1)**: member1" in text
    assert "Maybe (1)**: member2" in text
    assert "1 has not answered yet" in text


@on_discord
async def test_many_presses_are_one_edit_and_nothing_new_is_none(w: World) -> None:
    group_id, _, people = await started(w)
    post = await post_of(w, group_id)
    before = edits(w, post)
    for person in people:
        await person.click(post, label="Attending")
    await w.settle()
    assert "Attending (3)" in (await post_of(w, group_id)).content
    first = edits(w, post) - before
    assert 1 <= first <= 3
    await people[0].click(post, label="Attending")
    await w.settle()
    assert edits(w, post) - before == first, "the same answer again shows nothing new"


def edits(w: World, post: Any) -> int:
    return sum(
        r.method == "PATCH" and r.path.endswith(f"/messages/{post.id}") for r in w.env.http_requests
    )


@on_discord
async def test_a_reason_can_be_given_and_only_facilitators_read_it(w: World) -> None:
    group_id, meeting_id, [ann, ben, _] = await started(w)
    post = await post_of(w, group_id)
    done = await ann.click(post, label="Can't come")
    assert "You can't come to Week 3" in text_of(done)
    form = await ann.click(last(done), label="Say why")
    told = await ann.submit_modal(form, {"reason": "ill"})
    assert "Your reason, for your facilitators: ill" in text_of(told)
    await w.settle()
    text = (await post_of(w, group_id)).content
    assert "Can't come (1)**: member1" in text
    assert "ill" not in text
    by_mod = await answers.roll(mod_of(w), meeting_id)
    by_ben = await answers.roll(Actor(w.guild.id, ben.id, "ben"), meeting_id)
    assert [[p.reason for p in r.people if p.reason] for r in (by_mod, by_ben)] == [["ill"], []]
    back = await ann.click(last(told), label="I can come after all")
    assert "You are coming" in text_of(back)


@on_discord
async def test_deleted_by_hand_it_comes_back_once_with_the_answers(w: World) -> None:
    group_id, _, [ann, *_] = await started(w)
    post = await post_of(w, group_id)
    await ann.click(post, label="Attending")
    await w.settle()
    await post.delete()
    await w.settle()
    again = await post_of(w, group_id)
    assert again.id != post.id
    assert "Attending (1)**: member1" in again.content
    posts = [m for m in room_of(w, again.channel.id).history() if "Week 3" in m.content]
    assert len(posts) == 1
    await answer_posts.sync(group_id)
    await w.settle()
    assert (await post_of(w, group_id)).id == again.id


@on_discord
async def test_who_is_taken_out_leaves_the_post_and_the_same_is_not_edited(w: World) -> None:
    group_id, _, [ann, *_] = await started(w)
    await ann.click(await post_of(w, group_id), label="Attending")
    await w.settle()
    assert "Attending (1)**: member1" in (await post_of(w, group_id)).content
    await membership.remove(mod_of(w), group_id, ann.id)
    w.worker.bump([group_id])
    await w.settle()
    post = await post_of(w, group_id)
    assert "member1" not in post.content
    edited = post.edited_at
    await sync.sync_group_rsvps(group_id)
    await w.settle()
    assert (await post_of(w, group_id)).edited_at == edited


@on_discord
async def test_answers_go_on_to_the_groups_calendar_soon(w: World) -> None:
    group_id, _, [ann, ben, _] = await started(w)
    async with get_database().transaction() as session:
        session.add(CalendarEntry(guild_id=w.guild.id, group_id=group_id))

    runs: list[tuple[str, int]] = []

    async def run(*due: Any) -> None:
        runs.append(due)

    wakes.start(run, probe_seconds=3600)  # its clock is ahead of the world's: all is due at once
    try:
        for person in (ann, ben):
            await person.click(await post_of(w, group_id), label="Attending")
        await w.settle()
        assert ("calendar", group_id) in runs
    finally:
        wakes.stop()


@on_discord
async def test_a_post_that_stands_follows_the_servers_language(w: World) -> None:
    group_id, *_ = await started(w)
    await settings.change(mod_of(w), language="de")
    await w.settle()
    post = await post_of(w, group_id)
    assert next(c.label for row in post.components for c in row.children) == "Dabei"


@on_discord
async def test_strangers_ended_meetings_and_other_servers_are_refused(w: World) -> None:
    group_id, meeting_id, [ann, *_] = await started(w)
    post = await post_of(w, group_id)
    stranger = w.members[5]
    for who, said in (
        (Actor(w.guild.id, stranger.id, "stranger"), "not in “Group 1”"),
        (Actor(w.guild.id + 1, ann.id, "ann elsewhere"), "no such meeting here"),
    ):
        with pytest.raises(Refusal, match=said):
            await answers.answer(who, meeting_id, Answer.attending, Source.button)
    late = utcnow() + timedelta(days=2, hours=1)
    set_clock(lambda: late)
    over = await ann.click(post, label="Attending")
    assert "is over" in text_of(over)


@on_discord
async def test_after_the_meeting_it_becomes_a_line_and_the_next_one_gets_a_post(w: World) -> None:
    group_id, _, [ann, *_] = await started(w)
    following = await meet(group_id, number=4, starts_at=utcnow() + timedelta(days=9))
    post = await post_of(w, group_id)
    await ann.click(post, label="Attending")
    await w.settle()
    after = utcnow() + timedelta(days=2, hours=1)
    set_clock(lambda: after)
    async with get_database().transaction() as session:
        assert await answer_posts.needing(session, after) == [group_id]
    assert (await answer_posts.sync(group_id))["collapsed"] == 1
    await w.settle()
    room = room_of(w, post.channel.id)
    [line] = [m for m in room.history() if m.id == post.id]
    assert line.content.startswith("✅ **Week 3** · <t:")
    assert line.content.endswith("1 said yes")
    assert not line.components
    assert "**Week 4**" in (await post_of(w, group_id)).content
    [row] = await posts_of(group_id)
    assert row.subject == str(following)
    async with get_database().transaction() as session:
        assert await answer_posts.needing(session, after) == []


@on_discord
async def test_buttons_and_changes_survive_a_restart(w: World) -> None:
    """What was answered while nobody drew is shown at the next start."""
    group_id, meeting_id, [ann, ben, _] = await started(w)
    await keeper.stop()
    await answers.answer(
        Actor(w.guild.id, ann.id, "member1"), meeting_id, Answer.attending, Source.command
    )
    assert "Nobody has answered" in (await post_of(w, group_id)).content
    keeper.start()
    keeper.poke(await projections.unfinished())
    await w.settle()
    post = await post_of(w, group_id)
    assert "Attending (1)**: member1" in post.content
    await ben.click(post, label="Maybe")
    await w.settle()
    assert "Maybe (1)**: member2" in (await post_of(w, group_id)).content


@on_discord
async def test_a_visit_gives_access_that_begins_and_ends(w: World) -> None:
    cohort = await made(w, groups=2)
    mine, other = cohort.group_ids
    [ann] = await filled(w, cohort, people=1)
    host = w.members[3]
    await membership.add(mod_of(w), other, host.id, host.name)
    w.worker.bump([other])
    await w.settle()
    monday = utcnow() + timedelta(days=11)  # SimCord's 1 January 2026 is a Thursday
    missed = await meet(mine, number=2, starts_at=monday)
    visited = await meet(other, number=2, starts_at=monday + timedelta(days=1))
    for group_id in (mine, other):
        await answer_posts.sync(group_id)
    done = await ann.click(await post_of(w, mine), label="Can't come")
    booked = await ann.select(last(done), [f"meeting:{visited}"])
    assert "You are a guest of **Group 2** for Week 2" in text_of(booked)
    await w.settle()
    assert "member1 (guest)" in (await post_of(w, other)).content
    assert not sees(w, ann, "group-2")
    starts = monday + timedelta(days=1)
    for moment, inside in (
        (starts - timedelta(days=6), True),
        (starts + timedelta(days=3, minutes=59), True),
        (starts + timedelta(days=3, minutes=60), False),
    ):
        set_clock(lambda moment=moment: moment)  # type: ignore[misc]  # mypy knows no such lambda
        await sync.sync_group_rsvps(other)
        await sync.sync_group_discord_permissions(other)
        await w.env.settle()
        assert sees(w, ann, "group-2") is inside, moment
    assert missed


@on_discord
async def test_the_days_line_is_quiet_and_edited_in_place(w: World) -> None:
    group_id, _, [ann, ben, _] = await started(w)
    await sync.sync_group(group_id)
    post = await post_of(w, group_id)
    await ann.click(post, label="Attending")
    await w.settle()
    await ben.click(post, label="Maybe")
    await w.settle()
    [row] = await posts_of(group_id, "activity")
    [line] = [m for m in room_of(w, row.channel_id).history() if m.id == row.message_id]
    # The three were there when the group opened: that is no news.
    assert line.content == "Today: 2 answered"
    assert line.flags.suppress_notifications
    after = utcnow() + timedelta(minutes=1)
    set_clock(lambda: after)
    late = w.members[4]
    await membership.add(mod_of(w), group_id, late.id, late.name)
    w.worker.bump([group_id])
    await w.settle()
    [line] = [m for m in room_of(w, row.channel_id).history() if m.id == row.message_id]
    assert line.content == "Today: 1 joined, 2 answered"
