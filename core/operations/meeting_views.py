"""Meetings as people see them: of a group, of a person, one of them, and those to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Visit
from core.db.models import Cohort, Group, Guild, Membership, MembershipStatus, User
from core.db.queries import meetings as rows
from core.errors import Refusal
from core.operations import lookup
from core.operations.common import Actor
from core.operations.meeting_rights import manageable
from core.reconcile.answers import effective
from core.reconcile.trace import LIVE
from core.schedule import Rule
from core.words import near_day, t

RECENT = timedelta(days=3)  # meetings that are over stay to choose from that long
_DIGITS = 3  # of a meeting's number: a cohort has at most 200
MOST = 500  # meetings to choose from; autocomplete shows 25 of those that fit what is typed


@dataclass(frozen=True)
class MeetingView:
    """A meeting as people see it. `starts_at` is UTC, `zone` the group's (IANA).

    `answer` is the asker's own as it counts, None where it was not asked for. `entry_id` is the
    history's entry, where an operation gave this.
    """

    id: int
    group_id: int
    group_name: str
    cohort_name: str
    number: int | None
    extra: bool
    starts_at: datetime
    minutes: int
    status: str
    moved: bool
    zone: str
    group_status: str
    answer: str | None = None
    guest: bool = False
    entry_id: int | None = None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)

    @property
    def planned(self) -> bool:
        return self.status == MeetingStatus.planned

    @property
    def name(self) -> str:
        """As in: Week 3."""
        return name_of(self.number, extra=self.extra)

    @property
    def local_day(self) -> date:
        """The day on the group's clocks."""
        return self.starts_at.astimezone(ZoneInfo(self.zone)).date()

    @property
    def label(self) -> str:
        """As in: Group 2 · Week 3 · Wed 4 March."""
        return f"{self.group_name} · {self.name} · {near_day(self.local_day)}"


def name_of(number: int | None, *, extra: bool) -> str:
    """What people call a meeting within its group."""
    if extra:
        return t("Extra meeting")
    return t("Week {number}", number=number) if number is not None else t("Postponed meeting")


def zone_of(rule: dict[str, Any] | None, day: date, fallback: str) -> str:
    """A group's zone: of the slot that is in force on that day, else the guild's."""
    return Rule.from_json(rule).slot_for(day).zone if rule else fallback


def _query() -> Any:
    return (
        select(
            Meeting, Group.name, Group.status, Group.rule, Cohort.name, Guild.settings,
        )
        .join(Group, Group.id == Meeting.group_id)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .join(Guild, Guild.id == Meeting.guild_id)
    )  # fmt: skip


def _view(row: Any) -> MeetingView:
    meeting, name, status, rule, cohort, settings = row[:6]
    chosen = GuildSettings.model_validate(settings or {}).zone
    return MeetingView(
        meeting.id, meeting.group_id, name, cohort, meeting.number, meeting.extra,
        meeting.starts_at, meeting.minutes, meeting.status, meeting.moved,
        zone_of(rule, meeting.occurrence_date, chosen), status,
    )  # fmt: skip


async def find(session: AsyncSession, guild_id: int, meeting_id: int) -> MeetingView:
    """A meeting of this guild. Raises Refusal(meeting_not_found) for any other."""
    query = _query().where(Meeting.id == meeting_id, Meeting.guild_id == guild_id)
    row = (await session.execute(query.execution_options(populate_existing=True))).first()
    if row is None:
        raise Refusal("meeting_not_found", t("There is no such meeting here any more."))
    return _view(row)


async def show(guild_id: int, meeting_id: int) -> MeetingView:
    """One meeting, whatever its status. Raises Refusal(meeting_not_found)."""
    async with get_database().transaction() as session:
        return await find(session, guild_id, meeting_id)


async def list_for_group(guild_id: int, group_id: int, *, past: bool = False) -> list[MeetingView]:
    """A group's meetings in order of time, also those that do not take place.

    Only those that are not over yet, unless `past`. What a running group's series does not have
    any more (its number was lowered) is left out.
    """
    dropped = and_(Meeting.status == MeetingStatus.cancelled, Group.status.in_(LIVE))
    query = _query().where(Meeting.group_id == group_id, Meeting.guild_id == guild_id, ~dropped)
    if not past:
        query = query.where(rows.ends() > utcnow())
    async with get_database().transaction() as session:
        found = await session.execute(query.order_by(Meeting.starts_at, Meeting.id))
        return [_view(row) for row in found]


async def list_for_member(actor: Actor, *, limit: int = 100) -> list[MeetingView]:
    """What takes place for a person on this server and is not over, the next one first.

    In all their groups, and where they are a guest; with their answer as it counts.
    """
    member = and_(
        Membership.group_id == Meeting.group_id,
        Membership.user_id == actor.user_id,
        Membership.status == MembershipStatus.active,
    )
    visit = and_(
        Visit.meeting_id == Meeting.id,
        Visit.user_id == actor.user_id,
        Visit.ended_at.is_(None),
    )
    answer = and_(Rsvp.meeting_id == Meeting.id, Rsvp.user_id == actor.user_id)
    query = (
        _query()
        .add_columns(Membership.id, Rsvp.status, Rsvp.interested)
        .outerjoin(Membership, member)
        .outerjoin(Visit, visit)
        .outerjoin(Rsvp, answer)
        .where(
            Meeting.guild_id == actor.guild_id,
            Meeting.status == MeetingStatus.planned,
            or_(Membership.id.is_not(None), Visit.id.is_not(None)),
            rows.ends() > utcnow(),
        )
        .order_by(Meeting.starts_at, Meeting.id)
        .limit(limit)
    )
    async with get_database().transaction() as session:
        found = await session.execute(query)
        return [_mine(row) for row in found]


