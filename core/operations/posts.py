"""What follows a change of seats by itself: the posted list of groups, and who waits for a seat.

A post is a view to keep up, not a message to send: its row has the channel, the message and the
hash of what it shows. How it looks is the caller's business (`Draw`), when it changes is ours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Group, Projection, SeatWatch, User
from core.discord_outbound import messages
from core.discord_outbound.cache import guild_view
from core.errors import Refusal
from core.operations import groups, membership
from core.operations.common import Actor, audit, ensure_guild
from core.operations.groups import GroupView

log = structlog.get_logger(__name__)

KIND = "groups_post"
# A claim on a watcher that came to no end within this time (a crash) is given up. It must be
# longer than Discord remembers a nonce ("the past few minutes"), or somebody might hear twice.
CLAIM = timedelta(minutes=10)

# From the groups that can be joined to a post's text and its buttons.
Draw = Callable[[Sequence[GroupView]], tuple[str, Any]]


@dataclass(frozen=True)
class Posted:
    """Where the list is; `pin_problem` says why it could not be pinned."""

    channel_id: int
    message_id: int
    was_there: bool
    pin_problem: str | None = None


@dataclass
class _Turn:
    """One refresh of a guild's posts at a time, and at most one that waits for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: bool = False


_turns: WeakValueDictionary[int, Any] = WeakValueDictionary()


async def publish(actor: Actor, channel_id: int, draw: Draw) -> Posted:
    """A moderator wants the list in this channel. One list a channel: asking again repairs it.

    Raises Refusal(not_allowed, unknown_channel) and Temporary- or PermanentError from Discord.
    """
    actor.must_moderate()
    view = guild_view(actor.guild_id)
    if view is None or view.channel_name(channel_id) is None:
        raise Refusal("unknown_channel", "The list can only be posted in a channel of this server.")
    async with get_database().transaction() as session:
        await ensure_guild(session, actor.guild_id)
        await session.execute(_row(actor.guild_id, channel_id).on_conflict_do_nothing())
        row = await _find(session, actor.guild_id, channel_id)
        was_there = row is not None and row.message_id is not None
    await refresh(actor.guild_id, draw, force=True)
    async with get_database().transaction() as session:
        row = await _find(session, actor.guild_id, channel_id)
        message_id = row.message_id if row is not None else None
        if not was_there and message_id is not None:
            audit(session, actor, "groups_posted", after={"channel_id": str(channel_id)})
    if message_id is None:
        await _forget(actor.guild_id, channel_id)
        raise Refusal(
            "not_posted", "The list could not be posted here: `/check` names what Muster lacks."
        )
    pinned = await messages.pin(channel_id, message_id)
    return Posted(channel_id, message_id, was_there, None if pinned else pinned.text)


async def refresh(guild_id: int, draw: Draw, *, force: bool = False) -> None:
    """Bring every post of the guild up to date: at most one edit each, none if nothing changed.

    Calls that come while one waits share its edit. `force` edits even an unchanged post, which
    shows whether it is still there.
    """
    turn: _Turn = _turns.setdefault(guild_id, _Turn())
    if turn.waiting and not force:
        return  # whoever waits reads what has changed by now
    turn.waiting = turn.waiting or not force
    async with turn.lock:
        turn.waiting = False
        async with get_database().transaction() as session:
            rows = await session.scalars(
                select(Projection).where(Projection.guild_id == guild_id, Projection.kind == KIND)
            )
            posts = rows.all()
        if not posts:
            return
        text, view = draw(await groups.joinable(guild_id, None))
        digest = hashlib.sha256(text.encode()).hexdigest()
        for post in posts:
            if force or post.dirty or post.message_id is None or post.shown_hash != digest:
                await _bring(post, text, view, digest)


async def _bring(post: Projection, text: str, view: Any, digest: str) -> None:
    if post.message_id is not None:
        outcome = await messages.edit_channel_message(
            post.channel_id, post.message_id, text, view=view
        )
        if outcome:
            await _shown(post.id, post.message_id, digest)
            return
        if outcome.error_class == "unknown_channel":
            await _forget(post.guild_id, post.channel_id)
            return
        if outcome.error_class != "unknown_message":
            log.warning("post_not_edited", guild_id=post.guild_id, error=outcome.text)
            await _failed(post.id)
            return
        replaced = await _replace(post)
        if replaced is None:
            return  # another process puts it back
        post = replaced
    await _send(post, text, view, digest)


async def _send(post: Projection, text: str, view: Any, digest: str) -> None:
    """Post it for the first time, or again. The row's id makes a repeated try one message."""
    outcome = await messages.send_channel_message(
        post.channel_id, text, view=view, key=f"groups-post:{post.id}"
    )
    if outcome.error_class == "unknown_channel":
        await _forget(post.guild_id, post.channel_id)
        return
    if not outcome:
        log.warning("post_not_sent", guild_id=post.guild_id, error=outcome.text)
        return
    await _shown(post.id, outcome.value.id, digest)
    pinned = await messages.pin(post.channel_id, outcome.value.id)
    if not pinned:
        log.info("post_not_pinned", guild_id=post.guild_id, error=pinned.text)


