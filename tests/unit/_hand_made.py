"""Servers as people make them, as the proposal of /cohort adopt sees them."""

from __future__ import annotations

from dataclasses import replace

from core.plan import Bits
from core.reconcile.adopt import propose
from core.reconcile.hand_made import Channel, Proposal, Role, Server, Wishes
from core.reconcile.permissions import (
    TEXT_ACCESS,
    VIEW_CHANNEL,
    VOICE_ACCESS,
)

EVERYONE, BOT, MODS, HOME = 1, 2, 3, 4
HIDDEN, IN = Bits(0, VIEW_CHANNEL), Bits(VIEW_CHANNEL, 0)
ADA, BEN, CLEO, DAN, EVE = 11, 12, 13, 14, 15
PEOPLE = {ADA: "Ada", BEN: "Ben", CLEO: "Cleo", DAN: "Dan", EVE: "Eve"}
PLAIN = Role(EVERYONE, "@everyone", permissions=TEXT_ACCESS | VOICE_ACCESS)


def text(number: int, name: str, entries: dict[int, Bits] | None = None) -> Channel:
    return Channel(number, "text", name, HOME, {EVERYONE: HIDDEN, **(entries or {})})


def voice(number: int, name: str, entries: dict[int, Bits] | None = None) -> Channel:
    return replace(text(number, name, entries), kind="voice")


def server(*channels: Channel, roles: dict[int, frozenset[int]] | None = None) -> Server:
    made = {
        i: Role(
            i, f"Role {i}", members, opens=frozenset(c.id for c in channels if c.sees(i))
        )
        for i, members in (roles or {}).items()
    }  # fmt: skip
    return Server(PLAIN, channels, made, PEOPLE, {HOME: "stats-autumn"}, "Study Hall")


def look(made: Server, **wishes: object) -> Proposal:
    return propose(made, Wishes(**{"categories": (HOME,), **wishes}))  # type: ignore[arg-type]


def shape(proposal: Proposal) -> list[tuple[str, int | None, int | None, tuple[int, ...]]]:
    return [(g.name, g.text, g.voice, g.people) for g in proposal.groups]


PAIRS = server(
    text(100, "group-1", {ADA: IN, BEN: IN}),
    voice(101, "Group 1 Voice", {ADA: IN, BEN: IN}),
    text(200, "group-2", {CLEO: IN}),
    voice(201, "Group 2 Voice", {CLEO: IN}),
)
BY_ROLE = server(
    text(90, "general", {31: IN, 32: IN}),
    text(100, "team-a", {31: IN}), voice(101, "Team A", {31: IN}), text(200, "team-b", {32: IN}),
    roles={31: frozenset({ADA, BEN}), 32: frozenset({CLEO, 99})},
)  # fmt: skip
