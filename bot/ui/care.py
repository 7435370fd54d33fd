"""What /check and /settings show."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import discord

from bot import checks
from bot.ui.answer import Field, Form, acknowledge, show
from bot.ui.base import Handler, View
from bot.ui.text import count, lines, plain
from core.clock import utcnow
from core.config import GuildSettings
from core.errors import Refusal
from core.operations import check, settings
from core.operations.common import Actor
from core.reconcile.doctor import Finding


def finding_text(finding: Finding) -> str:
    """What, what it stops, and how to give it; core's own bold stays."""
    what, effect, fix = (
        plain(part).replace(r"\*\*", "**") for part in (finding.what, finding.effect, finding.fix)
    )
    return f"⚠️ {what}\n{effect}.\n→ {fix}"


async def show_check(interaction: discord.Interaction) -> None:
    """Look at every permission and show what is missing, with [Check again]."""
    actor = await checks.moderator(interaction)
    await acknowledge(interaction)
    found = await check.check(actor.guild_id)
    if found:
        text = lines(finding_text(f) for f in found)
    else:
        n = await check.counted(actor.guild_id)
        text = (
            f"✅ Everything is right: {count(n.permissions, 'permission')} of this server, "
            f"{count(n.channels, 'channel')} and {count(n.roles, 'role')} were looked at."
        )
    view = View()
    view.add_button("Check again", show_check)
    await show(interaction, text, view)


def local_time(zone: str) -> str:
    """The time of day in an IANA zone: it is 19:05 there now."""
    return f"it is {utcnow().astimezone(ZoneInfo(zone)):%H:%M} there now"


def _on(value: bool) -> str:
    return "on" if value else "off"


def settings_text(chosen: GuildSettings, guild: discord.Guild, note: str = "") -> str:
    """The settings in words, and what about them needs attention."""
    role_id, channel_id = chosen.moderator_role_id, chosen.moderator_channel_id
    role = guild.get_role(role_id) if role_id else None
    channel = guild.get_channel(channel_id) if channel_id else None
    who = f"{role.mention} and the server's owner" if role else "whoever has Manage Server"
    who += " (the chosen role was deleted)" if role_id and role is None else ""
    where = channel.mention if channel else "none, so nobody is told when something gives up"
    where += " (the chosen one was deleted)" if channel_id and channel is None else ""
    by_hand = "only reported" if chosen.by_hand == "report" else "put back by Muster"
    parts = [note] if note else []
    parts += [
        "**Settings**",
        f"Moderators: {who}",
        f"Moderators' channel: {where}",
        f"Time zone: {chosen.zone} ({local_time(chosen.zone)})",
        f"What is changed by hand: {by_hand}",
        f"Facilitators' extra rights in their channels: {_on(chosen.facilitators_moderate)}",
        f"Keep nicknames of people who come back: {_on(chosen.keep_nicknames)}",
    ]
    if role is not None and not role.permissions.manage_guild:
        parts.append(
            "ℹ️ Discord shows moderators' commands only to people with Manage Server. To show "
            "them to this role: Server Settings → Integrations → Muster."
        )
    if channel is not None and channel.permissions_for(guild.default_role).view_channel:
        parts.append(f"ℹ️ Everyone can read {channel.mention}.")
    return lines(parts)


class SettingsView(View):
    """The controls. Each change is saved at once, and the panel is drawn again."""

    def __init__(self, chosen: GuildSettings) -> None:
        super().__init__()
        role: discord.ui.RoleSelect[Any] = discord.ui.RoleSelect(
            placeholder="Choose the moderator role", custom_id="settings:role", row=0
        )
        channel: discord.ui.ChannelSelect[Any] = discord.ui.ChannelSelect(
            placeholder="Choose the moderators' channel", custom_id="settings:channel", row=1,
            channel_types=[discord.ChannelType.text],
        )  # fmt: skip
        by_hand: discord.ui.Select[Any] = discord.ui.Select(
            placeholder="What is changed by hand", custom_id="settings:by_hand", row=2,
            options=[
                discord.SelectOption(
                    label=label, value=value, default=chosen.by_hand == value
                )
                for value, label in (
                    ("report", "Changed by hand: only report it"),
                    ("repair", "Changed by hand: put it back"),
                )
            ],
        )  # fmt: skip

        async def pick_role(interaction: discord.Interaction) -> None:
            await choose_role(interaction, role.values[0])

        async def pick_channel(interaction: discord.Interaction) -> None:
            await choose_channel(interaction, channel.values[0].id)

        async def pick_by_hand(interaction: discord.Interaction) -> None:
            await save(interaction, by_hand=by_hand.values[0])

        for item, handler in ((role, pick_role), (channel, pick_channel), (by_hand, pick_by_hand)):
            item.callback = handler  # type: ignore[method-assign]  # discord.py's own way
            self.add_item(item)
        self._buttons(chosen)

    def _buttons(self, chosen: GuildSettings) -> None:
        def flip(key: str, value: bool) -> Handler:
            async def pressed(interaction: discord.Interaction) -> None:
                await save(interaction, **{key: value})

            return pressed

        def clear(key: str) -> Handler:
            async def pressed(interaction: discord.Interaction) -> None:
                if key == "moderator_role_id":
                    await choose_role(interaction, None)
                else:
                    await save(interaction, **{key: None})

            return pressed

        self.add_button("Time zone", ask_zone, row=3)
        for key, label in (
            ("facilitators_moderate", "Facilitators' extra rights"),
            ("keep_nicknames", "Keep nicknames"),
        ):
            now = bool(getattr(chosen, key))
            self.add_button(f"{label}: turn {_on(not now)}", flip(key, not now), row=3)
        if chosen.moderator_role_id is not None:
            self.add_button("Manage Server decides", clear("moderator_role_id"), row=4)
        if chosen.moderator_channel_id is not None:
            self.add_button("No moderators' channel", clear("moderator_channel_id"), row=4)


