"""What is done about a delivery whose time has come: send it, leave it, or wait.

The sender (`dispatcher`) knows nothing of kinds; what to say is worked out by `actions.prepare`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from core.discord_outbound.messages import Button


class Claimed(NamedTuple):
    """A row of `deliveries` that this process holds. Times are UTC.

    A tuple, like whatever else is made for every message: thousands may be due at once, and a
    frozen dataclass takes four times as long.
    """

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


GAP = "\0"  # in Message.likes: whatever stood here in an earlier try
# What a message may end with beside its text: the line that it is late, and whom it mentions.
_AFTER = r"(?:\n-# [^\n]*)?(?:\n?<@\d+>(?: <@\d+>)*)?"


@dataclass(frozen=True)
class Message:
    """What people read, in their language. `mention` are the users whom it notifies."""

    text: str
    buttons: tuple[Button, ...] = ()
    mention: tuple[int, ...] = ()
    silent: bool = False
    # Where an earlier try may have been seen: what that one said, as any of these.
    likes: tuple[str, ...] = ()

    def is_in(self, content: str) -> bool:
        """Whether a message with this content is what an earlier try sent.

        That one was not late yet, mentioned others, or was changed since.
        """
        content = content.strip()
        if content == self.text.strip():
            return True
        for like in self.likes:
            stem = ".*".join(map(re.escape, like.strip().split(GAP)))
            if re.fullmatch(stem + _AFTER, content, re.DOTALL):
                # A list of mentions has no text: then it names somebody whom this one names.
                return bool(like) or any(f"<@{user}>" in content for user in self.mention)
        return False


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
