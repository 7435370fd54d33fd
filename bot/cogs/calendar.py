"""/calendar: a person's meetings in their own calendar program; a meeting as a file."""

from __future__ import annotations

import io

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import calendar as ui
from bot.ui import invitations as invitations  # noqa: PLC0414 - registers its buttons
from bot.ui import lasting
from bot.ui.lasting import Interaction
from bot.ui.text import plain
from core.db.calendar_models import FeedKind
from core.errors import Refusal
from core.operations import feeds, lookup
from core.operations.common import Actor
from core.operations.feeds import Link, Links
from core.words import t

FILE = "muster.ics"


def _links(interaction: Interaction) -> Links | None:
    bot = interaction.client
    assert isinstance(bot, Muster)
    return bot.links


async def show_home(
    interaction: Interaction, kind: FeedKind = FeedKind.member, subject_id: int = 0
) -> None:
    """A calendar of the person's: its page, or itself as a file where there are no links."""
    links = _links(interaction)
    if links is None:
        await _send_file(interaction, kind, subject_id)
        return
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    link = await feeds.link(actor, links.keys, kind, subject_id)
    await _show(interaction, actor, links, link)


async def _show(
    interaction: Interaction, actor: Actor, links: Links, link: Link, note: str = ""
) -> None:
    where = feeds.addresses(links.public_url, link.path)
    await lasting.show(interaction, *ui.home(link, where, await feeds.choices(actor), note))


async def _send_file(interaction: Interaction, kind: FeedKind, subject_id: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    actor = await checks.actor_of(interaction)
    made = await feeds.file(actor, kind, subject_id)
    text, view = ui.as_file(await feeds.choices(actor))
    file = discord.File(io.BytesIO(made), FILE)
    await interaction.followup.send(text, file=file, view=view, ephemeral=True)


def _chosen(value: str) -> tuple[FeedKind, int]:
    """What a select's value names; whose it is, the operation checks."""
    for kind in (FeedKind.group, FeedKind.cohort):
        if subject_id := lookup.id_in(value, kind):
            return kind, subject_id
    raise Refusal("unknown_choice", t("That choice is not known."))


async def _own(interaction: Interaction, feed_id: int) -> tuple[Actor, Links, Link]:
    """A feed of whoever presses. Raises Refusal for any other, and where there are no links."""
    await lasting.begin(interaction)
    actor, links = await checks.actor_of(interaction), _links(interaction)
    if links is None:
        raise Refusal("no_links", t("Muster gives out no links any more. Look at /calendar."))
    return actor, links, await feeds.of(actor, links.keys, feed_id)


@lasting.on_press("calendar")
async def _home(interaction: Interaction, _number: int) -> None:
    await show_home(interaction)


@lasting.on_pick("calendar_of")
async def _of(interaction: Interaction, _number: int, values: list[str]) -> None:
    await show_home(interaction, *_chosen(values[0]))


@lasting.on_press("calendar_one")
async def _one(interaction: Interaction, feed_id: int) -> None:
    await _show(interaction, *await _own(interaction, feed_id))


@lasting.on_press("calendar_new")
async def _ask(interaction: Interaction, feed_id: int) -> None:
    _, _, link = await _own(interaction, feed_id)
    await lasting.show(interaction, *ui.ask_renewal(link))


@lasting.on_press("calendar_renew")
async def _renew(interaction: Interaction, feed_id: int) -> None:
    actor, links, _ = await _own(interaction, feed_id)
    link = await feeds.rotate(actor, links.keys, feed_id)
    note = t("✅ The old link has ended. Add the new one to your calendar program.")
    await _show(interaction, actor, links, link, note)


@lasting.on_press("meeting_ics")
async def _meeting(interaction: Interaction, meeting_id: int) -> None:
    """The file of one meeting, from its post."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    group, made = await feeds.one(await checks.actor_of(interaction), meeting_id)
    await interaction.followup.send(
        t("Open the file: your calendar program takes this meeting of **{group}** from it. "
          "With /calendar all of yours come by themselves.", group=plain(group)),
        file=discord.File(io.BytesIO(made), FILE), ephemeral=True,
    )  # fmt: skip


class Calendar(commands.Cog):
    @app_commands.command(name="calendar", description="Your meetings in your own calendar")
    @app_commands.guild_only()
    async def home(self, interaction: discord.Interaction) -> None:
        """The private answer."""
        await show_home(interaction)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Calendar())
