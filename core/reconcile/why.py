"""Pure: the first broken link between a person and a channel, and what can be done about it.

The links are looked at in the order in which Discord and Muster need them: on the server, past
its rules, in the group, the group open, its channels there, the person let in, nothing in the
way. The words for each code are in bot/ui/why_words.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Someone:
    """The person on this server. Times are UTC."""

    here: bool = True
    left_at: datetime | None = None
    bot: bool = False
    pending: bool = False  # the rules are not accepted yet
    quiet_until: datetime | None = None  # timed out by Discord, and that lies ahead
    sees_all: bool = False  # the owner, or an administrator
    moderates: bool = False  # has the moderator role


@dataclass(frozen=True)
class Team:
    """The group that the channel belongs to."""

    status: str = "active"
    cohort_status: str = "open"
    opened: bool = False  # a moderator asked for its channels

    @property
    def read_only(self) -> bool:
        return self.status == "completed"


@dataclass(frozen=True)
class Visit:
    """A guest's visit to one meeting: access from `opens_at` to `closes_at` (UTC).

    `planned`: that meeting did not end with its group. `ended_at`: the visit was taken back.
    """

    opens_at: datetime
    closes_at: datetime
    planned: bool = True
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Guest:
    """What a visit means now: open until `at`, early until `at`, or over, withdrawn, off since.

    off: the meeting does not take place; `at` is when the channels would have opened.
    """

    state: Literal["open", "early", "withdrawn", "off", "over"]
    at: datetime


def guest_of(visits: Iterable[Visit], now: datetime) -> Guest | None:
    """What somebody's visits to one group mean: one that is open, else to come, else the last."""
    found = [(_guest(visit, now), visit.opens_at) for visit in visits]
    for state in ("open", "early"):
        those = [guest for guest, _ in found if guest.state == state]
        if those:
            # The longest of those that overlap, the first of those to come.
            return (max if state == "open" else min)(those, key=lambda guest: guest.at)
    return max(found, key=lambda pair: pair[1])[0] if found else None


def _guest(visit: Visit, now: datetime) -> Guest:
    if visit.ended_at is not None:
        return Guest("withdrawn", visit.ended_at)
    if visit.closes_at <= now:
        return Guest("over", visit.closes_at)
    if not visit.planned:
        return Guest("off", visit.opens_at)
    if visit.opens_at > now:
        return Guest("early", visit.opens_at)
    return Guest("open", visit.closes_at)


@dataclass(frozen=True)
class Seat:
    """The person's newest membership in the group ("": none ever), and what stands beside it."""

    status: str = "active"
    ended_at: datetime | None = None
    ended_by: int | None = None  # a moderator's id, where the history names one
    elsewhere: str | None = None  # another group of the cohort that they are in
    expected: bool = False  # on an imported list of this group
    guest: Guest | None = None  # of one meeting of this group, as somebody of another one


@dataclass(frozen=True)
class GroupRole:
    """The group's role where roles let people in. `state` "" where they do not."""

    state: str = ""
    name: str = ""
    id: int | None = None
    too_low: bool = False  # the bot cannot hand it out


@dataclass(frozen=True)
class Door:
    """One channel as it is for this person.

    `state` is Muster's ("" where it is not Muster's, else intent, created or deleted). `through`
    says how somebody who is not in the group gets in: own, role (named by `name`) or open.
    `by_hand`: lost, denied (their own access), role_lost (the role was taken from them) or
    role_closed (the role was kept out of the channel).
    """

    id: int | None = None
    kind: str = "text"
    state: str = "created"
    there: bool = True
    sees: bool = True
    uses: bool = True  # writes in a text channel, connects to a voice channel
    through: str = ""
    name: str = ""
    owed: bool = False  # a sync has something to do before they can get in
    lacks: int = 0  # bits that the bot is missing in it
    lacks_here: int = 0  # bits that the bot is missing on the server
    by_hand: str = ""
    trace: str = ""  # what a hand did to the entry: create, update or delete
    missing: int = 0  # bits of theirs that were taken or denied by hand


@dataclass(frozen=True)
class SyncFacts:
    """What became of the last look at the group's channels, as in sync_states."""

    status: str = "ok"
    next_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Case:
    """Everything that decides. Without a team the channel is not a group's of Muster's.

    `shared`: it is about the channel of a whole cohort, on or off; then the team and the seat are
    those of the person's own group in it.
    """

    someone: Someone = field(default_factory=Someone)
    team: Team | None = field(default_factory=Team)
    seat: Seat = field(default_factory=Seat)
    role: GroupRole = field(default_factory=GroupRole)
    doors: tuple[Door, ...] = (Door(),)
    sync: SyncFacts = field(default_factory=SyncFacts)
    shared: Literal["", "on", "off"] = ""


@dataclass(frozen=True)
class Link:
    """The first broken link, or that there is none (code `right`).

    `fix` is sync, put_back, open, add, repair, check or None. `door` is the channel meant.
    """

    code: str
    fix: str | None = None
    door: Door | None = None
    at: datetime | None = None
    who: int | None = None
    name: str = ""
    bits: int = 0
    reason: str = ""
    role_id: int | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing is broken on our side."""
        return self.code in FINE


FINE = frozenset({"right", "guest_open", "sees_all"})
BY_HAND = {
    "lost": "taken_out",
    "denied": "denied",
    "role_lost": "role_taken",
    "role_closed": "role_closed",
}
# What a moderator's hand did, so that Discord's audit log may name it.
DONE_BY_HAND = frozenset({*BY_HAND.values(), "muted"})


def why(case: Case) -> Link:
    """The first broken link. Of several doors the first that is shut counts."""
    link = _person(case)
    if link is not None:
        return link
    if case.team is None:
        return _foreign(case.doors[0])
    return (
        _everything(case)
        or (Link("pending") if case.someone.pending else None)
        or _belonging(case, case.team)
        or _channels(case, case.team)
    )


def _person(case: Case) -> Link | None:
    someone = case.someone
    if someone.bot:
        return Link("bot")
    if someone.here:
        return None
    if case.seat.expected:
        return Link("expected")
    return Link("left", at=someone.left_at) if someone.left_at else Link("not_here")


def _foreign(door: Door) -> Link:
    """A channel that no group of Muster's owns."""
    if door.kind == "category":
        return Link("category", door=door)
    return Link("not_ours_sees" if door.sees else "not_ours", door=door)


