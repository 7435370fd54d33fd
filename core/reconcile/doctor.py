"""Pure: every permission, intent and role position that the features need, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.reconcile import permissions as p
from core.words import mark, t

MANAGE_NICKNAMES = 1 << 27
MANAGE_EVENTS = 1 << 33
CREATE_EVENTS = 1 << 44
PIN_MESSAGES = 1 << 51
# What Discord asks for an event in a voice channel (API documentation, "Guild Scheduled Event
# Permissions Requirements"), and since 2026-02 Create Events for making one.
EVENT_RIGHTS = p.VIEW_CHANNEL | p.CONNECT | MANAGE_EVENTS | CREATE_EVENTS

# As Discord's own settings show them; said with t().
NAMES = {
    p.VIEW_CHANNEL: mark("View Channels"),
    p.MANAGE_CHANNELS: mark("Manage Channels"),
    p.MANAGE_ROLES: mark("Manage Roles"),
    p.SEND_MESSAGES: mark("Send Messages"),
    p.READ_MESSAGE_HISTORY: mark("Read Message History"),
    p.CONNECT: mark("Connect"),
    p.SPEAK: mark("Speak"),
    p.MANAGE_MESSAGES: mark("Manage Messages"),
    p.MUTE_MEMBERS: mark("Mute Members"),
    MANAGE_NICKNAMES: mark("Manage Nicknames"),
    MANAGE_EVENTS: mark("Manage Events"),
    CREATE_EVENTS: mark("Create Events"),
    PIN_MESSAGES: mark("Pin Messages"),
}

# What each feature needs, and why: the invite's permission integer is the union of these.
# The reasons are said with t() when they are shown.
FEATURES: dict[str, tuple[int, str]] = {
    "channels": (
        p.MANAGE_CHANNELS | p.VIEW_CHANNEL,
        mark("It needs it to create and rename categories and channels"),
    ),
    "access": (
        p.MANAGE_ROLES | p.TEXT_ACCESS | p.VOICE_ACCESS,
        mark(
            "It needs it to let people in and out; Discord lets a bot hand out only what it has "
            "itself"
        ),
    ),
    "posts": (
        p.SEND_MESSAGES | PIN_MESSAGES,
        mark("It needs it to post and pin the list of groups"),
    ),
    "events": (
        EVENT_RIGHTS,
        mark("It needs it to show each meeting as an event on Discord"),
    ),
    "nicknames": (
        MANAGE_NICKNAMES,
        mark("It needs it to give people their stored nickname when they come back"),
    ),
    "facilitators": (
        p.MANAGE_MESSAGES | p.MUTE_MEMBERS,
        mark("It needs it to give facilitators their extra rights"),
    ),
}


def permission_integer(features: Sequence[str] = tuple(FEATURES)) -> int:
    """The least privilege for these features, as the invite link takes it."""
    bits = 0
    for feature in features:
        bits |= FEATURES[feature][0]
    return bits


def names_of(bits: int) -> list[str]:
    """The names that Discord's own settings show, for the bits that Muster knows."""
    return [t(name) for bit, name in NAMES.items() if bits & bit]


@dataclass(frozen=True)
class ChannelRights:
    """A channel that Muster made, with the bot's rights in it."""

    id: int
    name: str
    kind: str
    bits: int


@dataclass(frozen=True)
class RolePosition:
    """A role that the bot has to hand out or to rename people of."""

    name: str
    position: int


@dataclass(frozen=True)
class Finding:
    """One thing that is not right: what, what it stops, and how to give it."""

    what: str
    effect: str
    fix: str


def examine(
    *,
    features: Sequence[str],
    guild_bits: int,
    channels: Sequence[ChannelRights] = (),
    roles: Sequence[RolePosition] = (),
    top_role: int = 0,
    intents: dict[str, bool] | None = None,
) -> list[Finding]:
    """Everything that is missing, most general first. Empty: all is well."""
    found = [
        Finding(
            t("The {name} intent is off", name=name),
            t("Muster does not notice who joins or leaves the server"),
            t("Developer Portal → your application → Bot → Privileged Gateway Intents"),
        )
        for name, on in (intents or {}).items()
        if not on
    ]
    found += _on_the_server(features, guild_bits)
    for channel in channels:
        if channel.kind == "voice" and "events" in features:
            found += _events_here(channel, guild_bits)
        found += _access_here(channel, guild_bits)
    found += [
        Finding(
            t("The role {role} is not below Muster's role", role=role.name),
            t("Muster cannot hand it out or change it"),
            t("Server Settings → Roles: drag Muster above {role}", role=role.name),
        )
        for role in roles
        if role.position >= top_role
    ]
    return found


def _on_the_server(features: Sequence[str], guild_bits: int) -> list[Finding]:
    """Each permission once, with the first feature that needs it."""
    found, told = [], guild_bits
    for feature in features:
        bits, why = FEATURES[feature]
        found += [
            Finding(
                t("Muster lacks **{name}** on this server", name=name),
                t(why),
                t("Server Settings → Roles → Muster → Permissions → {name}", name=name),
            )
            for name in names_of(bits & ~told)
        ]
        told |= bits
    return found


def _access_here(channel: ChannelRights, guild_bits: int) -> list[Finding]:
    """What a channel takes away that the bot has on the server, for keeping its access right."""
    need = p.VIEW_CHANNEL | p.MANAGE_CHANNELS | p.MANAGE_ROLES
    need |= {"text": p.TEXT_ACCESS, "voice": p.VOICE_ACCESS}.get(channel.kind, 0)
    lacking = names_of(need & ~channel.bits & guild_bits)
    if not channel.bits & p.VIEW_CHANNEL:
        lacking = names_of(p.VIEW_CHANNEL)
    return _in_channel(channel, lacking, t("Access to this channel cannot be kept right"))


def _in_channel(channel: ChannelRights, lacking: Sequence[str], effect: str) -> list[Finding]:
    if not lacking:
        return []
    names = ", ".join(lacking)
    return [
        Finding(
            t("In #{channel} Muster lacks **{names}**", channel=channel.name, names=names),
            effect,
            t(
                "#{channel} → Edit Channel → Permissions → Muster → {names}",
                channel=channel.name,
                names=names,
            ),
        )
    ]


def _events_here(channel: ChannelRights, guild_bits: int) -> list[Finding]:
    """What a voice channel takes away that the bot has on the server, for the meetings' events."""
    if not channel.bits & p.VIEW_CHANNEL:
        return []
    lacking = names_of((MANAGE_EVENTS | CREATE_EVENTS) & ~channel.bits & guild_bits)
    return _in_channel(channel, lacking, t("The meetings of this group get no events on Discord"))


if __name__ == "__main__":
    bits = permission_integer()
    print(bits, "=", ", ".join(names_of(bits)))  # noqa: T201 - a small command of its own
