"""Whatever moderators do: undone in reverse, it is as if they had done nothing. And done again.

Random sequences of their operations run on the real Postgres and the simulated Discord. After
each undo everything is compared with what stood there before that operation: memberships with
their seats, groups, cohorts, settings, and the raw permission entries of every channel, in which
entries and bits of others stand that no operation may touch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core import sync
from core.config import GuildSettings
from core.db.engine import Database
from core.db.models import (
    AuditEntry,
    Cohort,
    Group,
    Guild,
    ManagedObject,
    Membership,
    Role,
)
from core.errors import Refusal
from core.operations import cohorts, groups, membership, merging, undo
from core.operations import settings as guild_settings
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.examples import examples
from tests.shared_database import SharedDatabase
from tests.world import World, world

PEOPLE = 5
LIVE = {"preview", "active"}
# An operation: its name, and three numbers that choose among what there is.
NAMES = (
    "add", "add", "add", "facilitate", "move", "move", "remove", "join", "leave",
    "create", "rename", "seats", "open", "archive", "merge", "new_cohort", "edit_cohort",
    "cohort_seats", "open_cohort", "close_cohort", "cancel_cohort", "settings", "hand",
)  # fmt: skip
NUMBER = st.integers(0, 99)
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), NUMBER, NUMBER, NUMBER), min_size=3, max_size=9)


@dataclass
class State:
    """Everything that undo restores. Keys are row ids, or Discord's ids of channels and roles."""

    members: dict[int, Any] = field(default_factory=dict)
    groups: dict[int, Any] = field(default_factory=dict)
    cohorts: dict[int, Any] = field(default_factory=dict)
    settings: Any = None
    access: dict[int, Any] = field(default_factory=dict)
    inside: dict[int, set[int]] = field(default_factory=dict)  # channel: its group's people


async def snapshot(w: World, database: Database) -> State:
    """Read it all, from the rows and from the simulated Discord itself."""
    state = State()
    async with database.transaction() as session:
        for m in await session.scalars(select(Membership)):
            held = (m.group_id, m.user_id, m.role, m.seat, m.status, m.reason, m.ended_at)
            state.members[m.id] = held
        for g in await session.scalars(select(Group)):
            status = "live" if g.status in LIVE else g.status
            state.groups[g.id] = (g.name, g.seats, status, g.opened_at, g.merged_into_id)
        for c in await session.scalars(select(Cohort)):
            state.cohorts[c.id] = (
                c.name, c.status, c.seats, c.meetings, c.start_date, c.access_mode, c.rooms,
            )  # fmt: skip
        raw = await session.scalar(select(Guild.settings).where(Guild.id == w.guild.id))
        state.settings = GuildSettings.model_validate(raw or {})
        rows = await session.execute(
            select(ManagedObject.discord_id, ManagedObject.group_id).where(
                ManagedObject.group_id.is_not(None), ManagedObject.state == "created"
            )
        )
        people: dict[int | None, set[int]] = {}
        for group_id, user_id in await session.execute(
            select(Membership.group_id, Membership.user_id).where(Membership.status == "active")
        ):
            people.setdefault(group_id, set()).add(user_id)
        state.inside = {place: people.get(group, set()) for place, group in rows if place}
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    for channel in guild.channels:
        state.access[channel.id] = {o.id: (o.allow, o.deny) for o in channel._overwrites}
    return state


def same(now: State, then: State, people: set[int]) -> None:
    """What there was is as it was; what was made since lets nobody in who is not in the group."""
    for row, held in then.members.items():
        assert now.members[row] == held
    for row, held in now.members.items():
        assert row in then.members or held[4] != "active"
    assert {i: g for i, g in now.groups.items() if i in then.groups} == then.groups
    assert all(g[2] != "live" for i, g in now.groups.items() if i not in then.groups)
    assert {i: c for i, c in now.cohorts.items() if i in then.cohorts} == then.cohorts
    made = [c for i, c in now.cohorts.items() if i not in then.cohorts]
    assert all(c[1] not in {"draft", "open"} for c in made)
    assert now.settings == then.settings
    for place, entries in now.access.items():
        if place in then.access:
            assert entries == then.access[place]
        else:
            assert entries.keys() & people <= now.inside.get(place, set())


