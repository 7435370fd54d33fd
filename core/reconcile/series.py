"""Pure: a group's meetings as one recurring calendar entry, whatever calendar it is written to."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Literal

# Names every entry that Muster makes: nobody else's has such a UID (RFC 9562, version 5).
_NAMESPACE = uuid.UUID("9a7c0f63-3b0e-5d0c-9f4e-2f6d1c7a8b54")

Partstat = Literal["needs-action", "accepted", "declined", "tentative"]


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody who gave an address (lower case). `partstat`: what they said to all of it."""

    address: str
    name: str
    partstat: Partstat = "needs-action"


@dataclass(frozen=True, slots=True)
class Instance:
    """One meeting: `day` (local date) is its identity in the series, `starts_at` is UTC.

    `answers`: by address, what is answered to this one where it differs from the series.
    """

    day: date
    starts_at: datetime
    minutes: int
    title: str
    answers: Mapping[str, Partstat] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Series:
    """What a group's entry should be. `at` and `minutes`: the usual wall time in `zone` (IANA).

    `instances`: the meetings that take place or took place, by day, at least one; those that are
    skipped, postponed or cancelled are simply not there. `every`: weeks between two of them.
    """

    uid: str
    title: str
    description: str
    zone: str
    at: time
    minutes: int
    every: int
    instances: tuple[Instance, ...]
    attendees: tuple[Attendee, ...] = ()

    @property
    def hash(self) -> str:
        """Of all that is written out: the same hash, nothing to do."""
        # By hand: a sweep wants it of every group, and `asdict` took four times as long.
        whole = [
            self.uid, self.title, self.description, self.zone, str(self.at), self.minutes,
            self.every,
            [[str(i.day), str(i.starts_at), i.minutes, i.title, sorted(i.answers.items())]
             for i in self.instances],
            [[a.address, a.name, a.partstat] for a in self.attendees],
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def uid_of(guild_id: int, group_id: int, epoch: int = 0) -> str:
    """The UID of a group's entry. `epoch` counts up where a UID cannot be used again."""
    return str(uuid.uuid5(_NAMESPACE, f"series/{guild_id}/{group_id}/{epoch}"))
