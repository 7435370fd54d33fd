"""The rows of posts that show state: marked, claimed to be drawn, and put in place of one another.

See core.systems.projections for what is done with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Projection, SyncState, SyncStatus
from core.db.queries.built import table_of

# Subjects are ids of the database or Discord's, so a key means one guild's row.
Key = tuple[str, str]  # kind, subject

_CLASS = 0x4D50  # first key of the advisory locks, as in core.db.instance
WAITING = "projections_marked"  # in a session's info: what to look at after its commit


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


def lock_of(name: Any) -> Any:
    """SQL that takes this transaction's share of the lock of that `lock_name`; see `mark`."""
    return func.pg_advisory_xact_lock_shared(_CLASS, func.hashtext(name))


def lock_name(kind: str, subject: str) -> str:
    """Kinds that begin alike ("answers", "answers_line") are views of one thing."""
    return f"{kind.partition('_')[0]}:{subject}"


_SHARE = text("""
    select pg_advisory_xact_lock_shared(:class, hashtext(name))
    from unnest(cast(:names as text[])) as name
    """)
_MARK = text("""
    update projections set dirty = true
    where kind = any(:kinds) and subject = any(:subjects) and not dirty
    """)


async def mark(session: AsyncSession, keys: Collection[Key]) -> None:
    """What these posts show changes in this transaction. After its commit they are edited.

    Two statements: the second one sees what was committed while the first waited for its locks,
    which everybody takes in the same order.
    """
    if not keys:
        return
    names = sorted({lock_name(*key) for key in keys})
    await session.execute(_SHARE, {"class": _CLASS, "names": names})
    kinds, subjects = (sorted(set(part)) for part in zip(*keys, strict=True))
    await session.execute(_MARK, {"kinds": kinds, "subjects": subjects})
    look_after_commit(session, keys)


async def mark_all(session: AsyncSession, guild_id: int) -> None:
    """Every post of a guild shows something else: it speaks another language now."""
    rows = await session.execute(
        select(Projection.kind, Projection.subject).where(Projection.guild_id == guild_id)
    )
    await mark(session, [(kind, subject) for kind, subject in rows])


def look_after_commit(session: AsyncSession, keys: Iterable[Key]) -> None:
    """Have the keeper look at these posts once the transaction is committed."""
    session.info.setdefault(WAITING, []).extend(keys)


# A row shows what it should where it is not dirty and not being drawn.
_CHANNEL = text("""
    select channel_id from projections
    where kind = :kind and subject = :subject and (dirty or shown_hash is null)
    """)


async def channel_of(key: Key) -> int | None:
    """Discord's id of the channel of a post that is to be drawn; None where there is none."""
    async with get_database().alone() as session:
        values = {"kind": key[0], "subject": key[1]}
        found: int | None = await session.scalar(_CHANNEL, values)
        return found


_ALONE = text("select pg_advisory_xact_lock(:class, hashtext(:name))")
# The row as it was, and taken.
_CLAIM = text("""
    with was as (
        select * from projections
        where kind = :kind and subject = :subject and (dirty or shown_hash is null)
        for update
    )
    update projections as p set dirty = false, shown_hash = null from was where p.id = was.id
    returning was.id, was.guild_id, was.kind, was.subject, was.group_id, was.channel_id,
        was.message_id, was.shown_hash
    """)


async def claim(key: Key) -> tuple[Post, str | None] | None:
    """The row, taken to be drawn, with the hash of what it showed; None: it shows what it should.

    Waits for those who `mark`.
    """
    async with get_database().transaction() as session:
        await session.execute(_ALONE, {"class": _CLASS, "name": lock_name(*key)})
        found = await session.execute(_CLAIM, {"kind": key[0], "subject": key[1]})
        row = found.one_or_none()
    return (Post(*row[:-1]), row[-1]) if row is not None else None


_NOTE = text("""
    update projections set shown_hash = :hash, message_id = coalesce(:message, message_id)
    where id = :id
    """)


async def note(post_id: int, shown_hash: str, message_id: int | None = None) -> None:
    """The post shows this now; `message_id` is Discord's, of one that was sent."""
    async with get_database().alone() as session:
        await session.execute(_NOTE, {"id": post_id, "hash": shown_hash, "message": message_id})


async def nothing(post: Post, before: str | None) -> None:
    """It has nothing to show now: a row that never showed anything goes."""
    if post.message_id is None:
        await forget(post)
    else:
        await note(post.id, before or "")


async def failed(post: Post) -> None:
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


async def forget(post: Post) -> None:
    """The post is gone for good, and so is its row."""
    async with get_database().transaction() as session:
        await session.execute(delete(Projection).where(Projection.id == post.id))


async def replace(post: Post, *, restore: bool) -> Post | None:
    """A new row for a post that somebody deleted: its new id gives a new nonce. None: no more."""
    async with get_database().transaction() as session:
        gone = await session.scalar(
            delete(Projection)
            .where(Projection.id == post.id, Projection.message_id == post.message_id)
            .returning(Projection.id)
        )
        if gone is None or not restore:
            return None
        made = await add(
            session, guild_id=post.guild_id, kind=post.kind, subject=post.subject,
            channel_id=post.channel_id, group_id=post.group_id, now=utcnow(),
        )  # fmt: skip
    if made is None:
        return None
    return Post(made, post.guild_id, post.kind, post.subject, post.group_id, post.channel_id, None)


_TABLE = table_of(Projection)
_ADD = insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.id)


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
    values = {
        "guild_id": guild_id, "kind": kind, "subject": subject, "channel_id": channel_id,
        "group_id": group_id, "dirty": True, "created_at": now,
    }  # fmt: skip
    made: int | None = await session.scalar(_ADD, values)
    if made is not None:
        look_after_commit(session, [(kind, subject)])
    return made