async def show_settings(
    interaction: discord.Interaction, chosen: GuildSettings, note: str = ""
) -> None:
    """The panel with its current values; `note` must be safe to show."""
    assert interaction.guild is not None
    text = settings_text(chosen, interaction.guild, note)
    await show(interaction, text, SettingsView(chosen))


async def save(interaction: discord.Interaction, **changes: Any) -> None:
    """Save, draw the panel again, and have the groups that it concerns looked at.

    Raises Refusal(not_allowed, unknown_zone).
    """
    actor = await checks.moderator(interaction)
    await _save(interaction, actor, **changes)


async def _save(interaction: discord.Interaction, actor: Actor, **changes: Any) -> None:
    await acknowledge(interaction)
    chosen, touched = await settings.change(actor, **changes)
    note = (
        f"✅ Saved: time zone {chosen.zone}, {local_time(chosen.zone)}."
        if "zone" in changes
        else "✅ Saved."
    )
    if touched:
        note += f" Channels of {count(len(touched), 'group')} follow in a moment."
        # The rows are marked as due in the database; this only saves waiting for the sweep.
        interaction.client.worker.bump(touched)  # type: ignore[attr-defined]  # our own bot
    await show_settings(interaction, chosen, note)


async def choose_role(interaction: discord.Interaction, role: discord.Role | None) -> None:
    """The moderator role, or None for Manage Server. Asks before somebody locks themselves out.

    Role order does not matter here: nobody is handed the role, and whoever chooses already has
    all the rights over Muster that the role's members get.
    """
    actor = await checks.moderator(interaction)
    user = interaction.user
    assert isinstance(user, discord.Member)
    if role is not None and (role.is_default() or role.is_bot_managed()):
        why = "everybody has it" if role.is_default() else "it belongs to a bot"
        raise Refusal("bad_role", f"{role.name} cannot be the moderator role: {why}.")
    role_id = role.id if role else None
    before = await settings.get(actor.guild_id)
    if checks.is_moderator(user, before.model_copy(update={"moderator_role_id": role_id})):
        await _save(interaction, actor, moderator_role_id=role_id)
        return
    await _warn(interaction, f"the role {plain(role.name)}" if role else "Manage Server", role_id)


async def _warn(interaction: discord.Interaction, lacking: str, role_id: int | None) -> None:
    """Say that the choice would lock the person out, with [Choose it anyway] [Cancel]."""

    async def anyway(press: discord.Interaction) -> None:
        await save(press, moderator_role_id=role_id)

    async def back(press: discord.Interaction) -> None:
        asker = await checks.moderator(press)
        await show_settings(press, await settings.get(asker.guild_id), "Nothing changed.")

    view = View()
    view.add_button("Choose it anyway", anyway, style=discord.ButtonStyle.danger)
    view.add_button("Cancel", back)
    await show(
        interaction,
        f"⚠️ You do not have {lacking}, so you would lock yourself out: afterwards you could not "
        "use this panel or any moderators' command, nor change it back. Nothing was changed yet.",
        view,
    )


async def choose_channel(interaction: discord.Interaction, channel_id: int) -> None:
    """The moderators' channel, if Muster can post there. Raises Refusal(cannot_post)."""
    await checks.moderator(interaction)
    guild = interaction.guild
    assert guild is not None
    channel = guild.get_channel(channel_id)
    if not isinstance(channel, discord.TextChannel):
        raise Refusal("cannot_post", "Muster cannot see that channel. Nothing was changed.")
    rights = channel.permissions_for(guild.me)
    lacking = [
        name
        for name, has in (
            ("View Channel", rights.view_channel),
            ("Send Messages", rights.send_messages),
        )
        if not has
    ]
    if lacking:
        missing = " and ".join(lacking)
        raise Refusal(
            "cannot_post",
            f"Muster cannot post in #{channel.name}: it lacks {missing} there. Nothing was "
            "changed. Give it to Muster in the channel's permissions, or choose another channel.",
        )
    await save(interaction, moderator_channel_id=channel_id)


async def ask_zone(interaction: discord.Interaction) -> None:
    """A form for the time zone."""
    actor = await checks.moderator(interaction)
    chosen = await settings.get(actor.guild_id)

    async def done(press: discord.Interaction, typed: dict[str, str]) -> None:
        await checks.moderator(press)
        await save(press, zone=settings.zone(typed["zone"]))

    field = Field("zone", "Time zone", chosen.zone, "A city or a zone, like Europe/Berlin", 60)
    await interaction.response.send_modal(Form("Time zone", [field], done))
