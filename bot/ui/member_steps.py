"""Add, move and remove one person: what /member and the menu on a name have in common."""

from __future__ import annotations

import discord

from bot.ui import answer
from bot.ui import group_cards as ui
from bot.ui.results import Totals, look_after
from bot.ui.text import lines
from bot.ui.undo import undo_view
from core import sync
from core.db.models import Role
from core.errors import Refusal
from core.operations import cohorts, group_views, membership, roster
from core.operations.common import Actor
from core.words import t

User = discord.User | discord.Member


def here(member: User) -> discord.Member:
    """Somebody who can be in a group. Raises Refusal(is_bot, not_here)."""
    if member.bot:
        text = t("{person} is a bot; bots cannot be in groups.", person=member.display_name)
        raise Refusal("is_bot", text)
    if not isinstance(member, discord.Member):
        text = t(
            "{person} is not on this server. Invite them first, then try again.",
            person=member.display_name,
        )
        raise Refusal("not_here", text)
    return member


async def add(
    interaction: discord.Interaction,
    actor: Actor,
    group_id: int,
    member: User,
    role: Role = Role.participant,
) -> None:
    """Put somebody into a group at once, past seats and timing, and say so."""
    person = here(member)
    moved = await membership.add(actor, group_id, person.id, person.display_name, role=role)
    await _placed(interaction, actor, moved, group_id)


async def ask_move(
    interaction: discord.Interaction, actor: Actor, group_id: int, member: User
) -> None:
    """What a move takes and gives, with [Do it]."""
    person = here(member)

    async def draw(actor: Actor) -> str:
        plan = await roster.preview_move(actor.guild_id, group_id, person.id)
        return ui.move_preview(person.id, plan)

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        moved = await membership.move(actor, group_id, person.id, person.display_name)
        await _placed(press, actor, moved, group_id)

    await answer.ask(interaction, actor, draw, do_it, danger=True)


async def ask_remove(
    interaction: discord.Interaction,
    actor: Actor,
    group_id: int,
    member: User,
    reason: str | None = None,
) -> None:
    """What somebody loses, with [Do it]; also for people who left the server."""

    async def draw(actor: Actor) -> str:
        shown, inside = await roster.of_group(actor.guild_id, group_id)
        if member.id not in {p.user_id for p in inside.people}:
            text = t(
                "{person} is not in “{group}”. Nothing changed.",
                person=member.display_name, group=shown.name,
            )  # fmt: skip
            raise Refusal("not_in_group", text)
        return ui.remove_preview(member.id, shown, inside, reason)

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        shown = await group_views.show(actor.guild_id, group_id)
        moved = await membership.remove(actor, group_id, member.id, reason)
        result = await sync.sync_after_group_change(group_id)
        text = t(
            "✅ {person} is no longer in {group}.",
            person=f"<@{member.id}>", group=ui.title(shown),
        )  # fmt: skip
        view = undo_view(moved.entry_id)
        await answer.show(press, lines([text, *_troubles(result)]), view)
        look_after(press, [group_id])

    await answer.ask(interaction, actor, draw, do_it, danger=True)


async def _placed(
    interaction: discord.Interaction, actor: Actor, moved: membership.Moved, chosen_id: int
) -> None:
    """Sync both groups at once, say what came of it, let seats and posts follow."""
    result = await sync.sync_after_group_change(chosen_id, moved.previous_id)
    group, inside = await roster.of_group(actor.guild_id, chosen_id)
    cohort = await cohorts.show(actor.guild_id, group.cohort_id)
    text = ui.placed(moved, group, inside, draft=cohort.status == "draft")
    view = undo_view(moved.entry_id)
    await answer.show(interaction, lines([text, *_troubles(result)]), view)
    look_after(interaction, [i for i in (chosen_id, moved.previous_id) if i is not None])


def _troubles(result: sync.AfterChange) -> list[str]:
    totals = Totals()
    for part in (result["new_group"], result["old_group"]):
        if part is not None:
            totals.add(part)
    if not totals.failed:
        return []
    return [
        *totals.troubles(),
        t(
            "The group is changed, the access is not complete yet. Muster tries again by itself; "
            "`/sync status` shows what is left."
        ),
    ]
