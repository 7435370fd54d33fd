"""Announcements: sent once to every channel that was chosen, changed or withdrawn everywhere.

Posts go out through the rows of `deliveries`. A change raises the version, and writes a row for
every post that is there; what is not sent yet says the new text by itself (`notices.announce`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Announcement, Delivery, DeliveryStatus
from core.db.queries.deliveries import New, enqueue
from core.discord_outbound.messages import CONTENT_LIMIT
from core.errors import Refusal
from core.notifications import notices
from core.notifications.saying import MENTIONED
from core.notifications.still import REASONS
from core.operations.announce_targets import Place, Reach, reach
from core.operations.common import Actor, audit
from core.reconcile.cleaning import lines, says_something
from core.words import pack, t

LIMIT = 1800  # characters of a text; the rest of Discord's 2000 is for mentions and a late mark
_MENTION = 24  # characters: <@, an id of at most 20 digits, >, and a space
_LATE = 80  # characters of the line that marks what is late


@dataclass(frozen=True)
class Draft:
    """What is about to be sent. `id` (Discord's, of the form) makes two presses one announcement.

    `targets` are values of `announce_targets.Target`.
    """

    id: int
    text: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """An announcement as it is now. `posts` are those it has, or would have."""

    id: int
    text: str
    posts: int
    names: tuple[str, ...] = ()
    withdrawn: bool = False


def checked(typed: str) -> str:
    """The text as it is stored: lines without control or direction characters.

    Raises Refusal: empty_text, too_long.
    """
    kept = lines(typed)
    if not says_something(kept):
        raise Refusal("empty_text", t("The text is empty. Type at least one word."))
    if len(kept) > LIMIT:
        raise Refusal(
            "too_long",
            t("The text has {n} characters; {limit} are possible.", n=len(kept), limit=LIMIT),
        )
    return kept


async def preview(actor: Actor, targets: Sequence[str]) -> Reach:
    """Where it would go now. Raises Refusal: not_allowed, target_not_found."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        return await reach(session, actor.guild_id, targets)


async def send(actor: Actor, news: Draft, *, ping: bool) -> Written:
    """Write the announcement and a row for every post; sent by the dispatcher after the commit.

    `ping` notifies the people of the chosen groups. The same draft again changes nothing more.
    Raises Refusal: not_allowed, target_not_found, no_target, no_channel, empty_text, too_long.
    """
    actor.must_moderate()
    text, now = checked(news.text), utcnow()
    if not news.targets:
        raise Refusal("no_target", t("Choose at least one group or cohort. Nothing was sent."))
    async with get_database().transaction() as session:
        found = await reach(session, actor.guild_id, news.targets)
        if not found.places:
            raise Refusal(
                "no_channel",
                t("None of these groups has a channel yet: a group gets its channels with its "
                  "first person. Nothing was sent."),
            )  # fmt: skip
        made = await session.scalar(
            insert(Announcement)
            .values(
                guild_id=actor.guild_id, draft_id=news.id, author_id=actor.user_id, content=text,
                targets={"chosen": list(news.targets), "names": list(found.names)}, ping=ping,
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=[Announcement.draft_id])
            .returning(Announcement.id)
        )  # fmt: skip
        if made is None:
            return await _of_draft(session, actor, news.id)
        rows = [
            row for place in found.places for row in _rows(actor.guild_id, made, place, text, ping)
        ]
        await enqueue(session, rows, now)
        alone = found.places[0] if len(found.places) == 1 else Place(0)
        audit(
            session, actor, "announced", group_id=alone.group_id, cohort_id=alone.cohort_id,
            after={"announcement": made, "posts": len(rows), "names": list(found.names),
                   "people": found.people if ping else 0},
        )  # fmt: skip
        return Written(made, text, len(rows), found.names)


def _rows(
    guild_id: int, announcement_id: int, place: Place, text: str, ping: bool
) -> Iterator[New]:
    """The post with as many mentions as it takes, and further ones for the other people."""
    people = list(place.people) if ping else []
    room = min(MENTIONED, (CONTENT_LIMIT - _LATE - len(text)) // _MENTION)
    part = 0
    while part == 0 or people:
        now, people = people[:room], people[room:]
        yield notices.announce(
            guild_id, announcement_id, place.channel_id, utcnow(), place.group_id,
            cohort_id=place.cohort_id, mention=now, part=part,
        )  # fmt: skip
        part, room = part + 1, min(MENTIONED, CONTENT_LIMIT // _MENTION)


async def _of_draft(session: AsyncSession, actor: Actor, draft_id: int) -> Written:
    row = await session.scalar(
        select(Announcement).where(
            Announcement.guild_id == actor.guild_id, Announcement.draft_id == draft_id
        )
    )
    if row is None:
        raise _not_found()
    return await _written(session, row)


async def _written(session: AsyncSession, row: Announcement) -> Written:
    posts = await session.scalars(
        select(Delivery.id).where(
            Delivery.guild_id == row.guild_id,
            Delivery.announcement_id == row.id,
            Delivery.kind == "announce",
        )
    )
    names = tuple(row.targets.get("names", ()))
    return Written(row.id, row.content, len(posts.all()), names, row.withdrawn_at is not None)


def _not_found() -> Refusal:
    return Refusal("announcement_not_found", t("There is no such announcement here."))


async def show(actor: Actor, announcement_id: int) -> Written:
    """An announcement of this guild. Raises Refusal: not_allowed, announcement_not_found."""
    actor.must_moderate()
    async with get_database().transaction() as session:
        return await _written(session, await _mine(session, actor, announcement_id))


async def _mine(
    session: AsyncSession, actor: Actor, announcement_id: int, *, lock: bool = False
) -> Announcement:
    query = select(Announcement).where(
        Announcement.guild_id == actor.guild_id, Announcement.id == announcement_id
    )
    # Rows refer to it meanwhile: theirs is a weaker lock, and both are possible.
    row = await session.scalar(query.with_for_update(key_share=True) if lock else query)
    if row is None:
        raise _not_found()
    return row


async def edit(actor: Actor, announcement_id: int, typed: str) -> Written:
    """Another text, also in the posts that are there.

    Raises Refusal: not_allowed, announcement_not_found, withdrawn, empty_text, too_long.
    """
    actor.must_moderate()
    text = checked(typed)
    async with get_database().transaction() as session:
        row = await _mine(session, actor, announcement_id, lock=True)
        _must_stand(row)
        if row.content == text:
            return await _written(session, row)
        before, row.content = row.content, text
        row.version += 1
        await session.flush()
        await _change_posts(session, row)
        audit(
            session, actor, "announcement_edited",
            before={"text": before},
            after={"announcement": row.id, "names": row.targets.get("names", []), "text": text},
        )  # fmt: skip
        return await _written(session, row)


def _must_stand(row: Announcement) -> None:
    if row.withdrawn_at is not None:
        raise Refusal("withdrawn", t("This announcement was withdrawn already. Nothing changed."))


async def withdraw(actor: Actor, announcement_id: int) -> Written:
    """Delete every post of it; what was not sent yet is not sent any more.

    Raises Refusal: not_allowed, announcement_not_found, withdrawn.
    """
    actor.must_moderate()
    async with get_database().transaction() as session:
        row = await _mine(session, actor, announcement_id, lock=True)
        _must_stand(row)
        row.withdrawn_at = utcnow()
        row.version += 1
        await session.flush()
        await _stop(session, row)
        await _change_posts(session, row)
        audit(
            session, actor, "announcement_withdrawn",
            after={"announcement": row.id, "names": row.targets.get("names", [])},
        )  # fmt: skip
        return await _written(session, row)


async def _stop(session: AsyncSession, row: Announcement) -> None:
    """What is being settled just now is passed by: whoever waits for a row would block it."""
    waiting = (
        select(Delivery.id)
        .where(
            Delivery.guild_id == row.guild_id,
            Delivery.announcement_id == row.id,
            Delivery.status.in_(
                (DeliveryStatus.pending, DeliveryStatus.failed, DeliveryStatus.dead)
            ),
        )
        .with_for_update(skip_locked=True)
    )
    ids = (await session.scalars(waiting)).all()
    await session.execute(
        update(Delivery)
        .where(Delivery.guild_id == row.guild_id, Delivery.id.in_(ids))
        .values(
            status=DeliveryStatus.skipped, error_class="withdrawn",
            error_text=pack(t(REASONS["withdrawn"])),
        )
    )  # fmt: skip


async def _change_posts(session: AsyncSession, row: Announcement) -> None:
    """A row for every post that is there; lists of mentions only go when it is withdrawn."""
    now = utcnow()
    posts = await session.scalars(
        select(Delivery)
        .where(
            Delivery.guild_id == row.guild_id,
            Delivery.announcement_id == row.id,
            Delivery.kind == "announce",
            Delivery.status == DeliveryStatus.sent,
        )
        .order_by(Delivery.id)
    )
    new = [
        notices.announce_edit(
            guild_id=row.guild_id, announcement_id=row.id, version=row.version, post=post.id,
            channel_id=post.sent_channel_id, message_id=post.message_id, group_id=post.group_id,
            payload=post.payload, now=now,
        )
        for post in posts
        if post.sent_channel_id is not None and post.message_id is not None
        and (row.withdrawn_at is not None or not post.payload.get("more"))
    ]  # fmt: skip
    await enqueue(session, new, now)
