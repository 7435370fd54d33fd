"""Pure: the changes that take what is there to what should be there, and their safety limits.

Changes are frozen, ordered and say in words what they do, so that a moderator can read a plan
before anything happens and a test can compare it with literals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from core.errors import UnsafePlan
from core.words import mark, t, tn

# Refuse plans like octoDNS does: small sets may change freely, from ten entries on at most 30 %.
SAFE_COUNT = 10
SAFE_SHARE = 0.3


class Bits(NamedTuple):
    """Raw permission bits of one overwrite. For a role as a place, allow=1 means "has it"."""

    allow: int
    deny: int

    def without(self, other: Bits) -> Bits:
        return Bits(self.allow & ~other.allow, self.deny & ~other.deny)

    def union(self, other: Bits) -> Bits:
        return Bits(self.allow | other.allow, self.deny | other.deny)


NOTHING = Bits(0, 0)


@dataclass(frozen=True, order=True)
class Create:
    """Make a category, role or channel. Channels are born with their members' overwrites."""

    kind: str
    name: str

    def words(self, name_of: Callable[[int], str]) -> str:
        return t(_CREATE[self.kind], name=self.name)


@dataclass(frozen=True, order=True)
class Rename:
    kind: str
    object_id: int
    old: str
    new: str
    not_before: datetime | None = None  # the channel was renamed twice within ten minutes

    def words(self, name_of: Callable[[int], str]) -> str:
        rename = t(_RENAME[self.kind], old=self.old, new=self.new)
        if self.not_before is None:
            return rename
        return t("{rename} (a little later: Discord limits renames)", rename=rename)


@dataclass(frozen=True, order=True)
class Gone:
    """Something that Muster made was deleted on Discord. Flagged; a person decides on repair."""

    kind: str
    object_id: int
    name: str

    def words(self, name_of: Callable[[int], str]) -> str:
        return t("{what} was deleted on Discord", what=t(THE[self.kind], name=self.name))


@dataclass(frozen=True, order=True)
class SetAccess:
    """Change one target's overwrite in one place from `before` to `after`.

    `own` is what belongs to Muster afterwards; `explained` tells whether a removal follows from
    an ended membership or a setting rather than from nowhere.
    """

    place_id: int
    target_id: int
    is_role: bool
    before: Bits
    after: Bits
    own: Bits
    verb: str  # grant, change or revoke
    explained: bool = True

    @property
    def gives(self) -> bool:
        """Whether the target may do something afterwards that it may not do before."""
        more = self.after.allow & ~self.before.allow | self.before.deny & ~self.after.deny
        return self.verb == "grant" or (self.verb == "change" and bool(more))

    def words(self, name_of: Callable[[int], str]) -> str:
        who, where = name_of(self.target_id), name_of(self.place_id)
        return t(_ACCESS[self.verb], who=who, where=where)


@dataclass(frozen=True, order=True)
class Settle:
    """Ledger only, no call: Discord already has (or no longer has) what we set."""

    place_id: int
    target_id: int
    is_role: bool
    own: Bits | None

    def words(self, name_of: Callable[[int], str]) -> str:
        who, where = name_of(self.target_id), name_of(self.place_id)
        return t("note that {where} is already right for {who}", where=where, who=who)


@dataclass(frozen=True, order=True)
class ByHand:
    """A difference that Muster did not make. `what`: a key of _BY_HAND; an event is a place."""

    place_id: int
    target_id: int
    what: str

    def words(self, name_of: Callable[[int], str]) -> str:
        return t(_BY_HAND[self.what], who=name_of(self.target_id), where=name_of(self.place_id))


Change = Create | Rename | Gone | SetAccess | Settle

