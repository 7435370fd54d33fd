"""/group: create, edit, show, open, archive, merge. Moderators only."""

from __future__ import annotations

from functools import partial

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.cogs.choices import cohort_choices, cohort_id, group_choices, group_id, with_group
from bot.ui import answer, lasting
from bot.ui import group_cards as ui
from bot.ui import reminders as reminders  # noqa: PLC0414 - registers its button
from bot.ui.cohorts import KEPT
from bot.ui.lasting import LastingView
from bot.ui.release_steps import ask_release_group
from bot.ui.results import look_after, sync_groups
from bot.ui.undo import undo_view
from core.errors import Refusal
from core.operations import cohorts, group_views, groups, meeting_views, merging, roster
from core.operations.common import Actor
from core.reconcile.trace import LIVE
from core.words import mark, t, tn

_ENDED = {
    "completed": mark("completed"),
    "merged": mark("merged"),
    "cancelled": mark("cancelled"),
}


async def show_card(interaction: discord.Interaction, chosen_id: int) -> None:
    """The group with buttons for what can be done with it now."""
    actor = await checks.moderator(interaction)
    group, inside = await roster.of_group(actor.guild_id, chosen_id)
    view = LastingView()
    if group.status in LIVE:
        view.button(t("Edit"), "group_edit", chosen_id)
        view.button(t("Meeting time"), "meeting_slot", chosen_id)
        view.button(t("Reminders"), "reminders", chosen_id)
        if inside.people and not inside.channels:
            view.button(t("Create channels"), "group_open", chosen_id)
        view.button(t("Archive"), "group_archive", chosen_id)
    if inside.adopted:
        view.button(t("Release"), "group_release", chosen_id)
    view.button(t("Home"), "home", row=1)
    times = (await meeting_views.slots(actor.guild_id, [chosen_id]))[chosen_id]
    if times.next is not None:
        view.button(t("Next meeting"), "meeting_manage", times.next.id, row=1)
    await answer.show(interaction, ui.card(group, inside, times), view)


async def ask_new(interaction: discord.Interaction, chosen_id: int) -> None:
    """The form for a new group of this cohort."""
    actor = await checks.moderator(interaction)
    cohort = await cohorts.show(actor.guild_id, chosen_id)
    if cohort.status not in {"draft", "open"}:
        raise Refusal("closed", t("This cohort is closed; it takes no new groups."))
    fields = ui.fields(ui.next_name([g[1] for g in cohort.groups]), cohort.seats)
    form = answer.Form(t("New group"), fields, partial(_create, chosen_id=chosen_id))
    await interaction.response.send_modal(form)


async def _create(
    interaction: discord.Interaction, typed: dict[str, str], *, chosen_id: int
) -> None:
    actor = await checks.moderator(interaction)
    seats = answer.number(typed["seats"], t("Seats"))
    group = await groups.create(actor, chosen_id, typed["name"], seats)
    text = tn(
        "✅ {group} is there with {n} seat. Its channels are created with its first person.",
        "✅ {group} is there with {n} seats. Its channels are created with its first person.",
        group.seats,
        group=ui.title(group),
    )
    await answer.show(interaction, text, undo_view(group.entry_id))
    look_after(interaction, [group.id])


async def ask_edit(interaction: discord.Interaction, chosen_id: int) -> None:
    """The form with the group as it is."""
    actor = await checks.moderator(interaction)
    group = await group_views.show(actor.guild_id, chosen_id)
    if group.status not in LIVE:
        text = t(
            "“{group}” is {status}; it cannot be changed.",
            group=group.name,
            status=t(_ENDED[group.status]),
        )
        raise Refusal("group_ended", text)
    done = partial(_edit, chosen_id=chosen_id)
    form = answer.Form(t("Edit group"), ui.fields(group.name, group.seats), done)
    await interaction.response.send_modal(form)


async def _edit(interaction: discord.Interaction, typed: dict[str, str], *, chosen_id: int) -> None:
    actor = await checks.moderator(interaction)
    seats = answer.number(typed["seats"], t("Seats"))
    await answer.acknowledge(interaction)
    group = await groups.edit(actor, chosen_id, name=typed["name"], seats=seats)
    note = [tn("{n} seat, {taken} taken.", "{n} seats, {taken} taken.", group.seats,
               taken=group.members)]  # fmt: skip
    if group.members > group.seats:
        note.append(t("Nobody is taken out."))
    title = t("{group}: changed", group=group.label)
    view = undo_view(group.entry_id)
    await sync_groups(interaction, [chosen_id], title, note=note, post=False, view=view)
    look_after(interaction, [chosen_id])


