"""What was answered to a meeting that is over stays said, whatever becomes of its people."""

from __future__ import annotations

from datetime import timedelta

from core.clock import set_clock, utcnow
from core.operations import cohorts, membership
from tests.e2e._acting import mod_of, on_discord
from tests.e2e._answers import post_of, room_of, started
from tests.meetings_here import posts_of
from tests.world import World


@on_discord
async def test_who_left_since_had_said_yes(w: World) -> None:
    group_id, _, [ann, ben, cyd] = await started(w)
    post = await post_of(w, group_id)
    for person in (ann, ben, cyd):
        await person.click(post, label="Attending")
    await membership.remove(mod_of(w), group_id, cyd.id)  # before it began: no answer of theirs
    start = utcnow() + timedelta(days=2)
    set_clock(lambda: start + timedelta(hours=2))
    await membership.remove(mod_of(w), group_id, ann.id)
    await cohorts.cancel(mod_of(w), 1)
    w.worker.bump([group_id])
    await w.settle()
    [row] = await posts_of(group_id, "answers_line")
    [line] = [m for m in room_of(w, row.channel_id).history() if m.id == row.message_id]
    assert line.content.endswith("· 2 said yes")
