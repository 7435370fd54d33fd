"""Handing adopted channels back: preview, press, answer."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import adopt as ui
from bot.ui.answer import ask, show
from core.operations import release
from core.operations.common import Actor

Interaction = discord.Interaction[Any]


async def ask_release_cohort(interaction: Interaction, cohort_id: int) -> None:
    """Preview and [Do it] for handing a whole cohort back."""
    actor = await checks.moderator(interaction)

    async def draw(who: Actor) -> str:
        return ui.release_preview(await release.preview_cohort(who, cohort_id), cohort=True)

    async def do_it(press: Interaction, who: Actor) -> None:
        await show(press, ui.released(await release.release_cohort(who, cohort_id)))

    await ask(interaction, actor, draw, do_it)


async def ask_release_group(interaction: Interaction, group_id: int) -> None:
    """Preview and [Do it] for handing one group back."""
    actor = await checks.moderator(interaction)

    async def draw(who: Actor) -> str:
        return ui.release_preview(await release.preview_group(who, group_id), cohort=False)

    async def do_it(press: Interaction, who: Actor) -> None:
        await show(press, ui.released(await release.release_group(who, group_id)))

    await ask(interaction, actor, draw, do_it)
