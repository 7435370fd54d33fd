"""Who waits for a seat is told when there is one: a direct message, else beside the posted list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Cohort, Group, SeatWatch, User
from core.db.queries import seats as seat_queries
from core.discord_outbound import messages
from core.discord_outbound.cache import guild_view
from core.errors import Refusal
from core.operations import posts
from core.operations.common import Actor, ensure_person, get_group, guild_settings
from core.reconcile.trace import LIVE
from core.words import speaking, t

log = structlog.get_logger(__name__)

# A claim on a watcher that came to no end within this time (a crash, Discord down) is given up.
# Longer than Discord remembers a nonce ("the past few minutes") is safe: it was not delivered.
CLAIM = timedelta(minutes=10)
HEAD_START = timedelta(hours=1)  # for whoever was told of a free seat, before the next is

# From the group's label and the server's name to the sentence, in the language spoken then.
Words = Callable[[str, str], str]


async def watch(actor: Actor, group_id: int) -> str:
    """Tell this person once when the full group has a seat again; the group's name."""
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id)
        if group.status not in LIVE:
            raise Refusal("group_not_found", t("This group does not take anybody any more."))
        await ensure_person(session, actor.guild_id, actor.user_id, actor.name)
        statement = insert(SeatWatch).values(
            guild_id=actor.guild_id, group_id=group_id, user_id=actor.user_id, created_at=utcnow()
        )
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[SeatWatch.group_id, SeatWatch.user_id],
                set_={"told_at": None, "claimed_at": None},
            )
        )
        return group.name


async def freed(guild_id: int, group_id: int) -> tuple[str, list[int]]:
    """Claim the watchers to tell now: (group's label, user ids), oldest first.

    As many as there are free seats are told, and for an hour a seat is offered to nobody else;
    a claim is given once, so nobody hears twice.
    """
    async with get_database().transaction() as session:
        group = await session.scalar(
            select(Group).where(Group.guild_id == guild_id, Group.id == group_id).with_for_update()
        )
        if group is None or group.status not in LIVE:
            return "", []
        cohort = await session.get_one(Cohort, group.cohort_id)
        free = group.seats - len((await seat_queries.taken(session, [group_id]))[group_id])
        # Who was told a moment ago has the first chance; joining removes the watch.
        free -= (
            await session.scalar(
                select(func.count()).where(
                    SeatWatch.group_id == group_id, SeatWatch.claimed_at > utcnow() - HEAD_START
                )
            )
            or 0
        )
        if free <= 0:
            return "", []
        watches = await session.scalars(
            select(SeatWatch)
            .where(SeatWatch.group_id == group_id, SeatWatch.claimed_at.is_(None))
            .order_by(SeatWatch.created_at, SeatWatch.id)
            .limit(free)
            .with_for_update(skip_locked=True)
        )
        told = []
        for watch in watches:
            watch.claimed_at = utcnow()
            told.append(watch.user_id)
        return f"{group.name} · {cohort.name}", told


_WAITED_IN = text("""
    select guild_id,
        exists (select from seat_watches where group_id = :group and claimed_at is null)
    from groups where id = :group
    """)


async def waited_in(group_id: int) -> tuple[int | None, bool]:
    """A group's guild, whatever the group's status; whether somebody waits who was not told."""
    async with get_database().alone() as session:
        found = await session.execute(_WAITED_IN, {"group": group_id})
        guild_id, waited = found.one_or_none() or (None, False)
        return guild_id, waited


_FREE_CLAIMS = text("""
    update seat_watches set claimed_at = null where told_at is null and claimed_at < :before
    """)
_WAITED_FOR = text("""
    select distinct guild_id, group_id from seat_watches where claimed_at is null
    order by guild_id, group_id
    """)


async def waited_for() -> list[tuple[int, int]]:
    """(guild id, group id) of the groups whose seats somebody waits for and was not told about.

    Claims that never came to an end are freed first, so that their people are told after all.
    """
    async with get_database().alone() as session:
        await session.execute(_FREE_CLAIMS, {"before": utcnow() - CLAIM})
        return [(guild, group) for guild, group in await session.execute(_WAITED_FOR)]


async def tell_watchers(guild_id: int, group_id: int, words: Words) -> int:
    """Tell those who wait that this group has a seat, each once; how many were told."""
    view = guild_view(guild_id)
    if view is None:
        return 0  # the clock comes again once the guild is there
    label, people = await freed(guild_id, group_id)
    told = 0
    for user_id in people:
        done = True
        if view.member(user_id) is not None:  # who left the server is not followed
            done = await _tell(guild_id, group_id, user_id, partial(words, label, view.name))
            told += done
        if done:
            await _told(group_id, user_id)
    return told


async def _tell(guild_id: int, group_id: int, user_id: int, sentence: Callable[[], str]) -> bool:
    """A direct message, else a mention beside the posted list. False: try again later.

    The message is in the person's language where they chose one, the post in the server's.
    """
    async with get_database().transaction() as session:
        watch = await session.execute(
            select(SeatWatch.id, SeatWatch.claimed_at).where(
                SeatWatch.group_id == group_id, SeatWatch.user_id == user_id
            )
        )
        claim = watch.one_or_none()
        person = await session.get(User, user_id)
        channels = await posts.channels(session, guild_id)
        shared = (await guild_settings(session, guild_id)).language
    if claim is None:
        return True  # joined in the meantime
    key = f"seat:{claim.id}:{claim.claimed_at}"
    if person is not None and person.dm_enabled:
        with speaking(person.language or shared):
            text = sentence()
        outcome = await messages.send_dm(user_id, text, key=key)
        if outcome or not outcome.permanent:
            return bool(outcome)
    for channel in channels[:1]:
        with speaking(shared):
            text = sentence()
        mentioned = await messages.send_channel_message(
            channel, f"<@{user_id}> {text}", mention=[user_id], key=key
        )
        if mentioned or not mentioned.permanent:
            return bool(mentioned)
    log.info("watcher_not_reached", guild_id=guild_id, group_id=group_id, user_id=user_id)
    return True


async def _told(group_id: int, user_id: int) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            update(SeatWatch)
            .where(SeatWatch.group_id == group_id, SeatWatch.user_id == user_id)
            .values(told_at=utcnow())
        )
