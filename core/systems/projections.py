"""Posts that show state: not messages to send, but views to keep up.

A change marks the row in its own transaction (`mark`); after the commit one task per post rereads
the state and edits, however many changes there were meanwhile. Rows are the truth: what was marked
when the process died is read at the next start and by the sweep.

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
from datetime import datetime
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import sentry_sdk
import structlog
from sqlalchemy import delete, event, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Projection, SyncState, SyncStatus
from core.discord_outbound import messages
from core.discord_outbound.outcome import OK, Outcome
from core.discord_outbound.pacer import background
from core.reconcile.answers import Shown

log = structlog.get_logger(__name__)

# Subjects are ids of the database or Discord's, so a key means one guild's row.
Key = tuple[str, str]  # kind, subject

GATHER = 0.25  # seconds; a burst of presses becomes one edit, and nobody waits to see their name
APART = 1.2  # seconds between edits of one post; twice as long each time while it goes on
LONGEST_APART = 5.0  # seconds; whoever pressed was answered, and reads the rest that much later
# Discord allows 5 edits in 5 s per channel; several posts may stand in one.
EDITS, WINDOW = 5, 5.0
LONGEST_PAUSE = 300.0  # seconds between tries of a post that cannot be edited
_CLASS = 0x4D50  # first key of the advisory locks, as in core.db.instance
_WAITING = "projections_marked"  # in a session's info: what to look at after its commit


@dataclass(frozen=True)
class Post:
    """A row of `projections`; channel and message are Discord's ids."""

    id: int
    guild_id: int
    kind: str
    subject: str
    group_id: int | None
    channel_id: int
    message_id: int | None


Draw = Callable[[Post], Awaitable[Shown | None]]


@dataclass(frozen=True)
class Kind:
    """How posts of a kind are drawn (None: nothing to show now), sent, and put back."""

    draw: Draw
    silent: bool = True  # a new one makes no sound
    restore: bool = True  # put back where somebody deletes it


_kinds: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Say how posts of this kind are kept up; at import, by whoever owns the kind."""
    _kinds[name] = kind


def lock_of(kind: str, subject: str) -> Any:
    """SQL that takes this transaction's share of the post's lock; see `mark`."""
    return func.pg_advisory_xact_lock_shared(_CLASS, func.hashtext(_lock_name(kind, subject)))


def _lock_name(kind: str, subject: str) -> str:
    """Kinds that begin alike ("answers", "answers_line") are views of one thing."""
    return f"{kind.partition('_')[0]}:{subject}"


async def mark(session: AsyncSession, kind: str, subjects: Iterable[str]) -> None:
    """What these posts show changes in this transaction. After its commit they are edited."""
    for subject in sorted(set(subjects)):
        await session.execute(select(lock_of(kind, subject)))
        await mark_locked(session, [(kind, subject)])


async def mark_locked(session: AsyncSession, keys: Sequence[Key]) -> None:
    """Like `mark`, where the transaction took its share of the locks in an earlier statement."""
    if not keys:
        return
    await session.execute(
        update(Projection)
        .where(
            Projection.kind.in_({kind for kind, _ in keys}),
            Projection.subject.in_({subject for _, subject in keys}),
            Projection.dirty.is_(False),
        )
        .values(dirty=True)
        .execution_options(synchronize_session=False)
    )
    look_after_commit(session, keys)


def look_after_commit(session: AsyncSession, keys: Iterable[Key]) -> None:
    """Have the keeper look at these posts once the transaction is committed."""
    session.info.setdefault(_WAITING, []).extend(keys)


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    """Whoever marked has committed: look at their posts soon."""
    keys = session.info.pop(_WAITING, None)
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
                self._tasks[key] = asyncio.create_task(self._keep(key), name=f"post {key}")

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
            await self._pause(GATHER)
            for times in count():
                self._again.discard(key)
                await self.bring(key)
                if key not in self._again:
                    return
                await self._pause(min(APART * 2**times, LONGEST_APART))
        except Exception as error:
            # The row still says that it is not done: the sweep comes back to it.
            sentry_sdk.capture_exception(error)
            log.exception("post_not_kept", key=key)
        finally:
            self._tasks.pop(key, None)

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

    async def bring(self, key: Key, *, again: bool = False) -> Outcome:
        """Draw a post now and show it if it changed; what became of it. One at a time each.

        After a failure it is left alone for a while, unless it is tried `again` by a retry.
        """
        loop = asyncio.get_running_loop()
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            until, failures = self._blocked.get(key, (0.0, 0))
            if loop.time() < until and not again:
                return OK  # the row stays dirty, and its group's retry comes
            channel_id = await _channel_of(key)
            if channel_id is None:
                return OK
            at = await self._turn(key, channel_id)
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

    async def _turn(self, key: Key, channel_id: int) -> float:
        """Wait until this post may be edited, and take one of its channel's edits; its time."""
        edits = self._edits.setdefault(channel_id, deque(maxlen=2 * EDITS))
        now = asyncio.get_running_loop().time()
        at = max(now, self._last.get(key, now - APART) + APART)
        if len(edits) >= EDITS:
            at = max(at, edits[-EDITS] + WINDOW)
        edits.append(at)
        await self._pause(at - now)
        return at


