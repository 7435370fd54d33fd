"""What tests of the Google back-end share: series, and a calendar at the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.calendars.google import Google
from core.calendars.google_tokens import UserTokens
from core.reconcile.series import Attendee, Instance, Series, uid_of
from core.schedule import instant
from tests.e2e._google import GoogleStandIn, google
from tests.e2e._google_parts import Book

BERLIN = "Europe/Berlin"
FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(weeks=n) for n in range(12)]
ANN = Attendee("ann@example.org", "Ann")
BEN = Attendee("ben@example.com", "Ben")


def meeting(day: date, at: time = time(19), *, on: date | None = None, **more: Any) -> Instance:
    return Instance(day, instant(on or day, at, BERLIN), 60, "Rust study", **more)


def series(*people: Attendee, instances: Any = None, **more: Any) -> Series:
    every = tuple(instances or map(meeting, DAYS))
    return Series(
        uid_of(1, 2), "Rust study", "Come as you are.", BERLIN, time(19), 60, 1, every, people,
        **more,
    )  # fmt: skip


def changed(base: Series, day: date, **fields: Any) -> Series:
    some = tuple(replace(i, **fields) if i.day == day else i for i in base.instances)
    return replace(base, instances=some)


@dataclass
class There:
    """A calendar at the stand-in, and Muster's view of it."""

    stand_in: GoogleStandIn
    session: aiohttp.ClientSession
    calendar: Google
    book: Book

    @property
    def event(self) -> dict[str, Any]:
        return next(iter(self.book.events.values()))

    def occurrences(self) -> dict[date, tuple[datetime, int, str]]:
        """What a reader sees: by the day it was planned for, when it begins, minutes, title."""
        found = {}
        for event in self.stand_in._every(self.book, self.event):
            if event["status"] != "cancelled":
                times = (event[key]["dateTime"] for key in ("start", "end"))
                start, end = map(datetime.fromisoformat, times)
                planned = datetime.fromisoformat(event["originalStartTime"]["dateTime"])
                minutes = int((end - start).total_seconds() // 60)
                found[planned.date()] = (start.astimezone(UTC), minutes, event["summary"])
        return found


async def _nothing(_old: str, _new: str) -> None:
    return


@asynccontextmanager
async def connected(*scopes: str) -> AsyncIterator[There]:
    async with google() as stand_in, aiohttp.ClientSession() as session:
        tokens = UserTokens(stand_in.client, stand_in.grant(*scopes), _nothing)
        calendar = Google(session, tokens, None, marker="g1", api_base=stand_in.api_base)
        address = await calendar.ensure_calendar("Rustaceans")
        stand_in.seen.clear()
        yield There(stand_in, session, calendar, stand_in.books[address])


def wanted(plan: Series) -> dict[date, tuple[datetime, int, str]]:
    return {i.day: (i.starts_at, i.minutes, i.title) for i in plan.instances}


@cache
def private_key() -> str:
    """A key of the kind that service accounts have."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
