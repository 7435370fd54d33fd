"""What a sync would do, in words, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import discord

from bot import checks
from bot.ui.answer import CHANGED, acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.results import sync_groups
from bot.ui.text import CONTENT_LIMIT, plain
from core.operations import overview, sync_status
from core.operations.common import Actor
from core.operations.overview import Planned
from core.operations.sync_status import SystemStatus
from core.words import t, tn

_PAGE = CONTENT_LIMIT - 400  # characters of a page's body; the rest is for sums and hints


@dataclass(frozen=True)
class Scope:
    """What is looked at. `group_ids` None is everything in the guild."""

    label: str
    group_ids: tuple[int, ...] | None = None

    def holds(self, group_id: int) -> bool:
        return self.group_ids is None or group_id in self.group_ids


@dataclass(frozen=True)
class Preview:
    """A plan as it was shown. `stays` are sentences that putting back does not change."""

    scope: Scope
    planned: Planned
    stays: frozenset[str]
    can_put_back: bool
    troubled: tuple[SystemStatus, ...]

    @property
    def has_changes(self) -> bool:
        return any(group.lines for group in self.planned.groups)

    def same_as(self, other: Preview) -> bool:
        """Whether a person who saw the one has seen the other."""
        return self.planned.groups == other.planned.groups and self.stays == other.stays

    def group_ids(self, *, repair: bool) -> list[int]:
        """Groups to sync: with something to do, and those that gave up or wait."""
        ids = {g.group_id for g in self.planned.groups if repair or g.lines or not g.by_hand}
        return sorted(ids | {s.group_id for s in self.troubled if s.status != "ok"})

    def deleted(self) -> list[str]:
        return [
            f"{plain(s.label)}: {plain(', '.join(s.deleted))}" for s in self.troubled if s.deleted
        ]


async def look(guild_id: int, scope: Scope) -> Preview:
    """Work out the plan, and what putting back would add to it. Raises TemporaryError."""
    ids = scope.group_ids
    planned = await overview.plan(guild_id, ids)
    stays: frozenset[str] = frozenset()
    can_put_back = False
    if planned.by_hand:
        repaired = await overview.plan(guild_id, ids, repair=True)
        stays = frozenset(note for g in repaired.groups for note in g.by_hand)
        can_put_back = any(note not in stays for g in planned.groups for note in g.by_hand)
    troubled = tuple(s for s in await sync_status.status(guild_id) if scope.holds(s.group_id))
    return Preview(scope, planned, stays, can_put_back, troubled)


def sums(planned: Planned) -> str:
    """The first line: "1 category, 12 channels, 0 removals", and what else there is."""
    parts = [
        tn("{n} category", "{n} categories", planned.categories),
        tn("{n} channel", "{n} channels", planned.channels),
        tn("{n} removal", "{n} removals", planned.removals),
    ]
    if planned.roles:
        parts.append(tn("{n} role", "{n} roles", planned.roles))
    if planned.grants:
        parts.append(tn("access given {n} time", "access given {n} times", planned.grants))
    if planned.renames:
        parts.append(tn("{n} rename", "{n} renames", planned.renames))
    if planned.by_hand:
        parts.append(t("{n} changed by hand", n=planned.by_hand))
    return reduce(_comma, parts)


def _comma(first: str, second: str) -> str:
    """Not join(): the moderators' channel may be told the same in another language."""
    return t("{first}, {second}", first=first, second=second)


def _blocks(preview: Preview) -> list[tuple[str, list[str]]]:
    """Headings with their lines: each group's changes, then what was changed by hand, deleted."""
    blocks = [
        (f"**{plain(g.label)}**", [f"- {plain(line)}" for line in g.lines])
        for g in preview.planned.groups
        if g.lines
    ]
    by_hand = [
        t("- {note} (stays: Muster did not set this)", note=plain(note))
        if note in preview.stays
        else f"- {plain(note)}"
        for g in preview.planned.groups
        for note in g.by_hand
    ]
    if by_hand:
        blocks.append((t("✋ **Changed by hand**"), by_hand))
    if gone := preview.deleted():
        title = t("🗑️ **Deleted on Discord** (press Repair in `/sync status` to bring it back)")
        blocks.append((title, [f"- {line}" for line in gone]))
    return blocks


