"""Answers to meetings by button, reasons, visits; and the posts that show them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from weakref import WeakKeyDictionary

import discord
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import answers as ui
from bot.ui import lasting
from bot.ui.base import Modal
from bot.ui.lasting import Interaction, LastingView
from core import sync
from core.clock import utcnow
from core.db.meeting_models import Answer, Source
from core.discord_outbound.reason import asked_by
from core.operations import answers, lookup, visits
from core.operations.answers import Answered
from core.operations.common import Actor
from core.operations.meeting_rights import guild_of
from core.reconcile.answers import NOT_ATTENDING, PRESSES
from core.systems import projections
from core.systems.projections import keeper
from core.words import t

# A press is answered within some milliseconds by one call to Discord. In a rush, those that come
# while so many are at work are acknowledged first, by a call more, well before Discord's three
# seconds are over; their work waits until all are acknowledged.
AT_WORK = 4
# Acknowledgements under way: at 0.2 s a call, 200 a second. A call more is a connection more, and
# opening one costs more than the acknowledgement.
ACKNOWLEDGING = 40
PATIENCE = 0.3  # seconds; in a rush that does not end, the work goes on beside it after so long

Reply = tuple[str, LastingView]


class _Rush:
    """Who is at work, and who is still to be acknowledged; in this process."""

    def __init__(self) -> None:
        self.at_work = 0
        self.unacknowledged = 0
        self.since = 0.0  # when the first of them came, in the event loop's time
        self.calm = asyncio.Event()
        self.calls = asyncio.Semaphore(ACKNOWLEDGING)
        self.turns = asyncio.Semaphore(AT_WORK)

    async def acknowledge(self, interaction: Interaction) -> None:
        """Before any work of those who wait for their turn."""
        if not self.unacknowledged:
            self.since = asyncio.get_running_loop().time()
            self.calm.clear()
        self.unacknowledged += 1
        try:
            async with self.calls:
                await lasting.begin(interaction)
        finally:
            self.unacknowledged -= 1
            if not self.unacknowledged:
                self.calm.set()

    async def calmed(self) -> None:
        """Return when all are acknowledged, or the rush goes on for too long to wait for that."""
        left = self.since + PATIENCE - asyncio.get_running_loop().time()
        if self.unacknowledged and left > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.calm.wait(), left)


_rush: WeakKeyDictionary[asyncio.AbstractEventLoop, _Rush] = WeakKeyDictionary()


async def _actor(interaction: Interaction, meeting_id: int) -> Actor:
    """Who presses. Answering needs no moderator's rights, so none are looked up.

    A reminder in a direct message belongs to the server of its meeting.
    """
    asked_by.set(interaction.user.display_name)
    guild_id = interaction.guild_id or await guild_of(interaction.user.id, meeting_id=meeting_id)
    return Actor(guild_id, interaction.user.id, interaction.user.display_name)


async def _reply(interaction: Interaction, work: Callable[[], Awaitable[Reply]]) -> None:
    """Answer a press with what `work` gives: at once, or acknowledged first in a rush."""
    rush = _rush.setdefault(asyncio.get_running_loop(), _Rush())
    if rush.at_work >= AT_WORK:
        await _in_turn(interaction, rush, work)
        return
    rush.at_work += 1
    try:
        text, view = await work()
    finally:
        rush.at_work -= 1
    message, nobody = interaction.message, discord.AllowedMentions.none()
    if message is not None and message.flags.ephemeral:
        await interaction.response.edit_message(content=text, view=view, allowed_mentions=nobody)
    else:
        await interaction.response.send_message(
            text, view=view, ephemeral=True, allowed_mentions=nobody
        )


async def _in_turn(
    interaction: Interaction, rush: _Rush, work: Callable[[], Awaitable[Reply]]
) -> None:
    await rush.acknowledge(interaction)
    async with rush.turns:
        await rush.calmed()
        reply = await work()
    await lasting.show(interaction, *reply)


async def _answer(interaction: Interaction, meeting_id: int, status: str) -> Reply:
    actor = await _actor(interaction, meeting_id)
    done = await answers.answer(actor, meeting_id, Answer(status), Source.button)
    return await _shown(actor, done)


async def _shown(actor: Actor, done: Answered) -> Reply:
    """With somewhere else to go, for members who cannot come."""
    declined = done.status == NOT_ATTENDING and not done.guest and not done.visiting
    return ui.answered(done, await visits.offers(actor, done.meeting.id) if declined else ())


def _on_answer(action: str, status: str) -> None:
    @lasting.on_press(action)
    async def pressed(interaction: Interaction, meeting_id: int) -> None:
        await _reply(interaction, partial(_answer, interaction, meeting_id, status))


for _action, _status in PRESSES.items():
    _on_answer(_action, _status)


class Why(Modal):
    """A reason, for whoever facilitates."""

    def __init__(self, meeting_id: int) -> None:
        super().__init__(title=t("Why can't you come?")[:45])
        self.meeting_id = meeting_id
        self.reason: discord.ui.TextInput[Why] = discord.ui.TextInput(
            custom_id="reason", style=discord.TextStyle.paragraph, max_length=answers.REASON_LIMIT,
            placeholder=t("Your facilitators read it, nobody else.")[:100],
        )  # fmt: skip
        self.add_item(discord.ui.Label(text=t("Your reason")[:45], component=self.reason))

    async def on_submit(self, interaction: Interaction, /) -> None:
        await lasting.begin(interaction)
        actor = await _actor(interaction, self.meeting_id)
        done = await answers.explain(actor, self.meeting_id, self.reason.value)
        await lasting.show(interaction, *await _shown(actor, done))


@lasting.on_press("rsvp_why")
async def _why(interaction: Interaction, meeting_id: int) -> None:
    await interaction.response.send_modal(Why(meeting_id))


@lasting.on_pick("visit")
async def _visit(interaction: Interaction, missed_id: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    actor = await _actor(interaction, missed_id)
    done = await visits.visit(actor, missed_id, lookup.id_in(values[0], "meeting"))
    open_now = done.begins_at <= utcnow()
    if open_now:
        await sync.sync_group_discord_permissions(done.group_id)
    await lasting.show(interaction, *ui.visiting(done, missed_id, open_now=open_now))
    _bump(interaction, [done.group_id])


@lasting.on_press("visit_cancel")
async def _cancel_visit(interaction: Interaction, missed_id: int) -> None:
    await lasting.begin(interaction)
    actor = await _actor(interaction, missed_id)
    touched = await visits.cancel(actor, missed_id)
    view = LastingView().button(t("I can come after all"), "rsvp_yes", missed_id)
    await lasting.show(interaction, t("The visit is cancelled; your seat there is free."), view)
    _bump(interaction, touched)


@lasting.on_press("rsvp_names")
async def _names(interaction: Interaction, meeting_id: int) -> None:
    """Who answered what, privately; reasons for those who facilitate."""
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await lasting.show(interaction, ui.roll(await answers.roll(actor, meeting_id)))


def _bump(interaction: Interaction, group_ids: list[int]) -> None:
    bot = interaction.client
    assert isinstance(bot, Muster)
    bot.worker.bump(group_ids)


class Answers(commands.Cog):
    """Keeps the posts up for as long as the bot runs."""

    async def cog_load(self) -> None:
        keeper.start()

    async def cog_unload(self) -> None:
        await keeper.stop()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """What was not shown when the process ended, or Discord was away."""
        keeper.poke(await projections.unfinished())

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            await projections.deleted(payload.guild_id, [payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        if payload.guild_id is not None:
            await projections.deleted(payload.guild_id, list(payload.message_ids))


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Answers())
