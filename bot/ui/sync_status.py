"""What is not right, in words, with [Repair]."""

from __future__ import annotations

import discord

from bot import checks
from bot.ui.answer import acknowledge, show
from bot.ui.base import View
from bot.ui.care import finding_text
from bot.ui.results import sync_groups
from bot.ui.text import lines, plain, when
from core.errors import Refusal
from core.operations import calendar_status, group_views, lookup, sync_status
from core.operations import groups as group_operations
from core.operations.common import Actor
from core.operations.sync_status import SystemStatus
from core.words import mark, t, tn

_SYSTEMS = {
    "discord": mark("channels and access"),
    "calendar": mark("calendar"),
    "reminders": mark("meetings and reminders"),
    "rsvps": mark("events and answers"),
}


def status_lines(found: list[SystemStatus]) -> list[str]:
    """One line for everything that is not right, in words."""
    result: list[str] = []
    for state in found:
        name = f"**{plain(state.label)}**"
        if state.status != "ok":
            result.append(_waits(state, name))
        result += [
            t("✋ {group}: changed by hand: {note}", group=name, note=plain(note))
            for note in state.by_hand
        ]
        if state.deleted:
            gone = plain(", ".join(state.deleted))
            result.append(t("🗑️ {group}: deleted on Discord: {names}", group=name, names=gone))
    return result


def _waits(state: SystemStatus, name: str) -> str:
    """Why one system of a group is not done, and when it goes on."""
    why = plain((state.error or "").strip().rstrip("."))
    at = state.next_attempt_at
    facts = {
        "group": name,
        "system": t(_SYSTEMS.get(state.system, state.system)),
        "why": why,
        "when": when(at, "R") if at else t("at the next look"),
    }
    if state.status == "parked":
        return t("⛔ {group}, {system}: gave up: {why}. Looks again {when}.", **facts)
    if why and state.status == "waiting":
        return t("⏳ {group}, {system}: waiting: {why}. Next try {when}.", **facts)
    return t("⏳ {group}, {system}: waiting. Next try {when}.", **facts)


class StatusView(View):
    """[Repair] for one group, a choice of groups for several, and [Look again]."""

    def __init__(self, found: list[SystemStatus]) -> None:
        super().__init__()
        broken = {s.group_id: s.label for s in found if s.deleted}
        if len(broken) == 1:
            ((only, label),) = broken.items()

            async def pressed(interaction: discord.Interaction) -> None:
                await self._repair(interaction, [str(only)])

            self.add_button(t("Repair"), pressed, style=discord.ButtonStyle.primary)
            del label
        elif broken:
            options = [
                discord.SelectOption(label=label[:100], value=str(group_id))
                for group_id, label in broken.items()
            ]
            self.add_select(t("Repair which group?"), options, self._repair)
        self.add_button(t("Look again"), self._again)

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
        group_id = lookup.id_in(values[0])
        kinds = await group_operations.repair(actor, group_id)
        if not kinds:
            raise Refusal("nothing_deleted", t("Nothing of this group is deleted any more."))
        group = await group_views.show(actor.guild_id, group_id)
        title = t("Repair: {group}", group=group.label)
        await sync_groups(interaction, [group_id], title)


async def show_status(interaction: discord.Interaction, actor: Actor) -> None:
    """What is not right in this guild, or one sentence that everything is."""
    found = await sync_status.status(actor.guild_id)
    calendar = [finding_text(f) for f in await calendar_status.findings(actor.guild_id)]
    if found or calendar:
        await show(interaction, lines([*status_lines(found), *calendar]), StatusView(found))
        return
    everything = await sync_status.status(actor.guild_id, all_groups=True)
    looked = [s.last_ok_at for s in everything if s.last_ok_at is not None]
    if not looked:
        text = t("✅ Nothing was created yet, so there is nothing to keep right.")
    else:
        text = tn(
            "✅ Everything is right in {n} group; last looked at {when}.",
            "✅ Everything is right in {n} groups; last looked at {when}.",
            len({s.group_id for s in everything}),
            when=when(max(looked), "R"),
        )
    await show(interaction, text, StatusView([]))
