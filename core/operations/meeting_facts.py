"""What previews of meetings are made of: the people of a group, and what else they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from core import schedule
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Visit
from core.db.models import Cohort, Group, Membership, MembershipStatus, User
from core.db.queries import meetings as rows
from core.reconcile import meeting_preview as preview
from core.reconcile.answers import effective
from core.reconcile.meeting_preview import Busy, Person
from core.reconcile.meeting_rows import Have, applied, follow

_LONGEST = timedelta(days=1)  # of a meeting: the column's constraint


async def people(
    session: AsyncSession,
    guild_id: int,
    group_id: int,
    meeting_id: int | None,
    starts_at: datetime | None = None,
    minutes: int = 0,
) -> list[Person]:
    """Everybody whom a meeting of this group concerns: its people, and guests of `meeting_id`.

    With their zones, their answers to `meeting_id`, and, where `starts_at` (UTC) is given, the
    meetings of other groups on this server that they have at that time.
    """
    members = select(Membership.user_id).where(
        Membership.guild_id == guild_id,
        Membership.group_id == group_id,
        Membership.status == MembershipStatus.active,
    )
    guests = select(Visit.user_id).where(
        Visit.guild_id == guild_id, Visit.meeting_id == meeting_id, Visit.ended_at.is_(None)
    )
    ids = list(await session.scalars(union(members, guests)))
    answer = and_(Rsvp.user_id == User.id, Rsvp.meeting_id == meeting_id)
    found = await session.execute(
        select(User.id, User.zone, Rsvp.status, Rsvp.interested)
        .outerjoin(Rsvp, answer)
        .where(User.id.in_(ids))
        .order_by(User.id)
    )
    busy = await _busy(session, guild_id, group_id, ids, starts_at, minutes)
    return [
        Person(
            user, known(zone),
            str(effective(status or Answer.pending, interested=bool(interested))),
            tuple(busy[user]),
        )
        for user, zone, status, interested in found
    ]  # fmt: skip


async def crowds(
    session: AsyncSession,
    group: Group,
    zone: str,
    now: datetime,
    change: Callable[[Have], Have] = lambda row: row,
    *,
    add: Have | None = None,
) -> tuple[preview.Crowd, ...]:
    """The days that get a second meeting once `change` is made, or `add` is there as well.

    The series follows the change, as it would when it is done.
    """
    have = (await rows.stored(session, [group.id]))[group.id]
    after = [*map(change, have), *([add] if add is not None else [])]
    if group.rule:
        cohort = await session.get_one(Cohort, group.cohort_id)
        rule = schedule.Rule.from_json(group.rule)
        _, todo = follow(rule, cohort.start_date, cohort.meetings, cohort.breaks, after, now)
        after = applied(after, todo)
    return preview.crowds(have, after, zone, now)


def known(zone: str | None) -> str | None:
    """The zone, unless this machine's tables lost it: then nobody's night is guessed."""
    try:
        schedule.zone_info(zone or "")
    except schedule.UnknownZone:
        return None
    return zone


async def _busy(
    session: AsyncSession,
    guild_id: int,
    group_id: int,
    people: Sequence[int],
    starts_at: datetime | None,
    minutes: int,
) -> dict[int, list[Busy]]:
    """By person: what takes place at that time in other groups that they are in."""
    result: dict[int, list[Busy]] = defaultdict(list)
    if starts_at is None or not people:
        return result
    found = await session.execute(
        select(Membership.user_id, Meeting.starts_at, Meeting.minutes, Group.name)
        .join(Meeting, Meeting.group_id == Membership.group_id)
        .join(Group, Group.id == Membership.group_id)
        .where(
            Membership.guild_id == guild_id,
            Membership.user_id.in_(people),
            Membership.status == MembershipStatus.active,
            Membership.group_id != group_id,
            Meeting.guild_id == guild_id,
            Meeting.status == MeetingStatus.planned,
            Meeting.starts_at > starts_at - _LONGEST,
            Meeting.starts_at < starts_at + timedelta(minutes=minutes),
            rows.ends() > starts_at,
        )
    )
    for user, at, length, name in found:
        result[user].append(Busy(at, at + timedelta(minutes=length), name))
    return result
