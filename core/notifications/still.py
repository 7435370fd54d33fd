"""Whether what a message is about is still so. Pure."""

from __future__ import annotations

from collections.abc import Callable

from core.db.meeting_models import Answer, MeetingStatus
from core.db.models import Role
from core.notifications.case import Case
from core.notifications.kinds import MARK_AFTER
from core.reconcile.trace import LIVE
from core.words import mark

# That its meetings are off is also said where the group ended.
_ANYWAY = {"cancelled", "announce", "announce_edit", "note"}
_OFF = {MeetingStatus.skipped, MeetingStatus.postponed}

# Codes of Skip and what they say to moderators.
REASONS = {
    "unknown_kind": mark("This version of Muster does not know this kind of message"),
    "server_left": mark("Muster is not on the server any more"),
    "group_gone": mark("The group is gone"),
    "group_ended": mark("The group has ended"),
    "meeting_gone": mark("The meeting is gone"),
    "not_planned": mark("The meeting does not take place"),
    "takes_place": mark("The meeting takes place after all"),
    "moved": mark("The meeting has another time now"),
    "no_news": mark("The meeting is at the time that everybody knows"),
    "newer": mark("A later change of the same meeting says it"),
    "no_guest": mark("The guest does not come any more"),
    "not_in_group": mark("The person is not in the group any more"),
    "in_group": mark("The person is in the group again"),
    "not_facilitator": mark("The person does not facilitate the group any more"),
    "declined": mark("The person said that they can't come"),
    "nobody": mark("Nobody is there to be told"),
    "all_answered": mark("Everybody has answered"),
    "all_declined": mark("Everybody said that they can't come"),
    "no_meeting": mark("No meeting is to come"),
    "nothing": mark("There is nothing to say"),
    "withdrawn": mark("It was withdrawn"),
    "newer_text": mark("A later change of it is shown"),
    "post_gone": mark("Somebody deleted the post"),
    "switched_off": mark("The person does not want this kind of message"),
    "messages_off": mark("The person wants no direct messages"),
    "quiet_hours": mark("It would come in the person's quiet hours, and after them too late"),
    "channel_gone": mark("The channel was deleted"),
    "made_late": mark("It was written after its time"),
    "expired": mark("What it waited for did not come in time"),
}  # fmt: skip


def stale(case: Case) -> str | None:
    """Why it is not true any more, as a key of REASONS."""
    for check in (_group, *_CHECKS.get(case.kind.name, ())):
        if (code := check(case)) is not None:
            return code
    return None


def _group(case: Case) -> str | None:
    if case.row.group_id is None:
        return None
    if case.group is None:
        return "group_gone"
    ended = case.group.status not in LIVE and case.kind.name not in _ANYWAY
    return "group_ended" if ended else None


def _planned(case: Case) -> str | None:
    if case.meeting is None:
        return "meeting_gone"
    return None if case.meeting.status == MeetingStatus.planned else "not_planned"


def _same_time(case: Case) -> str | None:
    """The key of a reminder holds the time for which it was written."""
    assert case.meeting is not None
    at = case.row.key.split(":")[3]
    return None if at == str(int(case.meeting.starts_at.timestamp())) else "moved"


def _in_time(case: Case) -> str | None:
    return "made_late" if case.row.created_at > case.row.due_at + MARK_AFTER else None


def _is_news(case: Case) -> str | None:
    assert case.meeting is not None
    if case.facts.newest.get(case.meeting.id, case.row.id) > case.row.id:
        return "newer"
    return "no_news" if case.meeting.starts_at == case.meeting.told_starts_at else None


def _is_off(case: Case) -> str | None:
    if case.meeting is None:
        return "meeting_gone"
    off = {MeetingStatus.cancelled} if case.kind.name == "cancelled" else _OFF
    return None if case.meeting.status in off else "takes_place"


def _is_guest(case: Case) -> str | None:
    guests = case.facts.guests.get(case.row.meeting_id or 0, set())
    return None if case.row.about_id in guests else "no_guest"


def _inside(case: Case) -> str | None:
    assert case.group is not None
    who = case.row.about_id if case.row.user_id is None else case.row.user_id
    return None if who in case.group.people else "not_in_group"


def _outside(case: Case) -> str | None:
    return "in_group" if _inside(case) is None else None


def _expected(case: Case) -> str | None:
    """Of a personal reminder: in the group or a guest, and not declined."""
    user = case.row.user_id or 0
    assert case.meeting is not None
    if _inside(case) is not None and user not in case.facts.guests.get(case.meeting.id, set()):
        return "not_in_group"
    return "declined" if case.answer(user) == Answer.not_attending else None


def _anybody(case: Case) -> str | None:
    assert case.group is not None
    return None if case.group.people else "nobody"


def _facilitates(case: Case) -> str | None:
    if case.group is None:
        return None
    role = case.group.people.get(case.row.user_id or 0)
    return None if role == Role.facilitator else "not_facilitator"


def _has_next(case: Case) -> str | None:
    return "no_meeting" if case.group is None or case.group.next_id is None else None


def _announced(case: Case) -> str | None:
    found = case.announcement
    return "withdrawn" if found is None or found.withdrawn else None


def _newest(case: Case) -> str | None:
    """Of a change of an announcement: later ones have rows of their own."""
    found = case.announcement
    if found is None:
        return "withdrawn"
    return "newer_text" if found.version > int(case.row.payload.get("version", 0)) else None


def _has_list(case: Case) -> str | None:
    return None if case.late else "nothing"


Check = Callable[[Case], str | None]
_REMINDER: tuple[Check, ...] = (_planned, _same_time, _in_time)
_CHECKS: dict[str, tuple[Check, ...]] = {
    "remind_first": (*_REMINDER, _anybody),
    "remind_last": (*_REMINDER, _anybody),
    "nudge": (*_REMINDER, _anybody),
    "remind_dm": (*_REMINDER, _expected),
    "moved": (_planned, _is_news),
    "skipped": (_is_off,),
    "cancelled": (_is_off,),
    "added": (_planned,),
    "restored": (_planned,),
    "guest": (_planned, _is_guest),
    "assigned": (_anybody,),
    "assigned_dm": (_inside,),
    "joined": (_inside,),
    "left": (_outside,),
    "digest": (_facilitates, _has_next),
    "shift": (_facilitates, _planned),
    "missed": (_has_list,),
    "announce": (_announced,),
    "announce_edit": (_newest,),
}