def _row(guild_id: int, channel_id: int) -> Any:
    return insert(Projection).values(
        guild_id=guild_id, kind=KIND, subject=str(channel_id), channel_id=channel_id,
        created_at=utcnow(),
    )  # fmt: skip


async def _find(session: AsyncSession, guild_id: int, channel_id: int) -> Projection | None:
    found: Projection | None = await session.scalar(
        select(Projection).where(
            Projection.guild_id == guild_id,
            Projection.kind == KIND,
            Projection.subject == str(channel_id),
        )
    )
    return found


async def _replace(post: Projection) -> Projection | None:
    """A new row for a post that somebody deleted: its new id gives a new nonce. None: lost."""
    async with get_database().transaction() as session:
        gone = await session.scalar(
            delete(Projection)
            .where(Projection.id == post.id, Projection.message_id == post.message_id)
            .returning(Projection.id)
        )
        if gone is None:
            return None
        await session.execute(_row(post.guild_id, post.channel_id))
        return await _find(session, post.guild_id, post.channel_id)


async def _shown(post_id: int, message_id: int, digest: str) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            update(Projection)
            .where(Projection.id == post_id)
            .values(message_id=message_id, shown_hash=digest, dirty=False)
        )


async def _failed(post_id: int) -> None:
    async with get_database().transaction() as session:
        await session.execute(update(Projection).where(Projection.id == post_id).values(dirty=True))


async def _forget(guild_id: int, channel_id: int) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            delete(Projection).where(
                Projection.guild_id == guild_id,
                Projection.kind == KIND,
                Projection.subject == str(channel_id),
            )
        )


async def deleted(guild_id: int, message_ids: Sequence[int]) -> bool:
    """Note that these messages are gone; True where one of them was a post of ours."""
    async with get_database().transaction() as session:
        rows = await session.scalars(
            update(Projection)
            .where(Projection.guild_id == guild_id, Projection.message_id.in_(message_ids))
            .values(dirty=True)
            .returning(Projection.id)
        )
        return bool(rows.all())


async def guild_of(group_id: int) -> int | None:
    """The guild of a group, whatever its status."""
    async with get_database().transaction() as session:
        found: int | None = await session.scalar(select(Group.guild_id).where(Group.id == group_id))
        return found


async def look_again() -> tuple[list[int], list[int]]:
    """What the clock may have changed: (guild ids with posts, group ids with watchers).

    Watchers whose message never got to an end (a crash, Discord down) are freed to be told.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        await session.execute(
            update(SeatWatch)
            .where(SeatWatch.told_at.is_(None), SeatWatch.claimed_at < now - CLAIM)
            .values(claimed_at=None)
        )
        guilds = await session.scalars(
            select(Projection.guild_id).where(Projection.kind == KIND).distinct()
        )
        waited_for = await session.scalars(
            select(SeatWatch.group_id).where(SeatWatch.claimed_at.is_(None)).distinct()
        )
        return sorted(guilds), sorted(waited_for)


async def tell_watchers(group_id: int) -> int:
    """Tell those who wait that this group has a seat, each once; how many were told."""
    guild_id = await guild_of(group_id)
    view = guild_view(guild_id) if guild_id is not None else None
    if guild_id is None or view is None:
        return 0  # the sweep comes again once the guild is there
    label, _, people = await membership.freed_seats(group_id)
    told = 0
    for user_id in people:
        text = (
            f"🪑 A seat is free in **{messages.plain(label)}** on {messages.plain(view.name)}. "
            "Use `/groups` there to take it; whoever comes first gets it."
        )
        done = True
        if view.member(user_id) is not None:
            done = await _tell(guild_id, group_id, user_id, text)
            told += done
        if done:
            await _told(group_id, user_id)
    return told


async def _tell(guild_id: int, group_id: int, user_id: int, text: str) -> bool:
    """A direct message, else a mention beside the posted list. False: try again later."""
    async with get_database().transaction() as session:
        watch = await session.scalar(
            select(SeatWatch.id).where(SeatWatch.group_id == group_id, SeatWatch.user_id == user_id)
        )
        wants = await session.scalar(select(User.dm_enabled).where(User.id == user_id))
        channel = await session.scalar(
            select(Projection.channel_id)
            .where(Projection.guild_id == guild_id, Projection.kind == KIND)
            .order_by(Projection.id)
            .limit(1)
        )
    key = f"seat:{watch}:{utcnow():%Y%m%d%H}"
    if wants:
        outcome = await messages.send_dm(user_id, text, key=key)
        if outcome or not outcome.permanent:
            return bool(outcome)
    if channel is not None:
        mentioned = await messages.send_channel_message(
            channel, f"<@{user_id}> {text}", mention=[user_id], key=key
        )
        return bool(mentioned) or mentioned.permanent
    log.info("watcher_not_reached", guild_id=guild_id, group_id=group_id, user_id=user_id)
    return True


async def _told(group_id: int, user_id: int) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            update(SeatWatch)
            .where(SeatWatch.group_id == group_id, SeatWatch.user_id == user_id)
            .values(told_at=utcnow())
        )
