"""What Google would refuse, or what would go wrong at Google without its saying so.

Bodies and queries are checked against the discovery document of google-api-python-client, which
says nothing of enum values in bodies, recurrence rules, zones or who is invited: those are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jsonschema import Draft202012Validator

from tests import oracles

Json = dict[str, Any]

_ID = re.compile(r"[a-v0-9]{5,1024}")
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
DATES = re.compile(r"(RDATE|EXDATE);TZID=([^:;]+):(\d{8}T\d{6}(?:,\d{8}T\d{6})*)")
# What of RFC 5545 the stand-in expands; Muster writes no more than that.
RULE = re.compile(
    r"RRULE:FREQ=WEEKLY(?:;INTERVAL=(?P<every>[1-9]\d?))?;COUNT=(?P<count>[1-9]\d{0,3})"
)
_STATUS = {"needsAction", "declined", "tentative", "accepted"}
# Google sets these and takes none of them.
_READ_ONLY = {
    "etag", "kind", "created", "updated", "creator", "organizer", "htmlLink", "hangoutLink",
    "recurringEventId", "originalStartTime", "locked", "iCalUID",
}  # fmt: skip
_NOT_WITH_TOKEN = {
    "iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin",
    "timeMax", "updatedMin",
}  # fmt: skip


@cache
def document() -> Json:
    """The discovery document; skips the test where its environment is not installed."""
    found = oracles.program("python").parent.parent.glob(
        "lib/python3*/site-packages/googleapiclient/discovery_cache/documents/calendar.v3.json"
    )
    loaded: Json = json.loads(next(found).read_text(encoding="utf-8"))
    return loaded


@cache
def _validator(name: str) -> Draft202012Validator:
    definitions = {key: _schema(value) for key, value in document()["schemas"].items()}
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})


def _schema(value: Any) -> Any:
    """A schema of the document as JSON Schema: unknown fields are not allowed."""
    if isinstance(value, list):
        return [_schema(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {
        key: _schema(part)
        for key, part in value.items()
        if key not in {"default", "annotations", "description", "format", "id", "required"}
        or (isinstance(part, dict) and key != "annotations")
    }
    if isinstance(made.get("$ref"), str):
        made = {"$ref": f"#/$defs/{made['$ref']}"}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return {} if made.get("type") == "any" else made


def _method(resource: str, name: str) -> Json:
    found: Json = document()["resources"][resource]["methods"][name]
    return found


def request_problems(
    resource: str, name: str, query: Mapping[str, str], body: Json | None
) -> Iterator[str]:
    """What the document says against a request."""
    method = _method(resource, name)
    known = method.get("parameters", {})
    for key, value in query.items():
        parameter = known.get(key)
        if parameter is None or parameter["location"] != "query":
            yield f"{resource}.{name} has no parameter {key}"
        elif "enum" in parameter and value not in parameter["enum"]:
            yield f"{resource}.{name}: {key} cannot be {value}"
        elif parameter["type"] == "integer" and not value.isdecimal():
            yield f"{resource}.{name}: {key} is no number: {value}"
    if "syncToken" in query and _NOT_WITH_TOKEN & query.keys():
        yield "a sync token goes with no other condition"
    if int(query.get("maxResults", "1")) > 2500:
        yield "a page has 2500 entries at most"
    if "request" in method:
        for error in _validator(method["request"]["$ref"]).iter_errors(body):
            yield f"{resource}.{name}: {error.json_path}: {error.message}"
    elif body is not None:
        yield f"{resource}.{name} takes no body"


def event_problems(body: Json, there: Json | None, *, master: bool) -> Iterator[str]:
    """Our own rules for an event that is written, over `there` where it is."""
    if there is None and not _ID.fullmatch(body.get("id", "")):
        yield f"no id for Google: {body.get('id')}"
    if there is not None and body.get("id", there["id"]) != there["id"]:
        yield "an id cannot be changed"
    if body.get("status", "confirmed") not in {"confirmed", "tentative"}:
        yield f"no status to write: {body['status']}"
    if read_only := _READ_ONLY & body.keys():
        yield f"read-only: {sorted(read_only)}"
    private = body.get("extendedProperties", {}).get("private", {})
    if not private or any(len(k) > 44 or len(v) > 1024 for k, v in private.items()):
        yield f"no mark of ours: {private}"
    yield from _time_problems(body, master=master)
    yield from _recurrence_problems(body, master=master)
    yield from _guest_problems(body, there)


def _time_problems(body: Json, *, master: bool) -> Iterator[str]:
    start, end = body.get("start", {}), body.get("end", {})
    if start.get("timeZone") != end.get("timeZone"):
        yield "start and end have different zones"
    found = []
    for when in (start, end):
        zone = when.get("timeZone")
        try:
            at = datetime.fromisoformat(when.get("dateTime", ""))
            found.append(at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone or "")))
        except (ValueError, ZoneInfoNotFoundError) as error:
            yield f"no time with a zone: {when} ({error})"
        if master and not zone:
            yield "a recurring event needs a zone"
    if len(found) == 2 and found[1] <= found[0]:
        yield "it ends before it begins"


def _recurrence_problems(body: Json, *, master: bool) -> Iterator[str]:
    lines = body.get("recurrence", [])
    if bool(lines) != master:
        yield "only a series has a recurrence, and every one of ours does"
    for line in lines:
        if line.startswith("RRULE:"):
            if not RULE.fullmatch(line):
                yield f"no rule: {line}"
        elif (dates := DATES.fullmatch(line)) is None:
            yield f"no line of a recurrence: {line}"
        elif dates[2] != body["start"].get("timeZone"):
            yield f"another zone than the start's: {line}"
    if sum(line.startswith("RRULE:") for line in lines) > 1:
        yield "one rule at most"


def _guest_problems(body: Json, there: Json | None) -> Iterator[str]:
    guests = body.get("attendees", [])
    addresses = [guest.get("email", "") for guest in guests]
    if len(set(addresses)) != len(addresses):
        yield "somebody is invited twice"
    if wrong := [address for address in addresses if not _MAIL.fullmatch(address)]:
        yield f"no addresses: {wrong}"
    if body.get("guestsCanSeeOtherGuests") is not False:
        yield "guests could see each other"
    said = {g["email"]: g["responseStatus"] for g in (there or {}).get("attendees", [])}
    for guest in guests:
        status = guest.get("responseStatus")
        if status not in _STATUS:
            yield f"no answer: {status}"
        if status == "needsAction" and said.get(guest["email"], "needsAction") != "needsAction":
            yield f"an answer is lost: {said[guest['email']]}"
