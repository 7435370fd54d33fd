"""An announcement in words: its preview, and what was done about it. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui.text import CONTENT_LIMIT, plain
from core.operations.announce_targets import Reach, Target
from core.operations.announcements import Draft, Written
from core.words import t, tn

_ROOM = 20  # characters below which a list of names says nothing


def preview(draft: Draft, found: Reach) -> str:
    """Where it goes and whom it pings, above the text as it will look."""
    head = _counted(found) if draft.targets else t("**Preview**: choose below who gets it.")
    if found.lacking:
        head += "\n" + tn(
            "⚠️ {n} group has no channel yet and gets nothing.",
            "⚠️ {n} groups have no channel yet and get nothing.",
            len(found.lacking),
        )
    room = CONTENT_LIMIT - len(head) - len(draft.text) - 10
    if found.names and room > _ROOM:
        head += "\n" + _cut(f"→ {', '.join(plain(name) for name in found.names)}", room)
    return f"{head}\n\n{draft.text}"[:CONTENT_LIMIT]


def _counted(found: Reach) -> str:
    posts = len(found.places)
    quiet = tn("**{n} post, pings nobody.**", "**{n} posts, pings nobody.**", posts)
    people = tn("Ping members: {n} person.", "Ping members: {n} people.", found.people)
    return f"{quiet} {people}" if found.people else quiet


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def options(targets: Sequence[Target], chosen: Sequence[str]) -> list[discord.SelectOption]:
    """Choices with labels that can be told apart: of equal ones Discord takes the first."""
    made: list[discord.SelectOption] = []
    used: dict[str, int] = {}
    for one in targets:
        label = one.label[:95]
        used[label] = used.get(label, 0) + 1
        suffix = f" ({used[label]})" if used[label] > 1 else ""
        made.append(
            discord.SelectOption(
                label=label + suffix, value=one.value, description=one.detail[:100] or None,
                default=one.value in chosen,
            )
        )  # fmt: skip
    return made


def sent(written: Written, people: int) -> str:
    """After [Send] or [Ping members]."""
    posts = tn("✅ {n} post goes out now.", "✅ {n} posts go out now.", written.posts)
    if people:
        pings = tn("It notifies {n} person.", "It notifies {n} people.", people)
    else:
        pings = t("It notifies nobody.")
    where = t("`/messages` shows how it went, and changes or withdraws it everywhere at once.")
    return f"{posts} {pings} {where}"


def edited(written: Written) -> str:
    """After another text was saved."""
    return tn(
        "✅ Changed. {n} post shows the new text in a moment.",
        "✅ Changed. {n} posts show the new text in a moment.",
        written.posts,
    )


def ask_withdraw(written: Written) -> str:
    """Before it is withdrawn."""
    asked = tn(
        "Withdraw this announcement? {n} post is deleted for everybody, and what was not sent "
        "yet is not sent any more. It cannot be brought back.",
        "Withdraw this announcement? {n} posts are deleted for everybody, and what was not sent "
        "yet is not sent any more. It cannot be brought back.",
        written.posts,
    )
    return f"{asked}\n\n{written.text}"[:CONTENT_LIMIT]


def withdrawn(written: Written) -> str:
    """After it was withdrawn."""
    return tn(
        "✅ Withdrawn. {n} post disappears in a moment.",
        "✅ Withdrawn. {n} posts disappear in a moment.",
        written.posts,
    )
