"""A group and its people in words, for moderators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.ui.answer import Field
from bot.ui.cohorts import GROUP_STATUS, KEPT, links
from bot.ui.text import count, lines, plain
from core.operations.groups import GroupView
from core.operations.lookup import Found
from core.operations.membership import Moved
from core.operations.roster import Inside, MovePreview, Roster
from core.words import day

ACCESS = {
    "sees": "✅",
    "waiting": "⏳ no access yet",
    "screening": "📋 has not accepted the server's rules yet",
    "away": "🚪 not on this server",
    "none": "▫️",
}
PAST = {
    "active": "in it now",
    "dropped": "left",
    "completed": "finished",
    "removed": "was taken out",
}


def title(group: GroupView) -> str:
    """The group's name and its cohort's."""
    return f"**{plain(group.name)}** · {plain(group.cohort_name)}"


def mentions(people: Sequence[Inside], *, most: int = 30) -> str:
    """People as mentions, which ping nobody in these answers."""
    shown = ", ".join(f"<@{p.user_id}>" for p in people[:most])
    return f"{shown} … {len(people)} in all" if len(people) > most else shown


def fields(name: str, seats: int) -> list[Field]:
    """What /group create and edit ask."""
    return [
        Field("name", "Name", name, "It names the channels"),
        Field("seats", "Seats", str(seats), limit=20),
    ]


def next_name(taken: Mapping[str, object] | Sequence[str]) -> str:
    """The first "Group 4" that the cohort does not have."""
    have = {name.lower() for name in taken}
    number = 1
    while f"group {number}" in have:
        number += 1
    return f"Group {number}"


def card(group: GroupView, roster: Roster) -> str:
    """/group show."""
    begins = "started" if group.started else "starts"
    parts = [
        f"{title(group)} · {GROUP_STATUS[group.status]}",
        (
            f"{group.members} of {count(group.seats, 'seat')} taken · {begins} "
            f"{day(group.start_date)}"
        ),
        f"Channels: {links(roster.channels) or 'none yet; they come with the first person'}",
    ]
    if group.members > group.seats:
        parts.append("⚠️ More people than seats.")
    if roster.facilitators:
        parts.append("**Facilitators**")
        parts += [_person(p) for p in roster.facilitators]
    parts.append("**Members**" if roster.participants else "Nobody is in it.")
    return lines([*parts, *(_person(p) for p in roster.participants)])


def _person(person: Inside) -> str:
    icon, _, words = ACCESS[person.access].partition(" ")
    note = f" · {words}" if words else ""
    return f"{icon} <@{person.user_id}> ({plain(person.name)}){note}"


def archive_preview(group: GroupView, roster: Roster) -> str:
    """Who loses what by archiving."""
    people = count(len(roster.people), "person", "people")
    parts = [
        f"Archive {title(group)}? It cannot be opened again.",
        f"Read-only for {people}: they still read, nobody can write, speak or join any more.",
    ]
    if roster.people:
        parts.append(mentions(roster.people))
    if roster.channels:
        parts.append(f"Channels: {links(roster.channels)}")
    return lines([*parts, KEPT])


def merge_preview(source: GroupView, leaving: Roster, target: GroupView, staying: Roster) -> str:
    """Who moves, what they lose and gain, and whether the seats do."""
    after = source.members + target.members
    who = count(len(leaving.people), "person moves", "people move")
    parts = [
        f"Merge {title(source)} into {title(target)}?",
        f"{who}: {mentions(leaving.people)}" if leaving.people else f"{who}.",
        (
            f"They lose {links(leaving.channels) or 'no channel'} and gain "
            f"{links(staying.channels) or 'the channels of the group, once it has some'}."
        ),
        f"Seats afterwards: {after} of {target.seats} taken.",
    ]
    if after > target.seats:
        parts.append(f"⚠️ That is {after - target.seats} more than there are seats.")
    parts.append(f"Only moderators see the channels of {plain(source.name)} then. {KEPT}")
    return lines(parts)


def move_preview(user_id: int, plan: MovePreview) -> str:
    """What one person loses and gains."""
    source, target = plan.source, plan.target
    parts = [
        f"Move <@{user_id}> from {title(source)} to {title(target)}?",
        (
            f"Loses {links(plan.loses) or 'no channel'}, gains "
            f"{links(plan.gains) or 'the channels of the group, which are created now'}."
        ),
    ]
    if target.full:
        parts.append(f"⚠️ The group is full: {target.members} of {target.seats} seats are taken.")
    return lines(parts)


def remove_preview(user_id: int, group: GroupView, roster: Roster, reason: str | None) -> str:
    """What one person loses."""
    return lines(
        [
            f"Take <@{user_id}> out of {title(group)}?",
            f"Loses {links(roster.channels) or 'no channel: there are none yet'}.",
            *([f"Reason: {plain(reason)}"] if reason else []),
            "What they wrote stays.",
        ]
    )


def bypassed(moved: Moved, group: GroupView) -> list[str]:
    """The joining rules that a moderator went past, told."""
    words = {
        "group_full": f"⚠️ It was full: seat {group.members} of {group.seats}.",
        "group_already_started": f"⚠️ It has started: {day(group.start_date)}.",
    }
    return [words[code] for code in moved.bypassed if code in words]


def placed(moved: Moved, group: GroupView, roster: Roster, *, draft: bool) -> str:
    """After an add or a move."""
    person = next((p for p in roster.people if p.user_id == moved.user_id), None)
    role = "a facilitator" if person is not None and person.facilitator else "a member"
    came = f", from **{plain(moved.previous_name)}**" if moved.previous_name else ""
    parts = [f"✅ <@{moved.user_id}> is {role} of {title(group)}{came}."]
    parts += bypassed(moved, group)
    if draft and not roster.channels:
        parts.append("The cohort is a draft, so there are no channels yet: `/cohort open`.")
    elif roster.channels:
        parts.append(f"Channels: {links(roster.channels)}")
    if person is not None and person.access == "screening":
        parts.append("Access comes once they accepted the server's rules.")
    return lines(parts)


def found(people: Sequence[Found]) -> str:
    """/member find."""
    parts = []
    for person in people:
        nick = f" · stored nickname {plain(person.nickname)}" if person.nickname else ""
        parts.append(f"**{plain(person.name)}** (<@{person.user_id}>){nick}")
        parts += [
            f"▫️ {plain(group)} · {plain(cohort)} · "
            + ("facilitator, " if role == "facilitator" else "")
            + PAST[status]
            for group, cohort, role, status in person.groups
        ] or ["▫️ never in a group"]
    return lines(parts)
