"""Settings → Calendar: connect, disconnect, decide. How it looks: calendar_panel."""

from __future__ import annotations

from typing import Any

import discord

from bot import checks
from bot.ui import lasting
from bot.ui.base import Modal
from bot.ui.calendar_panel import ask_off, panel
from bot.ui.lasting import Interaction
from bot.ui.text import plain
from core.calendars.google_desk import Desk
from core.calendars.office import get_office
from core.errors import MusterError, Refusal
from core.operations import calendar_link, calendar_status, google_connect
from core.operations.calendar_link import LONGEST
from core.operations.common import Actor
from core.words import t, tn


class Account(Modal):
    """A CalDAV account."""

    def __init__(self) -> None:
        super().__init__(title=t("Connect CalDAV"))
        self.add_item(
            discord.ui.TextDisplay(
                t("⚠️ What you type here passes through Discord. Use an app password that you can "
                  "take back.")
            )
        )  # fmt: skip
        self.url = self._field("url", t("Address of the server"),
                               t("Like https://cloud.example.org/remote.php/dav"), 400)  # fmt: skip
        self.user = self._field("user", t("User"), t("As you log in there"), LONGEST)
        self.password = self._field("password", t("App password"),
                                    t("Not your usual one"), LONGEST)  # fmt: skip

    def _field(self, name: str, text: str, about: str, most: int) -> discord.ui.TextInput[Any]:
        typed: discord.ui.TextInput[Any] = discord.ui.TextInput(custom_id=name, max_length=most)
        self.add_item(discord.ui.Label(text=text, description=about, component=typed))
        return typed

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Try it, and draw the panel again with what became of it."""
        await lasting.begin_panel(interaction)
        actor = await checks.moderator(interaction)
        try:
            left = await calendar_link.connect_caldav(
                actor, self.url.value, self.user.value, self.password.value
            )
        except Refusal as refusal:
            await draw(interaction, actor, f"⚠️ {plain(str(refusal))}")
            return
        await _connected_now(interaction, actor, left)


class Shared(Modal):
    """A Google calendar that is shared with the operator's service account."""

    def __init__(self, desk: Desk, word: str) -> None:
        super().__init__(title=t("A shared Google calendar"))
        self.desk = desk
        self.add_item(
            discord.ui.TextDisplay(
                t("Share the calendar with {account} (make changes to events), write `{word}` into "
                  "its description, and type its id here. Nobody is invited from such a calendar.",
                  account=plain(desk.service.client_email if desk.service else ""), word=word)
            )
        )  # fmt: skip
        self.typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id="calendar", max_length=200
        )
        self.add_item(discord.ui.Label(text=t("Calendar ID"), component=self.typed))

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Likewise."""
        await lasting.begin_panel(interaction)
        actor = await checks.moderator(interaction)
        office = get_office()
        assert office is not None
        try:
            left = await google_connect.connect_shared(
                actor, self.desk, office.keys, self.typed.value
            )
        except MusterError as error:
            await draw(interaction, actor, f"⚠️ {plain(error.text)}")
            return
        await _connected_now(interaction, actor, left)


async def draw(interaction: Interaction, actor: Actor, note: str = "") -> None:
    """The panel with its values of now; `note` must be safe to show."""
    found = await calendar_status.status(actor.guild_id)
    ways = calendar_status.ways(actor.guild_id)
    await lasting.show_panel(interaction, panel(found, ways, interaction.client.desk, note))


async def _connected_now(interaction: Interaction, actor: Actor, left: int) -> None:
    note = t("✅ Connected. The entries follow in a moment.")
    await _done(interaction, actor, f"{note} {calendar_link.left_behind(left)}".strip())


async def _done(interaction: Interaction, actor: Actor, note: str) -> None:
    # The rows are marked as due in the database; this only saves waiting for the sweep.
    interaction.client.worker.bump(await calendar_link.groups_of(actor.guild_id))
    await draw(interaction, actor, note)


async def _begin(interaction: Interaction) -> Actor:
    await lasting.begin_panel(interaction)
    return await checks.moderator(interaction)


@lasting.on_press("setup_calendar")
async def _open(interaction: Interaction, _number: int) -> None:
    await draw(interaction, await _begin(interaction))


@lasting.on_press("calendar_dav")
async def _dav(interaction: Interaction, _number: int) -> None:
    await checks.moderator(interaction)
    await interaction.response.send_modal(Account())


@lasting.on_press("calendar_own")
async def _own(interaction: Interaction, _number: int) -> None:
    actor = await _begin(interaction)
    try:
        left = await calendar_link.connect_own(actor)
    except Refusal as refusal:
        await draw(interaction, actor, f"⚠️ {plain(str(refusal))}")
        return
    await _connected_now(interaction, actor, left)


def _desk(interaction: Interaction) -> Desk:
    desk: Desk | None = interaction.client.desk
    if desk is None or get_office() is None:
        raise Refusal("no_calendars", t("Calendars cannot be connected here."))
    return desk


@lasting.on_press("calendar_google")
async def _google(interaction: Interaction, _number: int) -> None:
    actor = await checks.moderator(interaction)
    office, desk = get_office(), _desk(interaction)
    assert office is not None
    url = await google_connect.start(actor, desk, office.keys)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label=t("Go to Google"), url=url))
    text = t(
        "Google asks whether Muster may have a calendar of its own in your account; it sees no "
        "other. The button is yours alone and good for ten minutes."
    )
    if desk.at_home:
        here = t(
            "⚠️ Press it on the machine that Muster runs on: a browser elsewhere does not find the "
            "way back, since MUSTER_PUBLIC_URL is not set."
        )
        text = f"{text}\n{here}"
    await interaction.response.send_message(text, view=view, ephemeral=True)


@lasting.on_press("calendar_shared")
async def _shared(interaction: Interaction, _number: int) -> None:
    actor = await checks.moderator(interaction)
    office, desk = get_office(), _desk(interaction)
    assert office is not None
    word = google_connect.service_word(office.keys, actor.guild_id)
    await interaction.response.send_modal(Shared(desk, word))


@lasting.on_press("calendar_off")
async def _off(interaction: Interaction, _number: int) -> None:
    actor = await _begin(interaction)
    found = await calendar_status.status(actor.guild_id)
    if found is None:
        await draw(interaction, actor)
        return
    await lasting.show_panel(interaction, ask_off(found.entries))


@lasting.on_press("calendar_end")
async def _end(interaction: Interaction, remove: int) -> None:
    actor = await _begin(interaction)
    left = await calendar_link.disconnect(actor, remove=bool(remove))
    note = t("✅ Disconnected.")
    if remove and left:
        note = t("✅ Disconnected.") + " " + tn(
            "{n} entry could not be deleted and is still in the calendar.",
            "{n} entries could not be deleted and are still in the calendar.", left,
        )  # fmt: skip
    await draw(interaction, actor, note)


@lasting.on_press("calendar_invites")
async def _invites(interaction: Interaction, on: int) -> None:
    actor = await _begin(interaction)
    await calendar_link.invitations(actor, on=bool(on))
    await _done(interaction, actor, t("✅ Saved."))


@lasting.on_press("calendar_back")
async def _back(interaction: Interaction, group_id: int) -> None:
    await _decide(interaction, group_id, back=True)


@lasting.on_press("calendar_leave")
async def _leave(interaction: Interaction, group_id: int) -> None:
    await _decide(interaction, group_id, back=False)


async def _decide(interaction: Interaction, group_id: int, *, back: bool) -> None:
    actor = await _begin(interaction)
    await calendar_link.decide(actor, group_id, back=back)
    interaction.client.worker.bump([group_id])
    await draw(interaction, actor, t("✅ Saved."))