keeper = Keeper()


def _row(key: Key) -> Any:
    return select(Projection).where(Projection.kind == key[0], Projection.subject == key[1])


async def _channel_of(key: Key) -> int | None:
    async with get_database().transaction() as session:
        found: int | None = await session.scalar(
            select(Projection.channel_id).where(
                Projection.kind == key[0], Projection.subject == key[1]
            )
        )
        return found


async def _bring(key: Key) -> tuple[Outcome, bool]:
    """What became of it, and whether Discord was called."""
    kind, claimed = _kinds.get(key[0]), await _claim(key)
    if kind is None or claimed is None:
        return OK, False
    post, before = claimed
    shown = await kind.draw(post)
    if shown is None:
        await _nothing(post, before)
        return OK, False
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()
    if digest == before and post.message_id is not None:
        await _note(post.id, shown_hash=digest)
        return OK, False
    outcome = await _show(post, shown, digest, kind)
    if not outcome and outcome.error_class != "unknown_channel":
        log.warning("post_not_shown", guild_id=post.guild_id, key=key, error=outcome.text)
        await _failed(post)
    return outcome, True


async def _claim(key: Key) -> tuple[Post, str | None] | None:
    """The row, taken to be drawn, with the hash of what it showed. Waits for those who `mark`."""
    async with get_database().transaction() as session:
        await session.execute(
            select(func.pg_advisory_xact_lock(_CLASS, func.hashtext(_lock_name(*key))))
        )
        row = await session.scalar(_row(key))
        if row is None:
            return None
        before = row.shown_hash
        post = Post(
            row.id, row.guild_id, row.kind, row.subject, row.group_id, row.channel_id,
            row.message_id,
        )  # fmt: skip
        row.dirty, row.shown_hash = False, None
        return post, before


async def _show(post: Post, shown: Shown, digest: str, kind: Kind) -> Outcome:
    """Edit the post, or put it up (again) where there is none."""
    if post.message_id is None:
        return await _send(post, shown, digest, kind)
    outcome = await messages.edit_channel_message(
        post.channel_id, post.message_id, shown.text, buttons=_buttons(shown)
    )
    if outcome:
        await _note(post.id, shown_hash=digest)
    elif outcome.error_class == "unknown_message":
        replaced = await _replace(post, kind)
        # None: not to be put back, or another process does.
        return await _send(replaced, shown, digest, kind) if replaced else OK
    elif outcome.error_class == "unknown_channel":
        await _forget(post)
    return outcome


async def _send(post: Post, shown: Shown, digest: str, kind: Kind) -> Outcome:
    """The row's id makes a repeated try one message."""
    outcome = await messages.send_channel_message(
        post.channel_id, shown.text, buttons=_buttons(shown), silent=kind.silent,
        key=f"post:{post.kind}:{post.id}",
    )  # fmt: skip
    if outcome:
        await _note(post.id, shown_hash=digest, message_id=outcome.value.id)
    elif outcome.error_class == "unknown_channel":
        await _forget(post)
    return outcome


