"""What a message says, in the language spoken now. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core.db.models import Role
from core.discord_outbound.messages import CONTENT_LIMIT, Button
from core.notifications.case import Case
from core.notifications.kinds import KINDS, MARK_AFTER
from core.notifications.known import GroupFact
from core.notifications.outgoing import GAP, Message
from core.notifications.templates import AGAIN, CLOSED, LATE, REASON, render
from core.reconcile.answers import at, buttons, name_of, tally
from core.reconcile.attendance import Verdict, enough, verdict
from core.reconcile.cleaning import shown
from core.words import day, t, tn

# What may be another in a later try: who answered what, who is there, and what comes next.
_CHANGING = {"members", "answers", "silent", "last", "list", "next", "old", "channel"}
_OF_NEXT = {"meeting", "when", "relative"}  # where a text is about whichever meeting is next

MENTIONED = 100  # Discord's limit of people who are notified by one message
_LISTED = 30  # names in a list: mentions of 22 characters, as long as half a text
_LINES = 12  # of what was not said in time


def message(
    case: Case,
    mention: Sequence[int],
    *,
    silent: bool = False,
    due: datetime | None = None,
) -> Message:
    """The message with as many of the mentions as Discord takes, and what is late marked.

    `due` (UTC) is when it should have come, where that is not the row's own time.
    """
    parts = [_text(case, _values(case)), *_extras(case)]
    due = due or case.row.due_at
    if case.kind.marked and parts[0] and case.now - due > MARK_AFTER:
        parts.append(t(LATE, due=at(case.row.due_at)))
    text = "\n".join(parts)[:CONTENT_LIMIT]
    kept: list[int] = []
    line = ""
    for user_id in mention[:MENTIONED]:
        if f"<@{user_id}>" in text:  # a list of members names them already
            kept.append(user_id)
            continue
        more = f"{line} <@{user_id}>".strip()
        if len(text) + 1 + len(more) > CONTENT_LIMIT:
            break
        line = more
        kept.append(user_id)
    text = f"{text}\n{line}".strip() if line else text
    return Message(text, _buttons(case), tuple(kept), silent, _likes(case))


def instead(case: Case, user_id: int) -> Message | None:
    """In the group's channel, for somebody who takes no direct messages; None: not to be said."""
    if case.kind.instead == "nothing":
        return None
    if case.kind.instead == "note":
        return Message(t(CLOSED, person=f"<@{user_id}>"), (), (user_id,), silent=True)
    return replace(message(case, [user_id]), silent=True)


def _text(case: Case, values: Mapping[str, Any]) -> str:
    if case.announcement is not None:
        return "" if case.row.payload.get("more") else case.announcement.content
    return render(case.kind.name, case.server.settings, values)


def _likes(case: Case) -> tuple[str, ...]:
    """What an earlier try that may have been seen said, as far as that is known."""
    if case.row.unsure_since is None:
        return ()
    if case.announcement is not None and not case.row.payload.get("more"):
        return (case.announcement.content, *case.announcement.earlier)
    changing = _CHANGING if case.row.meeting_id is not None else _CHANGING | _OF_NEXT
    values = {name: GAP if name in changing else v for name, v in _values(case).items()}
    return ("\n".join([_text(case, values), *_extras(case)]),)


def _extras(case: Case) -> list[str]:
    """What the row itself has to add: a reason, or that everybody is asked again."""
    parts = []
    if case.row.payload.get("again") and case.kind.name == "moved":
        parts.append(t(AGAIN))
    if case.row.payload.get("later"):
        parts.append(
            t("The meetings after it move as well: each has its new time.")
            if case.kind.name == "moved"
            else t("The meetings after it do not take place either.")
        )
    if reason := case.row.payload.get("reason"):
        parts.append(t(REASON, reason=shown(str(reason)[:200])))
    return parts


def _buttons(case: Case) -> tuple[Button, ...]:
    """The three answers, or what else is done with one press."""
    meeting = case.meeting
    name = case.kind.name
    news = name in {"added", "restored"}
    asks = case.kind.buttons or news or bool(case.row.payload.get("again"))
    if meeting is not None and asks:
        knobs = buttons(meeting.id, manage=False)
        return tuple(Button(k.label, k.action, k.number, k.style) for k in knobs)
    if name == "shift" and meeting is not None:
        return (Button(t("Move"), "meeting_manage", meeting.id),)
    if name == "assigned":
        return (Button(t("My settings"), "my_settings"),)
    return ()


def _values(case: Case) -> dict[str, Any]:
    """Everything that any text may name; safe to show."""
    group, meeting = case.group, case.meeting
    values: dict[str, Any] = {
        "group": shown(group.name) if group else "",
        "cohort": shown(group.cohort) if group else "",
        "server": shown(case.server.name),
        "channel": _channel(group),
        "meeting": _meeting(case),
        "when": at(meeting.starts_at) if meeting else t("not known yet"),
        "relative": at(meeting.starts_at, "R") if meeting else t("not known yet"),
        "old": at(meeting.told_starts_at)
        if meeting and meeting.told_starts_at
        else t("another time"),
        "next": at(case.next.starts_at) if case.next else t("not known yet"),
        "person": _name(case, case.row.about_id or 0),
    }
    more = _MORE.get(case.kind.name)
    return values | (more(case) if more else {})


