"""Hands one message to Discord. What may have gone out before is not sent a second time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from core.clock import utcnow
from core.db.engine import get_database
from core.db.queries import claims
from core.discord_outbound.messages import (
    delete_channel_message,
    edit_channel_message,
    find_sent,
    nonce_of,
    open_dm,
    send_channel_message,
    send_dm,
)
from core.discord_outbound.outcome import Outcome, classify
from core.errors import MusterError
from core.notifications.outgoing import Claimed, Message, Send, Skip
from core.notifications.results import Result, broken, failed, sent, skipped
from core.notifications.still import REASONS
from core.words import t

log = structlog.get_logger(__name__)

# Discord remembers a nonce "for the past few minutes" (API documentation, Create Message). For
# this long it is trusted to; afterwards the channel's history is read first.
NONCE_MEMORY = timedelta(minutes=2)
_GONE = {"unknown_message", "unknown_channel"}  # of a post that was to be changed
_CLOCKS = timedelta(minutes=1)  # how far our clock may be ahead of Discord's


@dataclass(frozen=True)
class _Place:
    id: int


@dataclass(frozen=True)
class _Found:
    """Looks like a message, as far as `results.sent` reads one."""

    id: int
    channel: _Place


class Courier:
    """Sends. Never raises for what Discord, the network or one row does."""

    def __init__(self) -> None:
        self._found: set[int] = set()  # recognized but perhaps not noted yet

    async def deliver(self, row: Claimed, send: Send) -> Result:
        """One try; never within a transaction."""
        try:
            outcome, note = await self._send(row, send)
            if send.post_id is not None and outcome.error_class in _GONE:
                return skipped(row, Skip("post_gone", t(REASONS["post_gone"])))
            if outcome:
                return sent(row, send, outcome, note)
        except MusterError as error:
            outcome = classify(error)
        except Exception as error:
            log.exception("delivery_broke", delivery=row.id)
            return broken(row, error)
        log.info("delivery_failed", delivery=row.id, kind=row.kind, error=outcome.error_class)
        return failed(row, outcome)

    async def _send(self, row: Claimed, send: Send) -> tuple[Outcome, Outcome | None]:
        """The outcome, and why it went to the fallback if it did."""
        key = f"delivery:{row.id}:{row.key}"
        if send.post_id is not None:
            return await self._change(send, send.post_id), None
        if send.user_id is None:
            assert send.channel_id is not None
            return await self._post(row, send.channel_id, send.message, key), None
        outcome = await self._direct(row, send.user_id, send, key)
        if outcome.error_class != "closed_dms" or send.fallback_channel_id is None:
            return outcome, None
        message = send.fallback or send.message
        person = f"<@{send.user_id}>"
        mention = (send.user_id, *(u for u in message.mention if u != send.user_id))
        instead = replace(message, mention=mention)
        if person not in message.text:
            likes = tuple(f"{person} {like}" for like in message.likes)
            instead = replace(instead, text=f"{person} {message.text}", likes=likes)
        key = f"{key}:fallback"
        return await self._post(row, send.fallback_channel_id, instead, key), outcome

    async def _post(self, row: Claimed, channel_id: int, message: Message, key: str) -> Outcome:
        found = await self._sent_before(row, channel_id, message, key)
        return found or await send_channel_message(
            channel_id, message.text, buttons=message.buttons, mention=message.mention,
            silent=message.silent, key=key,
        )  # fmt: skip

    async def _change(self, send: Send, post_id: int) -> Outcome:
        """Edit or delete a post; a second time changes nothing more."""
        assert send.channel_id is not None
        if send.erase:
            outcome = await delete_channel_message(send.channel_id, post_id)
        else:
            outcome = await edit_channel_message(
                send.channel_id, post_id, send.message.text, buttons=send.message.buttons
            )
        found = _Found(post_id, _Place(send.channel_id))
        return replace(outcome, value=found) if outcome else outcome

    async def _direct(self, row: Claimed, user_id: int, send: Send, key: str) -> Outcome:
        message, channel_id = send.message, send.dm_channel_id
        if self._forgotten(row) and channel_id is None:
            opened = await open_dm(user_id)
            if not opened:
                return opened
            channel_id = int(opened.value)
        if channel_id is not None:
            if found := await self._sent_before(row, channel_id, message, key):
                return found
            outcome = await send_dm(
                user_id, message.text, buttons=message.buttons, channel_id=channel_id, key=key
            )
            if outcome.error_class != "unknown_channel":
                return outcome
        return await send_dm(user_id, message.text, buttons=message.buttons, key=key)

    def _forgotten(self, row: Claimed) -> bool:
        """Whether an earlier try may have gone through, too long ago for the nonce to tell."""
        return row.unsure_since is not None and utcnow() - row.unsure_since > NONCE_MEMORY

    async def _sent_before(
        self, row: Claimed, channel_id: int, message: Message, key: str
    ) -> Outcome | None:
        """The message of an earlier try. A history that is closed to us leads on to sending.

        A passing failure to read it is a failure of this try: sending blindly might double it.
        """
        if row.unsure_since is None or not self._forgotten(row):
            return None
        after = row.unsure_since - _CLOCKS
        async with get_database().transaction() as session:
            others = await claims.posted(session, row.guild_id, channel_id, after)
        outcome = await find_sent(
            channel_id, nonce_of(key), after, said=message.is_in, taken=others | self._found
        )
        if outcome and outcome.value is not None:
            self._found.add(outcome.value)
            log.info("delivery_found", delivery=row.id, message=outcome.value)
            return Outcome(value=_Found(outcome.value, _Place(channel_id)))
        if not outcome and not outcome.permanent:
            raise outcome.as_error()
        return None
