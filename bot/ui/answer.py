"""One private answer per conversation: acknowledged first, then edited in place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import discord

from bot import checks
from bot.ui.base import Modal, View, confirm_view
from bot.ui.text import plain
from core.errors import Refusal
from core.operations.common import Actor
from core.words import mark, t

Then = Callable[[discord.Interaction, Actor], Awaitable[None]]
# Who may press or open: gives the actor with their rights of that moment, or raises Refusal.
Check = Callable[[discord.Interaction], Awaitable[Actor]]
_SHOWN = 60  # characters of somebody's wrong input that are repeated to them
_FIRST_YEAR, _LAST_YEAR = 2000, 2199  # what lies outside is a slip of the finger
_SHORT = 100  # a year below is one of this century
# Before a preview that is shown again, since it is another one than was agreed to.
CHANGED = mark("⚠️ Something changed in the meantime, so nothing was done. This is how it is now.")


async def acknowledge(interaction: discord.Interaction) -> None:
    """Tell Discord within its three seconds that an answer comes, privately."""
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=interaction.message is None)


async def show(
    interaction: discord.Interaction, text: str, view: discord.ui.View | None = None
) -> None:
    """Answer, or replace the answer that is there. `text` must be safe to show."""
    if interaction.response.is_done():
        await interaction.edit_original_response(content=text, view=view)
    elif interaction.message is not None:
        await interaction.response.edit_message(content=text, view=view)
    elif view is not None:
        await interaction.response.send_message(text, view=view, ephemeral=True)
    else:
        await interaction.response.send_message(text, ephemeral=True)


def on_press(
    do_it: Then, view: View, check: Check = checks.moderator
) -> Callable[[discord.Interaction], Any]:
    """A button's handler, usually for a moderator: once, rights first, refusals in place."""

    async def pressed(interaction: discord.Interaction) -> None:
        actor = await check(interaction)
        view.stop()  # a second press of an impatient thumb does nothing
        await show(interaction, t("⏳ Working…"))  # acknowledges, and takes the buttons away
        try:
            await do_it(interaction, actor)
        except Refusal as refusal:
            await show(interaction, plain(str(refusal)))

    return pressed


async def ask(
    interaction: discord.Interaction,
    actor: Actor,
    draw: Callable[[Actor], Awaitable[str]],
    do_it: Then,
    *,
    danger: bool = False,
    note: str = "",
) -> None:
    """A preview with [Do it] [Cancel]; `do_it` runs with the presser's rights of that moment.

    `draw` gives the text, or raises Refusal. It is drawn again when [Do it] is pressed: what
    differs then was not agreed to, and is shown first.
    """
    shown = await draw(actor)

    async def if_still_so(press: discord.Interaction, who: Actor) -> None:
        if await draw(who) == shown:
            await do_it(press, who)
            return
        await ask(press, who, draw, do_it, danger=danger, note=t(CHANGED))

    async def pressed(press: discord.Interaction) -> None:
        await on_press(if_still_so, view)(press)

    view = confirm_view(t("Do it"), pressed, danger=danger)
    await show(interaction, f"{note}\n{shown}" if note else shown, view)


@dataclass(frozen=True)
class Field:
    """One line of a form. `limit` is generous: a text too long gets a sentence, not a cut."""

    key: str
    label: str
    value: str = ""
    hint: str | None = None
    limit: int = 200
    options: tuple[tuple[str, str], ...] = ()  # (value, label): one of these is chosen
    required: bool = True
    long: bool = False  # several lines


def _component(field: Field) -> discord.ui.TextInput[Any] | discord.ui.Select[Any]:
    if not field.options:
        return discord.ui.TextInput(
            custom_id=field.key, default=field.value or None, max_length=field.limit,
            required=field.required,
            style=discord.TextStyle.paragraph if field.long else discord.TextStyle.short,
        )  # fmt: skip
    options = [
        discord.SelectOption(label=label[:100], value=value, default=value == field.value)
        for value, label in field.options
    ]
    return discord.ui.Select(custom_id=field.key, options=options, required=field.required)


def _value(part: discord.ui.TextInput[Any] | discord.ui.Select[Any]) -> str:
    if isinstance(part, discord.ui.TextInput):
        return part.value
    return part.values[0] if part.values else ""


class Form(Modal):
    """A modal whose wrong input gives a sentence and [Edit again] with what was typed."""

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        done: Callable[[discord.Interaction, dict[str, str]], Awaitable[None]],
        check: Check = checks.moderator,
    ) -> None:
        super().__init__(title=title[:45])  # Discord's limit
        self._fields, self._done, self._check = fields, done, check
        self._inputs: dict[str, discord.ui.TextInput[Any] | discord.ui.Select[Any]] = {}
        for field in fields:
            part = _component(field)
            self._inputs[field.key] = part
            hint = field.hint[:100] if field.hint is not None else None  # Discord's limits
            self.add_item(discord.ui.Label(text=field.label[:45], description=hint, component=part))

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Hand over what was typed. `done` checks rights and values, and answers."""
        typed = {key: _value(part) for key, part in self._inputs.items()}
        try:
            await self._done(interaction, typed)
        except Refusal as refusal:
            await show(interaction, plain(str(refusal)), self.again(typed))

    def again(self, typed: Mapping[str, str], label: str | None = None) -> View:
        """A view with the button that opens this form with what was typed: [Edit again]."""
        view = View()
        view.add_button(
            label or t("Edit again"), self.reopen(typed), style=discord.ButtonStyle.primary
        )
        return view

    def reopen(self, typed: Mapping[str, str]) -> Callable[[discord.Interaction], Any]:
        """The handler of that button."""

        async def pressed(interaction: discord.Interaction) -> None:
            await self._check(interaction)
            fields = [replace(f, value=typed.get(f.key, f.value)) for f in self._fields]
            form = Form(self.title, fields, self._done, self._check)
            await interaction.response.send_modal(form)

        return pressed


def _quoted(typed: str) -> str:
    short = typed.strip()
    return f"“{short[:_SHOWN]}…”" if len(short) > _SHOWN else f"“{short}”"


def number(typed: str, what: str) -> int:
    """The whole number that was typed; `what` is the field's label. Raises Refusal(no_number)."""
    try:
        return int(typed.strip())
    except ValueError as error:
        raise Refusal(
            "no_number",
            t(
                "{what}: {typed} is no whole number. Type digits, like 8.",
                what=what,
                typed=_quoted(typed),
            ),
        ) from error


def calendar_day(typed: str) -> date:
    """A day typed as 2026-03-02, 2.3.2026 or 2.3.26. Raises Refusal(no_date)."""
    text = "".join(typed.split())
    try:
        if "." in text:
            day, month, year = (int(part) for part in text.split("."))
            found = date(year + _FIRST_YEAR if year < _SHORT else year, month, day)
        else:
            found = date.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise Refusal(
            "no_date",
            t(
                "{typed} is no date that I know. Type it like 2026-03-02 or 2.3.2026.",
                typed=_quoted(typed),
            ),
        ) from error
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise Refusal(
            "no_date", t("{typed} is too far away. Check the year.", typed=_quoted(typed))
        )
    return found
