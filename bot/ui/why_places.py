"""Which channel is meant: all of Muster's, and the others that the moderator can see.

A plain channel option would offer only what the moderator sees on Discord, and no channel that
was deleted or is not there yet; those are asked about most.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import discord

from core.errors import Refusal
from core.operations import lookup, why
from core.words import t

_MOST = 25  # Discord's limit for autocomplete
_MENTION = re.compile(r"<#(\d{15,19})>\Z")
_NAMED = 5  # choices in a sentence

Place = tuple[str, str]  # label, and "c" with a channel's id or "g" with a group's


async def offered(viewer: discord.Member) -> list[Place]:
    """Every place to ask about, labels unique: the groups' channels first, newest cohort first."""
    found: list[Place] = []
    ours: set[int] = set()
    for item in await why.places(viewer.guild.id):
        if item.discord_id is None:
            found.append((t("{group} (no channels yet)", group=item.label), f"g{item.group_id}"))
            continue
        ours.add(item.discord_id)
        name = f"#{item.name}"
        if item.deleted:
            name = t("#{channel} (deleted)", channel=item.name)
        found.append((f"{name} · {item.label}", f"c{item.discord_id}"))
    found += [
        (
            channel.name if isinstance(channel, discord.CategoryChannel) else f"#{channel.name}",
            f"c{channel.id}",
        )
        for channel in viewer.guild.channels
        if channel.id not in ours and channel.permissions_for(viewer).view_channel
    ]
    labels = lookup.distinct(label for label, _ in found)
    return list(zip(labels, (value for _, value in found), strict=True))


def matching(found: Sequence[Place], typed: str, first: set[str]) -> list[Place]:
    """At most 25 that contain what was typed; those of `first` before the others."""
    want = typed.strip().lower()
    hits = [place for place in found if want in place[0].lower()]
    return sorted(hits, key=lambda place: place[1] not in first)[:_MOST]


def resolve(found: Sequence[Place], typed: str) -> str:
    """The one place that was meant, by value, mention, label, name or unmistakable part.

    Raises Refusal(not_found, ambiguous).
    """
    want = typed.strip().lower()
    mention = _MENTION.match(want)
    if mention:
        want = f"c{mention[1]}"
    for candidates in (
        [p for p in found if p[1] == want],
        [p for p in found if p[0].lower() == want],
        [p for p in found if p[0].lower().split(" · ")[0] in {want, f"#{want}"}],
        [p for p in found if want and want in p[0].lower()],
    ):
        if len(candidates) == 1:
            return candidates[0][1]
        if candidates:
            names = ", ".join(f"“{label}”" for label, _ in candidates[:_NAMED])
            raise Refusal(
                "ambiguous", t("More than one channel fits: {names}. Which one?", names=names)
            )
    raise Refusal("not_found", t("No channel here is called that. Pick one from the list."))
