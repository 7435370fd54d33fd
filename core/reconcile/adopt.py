"""Pure: from channels and roles that people made by hand to a proposal of groups and members.

Nothing is guessed where it matters: somebody who is in two groups is in none until a moderator
says which, a role is a group's only where it opens no other group, and whoever is left out
keeps what they have.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from core.plan import NOTHING
from core.reconcile.hand_made import Channel, Group, Proposal, Role, Row, Server, Wishes
from core.reconcile.permissions import HAS_ROLE, MANAGE_MESSAGES, MUTE_MEMBERS
from core.words import t

GROUP_NAME, COHORT_NAME = 80, 90  # as for groups and cohorts that Muster makes
# What tells a text channel's name from its voice channel's: left out when names are compared.
_KIND_WORDS = frozenset(
    {
        "voice", "text", "chat", "vc", "talk", "call", "calls", "audio", "channel", "room",
        "sprache", "sprachkanal", "textkanal",
    }
)  # fmt: skip


def channels_of(server: Server, wishes: Wishes) -> tuple[Channel, ...]:
    """The channels that were chosen, in the server's order."""
    return tuple(
        c for c in server.channels if c.category_id in wishes.categories or c.id in wishes.channels
    )


def propose(server: Server, wishes: Wishes) -> Proposal:
    """What adopting would make of what is there."""
    return _Draft(server, wishes).proposal()


