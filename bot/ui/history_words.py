"""One plain sentence for every action of the history, all in one table."""

from __future__ import annotations

from collections.abc import Callable

import discord

from bot.ui import (
    history_answers,
    history_attendance,
    history_calendar,
    history_meetings,
    history_messages,
)
from bot.ui.history_fields import from_to, value
from bot.ui.reminders_words import offsets_words
from bot.ui.text import plain, when
from core.discord_outbound.cache import called
from core.operations.history import Entry
from core.words import mark, t, tn, unpack

Who = Callable[[int | None], str]
_AGAIN = {
    "category": mark("the category"),
    "role": mark("the role"),
    "text": mark("the text channel"),
    "voice": mark("the voice channel"),
    "event": mark("the events"),
}


def _changes(e: Entry) -> str:
    return ", ".join(
        from_to(key, e.before.get(key), new)
        for key, new in e.after.items()
        if e.before.get(key) != new
    )


def _group(e: Entry) -> str:
    name = plain(e.group or str(e.after.get("name", t("a group"))))
    return t("{group} ({cohort})", group=name, cohort=plain(e.cohort)) if e.cohort else name


def _cohort(e: Entry) -> str:
    return plain(e.cohort or str(e.after.get("name", "")))


def _old_new(e: Entry) -> dict[str, str]:
    old, new = plain(str(e.before.get("group"))), plain(str(e.after.get("group")))
    if e.cohort:
        new = t("{group} ({cohort})", group=new, cohort=plain(e.cohort))
    return {"old": old, "new": new}


def _people(e: Entry) -> int:
    people = e.after.get("people", e.before.get("people", 0))
    return len(people) if isinstance(people, list) else int(people)


def _joined(e: Entry, who: Who) -> str:
    return t("{who} joined {group}", who=who(e.user_id), group=_group(e))


def _switched(e: Entry, who: Who) -> str:
    if e.before.get("group_id") == e.after.get("group_id"):
        return t("{who} changed what they are in {group}", who=who(e.user_id), group=_group(e))
    return t("{who} switched from {old} to {new}", who=who(e.user_id), **_old_new(e))


def _left(e: Entry, who: Who) -> str:
    return t("{who} left {group}", who=who(e.user_id), group=_group(e))


def _added(e: Entry, who: Who) -> str:
    return t(
        "{who} put {person} into {group}",
        who=who(e.actor_id), person=who(e.user_id), group=_group(e),
    )  # fmt: skip


def _moved(e: Entry, who: Who) -> str:
    people = {"who": who(e.actor_id), "person": who(e.user_id)}
    if e.before.get("group_id") == e.after.get("group_id"):
        people["group"] = _group(e)
        if e.after.get("role") == "facilitator":
            return t("{who} made {person} a facilitator in {group}", **people)
        if e.after.get("role") == "participant":
            return t("{who} made {person} a participant in {group}", **people)
        return t("{who} changed what {person} is in {group}", **people)
    return t("{who} moved {person} from {old} to {new}", **people, **_old_new(e))


def _removed(e: Entry, who: Who) -> str:
    reason = str(e.after.get("reason") or "removed")
    parts = {"who": who(e.actor_id), "person": who(e.user_id), "group": _group(e)}
    if reason == "removed":
        return t("{who} took {person} out of {group}", **parts)
    return t("{who} took {person} out of {group}: {reason}", reason=plain(reason), **parts)


def _imported(e: Entry, who: Who) -> str:
    n, waiting = _people(e), len(e.after.get("expected", ()))
    said = tn(
        "{who} brought {n} person into the groups of the cohort {cohort}",
        "{who} brought {n} people into the groups of the cohort {cohort}",
        n, who=who(e.actor_id), cohort=_cohort(e),
    )  # fmt: skip
    if not waiting:
        return said
    return tn(
        "{said}, and {n} more is expected", "{said}, and {n} more are expected", waiting, said=said
    )


def _arrived(e: Entry, who: Who) -> str:
    return t(
        "{person} came to the server and is in {group} now", person=who(e.user_id), group=_group(e)
    )


def _group_created(e: Entry, who: Who) -> str:
    return t("{who} created {group}", who=who(e.actor_id), group=_group(e))


def _group_edited(e: Entry, who: Who) -> str:
    return t(
        "{who} changed {group}: {changes}",
        who=who(e.actor_id), group=_group(e), changes=_changes(e),
    )  # fmt: skip


