"""Who came: the groups whose attendance one may see, the correction, and the spreadsheet."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Attendance, Meeting, MeetingStatus
from core.errors import Refusal
from core.operations import lookup
from core.operations.attendance_sheet import (
    Cell,
    Column,
    Known,
    cells_of,
    columns_of,
    named,
    people_of,
)
from core.operations.common import Actor, audit, get_group, guild_settings
from core.operations.meeting_rights import manageable, must_manage
from core.reconcile.attendance_csv import Line, Sheet
from core.words import t

MARKS = ("attended", "absent", "excused")
_CHUNK = 2  # meetings read at once for the spreadsheet: with 500 people each, 1,000 rows


async def choices(actor: Actor, *, ended: bool = False) -> list[lookup.Choice]:
    """The groups whose attendance they may see: moderators all, facilitators their own."""
    async with get_database().transaction() as session:
        mine = await manageable(session, actor)
    if mine is not None and not mine:
        return []
    found = await lookup.groups(actor.guild_id, ended=ended)
    return found if mine is None else [c for c in found if c.id in mine]


@dataclass(frozen=True)
class Marked:
    """What a correction did. `mark` None: what was seen counts again."""

    group_id: int
    name: str
    changed: bool


async def mark(
    actor: Actor, meeting_ids: Collection[int], user_id: int, said: str | None
) -> Marked:
    """Say whether somebody was there (one of MARKS), or None: let what was seen count.

    All meetings are of one group. Raises Refusal(not_allowed, meeting_not_found, not_in_group,
    not_yet, unknown_choice).
    """
    if said is not None and said not in MARKS:
        raise Refusal("unknown_choice", t("That choice is not known."))
    now = utcnow()
    async with get_database().transaction() as session:
        meetings = await _meetings(session, actor, meeting_ids)
        group_id = meetings[0].group_id
        await must_manage(session, actor, group_id)
        if any(m.starts_at > now for m in meetings):
            raise Refusal("not_yet", t("This meeting has not begun yet. Nothing was changed."))
        group = await get_group(session, actor.guild_id, group_id)
        known = (await people_of(session, actor.guild_id, group_id)).get(user_id)
        if known is None:
            raise Refusal(
                "not_in_group", t("They are not in this group, and were not. Nothing was changed.")
            )
        before = await _marks(session, [m.id for m in meetings], user_id)
        news = [m for m in meetings if before.get(m.id) != said]
        if news:
            await _write(session, actor, news, user_id, said, now)
            audit(
                session, actor, "attendance_marked",
                cohort_id=group.cohort_id, group_id=group_id, user_id=user_id,
                before={"marks": {str(m.id): before.get(m.id) for m in news}},
                after={
                    "mark": said,
                    "meetings": [[m.id, m.number, m.starts_at.isoformat()] for m in news],
                },
            )  # fmt: skip
    return Marked(group_id, known.name, bool(news))


async def _meetings(
    session: AsyncSession, actor: Actor, meeting_ids: Collection[int]
) -> list[Meeting]:
    rows = await session.scalars(
        select(Meeting)
        .where(
            Meeting.guild_id == actor.guild_id,
            Meeting.id.in_(meeting_ids),
            Meeting.status == MeetingStatus.planned,
        )
        .order_by(Meeting.id)
        .with_for_update(key_share=True)  # two corrections at once: one after the other
    )
    found = list(rows)
    if not found or len({m.group_id for m in found}) > 1:
        raise Refusal(
            "meeting_not_found", t("There is no such meeting here. Nothing was changed.")
        )  # fmt: skip
    return found


async def _marks(
    session: AsyncSession, meeting_ids: Sequence[int], user_id: int
) -> dict[int, str | None]:
    rows = await session.execute(
        select(Attendance.meeting_id, Attendance.mark).where(
            Attendance.meeting_id.in_(meeting_ids), Attendance.user_id == user_id
        )
    )
    return {row[0]: row[1] for row in rows}


async def _write(
    session: AsyncSession,
    actor: Actor,
    meetings: Sequence[Meeting],
    user_id: int,
    said: str | None,
    now: datetime,
) -> None:
    values = {"mark": said, "marked_by": actor.user_id, "marked_at": now}
    rows = [
        {"meeting_id": m.id, "user_id": user_id, "guild_id": actor.guild_id, **values}
        for m in meetings
    ]
    await session.execute(
        insert(Attendance)
        .values(rows)
        .on_conflict_do_update(
            index_elements=[Attendance.meeting_id, Attendance.user_id], set_=values
        )
    )


async def export(actor: Actor, group_id: int) -> tuple[str, bytes]:
    """(the group's label, a CSV file in UTF-8 with its mark): everybody, all meetings that began.

    Times are local to the group's zone, with their offset. Raises Refusal(not_allowed).
    """
    now = utcnow()
    file = Sheet()
    database = get_database()
    async with database.transaction() as session:
        await must_manage(session, actor, group_id)
        settings = await guild_settings(session, actor.guild_id)
        threshold = settings.attended_minutes
        label, iana = await named(session, actor.guild_id, group_id, settings.zone, now)
        zone = ZoneInfo(iana)
        columns = await columns_of(session, actor.guild_id, group_id, threshold, now)
        known = await people_of(session, actor.guild_id, group_id)
        for start in range(0, len(columns), _CHUNK):
            part = columns[start : start + _CHUNK]
            cells = await cells_of(session, actor.guild_id, part, known, threshold)
            await asyncio.to_thread(file.add, _lines(part, known, cells, zone))
    return label, file.content()


def _lines(
    part: Sequence[Column],
    known: Mapping[int, Known],
    cells: Mapping[int, Sequence[Cell | None]],
    zone: ZoneInfo,
) -> Iterator[Line]:
    for index, column in enumerate(part):
        at = column.starts_at.astimezone(zone)
        for user, person in known.items():
            cell = cells[user][index]
            if cell is not None:
                minutes = cell.seconds // 60
                yield Line(
                    person.name, user, column.name, at, cell.answer, cell.verdict.value, minutes
                )
