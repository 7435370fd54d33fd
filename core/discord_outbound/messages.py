"""Send and edit messages. Nobody is ever pinged unless the caller names them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import discord

from core.discord_outbound.bot import get_bot
from core.discord_outbound.channels import get_or_fetch_channel
from core.discord_outbound.outcome import Outcome, attempt
from core.words import t

CONTENT_LIMIT = 2000  # Discord's limit of characters per message
# How far back a lost message is looked for: two calls. Muster's rooms see less in an outage.
_LOOK_BACK = 200
Style = Literal["primary", "secondary", "success", "danger"]


@dataclass(frozen=True)
class Button:
    """A button that works for ever: what it means stands in its id (bot.ui.lasting.Press).

    Discord takes 5 in a row and 25 in a message, labels of 80 characters.
    """

    label: str
    action: str
    number: int = 0
    style: Style = "secondary"


def _view(buttons: Sequence[Button]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for button in buttons:
        made: discord.ui.Button[Any] = discord.ui.Button(
            label=button.label[:80],
            custom_id=f"muster:{button.action}:{button.number}",
            style=discord.ButtonStyle[button.style],
        )
        view.add_item(made)
    return view


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
    buttons: Sequence[Button] = (),
    mention: Sequence[int] = (),
    role: int | None = None,
    silent: bool = False,
    key: str | None = None,
) -> Outcome:
    """Post in a channel; the outcome's value is the message.

    Only the people in `mention` (Discord: 100 at most) and whoever has the `role` are notified;
    `silent` makes no sound and no badge for the others either.

    With `key` the same message is not posted twice within Discord's "past few minutes".
    """
    outcome = await attempt(get_or_fetch_channel(get_bot(), channel_id))
    channel = outcome.value
    if channel is None:
        return outcome if not outcome else _gone()
    extra = _extra(view, buttons, key) | ({"silent": True} if silent else {})
    return await attempt(
        channel.send(message[:CONTENT_LIMIT], allowed_mentions=_mentions(mention, role), **extra)
    )


def _extra(view: Any, buttons: Sequence[Button], key: str | None) -> dict[str, Any]:
    extra: dict[str, Any] = {"nonce": nonce_of(key)} if key else {}
    if buttons:
        view = _view(buttons)
    if view is not None:
        extra["view"] = view
    return extra


async def send_dm(
    discord_id: int | str,
    message: str,
    *,
    view: Any = None,
    buttons: Sequence[Button] = (),
    channel_id: int | None = None,
    key: str | None = None,
) -> Outcome:
    """A direct message; `closed_dms` is the class of failure where the person takes none.

    `channel_id` is the person's DM channel where it is known (the value's `channel.id`): without
    it Discord is asked to open one, which it limits much more.
    """
    bot = get_bot()
    user_id = int(discord_id)
    extra = _extra(view, buttons, key)
    if channel_id is not None:
        known = bot.get_partial_messageable(channel_id, type=discord.ChannelType.private)
        return await attempt(known.send(message[:CONTENT_LIMIT], **extra))
    outcome = Outcome(value=bot.get_user(user_id))
    if outcome.value is None:
        outcome = await attempt(bot.fetch_user(user_id))
    if not outcome:
        return outcome
    return await attempt(outcome.value.send(message[:CONTENT_LIMIT], **extra))


async def open_dm(discord_id: int | str) -> Outcome:
    """The person's DM channel, its id as the value; one call or two. Nothing is sent."""
    bot = get_bot()
    user = bot.get_user(int(discord_id))
    if user is None:
        outcome = await attempt(bot.fetch_user(int(discord_id)))
        if not outcome:
            return outcome
        user = outcome.value
    outcome = await attempt(user.create_dm())
    return replace(outcome, value=outcome.value.id) if outcome else outcome


async def find_sent(
    channel_id: int,
    nonce: str,
    after: datetime,
    *,
    said: Callable[[str], bool],
    taken: Collection[int] = (),
) -> Outcome:
    """A message of our own that was sent after `after` (UTC) and may not have been noted.

    The value is its id, or None. Discord promises a message's nonce only to whoever sends it, not
    in the history, so one that has none is known by what it `said`. Messages in `taken` belong to
    others.
    """
    bot = get_bot()
    channel: Any = bot.get_partial_messageable(channel_id)
    me = bot.user.id if bot.user is not None else 0

    async def look() -> int | None:
        async for message in channel.history(limit=_LOOK_BACK, after=after, oldest_first=True):
            if message.author.id != me or message.id in taken:
                continue
            if message.nonce == nonce or (message.nonce is None and said(message.content)):
                return int(message.id)
        return None

    return await attempt(look())


async def edit_channel_message(
    channel_id: int,
    message_id: int,
    message: str,
    *,
    view: Any = None,
    buttons: Sequence[Button] = (),
) -> Outcome:
    """Replace a post's text and buttons; none given: it has none any more.

    `unknown_message` where somebody deleted it.
    """
    outcome = await attempt(get_or_fetch_channel(get_bot(), channel_id))
    channel = outcome.value
    if channel is None:
        return outcome if not outcome else _gone()
    return await attempt(
        channel.get_partial_message(message_id).edit(
            content=message[:CONTENT_LIMIT],
            view=_view(buttons) if buttons else view,
            allowed_mentions=discord.AllowedMentions.none(),
        )
    )


async def delete_channel_message(channel_id: int, message_id: int) -> Outcome:
    """Delete a post of ours; `unknown_message` where it is gone already."""
    outcome = await attempt(get_or_fetch_channel(get_bot(), channel_id))
    if outcome.value is None:
        return outcome if not outcome else _gone()
    return await attempt(outcome.value.get_partial_message(message_id).delete())


async def pin(channel_id: int, message_id: int) -> Outcome:
    """Pin a post; harmless where it is pinned already."""
    outcome = await attempt(get_or_fetch_channel(get_bot(), channel_id))
    if outcome.value is None:
        return outcome if not outcome else _gone()
    return await attempt(outcome.value.get_partial_message(message_id).pin())
