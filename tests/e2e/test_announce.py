"""/announce and /messages on a simulated Discord: once, everywhere, and visible when it failed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Announcement, Meeting, Rsvp
from core.db.models import User
from core.db.queries.deliveries import enqueue
from core.errors import Refusal
from core.notifications import notices
from core.operations import announcements, message_actions, messages
from core.operations.common import Actor
from tests.e2e._acting import allow, dismiss, last, made, mod_of, on_discord
from tests.e2e._announce import (
    announced,
    announces,
    count,
    groups,
    labels_of,
    said,
    withdraw,
    written,
)
from tests.world import World, text_of


@on_discord
async def test_to_two_groups_once(w: World) -> None:
    cohort, rooms = await groups(w)
    shown = await written(w, "Hello **all** @everyone")
    assert "choose below who gets it" in text_of(shown)
    assert "Send" not in labels_of(shown)
    shown = await w.mod.select(last(shown), [f"group:{i}" for i in cohort.group_ids])
    assert "2 posts, pings nobody." in text_of(shown)
    assert "Ping members: 4 people." in text_of(shown)
    assert "Hello **all** @everyone" in text_of(shown)
    assert said(rooms[0]) == []
    done = await w.mod.click(last(shown), label="Send")
    assert "2 posts go out now" in text_of(done)
    await w.settle()
    for room in rooms:
        assert said(room) == ["Hello **all** @everyone"]
        message = next(m for m in room.history() if m.content.startswith("Hello"))
        assert not message.mention_everyone
        assert message.mentions == []
    assert await count(Announcement) == 1


@on_discord
async def test_a_second_press_of_an_impatient_thumb_sends_nothing_more(w: World) -> None:
    cohort, rooms = await groups(w)
    actor = mod_of(w)
    draft = announcements.Draft(77, "Hello", (f"cohort:{cohort.id}",))
    both = await asyncio.gather(
        announcements.send(actor, draft, ping=False), announcements.send(actor, draft, ping=True)
    )
    assert both[0].id == both[1].id
    await w.settle()
    again = await announcements.send(actor, draft, ping=False)
    assert again.id == both[0].id
    await w.settle()
    assert [len(said(room)) for room in rooms] == [1, 1]
    assert await count(Announcement) == 1


@on_discord
async def test_ping_members_notifies_the_groups_own_people(w: World) -> None:
    cohort, rooms = await groups(w)
    done = await announced(w, cohort, press="Ping members")
    assert "It notifies 4 people." in text_of(done)
    for index, room in enumerate(rooms):
        message = next(m for m in room.history() if m.content.startswith("Hello"))
        mine = [m.id for m in w.members[index * 2 : index * 2 + 2]]
        assert message.content.splitlines()[1] == " ".join(f"<@{u}>" for u in mine)
        assert {m.id for m in message.mentions} == set(mine)


@on_discord
async def test_more_people_than_one_message_takes(w: World) -> None:
    """With 1,800 characters there is room for four mentions; the others come in further posts."""
    cohort, rooms = await groups(w, number=1, people=6)
    text = "Hello " + "x" * 1790
    done = await announced(w, cohort, text, press="Ping members")
    assert "2 posts go out now" in text_of(done)
    found = [m for m in rooms[0].history() if m.mentions]
    assert sorted(m.id for post in found for m in post.mentions) == sorted(p.id for p in w.members)
    await withdraw(w)
    assert not [m for m in rooms[0].history() if m.mentions]


@on_discord
async def test_a_closed_direct_message_is_visible(w: World) -> None:
    cohort, _ = await groups(w, number=1)
    ada = w.members[0]
    async with get_database().transaction() as session:
        new = notices.assigned_dms(w.guild.id, cohort.group_ids[0], [ada.id], utcnow())
        await enqueue(session, new, utcnow())
        await session.execute(
            update(User).where(User.id == ada.id).values(switches={"assigned_dm": True})
        )
    w.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)
    await w.settle()
    shown = text_of(await w.mod.slash(w.room, "messages"))
    assert "Your group opens** · member1" in shown
    assert "in the channel instead" in shown


@on_discord
async def test_only_moderators_of_this_server(w: World) -> None:
    cohort, _ = await groups(w, number=1)
    await announced(w, cohort)
    member = w.members[0]
    listed = await w.mod.slash(w.room, "messages")
    for command in ("announce", "messages"):
        allow(w, command, member)
        refused = await member.slash(w.room, command)
        assert "Only moderators" in text_of(refused)
    await dismiss(w, w.mod)
    for press in ("Home", "Older", "Newer"):
        if press in labels_of(listed):
            assert "Only moderators" in text_of(await w.mod.click(last(listed), label=press))
    theirs = Actor(w.guild.id + 1, 5, "elsewhere", moderator=True)
    row = (await announces())[0]
    number = row.announcement_id or 0
    for call in (
        announcements.show(theirs, number),
        announcements.edit(theirs, number, "x"),
        announcements.withdraw(theirs, number),
        announcements.preview(theirs, [f"cohort:{cohort.id}"]),
        announcements.preview(theirs, [f"group:{cohort.group_ids[0]}"]),
        messages.line(theirs, row.id),
        messages.announcement(theirs, number),
        message_actions.retry(theirs, row.id),
        message_actions.cancel(theirs, row.id),
        message_actions.retry_announcement(theirs, number),
        message_actions.cancel_announcement(theirs, number),
        message_actions.retry_all(theirs),
    ):
        with pytest.raises(Refusal):
            await call
    assert (await messages.page(theirs, "all")).lines == ()
    assert (await announces())[0].status == "sent"


@on_discord
async def test_tonight_reaches_who_attends(w: World) -> None:
    cohort, rooms = await groups(w)
    async with get_database().transaction() as session:
        for group_id in cohort.group_ids:
            soon = utcnow() + timedelta(hours=2 if group_id == cohort.group_ids[0] else 30)
            session.add(
                Meeting(
                    guild_id=w.guild.id, group_id=group_id, occurrence_date=soon.date(), number=1,
                    starts_at=soon, minutes=60, created_at=utcnow(),
                )
            )  # fmt: skip
        await session.flush()
        meeting = await session.scalar(select(Meeting.id).order_by(Meeting.id))
        session.add(
            Rsvp(meeting_id=meeting, user_id=w.members[1].id, guild_id=w.guild.id,
                 status="attending", answered_at=utcnow())
        )  # fmt: skip
    shown = await w.mod.select(last(await written(w, "Hello")), ["tonight"])
    assert "1 post, pings nobody." in text_of(shown)
    assert "Ping members: 1 person." in text_of(shown)
    await w.mod.click(last(shown), label="Ping members")
    await w.settle()
    post = next(m for m in rooms[0].history() if m.content.startswith("Hello"))
    assert [m.id for m in post.mentions] == [w.members[1].id]
    assert said(rooms[1]) == []


@on_discord
async def test_more_targets_than_one_select_takes(w: World) -> None:
    """30 groups: what was chosen on one page stays chosen on the next; a name finds one."""
    cohort = await made(w, groups=30)
    shown = await written(w, "Hello", to="Stats")
    assert "30 groups have no channel yet" in text_of(shown)
    first, late = f"group:{cohort.group_ids[0]}", f"group:{cohort.group_ids[29]}"
    shown = await w.mod.select(last(shown), [first])
    assert "1 group has no channel yet" in text_of(shown)
    shown = await w.mod.click(last(shown), label="Next")
    shown = await w.mod.select(last(shown), [late])
    assert "2 groups have no channel yet" in text_of(shown)
    assert "Send" not in labels_of(shown)
    form = await w.mod.click(last(shown), label="Search")
    shown = await w.mod.submit_modal(form, values={"name": "group 17"})
    options = [o for row in last(shown).components for c in row["components"]
               for o in c.get("options", [])]  # fmt: skip
    assert [o["label"] for o in options] == ["Group 17 · Stats"]
    shown = await w.mod.select(last(shown), [f"group:{cohort.group_ids[16]}"])
    assert "3 groups have no channel yet" in text_of(shown)


@on_discord
async def test_a_text_that_is_too_long_can_be_edited(w: World) -> None:
    _, rooms = await groups(w, number=1)
    refused = await written(w, "Hello " + "x" * 1900, to="Stats")
    assert "1800 are possible" in text_of(refused)
    form = await w.mod.click(last(refused), label="Edit again")
    shown = await w.mod.submit_modal(form, values={"text": "Hello\u202e\x07 you"})
    assert "1 post, pings nobody." in text_of(shown)
    form = await w.mod.click(last(shown), label="Edit")
    shown = await w.mod.submit_modal(form, values={"text": "Hello you"})
    await w.mod.click(last(shown), label="Cancel")
    await w.settle()
    assert said(rooms[0]) == []
    assert await count(Announcement) == 0
    assert announcements.checked("a\u202e\x07b\r\nc") == "ab\nc"
