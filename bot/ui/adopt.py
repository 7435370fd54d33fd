"""What adopting would do, in words. Rendering only; see adopt_steps.py for the presses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import discord

from bot.ui.cohorts import links
from bot.ui.text import lines, plain
from core.operations.adopt import Offer
from core.operations.adopt_rows import Adopted
from core.operations.release import Released
from core.reconcile.hand_made import Channel, Group
from core.words import t, tn

PAGE = 10  # groups a page: what a phone shows at once


def intro() -> str:
    """The first step: what to adopt."""
    return lines(
        [
            t("**Adopt channels that you have**"),
            t(
                "Choose a category, or channels one by one. Muster then proposes a cohort with its "
                "groups and people, and you correct it. Nothing changes on Discord, now or then."
            ),
            t("Roles are only needed where nothing but their name says whose they are."),
        ]
    )


def counted(groups: int, people: int) -> str:
    """As in: 6 groups, 31 people."""
    return t(
        "{groups}, {people}",
        groups=tn("{n} group", "{n} groups", groups),
        people=tn("{n} person", "{n} people", people),
    )


def proposal(offer: Offer, page: int) -> str:
    """The preview: sums, what to know, and one line a group."""
    found = offer.proposal
    pages = max(1, -(-len(found.groups) // PAGE))
    parts = [
        t(
            "**{name}**: {counted}; nothing changes on Discord.",
            name=plain(found.name),
            counted=counted(len(found.groups), found.people),
        ),
        t("Who joins later gets the group's role; who leaves loses it.")
        if found.by_role
        else t("Who joins later is let into the group's channels; who leaves is let out."),
        t(
            "It counts as started: moderators add people, members cannot join by themselves. "
            "`/cohort edit` sets another day."
        ),
        *_notes(offer),
        *(_line(g) for g in found.groups[page * PAGE : (page + 1) * PAGE]),
    ]
    if pages > 1:
        parts.append(t("Page {page} of {pages}", page=page + 1, pages=pages))
    return lines(parts)


def _line(group: Group) -> str:
    people = tn("{n} person", "{n} people", len(group.people))
    helpers = len(group.helpers)
    more = [tn("{n} facilitator", "{n} facilitators", helpers)] if helpers else []
    more += [f"<@&{group.role}>"] if group.role else []
    return " · ".join([f"▫️ **{plain(group.name)}**", links(group.channels), people, *more])


def _notes(offer: Offer) -> list[str]:
    found, notes = offer.proposal, []
    if found.several:
        notes.append(
            tn(
                "❔ {n} person sees several groups and is in none yet: say which one under "
                "**Correct**.",
                "❔ {n} people see several groups and are in none yet: say which one under "
                "**Correct**.",
                len(found.several),
            )
        )
    others = len(found.outside - found.several.keys())
    if others:
        notes.append(
            tn(
                "ℹ️ {n} person has access and is in no group: they keep it, Muster leaves them "
                "alone.",
                "ℹ️ {n} people have access and are in no group: they keep it, Muster leaves them "
                "alone.",
                others,
            )
        )
    if found.dependent:
        notes.append(
            tn(
                "ℹ️ {n} member is let in by a role or by everybody's rights, which stay as they "
                "are: if they leave their group, take that away by hand.",
                "ℹ️ {n} members are let in by a role or by everybody's rights, which stay as they "
                "are: if they leave their group, take that away by hand.",
                len(found.dependent),
            )
        )
    if found.blind:
        notes.append(
            tn(
                "⚠️ {n} member of a role does not see the group's channels, and adopting does not "
                "change that.",
                "⚠️ {n} members of roles do not see their group's channels, and adopting does not "
                "change that.",
                len(found.blind),
            )
        )
    return [*notes, *_limits(offer)]


def _limits(offer: Offer) -> list[str]:
    notes = []
    if offer.proposal.left_out:
        notes.append(t("Left out: {channels}", channels=links(offer.proposal.left_out)))
    if offer.taken:
        channel, label = offer.taken[0]
        notes.append(
            tn(
                "Left out: {n} channel that belongs to a group already ({channel}: {label}).",
                "Left out: {n} channels that belong to groups already ({channel}: {label}).",
                len(offer.taken),
                channel=f"<#{channel}>",
                label=plain(label),
            )
        )
    if offer.locked:
        notes.append(
            tn(
                "⚠️ Muster cannot let anybody in or out in {n} place yet: give its role **View "
                "Channel** and **Manage Permissions** there, easiest in the category.",
                "⚠️ Muster cannot let anybody in or out in {n} places yet: give its role **View "
                "Channel** and **Manage Permissions** there, easiest in the category.",
                len(offer.locked),
            )
        )
    return notes


def done(made: Adopted) -> str:
    """The note in the result."""
    return t(
        "{counted}. Nothing was changed on Discord. **Release** in `/cohort show` hands "
        "everything back.",
        counted=counted(len(made.group_ids), made.people),
    )


def release_preview(found: Released, *, cohort: bool) -> str:
    """What releasing means, before it happens."""
    return lines(
        [
            t("Release **{name}**?", name=plain(found.name)),
            t(
                "Muster forgets what it looks after here: {objects}",
                objects=" ".join(_mention(kind, i) for kind, i in found.objects[:30]),
            ),
            tn(
                "Nothing changes on Discord: {n} person keeps the access that they have.",
                "Nothing changes on Discord: {n} people keep the access that they have.",
                found.people,
            ),
            t("The cohort is closed with its groups, and stays in the history.")
            if cohort
            else t("The group ends and stays in the history; its cohort goes on."),
        ]
    )


def _mention(kind: str, discord_id: int) -> str:
    return f"<@&{discord_id}>" if kind == "role" else f"<#{discord_id}>"


def released(done_: Released) -> str:
    """After releasing."""
    return tn(
        "✅ **{name}** is released: {n} place is yours again, as it was. Nothing was changed on "
        "Discord.",
        "✅ **{name}** is released: {n} places are yours again, as they were. Nothing was changed "
        "on Discord.",
        len(done_.objects),
        name=plain(done_.name),
    )


# --- choices -------------------------------------------------------------------------------------


def labelled(pairs: Iterable[tuple[int, str]]) -> list[discord.SelectOption]:
    """Options by id; labels that are the same get a number, as two of them look like one."""
    made, used = [], set[str]()
    for value, name in pairs:
        label, copy = name[:100] or str(value), 1
        while label.lower() in used:
            copy += 1
            suffix = f" ({copy})"
            label = name[: 100 - len(suffix)] + suffix
        used.add(label.lower())
        made.append(discord.SelectOption(label=label, value=str(value)))
    return made


def channel_options(channels: Sequence[Channel]) -> list[discord.SelectOption]:
    """Channels by name, with a sign for their kind."""
    signs = {"text": "#", "voice": "🔊 "}
    return labelled((c.id, f"{signs[c.kind]}{c.name}") for c in channels)


def group_options(groups: Sequence[Group]) -> list[discord.SelectOption]:
    """Groups by name; their names differ already."""
    return labelled((g.key, g.name) for g in groups)