class _Draft:
    """One proposal being worked out, step by step."""

    def __init__(self, server: Server, wishes: Wishes) -> None:
        self.server, self.wishes = server, wishes
        self.chosen = channels_of(server, wishes)
        self.by_id = {c.id: c for c in self.chosen}
        self.inside = tuple(c for c in self.chosen if c.id not in wishes.out)
        # Roles that may be a group's: none of the staff's.
        self.ours = {r.id: r for r in server.roles.values() if not server.is_staff(r)}

    def proposal(self) -> Proposal:
        groups = [self._with_people(self._with_role(g)) for g in self.rooms]
        groups = [g for g in groups if not self._is_common(g, groups)]
        several = _in_several(groups)
        groups = _distinct([self._settled(g, several) for g in groups])
        by_role = self._by_role(groups)
        used = {c for g in groups for c in g.channels}
        within = {self.by_id[c].category_id for c in used}
        return Proposal(
            (self.wishes.name or self._cohort_name())[:COHORT_NAME].strip(),
            by_role,
            tuple(groups),
            left_out=tuple(c.id for c in self.chosen if c.id not in used),
            categories=tuple(i for i in self.wishes.categories if i in within),
            several={p: k for p, k in several.items() if self.wishes.home.get(p) not in k},
            outside=self._outside(groups),
            dependent=frozenset(
                p
                for g in groups
                for p in g.people
                if not by_role and not all(self.by_id[c].sees(p) for c in g.channels)
            ),
            blind=frozenset(
                p
                for g in groups
                for p in g.people
                if not any(self.server.lets_in(self.by_id[c], p) for c in g.channels)
            ),
        )

    def _cohort_name(self) -> str:
        names = self.server.categories
        homes = [c.category_id for c in self.chosen if c.category_id is not None]
        found = next((_pretty(names[home]) for home in homes if home in names), "")
        return found or self.server.name

    # --- channels to groups ----------------------------------------------------------------------

    @cached_property
    def rooms(self) -> list[Group]:
        """The channels as groups, without roles and people."""
        texts = [c for c in self.inside if c.kind == "text"]
        voices = [c for c in self.inside if c.kind == "voice"]
        voice_of = {text: voice for voice, text in self._pairs(texts, voices).items() if text}
        paired = set(voice_of.values())
        return [
            Group(c.id, _pretty(c.name), c.id, voice_of.get(c.id))
            if c.kind == "text"
            else Group(c.id, _pretty(c.name), None, c.id)
            for c in self.inside
            if c.id not in paired
        ]

    def _pairs(self, texts: list[Channel], voices: list[Channel]) -> dict[int, int | None]:
        """By voice channel, its text channel: as a moderator said, else by name, else by access."""
        known = {c.id for c in texts}
        result: dict[int, int | None] = {
            v.id: self.wishes.pairs[v.id]
            for v in voices
            if v.id in self.wishes.pairs and self.wishes.pairs[v.id] in {None, *known}
        }
        for same in (_key, self._private):
            free = [c for c in texts if c.id not in result.values()]
            lonely = [c for c in voices if c.id not in result]
            for likeness in dict.fromkeys(same(c) for c in lonely):
                if likeness:
                    left = [c for c in free if same(c) == likeness]
                    right = [c for c in lonely if same(c) == likeness]
                    result |= self._match(left, right)
        return {v.id: result.get(v.id) for v in voices}

    def _match(self, texts: list[Channel], voices: list[Channel]) -> dict[int, int | None]:
        """Pair channels that look alike: the same people first, then one by one if as many."""
        found: dict[int, int | None] = {}
        for voice in voices:
            alike = [t for t in texts if self._private(t) == self._private(voice)]
            if len(alike) == 1 and self._private(voice):
                found[voice.id] = alike[0].id
                texts = [t for t in texts if t is not alike[0]]
        rest = [v for v in voices if v.id not in found]
        if len(rest) == len(texts):
            for voice, text in zip(rest, texts, strict=True):
                mine, theirs = self._private(voice), self._private(text)
                if not mine or not theirs or mine & theirs:
                    found[voice.id] = text.id
        return found

    def _private(self, channel: Channel) -> frozenset[int]:
        """Who has an entry of their own that lets them see this channel: people and roles."""
        known = self.server.people.keys() | self.ours.keys()
        return frozenset(t for t in channel.overwrites if t in known and channel.sees(t))

    # --- roles -----------------------------------------------------------------------------------

    @cached_property
    def opened(self) -> dict[int, frozenset[int]]:
        """By role, what it opens: groups by their key, and channels that are in no group."""
        key_of = {c: g.key for g in self.rooms for c in g.channels}
        return {r.id: frozenset(key_of.get(c, c) for c in r.opens) for r in self.ours.values()}

    @cached_property
    def hubs(self) -> frozenset[int]:
        """What several groups' roles open beside their own: common rooms.

        There the rest of what its roles open is no chain: role A opens a, role B opens b. Where
        it is one (a group's role, and one for all students), the room is some group's.
        """
        rests: dict[int, set[frozenset[int]]] = defaultdict(set)
        for opened in self.opened.values():
            for place in opened:
                rests[place].add(opened - {place})
        kept = {g.key for g in self.rooms if self._is_kept(g)}
        return frozenset(p for p, found in rests.items() if p not in kept and not _is_chain(found))

    def _own_roles(self, group: Group) -> list[Role]:
        """Roles that open this group and no other, common rooms aside."""
        return [
            self.ours[role]
            for role, opened in self.opened.items()
            if group.key in opened and opened - self.hubs == {group.key}
        ]

    def _with_role(self, group: Group) -> Group:
        mine = group.channels
        gates = [
            r.id
            for r in self._own_roles(group)
            if r.in_reach and all(self.by_id[c].sees(r.id) for c in mine)
        ]
        names = {_key(self.by_id[c]) for c in mine}
        # A role that was chosen and opens nothing says by its name whose it is.
        hints = [
            r
            for r in self.wishes.roles
            if r in self.ours and not self.opened[r] and _words(self.ours[r].name) in names
        ]
        role = gates[0] if len(gates) == 1 else hints[0] if len(hints) == 1 else None
        role = self.wishes.role_of.get(group.key, role)
        if role not in self.ours:
            return group
        return replace(group, role=role, gate=all(self.by_id[c].sees(role) for c in mine))

    def _by_role(self, groups: list[Group]) -> bool:
        """Each group has one role of its own that lets its people in, and that may be given."""
        roles = [g.role for g in groups if g.role is not None and g.gate]
        return (
            bool(groups)
            and len(set(roles)) == len(groups)
            and not self.wishes.one_by_one
            and all(self.ours[r].in_reach for r in roles)
        )

    # --- people ----------------------------------------------------------------------------------

    def _with_people(self, group: Group) -> Group:
        channels = [self.by_id[c] for c in group.channels]
        found = {t for c in channels for t in c.overwrites if c.sees(t)}
        roles = self._own_roles(group) + ([self.ours[group.role]] if group.role else [])
        for role in roles:
            found |= {p for p in role.members if not all(c.shuts_out(p) for c in channels)}
        found = (found & self.server.people.keys()) - self.wishes.without
        helpers = frozenset(
            p
            for p in found
            for c in channels
            if c.overwrites.get(p, NOTHING).allow
            & (MANAGE_MESSAGES if c.kind == "text" else MUTE_MEMBERS)
        )
        return replace(group, people=tuple(sorted(found)), helpers=helpers)

    def _is_kept(self, group: Group) -> bool:
        """A moderator said something of it that makes it a group, whatever it looks like."""
        wishes = self.wishes
        said = wishes.kept | wishes.pairs.keys() | {*wishes.pairs.values()} | wishes.role_of.keys()
        return bool(said & {*group.channels})

    def _is_common(self, group: Group, groups: list[Group]) -> bool:
        """No group but a room for several: without people of its own, or with those of others."""
        if self._is_kept(group):
            return False
        if not group.people or group.key in self.hubs:
            # Not by what was said by hand: who names one group's role goes on to the next group.
            own = (g for g in groups if g.key not in self.hubs | self.wishes.role_of.keys())
            return any(g.people for g in own)
        mine = {*group.people}
        return sum(bool(g.people) and {*g.people} < mine for g in groups) > 1

    def _settled(self, group: Group, several: Mapping[int, tuple[int, ...]]) -> Group:
        """The group with those who are in no other, or for whom a moderator named this one."""
        home = self.wishes.home
        people = tuple(p for p in group.people if p not in several or home.get(p) == group.key)
        return replace(group, people=people, helpers=group.helpers & {*people})

    def _outside(self, groups: Iterable[Group]) -> frozenset[int]:
        """People whom an entry or a role lets into an adopted channel, and who are in no group."""
        members: set[int] = set()
        seeing: set[int] = set()
        for group in groups:
            members |= {*group.people}
            for channel in (self.by_id[c] for c in group.channels):
                for target in filter(channel.sees, channel.overwrites):
                    role = self.server.roles.get(target)
                    seeing |= role.members if role else {target}
        return frozenset((seeing & self.server.people.keys()) - members)