class Moderators:
    """Does random operations; `done` is what stood before each that changed something."""

    def __init__(self, w: World, database: Database) -> None:
        self.w, self.database = w, database
        self.boss = Actor(w.guild.id, w.mod.id, "mod", moderator=True)
        self.people = w.members[:PEOPLE]
        self.done: list[tuple[int, State]] = []

    async def groups(self) -> list[Group]:
        async with self.database.transaction() as session:
            found = await session.scalars(select(Group).order_by(Group.id))
            return list(found)

    async def cohorts(self) -> list[Cohort]:
        async with self.database.transaction() as session:
            found = await session.scalars(select(Cohort).order_by(Cohort.id))
            return list(found)

    async def newest(self) -> int:
        async with self.database.transaction() as session:
            query = select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)
            return await session.scalar(query) or 0

    async def do(self, name: str, a: int, b: int, c: int) -> None:
        """One operation, with the sync that follows it; a refusal changes nothing."""
        before, newest = await snapshot(self.w, self.database), await self.newest()
        if name == "hand":
            await self._hand(a, b)
            return
        try:
            await self._operation(name, a, b, c)
        except Refusal:
            assert await self.newest() == newest
            return
        await self.follow()
        made = await self.newest()
        if made != newest:
            assert made == newest + 1 or name == "new_cohort"
            self.done.append((made, before))

    async def _operation(self, name: str, a: int, b: int, c: int) -> None:
        found, runs, boss = await self.groups(), await self.cohorts(), self.boss
        one, two = found[b % len(found)].id, found[c % len(found)].id
        run, who = runs[b % len(runs)].id, self.people[a % PEOPLE]
        themselves = Actor(self.w.guild.id, who.id, who.name)
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "add": lambda: membership.add(boss, one, who.id, who.name),
            "facilitate": lambda: membership.add(
                boss, one, who.id, who.name, role=Role.facilitator
            ),
            "move": lambda: membership.move(boss, one, who.id, who.name),
            "remove": lambda: membership.remove(boss, one, who.id, "why not"),
            "join": lambda: membership.join(themselves, one),
            "leave": lambda: membership.leave(themselves, one),
            "create": lambda: groups.create(boss, run, f"Extra {c}", 1 + c % 3),
            "rename": lambda: groups.edit(boss, one, name=f"Named {c}"),
            "seats": lambda: groups.edit(boss, one, seats=1 + c % 4),
            "open": lambda: groups.open_(boss, one),
            "archive": lambda: groups.archive(boss, one),
            "merge": lambda: merging.merge(boss, one, two),
            "new_cohort": lambda: cohorts.create(
                boss, CohortDraft(f"Run {c}", date(2026, 5, 1), groups=2), open_now=bool(a % 2)
            ),
            "edit_cohort": lambda: cohorts.edit(
                boss, run, name=f"Called {c}", start_date=date(2026, 4, 1 + a % 28)
            ),
            "cohort_seats": lambda: cohorts.edit(boss, run, seats=1 + c % 5),
            "open_cohort": lambda: cohorts.open_(boss, run),
            "close_cohort": lambda: cohorts.close(boss, run),
            "cancel_cohort": lambda: cohorts.cancel(boss, run),
            "settings": lambda: guild_settings.change(
                boss, keep_nicknames=bool(a % 2), facilitators_moderate=bool(b % 2),
                language="de" if c % 2 else "en",
            ),
        }  # fmt: skip
        await calls[name]()

    async def _hand(self, a: int, b: int) -> None:
        """Somebody gives an outsider, or a person of a group, rights of their own on Discord."""
        guild = self.w.bot.get_guild(self.w.guild.id)
        assert guild is not None
        channel = guild.channels[b % len(guild.channels)]
        everybody = [*self.people, self.w.members[-1]]
        whom = everybody[a % len(everybody)].member
        there = channel.overwrites_for(whom)
        there.update(create_public_threads=True, stream=False)
        await channel.set_permissions(whom, overwrite=there)
        await self.w.env.settle()
        # It belongs to nobody of us: from here on it has to be there in every comparison.
        raw = {o.id: (o.allow, o.deny) for o in channel._overwrites}[whom.id]
        extra = discord.Permissions(create_public_threads=True).value
        less = discord.Permissions(stream=True).value
        assert (raw[0] & extra, raw[1] & less) == (extra, less)
        for _, state in self.done:
            if channel.id in state.access:
                allow, deny = state.access[channel.id].get(whom.id, (0, 0))
                state.access[channel.id][whom.id] = (allow | extra, deny | less)

    async def follow(self) -> None:
        """What the callers of operations do: every group that is due is synced."""
        await self.w.settle()

    async def undo(self, entry_id: int) -> undo.Done:
        shown = await undo.preview(self.boss, entry_id)
        assert shown.does
        assert not shown.cannot
        done = await undo.apply(self.boss, entry_id, seen=shown.mark)
        for group_id in done.group_ids:
            await sync.sync_group(group_id)
        await self.w.settle()
        return done


