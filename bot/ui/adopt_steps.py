"""/cohort adopt: choose, look, correct, adopt. Every press reads the server anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import discord

from bot import checks
from bot.ui import adopt as ui
from bot.ui.answer import Field, Form, acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.pick import Pick, Picked
from bot.ui.results import look_after, sync_groups
from bot.ui.text import plain
from bot.ui.undo import undo_view
from core.errors import Refusal
from core.operations import adopt
from core.operations.adopt import Offer
from core.operations.adopt_rows import checked_name
from core.reconcile.adopt import role_choices
from core.reconcile.hand_made import Wishes
from core.words import t

Interaction = discord.Interaction[Any]
_MOST = 25  # Discord's limit of values in a select


async def begin(interaction: Interaction, wishes: Wishes | None = None) -> None:
    """The first step: choose what to adopt, or more of it."""
    await checks.moderator(interaction)
    await acknowledge(interaction)
    await show(interaction, ui.intro(), Choose(wishes or Wishes()))


class Choose(View):
    """Discord's own selects for categories, channels and roles; a choice leads on at once."""

    def __init__(self, wishes: Wishes) -> None:
        super().__init__()
        self.wishes = wishes
        kinds = discord.ChannelType
        rooms = [kinds.text, kinds.news, kinds.voice, kinds.stage_voice]
        self._native(
            discord.ui.ChannelSelect(
                placeholder=t("A category with all its channels"),
                channel_types=[kinds.category], max_values=_MOST,
            ),
            lambda ids: replace(wishes, categories=_joined(wishes.categories, ids)),
        )  # fmt: skip
        self._native(
            discord.ui.ChannelSelect(
                placeholder=t("Channels one by one"), channel_types=rooms, max_values=_MOST
            ),
            lambda ids: replace(
                wishes, channels=_joined(wishes.channels, ids), out=wishes.out - {*ids}
            ),
        )
        self._native(
            discord.ui.RoleSelect(
                placeholder=t("Roles that are named like the groups"), max_values=_MOST
            ),
            lambda ids: replace(wishes, roles=_joined(wishes.roles, ids)),
        )
        if wishes.categories or wishes.channels:
            self.add_button(t("Back"), self._back)
        self.add_button(t("Cancel"), _cancel)

    def _native(
        self,
        select: discord.ui.ChannelSelect[Any] | discord.ui.RoleSelect[Any],
        wish: Callable[[list[int]], Wishes],
    ) -> None:
        async def chosen(interaction: Interaction) -> None:
            await checks.moderator(interaction)
            self.stop()
            await look(interaction, wish([value.id for value in select.values]))

        select.callback = chosen  # type: ignore[method-assign]  # discord.py's own way
        self.add_item(select)

    async def _back(self, interaction: Interaction) -> None:
        self.stop()
        await look(interaction, self.wishes)


