"""A cohort in words: its card, and what opening, closing and cancelling do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from bot.ui.cohort_times import all_times, own_time
from bot.ui.text import lines, plain
from core.operations.cohorts import CohortSummary
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
ACCESS = {
    "overwrites": mark("each person is let in alone"),
    "role": mark("each group has a role that lets its people in"),
}
ADOPTED = mark(
    "🤝 Adopted: Muster lets people in and out, and leaves everything else as its people made it."
)
KEPT = mark("Nothing is deleted.")


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
        none = tn(
            "{n} person in {groups}: nobody can join any more. There are no channels.",
            "{n} people in {groups}: nobody can join any more. There are no channels.",
            people,
            groups=tn("{n} group", "{n} groups", len(groups)),
        )
        shown = [none]
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
        t(_ROOMS[cohort.rooms], access=t(ACCESS[cohort.access_mode])),
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
