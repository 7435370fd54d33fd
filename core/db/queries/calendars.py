"""What a group's entry in its guild's calendar depends on, in one statement, and its row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import Update

from core.db.calendar_models import CalendarEntry, EntryState
from core.db.models import Group, Membership, MembershipStatus
from core.db.queries.access import StateRow
from core.db.queries.calendar_links import Link
from core.reconcile import calendar as pure
from core.reconcile.calendar import Said, Seen
from core.schedule import Rule

SYSTEM = "calendar"


@dataclass(frozen=True, slots=True)
class Entry:
    """A group's row in calendar_entries. `group_id` is of this guild."""

    group_id: int
    state: str
    epoch: int
    address: str | None
    etag: str | None
    desired_hash: str | None
    content: str | None
    remade_at: datetime | None
    seen: Seen


@dataclass(frozen=True, slots=True)
class Facts:
    """A group of a guild with a calendar. `people` have sealed addresses: user, name, sealed."""

    group: pure.Group
    people: tuple[tuple[int, str, bytes], ...]
    live: bool
    link: Link
    entry: Entry | None
    state: StateRow | None


# One row a group, its meetings, people and answers as JSON: a sweep over a thousand groups is one
# statement. Only people who gave an address count, and only their answers are read. A group that is
# completed keeps the entry that it has, with what took place: people's calendars remember it.
_GATHER = text("""
    select g.id, g.guild_id, g.name, g.rule, c.name as cohort, gu.name as server,
        coalesce(gu.settings ->> 'zone', 'UTC') as zone,
        coalesce(gu.settings ->> 'language', 'en') as language,
        x.live,
        l.backend, l.url, l.account, l.secret, l.address as home, l.invites, l.status as on_off,
        l.attendees_after, l.created_at as connected_at,
        e.state, e.epoch, e.address, e.etag, e.desired_hash, e.content, e.remade_at, e.seen,
        s.status, s.version, s.inputs_hash, s.attempts, s.next_attempt_at,
        m.found as meetings, p.found as people, a.found as answers
    from calendar_links l
    join guilds gu on gu.id = l.guild_id and gu.left_at is null
    join groups g on g.guild_id = l.guild_id
    join cohorts c on c.id = g.cohort_id
    left join calendar_entries e on e.group_id = g.id and e.guild_id = l.guild_id
    left join sync_states s on s.group_id = g.id and s.system = 'calendar'
    cross join lateral (
        select g.status in ('preview', 'active')
            or (g.status = 'completed' and e.address is not null) as live
    ) x
    left join lateral (
        select json_agg(json_build_array(
            m.id, m.occurrence_date, m.starts_at, m.minutes, m.number)) as found
        from meetings m
        where m.group_id = g.id and m.status = 'planned' and x.live
    ) m on true
    left join lateral (
        select json_agg(json_build_array(
            n.user_id, coalesce(b.nickname, b.name, ''), convert_from(d.sealed, 'UTF8'))) as found
        from memberships n
        join calendar_addresses d on d.guild_id = l.guild_id and d.user_id = n.user_id
        left join members b on b.guild_id = l.guild_id and b.user_id = n.user_id
        where n.group_id = g.id and l.invites and b.left_at is null
            and n.status = case g.status when 'completed' then 'completed' else 'active' end
    ) p on true
    left join lateral (
        select json_agg(json_build_array(
            r.meeting_id, r.user_id, r.status, r.source, r.answered_at)) as found
        from meetings m
        join rsvps r on r.meeting_id = m.id
        join calendar_addresses d on d.guild_id = l.guild_id and d.user_id = r.user_id
        where m.group_id = g.id and m.status = 'planned' and l.invites
            and p.found is not null
    ) a on true
    where (g.status in ('preview', 'active') or e.group_id is not null)
        and (cast(:guild as bigint) is null or l.guild_id = :guild)
        and (cast(:groups as bigint[]) is null or g.id = any(:groups))
    order by g.id
    """).columns(rule=JSON, seen=JSON, meetings=JSON, people=JSON, answers=JSON)


async def gather(
    session: AsyncSession, group_ids: Sequence[int] | None = None, guild_id: int | None = None
) -> list[Facts]:
    """Groups (None: all) of guilds that have a calendar, live or with an entry. One statement."""
    given = {"groups": list(group_ids) if group_ids is not None else None, "guild": guild_id}
    rows = await (await session.connection()).execute(_GATHER, given)
    return [_facts(row) for row in rows]


