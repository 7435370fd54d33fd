"""What the buttons and selects of the setup panel do: rights, one operation, the panel again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot import checks
from bot.ui import lasting, setup
from bot.ui.care import finding_text
from bot.ui.lasting import Interaction, Press, press
from bot.ui.text import plain
from core.config import GuildSettings
from core.errors import Refusal
from core.operations import check, first_steps, settings
from core.operations.common import Actor
from core.operations.first_steps import STEPS, Seen
from core.words import LANGUAGES, mark, t

# Discord's own names of the permissions that a post needs.
_POSTING = {"view_channel": mark("View Channel"), "send_messages": mark("Send Messages")}


async def open_panel(interaction: Interaction) -> None:
    """Show the panel to a moderator. Raises Refusal(not_allowed)."""
    await lasting.begin_panel(interaction)
    await draw(interaction, await checks.moderator(interaction))


async def draw(
    interaction: Interaction, actor: Actor, note: str = "", undo: Press | None = None
) -> None:
    """The panel with its values of now; `note` must be safe to show."""
    guild = interaction.guild
    assert guild is not None
    found = await first_steps.steps(actor, interaction.locale.value)
    findings: list[str] = []
    fine = ""
    if not found.open:
        findings = [finding_text(f) for f in await check.check(actor.guild_id)]
        n = await check.counted(actor.guild_id)
        fine = setup.fine(n.permissions, n.channels, n.roles)
    shown = setup.Shown(
        found, guild, note, undo, await _seen(guild, found.values), findings, fine
    )  # fmt: skip
    await lasting.show_panel(interaction, setup.panel(shown))


async def _seen(guild: discord.Guild, values: GuildSettings) -> Seen | None:
    role = guild.get_role(values.moderator_role_id or 0)
    if role is None or role.permissions.manage_guild or role.permissions.administrator:
        return None
    return await first_steps.commands_seen(guild.id, role.id)


async def save(interaction: Interaction, actor: Actor, **changes: Any) -> None:
    """Save, and draw the panel again. Raises Refusal(not_allowed, unknown_zone)."""
    await lasting.begin_panel(interaction)
    await _done(interaction, actor, await settings.change(actor, **changes), list(changes))


def _undo(entry_id: int | None) -> Press | None:
    """[Undo] beside what was saved."""
    return press(t("Undo"), "undo", entry_id) if entry_id is not None else None


async def _done(
    interaction: Interaction, actor: Actor, result: settings.Changed, changed: Sequence[str]
) -> None:
    chosen, touched = result
    # The rows are marked as due in the database; this only saves waiting for the sweep.
    interaction.client.worker.bump(touched)
    note = setup.saved(chosen, changed, len(touched))
    await draw(interaction, actor, note, _undo(result.entry_id))


@lasting.on_press("setup_open")
async def _open(interaction: Interaction, _number: int) -> None:
    await open_panel(interaction)


@lasting.on_press("setup_cancel")
async def _cancel(interaction: Interaction, _number: int) -> None:
    await lasting.begin_panel(interaction)
    await draw(interaction, await checks.moderator(interaction), t("Nothing changed."))


@lasting.on_press("setup_accept")
async def _accept(interaction: Interaction, _number: int) -> None:
    await lasting.begin_panel(interaction)
    actor = await checks.moderator(interaction)
    result = await first_steps.accept(actor, interaction.locale.value)
    await _done(interaction, actor, result, STEPS)


@lasting.on_pick("setup_role")
async def _role(interaction: Interaction, _number: int, ids: list[str]) -> None:
    guild = interaction.guild
    role = guild.get_role(int(ids[0])) if guild else None
    await checks.moderator(interaction)
    if role is None:
        raise Refusal(
            "role_gone", t("That role was deleted meanwhile. Nothing was changed. Choose another.")
        )
    await choose_role(interaction, role)


@lasting.on_press("setup_role_none")
async def _role_none(interaction: Interaction, _number: int) -> None:
    await choose_role(interaction, None)


async def choose_role(interaction: Interaction, role: discord.Role | None) -> None:
    """The moderator role, or None for Manage Server. Asks before somebody locks themselves out.

    Role order does not matter here: nobody is handed the role, and whoever chooses already has
    all the rights over Muster that the role's members get.
    """
    actor = await checks.moderator(interaction)
    user = interaction.user
    assert isinstance(user, discord.Member)
    if role is not None and role.is_default():
        raise Refusal(
            "bad_role", t("{role} cannot be the moderator role: everybody has it.", role=role.name)
        )
    if role is not None and role.is_bot_managed():
        raise Refusal(
            "bad_role",
            t("{role} cannot be the moderator role: it belongs to a bot.", role=role.name),
        )
    role_id = role.id if role else None
    before = await settings.get(actor.guild_id)
    if checks.is_moderator(user, before.model_copy(update={"moderator_role_id": role_id})):
        await save(interaction, actor, moderator_role_id=role_id)
        return
    await lasting.show_panel(interaction, setup.lockout(role))


@lasting.on_press("setup_role_anyway")
async def _role_anyway(interaction: Interaction, role_id: int) -> None:
    actor = await checks.moderator(interaction)
    guild = interaction.guild
    assert guild is not None
    if role_id and guild.get_role(role_id) is None:
        await lasting.begin_panel(interaction)
        gone = t("That role was deleted meanwhile. Nothing was changed. Choose another.")
        await draw(interaction, actor, gone)
        return
    await lasting.begin_panel(interaction)
    # Whoever pressed may be no moderator any more: the panel is drawn one last time.
    result = await settings.change(actor, moderator_role_id=role_id or None)
    await _done(interaction, actor, result, ["moderator_role_id"])


@lasting.on_pick("setup_room")
async def _room(interaction: Interaction, _number: int, ids: list[str]) -> None:
    """The moderators' channel, if Muster can post there. Raises Refusal(cannot_post)."""
    actor = await checks.moderator(interaction)
    guild = interaction.guild
    assert guild is not None
    channel = guild.get_channel(int(ids[0]))
    if not isinstance(channel, discord.TextChannel):
        raise Refusal("cannot_post", t("Muster cannot see that channel. Nothing was changed."))
    rights = channel.permissions_for(guild.me)
    lacking = [t(name) for right, name in _POSTING.items() if not getattr(rights, right)]
    if lacking:
        both = t("{first} and {second}", first=lacking[0], second=lacking[-1])
        raise Refusal(
            "cannot_post",
            t(
                "Muster cannot post in #{channel}: it lacks {missing} there. Nothing was changed. "
                "Give it to Muster in the channel's permissions, or choose another channel.",
                channel=channel.name,
                missing=both if len(lacking) == len(_POSTING) else lacking[0],
            ),
        )
    await save(interaction, actor, moderator_channel_id=channel.id)


