"""The list of groups that moderators post: put up once, kept up to date, put back if deleted.

A post is a view to keep up, not a message to send: its row has the channel, the message and the
hash of what it shows. How it looks is the caller's business (`Draw`), when it changes is ours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Projection
from core.discord_outbound import messages
from core.discord_outbound.cache import guild_view
from core.discord_outbound.outcome import OK, Outcome
from core.errors import Refusal
from core.operations import group_views
from core.operations.common import Actor, audit, ensure_guild, guild_settings
from core.operations.group_views import GroupView
from core.words import speaking, t

log = structlog.get_logger(__name__)

KIND = "groups_post"
# From the groups that can be joined to a post's text and its buttons.
Draw = Callable[[Sequence[GroupView]], tuple[str, Any]]


@dataclass(frozen=True)
class Posted:
    """Where the list is; `pin_problem` says why it could not be pinned."""

    channel_id: int
    message_id: int
    was_there: bool
    pin_problem: str | None = None


@dataclass(frozen=True)
class Result:
    """What became of one post: the edit or send, and the pin where there was one to set."""

    outcome: Outcome
    pinned: Outcome = OK


@dataclass
class _Turn:
    """One refresh of a guild's posts at a time, and at most one that waits for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: bool = False


_turns: WeakValueDictionary[int, _Turn] = WeakValueDictionary()


async def publish(actor: Actor, channel_id: int, draw: Draw) -> Posted:
    """A moderator wants the list in this channel. One list a channel: asking again repairs it.

    Raises Refusal(not_allowed, unknown_channel) and Temporary- or PermanentError from Discord.
    """
    actor.must_moderate()
    view = guild_view(actor.guild_id)
    if view is None or view.channel_name(channel_id) is None:
        raise Refusal(
            "unknown_channel", t("The list can only be posted in a channel of this server.")
        )
    async with get_database().transaction() as session:
        await ensure_guild(session, actor.guild_id)
        await session.execute(_row(actor.guild_id, channel_id).on_conflict_do_nothing())
        row = await _find(session, actor.guild_id, channel_id)
        before = row.message_id if row is not None else None
    result = (await refresh(actor.guild_id, draw, force=True)).get(channel_id, Result(OK))
    async with get_database().transaction() as session:
        row = await _find(session, actor.guild_id, channel_id)
        message_id = row.message_id if row is not None else None
        if message_id is not None and message_id != before:
            audit(session, actor, "groups_posted", after={"channel_id": str(channel_id)})
    if not result.outcome or message_id is None:
        if before is None:
            await _forget(actor.guild_id, channel_id)
        raise result.outcome.as_error()
    pinned = result.pinned
    if message_id == before:
        pinned = await messages.pin(channel_id, message_id)
    return Posted(channel_id, message_id, message_id == before, None if pinned else pinned.text)


async def refresh(guild_id: int, draw: Draw, *, force: bool = False) -> dict[int, Result]:
    """Bring every post of the guild up to date: at most one edit each, none if nothing changed.

    They are in the server's language. Calls that come while one waits share its edit. `force`
    edits even an unchanged post, which shows whether it is still there. Returns what was done,
    by channel id.
    """
    turn = _turns.setdefault(guild_id, _Turn())
    if turn.waiting and not force:
        return {}  # whoever waits reads what has changed by now
    turn.waiting = turn.waiting or not force
    async with turn.lock:
        turn.waiting = False
        async with get_database().alone() as session:
            rows = await session.scalars(
                select(Projection).where(Projection.guild_id == guild_id, Projection.kind == KIND)
            )
            posts = rows.all()
            if not posts:
                return {}
            settings = await guild_settings(session, guild_id)
        shown = await group_views.joinable(guild_id, None)
        with speaking(settings.language):
            text, view = draw(shown)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return {
            post.channel_id: await _bring(post, text, view, digest)
            for post in posts
            if force or post.dirty or post.message_id is None or post.shown_hash != digest
        }


async def _bring(post: Projection, text: str, view: Any, digest: str) -> Result:
    """Edit one post, or put it up (again) where there is none."""
    if post.message_id is None:
        return await _send(post, text, view, digest)
    outcome = await messages.edit_channel_message(post.channel_id, post.message_id, text, view=view)
    if outcome:
        await _shown(post.id, post.message_id, digest)
    elif outcome.error_class == "unknown_message":
        replaced = await _replace(post)
        # None: another process puts it back.
        return await _send(replaced, text, view, digest) if replaced else Result(OK)
    elif outcome.error_class == "unknown_channel":
        await _forget(post.guild_id, post.channel_id)
    else:
        log.warning("post_not_edited", guild_id=post.guild_id, error=outcome.text)
        await _failed(post.id)
    return Result(outcome)


async def _send(post: Projection, text: str, view: Any, digest: str) -> Result:
    """Post it for the first time, or again. The row's id makes a repeated try one message."""
    outcome = await messages.send_channel_message(
        post.channel_id, text, view=view, key=f"groups-post:{post.id}"
    )
    if outcome:
        await _shown(post.id, outcome.value.id, digest)
        return Result(outcome, await messages.pin(post.channel_id, outcome.value.id))
    if outcome.error_class == "unknown_channel":
        await _forget(post.guild_id, post.channel_id)
    log.warning("post_not_sent", guild_id=post.guild_id, error=outcome.text)
    return Result(outcome)


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


async def guilds() -> list[int]:
    """Ids of the guilds that have a post to keep up."""
    async with get_database().alone() as session:
        rows = await session.scalars(
            select(Projection.guild_id).where(Projection.kind == KIND).distinct()
        )
        return sorted(rows)


async def channels(session: AsyncSession, guild_id: int) -> list[int]:
    """Discord ids of the channels with the guild's lists, oldest first."""
    rows = await session.scalars(
        select(Projection.channel_id)
        .where(Projection.guild_id == guild_id, Projection.kind == KIND)
        .order_by(Projection.id)
    )
    return list(rows)
