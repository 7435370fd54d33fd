"""Whom an announcement may go to: groups, whole cohorts, what a cohort shares, tonight's people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.db.engine import get_database
from core.db.meeting_models import Answer, Meeting, MeetingStatus, Rsvp, Visit
from core.db.models import (
    Cohort,
    CohortStatus,
    Group,
    ManagedObject,
    Membership,
    MembershipStatus,
)
from core.db.queries.meetings import ends
from core.errors import Refusal
from core.operations import lookup
from core.operations.common import guild_settings
from core.reconcile.answers import effective
from core.reconcile.trace import LIVE
from core.words import t, tn

TONIGHT = "tonight"
_RUNNING = (CohortStatus.draft, CohortStatus.open)


@dataclass(frozen=True)
class Target:
    """Something to choose. `value`: tonight, cohort:5, shared:5 or group:12; `label` is a name."""

    value: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Place:
    """A channel (Discord's id) with whom a mention there is for, in the order of joining."""

    channel_id: int
    people: tuple[int, ...] = ()
    group_id: int | None = None
    cohort_id: int | None = None


@dataclass(frozen=True)
class Reach:
    """Where it would go. `lacking` are the groups among the chosen that have no channel now."""

    names: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def people(self) -> int:
        """How many different people are in those places."""
        return len({user for place in self.places for user in place.people})


@dataclass(frozen=True)
class _Chosen:
    groups: frozenset[int] = frozenset()
    cohorts: frozenset[int] = frozenset()
    shared: frozenset[int] = frozenset()
    tonight: bool = False


def _unknown() -> Refusal:
    return Refusal(
        "target_not_found",
        t("One of these groups or cohorts is not here any more. Choose again. Nothing was sent."),
    )


def _read(values: Iterable[str]) -> _Chosen:
    """What was chosen; the values come back from Discord and may be anything."""
    found: dict[str, set[int]] = {"group": set(), "cohort": set(), "shared": set()}
    tonight = False
    for value in values:
        kind = value.partition(":")[0]
        number = lookup.id_in(value, kind)
        if value == TONIGHT:
            tonight = True
        elif kind in found and number:
            found[kind].add(number)
        else:
            raise _unknown()
    return _Chosen(
        frozenset(found["group"]), frozenset(found["cohort"]), frozenset(found["shared"]), tonight
    )


async def choices(guild_id: int) -> list[Target]:
    """All that can be chosen in this guild: tonight, cohorts, then groups, newest cohort first."""
    async with get_database().transaction() as session:
        tonight = await _tonight(session, guild_id)
        cohorts = await session.execute(
            select(Cohort.id, Cohort.name, func.count(Group.id), ManagedObject.discord_id)
            .outerjoin(Group, and_(Group.cohort_id == Cohort.id, Group.status.in_(LIVE)))
            .outerjoin(ManagedObject, _shared_room())
            .where(Cohort.guild_id == guild_id, Cohort.status.in_(_RUNNING))
            .group_by(Cohort.id, ManagedObject.discord_id)
            .order_by(Cohort.id.desc())
        )
        of_cohorts = cohorts.all()
        groups = await session.execute(
            select(Group.id, Group.name, Cohort.name)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(Group.guild_id == guild_id, Group.status.in_(LIVE))
            .where(Cohort.status.in_(_RUNNING))
            .order_by(Cohort.id.desc(), Group.id)
        )
        found = [Target(f"group:{i}", f"{name} · {cohort}") for i, name, cohort in groups]
    first = []
    if tonight:
        detail = tn("{n} group meets today", "{n} groups meet today", len(tonight))
        first.append(Target(TONIGHT, t("Everyone attending today"), detail))
    for cohort_id, name, n, room in of_cohorts:
        detail = tn("The channel of {n} group", "The channels of all {n} groups", n)
        first.append(Target(f"cohort:{cohort_id}", name, detail))
        if room is not None:
            detail = t("The channel that all its groups share")
            first.append(Target(f"shared:{cohort_id}", t("{cohort} · all", cohort=name), detail))
    return [*first, *found]


def _shared_room() -> Any:
    return and_(
        ManagedObject.cohort_id == Cohort.id,
        ManagedObject.kind == "text",
        ManagedObject.state == "created",
        Cohort.shared,
    )


async def _tonight(session: AsyncSession, guild_id: int) -> dict[int, list[int]]:
    """The meetings of today (in the guild's zone) that are not over, by group."""
    now = utcnow()
    zone = ZoneInfo((await guild_settings(session, guild_id)).zone)
    today = now.astimezone(zone).date()
    begin, end = (datetime.combine(day, time(), zone) for day in (today, today + timedelta(days=1)))
    rows = await session.execute(
        select(Meeting.group_id, Meeting.id)
        .join(Group, Group.id == Meeting.group_id)
        .where(
            Meeting.guild_id == guild_id,
            Meeting.status == MeetingStatus.planned,
            Meeting.starts_at >= begin,
            Meeting.starts_at < end,
            ends() > now,
            Group.status.in_(LIVE),
        )
        .order_by(Meeting.starts_at)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for group_id, meeting_id in rows:
        found[group_id].append(meeting_id)
    return found


async def reach(session: AsyncSession, guild_id: int, values: Sequence[str]) -> Reach:
    """Where an announcement to these targets goes now.

    Raises Refusal(target_not_found) for anything that is not this guild's, or has ended.
    """
    chosen = _read(values)
    tonight = await _tonight(session, guild_id) if chosen.tonight else {}
    rows = await session.execute(
        select(Group.id, Group.name, Group.cohort_id, Cohort.name)
        .join(Cohort, Cohort.id == Group.cohort_id)
        .where(
            Group.guild_id == guild_id,
            Group.status.in_(LIVE),
            or_(
                Group.id.in_([*chosen.groups, *tonight]),
                Group.cohort_id.in_([*chosen.cohorts, *chosen.shared]),
            ),
        )
        .order_by(Group.cohort_id.desc(), Group.id)
    )
    groups = {i: (name, cohort_id, cohort) for i, name, cohort_id, cohort in rows}
    cohorts = await _cohorts(session, guild_id, chosen.cohorts | chosen.shared)
    if not chosen.groups <= groups.keys() or len(cohorts) < len(chosen.cohorts | chosen.shared):
        raise _unknown()
    wanted = {
        i for i, g in groups.items() if i in chosen.groups or g[1] in chosen.cohorts or i in tonight
    }
    found = await rooms(session, guild_id, wanted, chosen.shared)
    people = await _members(session, guild_id, groups)
    for group_id in wanted & tonight.keys():
        if group_id not in chosen.groups and groups[group_id][1] not in chosen.cohorts:
            people[group_id] = await _attending(session, guild_id, tonight[group_id])
    places = [
        Place(found[f"shared:{c}"],
              tuple(u for i, g in groups.items() if g[1] == c for u in people[i]), cohort_id=c)
        for c in sorted(chosen.shared) if f"shared:{c}" in found
    ]  # fmt: skip
    places += [
        Place(found[f"group:{i}"], tuple(people[i]), group_id=i)
        for i in groups if i in wanted and f"group:{i}" in found
    ]  # fmt: skip
    lacking = [groups[i][0] for i in groups if i in wanted and f"group:{i}" not in found]
    return Reach(_names(values, groups, cohorts), tuple(places), tuple(lacking))


def _names(
    values: Sequence[str], groups: dict[int, tuple[str, int, str]], cohorts: dict[int, str]
) -> tuple[str, ...]:
    names = []
    for value in values:
        kind, _, number = value.partition(":")
        if kind == "group":
            name, _, cohort = groups[int(number)]
            names.append(f"{name} · {cohort}")
        elif kind == TONIGHT:
            names.append(t("Everyone attending today"))
        else:
            cohort = cohorts[int(number)]
            names.append(t("{cohort} · all", cohort=cohort) if kind == "shared" else cohort)
    return tuple(names)


async def _cohorts(
    session: AsyncSession, guild_id: int, cohort_ids: Collection[int]
) -> dict[int, str]:
    rows = await session.execute(
        select(Cohort.id, Cohort.name).where(
            Cohort.guild_id == guild_id, Cohort.id.in_(cohort_ids), Cohort.status.in_(_RUNNING)
        )
    )
    return {i: name for i, name in rows}  # noqa: C416 - a Row is no tuple for dict()


async def rooms(
    session: AsyncSession, guild_id: int, group_ids: Collection[int], shared: Collection[int]
) -> dict[str, int]:
    """Discord's ids of the channels that are there, by target; a group's text one first."""
    rows = await session.execute(
        select(ManagedObject.group_id, ManagedObject.cohort_id, ManagedObject.discord_id)
        .where(
            ManagedObject.guild_id == guild_id,
            ManagedObject.state == "created",
            or_(
                and_(
                    ManagedObject.group_id.in_(group_ids),
                    ManagedObject.kind.in_(("text", "voice")),
                ),
                and_(ManagedObject.cohort_id.in_(shared), ManagedObject.kind == "text"),
            ),
        )
        .order_by(ManagedObject.kind)
    )
    found: dict[str, int] = {}
    for group_id, cohort_id, room in rows:
        if room is not None:
            found.setdefault(f"group:{group_id}" if group_id else f"shared:{cohort_id}", room)
    return found


async def _members(
    session: AsyncSession, guild_id: int, group_ids: Iterable[int]
) -> dict[int, list[int]]:
    rows = await session.execute(
        select(Membership.group_id, Membership.user_id)
        .where(
            Membership.guild_id == guild_id,
            Membership.group_id.in_(list(group_ids)),
            Membership.status == MembershipStatus.active,
        )
        .order_by(Membership.id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for group_id, user_id in rows:
        found[group_id].append(user_id)
    return found


async def _attending(
    session: AsyncSession, guild_id: int, meeting_ids: Collection[int]
) -> list[int]:
    """Who comes to these meetings, guests among them."""
    visits = select(Visit.user_id).where(
        Visit.guild_id == guild_id, Visit.meeting_id.in_(meeting_ids), Visit.ended_at.is_(None)
    )
    inside = (
        select(Membership.user_id)
        .join(Meeting, Meeting.group_id == Membership.group_id)
        .where(Meeting.id.in_(meeting_ids), Membership.status == MembershipStatus.active)
    )
    rows = await session.execute(
        select(Rsvp.user_id, Rsvp.status, Rsvp.interested)
        .where(
            Rsvp.guild_id == guild_id,
            Rsvp.meeting_id.in_(meeting_ids),
            or_(Rsvp.user_id.in_(inside), Rsvp.user_id.in_(visits)),
        )
        .order_by(Rsvp.user_id)
    )
    come = [u for u, status, keen in rows if effective(status, keen) == Answer.attending]
    return list(dict.fromkeys(come))
