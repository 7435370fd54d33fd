"""[Reminders] on a group's card: a form, a preview, and saving it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import discord

from bot import checks
from bot.ui import answer, lasting
from bot.ui.answer import Field
from bot.ui.base import View
from bot.ui.lasting import Interaction
from bot.ui.reminders_words import ORDER, plan
from bot.ui.text import plain
from bot.ui.undo import undo_view
from core.clock import utcnow
from core.errors import Refusal
from core.operations import group_views, meeting_views, reminders
from core.operations.common import Actor
from core.reconcile.lengths import minutes, spoken
from core.words import mark, t

# Labels have at most 45 characters, Discord's limit.
_LABELS = {
    "nudge": mark("Ask those who have not answered"),
    "remind_first": mark("First reminder, without a mention"),
    "remind_last": mark("Last reminder, with mentions"),
}


def _form(group_id: int, typed: Mapping[str, str]) -> answer.Form:
    hint = t("How long before a meeting: 1 day, 2 h, off")
    fields = [Field(kind, t(_LABELS[kind]), typed[kind], hint, 40) for kind in ORDER]
    return answer.Form(t("Reminders"), fields, partial(_preview, group_id=group_id))


@lasting.on_press("reminders")
async def _open(interaction: Interaction, group_id: int) -> None:
    actor = await checks.moderator(interaction)
    now = await reminders.offsets(actor, group_id)
    typed = {kind: spoken(now[kind]) for kind in ORDER}
    await interaction.response.send_modal(_form(group_id, typed))


def _read(typed: Mapping[str, str]) -> dict[str, int]:
    """Minutes by kind. Raises Refusal(bad_length)."""
    found = {}
    for kind in ORDER:
        value = minutes(typed[kind])
        if value is None:
            raise Refusal(
                "bad_length",
                t(
                    "{field}: “{typed}” is no length of time that I know. Type it like 1 day, "
                    "2 h, 90 min or off.",
                    field=t(_LABELS[kind]), typed=typed[kind][:40],
                ),
            )  # fmt: skip
        found[kind] = value
    reminders.checked(found)
    return found


async def _preview(
    interaction: discord.Interaction, typed: dict[str, str], *, group_id: int
) -> None:
    await answer.acknowledge(interaction)
    actor = await checks.moderator(interaction)
    wanted = _read(typed)
    group = await group_views.show(actor.guild_id, group_id)
    ahead = (await meeting_views.slots(actor.guild_id, [group_id]))[group_id].next
    text = "\n".join(
        [
            t("Remind **{group}** like this?", group=plain(group.label)),
            *plan(wanted, ahead.starts_at if ahead else None, utcnow()),
        ]
    )
    view = View()
    view.add_button(
        t("Save"), answer.on_press(partial(_save, group_id=group_id, wanted=wanted), view),
        style=discord.ButtonStyle.success,
    )  # fmt: skip
    view.add_button(t("Edit"), _form(group_id, typed).reopen(typed))
    view.add_button(t("Cancel"), _nothing)
    await answer.show(interaction, text, view)


async def _nothing(interaction: discord.Interaction) -> None:
    await answer.show(interaction, t("Cancelled. Nothing changed."))


async def _save(
    interaction: Interaction, actor: Actor, *, group_id: int, wanted: Mapping[str, int]
) -> None:
    saved = await reminders.set_offsets(actor, group_id, **wanted)
    if saved.entry_id is None:
        await answer.show(interaction, t("Nothing changed."))
        return
    interaction.client.worker.bump([group_id])
    await answer.show(interaction, t("✅ Saved."), undo_view(saved.entry_id))
