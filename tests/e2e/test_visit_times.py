"""Where somebody could be a guest instead: the times are those of their own clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from core.clock import set_clock
from core.db.engine import get_database
from core.db.models import User
from core.operations import membership
from core.systems import answer_posts
from tests.e2e._acting import filled, last, made, mod_of, on_discord
from tests.e2e._answers import post_of
from tests.meetings_here import meet
from tests.world import World

MONDAY = datetime(2026, 3, 23, 18, tzinfo=UTC)


def shown(message: Any) -> list[str]:
    """What stands under each choice."""
    [select] = [p for row in message.components for p in row["components"] if p.get("options")]
    return [option["description"] for option in select["options"]]


@on_discord
async def test_times_are_the_readers_else_the_servers(w: World) -> None:
    set_clock(lambda: MONDAY - timedelta(days=3))
    cohort = await made(w, groups=2)
    mine, other = cohort.group_ids
    ann, ben = await filled(w, cohort, people=2)
    await membership.add(mod_of(w), other, w.members[3].id, w.members[3].name)
    w.worker.bump([other])
    await w.settle()
    await meet(mine, starts_at=MONDAY)
    await meet(other, starts_at=MONDAY + timedelta(days=1))
    await answer_posts.sync(mine)
    async with get_database().transaction() as session:
        await session.execute(update(User).where(User.id == ann.id).values(zone="Asia/Tokyo"))
        await session.execute(update(User).where(User.id == ben.id).values(zone="Mars/Base"))
    post = await post_of(w, mine)
    [hers] = shown(last(await ann.click(post, label="Can't come")))
    assert hers == "Wed 25 March 03:00 Asia/Tokyo · room for 7"
    [his] = shown(last(await ben.click(post, label="Can't come")))
    assert his == "Tue 24 March 18:00 UTC · room for 7"
