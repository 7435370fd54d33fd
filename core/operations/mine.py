"""What a person decides about themselves, and what is stored about them. Not of one server."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.calendar_models import Feed
from core.db.engine import get_database
from core.db.meeting_models import Attendance, Delivery, Meeting, Rsvp, Visit
from core.db.models import (
    AuditEntry,
    Cohort,
    Group,
    Member,
    Membership,
    MembershipStatus,
    Role,
    SeatWatch,
    User,
)
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.notifications.kinds import KINDS, MENTIONS
from core.operations import addresses
from core.operations.common import Actor
from core.operations.settings import zone as find_zone
from core.words import LANGUAGES, t

# What a person can switch: by the name that is stored, whether it is on before they chose.
SWITCHES: dict[str, bool] = {
    MENTIONS: True,
    **{kind.name: kind.default for kind in KINDS.values() if kind.switch},
}
_FOR_FACILITATORS = {kind.name for kind in KINDS.values() if kind.facilitators}
_HOURS = 24


@dataclass(frozen=True)
class Mine:
    """`language` of messages to the person; None: the server's. `zone`: None: not known.

    `quiet`: from and to which full hour no direct message comes; None: never. `switches`: those
    that mean something for this person.
    """

    messages: bool = True
    language: str | None = None
    zone: str | None = None
    quiet: tuple[int, int] | None = (22, 8)
    switches: dict[str, bool] = field(default_factory=dict)


async def settings(actor: Actor) -> Mine:
    """What the person chose; defaults before that."""
    async with get_database().transaction() as session:
        return await _mine(session, actor, await session.get(User, actor.user_id))


async def _mine(session: AsyncSession, actor: Actor, user: User | None) -> Mine:
    leads = await session.scalar(
        select(
            exists().where(
                Membership.guild_id == actor.guild_id,
                Membership.user_id == actor.user_id,
                Membership.role == Role.facilitator,
                Membership.status == MembershipStatus.active,
            )
        )
    )
    chosen = user.switches if user else {}
    switches = {
        name: bool(chosen.get(name, default))
        for name, default in SWITCHES.items()
        if leads or name not in _FOR_FACILITATORS
    }
    if user is None:
        return Mine(switches=switches)
    quiet = (user.quiet_from, user.quiet_to) if user.quiet_from != user.quiet_to else None
    return Mine(user.dm_enabled, user.language, user.zone, quiet, switches)


async def change(actor: Actor, **changes: Any) -> Mine:
    """Change what is named: see Mine. `zone` as it was typed; `switches` only those that change.

    Raises Refusal: unknown_choice, unknown_zone. Afterwards the reminders of the person's groups
    are due for a look; `groups_of` names them.
    """
    values = _checked(changes)
    async with get_database().transaction() as session:
        await session.execute(insert(User).values(id=actor.user_id).on_conflict_do_nothing())
        user = await session.get_one(User, actor.user_id, with_for_update=True)
        for name, value in values.items():
            setattr(user, name, value)
        if "switches" in changes:
            user.switches = {**user.switches, **changes["switches"]}
        if {"switches", "zone"} & changes.keys():
            await mark_due(session, await _groups(session, actor), utcnow(), systems=("reminders",))
        return await _mine(session, actor, user)


def _checked(changes: dict[str, Any]) -> dict[str, Any]:
    """Columns and their new values."""
    unknown = Refusal("unknown_choice", t("That choice is not known."))
    values: dict[str, Any] = {}
    if "messages" in changes:
        values["dm_enabled"] = bool(changes["messages"])
    if "language" in changes:
        if changes["language"] is not None and changes["language"] not in LANGUAGES:
            raise unknown
        values["language"] = changes["language"]
    if "zone" in changes:
        values["zone"] = find_zone(changes["zone"])
    if "quiet" in changes:
        begin, end = changes["quiet"] or (0, 0)
        if not (0 <= begin < _HOURS and 0 <= end < _HOURS):
            raise unknown
        values["quiet_from"], values["quiet_to"] = begin, end
    if not changes.get("switches", {}).keys() <= SWITCHES.keys():
        raise unknown
    return values


async def _groups(session: AsyncSession, actor: Actor) -> list[int]:
    """Groups of the person on this server: on others the next sweep follows."""
    rows = await session.scalars(
        select(Membership.group_id).where(
            Membership.guild_id == actor.guild_id,
            Membership.user_id == actor.user_id,
            Membership.status == MembershipStatus.active,
        )
    )
    return sorted(rows)


async def groups_of(actor: Actor) -> list[int]:
    """The groups whose messages depend on what the person chose, to be synced."""
    async with get_database().transaction() as session:
        return await _groups(session, actor)


async def data(actor: Actor) -> dict[str, Any]:
    """Everything that is stored about the person on this server, ready for JSON. Times are UTC."""
    here, me = actor.guild_id, actor.user_id
    async with get_database().transaction() as session:
        user = await session.get(User, me)
        member = await session.get(Member, (here, me))
        return {
            "written": _time(utcnow()),
            "discord_id": str(me),
            "settings": {
                "messages": user.dm_enabled if user else True,
                "language": user.language if user else None,
                "zone": user.zone if user else None,
                "quiet_hours": [user.quiet_from, user.quiet_to] if user else [22, 8],
                "switches": user.switches if user else {},
            },
            "names": {"name": member.name, "nickname": member.nickname} if member else {},
            "groups": await _memberships(session, here, me),
            "waiting_for_a_seat": await _watches(session, here, me),
            "meetings": await _meetings(session, here, me),
            "messages": await _messages(session, here, me),
            "calendar_links": await _feeds(session, here, me),
            "invitations": await addresses.data(session, actor),
            "history": await _history(session, here, me),
        }


async def _memberships(session: AsyncSession, here: int, me: int) -> list[dict[str, Any]]:
    """Groups that they are or were in."""
    rows = await session.execute(
        select(Membership, Group.name, Cohort.name)
        .join(Group, Group.id == Membership.group_id)
        .join(Cohort, Cohort.id == Membership.cohort_id)
        .where(Membership.guild_id == here, Membership.user_id == me)
        .order_by(Membership.id)
    )
    return [
        {
            "group": group, "cohort": cohort, "as": m.role, "status": m.status,
            "reason": m.reason, "from": _time(m.created_at), "to": _time(m.ended_at),
        }
        for m, group, cohort in rows
    ]  # fmt: skip


async def _watches(session: AsyncSession, here: int, me: int) -> list[dict[str, Any]]:
    """Full groups of which they want to hear."""
    rows = await session.execute(
        select(SeatWatch.created_at, Group.name)
        .join(Group, Group.id == SeatWatch.group_id)
        .where(SeatWatch.guild_id == here, SeatWatch.user_id == me)
    )
    return [{"group": group, "since": _time(at)} for at, group in rows]


async def _history(session: AsyncSession, here: int, me: int) -> list[dict[str, Any]]:
    """What they did, and what was done with them."""
    rows = await session.execute(
        select(AuditEntry.at, AuditEntry.action)
        .where(
            AuditEntry.guild_id == here,
            (AuditEntry.actor_id == me) | (AuditEntry.user_id == me),
        )
        .order_by(AuditEntry.id)
    )
    return [{"at": _time(at), "what": what} for at, what in rows]


async def _feeds(session: AsyncSession, here: int, me: int) -> list[dict[str, Any]]:
    """Links of calendars that they asked for; the links themselves are not stored."""
    rows = await session.execute(
        select(Feed.kind, Feed.created_at, Feed.read_at)
        .where(Feed.guild_id == here, Feed.user_id == me)
        .order_by(Feed.id)
    )
    return [
        {"kind": kind, "since": _time(since), "read_by_a_program": _time(read)}
        for kind, since, read in rows
    ]


async def _meetings(session: AsyncSession, here: int, me: int) -> list[dict[str, Any]]:
    """Answers, visits and attendance, by meeting."""
    same = (Meeting.guild_id == here,)
    answers = await session.execute(
        select(Meeting.id, Rsvp)
        .join(Rsvp, Rsvp.meeting_id == Meeting.id)
        .where(*same, Rsvp.guild_id == here, Rsvp.user_id == me)
    )
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for meeting_id, r in answers:
        found[meeting_id] |= {
            "answer": r.status, "answered": _time(r.answered_at), "by": r.source,
            "reason": r.reason, "interested": r.interested,
        }  # fmt: skip
    visits = await session.execute(
        select(Visit.meeting_id, Visit.created_at, Visit.ended_at).where(
            Visit.guild_id == here, Visit.user_id == me
        )
    )
    for meeting_id, begun, ended in visits:
        found[meeting_id] |= {"guest": {"from": _time(begun), "to": _time(ended)}}
    came = await session.execute(
        select(Attendance.meeting_id, Attendance.seconds, Attendance.mark).where(
            Attendance.guild_id == here, Attendance.user_id == me
        )
    )
    for meeting_id, seconds, mark in came:
        found[meeting_id] |= {"seconds_in_voice": seconds, "marked": mark}
    if not found:
        return []
    named = await session.execute(
        select(Meeting.id, Group.name, Meeting.starts_at)
        .join(Group, Group.id == Meeting.group_id)
        .where(*same, Meeting.id.in_(found))
        .order_by(Meeting.starts_at)
    )
    return [{"group": group, "starts": _time(at), **found[number]} for number, group, at in named]


async def _messages(session: AsyncSession, here: int, me: int) -> list[dict[str, Any]]:
    """Messages to the person, and those about them."""
    rows = await session.execute(
        select(Delivery.kind, Delivery.due_at, Delivery.status, Delivery.sent_at)
        .where(
            Delivery.guild_id == here, (Delivery.user_id == me) | (Delivery.about_id == me)
        )
        .order_by(Delivery.id)
    )  # fmt: skip
    return [
        {"kind": kind, "due": _time(due), "status": status, "sent": _time(sent)}
        for kind, due, status, sent in rows
    ]


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
