"""What the stand-in for Google is made of: calendars, grants, and events as Google shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from tests.e2e import _google_rules as rules
from tests.e2e._google_rules import Json


@dataclass
class Book:
    """One calendar. `versions` has every event's latest change, for sync tokens."""

    id: str
    owner: str
    summary: str = ""
    description: str = ""
    events: dict[str, Json] = field(default_factory=dict)
    exceptions: dict[str, dict[datetime, Json]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)  # account: access role
    tokens_since: int = 0  # older sync tokens were forgotten


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: dict[str, str]
    body: Json | None


@dataclass
class Trouble:
    """The next `times` requests that `suits` get this answer instead."""

    status: int
    reason: str = ""
    times: int = 1
    suits: Callable[[Seen], bool] = lambda _: True
    retry_after: int | None = None
    raw: bytes | None = None
    drop: bool = False  # hang up in the middle of the answer
    after: bool = False  # do what was asked first


@dataclass
class Grant:
    account: str
    scopes: frozenset[str]
    challenge: str = ""
    redirect: str = ""


class Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def starts(master: Json) -> list[datetime]:
    """When the occurrences of a series begin (UTC), by its rule alone."""
    zone = ZoneInfo(master["start"]["timeZone"])
    first = datetime.fromisoformat(master["start"]["dateTime"])
    found: set[datetime] = set()
    without: set[datetime] = set()
    for line in master["recurrence"]:
        if (rule := rules.RULE.fullmatch(line)) is not None:
            step = timedelta(weeks=int(rule["every"] or 1))
            found |= {first + step * n for n in range(int(rule["count"]))}
        elif (dates := rules.DATES.fullmatch(line)) is not None:
            days = {datetime.strptime(d, "%Y%m%dT%H%M%S") for d in dates[3].split(",")}  # noqa: DTZ007
            found, without = (found | days, without) if dates[1] == "RDATE" else (found, days)
    return [at.replace(tzinfo=zone).astimezone(UTC) for at in sorted(found - without)]


def instance(master: Json, at: datetime) -> Json:
    """An occurrence that nobody changed."""
    length = datetime.fromisoformat(master["end"]["dateTime"]) - datetime.fromisoformat(
        master["start"]["dateTime"]
    )
    zone = master["start"]["timeZone"]
    made: Json = json.loads(json.dumps(master))
    del made["recurrence"]
    return made | {
        "id": f"{master['id']}_{at:%Y%m%dT%H%M%SZ}",
        "recurringEventId": master["id"],
        "originalStartTime": {"dateTime": at.isoformat(), "timeZone": zone},
        "start": {"dateTime": at.isoformat(), "timeZone": zone},
        "end": {"dateTime": (at + length).isoformat(), "timeZone": zone},
    }


def shown(event: Json) -> Json:
    """As Google gives it out: times with an offset, and more fields.

    Of a deleted series nothing but its id is promised; of a deleted occurrence the organizer still
    sees everything.
    """
    if event["status"] == "cancelled" and "recurringEventId" not in event:
        return {key: event[key] for key in ("id", "etag", "status", "iCalUID")}
    made: Json = json.loads(json.dumps(event))
    for name in ("start", "end"):
        zone = ZoneInfo(made[name].get("timeZone", "UTC"))
        if "dateTime" in made[name]:
            at = datetime.fromisoformat(made[name]["dateTime"])
            at = at if at.tzinfo else at.replace(tzinfo=zone)
            made[name]["dateTime"] = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "kind": "calendar#event",
        "eventType": "default",
        "created": "2026-01-01T00:00:00Z",
        **made,
    }


def refusal(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as Google words it."""
    error = {"code": status, "message": reason, "errors": [{"domain": "global", "reason": reason}]}
    return web.json_response({"error": error}, status=status, headers=headers)
