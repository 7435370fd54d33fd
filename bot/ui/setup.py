"""The panel of /setup and /settings: every step with its value, and one button for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import discord

from bot.ui.lasting import LastingView, Panel, PickObject, Press, press
from bot.ui.text import lines, plain
from core.clock import utcnow
from core.config import GuildSettings
from core.operations.first_steps import Seen, Steps
from core.reconcile import daytime
from core.words import LANGUAGES, t, tn

# Discord's limit is 4,000 characters for all texts of a message; the steps take about 1,500.
FINDINGS_LIMIT = 1400


@dataclass(frozen=True)
class Shown:
    """Everything that the panel shows. `note` and `findings` are safe to show."""

    steps: Steps
    guild: discord.Guild
    note: str = ""
    undo: Press | None = None
    seen: Seen | None = None  # None: the moderator role needs no admin's help
    findings: Sequence[str] = field(default=())
    fine: str = ""  # the sentence where nothing was found


def local_time(zone: str) -> str:
    """The time of day in an IANA zone, as 19:05."""
    return f"{utcnow().astimezone(ZoneInfo(zone)):%H:%M}"


def zone_now(zone: str) -> str:
    """A zone with its city and its time of now."""
    if "/" not in zone:  # UTC, GMT, EST: no city's
        return t("{zone}: it is {time} there now", zone=zone, time=local_time(zone))
    return t(
        "{city} ({zone}): it is {time} there now",
        city=daytime.city(zone),
        zone=zone,
        time=local_time(zone),
    )


def panel(shown: Shown) -> Panel:
    """The whole panel: at most 39 of the 40 components that Discord allows."""
    view = Panel()
    to_do = shown.steps.open
    head = [t("### Set up Muster") if to_do else t("### Settings of Muster")]
    if shown.note:
        head.append(shown.note)
    elif to_do:
        head.append(
            t(
                "Each step has a suggestion. **Accept all** takes them; everything can be changed "
                "here at any time."
            )
        )
    view.text("\n".join(head), shown.undo)
    if to_do:
        row = [press(t("Accept all"), "setup_accept", style=discord.ButtonStyle.success)]
        if shown.seen is not None and shown.seen.hidden != []:
            row.append(press(t("Check again"), "setup_open"))
        view.row(*row)
    _moderators(view, shown)
    _room(view, shown)
    view.line()
    _choices(view, shown)
    _end(view, shown)
    return view


def _title(shown: Shown, key: str, title: str) -> str:
    if key in shown.steps.open:
        return "▫️ " + t("**{title}** (suggested)", title=title)
    return f"✅ **{title}**"


def _moderators(view: Panel, shown: Shown) -> None:
    key = "moderator_role_id"
    role_id = shown.steps.values.moderator_role_id
    role = shown.guild.get_role(role_id) if role_id else None
    parts = [_title(shown, key, t("Moderators"))]
    if role is not None:
        parts.append(t("{role} and the server's owner", role=role.mention))
    elif role_id is not None:
        parts.append(t("Whoever has Manage Server (the chosen role was deleted)"))
    else:
        parts.append(t("Whoever has Manage Server"))
    if role is not None and shown.seen is not None:
        parts.append(_visibility(role, shown.seen))
    clear = press(t("Manage Server decides"), "setup_role_none") if role_id is not None else None
    view.text("\n".join(parts), clear)
    select: discord.ui.RoleSelect[Any] = discord.ui.RoleSelect(
        placeholder=t("Choose the moderator role")
    )
    view.row(PickObject("setup_role", 0, select))


def _visibility(role: discord.Role, seen: Seen) -> str:
    """Whether the role sees moderators' commands; Discord lets only an admin change it."""
    if seen.hidden is not None and not seen.hidden:
        return t("✅ {role} can see the commands for moderators.", role=role.mention)
    way = t(
        "ℹ️ {role} has no Manage Server, so Discord hides moderators' commands from it. An admin "
        "can show them: Server Settings → Integrations → Muster → the command → Add Roles or "
        "Members → {name}.",
        role=role.mention,
        name=plain(role.name),
    )
    if seen.hidden is None:
        return f"{way} {t('Whether that was done could not be read just now.')}"
    names = " ".join(f"`{name}`" for name in seen.hidden)
    return f"{way} {t('Not shown yet: {commands}', commands=names)}"


def _room(view: Panel, shown: Shown) -> None:
    key = "moderator_channel_id"
    channel_id = shown.steps.values.moderator_channel_id
    channel = shown.guild.get_channel(channel_id) if channel_id else None
    parts = [_title(shown, key, t("Moderators' channel"))]
    if channel is not None:
        parts.append(channel.mention)
        if channel.permissions_for(shown.guild.default_role).view_channel:
            parts.append(t("ℹ️ Everyone can read {channel}.", channel=channel.mention))
    elif channel_id is not None:
        parts.append(
            t("None, so nobody is told when something gives up (the chosen one was deleted)")
        )
    else:
        parts.append(t("None, so nobody is told when something gives up"))
    if channel is None:
        button = press(t("Create one"), "setup_room_new")
    else:
        button = press(t("No moderators' channel"), "setup_room_none")
    view.text("\n".join(parts), button)
    select: discord.ui.ChannelSelect[Any] = discord.ui.ChannelSelect(
        placeholder=t("Choose the moderators' channel"), channel_types=[discord.ChannelType.text]
    )
    view.row(PickObject("setup_room", 0, select))


