"""Every missing bit is named, with the way to give it."""

from __future__ import annotations

import discord
import pytest

from core.reconcile.doctor import (
    FEATURES,
    NAMES,
    ChannelRights,
    RolePosition,
    examine,
    names_of,
    permission_integer,
)
from core.reconcile.permissions import GRANTABLE

ALL = permission_integer()


def test_the_invite_asks_for_exactly_this() -> None:
    asked = discord.Permissions(ALL)
    assert {name for name, on in asked if on} == {
        "view_channel", "read_messages", "manage_channels", "manage_roles", "manage_permissions",
        "send_messages", "read_message_history", "connect", "speak", "manage_messages",
        "mute_members", "manage_nicknames", "pin_messages", "manage_events", "create_events",
    } & {name for name, _ in asked}  # fmt: skip
    assert not asked.administrator
    assert not asked.manage_guild


def test_each_feature_adds_only_its_own() -> None:
    assert permission_integer(()) == 0
    assert permission_integer(("nicknames",)) == 1 << 27
    assert permission_integer(("posts", "nicknames")) == 1 << 27 | 1 << 11 | 1 << 51
    assert permission_integer(tuple(FEATURES)) == ALL


def test_every_bit_has_a_name() -> None:
    assert sum(NAMES) == ALL
    assert len(names_of(ALL)) == len(NAMES)


def test_nothing_missing_nothing_said() -> None:
    assert (
        examine(
            features=list(FEATURES), guild_bits=ALL, top_role=5,
            channels=[ChannelRights(1, "group-1", "text", ALL)],
            roles=[RolePosition("Stats - Group 1", 4)], intents={"members": True},
        )
        == []
    )  # fmt: skip


@pytest.mark.parametrize("bit", list(NAMES), ids=list(NAMES.values()))
def test_each_missing_bit_is_named_once(bit: int) -> None:
    found = examine(features=list(FEATURES), guild_bits=ALL & ~bit)
    assert [f.what for f in found] == [f"Muster lacks **{NAMES[bit]}** on this server"]
    assert found[0].fix.endswith(NAMES[bit])
    assert found[0].effect.startswith("It needs it to")


@pytest.mark.parametrize(
    ("kind", "bit", "named"),
    [
        ("text", 1 << 11, "Send Messages"),
        ("text", 1 << 16, "Read Message History"),
        ("text", 1 << 28, "Manage Roles"),
        ("text", 1 << 10, "View Channels"),
        ("voice", 1 << 20, "Connect"),
        ("voice", 1 << 21, "Speak"),
        ("category", 1 << 4, "Manage Channels"),
        ("text", 1 << 20, None),  # a text channel needs no Connect
        ("category", 1 << 11, None),
        ("voice", 1 << 33, "Manage Events"),
        ("voice", 1 << 44, "Create Events"),
        ("text", 1 << 33, None),
    ],
)
def test_each_channel_by_itself(kind: str, bit: int, named: str | None) -> None:
    channel = ChannelRights(1, "group-1", kind, ALL & ~bit)
    found = examine(features=list(FEATURES), guild_bits=ALL, channels=[channel])
    if named is None:
        assert found == []
    else:
        assert [f.what for f in found] == [f"In #group-1 Muster lacks **{named}**"]
        assert found[0].fix == f"#group-1 → Edit Channel → Permissions → Muster → {named}"


def test_what_the_server_lacks_is_not_repeated_for_every_channel() -> None:
    without = ALL & ~(1 << 21)
    channels = [ChannelRights(n, f"voice {n}", "voice", without) for n in range(30)]
    assert len(examine(features=list(FEATURES), guild_bits=without, channels=channels)) == 1


@pytest.mark.parametrize(("position", "ok"), [(4, True), (5, False), (6, False)])
def test_roles_must_stand_below(position: int, ok: bool) -> None:
    found = examine(features=[], guild_bits=ALL, roles=[RolePosition("Owls", position)], top_role=5)
    assert (found == []) is ok
    if found:
        assert found[0].what == "The role Owls is not below Muster's role"


def test_a_missing_intent_comes_first() -> None:
    found = examine(features=["channels"], guild_bits=0, intents={"members": False})
    assert found[0].what == "The members intent is off"
    assert len(found) == 3


def test_rights_for_sale_are_a_short_list() -> None:
    """Nothing that Muster hands out lets anybody hand out more."""
    assert not GRANTABLE & (1 << 3 | 1 << 28 | 1 << 5 | 1 << 4)
