"""What a group's meetings show on Discord: its posts with answers, and its events there."""

from __future__ import annotations

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import events as rows
from core.errors import MusterError, PermanentError, TemporaryError
from core.systems import answer_posts, calendar_answers, events
from core.systems.counts import RsvpCounts
from core.systems.event_calls import EventRun


async def sync(group_id: int) -> RsvpCounts:
    """Answers in the calendar, posts, then events; none waits for another to go well.

    Raises TemporaryError where the guild cannot be seen now.
    """
    async with get_database().alone() as session:
        if await rows.without_meetings(session, group_id, utcnow()):
            return {**EventRun(group_id).counts(), "posts": 0}
    problems: list[MusterError] = []
    posts = 0
    await calendar_answers.poll_for(group_id)  # its failures stand in the calendar's own row
    try:
        done = await answer_posts.sync(group_id)
        posts = done["created"] + done["collapsed"]
    except (TemporaryError, PermanentError) as error:
        problems.append(error)
    return {**await events.sync(group_id, problems=problems), "posts": posts}