def _buttons(shown: Shown) -> list[messages.Button]:
    return [messages.Button(b.label, b.action, b.number, b.style) for b in shown.buttons]


async def _note(post_id: int, **values: Any) -> None:
    async with get_database().transaction() as session:
        await session.execute(update(Projection).where(Projection.id == post_id).values(**values))


async def _nothing(post: Post, before: str | None) -> None:
    """It has nothing to show now: a row that never showed anything goes."""
    if post.message_id is None:
        await _forget(post)
    else:
        await _note(post.id, shown_hash=before or "")


async def _failed(post: Post) -> None:
    """It stays dirty. Its group's answers are due, where their row does not say worse already."""
    async with get_database().transaction() as session:
        await session.execute(update(Projection).where(Projection.id == post.id).values(dirty=True))
        await session.execute(
            update(SyncState)
            .where(
                SyncState.guild_id == post.guild_id,
                SyncState.group_id == post.group_id,
                SyncState.system == "rsvps",
                SyncState.status == SyncStatus.ok,
            )
            .values(status=SyncStatus.due, next_attempt_at=utcnow())
        )


async def _forget(post: Post) -> None:
    async with get_database().transaction() as session:
        await session.execute(delete(Projection).where(Projection.id == post.id))


async def _replace(post: Post, kind: Kind) -> Post | None:
    """A new row for a post that somebody deleted: its new id gives a new nonce. None: no more."""
    async with get_database().transaction() as session:
        gone = await session.scalar(
            delete(Projection)
            .where(Projection.id == post.id, Projection.message_id == post.message_id)
            .returning(Projection.id)
        )
        if gone is None or not kind.restore:
            return None
        made = await add(
            session, guild_id=post.guild_id, kind=post.kind, subject=post.subject,
            channel_id=post.channel_id, group_id=post.group_id, now=utcnow(),
        )  # fmt: skip
    if made is None:
        return None
    return Post(made, post.guild_id, post.kind, post.subject, post.group_id, post.channel_id, None)


async def add(
    session: AsyncSession,
    *,
    guild_id: int,
    kind: str,
    subject: str,
    channel_id: int,
    group_id: int | None,
    now: datetime,
) -> int | None:
    """A row for a post to come; None where it is there. After the commit it is put up."""
    made: int | None = await session.scalar(
        insert(Projection)
        .values(guild_id=guild_id, kind=kind, subject=subject, channel_id=channel_id,
                group_id=group_id, dirty=True, created_at=now)
        .on_conflict_do_nothing()
        .returning(Projection.id)
    )  # fmt: skip
    if made is not None:
        look_after_commit(session, [(kind, subject)])
    return made


async def deleted(guild_id: int, message_ids: Sequence[int]) -> int:
    """Somebody deleted these messages: posts of ours among them are put back, each once.

    Kinds that are not registered here belong to others.
    """
    async with get_database().transaction() as session:
        rows = await session.scalars(
            select(Projection).where(
                Projection.guild_id == guild_id,
                Projection.message_id.in_(message_ids),
                Projection.kind.in_(_kinds),
            )
        )
        posts = [
            Post(r.id, r.guild_id, r.kind, r.subject, r.group_id, r.channel_id, r.message_id)
            for r in rows
        ]
    # A replaced row is dirty, and adding it pokes the keeper.
    return len([p for p in posts if await _replace(p, _kinds[p.kind])])


async def unfinished() -> list[Key]:
    """Keys of the posts that do not show what they should: after a start."""
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(Projection.kind, Projection.subject)
            .where(
                Projection.kind.in_(_kinds),
                or_(Projection.dirty, Projection.shown_hash.is_(None)),
            )
            .order_by(Projection.id)
        )
        return [(kind, subject) for kind, subject in rows]
