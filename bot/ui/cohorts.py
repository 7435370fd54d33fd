"""A cohort in words: its form, its previews and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from bot.ui.answer import Field, calendar_day, number
from bot.ui.text import count, lines, plain
from core.operations.cohorts import LIVE, CohortDraft, CohortSummary
from core.operations.roster import Roster
from core.words import day

STATUS = {
    "draft": "📝 draft, nobody can join yet",
    "open": "🟢 open for joining",
    "closed": "📦 closed",
    "cancelled": "🚫 cancelled",
}
GROUP_STATUS = {
    "preview": "⚪ no channels yet",
    "active": "🟢 has its channels",
    "completed": "📦 archived",
    "merged": "🔀 merged",
    "cancelled": "🚫 cancelled",
}
ROOMS = {"both": "text and voice channels", "text": "text channels", "voice": "voice channels"}
ACCESS = {
    "overwrites": "each person is let in alone",
    "role": "each group has a role that lets its people in",
}
KEPT = "Nothing is deleted."


def first_day(today: date) -> date:
    """A sensible start: a Monday, and a full week to fill the groups."""
    return today + timedelta(days=14 - today.weekday())


def new_fields(today: date) -> list[Field]:
    """What /cohort create asks, with the defaults of CohortDraft; Discord allows five lines."""
    usual = CohortDraft("", today)
    return [
        Field("name", "Name", hint="It names the category, for example: Stats autumn"),
        _start(first_day(today)),
        Field("meetings", "Number of meetings", str(usual.meetings), limit=20),
        Field("groups", "Number of groups", str(usual.groups), limit=20),
        Field("seats", "Seats in each group", str(usual.seats), limit=20),
    ]


def edit_fields(cohort: CohortSummary) -> list[Field]:
    """What /cohort edit asks, as it is now."""
    return [
        Field("name", "Name", cohort.name, "The category is renamed with it"),
        _start(cohort.start_date),
        Field("meetings", "Number of meetings", str(cohort.meetings), limit=20),
        Field(
            "seats",
            "Seats in each group",
            str(cohort.seats),
            "A new number counts for all its groups; nobody loses a seat",
            limit=20,
        ),
    ]


def _start(value: date) -> Field:
    return Field("start", "Start date", value.isoformat(), "Like 2026-03-02 or 2.3.2026", 40)


def draft_of(typed: Mapping[str, str], access: str, rooms: str) -> CohortDraft:
    """The form as values. Raises Refusal(no_date, no_number)."""
    return CohortDraft(
        typed["name"],
        calendar_day(typed["start"]),
        number(typed["meetings"], "Number of meetings"),
        number(typed["groups"], "Number of groups"),
        number(typed["seats"], "Seats in each group"),
        access,
        rooms,
    )


def channels_of(groups: int, rooms: str) -> str:
    """Channels by number and kind, for a number of groups."""
    each = {"both": "a text and a voice channel", "text": "a text channel"}
    total = groups * (2 if rooms == "both" else 1)
    return f"{count(total, 'channel')} ({each.get(rooms, 'a voice channel')} for each group)"


def timing(start: date, today: date) -> str | None:
    """What a start that is not ahead means, or None."""
    if start > today:
        return None
    when = "is today" if start == today else "is past"
    return (
        f"⚠️ The start date {when}, so the groups count as started: members cannot join by "
        "themselves, only moderators can add people."
    )


def draft_preview(draft: CohortDraft, today: date, warnings: Sequence[str]) -> str:
    """What would be made, before anything is."""
    roles = f", {count(draft.groups, 'role')}" if draft.access_mode == "role" else ""
    late = timing(draft.start_date, today)
    return lines(
        [
            (
                f"**{plain(draft.name)}** starts {day(draft.start_date)} · "
                f"{count(draft.meetings, 'meeting')} · {count(draft.groups, 'group')} with "
                f"{count(draft.seats, 'seat')} each"
            ),
            (
                f"Creates 1 category, {channels_of(draft.groups, draft.rooms)}{roles}, 0 removals. "
                "A group's channels come as people join: with its first one."
            ),
            f"Access: {ACCESS[draft.access_mode]}; nobody else sees the channels.",
            *([late] if late else []),
            *(f"⚠️ {plain(w)}" for w in warnings),
            "**Create all** lets members join at once. **Keep as draft** shows it to nobody yet.",
        ]
    )


def kept(cohort: CohortSummary) -> str:
    """After [Keep as draft]."""
    return (
        f"📝 **{plain(cohort.name)}** is kept as a draft with "
        f"{count(len(cohort.groups), 'group')}. Nobody can join yet; `/member add` puts people "
        "in, `/cohort open` opens it."
    )


def live(cohort: CohortSummary) -> list[int]:
    """Ids of the groups that are not archived, merged or cancelled."""
    return [g[0] for g in cohort.groups if g[2] in LIVE]


def _inside(cohort: CohortSummary, rosters: Mapping[int, Roster]) -> tuple[int, list[int]]:
    """How many people are in its live groups, and those groups' channels."""
    groups = live(cohort)
    people = sum(len(rosters[g].people) for g in groups)
    return people, [c for g in groups for c in rosters[g].channels]


