"""The row about a rush: 200 members press a button of a meeting's post at the same instant."""

from __future__ import annotations

import asyncio
import io
import statistics
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import discord
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Rsvp
from core.db.models import Projection
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.sockets import QUIET
from tests.e2e import _discord_testbot as plain
from tests.e2e.discord_client import DiscordServer
from tests.e2e.process import cohort_with, running, until
from tests.meetings_here import meet

PEOPLE = 200
WARM_UP = 20  # others, whose presses load what later ones find loaded


def _figures(times: list[float], edits: int) -> Figures:
    p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
    return {"s for all": max(times) / 1000, "ms p99": p99, "edits of the post": edits}


async def _crowd(server: DiscordServer) -> list[int]:
    """So many members, beside the ten of the small world."""
    guild_id = server.seed["guild_id"]
    return [await server.add_member(guild_id, f"Person {n}") for n in range(PEOPLE + WARM_UP)]


async def _posted(meeting_id: int) -> tuple[int, int] | None:
    """Discord's ids of the channel and of the meeting's post, once it is up."""
    async with get_database().transaction() as session:
        row = await session.scalar(
            select(Projection).where(
                Projection.kind == "answers", Projection.subject == str(meeting_id)
            )
        )
    return (row.channel_id, row.message_id) if row and row.message_id and row.shown_hash else None


async def _shows(server: DiscordServer, place: tuple[int, int], people: int) -> bool:
    """Whether the post lists them all."""
    found = [m for m in await server.messages(place[0]) if int(m["id"]) == place[1]]
    return any(f"({people})" in m["content"] for m in found)


async def _edits(server: DiscordServer, place: tuple[int, int], after: int) -> int:
    """Edits of that message by the bot since that entry of the REST log."""
    path = "/channels/{}/messages/{}".format(*place)
    return sum((c["method"], c["path"]) == ("PATCH", path) for c in await server.calls(after))


async def ours(ground: Ground, server: DiscordServer) -> Figures:
    """The real bot in a process of its own. Every answer has to be in the database at the end."""
    crowd = await _crowd(server)
    async with ground.database() as database:
        [group_id] = await cohort_with(server, "Rush", crowd, seats=500)
        meeting_id = await meet(group_id)
        with redirect_stdout(io.StringIO()):
            async with running(server, database.url, ground.folder(), **QUIET):
                place = await until(partial(_posted, meeting_id), what="the post", timeout=120)
                channel_id, post_id = place
                button = f"muster:rsvp_yes:{meeting_id}"
                await server.rush(channel_id, post_id, crowd[:WARM_UP], button)
                await until(partial(_shows, server, place, WARM_UP), what="the warm-up's edit")
                after = len(await server.calls())
                times = await server.rush(channel_id, post_id, crowd[WARM_UP:], button)
                await until(partial(_shows, server, place, len(crowd)), what="the last edit")
                edits = await _edits(server, place, after)
        async with database.transaction() as session:
            kept = await session.scalar(
                select(func.count()).select_from(Rsvp).where(Rsvp.status == Answer.attending)
            )
    if kept != len(crowd):
        raise RuntimeError(f"{len(crowd)} answered and {kept} answers were kept")
    return _figures(times, edits)


class _Naive(plain.Bot):
    """Writes the answer, then edits the post as the answer to the press: one edit each."""

    def __init__(self, meeting_id: int) -> None:
        super().__init__()
        self.meeting_id = meeting_id
        self.edits = 0

    async def on_interaction(self, press: discord.Interaction[Any]) -> None:
        if press.type != discord.InteractionType.component:
            return
        assert press.guild_id is not None
        async with get_database().transaction() as session:
            values = {"status": "attending", "source": "button", "answered_at": utcnow()}
            await session.execute(
                insert(Rsvp)
                .values(meeting_id=self.meeting_id, user_id=press.user.id,
                        guild_id=press.guild_id, **values)
                .on_conflict_do_update(index_elements=[Rsvp.meeting_id, Rsvp.user_id], set_=values)
            )  # fmt: skip
            rows = await session.scalars(
                select(Rsvp.user_id).where(Rsvp.meeting_id == self.meeting_id)
            )
            names = ", ".join(f"<@{user}>" for user in rows)
        await press.response.edit_message(content=names[:2000])
        self.edits += 1


async def naive(ground: Ground, server: DiscordServer) -> Figures:
    """A bot that redraws the post on every press."""
    crowd = await _crowd(server)
    channel_id = server.seed["general_id"]
    async with ground.database():
        [group_id] = await cohort_with(server, "Rush", crowd, seats=500)
        meeting_id = await meet(group_id)
        async with plain.pointed_at(server):
            bot = _Naive(meeting_id)
            task = asyncio.create_task(bot.start("token"))
            try:
                await asyncio.create_task(bot.hears("ready"))
                channel: Any = bot.get_channel(channel_id)
                view = discord.ui.View(timeout=None)
                view.add_item(discord.ui.Button(label="Attending", custom_id="attending"))
                post = await channel.send("Who comes?", view=view)
                await server.rush(channel_id, post.id, crowd[:WARM_UP], "attending")
                before = bot.edits
                times = await server.rush(channel_id, post.id, crowd[WARM_UP:], "attending")
                return _figures(times, bot.edits - before)
            finally:
                await bot.close()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@row(
    f"{PEOPLE} members press a button at once, over sockets, a transaction each",
    s_for_all=1.0, ms_p99=500, edits_of_the_post=5,
)  # fmt: skip
async def _rush(ground: Ground) -> tuple[Figures, Figures]:
    async with DiscordServer(seed="small", openapi="") as server:
        measured = await ours(ground, server)
        await server.renew("small")
        beside = await naive(ground, server)
    return measured, beside
