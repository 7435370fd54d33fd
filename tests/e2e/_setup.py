"""The panel of /setup and /settings: its buttons and selects, and channels to choose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord

from core.discord_outbound import commands
from core.operations import settings
from tests.e2e._acting import on_discord
from tests.world import World, parts_of

Steps = Callable[[World], Awaitable[None]]
NO = "Only moderators can do that"


def alone(test: Steps) -> Callable[..., Awaitable[None]]:
    """Run a test in a world of its own, in which nobody has read who sees which commands."""

    async def run(w: World) -> None:
        commands.forget()
        await test(w)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return on_discord(run)


def buttons(result: Any) -> list[str]:
    return [c["label"] for c in parts_of(result.response) if c["type"] == 2]


def menu(result: Any, action: str) -> str:
    """The custom_id of the panel's select for `action`."""
    ids = [str(c.get("custom_id", "")) for c in parts_of(result.response)]
    return next(i for i in ids if f":{action}:" in i)


def options(result: Any) -> list[str]:
    return [
        o["value"] for c in parts_of(result.response) if c["type"] == 3 for o in c["options"]
    ]  # fmt: skip


def hidden(*seeing: Any) -> dict[Any, discord.PermissionOverwrite]:
    return {who: discord.PermissionOverwrite(view_channel=True) for who in seeing}


def private(w: World, name: str, *seeing: Any) -> Any:
    """A channel that @everyone cannot read, but these and Muster can."""
    closed = {w.guild.default_role: discord.PermissionOverwrite(view_channel=False)}
    return w.guild.create_text_channel(name, overwrites={**closed, **hidden(w.bot.user, *seeing)})


async def chosen_ids(w: World) -> tuple[int | None, int | None]:
    now = await settings.get(w.guild.id)
    return now.moderator_role_id, now.moderator_channel_id
