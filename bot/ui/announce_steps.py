"""What happens between /announce and its posts: text, targets, preview, press; and changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import discord

from bot import checks
from bot.ui import announce as ui
from bot.ui import answer, lasting
from bot.ui.answer import Field
from bot.ui.base import View
from bot.ui.lasting import Interaction, LastingView
from bot.ui.pick import OPTIONS
from core.operations import announce_targets, announcements
from core.operations.announce_targets import Target
from core.operations.announcements import Draft
from core.operations.common import Actor
from core.words import t

_TYPED = 4000  # Discord's limit of a form's text: what is too long gets a sentence, not a cut


def text_form(text: str, done: Any, title: str) -> answer.Form:
    """The form with one text of several lines."""
    hint = t("Up to {n} characters, markdown works", n=announcements.LIMIT)
    field = Field("text", t("Text"), text[:_TYPED], hint, _TYPED, long=True)
    return answer.Form(title, [field], done)


async def begin(interaction: Interaction, targets: Sequence[str]) -> None:
    """The form; `targets` were chosen with the command already."""
    await checks.moderator(interaction)
    draft = Draft(interaction.id, "", tuple(targets))
    await interaction.response.send_modal(_form(draft))


def _form(draft: Draft) -> answer.Form:
    return text_form(draft.text, partial(_typed, draft=draft), t("Announcement"))


async def _typed(interaction: Interaction, typed: dict[str, str], *, draft: Draft) -> None:
    """The preview. Raises Refusal: empty_text, too_long."""
    await answer.acknowledge(interaction)
    actor = await checks.moderator(interaction)
    text = announcements.checked(typed["text"])
    state = _State(replace(draft, text=text), tuple(await announce_targets.choices(actor.guild_id)))
    await _show(interaction, actor, state)


@dataclass(frozen=True)
class _State:
    """What the preview shows. `search` leaves only those targets whose name contains it."""

    draft: Draft
    targets: tuple[Target, ...]
    page: int = 0
    search: str = ""

    @property
    def listed(self) -> list[Target]:
        want = self.search.strip().lower()
        return [one for one in self.targets if want in one.label.lower()]

    @property
    def here(self) -> list[Target]:
        return self.listed[self.page * OPTIONS : (self.page + 1) * OPTIONS]

    def choose(self, values: Sequence[str]) -> _State:
        """With these of the page's targets chosen; those of other pages stay as they are."""
        shown = {one.value for one in self.here}
        kept = [v for v in self.draft.targets if v not in shown]
        return replace(self, draft=replace(self.draft, targets=(*kept, *values)))


async def _show(interaction: Interaction, actor: Actor, state: _State) -> None:
    found = await announcements.preview(actor, state.draft.targets)
    text = ui.preview(state.draft, found)
    await answer.show(interaction, text, _view(state, bool(found.places), found.people))


def _view(state: _State, sendable: bool, people: int) -> View:
    view = View()
    _add_targets(view, state)
    if sendable:
        for label, ping in ((t("Send"), False), (t("Ping members"), True)):
            if ping and not people:
                continue
            send = partial(_send, draft=state.draft, ping=ping, people=people if ping else 0)
            style = discord.ButtonStyle.secondary if ping else discord.ButtonStyle.success
            view.add_button(label, answer.on_press(send, view), style=style, row=2)
    form = _form(state.draft)
    view.add_button(t("Edit"), form.reopen({"text": state.draft.text}), row=2)
    view.add_button(t("Cancel"), _cancel, row=2)
    return view


def _add_targets(view: View, state: _State) -> None:
    options = ui.options(state.here, state.draft.targets)

    async def again(interaction: Interaction, after: _State) -> None:
        actor = await checks.moderator(interaction)
        view.stop()
        await answer.acknowledge(interaction)
        await _show(interaction, actor, after)

    async def chosen(interaction: Interaction) -> None:
        await again(interaction, state.choose(select.values))

    if options:
        select: discord.ui.Select[Any] = discord.ui.Select(
            placeholder=t("Who gets it?"), options=options, min_values=0, max_values=len(options),
            row=0,
        )  # fmt: skip
        select.callback = chosen  # type: ignore[method-assign]  # discord.py's own way
        view.add_item(select)
    last = (len(state.listed) - 1) // OPTIONS
    if state.page > 0:
        view.add_button(
            t("Previous"), partial(again, after=replace(state, page=state.page - 1)), row=1
        )
    if state.page < last:
        view.add_button(t("Next"), partial(again, after=replace(state, page=state.page + 1)), row=1)
    if len(state.targets) > OPTIONS:
        view.add_button(t("Search"), _search_form(state).reopen({"name": state.search}), row=1)


def _search_form(state: _State) -> answer.Form:
    async def done(interaction: Interaction, typed: dict[str, str]) -> None:
        actor = await checks.moderator(interaction)
        await answer.acknowledge(interaction)
        await _show(interaction, actor, replace(state, page=0, search=typed["name"]))

    hint = t("A part of its name; empty shows all")
    return answer.Form(t("Search"), [Field("name", t("Group or cohort"), hint=hint,
                                           required=False)], done)  # fmt: skip


async def _send(
    interaction: discord.Interaction, actor: Actor, *, draft: Draft, ping: bool, people: int
) -> None:
    written = await announcements.send(actor, draft, ping=ping)
    await answer.show(interaction, ui.sent(written, people), doors(written.id))


async def _cancel(interaction: discord.Interaction) -> None:
    await answer.show(interaction, t("Cancelled. Nothing was sent."))


def doors(announcement_id: int, *, stands: bool = True) -> LastingView:
    """What can be done with an announcement later; checked again on every press."""
    view = LastingView()
    if stands:
        view.button(t("Edit"), "announcement_edit", announcement_id)
        view.button(
            t("Withdraw"), "announcement_withdraw", announcement_id,
            style=discord.ButtonStyle.danger,
        )  # fmt: skip
    return view.button(t("Messages"), "messages_all")


# --- later ---------------------------------------------------------------------------------------


@lasting.on_press("announcement_edit")
async def _edit(interaction: Interaction, announcement_id: int) -> None:
    actor = await checks.moderator(interaction)
    now = await announcements.show(actor, announcement_id)
    done = partial(_edited, announcement_id=announcement_id)
    await interaction.response.send_modal(text_form(now.text, done, t("Edit the announcement")))


async def _edited(interaction: Interaction, typed: dict[str, str], *, announcement_id: int) -> None:
    await answer.acknowledge(interaction)
    actor = await checks.moderator(interaction)
    after = await announcements.edit(actor, announcement_id, typed["text"])
    await answer.show(interaction, ui.edited(after), doors(announcement_id))


@lasting.on_press("announcement_withdraw")
async def _withdraw(interaction: Interaction, announcement_id: int) -> None:
    actor = await checks.moderator(interaction)
    now = await announcements.show(actor, announcement_id)
    view = View()

    async def do_it(press: discord.Interaction, actor: Actor) -> None:
        after = await announcements.withdraw(actor, announcement_id)
        await answer.show(press, ui.withdrawn(after), doors(announcement_id, stands=False))

    view.add_button(t("Withdraw"), answer.on_press(do_it, view), style=discord.ButtonStyle.danger)
    view.add_button(t("Cancel"), _nothing)
    await answer.show(interaction, ui.ask_withdraw(now), view)


async def _nothing(interaction: discord.Interaction) -> None:
    await answer.show(interaction, t("Cancelled. Nothing changed."))
