"""Keeps the bot connected: a supervised start with back-off, and errors that say what to do."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import discord
import structlog

from core.discord_outbound.cache import is_fresh
from core.errors import ConfigurationError

log = structlog.get_logger(__name__)

LONGEST_WAIT = 60.0  # seconds between two attempts

TOKEN_MISSING = (
    "DISCORD_TOKEN is not set. Copy the bot's token from the Discord Developer Portal "
    "(your application → Bot → Reset Token) into .env as DISCORD_TOKEN=…"
)
TOKEN_REFUSED = (
    "Discord does not accept DISCORD_TOKEN. Copy it again from the Developer Portal "
    "(your application → Bot → Reset Token); a token is shown only once."
)
NO_INTENT = (
    "The bot may not see who joins and leaves. Switch on Server Members Intent in the Developer "
    "Portal (your application → Bot → Privileged Gateway Intents) and start again."
)
# The gateway's close code for an intent that was not granted (API documentation).
_DISALLOWED_INTENTS = 4014


def point_elsewhere(api_base: str | None, gateway_url: str | None) -> None:
    """Send REST and gateway traffic to a rate-limit proxy or a simulated Discord."""
    if api_base:
        discord.http.Route.BASE = api_base.rstrip("/")
    if gateway_url:
        import yarl  # noqa: PLC0415 - comes with aiohttp; only this seldom path needs it

        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


async def stay_connected(bot: discord.Client, token: str) -> None:
    """Log in and stay connected until `bot.close()`. Raises ConfigurationError for good.

    discord.py reconnects by itself, but not where the very first connection fails (#10520): it
    dies with an AttributeError, so that is tried again here.
    """
    attempt = 0
    logged_in = False
    while not bot.is_closed():
        try:
            if not logged_in:
                await bot.login(token)
                logged_in = True
            await bot.connect(reconnect=True)
        except (discord.DiscordException, OSError, TimeoutError, aiohttp.ClientError) as error:
            _raise_if_final(error)
            reason: Exception = error
        except AttributeError as error:
            if getattr(bot, "ws", None) is not None:
                raise  # not the fault of a first connection: a real one
            reason = error
        else:
            continue
        attempt = 0 if is_fresh() else attempt + 1
        wait = min(2.0**attempt, LONGEST_WAIT) + random.random()  # noqa: S311 - spreads restarts
        log.warning("gateway_retry", attempt=attempt, wait=round(wait, 1), error=repr(reason))
        await asyncio.sleep(wait)


def _raise_if_final(error: Exception) -> None:
    """What only the operator can mend, as one sentence."""
    if isinstance(error, discord.LoginFailure):
        raise ConfigurationError(TOKEN_REFUSED) from error
    refused = isinstance(error, discord.ConnectionClosed) and error.code == _DISALLOWED_INTENTS
    if refused or isinstance(error, discord.PrivilegedIntentsRequired):
        raise ConfigurationError(NO_INTENT) from error
