"""Buttons and selects that work for ever: also after a restart, also on an old message.

What a press means stands in the custom_id ("muster:leave:12"), so nothing has to be remembered.
Who may do it is decided by what the action calls, on each press.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import discord

from bot import errors
from core import words

Interaction = discord.Interaction[Any]
Pressed = Callable[[Interaction, int], Awaitable[None]]
Picked = Callable[[Interaction, int, list[str]], Awaitable[None]]
Worded = Callable[[Interaction, str], Awaitable[None]]

ItemT_co = TypeVar("ItemT_co", bound=discord.ui.Item[Any], covariant=True)  # as in discord.py
ObjectSelect = discord.ui.RoleSelect[Any] | discord.ui.ChannelSelect[Any]

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


def _template(kind: str, carried: str = r"\d{1,19}") -> str:
    return rf"{kind}:(?P<action>[a-z_]+):(?P<carried>{carried})\Z"


class _Lasting(discord.ui.DynamicItem[ItemT_co], Generic[ItemT_co], template=r"(?!)"):
    """What the four below share.

    `kind` is what their custom_ids begin with, `registered` what is done, by action. What is
    carried is opaque; the action checks it like typed input.
    """

    kind: ClassVar[str]
    registered: ClassVar[Mapping[str, Callable[..., Awaitable[None]]]]

    def __init__(self, action: str, carried: int | str, item: ItemT_co) -> None:
        item.custom_id = f"{self.kind}:{action}:{carried}"  # type: ignore[attr-defined]  # all have one
        super().__init__(item)
        self.action, self.carried = action, str(carried)

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Called by discord.py for every press, whoever sent the message and when."""
        del interaction
        return cls(match["action"], match["carried"], cast("ItemT_co", item))

    async def callback(self, interaction: Interaction) -> None:
        """What was registered for the action; every error becomes a sentence."""
        words.speak(interaction.locale.value)
        try:
            # Another version of Muster may have made the button.
            if self.action not in self.registered:
                raise errors.too_old()
            await self.registered[self.action](interaction, *self.given())
        except Exception as error:  # noqa: BLE001 - the ladder logs and reports what it does not know
            await errors.answer(interaction, error)

    def given(self) -> tuple[Any, ...]:
        """What the action gets besides the interaction."""
        return (int(self.carried),)


class Press(_Lasting[discord.ui.Button[Any]], template=_template("muster")):
    """A button with a number: an id, a page."""

    kind, registered = "muster", _pressed


class PressWord(
    _Lasting[discord.ui.Button[Any]], template=_template("muster-word", "[A-Za-z0-9_+/-]{1,64}")
):
    """A button with a word, like a time zone."""

    kind, registered = "muster-word", _worded

    def given(self) -> tuple[Any, ...]:
        return (self.carried,)


class Pick(_Lasting[discord.ui.Select[Any]], template=_template("muster-pick")):
    """A select. The chosen values are checked by the action like typed input."""

    kind, registered = "muster-pick", _picked

    def given(self) -> tuple[Any, ...]:
        return int(self.carried), list(self.item.values)


class PickObject(_Lasting[ObjectSelect], template=_template("muster-object")):
    """A select of roles or channels. The action gets their ids and looks whether they are there."""

    kind, registered = "muster-object", _picked

    def given(self) -> tuple[Any, ...]:
        return int(self.carried), [str(value.id) for value in self.item.values]


ITEMS = (Press, PressWord, Pick, PickObject)


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
