"""Buttons and selects that work for ever: also after a restart, also on an old message.

What a press means stands in the custom_id ("muster:leave:12"), so nothing has to be remembered.
Who may do it is decided by what the action calls, on each press.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Self

import discord

from bot import errors
from core import words

Interaction = discord.Interaction[Any]
Pressed = Callable[[Interaction, int], Awaitable[None]]
Picked = Callable[[Interaction, int, list[str]], Awaitable[None]]
Worded = Callable[[Interaction, str], Awaitable[None]]

_pressed: dict[str, Pressed] = {}
_picked: dict[str, Picked] = {}
_worded: dict[str, Worded] = {}


def on_press(action: str) -> Callable[[Pressed], Pressed]:
    """Have a coroutine run with (interaction, number) when a button of this action is pressed."""

    def register(handler: Pressed) -> Pressed:
        _pressed[action] = handler
        return handler

    return register


def on_pick(action: str) -> Callable[[Picked], Picked]:
    """Likewise with (interaction, number, values) for selects."""

    def register(handler: Picked) -> Picked:
        _picked[action] = handler
        return handler

    return register


def on_word(action: str) -> Callable[[Worded], Worded]:
    """Likewise with (interaction, word) for buttons that carry a word."""

    def register(handler: Worded) -> Worded:
        _worded[action] = handler
        return handler

    return register


class PressWord(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"muster-word:(?P<action>[a-z_]+):(?P<word>[A-Za-z0-9_+/-]{1,64})\Z",
):
    """A button that carries a word, like a time zone; the action checks it like typed input."""

    def __init__(self, action: str, word: str, button: discord.ui.Button[Any]) -> None:
        button.custom_id = f"muster-word:{action}:{word}"
        super().__init__(button)
        self.action, self.word = action, word

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Called by discord.py for every press, whoever sent the message and when."""
        del interaction
        assert isinstance(item, discord.ui.Button)
        return cls(match["action"], match["word"], item)

    async def callback(self, interaction: Interaction) -> None:
        words.speak(interaction.locale.value)
        try:
            await _worded[self.action](interaction, self.word)
        except Exception as error:  # noqa: BLE001 - the ladder logs and reports what it does not know
            await errors.answer(interaction, error)


class Press(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"muster:(?P<action>[a-z_]+):(?P<number>\d{1,19})\Z",
):
    """A button. `number` is an opaque id or a page; the action checks it like typed input."""

    def __init__(self, action: str, number: int, button: discord.ui.Button[Any]) -> None:
        button.custom_id = f"muster:{action}:{number}"
        super().__init__(button)
        self.action, self.number = action, number

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Called by discord.py for every press, whoever sent the message and when."""
        del interaction
        assert isinstance(item, discord.ui.Button)
        return cls(match["action"], int(match["number"]), item)

    async def callback(self, interaction: Interaction) -> None:
        words.speak(interaction.locale.value)
        try:
            await _pressed[self.action](interaction, self.number)
        except Exception as error:  # noqa: BLE001 - the ladder logs and reports what it does not know
            await errors.answer(interaction, error)


class Pick(
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=r"muster-pick:(?P<action>[a-z_]+):(?P<number>\d{1,19})\Z",
):
    """A select. The chosen values are checked by the action like typed input."""

    def __init__(self, action: str, number: int, select: discord.ui.Select[Any]) -> None:
        select.custom_id = f"muster-pick:{action}:{number}"
        super().__init__(select)
        self.action, self.number = action, number

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Called by discord.py for every choice, whoever sent the message and when."""
        del interaction
        assert isinstance(item, discord.ui.Select)
        return cls(match["action"], int(match["number"]), item)

    async def callback(self, interaction: Interaction) -> None:
        words.speak(interaction.locale.value)
        try:
            await _picked[self.action](interaction, self.number, list(self.item.values))
        except Exception as error:  # noqa: BLE001 - the ladder logs and reports what it does not know
            await errors.answer(interaction, error)


