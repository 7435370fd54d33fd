"""/my: a member's own groups, with everything they can do there by a button."""

from __future__ import annotations

import io
import json

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.cogs.groups import current_in_cohort, enter, follow_up, is_pending
from bot.ui import groups as groups_ui
from bot.ui import lasting
from bot.ui import my as ui
from bot.ui import my_steps as my_steps  # noqa: PLC0414 - registers its buttons
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import plain
from core import sync
from core.errors import Refusal
from core.operations import group_views, lookup, membership, mine
from core.operations.common import Actor
from core.operations.group_views import GroupView
from core.words import t


async def show_home(interaction: Interaction, page: int = 0) -> None:
    """The private home."""
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    own = await group_views.of_member(actor.guild_id, actor.user_id)
    await lasting.show(interaction, *ui.home(own, page, pending=is_pending(actor)))


async def _mine(actor: Actor, group_id: int) -> GroupView:
    """A group of theirs. Raises Refusal for any other, also of another server."""
    for group in await group_views.of_member(actor.guild_id, actor.user_id):
        if group.id == group_id:
            return group
    raise Refusal("not_in_group", t("You are not in that group any more. Look at /my."))


@lasting.on_press("my")
async def _home(interaction: Interaction, page: int) -> None:
    await show_home(interaction, page)


@lasting.on_press("switch")
async def _switch(interaction: Interaction, group_id: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    old = await _mine(actor, group_id)
    others = [
        g
        for g in await group_views.joinable(actor.guild_id, actor.user_id)
        if g.cohort_id == old.cohort_id and not g.mine
    ]
    await lasting.show(interaction, *ui.switch_choice(old, others))


@lasting.on_pick("switch_to")
async def _switch_to(interaction: Interaction, _old_id: int, values: list[str]) -> None:
    """What is lost and gained, before anything happens."""
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    wanted = await group_views.show(actor.guild_id, lookup.id_in(values[0], "group"), actor.user_id)
    old = await current_in_cohort(actor, wanted.cohort_id)
    if old is None:
        raise Refusal("not_in_group", t("You are not in a group there any more. Look at /my."))
    await lasting.show(interaction, *groups_ui.switch_preview(old, wanted))


@lasting.on_press("switch_do")
async def _switch_do(interaction: Interaction, group_id: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await enter(interaction, actor, group_id)


@lasting.on_press("leave")
async def _leave(interaction: Interaction, group_id: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await lasting.show(interaction, *groups_ui.leave_preview(await _mine(actor, group_id)))


@lasting.on_press("leave_do")
async def _leave_do(interaction: Interaction, group_id: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    left = await membership.leave(actor, group_id)
    await sync.sync_after_group_change(group_id)
    view = LastingView().button(t("Find another group"), "groups").button(t("My groups"), "my")
    text = t("You left **{group}**.", group=plain(left.previous_name or ""))
    await lasting.show(interaction, text, view)
    follow_up(interaction, group_id)


@lasting.on_press("my_data")
async def _data(interaction: Interaction, _number: int) -> None:
    """A file only for the person who asks."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    actor = await checks.actor_of(interaction)
    text = json.dumps(await mine.data(actor), ensure_ascii=False, indent=2)
    file = discord.File(io.BytesIO(text.encode()), "my-data.json")
    await interaction.followup.send(
        t("Everything that Muster knows about you on this server. Only you can see this."),
        file=file,
        ephemeral=True,
    )


class My(commands.Cog):
    @app_commands.command(name="my", description="Your groups: channels, switch, leave")
    @app_commands.guild_only()
    async def home(self, interaction: discord.Interaction) -> None:
        """The private home."""
        await show_home(interaction)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(My())
