"""The bot: intents, cogs, and a command tree that is sent to Discord only when it changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot import errors
from bot.translator import Translator
from bot.ui import lasting
from bot.ui.base import MET
from core import words
from core.calendars.google_desk import Desk
from core.discord_outbound.pacer import Pacer
from core.operations.feeds import Links
from core.worker import Worker

log = structlog.get_logger(__name__)

COGS = (
    "bot.cogs.listeners",
    "bot.cogs.interest",
    "bot.cogs.my",
    "bot.cogs.groups",
    "bot.cogs.cohort",
    "bot.cogs.group",
    "bot.cogs.member",
    "bot.cogs.people",
    "bot.cogs.sync",
    "bot.cogs.care",
    "bot.cogs.why",
    "bot.cogs.setup",
    "bot.cogs.home",
    "bot.cogs.answers",
    "bot.cogs.week",
    "bot.cogs.presence",
    "bot.cogs.attendance",
    "bot.cogs.meeting",
    "bot.cogs.announce",
    "bot.cogs.messages",
    "bot.cogs.calendar",
)


class Tree(app_commands.CommandTree["Muster"]):
    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Nobody is refused here; what follows speaks the person's language."""
        words.speak(interaction.locale.value)
        return True

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """One ladder for every command; views and modals use the same (bot.ui.base)."""
        await errors.answer(interaction, error)


class Muster(commands.Bot):
    """Owns the gateway. `worker` does what is not somebody's own request."""

    def __init__(
        self,
        worker: Worker,
        *,
        rest_per_second: float = 46,
        tree_memory: Path | None = None,
        **options: Any,
    ) -> None:
        intents = discord.Intents.none()
        intents.guilds = True
        intents.members = True
        intents.guild_messages = True  # deletions of our posts; contents are not asked for
        intents.guild_scheduled_events = True  # the meetings' events, and who is interested
        intents.voice_states = True  # who was in a meeting's voice channel
        super().__init__(
            command_prefix=commands.when_mentioned,
            intents=intents,
            tree_cls=Tree,
            help_command=None,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            http_trace=Pacer(rest_per_second).trace(),
            # A stalled rename may ask for ten minutes: fail, and let the row wait instead.
            max_ratelimit_timeout=30.0,
            **options,
        )
        self.worker = worker
        # Where the web server listens: what links to it are made with. Set by whoever starts both.
        self.links: Links | None = None
        self.desk: Desk | None = None  # Google's side of calendars
        self._tree_memory = tree_memory
        self.first_ready = asyncio.Event()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """A press of what nobody remembers (a restart, a quarter of an hour) gets a sentence.

        Views and forms note that they met the interaction before this runs; the buttons that last
        for ever are known by their ids.
        """
        kinds = {discord.InteractionType.component, discord.InteractionType.modal_submit}
        data: Any = interaction.data or {}
        custom_id = str(data.get("custom_id", ""))
        met = interaction.extras.get(MET) or custom_id.startswith("muster")
        if interaction.type not in kinds or met:
            return
        words.speak(interaction.locale.value)
        await errors.answer(interaction, errors.too_old())

    async def load_cogs(self) -> None:
        """Add every cog. Not as extensions: those compile their module anew for each bot."""
        for cog in COGS:
            await import_module(cog).setup(self)

    async def setup_hook(self) -> None:
        """Load the cogs, and send the commands if they are not the ones sent last time."""
        self.add_dynamic_items(*lasting.ITEMS)
        await self.load_cogs()
        await self.tree.set_translator(Translator())
        payload = [c.to_dict(self.tree) for c in self.tree.get_commands()]
        digest = hashlib.sha256(
            json.dumps([self.application_id, payload, words.digest()], sort_keys=True).encode()
        ).hexdigest()
        memory = self._tree_memory
        if memory is not None and memory.exists() and memory.read_text() == digest:
            return
        await self.tree.sync()
        if memory is not None:
            memory.write_text(digest)
        log.info("commands_sent", count=len(payload))