@lasting.on_press("setup_room_none")
async def _room_none(interaction: Interaction, _number: int) -> None:
    await save(interaction, await checks.moderator(interaction), moderator_channel_id=None)


@lasting.on_press("setup_room_new")
async def _room_new(interaction: Interaction, _number: int) -> None:
    await lasting.begin_panel(interaction)
    actor = await checks.moderator(interaction)
    try:
        result = await first_steps.create_room(actor)
    except Refusal as refusal:
        await draw(interaction, actor, plain(str(refusal)))
        return
    await _done(interaction, actor, result, ["moderator_channel_id"])


@lasting.on_press("setup_language")
async def _language(interaction: Interaction, number: int) -> None:
    codes = list(LANGUAGES)
    code = codes[number] if number < len(codes) else ""  # what is unknown is refused
    await save(interaction, await checks.moderator(interaction), language=code)


@lasting.on_press("setup_by_hand")
async def _by_hand(interaction: Interaction, number: int) -> None:
    value = "repair" if number else "report"
    await save(interaction, await checks.moderator(interaction), by_hand=value)


@lasting.on_press("setup_facilitators")
async def _facilitators(interaction: Interaction, number: int) -> None:
    actor = await checks.moderator(interaction)
    await save(interaction, actor, facilitators_moderate=bool(number))


@lasting.on_press("setup_nicknames")
async def _nicknames(interaction: Interaction, number: int) -> None:
    await save(interaction, await checks.moderator(interaction), keep_nicknames=bool(number))
