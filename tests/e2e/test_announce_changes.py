"""An announcement that is changed or withdrawn, before and after it went out."""

from __future__ import annotations

from datetime import timedelta

import discord
from sqlalchemy import delete

from core.clock import set_clock, utcnow
from core.db.engine import get_database
from core.db.models import ManagedObject
from core.notifications import actions
from core.notifications.outgoing import Send
from core.operations import announcements
from tests.e2e._acting import last, mod_of, on_discord
from tests.e2e._announce import (
    announced,
    announces,
    card,
    groups,
    labels_of,
    said,
    withdraw,
)
from tests.world import World, text_of


@on_discord
async def test_edited_everywhere_at_once(w: World) -> None:
    cohort, rooms = await groups(w)
    await announced(w, cohort, press="Ping members")
    form = await w.mod.click(last(await card(w)), label="Edit")
    before = len(w.env.http_requests)
    done = await w.mod.submit_modal(form, values={"text": "New text"})
    assert "2 posts show the new text" in text_of(done)
    await w.settle()
    await w.settle()
    edits = [r for r in w.env.http_requests[before:] if r.method == "PATCH" and
             any(str(room.id) in r.path for room in rooms)]  # fmt: skip
    assert len(edits) == 2
    for room in rooms:
        assert [line.split("\n")[0] for line in said(room)] == ["New text"]
    shown = text_of(await w.mod.slash(w.room, "messages"))
    assert shown.count("Announcement") == 1
    assert "Stats · 2 posts · 2 sent" in shown
    history = text_of(await w.mod.slash(w.room, "history"))
    assert "changed an announcement to Stats; before: “Hello" in history


@on_discord
async def test_withdrawn_everywhere(w: World) -> None:
    cohort, rooms = await groups(w)
    await announced(w, cohort)
    done = await withdraw(w)
    assert "Withdrawn" in text_of(done)
    assert [said(room) for room in rooms] == [[], []]
    shown = await card(w)
    assert "withdrawn" in text_of(shown)
    assert labels_of(shown) == ["Messages"]
    again = await w.mod.slash(w.room, "history")
    assert "withdrew an announcement to Stats" in text_of(again)


@on_discord
async def test_what_is_not_sent_yet_says_the_new_text_or_nothing(w: World) -> None:
    cohort, rooms = await groups(w)
    actor = mod_of(w)
    one = await announcements.send(
        actor, announcements.Draft(1, "Hello", (f"cohort:{cohort.id}",)), ping=False
    )
    two = await announcements.send(
        actor, announcements.Draft(2, "Hello too", (f"cohort:{cohort.id}",)), ping=False
    )
    await announcements.edit(actor, one.id, "New")
    await announcements.withdraw(actor, two.id)
    await w.settle()
    assert [said(room) for room in rooms] == [["New"], ["New"]]
    assert {
        (r.status, r.error_class) for r in await announces() if r.announcement_id == two.id
    } == {("skipped", "withdrawn")}


@on_discord
async def test_changed_between_the_decision_and_the_post(w: World) -> None:
    """A row that is being sent shows the old text for a moment, then the new one; or goes."""
    cohort, rooms = await groups(w, number=1)
    for number, change in enumerate(("edit", "withdraw")):
        draft = announcements.Draft(number, f"Hello {number}", (f"cohort:{cohort.id}",))
        one = await announcements.send(mod_of(w), draft, ping=False)
        slow = w.worker.dispatcher
        claimed = await slow._claim()
        async with get_database().transaction() as session:
            decisions = await actions.prepare(session, claimed, utcnow())
        if change == "edit":
            await announcements.edit(mod_of(w), one.id, f"New {number}")
        else:
            await announcements.withdraw(mod_of(w), one.id)
        sends = [(row, decisions[row.id]) for row in claimed]
        results = [await slow._deliver(row, d) for row, d in sends if isinstance(d, Send)]
        assert said(rooms[0])[-1] == f"Hello {number}"
        await slow._write(results)
        await w.settle()
        assert said(rooms[0]) == ["New 0"]


@on_discord
async def test_a_deleted_channel_is_seen_and_mended(w: World) -> None:
    cohort, rooms = await groups(w)
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    channel = guild.get_channel(rooms[1].id)
    assert isinstance(channel, discord.TextChannel)
    one = await announcements.send(
        mod_of(w), announcements.Draft(1, "Hello", (f"cohort:{cohort.id}",)), ping=False
    )
    await channel.delete()
    await w.settle()
    start = utcnow() + timedelta(hours=1, seconds=1)  # it is tried again meanwhile
    set_clock(lambda: start)
    shown = text_of(await w.mod.slash(w.room, "messages"))
    assert "2 posts · 1 sent, 1 failed because the channel is gone" in shown
    failed = await w.mod.select(
        last(await w.mod.slash(w.room, "messages")),
        ["failed"],
        custom_id="muster-pick:messages_filter:0",
    )
    assert "1 failed because" in text_of(failed)
    home = await w.mod.slash(w.room, "muster")
    assert "✉️ 1 message could not be sent." in text_of(home)
    listed = await w.mod.click(last(home), label="Needs attention")
    assert "✉️ 1 message could not be sent." in text_of(listed)
    assert "1 failed because" in text_of(await w.mod.click(last(listed), label="Messages"))
    set_clock(lambda: start + timedelta(days=7))
    assert "could not be sent" not in text_of(await w.mod.slash(w.room, "muster"))
    set_clock(w.env.now)
    await by_hand_repair(w, cohort.group_ids[1])
    done = await w.mod.click(last(failed), label="Retry all failed")
    assert "1 message is sent again now" in text_of(done)
    await w.settle()
    room = w.guild.channels["group-2"]
    assert room.id != rooms[1].id
    assert [said(rooms[0]), said(room)] == [["Hello"], ["Hello"]]
    assert "2 posts · 2 sent" in text_of(await w.mod.slash(w.room, "messages"))
    assert one.posts == 2


async def by_hand_repair(w: World, group_id: int) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            delete(ManagedObject).where(
                ManagedObject.group_id == group_id, ManagedObject.state == "deleted"
            )
        )
    w.worker.bump([group_id])
    await w.settle()


@on_discord
async def test_an_older_change_that_comes_last_does_not_stay(w: World) -> None:
    """Two processes: one holds the second text while the other shows the third."""
    cohort, rooms = await groups(w, number=1)
    draft = announcements.Draft(1, "Hello", (f"cohort:{cohort.id}",))
    one = await announcements.send(mod_of(w), draft, ping=False)
    await w.settle()
    await announcements.edit(mod_of(w), one.id, "New 2")
    slow = w.worker.dispatcher
    claimed = await slow._claim()
    async with get_database().transaction() as session:
        decisions = await actions.prepare(session, claimed, utcnow())
    await announcements.edit(mod_of(w), one.id, "New 3")
    await w.settle()
    assert said(rooms[0]) == ["New 3"]
    sends = [(row, decisions[row.id]) for row in claimed]
    results = [await slow._deliver(row, d) for row, d in sends if isinstance(d, Send)]
    assert said(rooms[0]) == ["New 2"]
    await slow._write(results)
    await w.settle()
    assert said(rooms[0]) == ["New 3"]
