"""What a sync would do, in words, page by page; and what is not right, with [Repair]."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot import checks
from bot.ui.answer import acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.results import sync_groups
from bot.ui.text import CONTENT_LIMIT, count, lines, plain, when
from core.errors import Refusal
from core.operations import groups as group_operations
from core.operations import overview
from core.operations.common import Actor
from core.operations.overview import Planned, SystemStatus

_PAGE = CONTENT_LIMIT - 400  # characters of a page's body; the rest is for sums and hints
SYSTEMS = {
    "discord": "channels and access",
    "calendar": "calendar",
    "reminders": "reminders",
    "rsvps": "answers",
}


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
    troubled = tuple(s for s in await overview.status(guild_id) if scope.holds(s.group_id))
    return Preview(scope, planned, stays, can_put_back, troubled)


def sums(planned: Planned) -> str:
    """The first line: "1 category, 12 channels, 0 removals", and what else there is."""
    parts = [
        count(planned.categories, "category", "categories"),
        count(planned.channels, "channel"),
        count(planned.removals, "removal"),
    ]
    parts += [count(planned.roles, "role")] if planned.roles else []
    parts += [f"access given {count(planned.grants, 'time')}"] if planned.grants else []
    parts += [count(planned.renames, "rename")] if planned.renames else []
    parts += [f"{planned.by_hand} changed by hand"] if planned.by_hand else []
    return ", ".join(parts)


def _blocks(preview: Preview) -> list[tuple[str, list[str]]]:
    """Headings with their lines: each group's changes, then what was changed by hand, deleted."""
    blocks = [
        (f"**{plain(g.label)}**", [f"- {plain(line)}" for line in g.lines])
        for g in preview.planned.groups
        if g.lines
    ]
    by_hand = [
        f"- {plain(note)}" + (" (stays: Muster did not set this)" if note in preview.stays else "")
        for g in preview.planned.groups
        for note in g.by_hand
    ]
    if by_hand:
        blocks.append(("✋ **Changed by hand**", by_hand))
    if gone := preview.deleted():
        title = "🗑️ **Deleted on Discord** (press Repair in `/sync status` to bring it back)"
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
                body, top = "", f"{heading}\n" if not number else f"{heading} (continued)\n"
            body += f"{top}{row}\n"
    bodies.append(body)
    scope, looked = plain(preview.scope.label), count(preview.planned.looked_at, "group")
    if not preview.has_changes:
        first = f"✅ **{scope}**: nothing to change; {looked} looked at."
        if preview.planned.by_hand:
            first += f" {preview.planned.by_hand} changed by hand."
    else:
        first = f"{sums(preview.planned)}\n**{scope}** · {looked} looked at. Nothing was done yet."
    total = len(bodies)
    return [
        "\n".join(
            part
            for part in (first, text.rstrip(), f"Page {n} of {total}" if total > 1 else "")
            if part
        )
        for n, text in enumerate(bodies, 1)
    ]


class PlanView(View):
    """[Do it] [Put back …] [Cancel] under a preview, and its pages."""

    def __init__(self, preview: Preview, page: int = 0) -> None:
        super().__init__()
        self.preview, self.page = preview, page
        self.texts = pages(preview)
        if preview.has_changes:
            self.add_button("Do it", self._do, style=discord.ButtonStyle.success)
        if preview.can_put_back:
            self.add_button("Put back what was changed by hand", self._put_back)
        if preview.has_changes or preview.can_put_back:
            self.add_button("Cancel", self._cancel)
        if page > 0:
            self.add_button("Back", self._turn(-1), row=1)
        if page + 1 < len(self.texts):
            self.add_button("More", self._turn(1), row=1)

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
        await interaction.response.edit_message(content="Cancelled. Nothing changed.", view=None)

    async def _apply(self, interaction: discord.Interaction, *, repair: bool) -> None:
        """Do what was shown; what differs by now is shown again instead."""
        actor = await checks.moderator(interaction)
        self.stop()
        await acknowledge(interaction)
        fresh = await look(actor.guild_id, self.preview.scope)
        if not fresh.same_as(self.preview):
            note = "⚠️ Something changed in the meantime, so nothing was done. This is the plan now."
            await PlanView(fresh).show(interaction, note)
            return
        await show(interaction, "⏳ Working…")
        await apply(interaction, actor, fresh, repair=repair)


