"""Answering a meeting by its buttons: what the person reads, what the post shows, who may not."""

from __future__ import annotations

from typing import Any

from core.systems import answer_posts
from tests.e2e._acting import filled, last, made, on_discord
from tests.meetings_here import meet, posts_of
from tests.world import World, parts_of, text_of


async def post_of(w: World, group_id: int) -> Any:
    """The group's living post as Discord has it."""
    [row] = await posts_of(group_id)
    [post] = [m for m in room_of(w, row.channel_id).history() if m.id == row.message_id]
    return post


def room_of(w: World, channel_id: int) -> Any:
    [room] = [c for c in w.guild.channels.values() if c.id == channel_id]
    return room


async def started(w: World, **more: Any) -> tuple[int, int, list[Any]]:
    """A group with three people and a meeting in two days, its post up."""
    cohort = await made(w, groups=2)
    people = await filled(w, cohort, people=3)
    group_id = cohort.group_ids[0]
    meeting_id = await meet(group_id, number=3, **more)
    await answer_posts.sync(group_id)
    await w.settle()
    return group_id, meeting_id, people


@on_discord
async def test_a_press_is_answered_privately_and_the_post_follows(w: World) -> None:
    group_id, _, [ann, ben, _] = await started(w)
    post = await post_of(w, group_id)
    assert "**Week 3**" in post.content
    assert "Nobody has answered yet" in post.content
    assert [c.label for row in post.components for c in row.children] == [
        "Attending", "Maybe", "Can't come", "Manage",
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
