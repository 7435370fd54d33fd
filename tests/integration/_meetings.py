"""A season of weekly meetings as rows, and reading back what became of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from core.clock import set_clock
from core.db.engine import Database, get_database
from core.db.meeting_models import Delivery, Rsvp
from core.db.models import Group, Role, User
from core.errors import Refusal
from core.operations import cohorts, meeting_views, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.meeting_preview import Effect
from core.schedule import Piece, Rule, Slot

GUILD = 500
MOD = Actor(GUILD, 1, "mod", moderator=True)
FACILITATOR = Actor(GUILD, 2, "fay")
MEMBER = Actor(GUILD, 3, "ann")
OTHER = Actor(600, 9, "mod elsewhere", moderator=True)
START = date(2026, 3, 2)  # a Monday
WED = Slot(2, time(19), "Europe/Berlin", 60)
RULE = Rule((Piece(WED),))
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
FIRST = datetime(2026, 3, 4, 18, tzinfo=UTC)  # Wed 19:00 in Berlin, before the clocks change


def at(moment: datetime) -> None:
    set_clock(lambda: moment)


async def season(*, count: int = 4, number: int = 1, rule: Rule | None = RULE) -> list[int]:
    """A cohort with a facilitator and a member in its first group, which runs; its groups' ids."""
    draft = CohortDraft("Stats", START, meetings=count, groups=number, rule=rule)
    made = await cohorts.create(MOD, draft, open_now=True)
    await membership.add(MOD, made.group_ids[0], 2, "fay", role=Role.facilitator)
    await membership.add(MOD, made.group_ids[0], 3, "ann")
    async with get_database().transaction() as session:
        first = update(Group).where(Group.id == made.group_ids[0])
        await session.execute(first.values(status="active"))
    return made.group_ids


async def seen(group_id: int) -> list[tuple[int | None, str, datetime]]:
    found = await meeting_views.list_for_group(GUILD, group_id, past=True)
    return [(m.number, m.status, m.starts_at) for m in found]


async def ids(group_id: int) -> list[int]:
    return [m.id for m in await meeting_views.list_for_group(GUILD, group_id, past=True)]


async def keys(database: Database) -> list[str]:
    async with database.transaction() as session:
        return list(await session.scalars(select(Delivery.key).order_by(Delivery.id)))


async def answer(database: Database, meeting_id: int, user_id: int, status: str) -> None:
    async with database.transaction() as session:
        await session.execute(insert(User).values(id=user_id).on_conflict_do_nothing())
        session.add(
            Rsvp(meeting_id=meeting_id, user_id=user_id, guild_id=GUILD, status=status,
                 source="button", answered_at=datetime(2026, 2, 1, tzinfo=UTC), interested=True)
        )  # fmt: skip


async def refused(code: str, doing: object) -> None:
    with pytest.raises(Refusal) as found:
        await doing  # type: ignore[misc]
    assert found.value.code == code, found.value


async def cohort_of(database: Database, group_id: int) -> int:
    async with database.transaction() as session:
        return (await session.get_one(Group, group_id)).cohort_id


async def numbers(group_id: int) -> list[int | None]:
    return [number for number, status, _ in await seen(group_id) if status == "planned"]


def crowded(effect: Effect) -> list[list[int | None]]:
    """The numbers of the meetings on each day that gets a second one."""
    return [[row.number for row in crowd.meetings] for crowd in effect.crowds]
