"""A group with a meeting that people answer, and its post."""

from __future__ import annotations

from typing import Any

from core.systems import answer_posts
from tests.e2e._acting import filled, made
from tests.meetings_here import meet, posts_of
from tests.world import World


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
