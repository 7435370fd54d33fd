"""Whether a message is still to be said, and to whom. Pure: a row and the facts about it in.

What is checked, in this order: is what it is about still so; is there somebody to tell; can it be
said there; is it not too late for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from core.db.meeting_models import Answer
from core.notifications import saying
from core.notifications.case import Case
from core.notifications.kinds import KINDS, wants
from core.notifications.known import Facts, PersonFact
from core.notifications.outgoing import Claimed, Decision, Send, Skip, Wait
from core.notifications.still import REASONS, stale
from core.reconcile.quiet import quiet_until
from core.words import speaking, t

# How often somebody who is not there, or a channel, is looked for again. What brings them wakes
# the row earlier.
AGAIN = timedelta(minutes=10)
_REMINDERS = {"remind_first", "remind_last", "nudge", "remind_dm"}


def _skip(code: str) -> Skip:
    return Skip(code, t(REASONS[code]))


def decide(row: Claimed, facts: Facts, now: datetime) -> Decision:
    """Send, leave or wait. `now` is UTC; reasons are sentences that can be said in any language."""
    kind, server = KINDS.get(row.kind), facts.servers.get(row.guild_id)
    if kind is None:
        return _skip("unknown_kind")
    if server is None or server.left:
        return _skip("server_left")
    case = Case(row, kind, server, facts, now)
    with speaking(server.settings.language):
        code = stale(case)
        if code is not None:
            return _skip(code)
        return _direct(case) if row.user_id is not None else _post(case)


# --- is it too late? ------------------------------------------------------------------------------


def _limit(case: Case, due: datetime) -> datetime:
    """The last moment at which it is still said (UTC)."""
    limit = due + case.kind.grace
    if case.row.meeting_id is None or case.meeting is None or case.kind.name == "shift":
        return limit
    over = case.meeting.starts_at if case.kind.name in _REMINDERS else case.meeting.ends_at
    return min(limit, over)


def _too_late(case: Case, due: datetime) -> Skip | None:
    if case.now <= _limit(case, due):
        return None
    late = max(1, round((case.now - due).total_seconds() / 60))
    return Skip("too_late", t("{minutes} minutes after its time, it is of no use", minutes=late))


def _wait(case: Case, code: str, reason: str) -> Decision:
    """Look again, until it has waited too long."""
    over = case.row.due_at + case.kind.expiry
    if case.now >= over:
        return _skip("expired")
    return Wait(min(case.now + AGAIN, over), code, reason)


# --- a post ---------------------------------------------------------------------------------------


def _post(case: Case) -> Decision:
    mention, code = _audience(case)
    if code is not None:
        return _skip(code)
    if case.kind.name == "joined" and not case.is_here(case.row.about_id or 0):
        return _not_here(case)
    channel_id, waits = _channel(case)
    if channel_id is None:
        assert waits is not None
        return waits
    late = _too_late(case, case.row.due_at)
    if late is not None:
        return late
    message = saying.message(case, mention, silent=case.kind.silent)
    if case.kind.name == "announce_edit" and case.announcement is not None:
        return Send(
            message, channel_id=channel_id, post_id=int(case.row.payload["message"]),
            erase=case.announcement.withdrawn, extra=_told(case),
        )  # fmt: skip
    return Send(message, channel_id=channel_id, extra=_told(case))


def _told(case: Case) -> dict[str, object]:
    """What the group knows once this is sent; `actions.sent` writes it down."""
    if case.kind.name in {"moved", "added", "restored"} and case.meeting is not None:
        return {"starts_at": case.meeting.starts_at.isoformat()}
    if case.announcement is not None:
        # An earlier try may have shown its first text, and Discord keeps the first that it got.
        unsure = case.row.unsure_since is not None and case.kind.name == "announce"
        return {"version": 1 if unsure else case.announcement.version}
    return {}


def _channel(case: Case) -> tuple[int | None, Decision | None]:
    """Discord's id of where to post, or what to do without one."""
    if case.row.channel_id is not None:
        return case.row.channel_id, None
    room = case.group.room if case.group is not None else None
    if room is not None and room.deleted:
        return None, _skip("channel_gone")
    if room is None or room.channel_id is None:
        return None, _wait(case, "no_channel", t("Its channel is not there yet"))
    return room.channel_id, None


def _audience(case: Case) -> tuple[tuple[int, ...], str | None]:
    """Whom a post notifies, in the order of joining; or why it is not posted at all."""
    everybody = case.audience
    answers = {user: case.answer(user) for user in everybody}
    match case.kind.audience:
        case "silent":
            inside = case.group.people if case.group is not None else {}
            silent = [u for u, a in answers.items() if a == Answer.pending and u in inside]
            chosen = [u for u in silent if case.mentioned(u)]
            return tuple(chosen), None if chosen else "all_answered"
        case "coming":
            coming = [u for u, a in answers.items() if a != Answer.not_attending]
            if everybody and not coming and case.kind.name == "remind_last":
                return (), "all_declined"
            return tuple(u for u in coming if case.mentioned(u) and not case.personally(u)), None
        case "members":
            return tuple(u for u in everybody if case.is_here(u) and not case.personally(u)), None
        case "announced":
            # Whom its author saw in the preview, as far as they are there.
            meant = tuple(u for u in case.row.payload.get("mention", ()) if case.is_here(u))
            return meant, "nobody" if case.row.payload.get("more") and not meant else None
        case _:
            return (), None


# --- a direct message -----------------------------------------------------------------------------


def _direct(case: Case) -> Decision:
    person = case.person(case.row.user_id or 0)
    if person is not None and not wants(case.kind, person.switches):
        return _skip("switched_off")
    if person is None or not person.here:
        return _not_here(case)
    # Put off by the person's night is not late.
    due = quiet_until(case.row.due_at, person.zone, person.quiet) or case.row.due_at
    if (late := _too_late(case, due)) is not None:
        return late
    if not person.dm:
        return _skip("messages_off") if case.kind.offable else _instead(case, person)
    until = quiet_until(case.now, person.zone, person.quiet)
    return _send(case, person, due) if until is None else _at_night(case, person, due, until)


def _at_night(case: Case, person: PersonFact, due: datetime, until: datetime) -> Decision:
    """In the morning if that is early enough, else where it wakes nobody."""
    if until <= _limit(case, due):
        return Wait(until, "quiet_hours", t("The person has quiet hours"))
    return _instead(case, person, code="quiet_hours")


def _not_here(case: Case) -> Decision:
    """Wait for somebody who is not on the server."""
    return _wait(case, "not_here", t("The person is not on the server"))


def _send(case: Case, person: PersonFact, due: datetime) -> Send:
    with speaking(person.language or case.server.settings.language):
        message = saying.message(case, (), due=due)
    room = case.group.room if case.group is not None else None
    channel_id = room.channel_id if room is not None and not room.deleted else None
    fallback = saying.instead(case, person.id) if channel_id is not None else None
    return Send(
        message, user_id=person.id, dm_channel_id=person.dm_channel_id,
        fallback_channel_id=channel_id if fallback is not None else None, fallback=fallback,
    )  # fmt: skip


def _instead(case: Case, person: PersonFact, code: str = "messages_off") -> Decision:
    """In the group's channel, without a sound, where it may be said there."""
    if case.kind.instead != "same":
        return _skip(code)
    channel_id, waits = _channel(case)
    if channel_id is None:
        assert waits is not None
        return waits
    message = saying.instead(case, person.id)
    assert message is not None
    return Send(message, channel_id=channel_id)
