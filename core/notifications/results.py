"""What becomes of a delivery after a try: noted, tried again, or given up."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import NamedTuple

import sentry_sdk

from core.clock import utcnow
from core.db.meeting_models import DeliveryStatus
from core.db.queries.claims import Settled
from core.discord_outbound.outcome import Outcome
from core.notifications.outgoing import Claimed, Done, Send, Skip, Wait
from core.notifications.scheduler import wakes
from core.retry import decide
from core.words import SOURCE, again, pack, speaking, t

# Somebody can mend these on Discord; a later try may succeed without a new row.
MENDABLE = {"missing_permission", "missing_access", "unauthorized", "unknown_guild"}
# Nobody has to be told: it is the person's choice, or there is no such person.
_THEIR_OWN = {"closed_dms", "unknown_user"}
# After these Discord may have posted the message all the same.
_UNSURE = {"timeout", "connection", "discord_down", "error"}
# What could not be sent for a week is of no use to anybody any more.
LONGEST = timedelta(days=7)
_CLASS_LIMIT = 40  # the column's


class Result(NamedTuple):
    """A row and what to note about it. `tell` is a sentence that the moderators should hear."""

    row: Claimed
    settled: Settled
    done: Done | None = None
    dm: tuple[int, int] | None = None  # a person and the DM channel that was opened for them
    tell: str | None = None
    hold: bool = False  # a passing failure: what else waits for the same place waits with it


def sent(row: Claimed, send: Send, outcome: Outcome, note: Outcome | None) -> Result:
    """People can see it. `note` is why it went elsewhere than it should have."""
    message, at = outcome.value, utcnow()
    channel_id = int(message.channel.id)
    settled = Settled(
        row.id, DeliveryStatus.sent,
        channel_id=channel_id, message_id=int(message.id), sent_at=at,
        error_class=note.error_class if note is not None else None,
        error_text=pack(note.text) if note is not None else None,
    )  # fmt: skip
    done = Done(row, channel_id, int(message.id), at, send.extra)
    if note is not None or send.user_id is None or channel_id == send.dm_channel_id:
        return Result(row, settled, done)
    return Result(row, settled, done, dm=(send.user_id, channel_id))


def skipped(row: Claimed, skip: Skip) -> Result:
    """There is a reason not to send it, for good."""
    code, reason = skip.code[:_CLASS_LIMIT], pack(skip.reason)
    return Result(row, Settled(row.id, DeliveryStatus.skipped, error_class=code, error_text=reason))


def waits(row: Claimed, wait: Wait, now: datetime) -> Result:
    """Not yet, which is no failure."""
    until = max(wait.until, now + timedelta(seconds=1))
    code, reason = wait.code[:_CLASS_LIMIT], pack(wait.reason)
    return Result(row, _later(row, until, code, reason))


def put_off(row: Claimed, until: datetime) -> Result:
    """The place is busy, or we are stopping: somebody takes it up at `until` (UTC)."""
    return Result(row, _later(row, until, None, None))


def _later(row: Claimed, until: datetime, code: str | None, reason: str | None) -> Settled:
    return Settled(
        row.id, DeliveryStatus.pending, until, given_back=True,
        unsure=row.unsure_since is not None, error_class=code, error_text=reason,
    )  # fmt: skip


def failed(row: Claimed, outcome: Outcome) -> Result:
    """Sort a failure: the person's own choice, given up, mendable, or passing."""
    kind, now = (outcome.error_class or "error")[:_CLASS_LIMIT], utcnow()
    if kind in _THEIR_OWN:
        return skipped(row, Skip(kind, outcome.text))
    too_late = now - row.due_at > LONGEST
    # The group's own channel can be made again; one that was named by its id cannot.
    mendable = kind in MENDABLE or (kind == "unknown_channel" and row.channel_id is None)
    if too_late or (outcome.permanent and not mendable):
        status, next_at = DeliveryStatus.dead, None
    else:
        status, next_at = DeliveryStatus.failed, now + timedelta(seconds=_delay(row, outcome))
    settled = Settled(
        row.id, status, next_at,
        unsure=row.unsure_since is not None or kind in _UNSURE,
        error_class=kind, error_text=pack(outcome.text),
    )  # fmt: skip
    tell = outcome.text if outcome.permanent or too_late else None
    return Result(row, settled, tell=tell, hold=not outcome.permanent)


def _delay(row: Claimed, outcome: Outcome) -> float:
    """Seconds until the next try, reporting once what keeps failing."""
    decision = decide(
        permanent=outcome.permanent,
        attempt=row.attempts - 1,
        jitter=random.random(),  # noqa: S311 - spreads retries, protects nothing
        retry_after=outcome.retry_after,
        probe=wakes.probe_seconds,
    )
    if decision.report:
        with speaking(SOURCE):
            why = again(outcome.text)
        sentry_sdk.capture_message(f"delivery {row.id} ({row.kind}) keeps failing: {why}")
    return decision.delay


def broken(row: Claimed, error: Exception) -> Result:
    """A fault of ours with this one row: reported, and tried again like any passing failure."""
    sentry_sdk.capture_exception(error)
    return failed(row, Outcome("error", t("Muster could not work out what to send")))
