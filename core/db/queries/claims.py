"""Who sends which delivery: rows are claimed, renewed and settled in batches.

They are everybody's work, so nothing here is about one guild. A claim is a lease: whoever dies
with it, or freezes, loses it, and the row is sent by somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Delivery

# In the order of the fields of core.notifications.outgoing.Claimed.
_COLUMNS = (
    "id", "guild_id", "kind", "key", "user_id", "channel_id", "group_id", "meeting_id",
    "announcement_id", "about_id", "payload", "due_at", "attempts", "created_at",
    "unsure_since", "next_at",
)  # fmt: skip
_RETURNED = ", ".join(f"d.{c}" for c in _COLUMNS if c != "unsure_since")
_SELECTED = ", ".join(_COLUMNS)

# What its holder lost first (it may be half sent), then what is due, by time. Rows that somebody
# else is just claiming are passed by; each branch is served by a partial index of its own. The
# array has the planner look the rows up by their ids instead of reading the whole table; only the
# few that were tried before are joined, as it expects few of all and would compare each with each.
_CLAIM = text(f"""
    with lost as materialized (
        select id, unsure_since from deliveries
        where status = 'sending' and (lease_by is null or lease_until <= :now)
        order by id limit :most for update skip locked
    ), due as materialized (
        select id, unsure_since from deliveries
        where status in ('pending', 'failed') and next_at <= :now
        order by next_at, id limit greatest(:most - (select count(*) from lost), 0)
        for update skip locked
    ), chosen as materialized (
        select * from lost union all select * from due
    ), claimed as (
        update deliveries d
        set status = 'sending', lease_by = :holder, lease_until = :until,
            attempts = d.attempts + 1, unsure_since = coalesce(d.unsure_since, :now)
        where d.id = any(array(select id from chosen))
        returning {_RETURNED}
    )
    select {_SELECTED} from claimed
    left join (
        select id, unsure_since from chosen where unsure_since is not null
    ) before using (id)
    """)  # noqa: S608 - the names of our own columns
_CLAIMED = _CLAIM.columns(*(Delivery.__table__.c[c] for c in _COLUMNS))

_EARLIEST = text("""
    select least(
        (select min(next_at) from deliveries where status in ('pending', 'failed')),
        (select min(lease_until) from deliveries
         where status = 'sending' and lease_by is distinct from :holder))
    """)

_RENEW = text("""
    update deliveries set lease_until = :until
    where id = any(cast(:ids as bigint[])) and status = 'sending' and lease_by = :holder
    """)

# One statement for whatever became of a batch. A message that people can see is noted whoever
# holds the row by now; anything else is for its holder to say. Rows that were simply sent come
# last, beyond the end of the other arrays: most are, and every value costs.
_SETTLE = text("""
    with settled as (
        update deliveries d
        set status = coalesce(r.status, 'sent'), next_at = coalesce(r.next_at, d.next_at),
            attempts = d.attempts - coalesce(r.given_back, 0),
            unsure_since = case when r.unsure then d.unsure_since end,
            error_class = r.error_class, error_text = r.error_text,
            sent_channel_id = r.channel_id, message_id = r.message_id, sent_at = r.sent_at,
            lease_by = null, lease_until = null
        from unnest(
            cast(:ids as bigint[]), cast(:channels as bigint[]), cast(:messages as bigint[]),
            cast(:sent_ats as timestamptz[]), cast(:statuses as text[]),
            cast(:next_ats as timestamptz[]), cast(:given_back as int[]),
            cast(:unsure as bool[]), cast(:classes as text[]), cast(:texts as text[])
        ) as r(id, channel_id, message_id, sent_at, status, next_at, given_back, unsure,
               error_class, error_text)
        where d.id = r.id and d.status <> 'sent'
            and (coalesce(r.status, 'sent') = 'sent' or d.lease_by = :holder)
        returning d.id
    )
    select array_agg(id) from settled
    """)

_REMEMBER = text("""
    update users u set dm_channel_id = r.channel_id
    from unnest(cast(:ids as bigint[]), cast(:channels as bigint[])) as r(id, channel_id)
    where u.id = r.id and u.dm_channel_id is distinct from r.channel_id
    """)

_TROUBLE = text("""
    select distinct guild_id, group_id, error_class from deliveries
    where guild_id = any(cast(:guilds as bigint[])) and error_class = any(cast(:classes as text[]))
        and status in ('sending', 'failed', 'dead') and due_at >= :since
    """)

# The range of times, rather than the guild, has an index of its own: few rows are about to come.
_MENDABLE = text("""
    select d.id, d.guild_id,
        array_remove(array_agg(coalesce(d.channel_id, m.discord_id)), null) as channels
    from deliveries d
    left join managed_objects m on d.channel_id is null and m.guild_id = d.guild_id
        and m.group_id = d.group_id and m.state = 'created' and m.kind in ('text', 'voice')
    where d.status = 'failed' and d.next_at > :now and d.next_at <= :until
        and d.guild_id = any(cast(:guilds as bigint[]))
        and d.error_class = any(cast(:classes as text[]))
    group by d.id
    """)

_DUE_NOW = text("""
    update deliveries set next_at = :now
    where id = any(cast(:ids as bigint[])) and status = 'failed'
    """)

_POSTED = text("""
    select message_id from deliveries
    where guild_id = :guild and sent_channel_id = :channel and sent_at >= :since
    """).bindparams(bindparam("guild"), bindparam("channel"), bindparam("since"))


class Settled(NamedTuple):
    """What became of a claimed row. Times are UTC, ids Discord's but `id`.

    `given_back`: no try was made, so it does not count as one. `unsure`: it may have gone out.
    """

    id: int
    status: str
    next_at: datetime | None = None
    given_back: bool = False
    unsure: bool = False
    error_class: str | None = None
    error_text: str | None = None  # core.words.pack
    channel_id: int | None = None
    message_id: int | None = None
    sent_at: datetime | None = None


async def claim(
    session: AsyncSession, *, now: datetime, holder: int, until: datetime, most: int
) -> Sequence[Row[Any]]:
    """Claim at most `most` rows until `until` (UTC): the fields of Claimed, in no order.

    `unsure_since` is None where this is the first try.
    """
    given = {"now": now, "holder": holder, "until": until, "most": most}
    return (await session.execute(_CLAIMED, given)).all()


async def earliest(session: AsyncSession, holder: int) -> datetime | None:
    """When the next row is due, or another process's claim runs out (UTC)."""
    at: datetime | None = await session.scalar(_EARLIEST, {"holder": holder})
    return at


