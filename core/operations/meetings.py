"""What facilitators and moderators do with a single meeting. Each function is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Source
from core.db.models import Group
from core.db.queries import meetings as rows
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations import meeting_facts, series
from core.operations.common import Actor, audit, get_group, guild_settings
from core.operations.groups import must_live
from core.operations.meeting_checks import Change, free, free_day, may
from core.operations.meeting_rights import must_manage
from core.operations.meeting_views import (
    MeetingView,
    find,
    show,
    zone_of,
)
from core.reconcile.meeting_preview import Effect, effect
from core.reconcile.meeting_rows import Have, Status
from core.reconcile.trace import MeetingChange, Trace, changed, plain_fields
from core.schedule import local
from core.words import t

_STATUS: dict[Change, Status] = {
    "move": "planned", "skip": "skipped", "postpone": "postponed", "restore": "planned",
}  # fmt: skip
_FIELDS = ("starts_at", "minutes", "status", "moved")


@dataclass(frozen=True)
class Preview:
    """What a change would do. For a move `starts_at` and `minutes` are the new ones (UTC)."""

    meeting: MeetingView
    effect: Effect
    starts_at: datetime
    minutes: int


# --- before ------------------------------------------------------------------------------------


async def manage(actor: Actor, meeting_id: int) -> Preview:
    """A meeting with its people, for whoever may manage it: what a panel shows.

    Raises Refusal(meeting_not_found, not_allowed).
    """
    async with get_database().transaction() as session:
        found = await find(session, actor.guild_id, meeting_id)
        await must_manage(session, actor, found.group_id)
        people = await meeting_facts.people(session, actor.guild_id, found.group_id, found.id)
        return Preview(found, effect(people), found.starts_at, found.minutes)


async def preview(
    actor: Actor,
    meeting_id: int,
    change: Change,
    starts_at: datetime | None = None,
    minutes: int | None = None,
) -> Preview:
    """What moving it to `starts_at` (UTC), skipping or postponing it would mean. Changes nothing.

    Refuses what the change itself would refuse.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        found = await find(session, actor.guild_id, meeting_id)
        await must_manage(session, actor, found.group_id)
        group = await get_group(session, actor.guild_id, found.group_id)
        row = await session.get_one(Meeting, meeting_id)
        at, length = starts_at or row.starts_at, minutes or row.minutes
        await may(session, group, row, change, at, length, now)
        if starts_at is not None and (at, length) == (row.starts_at, row.minutes):
            raise _same()
        gone = change in {"skip", "postpone"}
        people = await meeting_facts.people(
            session, actor.guild_id, group.id, meeting_id, None if gone else at, length
        )
        meaning = effect(
            people, None if gone else at, length, old=row.starts_at, zone=found.zone
        )  # fmt: skip
        crowds = await meeting_facts.crowds(
            session, group, found.zone, now, _as_if(meeting_id, change, at, length)
        )
        return Preview(found, replace(meaning, crowds=crowds), at, length)


def _as_if(
    meeting_id: int, change: Change, starts_at: datetime, minutes: int
) -> Callable[[Have], Have]:
    """A group's rows with this change of one of them."""

    def after(row: Have) -> Have:
        if row.id != meeting_id:
            return row
        moved = row.moved or change == "move"
        return replace(
            row, starts_at=starts_at, minutes=minutes, status=_STATUS[change], moved=moved
        )

    return after


async def may_add(actor: Actor, group_id: int) -> None:
    """Raise Refusal (group_not_found, not_allowed, group_ended) where no meeting can be added."""
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id)
        await must_manage(session, actor, group_id)
        must_live(group)


async def preview_add(
    actor: Actor, group_id: int, starts_at: datetime, minutes: int = 60
) -> Effect:
    """What one more meeting at `starts_at` (UTC) would mean. Refuses what `add` would."""
    now = utcnow()
    async with get_database().transaction() as session:
        group = await get_group(session, actor.guild_id, group_id)
        await must_manage(session, actor, group_id)
        await free(session, group, starts_at, minutes, now)
        people = await meeting_facts.people(
            session, actor.guild_id, group_id, None, starts_at, minutes
        )
        zone = await _zone(session, group, starts_at)
        extra = Have(0, starts_at.date(), starts_at, minutes, None, extra=True)
        crowds = await meeting_facts.crowds(session, group, zone, now, add=extra)
        return replace(effect(people, starts_at, minutes), crowds=crowds)