def _joined(have: tuple[int, ...], more: Sequence[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys((*have, *more)))


async def _cancel(interaction: Interaction) -> None:
    await checks.moderator(interaction)
    await show(interaction, t("Cancelled. Nothing changed."))


async def look(interaction: Interaction, wishes: Wishes, *, page: int = 0, note: str = "") -> None:
    """Work the proposal out from what is there now, and show it. `note` must be safe to show."""
    actor = await checks.moderator(interaction)
    await acknowledge(interaction)
    if not wishes.categories and not wishes.channels:
        text = t("The roles are noted. Now choose a category, or channels.")
        await show(interaction, f"{text}\n{ui.intro()}", Choose(wishes))
        return
    try:
        offer = await adopt.propose(actor, wishes)
    except Refusal as refusal:
        view = View()
        view.add_button(t("Choose again"), partial(begin, wishes=Wishes(roles=wishes.roles)))
        view.add_button(t("Cancel"), _cancel)
        await show(interaction, plain(str(refusal)), view)
        return
    view = Look(wishes, offer, page)
    text = ui.proposal(offer, page)
    await show(interaction, f"{note}\n{text}" if note else text, view)


class Look(View):
    """[Adopt] [Cancel] under the proposal, its pages, and what can be corrected."""

    def __init__(self, wishes: Wishes, offer: Offer, page: int) -> None:
        super().__init__()
        self.wishes, self.offer, self.page = wishes, offer, page
        self.add_button(t("Adopt"), self._adopt, style=discord.ButtonStyle.success)
        self.add_button(t("Cancel"), _cancel)
        if page > 0:
            self.add_button(t("Back"), self._turn(page - 1))
        if (page + 1) * ui.PAGE < len(offer.proposal.groups):
            self.add_button(t("More"), self._turn(page + 1))
        steps = corrections(wishes, offer)
        self.add_select(
            t("Correct"),
            [
                discord.SelectOption(label=label[:100], value=key)
                for key, (label, _) in steps.items()
            ],
            self._correct,
        )

    def _turn(self, page: int) -> Handler:
        async def pressed(interaction: Interaction) -> None:
            self.stop()
            await look(interaction, self.wishes, page=page)

        return pressed

    async def _correct(self, interaction: Interaction, values: list[str]) -> None:
        await checks.moderator(interaction)
        _, step = corrections(self.wishes, self.offer)[values[0]]
        if values[0] != "name":  # a form leaves the message and its buttons as they are
            self.stop()
        await step(interaction)

    async def _adopt(self, interaction: Interaction) -> None:
        actor = await checks.moderator(interaction)
        self.stop()  # a second press of an impatient thumb does nothing
        await show(interaction, t("⏳ Working…"))
        try:
            made = await adopt.adopt(actor, self.wishes, self.offer.mark)
        except Refusal as refusal:
            said = plain(str(refusal))
            if refusal.code in {"changed", "name_taken"}:
                await look(interaction, self.wishes, note=f"⚠️ {said}")
            else:
                await show(interaction, said)
            return
        title = t("{cohort}: adopted", cohort=made.name)
        view = undo_view(made.entry_id)
        await sync_groups(interaction, made.group_ids, title, note=ui.done(made), view=view)
        look_after(interaction, made.group_ids)


def corrections(wishes: Wishes, offer: Offer) -> dict[str, tuple[str, Handler]]:
    """What can be corrected now: (label, what a choice of it does) by key."""
    found = offer.proposal
    step = Step(wishes, offer)
    steps: dict[str, tuple[str, Handler]] = {
        "name": (t("Name the cohort differently"), step.rename),
        "out": (t("Leave out a channel"), step.leave_out),
        "people": (t("Look at a group's people, leave some out"), step.people),
        "role": (t("Say which role belongs to a group"), step.roles),
        "more": (t("Add channels or roles"), partial(begin, wishes=wishes)),
    }
    if found.left_out:
        steps["in"] = (t("Take in a channel that is left out"), step.take_in)
    if any(g.voice for g in found.groups) and any(g.text for g in found.groups):
        steps["pair"] = (t("Say which voice channel belongs to a text channel"), step.pair)
    if found.several:
        steps["several"] = (t("Say where people belong who see several groups"), step.several)
    if wishes.without:
        steps["again"] = (t("Take in people that you left out"), step.people_again)
    if found.by_role or wishes.one_by_one:
        label = t("Let people in by role") if wishes.one_by_one else t("Let people in one by one")
        steps["mode"] = (label, step.mode)
    return steps


class Step:
    """One correction: a question, a select or two, and the proposal again."""

    def __init__(self, wishes: Wishes, offer: Offer) -> None:
        self.wishes, self.offer = wishes, offer
        self.groups = offer.proposal.groups
        self.channels = {c.id: c for c in offer.server.channels}

    async def _again(self, interaction: Interaction, **changes: Any) -> None:
        await look(interaction, replace(self.wishes, **changes))

    async def _ask(
        self,
        interaction: Interaction,
        question: str,
        options: list[discord.SelectOption],
        picked: Picked,
        *,
        many: bool = False,
    ) -> None:
        back = partial(look, wishes=self.wishes)
        await Pick(question, options, picked, back, many=many).show(interaction)

    async def rename(self, interaction: Interaction) -> None:
        """A form with the name."""

        async def typed(press: Interaction, values: dict[str, str]) -> None:
            await checks.moderator(press)
            await self._again(press, name=checked_name(values["name"]))

        field = Field("name", t("Name"), self.offer.proposal.name)
        await interaction.response.send_modal(Form(t("Name of the cohort"), [field], typed))

    async def leave_out(self, interaction: Interaction) -> None:
        """Channels that are in, to be left out."""

        async def picked(press: Interaction, ids: list[int]) -> None:
            await self._again(press, out=self.wishes.out | {*ids}, kept=self.wishes.kept - {*ids})

        inside = [self.channels[c] for g in self.groups for c in g.channels]
        options = ui.channel_options(inside)
        await self._ask(interaction, t("Leave out which channels?"), options, picked, many=True)

    async def take_in(self, interaction: Interaction) -> None:
        """Channels that are out, to be taken in."""

        async def picked(press: Interaction, ids: list[int]) -> None:
            await self._again(press, out=self.wishes.out - {*ids}, kept=self.wishes.kept | {*ids})

        outside = [self.channels[c] for c in self.offer.proposal.left_out]
        options = ui.channel_options(outside)
        await self._ask(interaction, t("Take in which channels?"), options, picked, many=True)

    async def pair(self, interaction: Interaction) -> None:
        """A voice channel, then its text channel."""
        voices = [self.channels[g.voice] for g in self.groups if g.voice is not None]
        texts = [self.channels[g.text] for g in self.groups if g.text is not None]

        async def voice(press: Interaction, ids: list[int]) -> None:
            async def text(second: Interaction, chosen: list[int]) -> None:
                pairs = {v: c for v, c in self.wishes.pairs.items() if c != chosen[0]}
                await self._again(second, pairs={**pairs, ids[0]: chosen[0] or None})

            name = plain(self.channels[ids[0]].name)
            await self._ask(
                press,
                t("Which text channel does **{voice}** belong to?", voice=name),
                [*ui.labelled([(0, t("None: a group of its own"))]), *ui.channel_options(texts)],
                text,
            )

        await self._ask(interaction, t("Which voice channel?"), ui.channel_options(voices), voice)

    async def roles(self, interaction: Interaction) -> None:
        """A group, then its role."""

        async def group(press: Interaction, ids: list[int]) -> None:
            async def role(second: Interaction, chosen: list[int]) -> None:
                await self._again(
                    second, role_of={**self.wishes.role_of, ids[0]: chosen[0] or None}
                )

            mine = next(g for g in self.groups if g.key == ids[0])
            fit = role_choices(self.offer.server, mine)
            await self._ask(
                press,
                t("Which role belongs to **{group}**?", group=plain(mine.name)),
                ui.labelled([(0, t("No role")), *((r.id, r.name) for r in fit)]),
                role,
            )

        await self._ask(interaction, t("Which group?"), ui.group_options(self.groups), group)

    async def people(self, interaction: Interaction) -> None:
        """A group, then those of its people who are to be left out."""

        async def group(press: Interaction, ids: list[int]) -> None:
            mine = next(g for g in self.groups if g.key == ids[0])
            name = plain(mine.name)
            if not mine.people:
                text = t("Nobody is in **{group}** yet.", group=name)
                await look(press, self.wishes, note=text)
                return
            options = self._names(mine.people)
            question = t("People of **{group}**. Leave out whom?", group=name)
            await self._ask(press, question, options, self._without, many=True)

        await self._ask(interaction, t("Which group?"), ui.group_options(self.groups), group)

    async def _without(self, interaction: Interaction, ids: list[int]) -> None:
        await self._again(interaction, without=self.wishes.without | {*ids})

    async def people_again(self, interaction: Interaction) -> None:
        """Those who were left out, to be taken in again."""

        async def picked(press: Interaction, ids: list[int]) -> None:
            await self._again(press, without=self.wishes.without - {*ids})

        options = self._names(sorted(self.wishes.without))
        await self._ask(interaction, t("Take in whom?"), options, picked, many=True)

    async def several(self, interaction: Interaction) -> None:
        """Somebody who sees several groups, then the one where they belong."""

        async def person(press: Interaction, ids: list[int]) -> None:
            async def group(second: Interaction, chosen: list[int]) -> None:
                await self._again(second, home={**self.wishes.home, ids[0]: chosen[0]})

            theirs = self.offer.proposal.several[ids[0]]
            options = ui.group_options([g for g in self.groups if g.key in theirs])
            name = plain(self.offer.server.people[ids[0]])
            await self._ask(
                press, t("Which group does **{person}** belong to?", person=name), options, group
            )

        options = self._names(sorted(self.offer.proposal.several))
        await self._ask(interaction, t("Who?"), options, person)

    async def mode(self, interaction: Interaction) -> None:
        """By role or one by one."""
        await self._again(interaction, one_by_one=not self.wishes.one_by_one)

    def _names(self, ids: Sequence[int]) -> list[discord.SelectOption]:
        people = self.offer.server.people
        return ui.labelled((i, people[i]) for i in ids if i in people)
