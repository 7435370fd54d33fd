"""A cohort in words: its form, its previews and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from bot.ui.answer import Field, calendar_day, number
from bot.ui.cohort_times import all_times, own_time
from bot.ui.text import lines, plain
from core.operations.cohorts import CohortDraft, CohortSummary
from core.operations.meeting_views import Slots
from core.operations.roster import Roster
from core.reconcile.trace import LIVE
from core.words import day, mark, t, tn

STATUS = {
    "draft": mark("📝 draft, nobody can join yet"),
    "open": mark("🟢 open for joining"),
    "closed": mark("📦 closed"),
    "cancelled": mark("🚫 cancelled"),
}
# An icon, a space, and the words for it.
GROUP_STATUS = {
    "preview": mark("⚪ not running yet"),
    "active": mark("🟢 running"),
    "completed": mark("📦 archived"),
    "merged": mark("🔀 merged"),
    "cancelled": mark("🚫 cancelled"),
}
_ROOMS = {
    "both": mark("Each group: text and voice channels; {access}."),
    "text": mark("Each group: text channels; {access}."),
    "voice": mark("Each group: voice channels; {access}."),
}
_ROOMS_NOW = {
    "both": mark("Groups get text and voice channels."),
    "text": mark("Groups get text channels."),
    "voice": mark("Groups get voice channels."),
}
_ACCESS = {
    "overwrites": mark("each person is let in alone"),
    "role": mark("each group has a role that lets its people in"),
}
_ACCESS_NOW = {
    "overwrites": mark("From now on each person is let in alone."),
    "role": mark("From now on each group has a role that lets its people in."),
}
ADOPTED = mark(
    "🤝 Adopted: Muster lets people in and out, and leaves everything else as its people made it."
)
KEPT = mark("Nothing is deleted.")


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


def channels_of(groups: int, rooms: str) -> str:
    """Channels by number and kind, for a number of groups."""
    if rooms == "both":
        return tn(
            "{n} channel (a text and a voice channel for each group)",
            "{n} channels (a text and a voice channel for each group)",
            groups * 2,
        )
    if rooms == "text":
        return tn(
            "{n} channel (a text channel for each group)",
            "{n} channels (a text channel for each group)",
            groups,
        )
    return tn(
        "{n} channel (a voice channel for each group)",
        "{n} channels (a voice channel for each group)",
        groups,
    )


def timing(start: date, today: date) -> str | None:
    """What a start that is not ahead means, or None."""
    if start > today:
        return None
    if start == today:
        return t(
            "⚠️ The start date is today, so the groups count as started: members cannot join by "
            "themselves, only moderators can add people."
        )
    return t(
        "⚠️ The start date is past, so the groups count as started: members cannot join by "
        "themselves, only moderators can add people."
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
                access=t(_ACCESS[draft.access_mode]),
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
    channels = channels_of(draft.groups, draft.rooms)
    if draft.access_mode != "role":
        return t("Creates 1 category, {channels}, 0 removals.", channels=channels)
    roles = tn("{n} role", "{n} roles", draft.groups)
    return t("Creates 1 category, {channels}, {roles}, 0 removals.", channels=channels, roles=roles)


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
    if len(channels) > most:
        return t("{shown} … {n} in all", shown=shown, n=len(channels))
    return shown


def open_preview(cohort: CohortSummary, rosters: Mapping[int, Roster], today: date) -> str:
    """What opening does."""
    filled = [g for g in live(cohort) if rosters[g].people]
    lacking = [g for g in filled if not rosters[g].channels]
    people, _ = _inside(cohort, rosters)
    late = timing(cohort.start_date, today)
    parts = [
        tn(
            "Open **{cohort}** with {n} group?",
            "Open **{cohort}** with {n} groups?",
            len(live(cohort)),
            cohort=plain(cohort.name),
        ),
        t("Members see it in `/groups` and can join.")
        if cohort.status == "draft"
        else t("It is open already; its groups are looked at again."),
    ]
    if lacking:
        parts.append(
            t(
                "{groups} with {people}: creates the category where it is missing, {channels}, "
                "0 removals.",
                groups=tn("{n} group", "{n} groups", len(filled)),
                people=tn("{n} person", "{n} people", people),
                channels=channels_of(len(lacking), cohort.rooms),
            )
        )
    else:
        parts.append(t("0 channels now: a group's channels are created with its first person."))
    return lines([*parts, *([late] if late else [])])


def _adopted(cohort: CohortSummary, rosters: Mapping[int, Roster]) -> list[int]:
    """Channels of its live groups that Muster adopted rather than made."""
    return [c for g in live(cohort) if rosters[g].adopted for c in rosters[g].channels]


def close_preview(cohort: CohortSummary, rosters: Mapping[int, Roster]) -> str:
    """Who loses what by closing."""
    groups = [g for g in live(cohort) if not rosters[g].adopted]
    people = sum(len(rosters[g].people) for g in groups)
    channels = [c for g in groups for c in rosters[g].channels]
    adopted = _adopted(cohort, rosters)
    readers = tn(
        "{n} person in {groups} can still read; nobody can write, speak or join any more.",
        "{n} people in {groups} can still read; nobody can write, speak or join any more.",
        people,
        groups=tn("{n} group", "{n} groups", len(groups)),
    )
    if adopted:
        stay = t("Adopted channels stay as they are, also for their people: {channels}",
                 channels=links(adopted))  # fmt: skip
        shown = [stay, *([readers] if groups else [])]
    elif channels:
        shown = [readers, t("Read-only from then on: {channels}", channels=links(channels))]
    else:
        none = t("There are no channels.")
        shown = [f"{readers} {none}"]
    ask = t("Close **{cohort}**? It cannot be opened again.", cohort=plain(cohort.name))
    return lines([ask, *shown, t(KEPT)])


def cancel_preview(cohort: CohortSummary, rosters: Mapping[int, Roster]) -> str:
    """Who loses what by cancelling."""
    people, channels = _inside(cohort, rosters)
    parts = [
        t("Cancel **{cohort}**? It cannot be opened again.", cohort=plain(cohort.name)),
        tn(
            "{n} person loses access, also to what was written: {channels} in {groups}.",
            "{n} people lose access, also to what was written: {channels} in {groups}.",
            people,
            channels=tn("{n} channel", "{n} channels", len(channels)),
            groups=tn("{n} group", "{n} groups", len(live(cohort))),
        ),
    ]
    adopted = _adopted(cohort, rosters)
    channels = [c for c in channels if c not in adopted]
    if channels:
        seen = t("Only moderators see them from then on: {channels}", channels=links(channels))
        parts.append(seen)
    if adopted:
        parts.append(
            t("Adopted channels otherwise stay as they are: {channels}", channels=links(adopted))
        )
    return lines([*parts, t(KEPT)])


def card(
    cohort: CohortSummary,
    rosters: Mapping[int, Roster],
    trouble: int,
    today: date,
    times: Mapping[int, Slots],
) -> str:
    """/cohort show. `times` are of its groups, by id."""
    late = timing(cohort.start_date, today) if cohort.status in {"draft", "open"} else None
    people = sum(len(rosters[g].people) for g in cohort.group_ids)
    parts = [
        f"**{plain(cohort.name)}** · {t(STATUS[cohort.status])}",
        t(
            "Starts {day} · {meetings} · {people} in {groups}",
            day=day(cohort.start_date),
            meetings=tn("{n} meeting", "{n} meetings", cohort.meetings),
            people=tn("{n} person", "{n} people", people),
            groups=tn("{n} group", "{n} groups", len(cohort.groups)),
        ),
        t(_ROOMS[cohort.rooms], access=t(_ACCESS[cohort.access_mode])),
        *([late] if late else []),
        *([t(ADOPTED)] if any(r.adopted for r in rosters.values()) else []),
        *all_times(cohort, times),
    ]
    if trouble:
        parts.append(
            tn(
                "⚠️ {n} group needs attention: `/sync status` says why.",
                "⚠️ {n} groups need attention: `/sync status` says why.",
                trouble,
            )
        )
    for group_id, name, status, members, seats in cohort.groups:
        icon, _, words = t(GROUP_STATUS[status]).partition(" ")
        rooms = " ".join(f"<#{c}>" for c in rosters[group_id].channels)
        helpers = len(rosters[group_id].facilitators)
        facts = [f"{icon} **{plain(name)}**", fullness(members, seats)]
        facts += [tn("{n} facilitator", "{n} facilitators", helpers)] if helpers else []
        parts.append(" · ".join([*facts, rooms or words, *own_time(cohort, times, group_id)]))
    return lines(parts)


def fullness(members: int, seats: int) -> str:
    """How full a group is."""
    return tn("{members} of {n} seat taken", "{members} of {n} seats taken", seats, members=members)


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
