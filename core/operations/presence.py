"""Who is in a group's voice channel while it meets: counted as attendance.

A look compares the rows with the people in the channels now. Voice events make it exact, a look
once a minute makes it complete: after a start, when a meeting begins or ends, and when somebody
joins the group while sitting in its channel. People outside the group and its guests have no row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Attendance, Meeting, MeetingStatus
from core.db.queries import attendance
from core.discord_outbound.cache import is_fresh
from core.discord_outbound.voice import voice_members
from core.reconcile.attendance import counted, until

_AT_ONCE = 1000  # rows per statement: asyncpg takes 32,767 values

Pair = tuple[int, int]  # (meeting id, user id)
Stays = Sequence[tuple[Attendance, Meeting]]


@dataclass(frozen=True)
class Looked:
    """What a look did: stays begun, gone on and ended."""

    begun: int = 0
    going_on: int = 0
    ended: int = 0


async def tick() -> Looked:
    """Look at every meeting that runs; nothing while the gateway's word is not current."""
    if not is_fresh():
        return Looked()
    return await _look(None, leaving=False)


async def changed(guild_id: int, channel_id: int, *, leaving: bool) -> Looked:
    """Somebody came into a voice channel, or left it: look at the meeting there, if one runs.

    `leaving` says that whoever is missing left at this moment, not at one that nobody saw.
    """
    return await _look((guild_id, channel_id), leaving=leaving)


async def _look(where: Pair | None, *, leaving: bool) -> Looked:
    now = utcnow()
    async with get_database().transaction() as session:
        stays = await attendance.open_stays(session, where)
        meetings = await attendance.running(session, now, where)
        if not stays and not meetings:
            return Looked()
        rooms = {m.meeting_id: (m.guild_id, m.channel_id) for m in meetings}
        people = {m: voice_members(*room) for m, room in rooms.items()}
        present = await _present(session, rooms, people, stays)
        known = {(row.meeting_id, row.user_id) for row, _ in stays}
        going = {p for p in known & present.keys() if p[0] in rooms}
        await _go_on(session, going, now)
        gone = [
            (row, meeting)
            for row, meeting in stays
            if (row.meeting_id, row.user_id) not in going
            # Where it is not known who is there, nothing is closed before the meeting is over.
            and people.get(meeting.id, frozenset()) is not None
        ]
        for row, meeting in gone:
            here = (row.meeting_id, row.user_id) in present
            _close(row, meeting, now, present=here, leaving=leaving)
        begun = [
            (pair, guild)
            for pair, guild in present.items()
            if pair not in known and pair[0] in rooms
        ]
        await _begin(session, begun, now)
    return Looked(len(begun), len(going), len(gone))


async def _present(
    session: AsyncSession,
    rooms: Mapping[int, Pair],
    people: Mapping[int, frozenset[int] | None],
    stays: Stays,
) -> dict[Pair, int]:
    """The guild id of every (meeting, person) that is there now and belongs there.

    Whoever is in the channel of a meeting that ended since the last look counts for it too.
    """
    there = {(m, user): rooms[m][0] for m, users in people.items() for user in users or ()}
    over = {m.id: m.guild_id for _, m in stays if m.id not in rooms}
    for meeting_id, channel_id in (await attendance.rooms_of(session, over)).items():
        for user_id in voice_members(over[meeting_id], channel_id) or ():
            there[meeting_id, user_id] = over[meeting_id]
    belong = await attendance.expected(session, there.values(), there)
    return {pair: guild for pair, guild in there.items() if pair in belong}


def _close(
    row: Attendance, meeting: Meeting, now: datetime, *, present: bool, leaving: bool
) -> None:
    assert row.here_since is not None
    seen = row.last_seen_at or row.here_since
    ends_at = meeting.starts_at + timedelta(minutes=meeting.minutes)
    planned = meeting.status == MeetingStatus.planned
    last = until(
        present=present and planned, leaving=leaving, last_seen_at=seen, ends_at=ends_at, now=now
    )
    row.seconds += counted(row.here_since, last, meeting.starts_at, meeting.minutes)
    row.here_since, row.last_seen_at = None, min(last, ends_at)


async def _go_on(session: AsyncSession, pairs: set[Pair], now: datetime) -> None:
    if pairs:
        key = tuple_(Attendance.meeting_id, Attendance.user_id)
        await session.execute(
            update(Attendance)
            .where(key.in_(sorted(pairs)))
            .values(last_seen_at=now)
            .execution_options(synchronize_session=False)
        )


async def _begin(session: AsyncSession, people: Sequence[tuple[Pair, int]], now: datetime) -> None:
    values: list[dict[str, Any]] = [
        {"meeting_id": meeting, "user_id": user, "guild_id": guild, "here_since": now,
         "last_seen_at": now}
        for (meeting, user), guild in sorted(people)
    ]  # fmt: skip
    for start in range(0, len(values), _AT_ONCE):
        statement = insert(Attendance).values(values[start : start + _AT_ONCE])
        # Another look may have begun the same stay a moment ago: the earlier one counts.
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=[Attendance.meeting_id, Attendance.user_id],
                set_={"here_since": statement.excluded.here_since, "last_seen_at": now},
                where=Attendance.here_since.is_(None),
            )
        )
