"""Times, slots and what a change of meetings means, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from babel.dates import format_time, get_day_names

from bot.ui.text import plain, when
from core.clock import utcnow
from core.operations.meeting_views import MeetingView, Slots, name_of
from core.reconcile.clock_shifts import Shift
from core.reconcile.meeting_preview import Crowd, Effect, SeriesEffect
from core.reconcile.meeting_rows import Have
from core.schedule import Rule, Slot
from core.words import day, language, mark, near_day, t, tn

STATUS = {
    "planned": mark("takes place"),
    "skipped": mark("skipped: it does not take place"),
    "postponed": mark("postponed: it does not take place, one is added at the end"),
    "cancelled": mark("ended with its group"),
}
ANSWERS = {
    "attending": mark("✅ you attend"),
    "tentative": mark("❔ you may come"),
    "not_attending": mark("❌ you can't come"),
    "pending": mark("▫️ you have not answered"),
}
_MOST = 3  # nights, clashes and clock changes that are named


def weekday(number: int) -> str:
    """0 is Monday: "Mon", "Mo."."""
    return str(get_day_names("abbreviated", locale=language())[number])


def clock(at: time) -> str:
    """A wall time as the language writes it: 19:00."""
    return str(format_time(at, "HH:mm", locale=language()))


def length(minutes: int) -> str:
    """How long a meeting lasts."""
    return tn("{n} minute", "{n} minutes", minutes)


def slot(one: Slot) -> str:
    """As in: Wed 19:00 Europe/Berlin, 60 minutes."""
    return t(
        "{weekday} {time} {zone}, {length}",
        weekday=weekday(one.weekday), time=clock(one.at), zone=one.zone, length=length(one.minutes),
    )  # fmt: skip


def rule(one: Rule) -> str:
    """A rule as it is now, with its rhythm where that is not every week, and what changes later."""
    today = utcnow().date()
    later = [p for p in one.pieces[1:] if p.since is not None and p.since > today]
    listed = [d for d in one.dates if one.since is None or d >= one.since]
    said = _rhythm(one, _base(one, one.pieces[len(one.pieces) - len(later) - 1].slot), len(listed))
    if one.before is not None and one.since is not None and one.since > today:
        said = _then(rule(one.before), one.since, said)
    for piece in later:
        if piece.since is not None:
            said = _then(said, piece.since, _base(one, piece.slot))
    return said


def _then(before: str, since: date, after: str) -> str:
    return t("{before}; from {day} {after}", before=before, day=_day(since), after=after)


def _day(value: date) -> str:
    """Without its year where that is this one."""
    return near_day(value) if value.year == utcnow().year else day(value)


def _base(one: Rule, what: Slot) -> str:
    if one.monthly or one.dates:
        return t("{time} {zone}, {length}", time=clock(what.at), zone=what.zone,
                 length=length(what.minutes))  # fmt: skip
    return slot(what)


def _rhythm(one: Rule, base: str, dates: int) -> str:
    if one.monthly:
        return t("once a month, {time}", time=base)
    if one.dates:
        return tn("on {n} date, {time}", "on {n} dates, {time}", dates, time=base)
    return t("every two weeks, {time}", time=base) if one.every != 1 else base


def rhythm_of(one: Rule | None) -> str:
    """The rhythm's name in forms: weekly, biweekly, monthly or dates."""
    if one is None:
        return "weekly"
    if one.monthly:
        return "monthly"
    if one.dates:
        return "dates"
    return "weekly" if one.every == 1 else "biweekly"


def weeks_off(days: Sequence[date]) -> str:
    """A cohort's weeks without meetings, by any day in them."""
    return tn(
        "No meetings in the week of {days}.", "No meetings in the weeks of {days}.", len(days),
        days=", ".join(near_day(day) for day in days),
    )  # fmt: skip


def typed(one: Slot) -> str:
    """A slot as somebody would type it."""
    return f"{weekday(one.weekday).strip('.')} {clock(one.at)} {one.zone}"


def local(moment: datetime, zone: str) -> str:
    """As in: Wed 4 March 19:00 Europe/Berlin."""
    there = moment.astimezone(ZoneInfo(zone))
    return t("{day} {time} {zone}", day=_day(there.date()), time=clock(there.time()),
             zone=zone)  # fmt: skip


def echo(moment: datetime, zone: str, own: str | None) -> str:
    """A time that was typed, in its zone and in the person's own, before anything is saved."""
    said = t("{local}, that is {time}", local=local(moment, zone), time=when(moment, "F"))
    if own is None or own == zone:
        return said
    return t("{said}; for you {local}", said=said, local=local(moment, own))