async def renew(session: AsyncSession, ids: Iterable[int], *, holder: int, until: datetime) -> None:
    """Keep what is still in hand. By id: what a process forgot about must run out."""
    await session.execute(_RENEW, {"ids": sorted(ids), "holder": holder, "until": until})


async def settle(session: AsyncSession, rows: Sequence[Settled], *, holder: int) -> set[int]:
    """Note what became of the rows; the ids of those that it was for us to say."""
    plain = [r for r in rows if r.status == "sent" and r.error_class is None]
    others = [r for r in rows if r.status != "sent" or r.error_class is not None]
    ordered = [*others, *plain]
    found: list[int] | None = await session.scalar(
        _SETTLE,
        {
            "holder": holder,
            "ids": [r.id for r in ordered],
            "channels": [r.channel_id for r in ordered],
            "messages": [r.message_id for r in ordered],
            "sent_ats": [r.sent_at for r in ordered],
            "statuses": [r.status for r in others],
            "next_ats": [r.next_at for r in others],
            "given_back": [int(r.given_back) for r in others],
            "unsure": [r.unsure for r in others],
            "classes": [r.error_class for r in others],
            "texts": [r.error_text for r in others],
        },
    )
    return set(found or ())


async def remember_dms(session: AsyncSession, channels: dict[int, int]) -> None:
    """Keep people's DM channels (by user): writing into a known one is limited much less."""
    if channels:
        given = {"ids": list(channels), "channels": list(channels.values())}
        await session.execute(_REMEMBER, given)


async def known_trouble(
    session: AsyncSession, guild_ids: Iterable[int], classes: Iterable[str], since: datetime
) -> set[tuple[int, int | None, str]]:
    """Which (guild, group, class of failure) rows that were due after `since` show already."""
    given = {"guilds": sorted(set(guild_ids)), "classes": sorted(set(classes)), "since": since}
    return {(r[0], r[1], r[2]) for r in await session.execute(_TROUBLE, given)}


@dataclass(frozen=True)
class Mendable:
    """A row that waits for a right; `channels` (Discord's ids) is where it may go."""

    id: int
    guild_id: int
    channels: tuple[int, ...]


async def mendable(
    session: AsyncSession, guild_ids: Iterable[int], classes: Iterable[str], *, now: datetime,
    until: datetime,
) -> list[Mendable]:  # fmt: skip
    """Failed rows of these guilds and classes of failure that are looked at up to `until` (UTC)."""
    given = {"guilds": sorted(guild_ids), "classes": sorted(classes), "now": now, "until": until}
    return [Mendable(r[0], r[1], tuple(r[2])) for r in await session.execute(_MENDABLE, given)]


async def due_now(session: AsyncSession, ids: Sequence[int], now: datetime) -> None:
    """These failed rows are tried again at once; wake the dispatcher as well."""
    await session.execute(_DUE_NOW, {"ids": ids, "now": now})


async def posted(
    session: AsyncSession, guild_id: int, channel_id: int, since: datetime
) -> frozenset[int]:
    """The ids of the messages that are known to belong to other rows."""
    given = {"guild": guild_id, "channel": channel_id, "since": since}
    return frozenset(await session.scalars(_POSTED, given))