def _everything(case: Case) -> Link | None:
    door = next((d for d in case.doors if d.there), None)
    gone = any(_is_gone(d) for d in case.doors)
    return Link("sees_all", door=door) if case.someone.sees_all and door and not gone else None


def _belonging(case: Case, team: Team) -> Link | None:
    """In this group? Who is not may still see the channel in some other way."""
    seat = case.seat
    mine = seat.status == "active" or (seat.status == "completed" and team.read_only)
    if case.shared != "off" and (mine or (seat.guest and seat.guest.state == "open")):
        return None
    door = next((d for d in case.doors if d.there and d.sees), None)
    if door is not None:
        code = "by_moderator" if case.someone.moderates else f"sees_{door.through or 'open'}"
        return Link(code, door=door, name=door.name)
    if case.shared == "off":
        return Link("shared_off")
    if case.shared and not seat.status and not seat.expected:
        return Link("in_none", _addable(team))
    return Link("cancelled") if team.status == "cancelled" else _outside(seat, _addable(team))


def _outside(seat: Seat, fix: str | None) -> Link:
    """Not in the group: a guest, in another one, on a list, gone or never there."""
    if seat.guest is not None:
        wait = seat.guest.state == "early"
        return Link(
            f"guest_{seat.guest.state}", None if wait else fix, at=seat.guest.at,
            name=seat.elsewhere or "",
        )  # fmt: skip
    if seat.elsewhere is not None:
        return Link("other_group", fix, name=seat.elsewhere, who=seat.ended_by, at=seat.ended_at)
    if seat.expected:
        return Link("expected_here", fix)
    code = {"removed": "removed", "": "no_group"}.get(seat.status, "left_group")
    return Link(code, fix, at=seat.ended_at, who=seat.ended_by if code == "removed" else None)


def _addable(team: Team) -> str | None:
    live = team.status in {"preview", "active"} and team.cohort_status in {"draft", "open"}
    return "add" if live else None


def _channels(case: Case, team: Team) -> Link:
    if not case.doors or all(d.state == "intent" for d in case.doors):
        link = _unopened(case, team)
        if link is not None:
            return link
    if case.role.state == "deleted":
        return Link("role_deleted", "repair", name=case.role.name)
    for door in case.doors:
        shut = _shut(case, team, door)
        if shut is not None:
            return shut
    first = next((d for d in case.doors if d.there), None)
    # An adopted channel does not become read-only.
    if team.read_only and not (first is not None and first.uses):
        return Link("closed" if team.cohort_status == "closed" else "archived", door=first)
    guest = case.seat.guest if case.seat.status != "active" else None
    return Link("guest_open", door=first, at=guest.at) if guest else Link("right", door=first)


def _unopened(case: Case, team: Team) -> Link | None:
    """Channels that are not there yet, and nobody is about to make them."""
    if team.status == "cancelled":
        return Link("cancelled")
    if team.read_only:
        return Link("ended_unopened")
    if team.cohort_status == "draft" and not team.opened:
        return Link("draft", "open")
    return None if case.doors else _owed(case, Door(None, state="intent", there=False))


def _is_gone(door: Door) -> bool:
    return door.state == "deleted" or (door.state == "created" and not door.there)


def _shut(case: Case, team: Team, door: Door) -> Link | None:
    """Why this one door does not open for somebody who is in the group; None: it does."""
    if _is_gone(door):
        return Link("deleted", "repair", door)
    if door.sees and case.someone.quiet_until is not None and not team.read_only:
        return Link("timed_out", door=door, at=case.someone.quiet_until)
    if door.sees and (door.uses or team.read_only):
        return None
    return _owed(case, door) if door.owed else _stuck(case, door)


def _stuck(case: Case, door: Door) -> Link:
    """Nothing is left to do for a sync, and they are not in all the same."""
    if door.by_hand in {"lost", "denied"} and door.sees:
        return Link("muted", "put_back", door, bits=door.missing)
    if door.by_hand:
        role = case.role
        return Link(BY_HAND[door.by_hand], "put_back", door, name=role.name, role_id=role.id)
    return Link("unclear", "sync", door)


def _owed(case: Case, door: Door) -> Link:
    """A sync would let them in: why has it not done so yet?"""
    sync = case.sync
    if case.role.too_low and case.role.state == "created":
        return Link("role_too_low", "check", door, name=case.role.name)
    if door.lacks_here:
        return Link("bot_lacks_here", "check", door, bits=door.lacks_here)
    if door.lacks:
        return Link("bot_lacks", "check", door, bits=door.lacks)
    if sync.status == "parked":
        return Link("gave_up", "sync", door, reason=sync.reason)
    if sync.status == "waiting":
        return Link("queued", "sync", door, at=sync.next_at, reason=sync.reason)
    return Link("soon", "sync", door)
