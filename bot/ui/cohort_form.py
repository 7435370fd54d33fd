"""The form of a cohort, and what making or changing one means, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from bot.ui.answer import Field, calendar_day, number
from bot.ui.cohorts import ACCESS, channels_of, timing
from bot.ui.text import lines, plain
from core.operations.cohort_draft import CohortDraft
from core.operations.cohorts import CohortSummary
from core.reconcile.channels import CATEGORY_LIMIT, ROOMS
from core.reconcile.trace import LIVE
from core.words import day, mark, t, tn

_ROOMS_NOW = {
    "both": mark("Groups get text and voice channels."),
    "text": mark("Groups get text channels."),
    "voice": mark("Groups get voice channels."),
}
_ACCESS_NOW = {
    "overwrites": mark("From now on each person is let in alone."),
    "role": mark("From now on each group has a role that lets its people in."),
}


def first_day(today: date) -> date:
    """A sensible start: a Monday, and a full week to fill the groups."""
    return today + timedelta(days=14 - today.weekday())


def new_fields(today: date) -> list[Field]:
    """What /cohort create asks, with the defaults of CohortDraft; Discord allows five lines."""
    usual = CohortDraft("", today)
    return [
        Field("name", t("Name"), hint=t("It names the category, for example: Stats autumn")),
        _start(first_day(today)),
        Field("meetings", t("Number of meetings"), str(usual.meetings), limit=20),
        Field("groups", t("Number of groups"), str(usual.groups), limit=20),
        Field("seats", t("Seats in each group"), str(usual.seats), limit=20),
    ]


def edit_fields(cohort: CohortSummary) -> list[Field]:
    """What /cohort edit asks, as it is now."""
    return [
        Field("name", t("Name"), cohort.name, t("A category that Muster made is renamed with it")),
        _start(cohort.start_date),
        Field("meetings", t("Number of meetings"), str(cohort.meetings), limit=20),
        Field(
            "seats",
            t("Seats in each group"),
            str(cohort.seats),
            t("A new number counts for all its groups; nobody loses a seat"),
            limit=20,
        ),
    ]


def _start(value: date) -> Field:
    hint = t("Like 2026-03-02 or 2.3.2026")
    return Field("start", t("Start date"), value.isoformat(), hint, 40)


def draft_of(typed: Mapping[str, str], access: str, rooms: str) -> CohortDraft:
    """The form as values. Raises Refusal(no_date, no_number)."""
    return CohortDraft(
        typed["name"],
        calendar_day(typed["start"]),
        number(typed["meetings"], t("Number of meetings")),
        number(typed["groups"], t("Number of groups")),
        number(typed["seats"], t("Seats in each group")),
        access,
        rooms,
    )


def draft_preview(
    draft: CohortDraft, today: date, warnings: Sequence[str], meets: Sequence[str] = ()
) -> str:
    """What would be made, before anything is. `meets` says when its groups meet."""
    late = timing(draft.start_date, today)
    come = t("A group's channels come as people join: with its first one.")
    return lines(
        [
            tn(
                "**{cohort}** starts {day} · {meetings} · {groups} with {n} seat each",
                "**{cohort}** starts {day} · {meetings} · {groups} with {n} seats each",
                draft.seats,
                cohort=plain(draft.name),
                day=day(draft.start_date),
                meetings=tn("{n} meeting", "{n} meetings", draft.meetings),
                groups=tn("{n} group", "{n} groups", draft.groups),
            ),
            *meets,
            f"{_creates(draft)} {come}",
            t(
                "Access: {access}; nobody else sees the channels.",
                access=t(ACCESS[draft.access_mode]),
            ),
            *([late] if late else []),
            *(f"⚠️ {plain(w)}" for w in warnings),
            t(
                "**Create all** lets members join at once. **Keep as draft** shows it to nobody "
                "yet."
            ),
        ]
    )


def _creates(draft: CohortDraft) -> str:
    # A group's channels stand in one category.
    in_one = CATEGORY_LIMIT // len(ROOMS[draft.rooms])
    made = [
        tn("{n} category", "{n} categories", -(-draft.groups // in_one)),
        channels_of(draft.groups, draft.rooms),
    ]
    if draft.access_mode == "role":
        made.append(tn("{n} role", "{n} roles", draft.groups))
    return t("Creates {what}, 0 removals.", what=", ".join(made))


def kept(cohort: CohortSummary) -> str:
    """After [Keep as draft]."""
    return tn(
        "📝 **{cohort}** is kept as a draft with {n} group. Nobody can join yet; `/member add` "
        "puts people in, `/cohort open` opens it.",
        "📝 **{cohort}** is kept as a draft with {n} groups. Nobody can join yet; `/member add` "
        "puts people in, `/cohort open` opens it.",
        len(cohort.groups),
        cohort=plain(cohort.name),
    )


def edited(before: CohortSummary, after: CohortSummary, today: date) -> str:
    """What became different, and what that means."""
    parts: list[str] = []
    if before.name != after.name:
        parts.append(t("Renamed from {name}.", name=plain(before.name)))
    if before.start_date != after.start_date:
        parts.append(t("Starts {day}.", day=day(after.start_date)))
        late = timing(after.start_date, today)
        parts += [late] if late else []
    if before.meetings != after.meetings:
        parts.append(tn("{n} meeting.", "{n} meetings.", after.meetings))
    if before.seats != after.seats:
        parts.append(tn("{n} seat in each group.", "{n} seats in each group.", after.seats))
        # More people than seats, and there is at least one seat: always people.
        parts += [
            t("{group} has {n} people: nobody is taken out.", group=plain(g[1]), n=g[3])
            for g in after.groups
            if g[2] in LIVE and g[3] > g[4]
        ]
    if before.rooms != after.rooms:
        parts.append(t(_ROOMS_NOW[after.rooms]))
    if before.access_mode != after.access_mode:
        parts.append(t(_ACCESS_NOW[after.access_mode]))
    return lines(parts or [t("Nothing was different.")], limit=1200)