async def play(w: World, database: Database, steps: list[Any]) -> None:
    game = Moderators(w, database)
    draft = CohortDraft("Stats", date(2026, 3, 2), groups=3, seats=2)
    await cohorts.create(game.boss, draft, open_now=True)
    await game.do("add", 0, 0, 0)
    game.done.clear()
    for step in steps:
        await game.do(*step)
    people = {p.id for p in game.people}
    undone: list[tuple[int, State]] = []
    for entry_id, before in reversed(game.done):
        after = await snapshot(w, database)
        done = await game.undo(entry_id)
        same(await snapshot(w, database), before, people)
        assert done.entry_id is not None
        undone.append((done.entry_id, after))
    for entry_id, after in reversed(undone):  # and all of it again
        await game.undo(entry_id)
        same(await snapshot(w, database), after, people)


async def in_a_world(shared: SharedDatabase, steps: list[Any]) -> None:
    async with shared.lent() as database, world(database, members=PEOPLE + 1) as w:
        await play(w, database, steps)


@settings(
    max_examples=examples(12, part=6), deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(steps=STEPS)
async def test_undone_in_reverse_nothing_happened(
    shared_database: SharedDatabase, steps: list[Any]
) -> None:
    await in_a_world(shared_database, steps)


@pytest.mark.parametrize(
    "steps",
    [
        [
            ("hand", 0, 2, 0), ("add", 1, 0, 0), ("facilitate", 0, 0, 0), ("move", 0, 2, 0),
            ("remove", 0, 2, 0), ("rename", 0, 1, 7), ("seats", 0, 1, 3), ("cohort_seats", 0, 0, 4),
            ("edit_cohort", 3, 0, 1), ("merge", 0, 0, 1), ("settings", 1, 1, 1),
            ("close_cohort", 0, 0, 0),
        ],
        [
            ("new_cohort", 0, 0, 1), ("add", 2, 3, 0), ("open", 0, 3, 0), ("open_cohort", 0, 1, 0),
            ("archive", 0, 0, 0), ("create", 0, 0, 5), ("join", 3, 2, 0), ("leave", 3, 2, 0),
            ("cancel_cohort", 0, 0, 0),
        ],
    ],
    ids=["people", "cohorts"],
)  # fmt: skip
async def test_each_kind_at_least_once(
    shared_database: SharedDatabase, steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    did = []
    operation = Moderators._operation

    async def noted(self: Moderators, name: str, *numbers: int) -> None:
        await operation(self, name, *numbers)
        did.append(name)

    monkeypatch.setattr(Moderators, "_operation", noted)
    await in_a_world(shared_database, steps)
    # The first one is of every game. None was refused, or nothing would have been undone.
    assert did == ["add", *(name for name, *_ in steps if name != "hand")]