class PickObject(
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=r"muster-object:(?P<action>[a-z_]+):(?P<number>\d{1,19})\Z",
):
    """A select of roles or channels. The action gets their ids and looks whether they are there."""

    def __init__(
        self,
        action: str,
        number: int,
        select: discord.ui.RoleSelect[Any] | discord.ui.ChannelSelect[Any],
    ) -> None:
        select.custom_id = f"muster-object:{action}:{number}"
        super().__init__(select)  # type: ignore[arg-type]  # the stub knows no bound of the class
        self.action, self.number = action, number

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Called by discord.py for every choice, whoever sent the message and when."""
        del interaction
        assert isinstance(item, discord.ui.RoleSelect | discord.ui.ChannelSelect)
        return cls(match["action"], int(match["number"]), item)

    async def callback(self, interaction: Interaction) -> None:
        words.speak(interaction.locale.value)
        try:
            ids = [str(value.id) for value in self.item.values]  # type: ignore[attr-defined]  # as above
            await _picked[self.action](interaction, self.number, ids)
        except Exception as error:  # noqa: BLE001 - the ladder logs and reports what it does not know
            await errors.answer(interaction, error)


class LastingView(discord.ui.View):
    """A view of only such items: nothing in it times out."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    def button(
        self,
        label: str,
        action: str,
        number: int = 0,
        *,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
        row: int | None = None,
    ) -> LastingView:
        """Add a button; labels are cut to Discord's 80 characters."""
        made: discord.ui.Button[Any] = discord.ui.Button(label=label[:80], style=style, row=row)
        self.add_item(Press(action, number, made))
        return self

    def select(
        self,
        placeholder: str,
        action: str,
        options: Sequence[discord.SelectOption],
        number: int = 0,
        *,
        row: int | None = None,
    ) -> LastingView:
        """Add a select of 1 to 25 options, Discord's limit."""
        made: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=placeholder[:150], options=list(options)[:25], row=row
        )
        self.add_item(Pick(action, number, made))
        return self


class Panel(discord.ui.LayoutView):
    """A panel of Components V2 (at most 40 of them) with only such items: nothing times out."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.box: discord.ui.Container[Any] = discord.ui.Container()
        self.add_item(self.box)

    def text(self, content: str, accessory: discord.ui.Item[Any] | None = None) -> Panel:
        """Add a text, with a button to its right where one is given."""
        if accessory is None:
            self.box.add_item(discord.ui.TextDisplay(content))
        else:
            self.box.add_item(discord.ui.Section(content, accessory=accessory))
        return self

    def row(self, *items: discord.ui.Item[Any]) -> Panel:
        """Add up to five buttons, or one select."""
        self.box.add_item(discord.ui.ActionRow(*items))
        return self

    def line(self) -> Panel:
        """Add a thin line between two parts."""
        self.box.add_item(discord.ui.Separator())
        return self


def press(
    label: str,
    action: str,
    number: int = 0,
    *,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
) -> Press:
    """A button for a panel; labels are cut to Discord's 80 characters."""
    return Press(action, number, discord.ui.Button(label=label[:80], style=style))


async def begin(interaction: Interaction) -> None:
    """Acknowledge within Discord's three seconds: in place on a private message, else a new one."""
    message = interaction.message
    if message is not None and message.flags.ephemeral:
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)


async def show(interaction: Interaction, text: str, view: discord.ui.View | None = None) -> None:
    """The private answer after `begin`: it takes the place of what was shown before."""
    await interaction.edit_original_response(
        content=text, view=view, allowed_mentions=discord.AllowedMentions.none()
    )


async def show_panel(interaction: Interaction, panel: Panel) -> None:
    """Draw a panel: in place of the one that was pressed, else as a new private message.

    A message with Components V2 can show nothing else any more, so no other message becomes one.
    """
    if not interaction.response.is_done():
        await begin_panel(interaction)
    await interaction.edit_original_response(
        view=panel, allowed_mentions=discord.AllowedMentions.none()
    )


async def begin_panel(interaction: Interaction) -> None:
    """Acknowledge a press or command whose answer is a panel."""
    message = interaction.message
    if message is not None and message.flags.ephemeral and message.flags.components_v2:
        await interaction.response.defer()
    else:
        await interaction.response.defer(ephemeral=True, thinking=True)
