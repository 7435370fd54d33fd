"""A group whose entry was read once, and time that goes on until it is read again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.clock import set_clock, utcnow
from core.db.engine import Database
from core.systems import calendar, calendar_answers
from tests import calendars_here as here
from tests.calendars_here import GUILD, Shelf, season


@pytest.fixture
async def shelf(database: Database) -> AsyncIterator[Shelf]:
    set_clock(lambda: here.NOW)
    async with here.office() as made:
        yield made


def at(moment: datetime) -> None:
    set_clock(lambda: moment)


def later(**more: float) -> None:
    at(utcnow() + timedelta(**more))


async def ready(shelf: Shelf, **more: Any) -> int:
    """A group whose entry is in the calendar and was read once."""
    group = await season(**more)
    await here.link(shelf)
    await calendar.sync(group)
    assert await calendar_answers.poll(GUILD) is not None
    shelf.took()
    later(minutes=1)
    return group


async def poll(guild_id: int = GUILD) -> calendar_answers.Polled:
    later(minutes=1)
    found = await calendar_answers.poll(guild_id)
    assert found is not None
    return found