async def _zone(session: AsyncSession, group: Group, starts_at: datetime) -> str:
    fallback: str = (await guild_settings(session, group.guild_id)).zone
    return zone_of(group.rule, starts_at.date(), fallback)


# --- doing -------------------------------------------------------------------------------------


async def _begin(
    session: AsyncSession, actor: Actor, meeting_id: int, seen: datetime | None
) -> tuple[Group, Meeting]:
    """The group, locked, and its meeting, for whoever may manage it.

    `seen`: the start that the preview showed; where it is another by now, nothing is done.
    """
    found = await find(session, actor.guild_id, meeting_id)
    await must_manage(session, actor, found.group_id)
    group = await get_group(session, actor.guild_id, found.group_id, lock=True)
    row = await session.get(Meeting, meeting_id, populate_existing=True)
    if row is None:
        raise Refusal("meeting_not_found", t("There is no such meeting here any more."))
    if seen is not None and row.starts_at != seen:
        raise _meanwhile()
    return group, row


def _same() -> Refusal:
    return Refusal("same", t("It is at that time already. Nothing changed."))


def _meanwhile() -> Refusal:
    return Refusal(
        "changed_meanwhile",
        t("This meeting was changed in the meantime. Nothing was done. Look at it again."),
    )


async def _change(
    actor: Actor,
    meeting_id: int,
    change: Change,
    values: dict[str, Any],
    *,
    seen: datetime | None,
    ask_again: bool = False,
) -> MeetingView:
    now = utcnow()
    try:
        async with get_database().transaction() as session:
            group, row = await _begin(session, actor, meeting_id, seen)
            at, minutes = values.get("starts_at", row.starts_at), values.get("minutes", row.minutes)
            await may(session, group, row, change, at, minutes, now)
            before, number = plain_fields({f: getattr(row, f) for f in _FIELDS}), row.number
            for key, value in values.items():
                setattr(row, key, value)
            after = plain_fields({f: getattr(row, f) for f in _FIELDS})
            differs = changed(row.id, before, after)
            if not differs or differs[0].now.keys() == {"moved"}:
                raise _same()
            fields = differs[0]
            trace = MeetingChange(row.id, group.id, fields.was, fields.now, ask_again)
            if ask_again:
                await _ask_again(session, row, now)
            entry_id = await _note(session, actor, change, group, row, trace)
            await _follow(session, [group.id], [trace], entry_id, now, number=number)
    except IntegrityError as error:
        raise _day_taken(error) from error
    return replace(await show(actor.guild_id, meeting_id), entry_id=entry_id)


def _action(change: Change | Literal["add"]) -> str:
    if change == "move":
        return "meeting_moved"
    if change == "skip":
        return "meeting_skipped"
    if change == "postpone":
        return "meeting_postponed"
    if change == "restore":
        return "meeting_restored"
    return "meeting_added"


async def _note(
    session: AsyncSession,
    actor: Actor,
    change: Change | Literal["add"],
    group: Group,
    row: Meeting,
    fields: MeetingChange,
) -> int:
    """Write the history; the entry's id."""
    was = fields.was or {}
    entry = audit(
        session, actor, _action(change), cohort_id=group.cohort_id, group_id=group.id,
        before={"starts_at": was.get("starts_at", row.starts_at.isoformat())},
        after={
            "starts_at": row.starts_at.isoformat(), "number": row.number, "extra": row.extra,
            "minutes": row.minutes, "meeting_id": row.id, "asked": fields.asked,
        },
        trace=Trace(meetings=(fields,)),
    )  # fmt: skip
    await session.flush()
    return entry.id


