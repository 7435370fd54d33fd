"""Autocomplete and resolution of cohorts and groups, always within the asker's own guild."""

from __future__ import annotations

import discord
from discord import app_commands

from bot import checks
from core.errors import Refusal
from core.operations import lookup

Choice = app_commands.Choice[str]


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
    live = await lookup.cohorts(guild_id)
    try:
        return lookup.resolve(live, typed, "cohort").id
    except Refusal as refusal:
        if refusal.code != "not_found":
            raise
    return lookup.resolve(await lookup.cohorts(guild_id, ended=True), typed, "cohort").id


async def group_id(guild_id: int, typed: str) -> int:
    """The group that was chosen or typed. Raises Refusal(not_found, ambiguous)."""
    live = await lookup.groups(guild_id)
    try:
        return lookup.resolve(live, typed, "group").id
    except Refusal as refusal:
        if refusal.code != "not_found":
            raise
    return lookup.resolve(await lookup.groups(guild_id, ended=True), typed, "group").id
