"""What people read and hear of: reminders, newcomers, closed direct messages, flapping."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import select, update

from core import sync
from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Delivery, Meeting
from core.db.models import Group, User
from core.db.queries.deliveries import enqueue
from core.notifications import notices
from core.operations import membership, mine
from tests.e2e._acting import mod_of, on_discord
from tests.e2e._notices import (
    actor,
    deliveries,
    later,
    meetings,
    posts,
    running,
)
from tests.world import World


@on_discord
async def test_a_group_opens_and_is_reminded(w: World) -> None:
    await running(w)
    (opened,) = await posts(w, "assigned")
    assert f"In it: <@{w.members[0].id}>, <@{w.members[1].id}>" in opened.content
    first, _ = await meetings()
    await later(w, first.starts_at - timedelta(hours=24))
    (reminder,) = await posts(w, "remind_first")
    buttons = [b.label for row in reminder.components for b in row.children]
    assert buttons == ["Attending", "Maybe", "Can't come"]
    assert f"<t:{int(first.starts_at.timestamp())}:F>" in reminder.content
    assert "<@" not in reminder.content
    pressed = await w.members[0].click(reminder, label="Can't come")
    assert pressed.response is not None
    await later(w, first.starts_at - timedelta(hours=1))
    (last,) = await posts(w, "remind_last")
    assert last.content.endswith(f"\n<@{w.members[1].id}>")
    (row,) = [r for r in await deliveries("assigned_dm") if r.user_id == w.members[0].id]
    assert (row.status, row.error_class) == ("skipped", "switched_off")
    await w.settle()
    assert len(await posts(w, "remind_last")) == 1


@on_discord
async def test_a_personal_reminder_where_direct_messages_are_closed(w: World) -> None:
    await running(w)
    ada = w.members[0]
    await mine.change(actor(w, ada), switches={"remind_dm": True})
    w.worker.bump(await mine.groups_of(actor(w, ada)))
    first, _ = await meetings()
    await later(w, first.starts_at - timedelta(days=2))
    w.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)
    await later(w, first.starts_at - timedelta(hours=1))
    (instead,) = await posts(w, "remind_dm")
    assert f"<@{ada.id}>" in instead.content
    (row,) = [r for r in await deliveries("remind_dm") if r.meeting_id == first.id]
    assert (row.status, row.error_class) == ("sent", "closed_dms")
    (last,) = await posts(w, "remind_last")  # nobody is told twice
    assert f"<@{ada.id}>" not in last.content
    assert f"<@{w.members[1].id}>" in last.content


@on_discord
async def test_somebody_joins_later_and_leaves(w: World) -> None:
    (group,) = await running(w)
    cleo = w.members[2]
    await membership.join(actor(w, cleo), group)
    await w.settle()
    assert await posts(w, "joined") == []  # access comes first
    await later(w, utcnow() + timedelta(seconds=11))
    (joined,) = await posts(w, "joined")
    assert joined.content == f"👋 **{cleo.name}** is in this group now."
    await membership.leave(actor(w, cleo), group)
    await later(w, utcnow() + timedelta(minutes=3))
    (left,) = await posts(w, "left")
    assert left.content == f"**{cleo.name}** left this group."


@on_discord
async def test_flapping_five_times_is_said_once(w: World) -> None:
    (group,) = await running(w)
    cleo = w.members[2]
    await membership.join(actor(w, cleo), group)
    await later(w, utcnow() + timedelta(seconds=11))
    await later(w, utcnow() + timedelta(days=1))  # keys hold the day
    for _ in range(5):
        await membership.leave(actor(w, cleo), group)
        await later(w, utcnow() + timedelta(seconds=20))
        await membership.join(actor(w, cleo), group)
        await later(w, utcnow() + timedelta(seconds=20))
    await later(w, utcnow() + timedelta(minutes=5))
    assert len(await posts(w, "joined")) == 1
    assert await posts(w, "left") == []
    # In the end they do go: skipped before, it is news now.
    await membership.leave(actor(w, cleo), group)
    await later(w, utcnow() + timedelta(minutes=5))
    assert len(await posts(w, "left")) == 1
    await membership.join(actor(w, cleo), group)
    await membership.leave(actor(w, cleo), group)
    await later(w, utcnow() + timedelta(minutes=5))
    assert (len(await posts(w, "joined")), len(await posts(w, "left"))) == (1, 1)


@on_discord
async def test_who_leaves_the_server_and_comes_back_five_times_is_no_news(w: World) -> None:
    await running(w)
    before = await _told()
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    for _ in range(5):
        member = guild.get_member(w.members[0].id)
        assert member is not None
        await member.kick()
        await w.settle()
        w.guild.add_member(w.members[0].user)
        await w.settle()
    await later(w, utcnow() + timedelta(minutes=5))
    assert await _told() == before


async def _told() -> Counter[tuple[str, str]]:
    async with get_database().transaction() as session:
        rows = await session.execute(select(Delivery.kind, Delivery.status))
        return Counter((kind, status) for kind, status in rows)


@on_discord
async def test_a_group_that_opens_twice_is_welcomed_once(w: World) -> None:
    (group,) = await running(w)
    async with get_database().transaction() as session:
        await session.execute(update(Group).values(status="preview"))
    await sync.sync_group(group)
    await w.settle()
    assert len(await posts(w, "assigned")) == 1


@on_discord
async def test_a_switch_is_told_in_both_groups(w: World) -> None:
    red, blue = await running(w, people=1, groups=2)
    await membership.add(mod_of(w), blue, w.members[1].id, "member2")
    w.worker.bump([blue])
    await w.settle()
    await membership.join(actor(w, w.members[0]), blue)
    await later(w, utcnow() + timedelta(minutes=3))
    (left,), (joined,) = await deliveries("left"), await deliveries("joined")
    assert (left.group_id, joined.group_id) == (red, blue)
    assert {left.status, joined.status} == {"sent"}


@on_discord
async def test_somebody_who_comes_to_the_server_gets_what_waited(w: World) -> None:
    (group,) = await running(w)
    ada = w.members[0]
    async with get_database().transaction() as session:
        await session.execute(
            update(User).where(User.id == ada.id).values(switches={"assigned_dm": True})
        )
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    member = guild.get_member(ada.id)
    assert member is not None
    await member.kick()
    await w.settle()
    async with get_database().transaction() as session:
        await session.execute(
            Delivery.__table__.delete().where(Delivery.kind == "assigned_dm")  # type: ignore[attr-defined]
        )
        await enqueue(
            session, notices.assigned_dms(w.guild.id, group, [ada.id], utcnow()), utcnow()
        )
    await w.settle()
    (row,) = await deliveries("assigned_dm")
    assert (row.status, row.error_class) == ("pending", "not_here")
    w.guild.add_member(ada.user)
    await w.settle()
    (row,) = await deliveries("assigned_dm")
    assert row.status == "sent"


@on_discord
async def test_meetings_that_move_there_and_back(w: World) -> None:
    await running(w)
    first, _ = await meetings()

    async def move(to: datetime, audit: int) -> None:
        async with get_database().transaction() as session:
            row = await session.get_one(Meeting, first.id)
            row.starts_at = to
            await enqueue(session, [notices.meeting("moved", row, audit, utcnow())], utcnow())

    start = first.starts_at
    await move(start + timedelta(hours=1), 1)
    await move(start, 2)
    await w.settle()
    assert await posts(w, "moved") == []
    await move(start + timedelta(hours=1), 3)
    await w.settle()
    await move(start, 4)
    await w.settle()
    there, back = sorted(await posts(w, "moved"), key=lambda m: int(m.id))
    stamps = [f"<t:{int((start + timedelta(hours=h)).timestamp())}:F>" for h in (0, 1)]
    assert f"from {stamps[0]} to {stamps[1]}" in there.content
    assert f"from {stamps[1]} to {stamps[0]}" in back.content