def group_time(slots: Slots) -> str:
    """A card's line: how the group meets, and when next."""
    if slots.rule is None and slots.next is None:
        return t("Meets: no time yet")
    meets = rule(slots.rule) if slots.rule is not None else t("no time yet")
    if slots.next is None:
        return t("Meets: {rule}", rule=meets)
    return t("Meets: {rule} · next {time}", rule=meets, time=when(slots.next.starts_at, "F"))


def title(meeting: MeetingView) -> str:
    """As in: **Group 2** · Stats · Week 3."""
    return f"**{plain(meeting.group_name)}** · {plain(meeting.cohort_name)} · {meeting.name}"


def effect(found: Effect) -> str:
    """As in: 8 people; 2 had said yes; 03:00 at night for one of them."""
    parts = [tn("{n} person", "{n} people", found.people)]
    if found.yes:
        parts.append(tn("{n} had said yes", "{n} had said yes", found.yes))
    if found.maybe:
        parts.append(tn("{n} had said maybe", "{n} had said maybe", found.maybe))
    for at, n in found.nights[:_MOST]:
        parts.append(
            tn("{time} at night for one of them", "{time} at night for {n} of them", n,
               time=clock(at))
        )  # fmt: skip
    for name, n in found.clashes[:_MOST]:
        parts.append(
            tn("one of them meets with {group} then", "{n} of them meet with {group} then", n,
               group=plain(name))
        )  # fmt: skip
    said = "; ".join(parts) + "."
    return t("{said} The clocks change in between.", said=said) if found.clocks else said


def shifts(found: Sequence[Shift]) -> list[str]:
    """As in: From Sun 29 March this is 19:00 for 7 people and 18:00 for 3."""
    return [
        t("🕒 From {day} this is {times}.", day=near_day(shift.day), times=_times(shift))
        for shift in found[:_MOST]
    ]


def _times(shift: Shift) -> str:
    parts = [
        tn("{time} for {n} person", "{time} for {n} people", len(who), time=clock(after))
        for _, after, who in shift.groups
    ]
    return _and(parts)


def _and(parts: Sequence[str]) -> str:
    said = parts[0]
    for part in parts[1:]:
        said = t("{one} and {other}", one=said, other=part)
    return said


def series(found: SeriesEffect, *, begins: bool = True) -> list[str]:
    """What a new time means for one group: sentences. `begins`: with its next meeting."""
    if found.nothing:
        changes = t("No meeting changes.")
    else:
        counts = [
            tn("{n} new meeting", "{n} new meetings", found.made) if found.made else "",
            tn("{n} meeting changes", "{n} meetings change", found.changed)
            if found.changed else "",
            tn("{n} meeting is dropped", "{n} meetings are dropped", found.removed)
            if found.removed else "",
        ]  # fmt: skip
        changes = "; ".join(c for c in counts if c) + "."
    parts = [changes, effect(found.effect)]
    if begins and found.first is not None:
        parts.insert(0, t("Next: {time}.", time=when(found.first.starts_at, "F")))
    return [
        " ".join(parts), *_kept(found.kept), *crowds(found.effect.crowds),
        *shifts(found.effect.shifts),
    ]  # fmt: skip


def _kept(moved: Sequence[Have]) -> list[str]:
    """Meetings that a person moved: a new time of the group is none for them."""
    said = [
        t("✋ {meeting} was moved by hand and stays at {time}.", meeting=_name(row),
          time=when(row.starts_at, "F"))
        for row in moved[:_MOST]
    ]  # fmt: skip
    rest = len(moved) - len(said)
    more = tn("{n} more meeting that was moved keeps its time.",
              "{n} more meetings that were moved keep their times.", rest)  # fmt: skip
    return [*said, more] if rest else said


def crowds(found: Sequence[Crowd]) -> list[str]:
    """As in: Two meetings on Wed 4 March: Week 5 (19:00) and Extra meeting (20:30)."""
    said = []
    for crowd in found[:_MOST]:
        names = [
            t("{meeting} ({time})", meeting=_name(row), time=when(row.starts_at, "t"))
            for row in crowd.meetings
        ]
        text = t("⚠️ More than one meeting on {day}: {meetings}.", day=near_day(crowd.day),
                 meetings=_and(names))  # fmt: skip
        said.append(t("{said} They overlap.", said=text) if crowd.overlap else text)
    rest = len(found) - len(said)
    more = tn("⚠️ And on {n} more day.", "⚠️ And on {n} more days.", rest)
    return [*said, more] if rest else said


def _name(row: Have) -> str:
    return name_of(row.number, extra=row.extra)
