"""Switching a cohort's shared channel on and off: what it means, then a press."""

from __future__ import annotations

import discord

from bot import checks
from bot.ui import answer, lasting
from bot.ui.lasting import Interaction
from bot.ui.results import look_after, sync_groups
from bot.ui.text import lines, plain
from bot.ui.undo import undo_view
from core.operations import shared_channel
from core.operations.common import Actor
from core.operations.shared_channel import SharedChannel
from core.words import t, tn


@lasting.on_press("cohort_shared")
async def ask(interaction: Interaction, cohort_id: int) -> None:
    """What the other state would mean, with [Do it] [Cancel]."""
    await answer.acknowledge(interaction)
    actor = await checks.moderator(interaction)
    now = await shared_channel.show(actor.guild_id, cohort_id)
    on = not now.on or now.deleted

    async def draw(actor: Actor) -> str:
        return preview(await shared_channel.show(actor.guild_id, cohort_id), on=on)

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        after = await shared_channel.switch(actor, cohort_id, on=on)
        title = (
            t("{cohort}: one channel for all", cohort=after.cohort)
            if on
            else t("{cohort}: no shared channel any more", cohort=after.cohort)
        )
        await sync_groups(press, after.group_ids, title, post=False, view=undo_view(after.entry_id))
        look_after(press, after.group_ids)

    await answer.ask(interaction, actor, draw, do_it, danger=not on)


def preview(now: SharedChannel, *, on: bool) -> str:
    """What switching it on or off means."""
    cohort = plain(now.cohort)
    if not on:
        channel = f"<#{now.channel_id}>" if now.channel_id else f"#{plain(now.name)}"
        return lines([
            t("Switch the shared channel of **{cohort}** off?", cohort=cohort),
            tn("{n} person loses access to {channel}; nothing is deleted, moderators still see it.",
               "{n} people lose access to {channel}; nothing is deleted, moderators still see it.",
               now.people, channel=channel),
        ])  # fmt: skip
    makes = (
        t("{channel} is opened again.", channel=f"<#{now.channel_id}>")
        if now.channel_id
        else t("Creates 1 channel, #{name}, in the cohort's category.", name=plain(now.name))
    )
    if now.deleted:
        makes = t("Somebody deleted it on Discord. {makes}", makes=makes)
    return lines([
        t("One channel for everybody in **{cohort}**?", cohort=cohort),
        makes,
        tn("{n} person in its groups sees it and can write there; whoever switches groups keeps "
           "it, whoever leaves the cohort loses it.",
           "{n} people in its groups see it and can write there; whoever switches groups keeps "
           "it, whoever leaves the cohort loses it.", now.people),
        *([] if now.people else [t("It is created with the first person.")]),
    ])  # fmt: skip
