"""/settings → Texts: what messages say, one kind at a time, with a preview before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot import checks
from bot.ui import lasting
from bot.ui.base import TIMEOUT, Modal, Remembered
from bot.ui.lasting import Interaction, Panel, Pick, Press, press
from bot.ui.text import plain
from bot.ui.texts_words import sample
from core.clock import utcnow
from core.config import GuildSettings
from core.errors import Refusal
from core.notifications import templates
from core.notifications.kinds import KINDS
from core.notifications.templates import LIMIT, TEMPLATES
from core.operations import settings, texts
from core.words import speaking, t

_NAMES = list(TEMPLATES)  # a button's number is the place in it; new ones are added at the end


def _name(number: int) -> str:
    """The kind of that number. Raises Refusal(unknown_kind)."""
    if number >= len(_NAMES):
        raise Refusal("unknown_kind", t("There is no such text."))
    return _NAMES[number]


def overview(chosen: GuildSettings, note: str = "") -> Panel:
    """All kinds of messages to choose from."""
    head = [t("### Texts of messages"), t("Choose a message to see what it says, and change it.")]
    options = [
        discord.SelectOption(
            label=t(KINDS[kind].title)[:100], value=kind,
            description=t("Your own words") if kind in chosen.templates else None,
        )
        for kind in _NAMES
    ]  # fmt: skip
    select = discord.ui.Select[Any](placeholder=t("Choose a message"), options=options)
    view = (
        Panel()
        .text("\n".join([*([note] if note else []), *head]))
        .row(Pick("text_pick", 0, select))
    )
    daily, label = chosen.activity_line, t("Turn on")
    said = t("A quiet line a day in each group, about who joined and answered: off.")
    if daily:
        said = t("A quiet line a day in each group, about who joined and answered: on.")
        label = t("Turn off")
    view.line().text(said, press(label, "text_daily", int(not daily)))
    return view.row(press(t("Back"), "setup_open"))


def one(kind: str, chosen: GuildSettings, note: str = "", undo: Press | None = None) -> Panel:
    """One message: how it reads, and what can be done."""
    own = kind in chosen.templates
    head = t("### {kind}", kind=t(KINDS[kind].title))
    view = Panel().text("\n".join([head, note] if note else [head]), undo)
    view.text(sample(kind, chosen, utcnow()))
    number = _NAMES.index(kind)
    row = [press(t("Change"), "text_edit", number, style=discord.ButtonStyle.primary)]
    if own:
        row.append(press(t("Back to default"), "text_default", number))
    row.append(press(t("All texts"), "texts"))
    return view.line().row(*row)


class Edit(Modal):
    """The text as it is now, with what can stand in it."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(title=t("Text of a message"))
        self._kind = kind
        names = " ".join(f"`{{{name}}}`" for name in TEMPLATES[kind].names)
        self.add_item(
            discord.ui.TextDisplay(t("These are filled in when it is sent: {names}", names=names))
        )
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="text", style=discord.TextStyle.paragraph, default=text,
            max_length=LIMIT * 2,  # too long gets a sentence, not a cut
        )  # fmt: skip
        self.add_item(discord.ui.Label(text=t(KINDS[kind].title)[:45], component=self.typed))

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """The preview, or what is wrong with it."""
        await lasting.begin_panel(interaction)
        actor = await checks.moderator(interaction)
        try:
            text = templates.check(self._kind, self.typed.value)
        except Refusal as refusal:
            await lasting.show_panel(interaction, _Wrong(self._kind, self.typed.value, refusal))
            return
        chosen = await settings.get(actor.guild_id)
        await lasting.show_panel(interaction, _Preview(self._kind, text, chosen))


class _Typed(Remembered, Panel):
    """A panel that remembers what was typed, so it lives only as long as its private message."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__()
        self.timeout = TIMEOUT
        self._kind, self._text = kind, text

    def again(self) -> discord.ui.Button[Any]:
        """[Edit again], with what was typed."""
        button = discord.ui.Button[Any](label=t("Edit again"))

        async def pressed(interaction: discord.Interaction) -> None:
            await checks.moderator(interaction)
            await interaction.response.send_modal(Edit(self._kind, self._text))

        button.callback = pressed  # type: ignore[method-assign]  # discord.py's own way
        return button


class _Wrong(_Typed):
    def __init__(self, kind: str, text: str, refusal: Refusal) -> None:
        super().__init__(kind, text)
        self.text(f"{plain(str(refusal))} {t('Nothing was changed.')}")
        self.row(self.again(), press(t("All texts"), "texts"))


class _Preview(_Typed):
    def __init__(self, kind: str, text: str, chosen: GuildSettings) -> None:
        super().__init__(kind, text)
        after = chosen.model_copy(update={"templates": {**chosen.templates, kind: text}})
        self.text(t("### {kind}: so it will read", kind=t(KINDS[kind].title)))
        self.text(sample(kind, after, utcnow()))
        save = discord.ui.Button[Any](label=t("Save"), style=discord.ButtonStyle.success)
        save.callback = self._save  # type: ignore[method-assign]  # discord.py's own way
        self.line().row(save, self.again(), press(t("Cancel"), "texts"))

    async def _save(self, interaction: Interaction) -> None:
        await lasting.begin_panel(interaction)
        actor = await checks.moderator(interaction)
        result = await texts.save(actor, self._kind, self._text)
        await _done(interaction, self._kind, result)


async def _done(interaction: Interaction, kind: str, result: settings.Changed) -> None:
    undo = press(t("Undo"), "undo", result.entry_id) if result.entry_id is not None else None
    note = t("✅ Saved.") if undo is not None else t("Nothing changed.")
    await lasting.show_panel(interaction, one(kind, result[0], note, undo))


@lasting.on_press("texts")
async def _overview(interaction: Interaction, _number: int) -> None:
    await lasting.begin_panel(interaction)
    actor = await checks.moderator(interaction)
    await lasting.show_panel(interaction, overview(await settings.get(actor.guild_id)))


@lasting.on_press("text_daily")
async def _daily(interaction: Interaction, on: int) -> None:
    await lasting.begin_panel(interaction)
    actor = await checks.moderator(interaction)
    after = await settings.change(actor, activity_line=bool(on))
    await lasting.show_panel(interaction, overview(after[0]))


@lasting.on_pick("text_pick")
async def _pick(interaction: Interaction, _number: int, values: list[str]) -> None:
    await lasting.begin_panel(interaction)
    actor = await checks.moderator(interaction)
    if values[0] not in TEMPLATES:
        raise Refusal("unknown_kind", t("There is no such text."))
    await lasting.show_panel(interaction, one(values[0], await settings.get(actor.guild_id)))


@lasting.on_press("text_edit")
async def _edit(interaction: Interaction, number: int) -> None:
    actor = await checks.moderator(interaction)
    kind, chosen = _name(number), await settings.get(actor.guild_id)
    await interaction.response.send_modal(Edit(kind, _present(kind, chosen)))


def _present(kind: str, chosen: GuildSettings) -> str:
    """What stands there now, its {names} not filled in."""
    own = chosen.templates.get(kind)
    if own is not None:
        return own
    unfilled: Mapping[str, str] = {name: f"{{{name}}}" for name in TEMPLATES[kind].names}
    with speaking(chosen.language):
        return str(t(TEMPLATES[kind].text, **unfilled))


@lasting.on_press("text_default")
async def _default(interaction: Interaction, number: int) -> None:
    await lasting.begin_panel(interaction)
    actor = await checks.moderator(interaction)
    kind = _name(number)
    await _done(interaction, kind, await texts.reset(actor, kind))
