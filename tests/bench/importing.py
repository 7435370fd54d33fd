"""Rows about bringing many people in: what a long list costs, and what forty people cost."""

from __future__ import annotations

import asyncio
import difflib
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import discord

from bot.ui.import_steps import welcome_all
from core.operations import cohorts, group_views, imports, roster
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from core.reconcile.roster_list import MAX_LINES, RosterList, parse
from core.reconcile.roster_match import Match, People, Person, Status, match, settle
from core.reconcile.roster_seats import Placed, spread
from core.reconcile.roster_text import decode
from tests.bench.access import both
from tests.bench.counting import Cost, counted
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.town import Side, Size, Town, town

_FIRST = 10**17
_NAIVE_LINES = 20  # of the naive way; the whole list would take it an hour
_MB = 1_000_000


def _people() -> list[Person]:
    return [
        Person(_FIRST + n, f"member_{n:05d}", f"Person Number {n}", f"Nick {n}" if n % 3 else "")
        for n in range(MAX_LINES)
    ]


def _list() -> bytes:
    """A third exact, a third with a letter wrong, the rest unknown; as Excel writes it."""
    names = [
        (f"member_{n:05d}", f"membr_{n:05d}", f"somebody_else_{n}")[n % 3] for n in range(MAX_LINES)
    ]
    lines = ["Benutzername;Gruppe", *(f"{name};{n % 20 + 1}" for n, name in enumerate(names))]
    return "\r\n".join(lines).encode("utf-16")


async def _previewed(cohort_id: int, actor: Actor, data: bytes, people: list[Person]) -> int:
    """All that is done between the upload and the second preview; how many get a group."""
    facts = await imports.facts(actor, cohort_id)

    def compare() -> Sequence[Match]:
        rows = parse(decode(data)).rows
        return settle(match(rows, People(people)), facts.inside, facts.expected)

    matches = await asyncio.to_thread(compare)
    found = sum(m.status == Status.found for m in matches)
    if (len(matches), found) != (MAX_LINES, (MAX_LINES + 2) // 3):
        raise RuntimeError(f"{found} of {len(matches)} lines were found")
    return len(spread(matches, facts.places).placed)


def _naive(rows: RosterList, people: list[Person]) -> int:
    """Each line beside each person, and difflib for those who are not found."""
    found = 0
    for line in rows.rows[:_NAIVE_LINES]:
        exact = [p for p in people if line.who.lower() in {p.username, p.display.lower()}]
        found += bool(exact)
        if not exact:
            difflib.get_close_matches(line.who, [p.username for p in people], n=25, cutoff=0.85)
    return found


def _peak(work: Callable[[], Any]) -> float:
    """The most memory that Python held while `work` ran, in MB above what it held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / _MB
    finally:
        tracemalloc.stop()


@row("import: 10,000 lines previewed", seconds=5, MB=200)
async def _ten_thousand(ground: Ground) -> tuple[Figures, Figures]:
    """Both sides with 10,000 people on the server; memory is measured in a run of its own."""
    data, people = _list(), _people()
    async with ground.database():
        actor = Actor(1, 2, "mod", moderator=True)
        draft = CohortDraft("Stats", date(2099, 1, 1), groups=20, seats=500)
        made = await cohorts.create(actor, draft, open_now=True)
        begun = time.perf_counter()
        await _previewed(made.id, actor, data, people)
        seconds = time.perf_counter() - begun

        def again() -> None:
            found = match(parse(decode(data)).rows, People(people))
            settle(found, {}, {})

        memory = await asyncio.to_thread(_peak, again)
    begun = time.perf_counter()
    rows = parse(decode(data))
    await asyncio.to_thread(_naive, rows, people)
    naive = (time.perf_counter() - begun) * MAX_LINES / _NAIVE_LINES
    return {"seconds": seconds, "MB": memory}, {"seconds (from 20 lines)": naive}


async def forty(side: Side, *, people: int = 40, count: int = 6) -> Cost:
    """Forty people into six groups with channels, and a post that names them."""
    async with town(side, Size(groups=count, people=2, spare=people)) as t:
        made = t.built.groups
        chosen = [(user, made[n % count].id) for n, user in enumerate(t.built.spare)]
        with counted(t.env) as cost:
            if side == "ours":
                await _imported(t, chosen)
            else:
                await _by_hand(t, chosen)
        wrong = [user for user, group_id in chosen if not t.can_see(user, group_id)]
        if wrong:
            raise RuntimeError(f"{len(wrong)} people see nothing")
    return cost


async def _imported(t: Town, chosen: Sequence[tuple[int, int]]) -> None:
    """As the moderator's [Do it] does it: one transaction, one sync and one post a group."""
    group = t.built.groups[0]
    actor = Actor(group.guild_id, 2, "mod", moderator=True)
    cohort_id = (await group_views.show(group.guild_id, group.id)).cohort_id
    placed = [Placed(n, g, "participant", f"user {u}", u) for n, (u, g) in enumerate(chosen, 1)]
    done = await imports.apply(actor, cohort_id, placed, over=True)
    for group_id in done.group_ids:
        await t.follow((group_id, None))
    if problems := await welcome_all(actor.guild_id, done):
        raise RuntimeError(f"not posted: {problems}")


async def _by_hand(t: Town, chosen: Sequence[tuple[int, int]]) -> None:
    """One person after the other, each with a post of their own."""
    for user, group_id in chosen:
        await t.follow(await t.join(user, group_id))
        (channels,) = (await roster.of_groups(t.built.guild_ids[0], [group_id])).values()
        channel = t.bot.get_channel(channels.channels[0])
        assert isinstance(channel, discord.TextChannel)
        await channel.send(f"New in this group: <@{user}>")


# Two channels and one post a group.
@row("import: 40 people into 6 groups", REST_calls=18)
async def _forty(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, forty)