def links(channels: Sequence[int], *, most: int = 20) -> str:
    """Channels as links that lead there; a long list is cut with its number."""
    shown = " ".join(f"<#{c}>" for c in channels[:most])
    return f"{shown} … {len(channels)} in all" if len(channels) > most else shown


def open_preview(cohort: CohortSummary, rosters: Mapping[int, Roster], today: date) -> str:
    """What opening does."""
    filled = [g for g in live(cohort) if rosters[g].people]
    lacking = [g for g in filled if not rosters[g].channels]
    people, _ = _inside(cohort, rosters)
    late = timing(cohort.start_date, today)
    parts = [
        f"Open **{plain(cohort.name)}** with {count(len(live(cohort)), 'group')}?",
        "Members see it in `/groups` and can join."
        if cohort.status == "draft"
        else "It is open already; its groups are looked at again.",
    ]
    if lacking:
        parts.append(
            f"{count(len(filled), 'group')} with {count(people, 'person', 'people')}: creates the "
            f"category where it is missing, {channels_of(len(lacking), cohort.rooms)}, 0 removals."
        )
    else:
        parts.append("0 channels now: a group's channels are created with its first person.")
    return lines([*parts, *([late] if late else [])])


def close_preview(cohort: CohortSummary, rosters: Mapping[int, Roster]) -> str:
    """Who loses what by closing."""
    people, channels = _inside(cohort, rosters)
    return lines(
        [
            f"Close **{plain(cohort.name)}**? It cannot be opened again.",
            (
                f"{count(people, 'person', 'people')} in {count(len(live(cohort)), 'group')} can "
                "still read; nobody can write, speak or join any more."
                + ("" if channels else " There are no channels.")
            ),
            *([f"Read-only from then on: {links(channels)}"] if channels else []),
            KEPT,
        ]
    )


def cancel_preview(cohort: CohortSummary, rosters: Mapping[int, Roster]) -> str:
    """Who loses what by cancelling."""
    people, channels = _inside(cohort, rosters)
    return lines(
        [
            f"Cancel **{plain(cohort.name)}**? It cannot be opened again.",
            (
                f"{count(people, 'person loses', 'people lose')} access, also to what was written: "
                f"{count(len(channels), 'channel')} in {count(len(live(cohort)), 'group')}."
            ),
            *([f"Only moderators see them from then on: {links(channels)}"] if channels else []),
            KEPT,
        ]
    )


def card(cohort: CohortSummary, rosters: Mapping[int, Roster], trouble: int, today: date) -> str:
    """/cohort show."""
    late = timing(cohort.start_date, today) if cohort.status in {"draft", "open"} else None
    people = sum(len(rosters[g].people) for g in cohort.group_ids)
    parts = [
        f"**{plain(cohort.name)}** · {STATUS[cohort.status]}",
        (
            f"Starts {day(cohort.start_date)} · {count(cohort.meetings, 'meeting')} · "
            f"{count(people, 'person', 'people')} in {count(len(cohort.groups), 'group')}"
        ),
        f"Each group: {ROOMS[cohort.rooms]}; {ACCESS[cohort.access_mode]}.",
        *([late] if late else []),
    ]
    if trouble:
        parts.append(
            f"⚠️ {count(trouble, 'group needs', 'groups need')} attention: `/sync status` says why."
        )
    for group_id, name, status, members, seats in cohort.groups:
        icon, words = GROUP_STATUS[status].split(" ", 1)
        rooms = " ".join(f"<#{c}>" for c in rosters[group_id].channels)
        helpers = len(rosters[group_id].facilitators)
        extra = f" · {count(helpers, 'facilitator')}" if helpers else ""
        parts.append(
            f"{icon} **{plain(name)}** · {members} of {count(seats, 'seat')} taken{extra} · "
            f"{rooms or words}"
        )
    return lines(parts)


def edited(before: CohortSummary, after: CohortSummary, today: date) -> str:
    """What became different, and what that means."""
    parts = []
    if before.name != after.name:
        parts.append(f"Renamed from {plain(before.name)}.")
    if before.start_date != after.start_date:
        parts.append(f"Starts {day(after.start_date)}.")
        late = timing(after.start_date, today)
        parts += [late] if late else []
    if before.meetings != after.meetings:
        parts.append(f"{count(after.meetings, 'meeting')}.")
    if before.seats != after.seats:
        parts.append(f"{count(after.seats, 'seat')} in each group.")
        over = [g for g in after.groups if g[2] in LIVE and g[3] > g[4]]
        parts += [f"{plain(g[1])} has {g[3]} people: nobody is taken out." for g in over]
    if before.rooms != after.rooms:
        parts.append(f"Groups get {ROOMS[after.rooms]}.")
    if before.access_mode != after.access_mode:
        parts.append(f"From now on {ACCESS[after.access_mode]}.")
    return lines(parts or ["Nothing was different."], limit=1200)
