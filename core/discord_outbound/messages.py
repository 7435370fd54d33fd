"""Send and edit messages. Nobody is ever pinged unless the caller names them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import discord

from core.discord_outbound.bot import get_bot
from core.discord_outbound.channels import get_or_fetch_channel
from core.discord_outbound.outcome import Outcome, attempt
from core.words import t

CONTENT_LIMIT = 2000  # Discord's limit of characters per message


def _gone() -> Outcome:
    return Outcome("unknown_channel", t("the channel is gone"), permanent=True)


def nonce_of(key: str) -> str:
    """A deterministic nonce of 25 characters, Discord's limit, for an idempotency key."""
    return hashlib.sha256(key.encode()).hexdigest()[:25]


def _mentions(user_ids: Sequence[int], role_id: int | None = None) -> discord.AllowedMentions:
    if not user_ids and role_id is None:
        return discord.AllowedMentions.none()
    return discord.AllowedMentions(
        everyone=False,
        roles=[discord.Object(role_id)] if role_id is not None else False,
        users=[discord.Object(u) for u in user_ids[:100]],
    )


async def send_channel_message(
    channel_id: int | str,
    message: str,
    *,
    view: Any = None,
    mention: Sequence[int] = (),
    role: int | None = None,
    key: str | None = None,
) -> Outcome:
    """Post in a channel; the outcome's value is the message.

    Only the people in `mention` and whoever has the `role` are notified.

    With `key` the same message is not posted twice within Discord's "past few minutes".
    """
    outcome = await attempt(get_or_fetch_channel(get_bot(), channel_id))
    channel = outcome.value
    if channel is None:
        return outcome if not outcome else _gone()
    extra: dict[str, Any] = {"nonce": nonce_of(key)} if key else {}
    if view is not None:
        extra["view"] = view
    return await attempt(
        channel.send(message[:CONTENT_LIMIT], allowed_mentions=_mentions(mention, role), **extra)
    )


async def send_dm(
    discord_id: int | str, message: str, *, view: Any = None, key: str | None = None
) -> Outcome:
    """A direct message; `closed_dms` is the class of failure where the person takes none."""
    bot = get_bot()
    user_id = int(discord_id)
    outcome = Outcome(value=bot.get_user(user_id))
    if outcome.value is None:
        outcome = await attempt(bot.fetch_user(user_id))
    if not outcome:
        return outcome
    extra: dict[str, Any] = {"nonce": nonce_of(key)} if key else {}
    if view is not None:
        extra["view"] = view
    return await attempt(outcome.value.send(message[:CONTENT_LIMIT], **extra))


async def edit_channel_message(
    channel_id: int, message_id: int, message: str, *, view: Any = None
) -> Outcome:
    """Replace a post's text and buttons. `unknown_message` where somebody deleted it."""
    outcome = await attempt(get_or_fetch_channel(get_bot(), channel_id))
    channel = outcome.value
    if channel is None:
        return outcome if not outcome else _gone()
    return await attempt(
        channel.get_partial_message(message_id).edit(
            content=message[:CONTENT_LIMIT],
            view=view,
            allowed_mentions=discord.AllowedMentions.none(),
        )
    )


async def pin(channel_id: int, message_id: int) -> Outcome:
    """Pin a post; harmless where it is pinned already."""
    outcome = await attempt(get_or_fetch_channel(get_bot(), channel_id))
    if outcome.value is None:
        return outcome if not outcome else _gone()
    return await attempt(outcome.value.get_partial_message(message_id).pin())