async def apply(
    interaction: discord.Interaction, actor: Actor, preview: Preview, *, repair: bool = False
) -> None:
    """Confirm and do a plan that the moderator saw, with progress and a summary."""
    ids = preview.group_ids(repair=repair)
    await overview.confirm(actor, ids)
    note = f"Planned: {sums(preview.planned)}."
    await sync_groups(interaction, ids, f"Sync: {preview.scope.label}", repair=repair, note=note)


def status_lines(found: list[SystemStatus]) -> list[str]:
    """One line for everything that is not right, in words."""
    result = []
    for state in found:
        name = f"**{plain(state.label)}**"
        system = SYSTEMS.get(state.system, state.system)
        why = plain((state.error or "").strip().rstrip("."))
        again = when(state.next_attempt_at, "R") if state.next_attempt_at else "at the next look"
        if state.status == "parked":
            result.append(f"⛔ {name}, {system}: gave up: {why}. Looks again {again}.")
        elif state.status != "ok":
            because = f": {why}" if why and state.status == "waiting" else ""
            result.append(f"⏳ {name}, {system}: waiting{because}. Next try {again}.")
        result += [f"✋ {name}: changed by hand: {plain(note)}" for note in state.by_hand]
        if state.deleted:
            result.append(f"🗑️ {name}: deleted on Discord: {plain(', '.join(state.deleted))}")
    return result


class StatusView(View):
    """[Repair] for one group, a choice of groups for several, and [Look again]."""

    def __init__(self, found: list[SystemStatus]) -> None:
        super().__init__()
        broken = {s.group_id: s.label for s in found if s.deleted}
        if len(broken) == 1:
            ((only, label),) = broken.items()

            async def pressed(interaction: discord.Interaction) -> None:
                await self._repair(interaction, [str(only)])

            self.add_button("Repair", pressed, style=discord.ButtonStyle.primary)
            del label
        elif broken:
            options = [
                discord.SelectOption(label=label[:100], value=str(group_id))
                for group_id, label in broken.items()
            ]
            self.add_select("Repair which group?", options, self._repair)
        self.add_button("Look again", self._again)

    async def _again(self, interaction: discord.Interaction) -> None:
        actor = await checks.moderator(interaction)
        self.stop()
        await acknowledge(interaction)
        await show_status(interaction, actor)

    async def _repair(self, interaction: discord.Interaction, values: list[str]) -> None:
        """Have what was deleted made again, then sync the group."""
        actor = await checks.moderator(interaction)
        self.stop()
        await acknowledge(interaction)
        group_id = int(values[0])
        kinds = await group_operations.repair(actor, group_id)
        if not kinds:
            raise Refusal("nothing_deleted", "Nothing of this group is deleted any more.")
        group = await group_operations.show(actor.guild_id, group_id)
        await sync_groups(interaction, [group_id], f"Repair: {group.label}")


async def show_status(interaction: discord.Interaction, actor: Actor) -> None:
    """What is not right in this guild, or one sentence that everything is."""
    found = await overview.status(actor.guild_id)
    if found:
        await show(interaction, lines(status_lines(found)), StatusView(found))
        return
    everything = await overview.status(actor.guild_id, all_groups=True)
    looked = [s.last_ok_at for s in everything if s.last_ok_at is not None]
    if not looked:
        text = "✅ Nothing was created yet, so there is nothing to keep right."
    else:
        number = count(len({s.group_id for s in everything}), "group")
        text = f"✅ Everything is right in {number}; last looked at {when(max(looked), 'R')}."
    await show(interaction, text, StatusView([]))
