"""A post that shows state and could not be edited is tried again by itself."""

from __future__ import annotations

from collections.abc import Callable

from core.db.engine import get_database
from core.db.models import Projection
from core.systems import answer_posts
from core.systems.projections import keeper
from tests.e2e._acting import filled, made, on_discord
from tests.integration._sending import until
from tests.meetings_here import meet, posts_of
from tests.world import World


@on_discord
async def test_an_edit_that_fails_once_is_made_soon_after(w: World) -> None:
    """Discord answers 503; nobody presses again, and no sweep or retry of the group comes."""
    cohort = await made(w, groups=1)
    [ann, *_] = await filled(w, cohort, people=2)
    group_id = cohort.group_ids[0]
    await meet(group_id, number=3)
    await answer_posts.sync(group_id)
    await w.settle()
    [row] = await posts_of(group_id)
    [room] = [c for c in w.guild.channels.values() if c.id == row.channel_id]

    def post() -> str:
        [found] = [m for m in room.history() if m.id == row.message_id]
        return str(found.content)

    async def is_dirty() -> bool:
        async with get_database().transaction() as session:
            return (await session.get_one(Projection, row.id)).dirty

    w.env.inject_error("PATCH", f"/channels/{row.channel_id}/messages/*", status=503)
    [message] = [m for m in room.history() if m.id == row.message_id]
    await ann.click(message, label="Attending")

    def hurried(check: Callable[[], object]) -> Callable[[], object]:
        """SimCord's clock stands by itself, so the keeper's sleeps are ended."""

        def checked() -> object:
            for sleep in keeper._sleeps:
                sleep.cancel()
            return check()

        return checked

    await until(hurried(lambda: keeper._blocked))
    assert "Nobody has answered yet" in post()
    assert await is_dirty()
    await w.env.advance_time(3)  # longer than a first pause
    await until(hurried(lambda: "Attending (1)" in post()))
    await w.env.settle()
    assert not await is_dirty()
    assert sum("**Week 3**" in m.content for m in room.history()) == 1
