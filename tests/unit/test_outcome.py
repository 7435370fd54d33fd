"""Every failure of Discord and the network has a class, and the right hope."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from core.discord_outbound.outcome import OK, Outcome, attempt, classify, require
from core.errors import PermanentError, Refusal, TemporaryError


def http(status: int, code: int = 0, text: str = "", **headers: str) -> discord.HTTPException:
    cls = {403: discord.Forbidden, 404: discord.NotFound}.get(status, discord.HTTPException)
    if status >= 500:
        cls = discord.DiscordServerError
    response: Any = SimpleNamespace(
        status=status, reason="x", headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    return cls(response, {"code": code, "message": text})


@pytest.mark.parametrize(
    ("error", "kind", "permanent"),
    [
        (http(403, 50001), "missing_access", True),
        (http(403, 50013), "missing_permission", True),
        (http(403, 50007), "closed_dms", True),
        (http(403, 50278), "closed_dms", True),
        (http(403), "missing_permission", True),
        (http(404, 10003), "unknown_channel", True),
        (http(404, 10004), "unknown_guild", True),
        (http(404, 10007), "unknown_member", True),
        (http(404, 10008), "unknown_message", True),
        (http(404, 10011), "unknown_role", True),
        (http(404, 10013), "unknown_user", True),
        (http(404), "not_found", True),
        (http(400, 30005), "too_many_roles", True),
        (http(400, 30013), "too_many_channels", True),
        (http(400, 30060), "too_many_overwrites", True),
        (http(400, 50035, "Invalid Form Body"), "invalid", True),
        (http(401), "unauthorized", True),
        (http(500), "discord_down", False),
        (http(502), "discord_down", False),
        (http(503), "discord_down", False),
        (http(504), "discord_down", False),
        (http(520), "discord_down", False),
        (http(429), "rate_limited", False),
        (discord.RateLimited(7.5), "rate_limited", False),
        (TimeoutError(), "timeout", False),
        (ConnectionResetError(104, "reset"), "connection", False),
        (aiohttp.ServerDisconnectedError(), "connection", False),
        (discord.GatewayNotFound(), "connection", False),  # type: ignore[no-untyped-call]  # theirs
        (discord.ClientException("too long"), "client", True),
        (TemporaryError("busy", kind="busy", retry_after=1), "busy", False),
        (PermanentError("no", kind="no"), "no", True),
    ],
)
def test_classes(error: Exception, kind: str, permanent: bool) -> None:
    outcome = classify(error)
    assert (outcome.error_class, outcome.permanent) == (kind, permanent)
    assert not outcome
    assert outcome.text
    raised = outcome.as_error()
    assert isinstance(raised, PermanentError if permanent else TemporaryError)
    assert raised.kind == kind


def test_discords_own_waiting_time_is_kept() -> None:
    assert classify(http(429, Retry_After="12.5")).retry_after == 12.5
    assert classify(discord.RateLimited(7.5)).retry_after == 7.5
    error = classify(http(429, Retry_After="12.5")).as_error()
    assert isinstance(error, TemporaryError)
    assert error.retry_after == 12.5


def test_our_own_mistakes_are_not_discords() -> None:
    with pytest.raises(KeyError):
        classify(KeyError("bug"))


def test_a_refusal_is_not_a_temporary_hiccup() -> None:
    outcome = classify(Refusal("group_full", "full"))
    assert (outcome.error_class, outcome.permanent) == ("refused", True)


async def test_attempt_and_require() -> None:
    async def works() -> int:
        return 5

    async def fails() -> int:
        raise http(503)

    async def is_a_bug() -> int:
        raise KeyError("bug")

    assert (await attempt(works())) == Outcome(value=5)
    assert bool(OK)
    assert (await attempt(fails())).error_class == "discord_down"
    assert await require(works()) == 5
    with pytest.raises(TemporaryError):
        await require(fails())
    with pytest.raises(KeyError):
        await attempt(is_a_bug())
