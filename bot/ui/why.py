"""/why as moderators meet it: the sentence, its fix by one press, and the answer again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot import checks, errors
from bot.ui import care, lasting, why_places, why_words
from bot.ui.lasting import Interaction, LastingView
from bot.ui.results import look_after
from bot.ui.text import plain
from core import sync, words
from core.errors import Refusal
from core.operations import by_hand, cohorts, group_views, groups, lookup, membership, why
from core.operations.common import Actor
from core.operations.why import Answer
from core.words import t

_LARGEST = 2**63 - 1  # our ids and Discord's both fit Postgres' bigint


class Fix(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"muster-why:(?P<action>[a-z_]+):(?P<user>\d{1,19}):(?P<where>[cg]\d{1,19})\Z",
):
    """A button about one person and one place: "c" and a channel's id, or "g" and a group's."""

    def __init__(
        self, action: str, user_id: int, where: str, button: discord.ui.Button[Any]
    ) -> None:
        button.custom_id = f"muster-why:{action}:{user_id}:{where}"
        super().__init__(button)
        self.action, self.user_id, self.where = action, user_id, where

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Called by discord.py for every press, whoever sent the message and when."""
        del interaction
        assert isinstance(item, discord.ui.Button)
        return cls(match["action"], int(match["user"]), match["where"], item)

    async def callback(self, interaction: Interaction) -> None:
        words.speak(interaction.locale.value)
        try:
            await _pressed(interaction, self.action, self.user_id, self.where)
        except Exception as error:  # noqa: BLE001 - the ladder logs and reports what it does not know
            await errors.answer(interaction, error)


def button(
    view: LastingView,
    label: str,
    action: str,
    user_id: int,
    where: str,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
) -> LastingView:
    """Add a Fix to a view."""
    made: discord.ui.Button[Any] = discord.ui.Button(label=label[:80], style=style)
    view.add_item(Fix(action, user_id, where, made))
    return view


async def command(
    interaction: Interaction, member: discord.User | discord.Member, typed: str
) -> None:
    """`/why`: acknowledged first, then answered. `typed` is a choice, a name or a mention."""
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    assert isinstance(interaction.user, discord.Member)
    where = why_places.resolve(await why_places.offered(interaction.user), typed)
    await _show(interaction, await _ask(actor, member.id, where, member.name))


async def start(interaction: Interaction, member: discord.User | discord.Member) -> None:
    """From a person's menu: asks which of their groups' channels is meant."""
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    mine = await why.groups_of(actor.guild_id, member.id)
    name = plain(member.display_name)
    options = [
        discord.SelectOption(
            label=f"#{channel}"[:100], value=f"c{channel_id}", description=group.label[:100]
        )
        for group in mine
        for channel, channel_id in group.channels
    ]
    options += [
        discord.SelectOption(label=group.label[:100], value=f"g{group.group_id}")
        for group in mine
        if not group.channels
    ]
    if not options:
        text = t("**{person}** is in no group. Into which one do they belong?", person=name)
        await _ask_group(interaction, actor, member.id, text)
        return
    view = LastingView().select(t("Which channel?"), "why_place", options, member.id)
    await lasting.show(interaction, t("Which channel does **{person}** miss?", person=name), view)


async def where_they_belong(guild_id: int, user_id: int) -> set[str]:
    """The places ("c…", "g…") of the groups that somebody is or was in."""
    mine = await why.groups_of(guild_id, user_id) if user_id else []
    return {f"g{g.group_id}" for g in mine} | {f"c{c}" for g in mine for _, c in g.channels}


async def _ask(actor: Actor, user_id: int, where: str, name: str = "") -> Answer:
    number = _number(where[1:])
    if where.startswith("c"):
        return await why.explain(actor, user_id, name, number)
    return await why.explain_group(actor, user_id, name, number)


def _number(digits: str) -> int:
    """An id that came from outside. Raises Refusal(channel_not_found)."""
    if not digits.isdecimal() or int(digits) > _LARGEST:
        raise Refusal("channel_not_found", t("There is no such channel here any more."))
    return int(digits)


async def _show(interaction: Interaction, answer: Answer, note: str = "") -> None:
    """The sentence with [Fix] and [Look again]; `note` must be safe to show."""
    text = why_words.for_moderators(answer)
    await lasting.show(interaction, f"{note}\n{text}" if note else text, view_of(answer))


def where_of(answer: Answer) -> str | None:
    """The place to ask about again: the group where its channel may be another one by then."""
    by_group = answer.link.code in {"deleted", "role_deleted"} or answer.channel_id is None
    if answer.group_id is not None and by_group:
        return f"g{answer.group_id}"
    return f"c{answer.channel_id}" if answer.channel_id is not None else None


