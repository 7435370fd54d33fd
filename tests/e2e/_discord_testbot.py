"""A plain discord.py bot for the tests of the simulated Discord itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.e2e.discord_client import DiscordServer

Click = discord.Interaction[Any]


class Panel(discord.ui.View):
    """A button that edits its message, a button that opens a modal, and a role select."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Join", custom_id="join")
    async def join(self, click: Click, _button: discord.ui.Button[Panel]) -> None:
        await click.response.edit_message(content=f"joined by {click.user.id}")
        await click.followup.send("welcome", ephemeral=True)

    @discord.ui.button(label="Name", custom_id="name")
    async def name(self, click: Click, _button: discord.ui.Button[Panel]) -> None:
        await click.response.send_modal(NameModal())

    @discord.ui.select(cls=discord.ui.RoleSelect, custom_id="role")
    async def role(self, click: Click, select: discord.ui.RoleSelect[Panel]) -> None:
        await click.response.send_message(f"role {select.values[0].name}")


class NameModal(discord.ui.Modal, title="Your name"):
    """One text field, read back."""

    field: discord.ui.TextInput[NameModal] = discord.ui.TextInput(label="Name", custom_id="field")

    async def on_submit(self, click: Click) -> None:
        await click.response.send_message(f"hello {self.field.value}")


@app_commands.command()
async def echo(click: Click, text: str, who: discord.Member) -> None:
    """Say it back."""
    await click.response.send_message(f"{text} {who.id}", ephemeral=True)


@echo.autocomplete("text")
async def _texts(_click: Click, typed: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=typed.upper(), value=typed)]


@app_commands.command()
async def slow(click: Click) -> None:
    """Defer, edit twice, follow up."""
    await click.response.defer(ephemeral=True)
    await click.edit_original_response(content="half")
    await click.edit_original_response(content="done")
    await click.followup.send("and more", ephemeral=True)


@app_commands.command()
async def panel(click: Click) -> None:
    """Post the panel."""
    await click.response.send_message("panel", view=Panel())


@app_commands.command()
@app_commands.default_permissions(manage_guild=True)
async def hidden(click: Click) -> None:
    """For moderators."""
    await click.response.send_message("secret")


class Bot(discord.Client):
    """The bot; counts what it heard from the gateway."""

    def __init__(self) -> None:
        # GUILD_CREATEs come within milliseconds here; discord.py would wait two seconds for more.
        super().__init__(intents=intents(), guild_ready_timeout=0.1)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[str] = []
        commands: list[app_commands.Command[Any, ..., Any]] = [echo, slow, panel, hidden]
        for command in commands:
            self.tree.add_command(command)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait the five seconds that Discord's identify limit asks of a second one."""

    async def on_ready(self) -> None:
        self.heard.append("ready")

    async def on_resumed(self) -> None:
        self.heard.append("resumed")

    async def hears(self, event: str, times: int = 1) -> None:
        """Wait until an event was heard so often."""
        while self.heard.count(event) < times:
            await self.wait_for(event, timeout=20)


def intents() -> discord.Intents:
    """Guilds, members, scheduled events, guild messages."""
    return discord.Intents(
        guilds=True, members=True, guild_scheduled_events=True, guild_messages=True
    )


@asynccontextmanager
async def pointed_at(server: DiscordServer) -> AsyncIterator[None]:
    """Point discord.py at the server, as the product's two settings do, and back again."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = server.environment["DISCORD_API_BASE"]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.environment["DISCORD_GATEWAY_URL"])
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


@asynccontextmanager
async def running(server: DiscordServer) -> AsyncIterator[Bot]:
    """A connected, ready bot."""
    async with pointed_at(server):
        bot = Bot()
        task = asyncio.create_task(bot.start("token"))
        try:
            waiting = asyncio.create_task(bot.hears("ready"))
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                waiting.cancel()
                task.result()
            await waiting
            yield bot
        finally:
            await bot.close()
            with suppress(asyncio.CancelledError):
                task.cancel()
                await task


def guild_of(bot: Bot, server: DiscordServer) -> discord.Guild:
    guild = bot.get_guild(server.seed["guild_id"])
    assert guild is not None
    return guild


def general_of(bot: Bot, server: DiscordServer) -> discord.TextChannel:
    channel = guild_of(bot, server).get_channel(server.seed["general_id"])
    assert isinstance(channel, discord.TextChannel)
    return channel
