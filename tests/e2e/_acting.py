"""What tests of people's commands share: a world around a test, and reading what people see."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import discord

from bot.client import Muster
from core.db.engine import Database
from core.discord_outbound import set_bot
from core.errors import Refusal
from core.operations import cohorts, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.cohorts import CohortSummary
from core.operations.common import Actor
from core.worker import Worker
from tests.world import World, world

SOON = date(2026, 3, 2)  # SimCord's clock stands at 2026-01-01


def on_discord(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run a test inside a world. No fixture: SimCord's clock is set in the context of the test."""

    @functools.wraps(test)
    async def run(database: Database, **more: Any) -> None:
        async with world(database, members=6) as w:
            await test(w, **more)
            only_refusals(w)

    signature = inspect.signature(test)
    names = [p for p in signature.parameters.values() if p.name != "w"]
    first = inspect.Parameter("database", inspect.Parameter.KEYWORD_ONLY)
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in names]
    run.__signature__ = signature.replace(parameters=[first, *keyword])  # type: ignore[attr-defined]
    return run


def only_refusals(w: World) -> None:
    """SimCord keeps every error of a command; refusals are answers, anything else is a fault."""
    for error in w.env.errors:
        if not isinstance(getattr(error, "original", error), Refusal):
            raise error


def mod_of(w: World) -> Actor:
    return Actor(w.guild.id, w.mod.id, "mod", moderator=True)


def last(result: Any) -> Any:
    """The message with the buttons: the answer itself, or what followed it."""
    return result.followups[-1] if result.followups else result.response


def labels(message: Any) -> list[str]:
    return [c["label"] for row in message.components for c in row["components"]]


def buttons(message: Any) -> list[str]:
    """Labels of the buttons, without the selects beside them."""
    return [p["label"] for row in message.components for p in row["components"] if "label" in p]


def defaults(result: Any) -> dict[str, Any]:
    """What a form is filled with, by field."""
    parts = [row["component"] for row in result.modal["components"]]
    return {part["custom_id"]: part.get("value") for part in parts}


def channel(w: World, name: str) -> Any:
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    return guild.get_channel(w.guild.channels[name].id)


def sees(w: World, person: Any, name: str) -> bool:
    return bool(channel(w, name).permissions_for(person.member).view_channel)


def writes(w: World, person: Any, name: str) -> bool:
    return bool(channel(w, name).permissions_for(person.member).send_messages)


def allow(w: World, command: str, person: Any) -> None:
    """An admin let this person see the command under Server Settings → Integrations."""
    found = w.env.backend.find_command(command, w.guild.id)
    assert found is not None
    w.guild.set_command_permissions(int(found["id"]), {person: True})


async def restart(w: World) -> None:
    """A new process: nothing is remembered but the database. Its clock is the one set before."""
    w.worker = Worker()
    w.bot = Muster(w.worker, rest_per_second=50)
    set_bot(w.bot)
    await w.env.restart_bot(w.bot)
    await w.settle()


async def dismiss(w: World, person: Any) -> None:
    """Somebody loses all their roles."""
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    member = guild.get_member(person.id)
    assert member is not None
    await member.remove_roles(*member.roles[1:])
    await w.env.settle()


async def moderator_elsewhere(w: World) -> tuple[Any, Any]:
    """Another server with Muster: a channel there, and somebody who moderates there only."""
    other = w.env.create_guild(name="Elsewhere")
    room = other.create_text_channel("general")
    keys = other.create_role("Keys", permissions=discord.Permissions(manage_guild=True))
    person = other.add_member(w.env.create_user("stranger"), roles=[keys])
    await w.settle()
    return room, person


async def made(w: World, name: str = "Stats", *, open_now: bool = True, **more: Any) -> Any:
    draft = CohortDraft(name, more.pop("start", SOON), **more)
    return await cohorts.create(mod_of(w), draft, open_now=open_now)


async def filled(w: World, cohort: CohortSummary, *, index: int = 0, people: int = 2) -> list[Any]:
    """The first people of the world put into one group, with its channels made."""
    chosen = w.members[:people]
    for person in chosen:
        await membership.add(mod_of(w), cohort.group_ids[index], person.id, person.name)
    w.worker.bump([cohort.group_ids[index]])
    await w.settle()
    return chosen