def _group_opened(e: Entry, who: Who) -> str:
    return t("{who} opened {group}", who=who(e.actor_id), group=_group(e))


def _archived(e: Entry, who: Who) -> str:
    return tn(
        "{who} archived {group} with {n} person", "{who} archived {group} with {n} people",
        _people(e), who=who(e.actor_id), group=_group(e),
    )  # fmt: skip


def _repaired(e: Entry, who: Who) -> str:
    kinds = [t(_AGAIN[k]) if k in _AGAIN else str(k) for k in e.after.get("kinds", [])]
    what = kinds[0] if kinds else ""
    for kind in kinds[1:]:
        what = t("{one} and {other}", one=what, other=kind)
    return t(
        "{who} had {what} of {group} created again", who=who(e.actor_id), what=what, group=_group(e)
    )


def _merged(e: Entry, who: Who) -> str:
    return tn(
        "{who} merged {group} into {target}: {n} person moved",
        "{who} merged {group} into {target}: {n} people moved",
        _people(e), who=who(e.actor_id), group=_group(e), target=plain(str(e.after.get("group"))),
    )  # fmt: skip


def _cohort_created(e: Entry, who: Who) -> str:
    n = int(e.after.get("groups", 0))
    parts = {"who": who(e.actor_id), "cohort": _cohort(e)}
    if e.after.get("open"):
        return tn(
            "{who} created the cohort {cohort} with {n} group",
            "{who} created the cohort {cohort} with {n} groups",
            n, **parts,
        )  # fmt: skip
    return tn(
        "{who} created the cohort {cohort} with {n} group, as a draft",
        "{who} created the cohort {cohort} with {n} groups, as a draft",
        n, **parts,
    )  # fmt: skip


def _cohort_edited(e: Entry, who: Who) -> str:
    return t(
        "{who} changed the cohort {cohort}: {changes}",
        who=who(e.actor_id), cohort=_cohort(e), changes=_changes(e) or t("the seats of its groups"),
    )  # fmt: skip


def _with_cohort(template: str) -> Callable[[Entry, Who], str]:
    """The sentences that say only who and which cohort; `template` is marked."""

    def said(e: Entry, who: Who) -> str:
        return t(template, who=who(e.actor_id), cohort=_cohort(e))

    return said


def _posted(e: Entry, who: Who) -> str:
    channel = value("channel_id", e.after.get("channel_id"))
    return t("{who} posted the list of groups in {channel}", who=who(e.actor_id), channel=channel)


def _applied(e: Entry, who: Who) -> str:
    return tn(
        "{who} applied a sync to {n} group", "{who} applied a sync to {n} groups",
        int(e.after.get("groups", 0)), who=who(e.actor_id),
    )  # fmt: skip


def _settings(e: Entry, who: Who) -> str:
    return t("{who} changed the settings: {changes}", who=who(e.actor_id), changes=_changes(e))


def _reminders(e: Entry, who: Who) -> str:
    return t(
        "{who} changed the reminders of {group}: {what}",
        who=who(e.actor_id), group=_group(e), what=offsets_words(e.after.get("offsets")),
    )  # fmt: skip


def _kept(e: Entry, who: Who) -> str:
    return t(
        "{who} keeps what was changed by hand in {group}: {what}",
        who=who(e.actor_id), group=_group(e), what=plain(unpack(str(e.after.get("text", "")))),
    )  # fmt: skip


def _put_back(e: Entry, who: Who) -> str:
    by, group = who(e.actor_id), _group(e)
    if "text" in e.after:
        what = plain(unpack(str(e.after["text"])))
        return t(
            "{who} put back what was changed by hand in {group}: {what}",
            who=by, group=group, what=what,
        )  # fmt: skip
    return t(
        "{who} put back the access of {person} in {group} that was changed by hand",
        who=by, group=group, person=who(e.user_id),
    )  # fmt: skip


def _feed_renewed(e: Entry, who: Who) -> str:
    person, kind = who(e.actor_id), e.after.get("kind")
    if kind == "group":
        return t("{who} replaced their calendar link of {group}", who=person, group=_group(e))
    if kind == "cohort":
        return t(
            "{who} replaced their calendar link of the cohort {cohort}",
            who=person, cohort=_cohort(e),
        )  # fmt: skip
    return t("{who} replaced the link of their own calendar", who=person)


