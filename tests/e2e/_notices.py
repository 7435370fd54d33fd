"""Groups that run, their clock moved, and what was said in them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select, update

from core.clock import set_clock
from core.db.engine import get_database
from core.db.meeting_models import Delivery, Meeting
from core.db.models import Group
from core.operations.common import Actor
from core.schedule import Piece, Rule, Slot
from tests.e2e._acting import filled, made
from tests.world import World

BERLIN = Slot(2, time(19), "Europe/Berlin")


async def running(w: World, *, people: int = 2, groups: int = 1) -> list[int]:
    """Groups that meet on Wednesdays from 4 March on; the first one runs. Their ids."""
    cohort = await made(w, groups=groups, meetings=2, start=date(2026, 3, 2))
    async with get_database().transaction() as session:
        await session.execute(
            update(Group)
            .where(Group.id.in_(cohort.group_ids))
            .values(rule=Rule((Piece(BERLIN),)).to_json())
        )
    await filled(w, cohort, people=people)
    return list(cohort.group_ids)


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


async def later(w: World, moment: datetime) -> None:
    set_clock(at(moment))
    await w.settle()


async def deliveries(kind: str) -> list[Delivery]:
    async with get_database().transaction() as session:
        rows = await session.scalars(
            select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)
        )
        return list(rows)


async def posts(w: World, kind: str) -> list[Any]:
    """The messages that went out for a kind, as Discord has them."""
    sent = {row.message_id for row in await deliveries(kind) if row.status == "sent"}
    found = [m for c in w.guild.channels.values() for m in _history(c) if m.id in sent]
    assert len(found) == len(sent)
    return found


def _history(channel: Any) -> list[Any]:
    return channel.history() if hasattr(channel, "history") else []


async def meetings() -> list[Meeting]:
    async with get_database().transaction() as session:
        return list(await session.scalars(select(Meeting).order_by(Meeting.starts_at)))


def actor(w: World, person: Any) -> Actor:
    return Actor(w.guild.id, person.id, person.name)
