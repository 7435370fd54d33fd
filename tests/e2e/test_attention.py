"""Needs attention: who may need a word, and [Message] [Move] [Excuse] [Later]."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Delivery, Rsvp
from core.errors import Refusal
from core.notifications import actions
from core.notifications.dispatcher import Dispatcher
from core.operations import attention
from core.operations.common import Actor
from tests.bench.counting import counted
from tests.e2e._acting import labels, mod_of, moderator_elsewhere, on_discord
from tests.e2e._attendance import START, WEEK, answer, at, groups, lead, meeting, rows, seen, since
from tests.world import World, parts_of, text_of


async def season(w: World) -> tuple[int, list[int]]:
    """Five weeks: two come always, one missed the last two, two missed all, one after notice."""
    first, _ = await groups(w, people=4)
    await lead(w, first, w.members[4])
    await since(w, START - WEEK)
    ids = [await meeting(w, first, START + n * WEEK, number=n + 1) for n in range(5)]
    ann, bob, _, dan, head, _ = w.members
    for index, meeting_id in enumerate(ids):
        for person in (ann, head, *([bob] if index < 3 else [])):
            await seen(w, meeting_id, person, 50)
        await answer(w, meeting_id, dan, Answer.not_attending, START)
        await answer(w, meeting_id, bob, Answer.attending, START)
    at(START + 4 * WEEK + timedelta(hours=2))
    return first, ids


async def needs(w: World, person: Any = None) -> Any:
    who = person or w.mod
    home = await who.slash(w.room, "muster")
    return await who.click(home.response, label="Needs attention")


async def card(w: World, name: str) -> Any:
    panel = await needs(w)
    (value,) = [
        o["value"]
        for part in parts_of(panel.response)
        for o in part.get("options", [])
        if o["label"].startswith(name)
    ]
    return await w.mod.select(panel.response, values=[value])


@on_discord
async def test_who_is_named_and_why(w: World) -> None:
    await season(w)
    assert "👀 2 people may need a word." in text_of(await w.mod.slash(w.room, "muster"))
    said = text_of(await needs(w))
    assert "**member2** of Group 1 · Stats missed two meetings in a row without a word." in said
    assert "**member3** of Group 1 · Stats: not there and no answer for three weeks." in said
    for fine in ("member1", "member4", "member5"):
        assert fine not in said
    shown = text_of(await card(w, "member2"))
    assert "Week 5" in shown
    assert "Week 4" in shown
    assert "Week 3" not in shown
    assert "Only moderators see this" in shown


@on_discord
async def test_a_facilitator_who_was_not_there(w: World) -> None:
    first, ids = await season(w)
    del first
    async with get_database().transaction() as session:
        row = (await rows(ids[4]))[w.members[4].id]
        await session.delete(await session.merge(row))
        session.add(
            Rsvp(meeting_id=ids[4], user_id=w.members[4].id, guild_id=w.guild.id,
                 status=Answer.not_attending, source="button", answered_at=START)
        )  # fmt: skip
    found = await attention.entries(w.guild.id)
    assert [(e.name, e.cause) for e in found] == [
        ("member5", "facilitator"), ("member3", "silent"), ("member2", "missed"),
    ]  # fmt: skip
    shown = text_of(await card(w, "member5"))
    assert "facilitates Group 1 · Stats, and was not there last time" in shown
    assert "had said that they can’t come" in shown


@on_discord
async def test_no_data_names_nobody(w: World) -> None:
    first, _ = await groups(w, people=4)
    await since(w, START - WEEK)
    for n in range(5):
        held = await meeting(w, first, START + n * WEEK, number=n + 1)
        await seen(w, held, w.members[0], 3)
    at(START + 4 * WEEK + timedelta(hours=2))
    assert await attention.entries(w.guild.id) == []
    assert "👀" not in text_of(await needs(w))


@on_discord
async def test_excused_is_settled(w: World) -> None:
    _, ids = await season(w)
    shown = await card(w, "member2")
    assert labels(shown.response) == [
        "Message", "Move", "Excuse", "Later", "Needs attention", "Home",
    ]  # fmt: skip
    done = await w.mod.click(shown.response, label="Excuse")
    assert "member2 is excused for these meetings" in text_of(done)
    marks = {i: (await rows(m))[w.members[1].id].mark for i, m in enumerate(ids)}
    assert marks == {0: None, 1: None, 2: None, 3: "excused", 4: "excused"}
    assert [e.name for e in await attention.entries(w.guild.id)] == ["member3"]
    history = text_of(await w.mod.slash(w.room, "history"))
    assert "mod excused member2 in Group 1 (Stats): Week 4" in history
    back = await w.mod.click(done.response, label="Needs attention")
    assert "member3" in text_of(back)
    assert "member2" not in text_of(back)


@on_discord
async def test_later_is_a_week(w: World) -> None:
    await season(w)
    shown = await card(w, "member2")
    done = await w.mod.click(shown.response, label="Later")
    assert "member2 is not shown here for a week" in text_of(done)
    assert "member2" not in text_of(await w.mod.click(done.response, label="Needs attention"))
    now = utcnow()
    at(now + timedelta(days=6, hours=23))
    assert [e.name for e in await attention.entries(w.guild.id)] == ["member3"]
    at(now + timedelta(days=7, minutes=1))
    assert {e.name for e in await attention.entries(w.guild.id)} == {"member2", "member3"}
    # Snoozed again, the same row.
    entry = next(e for e in await attention.entries(w.guild.id) if e.name == "member2")
    for _ in range(2):
        await attention.later(mod_of(w), entry.membership_id)
    assert [e.name for e in await attention.entries(w.guild.id)] == ["member3"]


@on_discord
async def test_a_message_is_one_delivery(w: World) -> None:
    first, _ = await season(w)
    shown = await card(w, "member2")
    form = await w.mod.click(shown.response, label="Message")
    assert form.modal["title"] == "Message to member2"
    done = await w.mod.submit_modal(form, {"text": "All well? **We** miss you. @everyone"})
    assert "Your message to member2 is on its way" in text_of(done)
    assert "missed two meetings" in text_of(done)  # the card stays
    async with get_database().transaction() as session:
        (row,) = list(await session.scalars(select(Delivery).where(Delivery.kind == "note")))
    assert (row.user_id, row.group_id, row.guild_id) == (w.members[1].id, first, w.guild.id)
    assert row.payload == {"text": "All well? **We** miss you. @everyone", "from": "mod"}
    await Dispatcher(prepare=actions.prepare, sent=actions.sent).drain()
    await w.env.settle()
    (received,) = w.members[1].user.dm_channel.history(viewer=w.members[1].user)
    assert received.content == (
        "✉️ **mod** wrote to you about **Group 1** (Study Hall):\n"
        "All well? **We** miss you. @everyone"
    )
    assert not received.mention_everyone
    history = text_of(await w.mod.slash(w.room, "history"))
    assert "mod wrote to member2 about Group 1 (Stats)" in history
    assert "All well" not in history
    # The same form once more, as Discord may send it: still one.
    entry = (await attention.entries(w.guild.id))[0]
    for _ in range(2):
        await attention.message(mod_of(w), entry.membership_id, "Hello", 77)
    async with get_database().transaction() as session:
        found = list(await session.scalars(select(Delivery).where(Delivery.kind == "note")))
    assert len(found) == 2


@on_discord
async def test_a_message_needs_words(w: World) -> None:
    await season(w)
    entry = (await attention.entries(w.guild.id))[0]
    for typed, code in (("  \n", "empty"), ("x" * 1201, "too_long")):
        assert await refused(mod_of(w), entry.membership_id, typed) == code


async def refused(actor: Actor, membership_id: int, typed: str = "Hello") -> str:
    try:
        await attention.message(actor, membership_id, typed, 1)
    except Refusal as refusal:
        return refusal.code
    raise AssertionError


@on_discord
async def test_move_leads_to_the_steps_that_there_are(w: World) -> None:
    await season(w)
    shown = await card(w, "member2")
    where = await w.mod.click(shown.response, label="Move")
    assert "To which group?" in text_of(where)
    preview = await w.mod.select(where.response, values=[value_of(where.response)])
    assert "Group 2" in text_of(preview)
    done = await w.mod.click(preview.response, label="Do it")
    assert "is a member of" in text_of(done)
    assert "member2" not in {e.name for e in await attention.entries(w.guild.id)}


def value_of(message: Any) -> str:
    return str(next(o["value"] for part in parts_of(message) for o in part.get("options", [])))


@on_discord
async def test_what_is_over_says_so(w: World) -> None:
    _, ids = await season(w)
    shown = await card(w, "member2")
    await seen(w, ids[4], w.members[1], 30)
    for label in ("Excuse", "Later", "Move", "Message"):
        answered = await w.mod.click(shown.response, label=label)
        assert "That is over already" in text_of(answered), label


@on_discord
async def test_only_moderators_of_this_server(w: World) -> None:
    await season(w)
    entry = (await attention.entries(w.guild.id))[0]
    shown = await card(w, "member2")
    _, stranger = await moderator_elsewhere(w)
    other = stranger.guild
    theirs = Actor(other.id, stranger.id, "stranger", moderator=True)
    assert await refused(theirs, entry.membership_id) == "no_longer"
    assert await attention.entries(other.id) == []
    member = Actor(w.guild.id, w.members[0].id, "member1")
    assert await refused(member, entry.membership_id) == "not_allowed"
    # A card that is open since before the rights were taken away.
    w.env.backend.remove_member_role(w.guild.id, w.mod.id, w.guild.roles["Moderators"].id)
    await w.settle()
    for label in ("Message", "Move", "Excuse", "Later"):
        answered = await w.mod.click(shown.response, label=label)
        assert "Only moderators" in text_of(answered), label


@on_discord
async def test_the_list_is_read_in_two_statements(w: World) -> None:
    await season(w)
    with counted(w.env) as cost:
        assert len(await attention.entries(w.guild.id)) == 2
    assert cost.sql == 2
