"""What an undo will do, cannot do and does not bring back, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.ui.history_fields import field, from_to, value
from bot.ui.history_meetings import at
from bot.ui.history_words import Who, action
from bot.ui.text import plain
from core.operations.meeting_views import name_of
from core.operations.undo import Done, Preview
from core.reconcile.undo_facts import Code, Line
from core.words import mark, t, tn

_MOST = 10  # people or names in one line


def _who(line: Line) -> str:
    """People as mentions, which ping nobody in these answers."""
    shown = ", ".join(f"<@{user}>" for user in line.people[:_MOST])
    return f"{shown} …" if len(line.people) > _MOST else shown


def _people(one: str, many: str) -> Callable[[Line], str]:
    """A sentence about `{n}` people `{who}` and a `{group}`; both are marked."""

    def said(line: Line) -> str:
        n = len(line.people)
        return t(one if n == 1 else many, n=n, who=_who(line), group=plain(line.name))

    return said


def _named(template: str) -> Callable[[Line], str]:
    """A marked sentence about `{name}`."""
    return lambda line: t(template, name=plain(line.name))


def _counted(template_one: str, template_many: str) -> Callable[[Line], str]:
    """A marked sentence about `{name}` and `{n}`, in its two forms."""
    return lambda line: t(
        template_one if line.n == 1 else template_many, name=plain(line.name), n=line.n
    )


def _listed(template: str) -> Callable[[Line], str]:
    """A marked sentence about `{names}` on the list of `{group}`."""

    def said(line: Line) -> str:
        names = str(line.new).split(", ")
        shown = ", ".join(plain(name) for name in names[:_MOST])
        more = " …" if len(names) > _MOST else ""
        return t(template, names=f"{shown}{more}", group=plain(line.name))

    return said


def _field(template: str) -> Callable[[Line], str]:
    """A marked sentence about a `{change}` of `{name}`, from what is there to what was."""

    def said(line: Line) -> str:
        change = from_to(line.field, line.new, line.old)
        return t(template, name=plain(line.name), change=change)

    return said


def _since(template: str) -> Callable[[Line], str]:
    """A marked sentence about a `{field}` of `{name}` that is `{value}` now."""

    def said(line: Line) -> str:
        key = line.field or "status"
        now = value(key, line.new)
        return t(template, name=plain(line.name), field=field(key), value=now)

    return said


def _ends(line: Line) -> str:
    name = plain(line.name)
    if line.old == "merged":
        return t("Merges {name} again.", name=name)
    if line.old == "cancelled":
        return t("Cancels {name} again: nobody but moderators sees its channels.", name=name)
    return t("Archives {name} again: its people can read, nobody can write.", name=name)


def _cohort_ends(line: Line) -> str:
    name = plain(line.name)
    if line.old == "cancelled":
        return t("Cancels the cohort {name} again, with all its groups.", name=name)
    return t("Closes the cohort {name} again, with all its groups.", name=name)


def _cohort_back(line: Line) -> str:
    name = plain(line.name)
    if line.old == "draft":
        return t("The cohort {name} is a draft again, with its groups.", name=name)
    return t("The cohort {name} is open again, with its groups.", name=name)


def _full(line: Line) -> str:
    return t(
        "{name} is full then: {n} of {seats} seats are taken.",
        name=plain(line.name), n=line.n, seats=line.old,
    )  # fmt: skip


def _all_seats(line: Line) -> str:
    return tn(
        "{n} group has its old number of seats again.",
        "{n} groups have their old numbers of seats again.",
        line.n,
    )


def _meeting(template: str) -> Callable[[Line], str]:
    """A marked sentence about `{meeting}` of `{name}`, `{now}` and the time that it gets."""

    def said(line: Line) -> str:
        meeting = name_of(line.n or None, extra=not line.n)
        return t(
            template, name=plain(line.name), meeting=meeting, now=at(line.new), then=at(line.old)
        )

    return said


# A test has every code said; the sentences end like sentences.
LINES: dict[Code, Callable[[Line], str]] = {
    Code.put_back: _people(
        mark("Puts {n} person back into {group}: {who}."),
        mark("Puts {n} people back into {group}: {who}."),
    ),
    Code.take_out: _people(
        mark("Takes {n} person out of {group}: {who}."),
        mark("Takes {n} people out of {group}: {who}."),
    ),
    Code.role_back: _people(
        mark("Gives {n} person their old part in {group} again: {who}."),
        mark("Gives {n} people their old part in {group} again: {who}."),
    ),
    Code.group_gone: _named(mark("Takes {name} away: nobody can join it any more.")),
    Code.group_back: _named(mark("{name} is there again.")),
    Code.group_ends: _ends,
    Code.group_unopened: _named(mark("{name} counts as not opened again.")),
    Code.group_field: _field(mark("{name}: {change}.")),
    Code.all_seats: _all_seats,
    Code.cohort_gone: _named(mark("Takes the cohort {name} away, with all its groups.")),
    Code.cohort_back: _cohort_back,
    Code.cohort_ends: _cohort_ends,
    Code.cohort_draft: _named(
        mark("The cohort {name} is a draft again: nobody else can join. Who is in it stays.")
    ),
    Code.cohort_field: _field(mark("The cohort {name}: {change}.")),
    Code.setting: _field(mark("Settings: {change}.")),
    Code.unexpect: _listed(mark("Takes off the list of {group}: {names}.")),
    Code.expect: _listed(mark("Puts on the list of {group} again: {names}.")),
    Code.unkeep: lambda _line: t("Shows the change made by hand again, to be decided about."),
    Code.keep: lambda _line: t("Keeps the change made by hand again."),
    Code.release: _named(
        mark("Muster lets go of the cohort {name}: everything on Discord stays as it is.")
    ),
    Code.elsewhere: _people(
        mark("{who} is in {group} since then and stays there."),
        mark("{who} are in {group} since then and stay there."),
    ),
    Code.already_back: _people(
        mark("{who} is in {group} again already."), mark("{who} are in {group} again already.")
    ),
    Code.left_since: _people(
        mark("{who} is no longer in {group}, so nothing changes for them."),
        mark("{who} are no longer in {group}, so nothing changes for them."),
    ),
    Code.group_used: _counted(
        mark("{name} stays: {n} person is in it. Move them to another group first."),
        mark("{name} stays: {n} people are in it. Move them to another group first."),
    ),
    Code.group_ended: _named(mark("{name} has ended since, so it stays as it is.")),
    Code.group_name: _named(
        mark("Another group of the cohort is called {name} now. Rename that one first.")
    ),
    Code.group_joined: _counted(
        mark("{name} cannot end again like this: {n} person came into it since."),
        mark("{name} cannot end again like this: {n} people came into it since."),
    ),
    Code.group_since: _since(mark("{name} was changed again since and stays: {field} {value}.")),
    Code.cohort_used: _counted(
        mark("The cohort {name} stays: {n} person is in it. You can cancel it: `/cohort cancel`."),
        mark("The cohort {name} stays: {n} people are in it. You can cancel it: `/cohort cancel`."),
    ),
    Code.cohort_ended: _named(
        mark("The cohort {name} has ended. Take that back first, then this is possible.")
    ),
    Code.cohort_name: _named(
        mark("Another cohort is called {name} now. Rename that one first: `/cohort edit`.")
    ),
    Code.cohort_joined: _named(
        mark("The cohort {name} has new groups or people since, so it stays as it is.")
    ),
    Code.cohort_since: _since(
        mark("The cohort {name} was changed again since and stays: {field} {value}.")
    ),
    Code.already_made: _named(
        mark("Channels of {name} exist by now, so rooms and the way of access stay.")
    ),
    Code.setting_since: _since(mark("This was changed again since and stays: {field} {value}.")),
    Code.arrived: _listed(mark("No longer on the list of {group}, so nothing changes: {names}.")),
    Code.expected_again: _listed(
        mark("Cannot be put on the list of {group} again: {names}. It has ended, or they are on "
             "another list of the cohort.")
    ),
    Code.hand_since: lambda _line: t("The change made by hand is no longer there."),
    Code.channels_stay: _named(
        mark("Channels of {name} that were created since stay; Muster deletes none.")
    ),
    Code.deleted: _named(
        mark("Channels of {name} were deleted on Discord: their messages cannot be brought back. "
             "`/sync status` makes the channels again.")
    ),
    Code.full: _full,
    Code.slots: _counted(
        mark("{n} group has its old meeting time again."),
        mark("{n} groups have their old meeting times again."),
    ),
    Code.meeting_time: _meeting(mark("{name}, {meeting}: from {now} back to {then}.")),
    Code.meeting_back: _meeting(mark("{name}, {meeting} takes place after all: {now}.")),
    Code.meeting_off: _meeting(mark("{name}, {meeting} does not take place: {now}.")),
    Code.meeting_later: _meeting(
        mark("{name}, {meeting} of {now} is postponed again: one is added at the end.")
    ),
    Code.meeting_gone: _named(mark("{name}: that meeting is no longer there.")),
    Code.meeting_since: _meeting(
        mark("{name}, {meeting} was changed again since and stays: {now}.")
    ),
    Code.meeting_begun: _meeting(mark("{name}, {meeting} has begun already, so it stays: {now}.")),
    Code.meeting_past: _meeting(
        mark("{name}, {meeting} stays at {now}: its old time is over already.")
    ),
    Code.meeting_busy: _meeting(
        mark("{name}, {meeting} stays: another meeting of the group is at that time by now.")
    ),
    Code.asked_stays: lambda _line: t("Who was asked again has to answer again."),
}  # fmt: skip


def _told(found: Sequence[Line], sign: str) -> list[str]:
    return [f"{sign} {LINES[line.code](line)}" for line in found]


def preview(shown: Preview, who: Who) -> list[str]:
    """What will happen, what will not, and what does not come back."""
    parts = [t("**Undo this?**"), action(shown.entry, who)]
    if shown.does:
        parts += [t("**This happens:**"), *_told(shown.does, "•")]
    else:
        parts.append(t("**Nothing of it can be taken back any more:**"))
    if shown.cannot and shown.does:
        parts.append(t("**This does not:**"))
    parts += _told(shown.cannot, "✖️")
    parts += _told(shown.stays, "ℹ️")
    return parts


def done(result: Done) -> list[str]:
    """What was done, as sentences."""
    found = [*result.does, *result.cannot, *result.stays]
    return [LINES[line.code](line) for line in found]
