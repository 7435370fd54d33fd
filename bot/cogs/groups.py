"""/groups, the posted list, and joining; and what follows a change of seats by itself."""

from __future__ import annotations

from typing import Any

import discord
import sentry_sdk
import structlog
from discord import app_commands
from discord.ext import commands, tasks

from bot import checks
from bot.client import Muster
from bot.ui import groups as ui
from bot.ui import lasting
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import plain
from core import sync
from core.discord_outbound.cache import guild_view
from core.errors import Refusal
from core.operations import group_views, lookup, membership, posts, seats
from core.operations.common import Actor
from core.operations.group_views import GroupView
from core.words import t

log = structlog.get_logger(__name__)

# Start days pass and claims end without any event: looked at as often as the worker's sweep.
EVERY = 10.0  # minutes


async def refresh_posts(guild_id: int) -> None:
    """Bring the guild's posted lists up to date; no call to Discord where nothing changed."""
    await posts.refresh(guild_id, ui.post)


async def look_after(group_id: int) -> None:
    """After a group was looked at: tell who waits for its seats, refresh the posted lists.

    Never raises: it runs inside the worker, whose own work must go on.
    """
    try:
        guild_id, waited = await seats.waited_in(group_id)
        if guild_id is None:
            return
        if waited:
            await seats.tell_watchers(guild_id, group_id, ui.seat_free)
        await refresh_posts(guild_id)
    except Exception as error:
        sentry_sdk.capture_exception(error)
        log.exception("look_after_failed", group_id=group_id)


def is_pending(actor: Actor) -> bool:
    """Whether they have yet to accept the server's rules; nothing is granted before."""
    view = guild_view(actor.guild_id)
    member = view.member(actor.user_id) if view is not None else None
    return member is not None and member.pending


async def show_list(interaction: Interaction, page: int = 0) -> None:
    """The private list of groups."""
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    free, full = await group_views.joinable_and_full(actor.guild_id, actor.user_id)
    text, view = ui.list_page(free, full, page, moderator=actor.moderator)
    await lasting.show(interaction, text, view)


async def current_in_cohort(actor: Actor, cohort_id: int) -> GroupView | None:
    """Their group in this cohort, if any."""
    mine = await group_views.of_member(actor.guild_id, actor.user_id)
    return next((g for g in mine if g.cohort_id == cohort_id), None)


async def enter(interaction: Interaction, actor: Actor, group_id: int) -> None:
    """Join or switch, sync at once, and say what it gave. `interaction` was begun."""
    try:
        moved = await membership.join(actor, group_id)
    except Refusal as refusal:
        await lasting.show(interaction, plain(str(refusal)), _after_refusal(refusal, group_id))
        return
    result = await sync.sync_after_group_change(group_id, moved.previous_id)
    done: dict[str, Any] = dict(result["new_group"]["discord"])
    group = await group_views.show(actor.guild_id, group_id, actor.user_id)
    text = ui.arrival(
        group,
        ready="error" not in done and not done.get("failed"),
        pending=is_pending(actor),
        left=moved.previous_name,
    )
    await lasting.show(interaction, text, LastingView().button(t("My groups"), "my"))
    follow_up(interaction, group_id, moved.previous_id)


def _after_refusal(refusal: Refusal, group_id: int) -> LastingView:
    view = LastingView()
    if refusal.code == "group_full":
        view.button(t(ui.WATCH_LABEL), "watch", group_id, style=discord.ButtonStyle.primary)
    return view.button(t("See all groups"), "groups")


def follow_up(interaction: Interaction, *group_ids: int | None) -> None:
    """Seats and posts follow in the background, after the person was answered."""
    bot = interaction.client
    assert isinstance(bot, Muster)
    bot.worker.bump(g for g in group_ids if g is not None)


@lasting.on_press("groups")
async def _open_list(interaction: Interaction, _number: int) -> None:
    await show_list(interaction)


@lasting.on_press("groups_page")
async def _turn_page(interaction: Interaction, page: int) -> None:
    await show_list(interaction, page)


@lasting.on_pick("join")
async def _join(interaction: Interaction, _page: int, values: list[str]) -> None:
    """A free choice from the list: at once, or with a look at what is lost if it is a switch."""
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    group_id = lookup.id_in(values[0], "group")
    wanted = await group_views.show(actor.guild_id, group_id, actor.user_id)
    old = await current_in_cohort(actor, wanted.cohort_id)
    if old is not None and old.id != group_id:
        await lasting.show(interaction, *ui.switch_preview(old, wanted))
        return
    await enter(interaction, actor, group_id)


async def _watch(interaction: Interaction, group_id: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    name = await seats.watch(actor, group_id)
    await lasting.show(
        interaction,
        t(
            "🔔 I tell you once when a seat in **{group}** is free. "
            "It is not kept for you, so be quick then.",
            group=plain(name),
        ),
        LastingView().button(t("See all groups"), "groups"),
    )
    # The seat may have become free while they were reading that there is none.
    follow_up(interaction, group_id)


@lasting.on_press("watch")
async def _watch_pressed(interaction: Interaction, group_id: int) -> None:
    await _watch(interaction, group_id)


@lasting.on_pick("watch_pick")
async def _watch_picked(interaction: Interaction, _page: int, values: list[str]) -> None:
    await _watch(interaction, lookup.id_in(values[0], "group"))


@lasting.on_press("groups_post")
async def _post(interaction: Interaction, _number: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    assert interaction.channel_id is not None
    made = await posts.publish(actor, interaction.channel_id, ui.post)
    link = f"https://discord.com/channels/{actor.guild_id}/{made.channel_id}/{made.message_id}"
    if made.pin_problem is not None:
        text = t(
            "Posted: {link}\nIt could not be pinned: {problem}. Pin it by hand.",
            link=link,
            problem=made.pin_problem,
        )
    elif made.was_there:
        text = t("It is in this channel already, up to date: {link}", link=link)
    else:
        text = t("Posted and pinned: {link}\nIt keeps itself up to date.", link=link)
    await lasting.show(interaction, text, LastingView().button(t("See all groups"), "groups"))


class Groups(commands.Cog):
    def __init__(self, bot: Muster) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        self.bot.worker.after_group = look_after
        self.tick.start()

    async def cog_unload(self) -> None:
        self.tick.cancel()

    @app_commands.command(name="groups", description="Groups you can join")
    @app_commands.guild_only()
    async def list_groups(self, interaction: discord.Interaction) -> None:
        """The private list."""
        await show_list(interaction)

    @tasks.loop(minutes=EVERY)
    async def tick(self) -> None:
        """What no event tells of."""
        await look_at_the_clock()

    @tick.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self._gone(payload.guild_id, [payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self._gone(payload.guild_id, list(payload.message_ids))

    async def _gone(self, guild_id: int | None, message_ids: list[int]) -> None:
        """Put a posted list back that somebody deleted."""
        if guild_id is not None and await posts.deleted(guild_id, message_ids):
            await refresh_posts(guild_id)


async def look_at_the_clock() -> None:
    """Posted lists whose groups have started since, and watchers who were not told yet."""
    try:
        for guild_id, group_id in await seats.waited_for():
            await seats.tell_watchers(guild_id, group_id, ui.seat_free)
        for guild_id in await posts.guilds():
            await refresh_posts(guild_id)
    except Exception as error:
        sentry_sdk.capture_exception(error)
        log.exception("look_at_the_clock_failed")


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Groups(bot))
