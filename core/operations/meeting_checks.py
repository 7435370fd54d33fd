"""What a meeting may become: not in the past, not on another one of its group, on a day alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.meeting_models import Meeting, MeetingStatus
from core.db.models import Group
from core.db.queries import meetings as rows
from core.errors import Refusal
from core.operations.groups import must_live
from core.operations.meeting_views import name_of
from core.operations.slot_rules import LONGEST
from core.reconcile.meeting_preview import overlaps
from core.reconcile.meeting_rows import free_day as nearest
from core.schedule import Rule
from core.words import mark, t

FAR = timedelta(days=5 * 366)  # further ahead it is a slip of the keyboard, as in spoken_time
Change = Literal["move", "skip", "postpone", "restore"]
_NOT_NOW = {
    MeetingStatus.skipped: mark("{meeting} was skipped already. Take that back first."),
    MeetingStatus.postponed: mark("This meeting was postponed already. Take that back first."),
    MeetingStatus.cancelled: mark("{meeting} ended with its group."),
    MeetingStatus.planned: mark("{meeting} takes place already. Nothing changed."),
}


async def may(
    session: AsyncSession,
    group: Group,
    row: Meeting,
    change: Change,
    starts_at: datetime,
    minutes: int,
    now: datetime,
) -> None:
    """Raise Refusal where this change of this meeting is not possible now."""
    must_live(group)
    wanted = change != "restore"
    if (row.status == MeetingStatus.planned) != wanted or row.status == MeetingStatus.cancelled:
        name = name_of(row.number, extra=row.extra)
        raise Refusal("wrong_status", t(_NOT_NOW[MeetingStatus(row.status)], meeting=name))
    if row.starts_at <= now:
        raise Refusal(
            "begun", t("It has begun already, so it stays as it is. Add another meeting instead.")
        )
    if change == "postpone" and row.extra:
        raise Refusal(
            "extra", t("An extra meeting has no place in the series. Move or skip it instead.")
        )
    if change == "postpone" and group.rule and _by_dates(group.rule):
        raise Refusal(
            "extra",
            t("This group meets on certain dates only, so none follows at the end. Move it, or "
              "skip it and add another one."),
        )  # fmt: skip
    if change in {"move", "restore"}:
        await free(session, group, starts_at, minutes, now, apart_from=row.id)


def _by_dates(rule: dict[str, Any]) -> bool:
    found = Rule.from_json(rule)
    return bool(found.dates) and not found.monthly


async def free(
    session: AsyncSession,
    group: Group,
    starts_at: datetime,
    minutes: int,
    now: datetime,
    *,
    apart_from: int | None = None,
) -> None:
    """Raise Refusal where no meeting of the group can be then."""
    must_live(group)
    if starts_at.tzinfo is None:
        raise ValueError("a meeting's time is an instant")
    if not 1 <= minutes <= LONGEST:
        text = t("A meeting lasts {low} to {high} minutes.", low=1, high=LONGEST)
        raise Refusal("out_of_range", text)
    if starts_at <= now:
        raise Refusal("in_the_past", t("That time is past. Type one that is to come."))
    if starts_at > now + FAR:
        raise Refusal("too_far", t("That is more than five years ahead. Check the year."))
    others = await session.execute(
        select(Meeting.id, Meeting.starts_at, Meeting.minutes, Meeting.number, Meeting.extra).where(
            Meeting.guild_id == group.guild_id,
            Meeting.group_id == group.id,
            Meeting.status == MeetingStatus.planned,
            Meeting.starts_at < starts_at + timedelta(minutes=minutes),
            rows.ends() > starts_at,
        )
    )
    for other, at, length, number, extra in others:
        if other != apart_from and overlaps(starts_at, minutes, at, length):
            text = t(
                "{meeting} of this group is at that time. Choose another one.",
                meeting=name_of(number, extra=extra),
            )
            raise Refusal("overlaps", text)


async def free_day(session: AsyncSession, group: Group, own: date) -> date:
    """The day that an extra meeting is known by: its own, else the nearest that is free.

    Nobody sees it; a day of a group stands for one meeting only.
    """
    taken = set(
        await session.scalars(
            select(Meeting.occurrence_date).where(
                Meeting.guild_id == group.guild_id, Meeting.group_id == group.id
            )
        )
    )
    return nearest(own, taken)
