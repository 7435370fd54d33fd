"""“Tell me when a seat is free”."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from bot.cogs import groups as groups_cog
from core.db.engine import get_database
from core.db.models import SeatWatch
from core.operations import membership
from tests.e2e._acting import mod_of, on_discord
from tests.e2e._members import (
    active,
    cohort,
    join,
    pick,
    post,
    shown,
)
from tests.world import World


@on_discord
async def test_a_full_group_offers_to_tell(w: World) -> None:
    """The last seat goes while somebody looks at the list."""
    made = await cohort(w, seats=1)
    me, other = w.members[:2]
    listed = await me.slash(w.room, "groups")
    await join(w, other)
    refused = await pick(me, listed.response, "join", "Group 1 · Stats")
    assert "is full (1 seat)" in shown(refused)
    assert await active(me) == []
    watching = await me.click(refused.response, label="Tell me when a seat is free")
    assert "I tell you once" in shown(watching)
    await w.settle()
    assert me.user.dm_channel.history() == []
    home = await other.slash(w.room, "my")
    sure = await other.click(home.response, label="Leave")
    await other.click(sure.response, label="Leave")
    await w.settle()
    (told,) = me.user.dm_channel.history()
    assert "A seat is free in **Group 1 · Stats** on Study Hall" in told.content
    await w.settle()
    await groups_cog.look_after(made.group_ids[0])
    assert len(me.user.dm_channel.history()) == 1
    async with get_database().transaction() as session:
        assert await session.scalar(select(SeatWatch.told_at)) is not None
    await join(w, me)
    async with get_database().transaction() as session:
        assert await session.scalar(select(func.count()).select_from(SeatWatch)) == 0


@on_discord
async def test_closed_direct_messages_become_a_mention(w: World) -> None:
    made = await cohort(w, seats=1, groups=1)
    await post(w)
    me, other = w.members[:2]
    await join(w, other)
    listed = await me.slash(w.room, "groups")
    assert "🔒 **Group 1** · full" in shown(listed)
    await pick(me, listed.response, "watch_pick", "Group 1 · Stats")
    w.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)
    await membership.remove(mod_of(w), made.group_ids[0], other.id)
    await groups_cog.look_after(made.group_ids[0])
    told = [m for m in w.room.history() if m.content.startswith(f"<@{me.id}>")]
    assert len(told) == 1
    assert [u.id for u in told[0].mentions] == [me.id]
    async with get_database().transaction() as session:
        assert await session.scalar(select(SeatWatch.told_at)) is not None


@on_discord
async def test_a_message_that_fails_for_now_is_sent_later(w: World) -> None:
    made = await cohort(w, seats=1, groups=1)
    me, other = w.members[:2]
    await join(w, other)
    listed = await me.slash(w.room, "groups")
    await pick(me, listed.response, "watch_pick", "Group 1 · Stats")
    w.env.inject_error("POST", "/users/@me/channels", status=503, times=1)
    await membership.remove(mod_of(w), made.group_ids[0], other.id)
    await groups_cog.look_after(made.group_ids[0])
    assert me.user.dm_channel.history() == []
    await w.env.advance_time(timedelta(minutes=25).total_seconds())
    assert len(me.user.dm_channel.history()) == 1


@on_discord
async def test_as_many_are_told_as_there_are_seats(w: World) -> None:
    made = await cohort(w, seats=1, groups=1)
    other, *waiting = w.members[:4]
    await join(w, other)
    for person in waiting:
        listed = await person.slash(w.room, "groups")
        await pick(person, listed.response, "watch_pick", "Group 1 · Stats")
    await membership.remove(mod_of(w), made.group_ids[0], other.id)
    w.guild.remove_member(waiting[1])
    await groups_cog.look_after(made.group_ids[0])
    assert [len(p.user.dm_channel.history()) for p in waiting] == [1, 0, 0]
