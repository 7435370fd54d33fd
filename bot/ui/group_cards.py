"""A group and its people in words, for moderators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.ui.answer import Field
from bot.ui.cohorts import ADOPTED, GROUP_STATUS, KEPT, fullness, links
from bot.ui.meeting_words import group_time
from bot.ui.text import lines, plain
from core.operations.group_views import GroupView
from core.operations.lookup import Found
from core.operations.meeting_views import Slots
from core.operations.membership import Moved
from core.operations.roster import Inside, MovePreview, Roster
from core.words import day, mark, t, tn

# An icon, and where it is not plain, a space and the words for it.
ACCESS = {
    "sees": "✅",
    "waiting": mark("⏳ no access yet"),
    "screening": mark("📋 has not accepted the server's rules yet"),
    "away": mark("🚪 not on this server"),
    "none": "▫️",
}
PAST = {
    "participant": {
        "active": mark("▫️ {group} · {cohort} · in it now"),
        "dropped": mark("▫️ {group} · {cohort} · left"),
        "completed": mark("▫️ {group} · {cohort} · finished"),
        "removed": mark("▫️ {group} · {cohort} · was taken out"),
    },
    "facilitator": {
        "active": mark("▫️ {group} · {cohort} · facilitator, in it now"),
        "dropped": mark("▫️ {group} · {cohort} · facilitator, left"),
        "completed": mark("▫️ {group} · {cohort} · facilitator, finished"),
        "removed": mark("▫️ {group} · {cohort} · facilitator, was taken out"),
    },
}


def title(group: GroupView) -> str:
    """The group's name and its cohort's."""
    return f"**{plain(group.name)}** · {plain(group.cohort_name)}"


def mentions(people: Sequence[Inside], *, most: int = 30) -> str:
    """People as mentions, which ping nobody in these answers."""
    shown = ", ".join(f"<@{p.user_id}>" for p in people[:most])
    if len(people) > most:
        return t("{shown} … {n} in all", shown=shown, n=len(people))
    return shown


def fields(name: str, seats: int) -> list[Field]:
    """What /group create and edit ask."""
    return [
        Field("name", t("Name"), name, t("It names the channels that Muster makes")),
        Field("seats", t("Seats"), str(seats), limit=20),
    ]


def next_name(taken: Mapping[str, object] | Sequence[str]) -> str:
    """The first "Group 4" that the cohort does not have, in the language spoken now.

    Names are read by everybody: call it while the server's language is spoken.
    """
    have = {name.lower() for name in taken}
    number = 1
    while t("Group {number}", number=number).lower() in have:
        number += 1
    return t("Group {number}", number=number)


def card(group: GroupView, roster: Roster, times: Slots) -> str:
    """/group show. `times`: how it meets."""
    start = day(group.start_date)
    begins = t("started {day}", day=start) if group.started else t("starts {day}", day=start)
    parts = [
        f"{title(group)} · {t(GROUP_STATUS[group.status])}",
        f"{fullness(group.taken, group.seats)} · {begins}",
        group_time(times),
        _channels(roster)
        if roster.channels
        else t("Channels: none yet; they come with the first person"),
    ]
    if group.expected:
        parts.append(
            tn("⏳ {n} seat is held for somebody who is not here yet.",
               "⏳ {n} seats are held for people who are not here yet.", group.expected)
        )  # fmt: skip
    if roster.adopted:
        parts.append(t(ADOPTED))
    if group.taken > group.seats:
        parts.append(t("⚠️ More people than seats."))
    if roster.facilitators:
        parts.append(t("**Facilitators**"))
        parts += [_person(p) for p in roster.facilitators]
    parts.append(t("**Members**") if roster.participants else t("Nobody is in it."))
    return lines([*parts, *(_person(p) for p in roster.participants)])


def _channels(roster: Roster) -> str:
    return t("Channels: {channels}", channels=links(roster.channels))


def _person(person: Inside) -> str:
    icon, _, words = t(ACCESS[person.access]).partition(" ")
    note = f" · {words}" if words else ""
    return f"{icon} <@{person.user_id}> ({plain(person.name)}){note}"


def archive_preview(group: GroupView, roster: Roster) -> str:
    """Who loses what by archiving."""
    parts = [
        t("Archive {group}? It cannot be opened again.", group=title(group)),
        t("Its channels are adopted: they stay as they are, also for its people.")
        if roster.adopted
        else tn(
            "Read-only for {n} person: they still read, nobody can write, speak or join any more.",
            "Read-only for {n} people: they still read, nobody can write, speak or join any more.",
            len(roster.people),
        ),
    ]
    if roster.people:
        parts.append(mentions(roster.people))
    if roster.channels:
        parts.append(_channels(roster))
    return lines([*parts, t(KEPT)])


def merge_preview(source: GroupView, leaving: Roster, target: GroupView, staying: Roster) -> str:
    """Who moves, what they lose and gain, and whether the seats do."""
    after = source.members + target.members
    parts = [
        t("Merge {source} into {target}?", source=title(source), target=title(target)),
        _moving(leaving),
        _swapped(links(leaving.channels), links(staying.channels)),
        t("Seats afterwards: {n} of {seats} taken.", n=after, seats=target.seats),
    ]
    if after > target.seats:
        parts.append(t("⚠️ That is {n} more than there are seats.", n=after - target.seats))
    name = plain(source.name)
    seen = (
        t("The channels of {group} are adopted and otherwise stay as they are.", group=name)
        if leaving.adopted
        else t("Only moderators see the channels of {group} then.", group=name)
    )
    parts.append(f"{seen} {t(KEPT)}")
    return lines(parts)


def _moving(leaving: Roster) -> str:
    if not leaving.people:
        return t("0 people move.")
    return tn(
        "{n} person moves: {people}",
        "{n} people move: {people}",
        len(leaving.people),
        people=mentions(leaving.people),
    )


def _swapped(loses: str, gains: str) -> str:
    """What people lose and gain by a merge: channels, or "" where there are none."""
    if loses and gains:
        return t("They lose {loses} and gain {gains}.", loses=loses, gains=gains)
    if loses:
        return t(
            "They lose {loses} and gain the channels of the group, once it has some.", loses=loses
        )
    if gains:
        return t("They lose no channel and gain {gains}.", gains=gains)
    return t("They lose no channel and gain the channels of the group, once it has some.")


def move_preview(user_id: int, plan: MovePreview) -> str:
    """What one person loses and gains."""
    source, target = plan.source, plan.target
    parts = [
        t(
            "Move {person} from {source} to {target}?",
            person=f"<@{user_id}>",
            source=title(source),
            target=title(target),
        ),
        _traded(links(plan.loses), links(plan.gains)),
    ]
    if target.full:
        full = t(
            "⚠️ The group is full: {n} of {seats} seats are taken.",
            n=target.members,
            seats=target.seats,
        )
        parts.append(full)
    return lines(parts)


def _traded(loses: str, gains: str) -> str:
    """What a person loses and gains by a move: channels, or "" where there are none."""
    if loses and gains:
        return t("Loses {loses}, gains {gains}.", loses=loses, gains=gains)
    if loses:
        return t(
            "Loses {loses}, gains the channels of the group, which are created now.", loses=loses
        )
    if gains:
        return t("Loses no channel, gains {gains}.", gains=gains)
    return t("Loses no channel, gains the channels of the group, which are created now.")


def remove_preview(user_id: int, group: GroupView, roster: Roster, reason: str | None) -> str:
    """What one person loses."""
    return lines(
        [
            t("Take {person} out of {group}?", person=f"<@{user_id}>", group=title(group)),
            t("Loses {channels}.", channels=links(roster.channels))
            if roster.channels
            else t("Loses no channel: there are none yet."),
            *([t("Reason: {reason}", reason=plain(reason))] if reason else []),
            t("What they wrote stays."),
        ]
    )


def bypassed(moved: Moved, group: GroupView) -> list[str]:
    """The joining rules that a moderator went past, told."""
    words = {
        "group_full": t("⚠️ It was full: seat {n} of {seats}.", n=group.members, seats=group.seats),
        "group_already_started": t("⚠️ It has started: {day}.", day=day(group.start_date)),
    }
    return [words[code] for code in moved.bypassed if code in words]


def placed(moved: Moved, group: GroupView, roster: Roster, *, draft: bool) -> str:
    """After an add or a move."""
    person = next((p for p in roster.people if p.user_id == moved.user_id), None)
    parts = [_is_in(moved, group, facilitator=person is not None and person.facilitator)]
    parts += bypassed(moved, group)
    if draft and not roster.channels:
        parts.append(t("The cohort is a draft, so there are no channels yet: `/cohort open`."))
    elif roster.channels:
        parts.append(_channels(roster))
    if person is not None and person.access == "screening":
        parts.append(t("Access comes once they accepted the server's rules."))
    return lines(parts)


def _is_in(moved: Moved, group: GroupView, *, facilitator: bool) -> str:
    """As what somebody is in a group now, and from where they came."""
    who, where = f"<@{moved.user_id}>", title(group)
    if not moved.previous_name:
        if facilitator:
            return t("✅ {person} is a facilitator of {group}.", person=who, group=where)
        return t("✅ {person} is a member of {group}.", person=who, group=where)
    before = plain(moved.previous_name)
    if facilitator:
        return t(
            "✅ {person} is a facilitator of {group}, from **{previous}**.",
            person=who,
            group=where,
            previous=before,
        )
    return t(
        "✅ {person} is a member of {group}, from **{previous}**.",
        person=who,
        group=where,
        previous=before,
    )


def found(people: Sequence[Found]) -> str:
    """/member find."""
    parts: list[str] = []
    for person in people:
        facts: list[str] = [f"**{plain(person.name)}** (<@{person.user_id}>)"]
        if person.nickname:
            facts.append(t("stored nickname {nickname}", nickname=plain(person.nickname)))
        parts.append(" · ".join(facts))
        parts += [
            t(PAST[role][status], group=plain(group), cohort=plain(cohort))
            for group, cohort, role, status in person.groups
        ] or [t("▫️ never in a group")]
    return lines(parts)
