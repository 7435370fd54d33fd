"""What the Discord events of groups depend on, and the rows that say what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.config import GuildSettings
from core.db.models import Cohort, Group, Guild, ManagedObject, SyncState
from core.db.models import meeting_models as tables
from core.db.queries.access import StateRow
from core.db.queries.built import Query
from core.reconcile.event_plan import Meeting
from core.reconcile.events import HORIZON
from core.reconcile.trace import LIVE

# An event that was never started is taken away by Discord after hours; until then it is known.
_STILL_SHOWN = timedelta(days=2)
SYSTEM = "rsvps"


@dataclass(frozen=True, slots=True)
class EventFacts:
    """A group as its events depend on it. `channel_id`: its voice channel, None without one."""

    id: int
    guild_id: int
    name: str
    cohort_name: str
    live: bool
    settings: GuildSettings
    channel_id: int | None


_COLUMNS = (
    tables.Meeting.id, tables.Meeting.number, tables.Meeting.extra, tables.Meeting.starts_at,
    tables.Meeting.minutes, tables.Meeting.status, tables.Meeting.event_id,
    tables.Meeting.event_state, tables.Meeting.event_hash, tables.Meeting.event_intent_at,
)  # fmt: skip


async def group(session: AsyncSession, group_id: int) -> tuple[EventFacts, StateRow | None] | None:
    """One group with its row in sync_states; None where there is no such group any more."""
    row: Any = (await session.execute(_group(), {"group": group_id})).one_or_none()
    if row is None:
        return None
    group_id, guild_id, name, cohort, status, settings, channel_id = row[:7]
    facts = EventFacts(
        group_id, guild_id, name, cohort, status in LIVE,
        GuildSettings.model_validate(settings), channel_id,
    )  # fmt: skip
    return facts, StateRow(*row[7:]) if row[7] is not None else None


@cache
def _group() -> Query:
    voice = and_(
        ManagedObject.group_id == Group.id,
        ManagedObject.kind == "voice",
        ManagedObject.state == "created",
    )
    state = and_(SyncState.group_id == Group.id, SyncState.system == SYSTEM)
    return (
        select(
            Group.id, Group.guild_id, Group.name, Cohort.name, Group.status, Guild.settings,
            ManagedObject.discord_id, SyncState.group_id, SyncState.status, SyncState.version,
            SyncState.inputs_hash, SyncState.attempts, SyncState.next_attempt_at,
            SyncState.by_hand,
        )
        .join(Cohort, Cohort.id == Group.cohort_id)
        .join(Guild, Guild.id == Group.guild_id)
        .outerjoin(ManagedObject, voice)
        .outerjoin(SyncState, state)
        .where(Group.id == bindparam("group"), Guild.left_at.is_(None))
    )  # fmt: skip


# What was read is compared with what is written to: a meeting that is made meanwhile raises the
# version, and this row then stays due.
_NONE = text("""
    with seen as (
        select group_id, system, version from sync_states
        where group_id = :group and system = :system and status in ('due', 'ok')
            and not exists (select from meetings where group_id = :group)
    )
    update sync_states as s
    set status = 'ok', attempts = 0, next_attempt_at = null, last_ok_at = :now
    from seen
    where s.group_id = seen.group_id and s.system = seen.system and s.version = seen.version
    returning s.group_id
    """)


async def without_meetings(session: AsyncSession, group_id: int, now: datetime) -> bool:
    """Whether the group has no meeting at all, and so nothing to show: its row then says ok."""
    values = {"group": group_id, "system": SYSTEM, "now": now}
    return await session.scalar(_NONE, values) is not None


async def of_group(session: AsyncSession, group_id: int) -> list[Meeting]:
    """All meetings of a group, in order."""
    plain: Sequence[Any] = (await session.execute(_of_group(), {"group": group_id})).all()
    return [Meeting(*row) for row in plain]


@cache
def _of_group() -> Query:
    return (
        select(*_COLUMNS)
        .where(tables.Meeting.group_id == bindparam("group"))
        .order_by(tables.Meeting.starts_at, tables.Meeting.id)
    )


async def of_all(session: AsyncSession, now: datetime) -> dict[int, list[Meeting]]:
    """By group, the meetings whose events could need something now; one statement."""
    meeting = tables.Meeting
    query = select(meeting.group_id, *_COLUMNS).where(
        or_(
            meeting.event_state.in_(("intent", "created")),
            and_(meeting.event_state == "ended", meeting.starts_at > now - _STILL_SHOWN),
            and_(
                meeting.status == tables.MeetingStatus.planned,
                meeting.starts_at > now,
                meeting.starts_at <= now + HORIZON,
            ),
        )
    )
    found: dict[int, list[Meeting]] = defaultdict(list)
    # Past the ORM's loading: plain columns need none of it, and a sweep reads 5,000 rows.
    for group_id, *values in await (await session.connection()).execute(query):
        found[group_id].append(Meeting(*values))
    return found


async def without(session: AsyncSession, guild_id: int, now: datetime) -> list[tuple[int, Meeting]]:
    """(group id, meeting) of all groups of a guild that could want an event now."""
    rows = await session.execute(
        select(tables.Meeting.group_id, *_COLUMNS)
        .join(Group, Group.id == tables.Meeting.group_id)
        .join(ManagedObject, ManagedObject.group_id == Group.id)
        .where(
            tables.Meeting.guild_id == guild_id,
            tables.Meeting.status == tables.MeetingStatus.planned,
            tables.Meeting.starts_at > now,
            tables.Meeting.starts_at <= now + HORIZON,
            Group.status.in_(LIVE),
            ManagedObject.kind == "voice",
            ManagedObject.state == "created",
        )
    )
    plain: Sequence[Any] = rows.all()
    return [(row[0], Meeting(*row[1:])) for row in plain]


async def states(session: AsyncSession, group_ids: Sequence[int]) -> dict[int, StateRow]:
    """These groups' rows in sync_states."""
    rows = await session.execute(
        select(
            SyncState.group_id, SyncState.status, SyncState.version, SyncState.inputs_hash,
            SyncState.attempts, SyncState.next_attempt_at, SyncState.by_hand,
        ).where(SyncState.system == SYSTEM, SyncState.group_id.in_(group_ids))
    )  # fmt: skip
    return {row[0]: StateRow(*row) for row in rows}


async def write(session: AsyncSession, guild_id: int, meeting_id: int, **values: Any) -> None:
    """Set columns event_… of one meeting."""
    await session.execute(
        update(tables.Meeting)
        .where(tables.Meeting.id == meeting_id, tables.Meeting.guild_id == guild_id)
        .values(**{f"event_{key}": value for key, value in values.items()})
    )


async def group_of(session: AsyncSession, guild_id: int, event_id: int) -> int | None:
    """The group whose meeting has this event."""
    found: int | None = await session.scalar(
        select(tables.Meeting.group_id).where(
            tables.Meeting.guild_id == guild_id, tables.Meeting.event_id == event_id
        )
    )
    return found


async def bring_back(session: AsyncSession, guild_id: int, group_id: int) -> int:
    """Forget that events were deleted by hand, so that they are made again; how many."""
    found = await session.scalars(
        update(tables.Meeting)
        .where(
            tables.Meeting.guild_id == guild_id,
            tables.Meeting.group_id == group_id,
            tables.Meeting.event_state == "gone",
        )
        .values(event_state=None, event_id=None, event_hash=None)
        .returning(tables.Meeting.id)
    )
    return len(found.all())