def _is_chain(sets: Iterable[frozenset[int]]) -> bool:
    """Whether each of the sets contains all smaller ones."""
    ordered = sorted(sets, key=len)
    return all(a <= b for a, b in pairwise(ordered))


def _in_several(groups: Iterable[Group]) -> dict[int, tuple[int, ...]]:
    """People who are in more than one of the groups, with those groups."""
    where: dict[int, list[int]] = defaultdict(list)
    for group in groups:
        for person in group.people:
            where[person].append(group.key)
    return {p: tuple(keys) for p, keys in where.items() if len(keys) > 1}


def _words(name: str) -> str:
    """A name as it is compared: its words without those that only tell text from voice."""
    folded = unicodedata.normalize("NFKC", name).lower()
    words = re.findall(r"[^\W_]+", folded)
    telling = [w for w in words if w not in _KIND_WORDS]
    return " ".join(telling or words) or folded.strip()


def _key(channel: Channel) -> str:
    return _words(channel.name)


def _pretty(name: str) -> str:
    """A channel's name as a group's: spaces for hyphens, no bars around it, a capital first."""
    spaced = " ".join(re.sub(r"[-_\s]+", " ", name).split()).strip(" |┃│╎・:·")
    return spaced[:1].upper() + spaced[1:]


def _folded(name: str) -> str:
    """At least as coarse as Postgres's lower(), whatever the locale: the dotted İ becomes an i."""
    return name.replace("İ", "i").casefold()


def _distinct(groups: list[Group]) -> list[Group]:
    """Names that no two groups share, of at most 80 characters; nameless ones get a number."""
    taken: set[str] = set()
    result = []
    for number, group in enumerate(groups, 1):
        plain = (group.name or t("Group {n}", n=number))[:GROUP_NAME].strip()
        name, copy = plain, 1
        while _folded(name) in taken:
            copy += 1
            suffix = f" ({copy})"
            name = plain[: GROUP_NAME - len(suffix)].strip() + suffix
        taken.add(_folded(name))
        result.append(replace(group, name=name))
    return result


def role_choices(server: Server, group: Group) -> list[Role]:
    """Roles that a moderator may call this group's, those that open its channels first."""
    mine = frozenset(group.channels)
    fit = [r for r in server.roles.values() if r.in_reach and not server.is_staff(r)]
    return sorted(fit, key=lambda r: (not r.opens & mine, len(r.opens - mine), r.name.lower()))


def ledger(server: Server, proposal: Proposal) -> list[Row]:
    """What is ours from the moment of adoption: the members' own entries, exactly as they stand.

    A member without an entry gets an empty one: settled, needs nothing of ours. In role mode the
    role itself is what lets people in, and its entries in the channels are kept as they are.
    """
    by_id = {c.id: c for c in server.channels}
    rows = []
    for group in proposal.groups:
        role = group.role if proposal.by_role else None
        for place in group.channels:
            entries = by_id[place].overwrites
            if role is not None:
                rows.append(Row(group.key, place, role, entries.get(role, NOTHING), is_role=True))
            rows += [
                Row(group.key, place, person, entries.get(person, NOTHING))
                for person in group.people
                if role is None or person in entries
            ]
        if role is not None:
            has = server.roles[role].members
            rows += [
                Row(group.key, role, person, HAS_ROLE if person in has else NOTHING)
                for person in group.people
            ]
    return rows
