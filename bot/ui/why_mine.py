"""“I can't see my group” in /my: the same question, asked by the person themselves."""

from __future__ import annotations

import discord

from bot import checks
from bot.ui import lasting, why_words
from bot.ui import why as why_ui
from bot.ui.lasting import Interaction, LastingView
from bot.ui.text import plain
from core import sync, words
from core.discord_outbound.cache import guild_view
from core.discord_outbound.messages import send_channel_message
from core.errors import Refusal
from core.operations import lookup, settings, why
from core.operations.common import Actor
from core.operations.why import Answer
from core.words import t

MOST = 25  # groups in the select: Discord's limit


@lasting.on_press("why_mine")
async def _asked(interaction: Interaction, _number: int) -> None:
    """At once where they have one group, else after asking which."""
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    mine = await why.groups_of(actor.guild_id, actor.user_id)
    current = [g for g in mine if g.status in {"active", "guest"}] or mine
    if not current:
        view = LastingView().button(t("Find a group"), "groups", style=discord.ButtonStyle.success)
        await lasting.show(
            interaction, t("You are in no group here yet. Pick one, and its channels appear."), view
        )
        return
    if len(current) == 1:
        await _answer(interaction, actor, current[0].group_id)
        return
    options = [
        discord.SelectOption(label=g.label[:100], value=f"g{g.group_id}") for g in current[:MOST]
    ]
    view = LastingView().select(t("Which group?"), "why_mine_of", options)
    await lasting.show(interaction, t("Which group do you not see?"), view.button(t("Back"), "my"))


@lasting.on_pick("why_mine_of")
async def _picked(interaction: Interaction, _number: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await _answer(interaction, actor, lookup.id_in(values[0].removeprefix("g")))


@lasting.on_press("why_mine_group")
async def _again(interaction: Interaction, group_id: int) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await _answer(interaction, actor, group_id)


async def _answer(interaction: Interaction, actor: Actor, group_id: int) -> None:
    """Say it in their words; sync what is due, and tell moderators what only they can mend."""
    if group_id not in {g.group_id for g in await why.groups_of(actor.guild_id, actor.user_id)}:
        raise Refusal("not_in_group", t("You are not in that group any more. Look at /my."))
    answer = await why.for_member(actor.guild_id, actor.user_id, actor.name, group_id)
    if answer.link.code == "soon":
        await sync.sync_group(group_id)
        answer = await why.for_member(actor.guild_id, actor.user_id, actor.name, group_id)
    text = why_words.for_member(answer)
    if answer.link.code in why_words.MODERATORS_MEND:
        text = f"{text} {await _tell(interaction, actor, answer)}"
    elif answer.link.fine:
        await why.settled(actor.guild_id, actor.user_id, group_id)
    view = LastingView().button(t("Look again"), "why_mine_group", group_id)
    await lasting.show(interaction, text, view.button(t("My groups"), "my"))


async def _tell(interaction: Interaction, actor: Actor, answer: Answer) -> str:
    """Tell moderators once per person, group and cause; what the person is told of that."""
    assert answer.group_id is not None
    chosen = await settings.get(actor.guild_id)
    channel_id = chosen.moderator_channel_id
    told = t("The moderators were told.")
    if channel_id is None:
        return _whom_to_ask(interaction, chosen.moderator_role_id)
    code = answer.link.code
    if not await why.claim_telling(actor.guild_id, actor.user_id, answer.group_id, code):
        return told
    with words.speaking(chosen.language):
        text = t(
            "🙋 {person} asks why they cannot see {group}. {why}",
            person=f"<@{actor.user_id}>",
            group=f"**{plain(answer.group)}** · {plain(answer.cohort)}",
            why=why_words.for_moderators(answer).split("\n", maxsplit=1)[0],
        )
        view = why_ui.button(
            LastingView(), t("Look at it"), "again", actor.user_id, f"g{answer.group_id}"
        )
    key = f"why:{actor.user_id}:{answer.group_id}:{code}"
    if await send_channel_message(channel_id, text, view=view, key=key):
        return told
    await why.settled(actor.guild_id, actor.user_id, answer.group_id)
    return _whom_to_ask(interaction, chosen.moderator_role_id)


def _whom_to_ask(interaction: Interaction, role_id: int | None) -> str:
    """Where there is nobody to tell: the moderator role, else the server's owner."""
    assert interaction.guild_id is not None
    view = guild_view(interaction.guild_id)
    if role_id is not None and view is not None and view.role(role_id) is not None:
        return t("Ask somebody with the role {role}, and show them this.", role=f"<@&{role_id}>")
    owner = view.owner_id if view is not None else None
    return t("Ask the server's owner, {owner}, and show them this.", owner=f"<@{owner}>")
