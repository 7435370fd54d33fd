"""The history's sentences about meetings and their times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.ui.meeting_words import rule
from bot.ui.text import when
from core.operations.history import Entry
from core.operations.meeting_views import name_of
from core.schedule import Rule
from core.words import mark, near_day, t, tn

# From an entry, who did it, and the group or cohort that it is about, to the sentence.
Said = Callable[[Entry, str, str], str]


def time_words(value: Any) -> str:
    """A rule as it is stored, in words. Also what an older or newer version wrote."""
    try:
        return rule(Rule.from_json(value))
    except (KeyError, TypeError, ValueError):
        return t("another time")


def weeks_words(value: Any) -> str:
    """Break weeks as they are stored: their Mondays."""
    if not isinstance(value, list) or not value:
        return t("none")
    days = [moment(day) for day in value]
    return ", ".join(near_day(day.date()) for day in days if day is not None)


def moment(value: Any) -> datetime | None:
    """An ISO time or day; None for anything else."""
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def at(value: Any) -> str:
    """An ISO time (with its zone) as a Discord timestamp."""
    found = moment(value)
    return when(found, "F") if found is not None and found.tzinfo else t("another time")


def _meeting(e: Entry) -> str:
    number = e.after.get("number")
    extra = bool(e.after.get("extra"))
    if number is None and not extra:
        return t("the meeting of {time}", time=at(e.before.get("starts_at")))
    return name_of(number, extra=extra)


def _of_meeting(template: str) -> Said:
    """A marked sentence about {who}, {meeting}, {group}, {old} and {new}."""

    def said(e: Entry, who: str, group: str) -> str:
        return t(
            template, who=who, group=group, meeting=_meeting(e),
            old=at(e.before.get("starts_at")), new=at(e.after.get("starts_at")),
        )  # fmt: skip

    return said


def _slot(e: Entry, who: str, group: str) -> str:
    new, since = time_words(e.after.get("rule")), moment(e.after.get("since"))
    if since is None:
        return t("{who} set the meeting time of {group}: {time}", who=who, group=group, time=new)
    return t("{who} set the meeting time of {group} from {day} on: {time}", who=who, group=group,
             day=near_day(since.date()), time=new)  # fmt: skip


def _slots(e: Entry, who: str, cohort: str) -> str:
    if not e.after.get("rule"):
        return t("{who} set the weeks without meetings of the cohort {cohort}: {weeks}",
                 who=who, cohort=cohort, weeks=weeks_words(e.after.get("breaks")))  # fmt: skip
    return tn(
        "{who} set the meeting time of {n} group of the cohort {cohort}: {time}",
        "{who} set the meeting time of {n} groups of the cohort {cohort}: {time}",
        int(e.after.get("groups", 0)), who=who, cohort=cohort, time=time_words(e.after["rule"]),
    )  # fmt: skip


OF_GROUP: dict[str, Said] = {
    "meeting_moved": _of_meeting(mark("{who} moved {meeting} of {group} from {old} to {new}")),
    "meeting_skipped": _of_meeting(mark("{who} skipped {meeting} of {group}, {old}")),
    "meeting_postponed": _of_meeting(mark("{who} postponed {meeting} of {group}, {old}")),
    "meeting_restored": _of_meeting(
        mark("{who} had {meeting} of {group} take place after all, {new}")
    ),
    "meeting_added": _of_meeting(mark("{who} added a meeting to {group}, {new}")),
    "slot_changed": _slot,
}
OF_COHORT: dict[str, Said] = {"slots_changed": _slots}
