"""What became of a call to Discord: truthy on success, else the class of the failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import discord

from core.errors import MusterError, PermanentError, Refusal, TemporaryError
from core.words import mark, t

# Discord's JSON error codes (API documentation, "JSON Error Codes") that need words of their own.
_CODES = {
    10003: ("unknown_channel", mark("the channel is gone")),
    10004: ("unknown_guild", mark("Muster is not on that server")),
    10007: ("unknown_member", mark("the person is not on the server")),
    10008: ("unknown_message", mark("the message is gone")),
    10011: ("unknown_role", mark("the role is gone")),
    10013: ("unknown_user", mark("there is no such account")),
    10070: ("unknown_event", mark("the event is gone")),
    30005: ("too_many_roles", mark("the server has 250 roles, which is Discord's limit")),
    30013: ("too_many_channels", mark("the server has 500 channels, which is Discord's limit")),
    30038: ("too_many_events", mark("the server has 100 scheduled events, Discord's limit")),
    30060: (
        "too_many_overwrites",
        mark("the channel has 1,000 permission entries, Discord's limit"),
    ),
    50001: ("missing_access", mark("Muster cannot see the channel")),
    50007: ("closed_dms", mark("the person takes no direct messages")),
    50013: ("missing_permission", mark("Muster lacks a permission, or its role is too low")),
    50278: ("closed_dms", mark("Muster shares no server with the person")),
}


@dataclass(frozen=True)
class Outcome:
    """The result of a send or a change. `error_class` is None exactly on success."""

    error_class: str | None = None
    text: str = ""
    permanent: bool = False
    retry_after: float | None = None  # seconds
    value: Any = None  # the created message's id, where there is one

    def __bool__(self) -> bool:
        return self.error_class is None

    def as_error(self) -> MusterError:
        """The same failure as an exception, for callers that cannot go on."""
        kind = self.error_class or "unknown"
        if self.permanent:
            return PermanentError(self.text, kind=kind)
        return TemporaryError(self.text, kind=kind, retry_after=self.retry_after)


OK = Outcome()


def classify(error: Exception) -> Outcome:
    """Sort an exception of discord.py or the network into a class and a sentence."""
    if isinstance(error, MusterError):
        return Outcome(
            getattr(error, "kind", "refused"),
            error.text,
            permanent=isinstance(error, PermanentError | Refusal),
            retry_after=getattr(error, "retry_after", None),
        )
    if isinstance(error, discord.RateLimited):
        return Outcome(
            "rate_limited", t("Discord asked us to slow down"), retry_after=error.retry_after
        )
    if isinstance(error, discord.HTTPException):
        return _classify_http(error)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return Outcome("timeout", t("Discord did not answer in time"))
    if isinstance(error, OSError | aiohttp.ClientError | discord.GatewayNotFound):
        return Outcome("connection", t("the connection to Discord broke"))
    if isinstance(error, discord.ClientException):
        return Outcome(
            "client", t("the request was not possible: {why}", why=str(error)), permanent=True
        )
    raise error


def _classify_http(error: discord.HTTPException) -> Outcome:
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        header = error.response.headers.get("Retry-After") if error.response else None
        return Outcome(
            "rate_limited",
            t("Discord asked us to slow down"),
            retry_after=float(header) if header else None,
        )
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status == 0:
        return Outcome(
            "discord_down", t("Discord answered with an error ({status})", status=error.status)
        )
    if error.code in _CODES:
        kind, text = _CODES[error.code]
        return Outcome(kind, t(text), permanent=True)
    kind = {401: "unauthorized", 403: "missing_permission", 404: "not_found"}.get(
        error.status, "invalid"
    )
    # Discord answers with a whole tree where fields were wrong; its beginning is enough.
    why = error.text[:250] or t("no reason given")
    text = t("Discord refused it: {why} ({status})", why=why, status=error.status)
    return Outcome(kind, text, permanent=True)


class Patience:
    """How long one call may take, in seconds, discord.py's own retries (25 s) included.

    Set once by the composition root. Without it aiohttp would wait for five minutes.
    """

    seconds = 60.0


patience = Patience()


async def attempt(call: Awaitable[Any]) -> Outcome:
    """Await `call`; every failure that belongs to Discord or the network becomes an Outcome."""
    try:
        async with asyncio.timeout(patience.seconds):
            return Outcome(value=await call)
    except (discord.DiscordException, OSError, TimeoutError, aiohttp.ClientError) as error:
        return classify(error)


async def require(call: Awaitable[Any]) -> Any:
    """Await `call` and give its value; raise TemporaryError or PermanentError on failure."""
    outcome = await attempt(call)
    if not outcome:
        raise outcome.as_error()
    return outcome.value
