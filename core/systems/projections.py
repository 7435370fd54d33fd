"""Posts that show state: not messages to send, but views to keep up.

A change marks the row in its own transaction (`projection_rows.mark`); after the commit one task
per post rereads the state and edits, however many changes there were meanwhile. Rows are the truth:
what was marked when the process died is read at the next start and by the sweep.

A row is being drawn while its `shown_hash` is empty. `dirty` is taken back before the state is
read, under a lock that every `mark` shares, so that no change falls between reading and editing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from weakref import WeakValueDictionary

import sentry_sdk
import structlog
from sqlalchemy import event, or_, select
from sqlalchemy.orm import Session

from core.db.engine import get_database
from core.db.models import Projection
from core.discord_outbound import messages
from core.discord_outbound.outcome import OK, Outcome
from core.discord_outbound.pacer import background
from core.reconcile.answers import Shown
from core.systems import projection_rows as rows
from core.systems.projection_rows import Key, Post

log = structlog.get_logger(__name__)

GATHER = 0.25  # seconds; a burst of presses becomes one edit, and nobody waits to see their name
APART = 1.2  # seconds between edits of one post; twice as long each time while it goes on
LONGEST_APART = 5.0  # seconds; whoever pressed was answered, and reads the rest that much later
# Discord allows 5 edits in 5 s per channel; several posts may stand in one.
EDITS, WINDOW = 5, 5.0
TRIES = 3  # after 2, 4 and 8 s; what fails longer is for the retries of its group
LONGEST_PAUSE = 300.0  # seconds between tries of a post that cannot be edited


Draw = Callable[[Post], Awaitable[Shown | None]]


@dataclass(frozen=True)
class Kind:
    """How posts of a kind are drawn (None: nothing to show now), sent, and put back."""

    draw: Draw
    silent: bool = True  # a new one makes no sound
    restore: bool = True  # put back where somebody deletes it
    gather: float = GATHER  # seconds that a change may wait for others; between edits too


_kinds: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Say how posts of this kind are kept up; at import, by whoever owns the kind."""
    _kinds[name] = kind


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    """Whoever marked has committed: look at their posts soon."""
    keys = session.info.pop(rows.WAITING, None)
    if keys:
        keeper.poke(keys)


class Keeper:
    """The process's work on posts. Rows stay dirty while it is not started."""

    def __init__(self) -> None:
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()
        self._edits: dict[int, deque[float]] = {}  # by channel: when its last edits were
        self._last: dict[Key, float] = {}
        self._blocked: dict[Key, tuple[float, int]] = {}  # until when, after how many failures
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._running = False
        self._hurry = False
        self._sleeps: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Work from here on, in the running event loop."""
        self._running = True
        self._edits.clear()
        self._last.clear()
        self._blocked.clear()

    async def stop(self) -> None:
        """Leave the rest to the rows: they say what was not shown yet."""
        self._running = False
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        self._again.clear()

    def poke(self, keys: Iterable[Key]) -> None:
        """These posts may show something else now: look soon. Never waits, never raises."""
        if not self._running:
            return
        for key in keys:
            if key in self._tasks:
                self._again.add(key)
            else:
                self._tasks[key] = asyncio.create_task(self._keep(key), name=f"post:{key}")

    async def settled(self) -> None:
        """Wait until nothing is left to do, without further pauses; for tests and the demo."""
        self._hurry = True
        try:
            for sleep in self._sleeps:
                sleep.cancel()
            while self._tasks:
                await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        finally:
            self._hurry = False

    async def _keep(self, key: Key) -> None:
        background.set(False)  # the edit of a press, also where a sweep came before it
        try:
            await self._pause(_gather(key))
            for times in count():
                self._again.discard(key)
                outcome = await self.bring(key)
                wait = None if outcome.permanent else self._until_next(key, times)
                if wait is None:
                    return
                await self._pause(wait)
        except Exception as error:
            # The row still says that it is not done: the sweep comes back to it.
            sentry_sdk.capture_exception(error)
            log.exception("post_not_kept", key=key)
        finally:
            self._tasks.pop(key, None)

    def _until_next(self, key: Key, times: int) -> float | None:
        """Seconds until the post is looked at again; None: nothing is left that helps now.

        A passing failure is tried again here a few times: nobody may press for a long time, and
        the sweep comes late.
        """
        until, failures = self._blocked.get(key, (0.0, 0))
        left = until - asyncio.get_running_loop().time()
        if left > 0:
            return left if failures <= TRIES and self._running and not self._hurry else None
        return (
            max(min(APART * 2**times, LONGEST_APART), _gather(key)) if key in self._again else None
        )

    async def _pause(self, seconds: float) -> None:
        if not self._running or self._hurry or seconds <= 0:
            return
        sleep = asyncio.create_task(asyncio.sleep(seconds))
        self._sleeps.add(sleep)
        try:
            await asyncio.wait({sleep})  # somebody in a hurry ends it
        finally:
            self._sleeps.discard(sleep)
            sleep.cancel()

    async def bring(self, key: Key, *, again: bool = False, patient: bool = True) -> Outcome:
        """Draw a post now and show it if it changed; what became of it. One at a time each.

        After a failure it is left alone for a while, unless it is tried `again` by a retry. Who is
        not `patient` does not wait for Discord's limit of edits: the post comes by itself then.
        """
        loop = asyncio.get_running_loop()
        lock = self._locks.setdefault(key, asyncio.Lock())
        if not patient and self._running and lock.locked():
            self.poke([key])  # somebody waits for Discord's limit at this post already
            return OK
        async with lock:
            until, failures = self._blocked.get(key, (0.0, 0))
            if loop.time() < until and not again:
                return OK  # the row stays dirty, and its group's retry comes
            channel_id = await rows.channel_of(key)
            if channel_id is None:
                return OK
            at = self._turn(key, channel_id)
            wait = at - loop.time()
            if wait > 0 and self._running and not patient:
                self.poke([key])
                return OK
            self._edits[channel_id].append(at)
            await self._pause(wait)
            outcome, called = await _bring(key)
            if called:
                self._last[key] = at
            else:
                self._edits[channel_id].remove(at)
            if outcome:
                self._blocked.pop(key, None)
            else:
                pause = outcome.retry_after or min(2.0 ** (failures + 1), LONGEST_PAUSE)
                self._blocked[key] = (loop.time() + pause, failures + 1)
            return outcome

    def _turn(self, key: Key, channel_id: int) -> float:
        """When this post may be edited: at its own pace and within its channel's limit."""
        edits = self._edits.setdefault(channel_id, deque(maxlen=2 * EDITS))
        now = asyncio.get_running_loop().time()
        at = max(now, self._last.get(key, now - APART) + APART)
        if len(edits) >= EDITS:
            at = max(at, edits[-EDITS] + WINDOW)
        return at