async def _follow(
    session: AsyncSession,
    group_ids: Iterable[int],
    changes: list[MeetingChange],
    entry_id: int,
    now: datetime,
    *,
    number: int | None = None,
) -> None:
    """What every change is followed by: the series, its post, the notice, and the sync to come."""
    ids = list(group_ids)
    await rows.derive(session, ids, now)
    await series.redraw(session, ids, now)
    await series.tell(session, changes, entry_id, now, number=number)
    await mark_due(session, ids, now)


async def _ask_again(session: AsyncSession, row: Meeting, now: datetime) -> None:
    """Everybody's answer is open again; one that was given before this moment no longer counts."""
    await session.execute(
        update(Rsvp)
        .where(Rsvp.meeting_id == row.id, Rsvp.guild_id == row.guild_id)
        .values(
            status=Answer.pending, source=Source.move, answered_at=now, reason=None,
            interested=False,
        )
    )  # fmt: skip


def _day_taken(error: IntegrityError) -> Exception:
    if "uq_meetings" in str(error.orig):
        text = t("Somebody changed the meetings of this group at the same moment. Try again.")
        return Refusal("changed_meanwhile", text)
    return error


async def move(
    actor: Actor,
    meeting_id: int,
    starts_at: datetime,
    minutes: int | None = None,
    *,
    ask_again: bool = False,
    seen: datetime | None = None,
) -> MeetingView:
    """Have it at `starts_at` (aware), for `minutes` where given; its number stays.

    `ask_again`: all answers are open again, else they stay. `seen`: its start in the preview.
    Raises Refusal: meeting_not_found, not_allowed, changed_meanwhile, wrong_status, begun, same,
    in_the_past, too_far, out_of_range, overlaps, group_ended.
    """
    values: dict[str, Any] = {"starts_at": starts_at, "moved": True}
    values |= {"minutes": minutes} if minutes is not None else {}
    return await _change(actor, meeting_id, "move", values, seen=seen, ask_again=ask_again)


async def skip(actor: Actor, meeting_id: int, *, seen: datetime | None = None) -> MeetingView:
    """It does not take place; the others keep their numbers. Refusals as for `move`."""
    return await _change(actor, meeting_id, "skip", {"status": _STATUS["skip"]}, seen=seen)


async def postpone(actor: Actor, meeting_id: int, *, seen: datetime | None = None) -> MeetingView:
    """It does not take place, the later ones take over its number and one is added at the end.

    Refusals as for `move`, and: extra.
    """
    return await _change(actor, meeting_id, "postpone", {"status": _STATUS["postpone"]}, seen=seen)


async def restore(actor: Actor, meeting_id: int, *, seen: datetime | None = None) -> MeetingView:
    """A skipped or postponed one takes place after all. Refusals as for `move`."""
    return await _change(actor, meeting_id, "restore", {"status": _STATUS["restore"]}, seen=seen)


async def add(actor: Actor, group_id: int, starts_at: datetime, minutes: int = 60) -> MeetingView:
    """One more meeting beside the series, at `starts_at` (aware).

    Raises Refusal: group_not_found, not_allowed, group_ended, in_the_past, too_far, out_of_range,
    overlaps.
    """
    now = utcnow()
    try:
        async with get_database().transaction() as session:
            group = await get_group(session, actor.guild_id, group_id, lock=True)
            await must_manage(session, actor, group_id)
            await free(session, group, starts_at, minutes, now)
            zone = await _zone(session, group, starts_at)
            row = Meeting(
                guild_id=actor.guild_id, group_id=group_id, number=None, starts_at=starts_at,
                occurrence_date=await free_day(session, group, local(starts_at, zone).date()),
                minutes=minutes,
                status=MeetingStatus.planned, extra=True, told_starts_at=starts_at, created_at=now,
            )  # fmt: skip
            session.add(row)
            await session.flush()
            trace = MeetingChange(
                row.id, group_id, None,
                plain_fields({"starts_at": starts_at, "status": MeetingStatus.planned}),
            )  # fmt: skip
            entry_id = await _note(session, actor, "add", group, row, trace)
            await _follow(session, [group_id], [trace], entry_id, now)
            meeting_id = row.id
    except IntegrityError as error:
        raise _day_taken(error) from error
    return replace(await show(actor.guild_id, meeting_id), entry_id=entry_id)