def _facts(r: Any) -> Facts:
    group = pure.Group(
        r.id, r.guild_id, r.name, r.cohort, r.server, r.zone,
        Rule.from_json(r.rule) if r.rule is not None else None,
        tuple(
            pure.Meeting(i, date.fromisoformat(day), pure.utc(at), minutes, number)
            for i, day, at, minutes, number in r.meetings or ()
        ),
        said={
            (meeting, user): Said(status, source, pure.utc(at) if at is not None else None)
            for meeting, user, status, source, at in r.answers or ()
        },
    )  # fmt: skip
    link = Link(
        r.guild_id, r.server, r.language, r.backend, r.url, r.account, r.secret, r.home, r.invites,
        r.on_off, r.attendees_after, r.connected_at,
    )  # fmt: skip
    entry = None
    if r.state is not None:
        entry = Entry(
            r.id, r.state, r.epoch, r.address, r.etag, r.desired_hash, r.content, r.remade_at,
            r.seen,
        )  # fmt: skip
    state = None
    if r.status is not None:
        state = StateRow(
            r.id, r.status, r.version, r.inputs_hash, r.attempts, r.next_attempt_at, {}
        )
    people = tuple((u, name, sealed.encode()) for u, name, sealed in r.people or ())
    return Facts(group, people, r.live, link, entry, state)


async def entries_of(session: AsyncSession, guild_id: int) -> list[Entry]:
    """All entries of the guild's calendar."""
    rows = await session.execute(
        select(
            CalendarEntry.group_id, CalendarEntry.state, CalendarEntry.epoch, CalendarEntry.address,
            CalendarEntry.etag, CalendarEntry.desired_hash, CalendarEntry.content,
            CalendarEntry.remade_at, CalendarEntry.seen,
        ).where(CalendarEntry.guild_id == guild_id)
    )  # fmt: skip
    return [Entry(*row) for row in rows]


async def unchanged(session: AsyncSession, guild_id: int, entry: Entry) -> Facts | None:
    """The group's rows of now, its entry locked; None where that was written, read or made anew."""
    same = await session.scalar(
        select(CalendarEntry.group_id)
        .where(
            CalendarEntry.guild_id == guild_id,
            CalendarEntry.group_id == entry.group_id,
            CalendarEntry.state == entry.state,
            CalendarEntry.epoch == entry.epoch,
            CalendarEntry.address.is_not_distinct_from(entry.address),
            CalendarEntry.etag.is_not_distinct_from(entry.etag),
        )
        .with_for_update()
    )
    found = await gather(session, [entry.group_id], guild_id) if same is not None else []
    return found[0] if found else None


async def group_ids(session: AsyncSession, guild_id: int) -> list[int]:
    """All groups that the guild ever had."""
    found = await session.scalars(select(Group.id).where(Group.guild_id == guild_id))
    return list(found)


async def groups_with(session: AsyncSession, guild_id: int, user_id: int) -> list[int]:
    """The groups of the guild that this person is in."""
    found = await session.scalars(
        select(Membership.group_id).where(
            Membership.guild_id == guild_id,
            Membership.user_id == user_id,
            Membership.status == MembershipStatus.active,
        )
    )
    return sorted(found)


async def intend(session: AsyncSession, guild_id: int, group_id: int) -> None:
    """A row that says: an entry is about to be made. One that is there stays as it is."""
    await session.execute(
        insert(CalendarEntry)
        .values(group_id=group_id, guild_id=guild_id, state=EntryState.intent, seen={})
        .on_conflict_do_nothing()
    )


async def note_entry(session: AsyncSession, guild_id: int, group_id: int, **values: Any) -> None:
    """Change columns of a group's entry."""
    await session.execute(_change(guild_id, group_id).values(**values))


async def note_written(
    session: AsyncSession, guild_id: int, group_id: int, epoch: int, **values: Any
) -> bool:
    """The same; False where the entry has another epoch by now: the guild has another calendar."""
    written = _change(guild_id, group_id).where(CalendarEntry.epoch == epoch).values(**values)
    found = await session.scalar(written.returning(CalendarEntry.group_id))
    return found is not None


def _change(guild_id: int, group_id: int) -> Update:
    return (
        update(CalendarEntry)
        .where(CalendarEntry.guild_id == guild_id, CalendarEntry.group_id == group_id)
        .execution_options(synchronize_session=False)
    )


async def all_anew(session: AsyncSession, guild_id: int) -> None:
    """None of the guild's entries is in its calendar, which is another one or was made anew."""
    await session.execute(
        update(CalendarEntry)
        .where(CalendarEntry.guild_id == guild_id)
        .values(
            state=EntryState.intent, address=None, etag=None, desired_hash=None, content=None,
            epoch=CalendarEntry.epoch + 1, remade_at=None,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


async def forget(session: AsyncSession, guild_id: int, group_id: int) -> None:
    """The group's entry is not in the calendar any more."""
    await session.execute(
        delete(CalendarEntry).where(
            CalendarEntry.guild_id == guild_id, CalendarEntry.group_id == group_id
        )
    )
