"""Pure: a server as people made it by hand, what they wish, and what adopting would make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from core.plan import NOTHING, Bits
from core.reconcile.permissions import VIEW_CHANNEL

ADMINISTRATOR = 1 << 3
# Bits that make a role one of the staff rather than a group's (Discord's "Bitwise Permission
# Flags"): kick, ban, administrator, manage channels and guild, audit log, manage messages,
# mention everyone, mute, deafen, move, manage nicknames, roles, webhooks, expressions, events and
# threads, moderate members.
STAFF = sum(1 << n for n in (1, 2, 3, 4, 5, 7, 13, 17, 22, 23, 24, 27, 28, 29, 30, 33, 34, 40))


@dataclass(frozen=True)
class Channel:
    """A channel as it is. `kind` is text or voice; `overwrites` by member or role id."""

    id: int
    kind: str
    name: str
    category_id: int | None = None
    overwrites: Mapping[int, Bits] = field(default_factory=dict)

    def sees(self, target: int) -> bool:
        """Whether this very target's entry lets it in."""
        return bool(self.overwrites.get(target, NOTHING).allow & VIEW_CHANNEL)

    def shuts_out(self, target: int) -> bool:
        """Whether this very target's entry keeps it out."""
        bits = self.overwrites.get(target, NOTHING)
        return bool(bits.deny & ~bits.allow & VIEW_CHANNEL)


@dataclass(frozen=True)
class Role:
    """A role. `opens` are all channels of the server with an entry that lets the role in.

    `in_reach`: below the bot's and the asker's highest role, and no integration's own.
    """

    id: int
    name: str
    members: frozenset[int] = frozenset()
    permissions: int = 0
    opens: frozenset[int] = frozenset()
    in_reach: bool = True


@dataclass(frozen=True)
class Server:
    """What is there. `channels` are those to choose from, in Discord's order, without threads.

    `people` are the names of those on the server whom an entry or a role names, without bots;
    `roles` are all roles, @everyone's left out.
    """

    everyone: Role
    channels: tuple[Channel, ...]
    roles: Mapping[int, Role] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)
    categories: Mapping[int, str] = field(default_factory=dict)
    name: str = ""

    @cached_property
    def roles_of(self) -> Mapping[int, tuple[Role, ...]]:
        """Everybody's roles."""
        found: dict[int, list[Role]] = defaultdict(list)
        for role in self.roles.values():
            for person in role.members:
                found[person].append(role)
        return {person: tuple(roles) for person, roles in found.items()}

    def is_staff(self, role: Role) -> bool:
        """Whether the role gives powers, or sight of what @everyone does not see."""
        return bool(role.permissions & ~self.everyone.permissions & (STAFF | VIEW_CHANNEL))

    def lets_in(self, channel: Channel, person: int) -> bool:
        """Whether the person sees the channel, as Discord works it out (API, "Permissions")."""
        roles = self.roles_of.get(person, ())
        base = self.everyone.permissions
        for role in roles:
            base |= role.permissions
        if base & ADMINISTRATOR:
            return True
        sees = bool(base & VIEW_CHANNEL)
        for targets in ((self.everyone.id,), tuple(r.id for r in roles), (person,)):
            if any(channel.sees(t) for t in targets):
                sees = True
            elif any(channel.shuts_out(t) for t in targets):
                sees = False
        return sees


@dataclass(frozen=True)
class Wishes:
    """What a moderator chose and corrected. Groups are named by their first channel's id."""

    categories: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    name: str | None = None
    out: frozenset[int] = frozenset()  # channels
    kept: frozenset[int] = frozenset()  # channels that look like common rooms, and are not
    pairs: Mapping[int, int | None] = field(default_factory=dict)  # voice: its text, None: alone
    role_of: Mapping[int, int | None] = field(default_factory=dict)  # group: its role
    without: frozenset[int] = frozenset()  # people
    home: Mapping[int, int] = field(default_factory=dict)  # somebody in several: their group
    one_by_one: bool = False  # let people in one by one, though each group has its role


@dataclass(frozen=True)
class Group:
    """A proposed group. `key` is its first channel; `role` its own role, where it has one.

    `gate`: the role opens all its channels, so that having it is enough.
    """

    key: int
    name: str
    text: int | None
    voice: int | None
    role: int | None = None
    gate: bool = False
    people: tuple[int, ...] = ()
    helpers: frozenset[int] = frozenset()  # those of them who moderate here: facilitators

    @property
    def channels(self) -> tuple[int, ...]:
        return tuple(c for c in (self.text, self.voice) if c is not None)


@dataclass(frozen=True)
class Proposal:
    """Groups and people as they would be adopted, and who or what stays outside."""

    name: str
    by_role: bool
    groups: tuple[Group, ...]
    left_out: tuple[int, ...] = ()  # channels that were chosen and are not adopted
    categories: tuple[int, ...] = ()  # adopted with their channels
    several: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # person: group keys
    outside: frozenset[int] = frozenset()  # people with access who are in no group
    dependent: frozenset[int] = frozenset()  # members let in by what stays others' business
    blind: frozenset[int] = frozenset()  # members by their role who do not see the channel

    @property
    def people(self) -> int:
        return sum(len(g.people) for g in self.groups)

    @property
    def rooms(self) -> str:
        """As in cohorts.rooms: both, text or voice."""
        texts, voices = any(g.text for g in self.groups), any(g.voice for g in self.groups)
        return "both" if texts and voices else "text" if texts else "voice"


@dataclass(frozen=True)
class Row:
    """A ledger entry of adoption: what stands in a place for a target, and is ours from now."""

    group: int  # its key
    place_id: int
    target_id: int
    bits: Bits
    is_role: bool = False
