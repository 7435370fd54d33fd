"""All texts of messages, and how a server replaces one by its own.

A text has plain {names} only. Nothing else in braces means anything, so a text that somebody typed
can reach nothing but the values that are meant for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.config import GuildSettings
from core.errors import Refusal
from core.reconcile.cleaning import lines, says_something, shown
from core.words import again, mark, t

LIMIT = 800  # characters of a text; more is a wall on a phone
# Characters of it with names filled in; the rest of Discord's 2000 is for a line of mentions.
FILLED = 1700
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_BRACES = re.compile(r"\{[^{}]*\}?|\}")


@dataclass(frozen=True)
class Template:
    """`text` is marked. `required` are the names without which the message says nothing."""

    text: str
    required: tuple[str, ...] = ()
    more: tuple[str, ...] = ()  # further names that may be used

    @property
    def names(self) -> tuple[str, ...]:
        """All names that may be used, in the order in which they are shown."""
        used = _PLACEHOLDER.findall(self.text)
        return tuple(dict.fromkeys((*used, *self.required, *self.more)))


_MEETING = ("group", "meeting", "when", "relative", "cohort")

TEMPLATES: dict[str, Template] = {
    "remind_first": Template(
        mark("🗓️ **{group}** · {meeting}: {when} ({relative}). Can you come?"), ("when",), _MEETING
    ),
    "remind_last": Template(
        mark("🔔 **{group}** · {meeting} begins {relative} ({when})."), ("relative",), _MEETING
    ),
    "nudge": Template(
        mark("🙋 **{group}** · {meeting}: {when}. There is no answer from you yet. Can you come?"),
        ("when",), _MEETING,
    ),
    "remind_dm": Template(
        mark("🔔 **{group}** · {meeting} begins {relative} ({when}). {channel}"), ("relative",),
        (*_MEETING, "server"),
    ),
    "moved": Template(
        mark("🔁 **{group}** · {meeting} was moved from {old} to {when} ({relative})."),
        ("when",), _MEETING,
    ),
    "skipped": Template(
        mark("⏭️ **{group}** · {meeting} on {when} does not take place. Next meeting: {next}."),
        ("when",), ("cohort",),
    ),
    "cancelled": Template(
        mark("🚫 **{group}** · {meeting} on {when} is cancelled."), ("when",), ("cohort", "next")
    ),
    "restored": Template(
        mark("✅ **{group}** · {meeting} takes place after all: {when} ({relative})."),
        ("when",), _MEETING,
    ),
    "added": Template(
        mark("➕ **{group}**: there is an extra meeting: {when} ({relative}). Can you come?"),
        ("when",), ("cohort",),
    ),
    "guest": Template(
        mark("👋 {person} comes to {meeting} ({when}) as a guest."), ("person",), _MEETING
    ),
    "assigned": Template(
        mark(
            "👋 **{group}** starts. This is your channel.\n"
            "In it: {members}\n"
            "Next meeting: {when} ({relative})\n"
            "Say hello, and press below the next meeting whether you can come."
        ),
        ("members", "when"), ("cohort",),
    ),
    "assigned_dm": Template(
        mark("👋 You are in **{group}** ({cohort}) on {server}: {channel}\nNext meeting: {when}"),
        ("group",), ("relative",),
    ),
    "joined": Template(mark("👋 {person} is in this group now."), ("person",), ("group", "cohort")),
    "left": Template(mark("{person} left this group."), ("person",), ("group", "cohort")),
    "digest": Template(
        mark(
            "📋 **{group}** · the week\n"
            "Next: {meeting}, {when}\n"
            "{answers}\n"
            "No answer yet: {silent}\n"
            "Last time: {last}"
        ),
        ("when", "answers"), ("relative", "cohort", "channel"),
    ),
    "shift": Template(
        mark(
            "🕑 The clocks change: from {day} on **{group}** meets at {times} local time. "
            "Press **Move** to have it at another time. {channel}"
        ),
        ("day", "times"), ("cohort",),
    ),
    "note": Template(
        mark("✉️ **{sender}** wrote to you about **{group}** ({server}):\n{text}"), ("text",),
        ("cohort",),
    ),
    "missed": Template(
        mark("⚠️ This could not be said in time, and was left out:\n{list}"), ("list",)
    ),
}  # fmt: skip

LATE = mark("-# Late: this was due {due}.")
AGAIN = mark("Please answer again.")
REASON = mark("Reason: {reason}")
# In the group's channel, where a direct message was not taken.
CLOSED = mark(
    "📪 {person}: what Muster had to tell you did not reach you, since you take no direct "
    "messages from this server. Allow them in its privacy settings, or choose under `/my` what "
    "you want to hear."
)


def render(kind: str, settings: GuildSettings, values: Mapping[str, Any]) -> str:
    """The text of a kind in the language spoken now; the server's own words where it has some.

    At most FILLED characters.
    `values` has every name of the template. Names people typed are made harmless by the caller.
    """
    own = settings.templates.get(kind)
    if own is None:
        return t(TEMPLATES[kind].text, **values)[:FILLED]
    allowed = TEMPLATES[kind].names

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return str(again(values[name])) if name in allowed and name in values else found[0]

    return _PLACEHOLDER.sub(value, own)[:FILLED]


def check(kind: str, text: str) -> str:
    """The text as it is stored.

    Raises Refusal: unknown_kind, empty_text, too_long, unknown_placeholder, missing_placeholder.
    """
    template = TEMPLATES.get(kind)
    if template is None:
        raise Refusal("unknown_kind", t("There is no such text."))
    kept = lines(text)
    if not says_something(_BRACES.sub("", kept)):
        raise Refusal("empty_text", t("The text is empty. Type at least one word."))
    if len(kept) > LIMIT:
        raise Refusal(
            "too_long",
            t("The text has {n} characters; {limit} are possible.", n=len(kept), limit=LIMIT),
        )
    found = _BRACES.findall(kept)
    known = [f"{{{name}}}" for name in template.names]
    strange = [one for one in found if one not in known]
    if strange:
        raise Refusal(
            "unknown_placeholder",
            t(
                "“{found}” means nothing here. You can use: {names}.",
                found=shown(strange[0][:40]), names=", ".join(known),
            ),
        )  # fmt: skip
    missing = [name for name in template.required if f"{{{name}}}" not in found]
    if missing:
        raise Refusal(
            "missing_placeholder",
            t(
                "The text needs {name}: without it nobody knows what it is about.",
                name=f"{{{missing[0]}}}",
            ),
        )
    return kept