async def open_now(interaction: discord.Interaction, chosen_id: int) -> None:
    """Create the channels; nothing is taken from anybody, so there is nothing to preview."""
    actor = await checks.moderator(interaction)
    group = await groups.open_(actor, chosen_id)
    title, note = t("{group}: channels created", group=group.label), ""
    if gone := await groups.deleted(actor.guild_id, chosen_id):
        title = t("{group}: open", group=group.label)
        note = tn(
            "⚠️ {n} of its channels was deleted on Discord. Repair in `/sync status` brings it "
            "back.",
            "⚠️ {n} of its channels were deleted on Discord. Repair in `/sync status` brings them "
            "back.",
            gone,
        )
    await sync_groups(interaction, [chosen_id], title, note=note, view=undo_view(group.entry_id))
    look_after(interaction, [chosen_id])


async def ask_archive(interaction: discord.Interaction, chosen_id: int) -> None:
    """Preview and [Do it]."""
    actor = await checks.moderator(interaction)

    async def draw(who: Actor) -> str:
        group, inside = await roster.of_group(who.guild_id, chosen_id)
        if group.status not in LIVE:
            text = t(
                "“{group}” is {status} already. Nothing changed.",
                group=group.name,
                status=t(_ENDED[group.status]),
            )
            raise Refusal("group_ended", text)
        return ui.archive_preview(group, inside)

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        after = await groups.archive(actor, chosen_id)
        title = t("{group}: archived", group=after.label)
        view = undo_view(after.entry_id)
        await sync_groups(press, [chosen_id], title, note=t(KEPT), view=view)
        look_after(press, [chosen_id])

    await answer.ask(interaction, actor, draw, do_it, danger=True)


async def ask_merge(interaction: discord.Interaction, source_id: int, target_id: int) -> None:
    """Preview and [Do it]."""
    actor = await checks.moderator(interaction)

    async def draw(who: Actor) -> str:
        return ui.merge_preview(*await roster.preview_merge(who.guild_id, source_id, target_id))

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        source = await group_views.show(actor.guild_id, source_id)
        after, moved = await merging.merge(actor, source_id, target_id)
        note = [tn("{n} person moved.", "{n} people moved.", moved), t(KEPT)]
        title = t("{source} merged into {target}", source=source.name, target=after.label)
        # The emptied group first, so that nobody is ever in both.
        ids = [source_id, target_id]
        await sync_groups(press, ids, title, note=note, view=undo_view(after.entry_id))
        look_after(press, ids)

    await answer.ask(interaction, actor, draw, do_it, danger=True)


for _action, _ask in (
    ("group_edit", ask_edit), ("group_open", open_now), ("group_archive", ask_archive),
    ("group_release", ask_release_group),
):  # fmt: skip
    lasting.on_press(_action)(_ask)


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class Group(
    commands.GroupCog,
    group_name="group",
    group_description=app_commands.locale_str("Groups of a cohort"),
):
    @app_commands.command(description="One more group in a cohort")
    @app_commands.describe(cohort="Which cohort it belongs to")
    @app_commands.autocomplete(cohort=cohort_choices)
    async def create(self, interaction: discord.Interaction, cohort: str) -> None:
        """A form with sensible defaults."""
        actor = await checks.moderator(interaction)
        await ask_new(interaction, await cohort_id(actor.guild_id, cohort))

    @app_commands.command(description="Rename a group or change its seats")
    @app_commands.describe(group="Which group")
    @app_commands.autocomplete(group=group_choices)
    async def edit(self, interaction: discord.Interaction, group: str) -> None:
        """The form, filled in."""
        actor = await checks.moderator(interaction)
        await ask_edit(interaction, await group_id(actor.guild_id, group))

    @app_commands.command(description="A group with its people, seats and channels")
    @app_commands.describe(group="Which group")
    @app_commands.autocomplete(group=group_choices)
    async def show(self, interaction: discord.Interaction, group: str) -> None:
        """The card."""
        await with_group(interaction, group, show_card)

    @app_commands.command(description="Create a group's channels now, also in a draft cohort")
    @app_commands.describe(group="Which group")
    @app_commands.autocomplete(group=group_choices)
    async def open(self, interaction: discord.Interaction, group: str) -> None:
        """With live progress."""
        await with_group(interaction, group, open_now)

    @app_commands.command(description="A group is done: its channels become read-only")
    @app_commands.describe(group="Which group")
    @app_commands.autocomplete(group=group_choices)
    async def archive(self, interaction: discord.Interaction, group: str) -> None:
        """Preview first."""
        await with_group(interaction, group, ask_archive)

    @app_commands.command(description="Move everybody of one group into another")
    @app_commands.describe(group="This group ends", into="Its people come here")
    @app_commands.autocomplete(group=group_choices, into=group_choices)
    async def merge(self, interaction: discord.Interaction, group: str, into: str) -> None:
        """Preview first."""
        await answer.acknowledge(interaction)
        actor = await checks.moderator(interaction)
        source = await group_id(actor.guild_id, group)
        await ask_merge(interaction, source, await group_id(actor.guild_id, into))


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Group())
