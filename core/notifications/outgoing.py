"""What is done about a delivery whose time has come: send it, leave it, or wait.

The sender (`dispatcher`) knows nothing of kinds; what to say is worked out by `actions.prepare`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.discord_outbound.messages import Button


@dataclass(frozen=True)
class Claimed:
    """A row of `deliveries` that this process holds. Times are UTC."""

    id: int
    guild_id: int
    kind: str
    key: str
    user_id: int | None
    channel_id: int | None
    group_id: int | None
    meeting_id: int | None
    announcement_id: int | None
    about_id: int | None
    payload: dict[str, Any]
    due_at: datetime
    attempts: int  # including this one
    created_at: datetime
    # Since when an earlier try may have gone through without our knowing; None: it did not.
    unsure_since: datetime | None = None
    next_at: datetime | None = None  # as it was when claimed; later than due_at: put off before


@dataclass(frozen=True)
class Message:
    """What people read, in their language. `mention` are the users whom it notifies."""

    text: str
    buttons: tuple[Button, ...] = ()
    mention: tuple[int, ...] = ()
    silent: bool = False


@dataclass(frozen=True)
class Send:
    """Send `message` to the person (`user_id`) or into the channel; both are Discord's ids.

    A direct message that the person does not take goes to `fallback_channel_id`, with a mention.
    """

    message: Message
    user_id: int | None = None
    channel_id: int | None = None
    dm_channel_id: int | None = None  # the person's, where known
    fallback_channel_id: int | None = None
    fallback: Message | None = None
    # A post of ours in that channel that is edited instead, or deleted where `erase` says so.
    post_id: int | None = None
    erase: bool = False
    extra: dict[str, Any] = field(default_factory=dict)  # comes back as `Done.extra`


@dataclass(frozen=True)
class Skip:
    """Not to be sent, for good. `reason` is a sentence made by t(), for moderators."""

    code: str
    reason: str


@dataclass(frozen=True)
class Wait:
    """Not yet: looked at again at `until` (UTC), or as soon as something wakes it."""

    until: datetime
    code: str
    reason: str


Decision = Send | Skip | Wait
Decisions = dict[int, Decision]


@dataclass(frozen=True)
class Done:
    """What became of a sent row, for whoever follows up (`actions.sent`)."""

    row: Claimed
    channel_id: int
    message_id: int
    at: datetime
    extra: dict[str, Any] = field(default_factory=dict)
