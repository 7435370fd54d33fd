"""“Interested” on an event, noted beside the answer."""

from __future__ import annotations

from sqlalchemy import select

from bot.client import Muster
from core.db.engine import get_database
from core.db.meeting_models import Meeting, Rsvp
from core.discord_outbound import set_bot
from core.operations import interest
from core.systems import events
from core.worker import Worker
from tests.e2e._acting import on_discord
from tests.e2e._events import (
    FIRST,
    HOUR,
    group_with,
    rows,
    there,
)
from tests.world import World


async def interested(meeting: Meeting) -> dict[int, tuple[bool, str]]:
    """(interested, answer) of everybody with a row for this meeting."""
    async with get_database().transaction() as session:
        found = await session.scalars(select(Rsvp).where(Rsvp.meeting_id == meeting.id))
        return {r.user_id: (r.interested, r.status) for r in found}


@on_discord
async def test_interested_is_noted_and_is_no_answer(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    ada, ben = w.members[:2]
    async with get_database().transaction() as session:
        session.add(
            Rsvp(meeting_id=first.id, user_id=ben.id, guild_id=w.guild.id, status="not_attending")
        )
    stranger = w.guild.add_member(w.env.create_user("stranger"))
    for person in (ada, ben, stranger):
        await person.subscribe_event(first.event_id)
    found = await interested(first)
    assert found[ada.id] == (True, "pending")
    assert found[ben.id] == (True, "not_attending")
    await ada.unsubscribe_event(first.event_id)
    assert (await interested(first))[ada.id] == (False, "pending")


@on_discord
async def test_interest_in_events_of_others_is_nobodys_business(w: World) -> None:
    await group_with(w, weeks=1)
    party = w.guild.create_scheduled_event(
        "Party", start_time=FIRST.isoformat(), entity_type=3, location="x",
        end_time=(FIRST + HOUR).isoformat(),
    )  # fmt: skip
    await w.env.settle()
    await w.members[0].subscribe_event(party.id)
    async with get_database().transaction() as session:
        assert list(await session.scalars(select(Rsvp))) == []


@on_discord
async def test_interest_while_the_bot_was_away(w: World) -> None:
    group = await group_with(w, weeks=2)
    await events.sync(group)
    first, second = await rows(group)
    ada, ben = w.members[:2]
    await ada.subscribe_event(first.event_id)
    there_now = w.env.backend.get_guild(w.guild.id).scheduled_events[first.event_id or 0]
    there_now.user_ids = {ben.id}  # nobody hears of it
    before = len(w.env.http_requests)
    bot = Muster(Worker(), rest_per_second=50)
    set_bot(bot)
    await w.env.restart_bot(bot)
    await w.env.settle()
    assert await interested(first) == {ada.id: (False, "pending"), ben.id: (True, "pending")}
    paths = [r.path for r in w.env.http_requests[before:] if r.path.endswith("/users")]
    assert len(paths) == 2  # once per event
    assert await interested(second) == {}
    assert await interest.reread(w.guild.id) == 0


@on_discord
async def test_two_servers_know_nothing_of_each_other(w: World) -> None:
    group = await group_with(w, weeks=1)
    await events.sync(group)
    [first] = await rows(group)
    elsewhere = w.env.create_guild(name="Elsewhere")
    await w.env.settle()
    ada = w.members[0]
    assert await interest.noted(elsewhere.id, first.event_id or 0, ada.id, interested=True) is None
    assert await interest.group_of_event(elsewhere.id, first.event_id or 0) == []
    assert there(w, elsewhere) == []
    assert await interested(first) == {}
