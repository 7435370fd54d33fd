"""The members' side as a person uses it: /my, /groups, and what the lists offer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import discord
from simcord.actors import _component_interaction
from sqlalchemy import select

from core.db.engine import get_database
from core.db.models import Membership
from core.operations import cohorts
from core.operations.cohort_draft import CohortDraft
from core.operations.cohorts import CohortSummary
from core.operations.common import Actor
from tests.e2e._acting import mod_of
from tests.world import World

# SimCord's clock stands at 2026-01-01.
FUTURE, PAST = date(2026, 3, 1), date(2025, 12, 1)


def actor(person: Any) -> Actor:
    return Actor(person.guild.id, person.id, person.name)


async def cohort(
    w: World, name: str = "Stats", *, start: date = FUTURE, guild: Any = None, **draft: Any
) -> CohortSummary:
    made = CohortDraft(name, start, **{"groups": 3, "seats": 4, **draft})
    lead = replace(mod_of(w), guild_id=(guild or w.guild).id)
    return await cohorts.create(lead, made, open_now=True)


def shown(result: Any) -> str:
    """What stands there now: the answer that the press changed or made."""
    assert result.acknowledged
    found = [m.content for m in [result.response, *result.followups] if m is not None]
    assert found, result
    assert all(m.ephemeral for m in [result.response, *result.followups] if m is not None)
    return "\n".join(found)


def items(message: Any) -> list[dict[str, Any]]:
    return [c for row in message.components for c in row["components"]]


def choices(message: Any, action: str) -> dict[str, str]:
    """Value by label of one select."""
    return {
        o["label"]: o["value"]
        for c in items(message)
        if c["custom_id"].startswith(f"muster-pick:{action}:")
        for o in c["options"]
    }


async def pick(person: Any, message: Any, action: str, label: str) -> Any:
    value = choices(message, action)[label]
    (custom_id,) = [
        c["custom_id"] for c in items(message) if c["custom_id"].startswith(f"muster-pick:{action}")
    ]
    return await person.select(message, [value], custom_id=custom_id)


async def join(w: World, person: Any, label: str = "Group 1 · Stats") -> Any:
    """Through /groups, as people do."""
    listed = await person.slash(w.room, "groups")
    result = await pick(person, listed.response, "join", label)
    await w.settle()
    return result


def text_channel(w: World, cohort_name: str, group: str) -> Any:
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    (found,) = [
        c for c in guild.text_channels if c.name == group and str(c.category) == cohort_name
    ]
    return found


async def active(person: Any) -> list[int]:
    async with get_database().transaction() as session:
        rows = await session.scalars(
            select(Membership.group_id).where(
                Membership.user_id == person.id, Membership.status == "active"
            )
        )
        return list(rows)


async def choose(w: World, person: Any, message: Any, custom_id: str, value: str) -> Any:
    """What a changed client could send: a value that the select does not offer."""
    stored = w.env.backend.get_message(message.channel_id, message.id)
    data = {"custom_id": custom_id, "component_type": 3, "values": [value]}
    return await _component_interaction(person, stored, data)


async def forged(w: World, view: discord.ui.View) -> discord.Message:
    """A message of the bot's with any custom_id at all."""
    channel = w.bot.get_channel(w.room.id)
    assert isinstance(channel, discord.TextChannel)
    return await channel.send("forged", view=view)


async def post(w: World) -> Any:
    listed = await w.mod.slash(w.room, "groups")
    answer = await w.mod.click(listed.response, label="Post the list here")
    assert "Posted and pinned" in shown(answer), shown(answer)
    (message,) = w.room.pinned_messages()
    assert f"/{w.room.id}/{message.id}" in shown(answer)
    return message


def posts_in(room: Any) -> list[discord.Message]:
    return [m for m in room.history() if "Find your group" in m.content]
