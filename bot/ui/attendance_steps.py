"""What the buttons and selects of /attendance show do. Rights are checked on each press."""

from __future__ import annotations

import asyncio
import io
import zipfile

import discord

from bot import checks
from bot.ui import attendance as ui
from bot.ui import lasting
from bot.ui.base import Handler, View
from bot.ui.lasting import Interaction
from bot.ui.text import lines, plain, when
from core.errors import Refusal
from core.operations import attendance, attendance_sheet, lookup
from core.operations.attendance_sheet import PEOPLE, Column, Person, Sheet
from core.operations.common import Actor
from core.words import mark, t

# What a person may say about somebody, and the words of the buttons.
SAY = {
    "attended": mark("Came"),
    "absent": mark("Was not there"),
    "excused": mark("Excused"),
    None: mark("Take the note back"),
}
# Discord's limit of a file on a server without boosts is 10 MB; the rest of the message is small.
_FILE_LIMIT = 9_500_000


async def show(interaction: Interaction, actor: Actor, carried: int) -> None:
    """The page of a group's attendance that a button's number says, with its picture."""
    group_id, meetings, people = ui.pages(carried)
    sheet = await attendance_sheet.sheet(actor, group_id, meetings=meetings, people=people)
    files = []
    if sheet.meetings and sheet.people:
        png = await asyncio.to_thread(ui.picture, sheet)
        files = [discord.File(io.BytesIO(png), "attendance.png", description=ui.alt(sheet))]
    await interaction.edit_original_response(
        content=ui.text(sheet),
        view=ui.view(sheet),
        attachments=files,
        allowed_mentions=discord.AllowedMentions.none(),
    )


async def export(interaction: Interaction, actor: Actor, group_id: int) -> None:
    """The spreadsheet as a private file, packed where it would be too large."""
    label, content = await attendance.export(actor, group_id)
    name = ui.file_name(label)
    if len(content) > _FILE_LIMIT:
        content, name = await asyncio.to_thread(_packed, name, content), f"{name}.zip"
    await interaction.followup.send(
        t("Attendance of {group}, everybody and all meetings so far.", group=plain(label)),
        file=discord.File(io.BytesIO(content), name),
        ephemeral=True,
    )


def _packed(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


@lasting.on_press("attend_show")
async def _show(interaction: Interaction, carried: int) -> None:
    await lasting.begin(interaction)
    await show(interaction, await checks.actor_of(interaction), carried)


@lasting.on_press("attend_export")
async def _export(interaction: Interaction, group_id: int) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    await export(interaction, await checks.actor_of(interaction), group_id)


@lasting.on_pick("attend_meeting")
async def _meeting(interaction: Interaction, carried: int, values: list[str]) -> None:
    await lasting.begin(interaction)
    actor = await checks.actor_of(interaction)
    await Correct(carried, lookup.id_in(values[0])).show(interaction, actor)


class Correct(View):
    """One meeting: who of its group's people is it about, then what is right."""

    def __init__(self, carried: int, meeting_id: int) -> None:
        super().__init__()
        self._carried, self._meeting_id = carried, meeting_id

    async def _sheet(self, actor: Actor) -> tuple[Sheet, Column, int]:
        """The page of the sheet with the meeting, the meeting and its place there."""
        group_id, meetings, people = ui.pages(self._carried)
        sheet = await attendance_sheet.sheet(actor, group_id, meetings=meetings, people=people)
        for place, column in enumerate(sheet.meetings):
            if column.id == self._meeting_id:
                return sheet, column, place
        raise Refusal("meeting_not_found", t("There is no such meeting here. Nothing was changed."))

    async def show(self, interaction: Interaction, actor: Actor, note: str = "") -> None:
        """The people of the page, each with what counts now. `note` must be safe to show."""
        sheet, column, place = await self._sheet(actor)
        self.clear_items()
        options = [
            discord.SelectOption(
                label=f"{ui.row_number(sheet, i)} · {p.name}"[:100],
                value=str(p.user_id),
                description=ui.seen(p.cells[place])[:100],
            )
            for i, p in enumerate(sheet.people)
        ]
        if options:
            self.add_select(t("Whom?"), options, self._person)
        group_id, meetings, people = ui.pages(self._carried)
        if people:
            self.add_button(t("People before"), self._turn(people - 1), row=1)
        if (people + 1) * PEOPLE < sheet.all_people:
            self.add_button(t("More people"), self._turn(people + 1), row=1)
        self.add_button(t("Back to the picture"), self._back, row=2)
        self._carried = ui.number(group_id, meetings, people)
        parts = [*([note] if note else []), _head(sheet, column), t("Whose attendance is wrong?")]
        await _put(interaction, lines(parts), self)

    def _turn(self, people: int) -> Handler:
        async def pressed(interaction: discord.Interaction) -> None:
            await lasting.begin(interaction)
            actor = await checks.actor_of(interaction)
            group_id, meetings, _ = ui.pages(self._carried)
            self._carried = ui.number(group_id, meetings, people)
            await self.show(interaction, actor)

        return pressed

    async def _back(self, interaction: discord.Interaction) -> None:
        await lasting.begin(interaction)
        self.stop()
        await show(interaction, await checks.actor_of(interaction), self._carried)

    async def _person(self, interaction: discord.Interaction, values: list[str]) -> None:
        await lasting.begin(interaction)
        actor = await checks.actor_of(interaction)
        sheet, column, place = await self._sheet(actor)
        person = next((p for p in sheet.people if str(p.user_id) == values[0]), None)
        if person is None:
            raise Refusal(
                "not_in_group", t("They are not in this group, and were not. Nothing was changed.")
            )
        self.clear_items()
        for said, label in SAY.items():
            cell = person.cells[place]
            if said is not None or (cell is not None and cell.marked):
                self.add_button(t(label), self._say(person, said), row=0)
        self.add_button(t("Somebody else"), self._again, row=1)
        about = f"**{plain(person.name)}** · {ui.seen(person.cells[place])}"
        await _put(interaction, lines([_head(sheet, column), about, t("What is right?")]), self)

    async def _again(self, interaction: discord.Interaction) -> None:
        await lasting.begin(interaction)
        await self.show(interaction, await checks.actor_of(interaction))

    def _say(self, person: Person, said: str | None) -> Handler:
        async def pressed(interaction: discord.Interaction) -> None:
            await lasting.begin(interaction)
            actor = await checks.actor_of(interaction)
            await attendance.mark(actor, [self._meeting_id], person.user_id, said)
            name = plain(person.name)
            note = (
                t("✅ {name}: what was seen counts again.", name=name)
                if said is None
                else t("✅ {name}: {what}.", name=name, what=t(SAY[said]).lower())
            )
            await self.show(interaction, actor, note)

        return pressed


def _head(sheet: Sheet, column: Column) -> str:
    return f"**{plain(sheet.label)}** · {column.name} · {when(column.starts_at, 'f')}"


async def _put(interaction: Interaction, text: str, view: View) -> None:
    """In place of the picture."""
    await interaction.edit_original_response(
        content=text, view=view, attachments=[], allowed_mentions=discord.AllowedMentions.none()
    )