def pages(preview: Preview) -> list[str]:
    """The whole preview, each page within Discord's limit and with the sums as its first line."""
    bodies, body = [], ""
    for heading, rows in _blocks(preview):
        for number, row in enumerate(rows):
            top = "" if number else f"{heading}\n"
            if len(body) + len(top) + len(row) + 1 > _PAGE:
                bodies.append(body)
                again = t("{heading} (continued)", heading=heading) if number else heading
                body, top = "", f"{again}\n"
            body += f"{top}{row}\n"
    bodies.append(body)
    first, total = _first(preview), len(bodies)
    result = []
    for n, text in enumerate(bodies, 1):
        page = t("Page {n} of {total}", n=n, total=total) if total > 1 else ""
        result.append("\n".join(part for part in (first, text.rstrip(), page) if part))
    return result


def _first(preview: Preview) -> str:
    """What stands above the changes: their sums, or that there are none."""
    planned, scope = preview.planned, plain(preview.scope.label)
    if preview.has_changes:
        looked = tn(
            "**{scope}** · {n} group looked at. Nothing was done yet.",
            "**{scope}** · {n} groups looked at. Nothing was done yet.",
            planned.looked_at,
            scope=scope,
        )
        return f"{sums(planned)}\n{looked}"
    nothing = tn(
        "✅ **{scope}**: nothing to change; {n} group looked at.",
        "✅ **{scope}**: nothing to change; {n} groups looked at.",
        planned.looked_at,
        scope=scope,
    )
    if planned.by_hand:
        by_hand = t("{n} changed by hand.", n=planned.by_hand)
        return f"{nothing} {by_hand}"
    return nothing


class PlanView(View):
    """[Do it] [Put back …] [Cancel] under a preview, and its pages."""

    def __init__(self, preview: Preview, page: int = 0) -> None:
        super().__init__()
        self.preview, self.page = preview, page
        self.texts = pages(preview)
        if preview.has_changes:
            self.add_button(t("Do it"), self._do, style=discord.ButtonStyle.success)
        if preview.can_put_back:
            self.add_button(t("Put back what was changed by hand"), self._put_back)
        if preview.has_changes or preview.can_put_back:
            self.add_button(t("Cancel"), self._cancel)
        if page > 0:
            self.add_button(t("Back"), self._turn(-1), row=1)
        if page + 1 < len(self.texts):
            self.add_button(t("More"), self._turn(1), row=1)

    async def show(self, interaction: discord.Interaction, note: str = "") -> None:
        """Show this page; `note` goes above it."""
        text = self.texts[self.page]
        await show(
            interaction, f"{note}\n{text}" if note else text, self if self.children else None
        )

    def _turn(self, step: int) -> Handler:
        async def pressed(interaction: discord.Interaction) -> None:
            await checks.moderator(interaction)
            self.stop()
            await PlanView(self.preview, self.page + step).show(interaction)

        return pressed

    async def _do(self, interaction: discord.Interaction) -> None:
        await self._apply(interaction, repair=False)

    async def _put_back(self, interaction: discord.Interaction) -> None:
        await self._apply(interaction, repair=True)

    async def _cancel(self, interaction: discord.Interaction) -> None:
        await checks.moderator(interaction)
        self.stop()
        text = t("Cancelled. Nothing changed.")
        await interaction.response.edit_message(content=text, view=None)

    async def _apply(self, interaction: discord.Interaction, *, repair: bool) -> None:
        """Do what was shown; what differs by now is shown again instead."""
        actor = await checks.moderator(interaction)
        self.stop()
        await acknowledge(interaction)
        fresh = await look(actor.guild_id, self.preview.scope)
        if not fresh.same_as(self.preview):
            await PlanView(fresh).show(interaction, t(CHANGED))
            return
        await show(interaction, t("⏳ Working…"))
        await apply(interaction, actor, fresh, repair=repair)


async def apply(
    interaction: discord.Interaction, actor: Actor, preview: Preview, *, repair: bool = False
) -> None:
    """Confirm and do a plan that the moderator saw, with progress and a summary."""
    ids = preview.group_ids(repair=repair)
    await overview.confirm(actor, ids)
    note = t("Planned: {sums}.", sums=sums(preview.planned))
    title = t("Sync: {what}", what=preview.scope.label)
    await sync_groups(interaction, ids, title, repair=repair, note=note)