keeper = Keeper()


def _gather(key: Key) -> float:
    kind = _kinds.get(key[0])
    return kind.gather if kind is not None else GATHER


async def _bring(key: Key) -> tuple[Outcome, bool]:
    """What became of it, and whether Discord was called."""
    kind, claimed = _kinds.get(key[0]), await rows.claim(key)
    if kind is None or claimed is None:
        return OK, False
    post, before = claimed
    shown = await kind.draw(post)
    if shown is None:
        await rows.nothing(post, before)
        return OK, False
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()
    if digest == before and post.message_id is not None:
        await rows.note(post.id, digest)
        return OK, False
    outcome = await _show(post, shown, digest, kind)
    if not outcome and outcome.error_class != "unknown_channel":
        log.warning("post_not_shown", guild_id=post.guild_id, key=key, error=outcome.text)
        await rows.failed(post)
    return outcome, True


async def _show(post: Post, shown: Shown, digest: str, kind: Kind) -> Outcome:
    """Edit the post, or put it up (again) where there is none."""
    if post.message_id is None:
        return await _send(post, shown, digest, kind)
    outcome = await messages.edit_channel_message(
        post.channel_id, post.message_id, shown.text, buttons=_buttons(shown)
    )
    if outcome:
        await rows.note(post.id, digest)
    elif outcome.error_class == "unknown_message":
        replaced = await rows.replace(post, restore=kind.restore)
        # None: not to be put back, or another process does.
        return await _send(replaced, shown, digest, kind) if replaced else OK
    elif outcome.error_class == "unknown_channel":
        await rows.forget(post)
    return outcome


async def _send(post: Post, shown: Shown, digest: str, kind: Kind) -> Outcome:
    """The row's id makes a repeated try one message."""
    outcome = await messages.send_channel_message(
        post.channel_id, shown.text, buttons=_buttons(shown), silent=kind.silent,
        key=f"post:{post.kind}:{post.id}",
    )  # fmt: skip
    if outcome:
        await rows.note(post.id, digest, outcome.value.id)
    elif outcome.error_class == "unknown_channel":
        await rows.forget(post)
    return outcome


def _buttons(shown: Shown) -> list[messages.Button]:
    return [messages.Button(b.label, b.action, b.number, b.style) for b in shown.buttons]


async def deleted(guild_id: int, message_ids: Sequence[int]) -> int:
    """Somebody deleted these messages: posts of ours among them are put back, each once.

    Kinds that are not registered here belong to others.
    """
    async with get_database().transaction() as session:
        found = await session.scalars(
            select(Projection).where(
                Projection.guild_id == guild_id,
                Projection.message_id.in_(message_ids),
                Projection.kind.in_(_kinds),
            )
        )
        posts = [
            Post(r.id, r.guild_id, r.kind, r.subject, r.group_id, r.channel_id, r.message_id)
            for r in found
        ]
    # A replaced row is dirty, and adding it pokes the keeper.
    return len([p for p in posts if await rows.replace(p, restore=_kinds[p.kind].restore)])


async def unfinished() -> list[Key]:
    """Keys of the posts that do not show what they should: after a start."""
    async with get_database().alone() as session:
        found = await session.execute(
            select(Projection.kind, Projection.subject)
            .where(
                Projection.kind.in_(_kinds),
                or_(Projection.dirty, Projection.shown_hash.is_(None)),
            )
            .order_by(Projection.id)
        )
        return [(kind, subject) for kind, subject in found]