def _meeting(case: Case) -> str:
    """By its number; one that was postponed has lost it, and people know it by the old one."""
    number = case.meeting.number if case.meeting else None
    if number is not None or case.meeting is None or case.meeting.extra:
        return name_of(number)
    known = case.row.payload.get("number")
    return name_of(int(known)) if known is not None else t("Postponed meeting")


def _channel(group: GroupFact | None) -> str:
    room = group.room if group else None
    return f"<#{room.channel_id}>" if room and room.channel_id and not room.deleted else ""


def _name(case: Case, user_id: int) -> str:
    """By name: a mention of somebody who left shows a number."""
    person = case.person(user_id)
    return f"**{shown(person.name)}**" if person is not None else t("somebody")


def _list(items: Sequence[str], limit: int = _LISTED) -> str:
    if not items:
        return t("nobody")
    text = ", ".join(items[:limit])
    rest = len(items) - limit
    return text if rest <= 0 else t("{names} and {n} more", names=text, n=rest)


def _members(case: Case) -> dict[str, Any]:
    people = case.group.people if case.group else {}
    # Facilitators first: they are whom one asks.
    order = sorted(people, key=lambda user: people[user] != Role.facilitator)
    return {"members": _list([f"<@{user}>" for user in order])}


def _digest(case: Case) -> dict[str, Any]:
    group, meeting = case.group, case.meeting
    assert group is not None
    assert meeting is not None
    given = case.facts.answers.get(meeting.id, {})
    answers = {user: given.get(user, "pending") for user in group.people}
    count = tally(answers.values())
    silent = [_name(case, user) for user, a in answers.items() if a == "pending"]
    return {
        "answers": t(
            "{yes} yes, {maybe} maybe, {no} no, {silent} without an answer",
            yes=count["attending"], maybe=count["tentative"], no=count["not_attending"],
            silent=count["pending"],
        ),
        "silent": _list(silent),
        "last": _last(case, group),
    }  # fmt: skip


def _last(case: Case, group: GroupFact) -> str:
    """Who was missing at the last meeting; "no data" is not absence."""
    meeting = case.facts.meetings.get(group.last_id or 0)
    seen = case.facts.seen.get(group.last_id or 0, {})
    if meeting is None:
        return t("no data")
    minutes = int((meeting.ends_at - meeting.starts_at).total_seconds() / 60)
    threshold = case.server.settings.attended_minutes
    least = enough(minutes, threshold)
    anybody = any(one.mark == "attended" or one.seconds >= least for one in seen.values())
    verdicts = {
        user: verdict(
            seen.get(user), minutes=minutes, threshold=threshold, anybody_seen=anybody
        )
        for user in group.people
    }  # fmt: skip
    if set(verdicts.values()) <= {Verdict.unknown}:
        return t("no data")
    there = sum(v == Verdict.attended for v in verdicts.values())
    missing = [_name(case, user) for user, v in verdicts.items() if v == Verdict.absent]
    if not missing:
        return tn("{n} person came", "{n} people came", there)
    return tn("{n} person came, not: {names}", "{n} people came, not: {names}", there,
              names=_list(missing))  # fmt: skip


def _note(case: Case) -> dict[str, Any]:
    """The words of a moderator stay as they were typed; direct messages notify nobody else."""
    payload = case.row.payload
    return {"sender": shown(str(payload.get("from", ""))), "text": str(payload.get("text", ""))}


def _shift(case: Case) -> dict[str, Any]:
    times = [
        tn("{time} for {n} person", "{time} for {n} people", int(n), time=str(time))
        for time, n in case.row.payload.get("times", [])
    ]
    return {"day": _day(str(case.row.payload.get("day", ""))), "times": _and(times)}


def _and(items: Sequence[str]) -> str:
    """As in: 19:00 for 7 people, 18:00 for 3 people and 20:30 for 1 person."""
    if not items:
        return ""
    if len(items) == 1:
        return items[0]
    return t("{several} and {last}", several=", ".join(items[:-1]), last=items[-1])


def _day(iso: str) -> str:
    try:
        return day(datetime.fromisoformat(iso).date())
    except ValueError:
        return iso


def _missed(case: Case) -> dict[str, Any]:
    lines = [
        t("• {kind} · {group} · {due}", kind=t(KINDS[one.kind].title), group=shown(one.group),
          due=at(one.due_at))
        for one in case.late[:_LINES]
    ]  # fmt: skip
    rest = len(case.late) - _LINES
    if rest > 0:
        lines.append(t("… and {n} more", n=rest))
    return {"list": "\n".join(lines)}


_MORE = {
    "assigned": _members,
    "digest": _digest,
    "shift": _shift,
    "note": _note,
    "missed": _missed,
}
