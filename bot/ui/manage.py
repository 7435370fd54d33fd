"""The private panel behind "Manage member" on a name: groups, add, move, remove, why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import discord

from bot import checks
from bot.ui import group_cards as cards
from bot.ui import member_steps, why
from bot.ui.answer import acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.member_steps import User
from bot.ui.text import lines, plain
from core.errors import Refusal
from core.operations import cohorts, group_views, lookup, roster
from core.operations.common import Actor
from core.operations.group_views import GroupView
from core.words import t

_PAGE = lookup.CHOICES  # groups of one select

Step = Callable[[discord.Interaction, Actor, int, User], Awaitable[None]]


async def start(interaction: discord.Interaction, member: User) -> None:
    """Open the panel of somebody, or show it again in place."""
    await acknowledge(interaction)
    actor = await checks.moderator(interaction)
    member = _now(interaction, member)
    if member.bot:
        member_steps.here(member)
    mine = await group_views.of_member(actor.guild_id, member.id)
    await show(interaction, await _text(actor, member, mine), Panel(member, mine))


def _now(interaction: discord.Interaction, member: User) -> User:
    """The person as they are on the server now; as they were, if they left."""
    guild = interaction.guild
    return (guild.get_member(member.id) if guild else None) or member


async def _text(actor: Actor, member: User, mine: Sequence[GroupView]) -> str:
    """Who it is, their groups with their access, and those before."""
    rosters = await roster.of_groups(actor.guild_id, [group.id for group in mine])
    parts = [f"**{plain(member.display_name)}** (<@{member.id}>)"]
    if not isinstance(member, discord.Member):
        parts.append(t("🚪 Not on this server now."))
    for group in mine:
        found = next((p for p in rosters[group.id].people if p.user_id == member.id), None)
        icon, _, words = t(cards.ACCESS[found.access if found else "none"]).partition(" ")
        role = t("facilitator") if found and found.facilitator else ""
        parts.append(" · ".join(filter(None, (f"{icon} {cards.title(group)}", role, words))))
    if not mine:
        parts.append(t("In no group now."))
    person = await lookup.person(actor.guild_id, member.id, member.display_name)
    before = [
        t(cards.PAST[role][status], group=plain(group), cohort=plain(cohort))
        for group, cohort, role, status in person.groups
        if status != "active"
    ]
    return lines([*parts, *before])


class Panel(View):
    """[Add to a group] [Move] [Remove] [Why], with the presser's rights of that moment."""

    def __init__(self, member: User, mine: Sequence[GroupView]) -> None:
        super().__init__()
        self._member = member
        if isinstance(member, discord.Member):
            self.add_button(t("Add to a group"), self._add, style=discord.ButtonStyle.primary)
            if mine:
                self.add_button(t("Move"), self._move)
        if mine:
            self.add_button(t("Remove"), self._remove, style=discord.ButtonStyle.danger)
        if isinstance(member, discord.Member):
            self.add_button(t("Why"), self._why)

    async def _begin(self, interaction: discord.Interaction) -> tuple[Actor, list[GroupView]]:
        """The presser, and the person's groups of this moment."""
        await acknowledge(interaction)
        actor = await checks.moderator(interaction)
        self.stop()
        return actor, await group_views.of_member(actor.guild_id, self._member.id)

    async def _add(self, interaction: discord.Interaction) -> None:
        actor, mine = await self._begin(interaction)
        taken = {g for m in mine for g in await _siblings(actor, m)}
        offered = [c for c in await lookup.groups(actor.guild_id) if c.id not in taken]
        text = t("Into which group?")
        if not offered:
            text = t("They are in a group of every cohort already. Use Move.")
        await Choose(self._member, text, offered, member_steps.add).show(interaction)

    async def _move(self, interaction: discord.Interaction) -> None:
        actor, _ = await self._begin(interaction)
        await ask_where(interaction, actor, self._member)

    async def _remove(self, interaction: discord.Interaction) -> None:
        actor, mine = await self._begin(interaction)
        if len(mine) == 1:
            await member_steps.ask_remove(interaction, actor, mine[0].id, self._member)
            return
        ids = {m.id for m in mine}
        offered = [c for c in await lookup.groups(actor.guild_id) if c.id in ids]
        text = t("Out of which group?") if offered else t("They are in no group any more.")
        await Choose(self._member, text, offered, member_steps.ask_remove).show(interaction)

    async def _why(self, interaction: discord.Interaction) -> None:
        await checks.moderator(interaction)
        self.stop()
        await why.start(interaction, self._member)


async def ask_where(interaction: discord.Interaction, actor: Actor, member: User) -> None:
    """Another group of the same cohort to choose, then what a move takes and gives."""
    mine = await group_views.of_member(actor.guild_id, member.id)
    near = {g for m in mine for g in await _siblings(actor, m)} - {m.id for m in mine}
    offered = [c for c in await lookup.groups(actor.guild_id) if c.id in near]
    text = t("To which group?")
    if not offered:
        text = t("There is no other group of the same cohort.")
    await Choose(member, text, offered, member_steps.ask_move).show(interaction)


async def _siblings(actor: Actor, group: GroupView) -> list[int]:
    """Ids of all groups of a group's cohort."""
    return (await cohorts.show(actor.guild_id, group.cohort_id)).group_ids


class Choose(View):
    """A select of groups, page by page, then the step that was meant."""

    def __init__(
        self, member: User, text: str, offered: Sequence[lookup.Choice], then: Step, page: int = 0
    ) -> None:
        super().__init__()
        self._member, self._text, self._offered, self._then = member, text, offered, then
        options = [
            discord.SelectOption(label=c.label, value=c.value)
            for c in offered[page * _PAGE : (page + 1) * _PAGE]
        ]
        if options:
            self.add_select(text, options, self._chosen)
        if page:
            self.add_button(t("Back"), self._turn(page - 1), row=1)
        if len(offered) > (page + 1) * _PAGE:
            self.add_button(t("More"), self._turn(page + 1), row=1)
        self.add_button(t("Their groups"), self._home, row=1)

    async def show(self, interaction: discord.Interaction) -> None:
        """In place of what was shown before."""
        person = plain(self._member.display_name)
        await show(interaction, f"**{person}**\n{self._text}", self)

    def _turn(self, page: int) -> Handler:
        async def pressed(interaction: discord.Interaction) -> None:
            await checks.moderator(interaction)
            self.stop()
            turned = Choose(self._member, self._text, self._offered, self._then, page)
            await turned.show(interaction)

        return pressed

    async def _home(self, interaction: discord.Interaction) -> None:
        await checks.moderator(interaction)
        self.stop()
        await start(interaction, self._member)

    async def _chosen(self, interaction: discord.Interaction, values: list[str]) -> None:
        actor = await checks.moderator(interaction)
        self.stop()
        await acknowledge(interaction)
        chosen = lookup.resolve(await lookup.groups(actor.guild_id), values[0], "group")
        try:
            await self._then(interaction, actor, chosen.id, _now(interaction, self._member))
        except Refusal as refusal:
            view = View()
            view.add_button(t("Their groups"), self._home)
            await show(interaction, plain(str(refusal)), view)
