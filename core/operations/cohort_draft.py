"""What a new cohort is made of, and whether that is possible. No database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.errors import Refusal
from core.operations.common import clean
from core.operations.slot_rules import checked, weeks
from core.reconcile.channels import CATEGORY_LIMIT, CHANNEL_LIMIT, ROLE_LIMIT, ROLE_WARN
from core.schedule import Rule
from core.words import mark, t

NAME_LIMIT = 90  # of Discord's 100, so that "… (2)" fits
MAX_GROUPS = 100  # per cohort: 200 channels of Discord's 500
MAX_SEATS = 500
MAX_MEETINGS = 200
ROLE_BETTER = 98  # people who fit into one call beside @everyone's and the bot's own entry


@dataclass(frozen=True)
class CohortDraft:
    """What the modal asks for. `groups` is the number of groups to make, seats are per group."""

    name: str
    start_date: date
    meetings: int = 8
    groups: int = 3
    seats: int = 8
    access_mode: str = "overwrites"
    rooms: str = "both"
    rule: Rule | None = None  # when all its groups meet; None: nobody said it yet
    breaks: tuple[date, ...] = ()  # any day of each week without meetings


def _within(value: int, low: int, high: int, rule: str) -> int:
    """`rule` is a marked sentence with {low} and {high}."""
    if not low <= value <= high:
        raise Refusal("out_of_range", t(rule, low=low, high=high))
    return value


def checked_draft(draft: CohortDraft) -> CohortDraft:
    """The same as `preview`, for the operations that save one."""
    if draft.access_mode not in {"overwrites", "role"} or draft.rooms not in {
        "both", "text", "voice",
    }:  # fmt: skip
        raise Refusal("unknown_choice", t("That choice is not known. Pick one from the list."))
    return CohortDraft(
        clean(draft.name, limit=NAME_LIMIT, what="cohort's name"),
        draft.start_date,
        _within(
            draft.meetings, 1, MAX_MEETINGS,
            mark("The number of meetings must be a number from {low} to {high}."),
        ),
        _within(
            draft.groups, 1, MAX_GROUPS,
            mark("The number of groups must be a number from {low} to {high}."),
        ),
        _within(
            draft.seats, 1, MAX_SEATS,
            mark("The number of seats must be a number from {low} to {high}."),
        ),
        draft.access_mode,
        draft.rooms,
        checked(draft.rule) if draft.rule is not None else None,
        tuple(date.fromisoformat(day) for day in weeks(draft.breaks)),
    )  # fmt: skip


def preview(draft: CohortDraft) -> CohortDraft:
    """The draft as it would be saved. Raises Refusal where something is wrong with it."""
    return checked_draft(draft)


def warnings_for(draft: CohortDraft, *, roles: int, channels: int) -> list[str]:
    """What a moderator should know before: Discord's limits of 250 roles and 500 channels."""
    notes: list[str] = []
    per_group = 2 if draft.rooms == "both" else 1
    rooms = draft.groups * per_group
    if rooms > CATEGORY_LIMIT:
        notes.append(
            t(
                "{rooms} channels do not fit into one category (Discord allows {limit}), so "
                "further categories are named “{name} (2)” and so on.",
                rooms=rooms,
                limit=CATEGORY_LIMIT,
                name=draft.name,
            )
        )
    if draft.access_mode == "overwrites" and draft.seats > ROLE_BETTER:
        notes.append(
            t(
                "With {seats} seats a group, access by role is faster: from about {many} people "
                "on Discord wants one call for each of them.",
                seats=draft.seats,
                many=ROLE_BETTER,
            )
        )
    if draft.access_mode == "role" and roles + draft.groups > ROLE_WARN:
        have = roles + draft.groups
        notes.append(t("The server would have {n} of {limit} roles.", n=have, limit=ROLE_LIMIT))
    if channels + rooms + 1 > CHANNEL_LIMIT:
        notes.append(
            t(
                "The server has {channels} channels; with {rooms} more it would pass Discord's "
                "limit of {limit}.",
                channels=channels,
                rooms=rooms,
                limit=CHANNEL_LIMIT,
            )
        )
    return notes
