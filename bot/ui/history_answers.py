"""Sentences of the history about answers and guests."""

from __future__ import annotations

from collections.abc import Callable

from core.operations.history import Entry
from core.reconcile.answers import name_of
from core.words import mark, t

Said = Callable[[Entry, str, str, str], str]  # the entry, who did it, about whom, their group

_SAID = {
    "attending": mark("{who} answered for {person} in {group}, {meeting}: attending"),
    "tentative": mark("{who} answered for {person} in {group}, {meeting}: maybe"),
    "not_attending": mark("{who} answered for {person} in {group}, {meeting}: can't come"),
    "pending": mark("{who} took back the answer of {person} in {group}, {meeting}"),
}


def _meeting(entry: Entry) -> str:
    number = entry.after.get("number")
    return name_of(int(number) if number is not None else None)


def _answered(entry: Entry, who: str, person: str, group: str) -> str:
    said = _SAID.get(str(entry.after.get("answer")), _SAID["pending"])
    return t(said, who=who, person=person, group=group,
             meeting=_meeting(entry))  # fmt: skip


def _booked(entry: Entry, _who: str, person: str, group: str) -> str:
    return t("{person} is a guest of {group} for {meeting}", person=person, group=group,
             meeting=_meeting(entry))  # fmt: skip


def _cancelled(entry: Entry, _who: str, person: str, group: str) -> str:
    return t("{person} is no guest of {group} for {meeting} any more", person=person, group=group,
             meeting=_meeting(entry))  # fmt: skip


OF_PERSON: dict[str, Said] = {
    "answered_for": _answered,
    "visit_booked": _booked,
    "visit_cancelled": _cancelled,
}