def view_of(answer: Answer) -> LastingView:
    """[Fix] where there is one, and [Look again]."""
    view, where = LastingView(), where_of(answer)
    if where is None:
        return view
    fix = answer.link.fix
    if fix is not None:
        label = t(why_words.LABELS[fix])
        button(view, label, fix, answer.user_id, where, discord.ButtonStyle.success)
    return button(view, t("Look again"), "again", answer.user_id, where)


async def _pressed(interaction: Interaction, action: str, user_id: int, where: str) -> None:
    """Look again first: a fix is done only while it is still what is needed."""
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    answer = await _ask(actor, _number(str(user_id)), where)
    if action == "again" or answer.link.fix != action:
        note = "" if action == "again" else t("That has changed meanwhile, so nothing was done.")
        await _show(interaction, answer, note)
        return
    if action == "check":
        await care.show_check(interaction)
        return
    if action == "add":
        await _ask_group(interaction, actor, user_id, why_words.for_moderators(answer), answer)
        return
    where = await _fix(interaction, actor, answer, where)
    again = await _ask(actor, user_id, where)
    await _show(interaction, again, _done(again))


def _done(answer: Answer) -> str:
    if answer.link.fine:
        return t("✅ Done.")
    return t("Done, but that was not all:")


async def _fix(interaction: Interaction, actor: Actor, answer: Answer, where: str) -> str:
    """Do what the answer's fix says, sync at once; the place to ask about afterwards."""
    group_id, fix = answer.group_id, answer.link.fix
    assert group_id is not None
    if fix == "put_back":
        assert answer.channel_id is not None
        await by_hand.put_back_access(actor, answer.user_id, group_id, answer.channel_id)
    elif fix == "open":
        await groups.open_(actor, group_id)
    elif fix == "repair":
        # The sync notes what is gone, if no event has told of it yet; then it is made again.
        await sync.sync_group(group_id)
        await groups.repair(actor, group_id)
    else:
        await why.sync_now(actor, group_id)
    await sync.sync_after_group_change(group_id)
    look_after(interaction, [group_id])
    return f"g{group_id}" if fix in {"open", "repair"} else where


async def _ask_group(
    interaction: Interaction, actor: Actor, user_id: int, text: str, answer: Answer | None = None
) -> None:
    """A select of the groups that the person can be put into: those of the cohort, or all."""
    found = await lookup.groups(actor.guild_id)
    if answer is not None and answer.group_id is not None:
        meant = await group_views.show(actor.guild_id, answer.group_id)
        inside = set((await cohorts.show(actor.guild_id, meant.cohort_id)).group_ids)
        found = [c for c in found if c.id in inside]
        found.sort(key=lambda c: c.id != answer.group_id)
    if not found:
        await lasting.show(interaction, t("There is no open group to put them into."))
        return
    view = LastingView().select(t("Into which group?"), "why_add", _options(found), user_id)
    await lasting.show(interaction, text, view)


def _options(found: Sequence[lookup.Choice]) -> list[discord.SelectOption]:
    return [discord.SelectOption(label=c.label, value=c.value) for c in found[: lookup.CHOICES]]


@lasting.on_pick("why_place")
async def _place_picked(interaction: Interaction, user_id: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    await _show(interaction, await _ask(actor, user_id, values[0]))


@lasting.on_pick("why_add")
async def _group_picked(interaction: Interaction, user_id: int, values: list[str]) -> None:
    """Add, or move where they are in another group of that cohort; then ask again."""
    await lasting.begin(interaction)
    actor = await checks.moderator(interaction)
    assert interaction.guild is not None
    member = interaction.guild.get_member(user_id)
    if member is None or member.bot:
        raise Refusal("not_here", t("They are not on this server any more. Nothing was changed."))
    group_id = lookup.resolve(await lookup.groups(actor.guild_id), values[0], "group").id
    chosen = await group_views.show(actor.guild_id, group_id)
    mine = await group_views.of_member(actor.guild_id, user_id)
    if any(g.cohort_id == chosen.cohort_id and g.id != group_id for g in mine):
        moved = await membership.move(actor, group_id, user_id, member.display_name)
    else:
        moved = await membership.add(actor, group_id, user_id, member.display_name)
    await sync.sync_after_group_change(group_id, moved.previous_id)
    look_after(interaction, [i for i in (group_id, moved.previous_id) if i is not None])
    answer = await _ask(actor, user_id, f"g{group_id}")
    await _show(interaction, answer, _done(answer))