def _choices(view: Panel, shown: Shown) -> None:
    """The steps that take one press each."""
    now = shown.steps.values
    zone = [_title(shown, "zone", t("Time zone")), zone_now(now.zone)]
    if "zone" in shown.steps.open:
        zone.append(t("If that is not your time, press **Set the time**."))
    view.text("\n".join(zone), press(t("Set the time"), "setup_zone"))
    codes = list(LANGUAGES)
    other = (codes.index(now.language) + 1) % len(codes)
    view.text(
        f"{_title(shown, 'language', t('Language of posts'))}\n{LANGUAGES[now.language]}",
        press(LANGUAGES[codes[other]], "setup_language", other),
    )
    report = now.by_hand == "report"
    view.text(
        f"{_title(shown, 'by_hand', t('What is changed by hand'))}\n"
        + (t("Only reported") if report else t("Put back by Muster")),
        press(t("Put it back") if report else t("Only report it"), "setup_by_hand", int(report)),
    )
    extra = now.facilitators_moderate
    view.text(
        f"{_title(shown, 'facilitators_moderate', t('Extra rights of facilitators'))}\n"
        + (t("On: they delete messages and mute in their group") if extra else t("Off")),
        press(
            t("No extra rights") if extra else t("Give extra rights"),
            "setup_facilitators",
            int(not extra),
        ),
    )
    keep = now.keep_nicknames
    view.text(
        f"{_title(shown, 'keep_nicknames', t('Nicknames of people who come back'))}\n"
        + (t("Given again") if keep else t("Left alone")),
        press(
            t("Leave nicknames") if keep else t("Keep nicknames"), "setup_nicknames", int(not keep)
        ),
    )


def _end(view: Panel, shown: Shown) -> None:
    if shown.steps.open:
        return
    _attendance(view, shown.steps.values.attended_minutes)
    view.row(press(t("Texts of messages"), "texts"), press(t("Calendar"), "setup_calendar"))
    if shown.findings:
        text = lines(shown.findings, limit=FINDINGS_LIMIT)
    else:
        text = shown.fine + "\n" + t(
            "Next: `/cohort create` makes a cohort with its groups, `/cohort adopt` takes over "
            "channels that you have."
        )  # fmt: skip
    view.text(text, press(t("Check again"), "setup_open"))


def _attendance(view: Panel, minutes: int) -> None:
    """No step: the default is right for most, and it only matters once meetings are held."""
    said = tn(
        "Came is who was in the voice channel for {n} minute, or for half of a shorter meeting",
        "Came is who was in the voice channel for {n} minutes, or for half of a shorter meeting",
        minutes,
    )
    view.text(f"**{t('Attendance')}**\n{said}", press(t("Change"), "setup_attendance"))


def fine(permissions: int, channels: int, roles: int) -> str:
    """That nothing is missing, and how much was looked at."""
    return t(
        "✅ Everything is right: {permissions} of this server, {channels} and {roles} were "
        "looked at.",
        permissions=tn("{n} permission", "{n} permissions", permissions),
        channels=tn("{n} channel", "{n} channels", channels),
        roles=tn("{n} role", "{n} roles", roles),
    )


def lockout(role: discord.Role | None) -> Panel:
    """What happens to somebody who chooses a role, or Manage Server, that they do not have."""
    if role is None:
        text = t(
            "⚠️ You do not have Manage Server, so you would lock yourself out: afterwards you "
            "could not use this panel or any moderators' command, nor change it back. Nothing was "
            "changed yet."
        )
    else:
        text = t(
            "⚠️ You do not have the role {role}, so you would lock yourself out: afterwards you "
            "could not use this panel or any moderators' command, nor change it back. Nothing was "
            "changed yet.",
            role=plain(role.name),
        )
    yes = press(
        t("Choose it anyway"),
        "setup_role_anyway",
        role.id if role else 0,
        style=discord.ButtonStyle.danger,
    )
    return Panel().text(text).row(yes, press(t("Cancel"), "setup_cancel"))


def door(link: str, *, back: bool) -> discord.ui.View:
    """The button of a direct message: it leads to the server, where commands can be typed."""
    view = discord.ui.View(timeout=None)
    label = t("Go to the server") if back else t("Set up Muster")
    return view.add_item(discord.ui.Button(label=label, url=link))


def invitation(*, back: bool) -> LastingView:
    """The button of the first post in a channel of moderators."""
    view = LastingView()
    if back:
        return view.button(t("Home"), "home")
    return view.button(t("Set up Muster"), "setup_open", style=discord.ButtonStyle.success)


def saved(chosen: GuildSettings, changed: Sequence[str], touched: int) -> str:
    """What the panel says after a change."""
    note: str = t("✅ Saved.")
    if "zone" in changed and len(changed) == 1:
        note = t(
            "✅ Saved: time zone {zone}, it is {time} there now.",
            zone=chosen.zone,
            time=local_time(chosen.zone),
        )
    if not touched:
        return note
    follow = tn(
        "Channels of {n} group follow in a moment.",
        "Channels of {n} groups follow in a moment.",
        touched,
    )
    return f"{note} {follow}"