# By kind, whole phrases: other languages need another article or case for each of them.
WHAT = {
    "category": mark("category “{name}”"),
    "role": mark("role “{name}”"),
    "text": mark("text channel “{name}”"),
    "voice": mark("voice channel “{name}”"),
    "shared": mark("shared channel “{name}”"),
}
THE = {
    "category": mark("the category “{name}”"),
    "role": mark("the role “{name}”"),
    "text": mark("the text channel “{name}”"),
    "voice": mark("the voice channel “{name}”"),
    "shared": mark("the shared channel “{name}”"),
}
_CREATE = {
    "category": mark("create the category “{name}”"),
    "role": mark("create the role “{name}”"),
    "text": mark("create the text channel “{name}”"),
    "voice": mark("create the voice channel “{name}”"),
    "shared": mark("create the shared channel “{name}”"),
}
_RENAME = {
    "category": mark("rename the category “{old}” to “{new}”"),
    "role": mark("rename the role “{old}” to “{new}”"),
    "text": mark("rename the text channel “{old}” to “{new}”"),
    "voice": mark("rename the voice channel “{old}” to “{new}”"),
    "shared": mark("rename the shared channel “{old}” to “{new}”"),
}
_ACCESS = {
    "grant": mark("let {who} into {where}"),
    "change": mark("change the rights of {who} in {where}"),
    "revoke": mark("take access from {who} in {where}"),
}
_BY_HAND = {
    "lost": mark("{who} was taken out of {where} by hand"),
    "denied": mark("{who} is kept out of {where} by hand"),
    "extra": mark("{who} has access to {where} by hand"),
    "renamed": mark("{where} was renamed by hand"),
    "event_renamed": mark("the event {where} was renamed by hand"),
    "event_moved": mark("the event {where} was moved to another time by hand"),
    "event_rehomed": mark("the event {where} was moved to another channel by hand"),
}


@dataclass(frozen=True)
class Plan:
    """Ordered changes, what was changed by hand, and how many entries were already right."""

    changes: tuple[Change, ...] = ()
    by_hand: tuple[ByHand, ...] = ()
    unchanged: int = 0
    owned: int = 0  # ledger entries that the safety limit is measured against
    context: str = field(default="", compare=False)  # the bot's rights: part of the inputs

    def __bool__(self) -> bool:
        return bool(self.changes)

    def inputs_hash(self) -> str:
        """Changes when what is to be done, or what the bot may do, changed."""
        return hashlib.sha256(repr((self.changes, self.context)).encode()).hexdigest()

    def check(self, *, confirmed: bool = False) -> None:
        """Raise UnsafePlan where over 30 % of ten or more entries would go unexplained."""
        # Like `owned`, entries: somebody in a text and a voice channel has two.
        lost = [
            c.target_id
            for c in self.changes
            if isinstance(c, SetAccess) and c.verb == "revoke" and not c.explained
        ]
        if confirmed or self.owned < SAFE_COUNT or len(lost) <= SAFE_SHARE * self.owned:
            return
        raise UnsafePlan(
            tn(
                "{n} person would lose access and nothing explains it, so nothing was taken "
                "from them. Look at /sync plan, then confirm with /sync apply.",
                "{n} people would lose access and nothing explains it, so nothing was taken "
                "from them. Look at /sync plan, then confirm with /sync apply.",
                len(set(lost)),
            )
        )

    def only_safe(self) -> Plan:
        """The plan without its unexplained removals: those alone wait for a confirmation."""
        kept = tuple(
            c
            for c in self.changes
            if not (isinstance(c, SetAccess) and c.verb == "revoke" and not c.explained)
        )
        return Plan(kept, self.by_hand, self.unchanged, self.owned, self.context)

    def words(self, name_of: Callable[[int], str]) -> list[str]:
        """One plain sentence a change, in the order in which they are made."""
        return [c.words(name_of) for c in self.changes if not isinstance(c, Settle)]


def merge(plans: Sequence[Plan]) -> Plan:
    """One plan out of several about the same group, in order."""
    return Plan(
        tuple(c for p in plans for c in p.changes),
        tuple(b for p in plans for b in p.by_hand),
        sum(p.unchanged for p in plans),
        sum(p.owned for p in plans),
        "|".join(p.context for p in plans if p.context),
    )