def _mine(row: Any) -> MeetingView:
    membership, status, interested = row[6:]
    answer = effective(status or Answer.pending, interested=bool(interested))
    return replace(_view(row), answer=str(answer), guest=membership is None)


async def choices(actor: Actor, typed: str = "") -> list[lookup.Choice]:
    """Meetings that this person may manage, to choose from, the next ones first.

    Labels are unique: "Group 2 · Week 3 · Wed 4 March". At most MOST, so on a large server those
    of the group that was `typed`; nothing for whoever manages none.
    """
    now = utcnow()
    async with get_database().transaction() as session:
        allowed = await manageable(session, actor)
        if allowed is not None and not allowed:
            return []
        mine: list[ColumnElement[bool]] = [
            Meeting.guild_id == actor.guild_id, Group.status.in_(LIVE),
            Meeting.status != MeetingStatus.cancelled, rows.ends() > now - RECENT,
        ]  # fmt: skip
        if allowed is not None:
            mine.append(Meeting.group_id.in_(allowed))
        query = _query().where(*mine).order_by(Meeting.starts_at, Meeting.id).limit(MOST)
        views = [_view(row) for row in await session.execute(query)]
        if len(views) == MOST and typed.strip():
            for meant in (_meant(typed), _numbered(typed)):
                found = [_view(row) for row in await session.execute(query.where(meant))]
                if found:
                    views = found
                    break
    return lookup.unique([(v.id, label) for v, label in _told_apart(views)], "meeting")


def _meant(typed: str) -> ColumnElement[bool]:
    """The meeting that was chosen, or those of groups called like what stands before a " · "."""
    if chosen := lookup.id_in(typed, "meeting"):
        return Meeting.id == chosen
    return Group.name.icontains(typed.split(" · ", maxsplit=1)[0].strip(), autoescape=True)


def _numbered(typed: str) -> ColumnElement[bool]:
    """Those with the number that was typed, as in "week 12"."""
    word = typed.rsplit(maxsplit=1)[-1]
    return Meeting.number == (int(word) if word.isdecimal() and len(word) <= _DIGITS else -1)


def _told_apart(views: Sequence[MeetingView]) -> list[tuple[MeetingView, str]]:
    """Labels, with the cohort where two groups of that name have a meeting on that day."""
    seen: dict[str, int] = {}
    for view in views:
        seen[view.label] = seen.get(view.label, 0) + 1
    return [(v, v.label if seen[v.label] == 1 else f"{v.label} · {v.cohort_name}") for v in views]


async def group_choices(actor: Actor) -> list[lookup.Choice]:
    """Running groups whose meetings this person may manage, as "Group 2 · Stats autumn"."""
    async with get_database().transaction() as session:
        allowed = await manageable(session, actor)
    found = await lookup.groups(actor.guild_id)
    return found if allowed is None else [c for c in found if c.id in allowed]


@dataclass(frozen=True)
class Slots:
    """How a group meets. `rule` None: it has no time yet. `next`: what comes first, if anything."""

    rule: Rule | None
    zone: str
    next: MeetingView | None = None


async def slots(guild_id: int, group_ids: Sequence[int]) -> dict[int, Slots]:
    """How these groups of the guild meet, by id; in three statements."""
    now = utcnow()
    async with get_database().alone() as session:
        raw = await session.scalar(select(Guild.settings).where(Guild.id == guild_id))
        zone = GuildSettings.model_validate(raw or {}).zone
        found = await session.execute(
            select(Group.id, Group.rule).where(
                Group.guild_id == guild_id, Group.id.in_(list(group_ids))
            )
        )
        nearest = (
            select(func.min(Meeting.starts_at))
            .where(
                Meeting.group_id == Group.id, Meeting.status == MeetingStatus.planned,
                rows.ends() > now,
            )
            .correlate(Group)
            .scalar_subquery()
        )  # fmt: skip
        ahead = await session.execute(
            _query().where(
                Meeting.guild_id == guild_id, Meeting.group_id.in_(list(group_ids)),
                Meeting.status == MeetingStatus.planned, Meeting.starts_at == nearest,
            )
        )  # fmt: skip
        following = {v.group_id: v for v in map(_view, ahead)}
    today = now.date()
    return {
        group_id: Slots(
            Rule.from_json(rule) if rule else None,
            zone_of(rule, today, zone), following.get(group_id),
        )
        for group_id, rule in found.all()
    }  # fmt: skip


async def own_zone(actor: Actor) -> str | None:
    """The asker's own zone (IANA), None where it is not known."""
    async with get_database().transaction() as session:
        return await session.scalar(select(User.zone).where(User.id == actor.user_id))
