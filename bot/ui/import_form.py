"""Where an import's list comes from: pasted lines, a file, or a Discord role."""

from __future__ import annotations

import asyncio
from typing import Any

import discord

from bot import checks
from bot.ui import import_steps
from bot.ui.answer import acknowledge, show
from bot.ui.base import Handler, Modal, View
from bot.ui.text import plain
from core.discord_outbound.people import with_role
from core.errors import Refusal
from core.operations.common import Actor
from core.reconcile import roster_list, roster_text
from core.reconcile.roster_list import MAX_LINES, RosterList, Row
from core.words import t, tn

_PASTED = 4000  # characters, Discord's limit for a text input: about 200 names


class ImportForm(Modal):
    """Lines to paste, or a file. What cannot be read gives a sentence and [Edit again]."""

    def __init__(self, cohort_id: int, cohort_name: str, pasted: str = "") -> None:
        super().__init__(
            title=t("Import into {cohort}", cohort=cohort_name)[:45]
        )  # Discord's limit
        self._cohort_id, self._cohort_name = cohort_id, cohort_name
        self._lines: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="lines", style=discord.TextStyle.paragraph, required=False,
            max_length=_PASTED, default=pasted or None,
        )  # fmt: skip
        self._file: discord.ui.FileUpload[Any] = discord.ui.FileUpload(
            custom_id="file", required=False, max_values=1
        )
        self.add_item(
            discord.ui.Label(
                text=t("One person a line"),
                description=t("User name, name, mention or id; then group and role, if you like"),
                component=self._lines,
            )
        )
        self.add_item(
            discord.ui.Label(
                text=t("Or a CSV file"),
                description=tn("Up to {n} line", "Up to {n} lines", MAX_LINES),
                component=self._file,
            )
        )

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Read the list and show the preview; nothing is done yet."""
        actor = await checks.moderator(interaction)
        await acknowledge(interaction)
        typed = self._lines.value
        try:
            found = await read(typed, self._file.values[0] if self._file.values else None)
            await import_steps.begin(
                interaction, actor, self._cohort_id, found.rows, found.heading_line
            )
        except Refusal as refusal:
            view = View()
            style = discord.ButtonStyle.primary
            view.add_button(t("Edit again"), self._reopen(typed), style=style)
            await show(interaction, plain(str(refusal)), view)

    def _reopen(self, typed: str) -> Handler:
        async def pressed(interaction: discord.Interaction) -> None:
            await checks.moderator(interaction)
            form = ImportForm(self._cohort_id, self._cohort_name, typed)
            await interaction.response.send_modal(form)

        return pressed


async def read(pasted: str, file: discord.Attachment | None) -> RosterList:
    """The rows of what was pasted or uploaded. Raises Refusal."""
    if file is None:
        return await asyncio.to_thread(roster_list.parse, pasted)
    if pasted.strip():
        raise Refusal(
            "two_lists", t("There are pasted lines and a file. Give one of them at a time.")
        )
    if file.size > roster_text.MAX_BYTES:
        raise roster_text.too_large()
    try:
        data = await file.read()
    except discord.HTTPException as error:
        raise Refusal(
            "no_file", t("Discord did not hand the file over. Upload it again.")
        ) from error

    def parsed() -> RosterList:
        return roster_list.parse(roster_text.decode(data))

    # Ten thousand lines take most of a second, in which others are not to wait for an answer.
    return await asyncio.to_thread(parsed)


async def from_role(
    interaction: discord.Interaction, actor: Actor, cohort_id: int, role: discord.Role
) -> None:
    """Everybody who has a role, in the order in which they came to the server."""
    people = with_role(actor.guild_id, role.id)
    if role.is_default():
        raise Refusal("everyone", t("@everyone has everybody. Choose another role."))
    if not people:
        raise Refusal("empty_list", t("Nobody has the role {role}.", role=role.name))
    if len(people) > MAX_LINES:
        raise Refusal(
            "too_many_lines",
            t("{found} people have the role {role}; {n} are possible at once.",
              found=len(people), role=role.name, n=MAX_LINES),
        )  # fmt: skip
    rows = [
        Row(number, roster_list.shown([person.shown]), user_id=person.id)
        for number, person in enumerate(people, 1)
    ]
    await import_steps.begin(interaction, actor, cohort_id, rows)