def _undone(e: Entry, who: Who) -> str:
    person = who(e.actor_id)
    again = bool(e.after.get("again"))
    if e.root is None:
        return (
            t("{who} did again what was taken back", who=person)
            if again
            else t("{who} took a change back", who=person)
        )
    change = action(e.root, who)
    if again:
        return t("{who} did this again: {change}", who=person, change=change)
    return t("{who} took this back: {change}", who=person, change=change)


def _adopted(e: Entry, who: Who) -> str:
    return t(
        "{who} adopted the cohort {cohort} with {groups} and {people}",
        who=who(e.actor_id),
        cohort=_cohort(e),
        groups=tn("{n} group", "{n} groups", int(e.after.get("groups", 0))),
        people=tn("{n} person", "{n} people", _people(e)),
    )


def _group_released(e: Entry, who: Who) -> str:
    return t("{who} released {group}", who=who(e.actor_id), group=_group(e))


def _meeting(tell: history_meetings.Said) -> Callable[[Entry, Who], str]:
    """A sentence about a group's meeting."""
    return lambda e, who: tell(e, who(e.actor_id), _group(e))


def _meetings(tell: history_meetings.Said) -> Callable[[Entry, Who], str]:
    """A sentence about the meetings of a cohort."""
    return lambda e, who: tell(e, who(e.actor_id), _cohort(e))


def _about(tell: history_attendance.Said) -> Callable[[Entry, Who], str]:
    """A sentence about a person in a group."""
    return lambda e, who: tell(e, who(e.actor_id), who(e.user_id), _group(e))


def _message(tell: history_messages.Said) -> Callable[[Entry, Who], str]:
    """A sentence about messages, to one person or none."""
    return lambda e, who: tell(e, who(e.actor_id), who(e.user_id))


# Every action that core.operations writes; a test reads its source and misses none.
SENTENCES: dict[str, Callable[[Entry, Who], str]] = {
    "joined": _joined,
    "switched": _switched,
    "left": _left,
    "member_added": _added,
    "member_moved": _moved,
    "member_removed": _removed,
    "members_imported": _imported,
    "expected_arrived": _arrived,
    "group_created": _group_created,
    "group_edited": _group_edited,
    "group_opened": _group_opened,
    "group_archived": _archived,
    "group_repaired": _repaired,
    "group_merged": _merged,
    "cohort_created": _cohort_created,
    "cohort_edited": _cohort_edited,
    "cohort_opened": _with_cohort(mark("{who} opened the cohort {cohort}")),
    "cohort_closed": _with_cohort(mark("{who} closed the cohort {cohort}")),
    "cohort_cancelled": _with_cohort(mark("{who} cancelled the cohort {cohort}")),
    "cohort_adopted": _adopted,
    "cohort_released": _with_cohort(mark("{who} released the cohort {cohort}")),
    "group_released": _group_released,
    "groups_posted": _posted,
    "sync_applied": _applied,
    "settings_changed": _settings,
    "reminders_changed": _reminders,
    "difference_kept": _kept,
    "difference_put_back": _put_back,
    "undone": _undone,
    "feed_renewed": _feed_renewed,
    **{action: _meeting(tell) for action, tell in history_meetings.OF_GROUP.items()},
    **{action: _meetings(tell) for action, tell in history_meetings.OF_COHORT.items()},
    **{action: _meeting(tell) for action, tell in history_calendar.OF_CALENDAR.items()},
    **{action: _about(tell) for action, tell in history_attendance.OF_PERSON.items()},
    **{action: _about(tell) for action, tell in history_answers.OF_PERSON.items()},
    **{action: _message(tell) for action, tell in history_messages.OF_MESSAGES.items()},
}


def action(entry: Entry, who: Who) -> str:
    """One change as a plain sentence, without its time."""
    tell = SENTENCES.get(entry.action)
    if tell is None:
        return f"{who(entry.actor_id)}: {entry.action.replace('_', ' ')}"
    return tell(entry, who)


def sentence(entry: Entry, who: Who) -> str:
    """One change as a plain sentence with its time, and whether it was taken back since."""
    said = f"{action(entry, who)} · {when(entry.at, 'R')}"
    return said if entry.stands else t("~~{change}~~ (taken back)", change=said)


def names_in(guild: discord.Guild) -> Who:
    """From a Discord id to what this guild calls the person; who left is mentioned, not pinged."""

    def who(user_id: int | None) -> str:
        if user_id is None:
            return "Muster"
        member = guild.get_member(user_id)
        return plain(called(member)) if member else f"<@{user_id}>"

    return who
