"""Autocomplete and resolution of cohorts and groups, always within the asker's own guild."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import discord
from discord import app_commands

from bot import checks
from bot.ui import answer
from core.errors import Refusal
from core.operations import lookup

Choice = app_commands.Choice[str]
Then = Callable[[discord.Interaction, int], Awaitable[None]]


class Look(Protocol):
    """lookup.cohorts or lookup.groups."""

    def __call__(self, guild_id: int, *, ended: bool = False) -> Awaitable[list[lookup.Choice]]:
        """All of a guild; those that ended where they are asked for."""


async def _moderates(interaction: discord.Interaction) -> bool:
    try:
        return (await checks.actor_of(interaction)).moderator
    except Refusal:
        return False


def _offer(found: list[lookup.Choice], typed: str) -> list[Choice]:
    return [Choice(name=c.label, value=c.value) for c in lookup.matching(found, typed)]


async def cohort_choices(interaction: discord.Interaction, typed: str) -> list[Choice]:
    """Cohorts to choose from; nothing for people who are no moderators."""
    if interaction.guild_id is None or not await _moderates(interaction):
        return []
    return _offer(await lookup.cohorts(interaction.guild_id), typed)


async def group_choices(interaction: discord.Interaction, typed: str) -> list[Choice]:
    """Groups to choose from; nothing for people who are no moderators."""
    if interaction.guild_id is None or not await _moderates(interaction):
        return []
    return _offer(await lookup.groups(interaction.guild_id), typed)


async def cohort_id(guild_id: int, typed: str) -> int:
    """The cohort that was chosen or typed. Raises Refusal(not_found, ambiguous)."""
    return await _live_or_ended(lookup.cohorts, guild_id, typed, "cohort")


async def group_id(guild_id: int, typed: str) -> int:
    """The group that was chosen or typed. Raises Refusal(not_found, ambiguous)."""
    return await _live_or_ended(lookup.groups, guild_id, typed, "group")


async def with_cohort(interaction: discord.Interaction, typed: str, then: Then) -> None:
    """Acknowledge, check the rights, find the cohort in the asker's guild, and go on with it."""
    await _with(interaction, typed, cohort_id, then)


async def with_group(interaction: discord.Interaction, typed: str, then: Then) -> None:
    """Likewise with a group."""
    await _with(interaction, typed, group_id, then)


async def _with(
    interaction: discord.Interaction,
    typed: str,
    find: Callable[[int, str], Awaitable[int]],
    then: Then,
) -> None:
    await answer.acknowledge(interaction)
    actor = await checks.moderator(interaction)
    await then(interaction, await find(actor.guild_id, typed))


async def _live_or_ended(look: Look, guild_id: int, typed: str, what: str) -> int:
    """Those that ended only where none that runs is meant."""
    try:
        return lookup.resolve(await look(guild_id), typed, what).id
    except Refusal as refusal:
        if refusal.code != "not_found":
            raise
    return lookup.resolve(await look(guild_id, ended=True), typed, what).id
