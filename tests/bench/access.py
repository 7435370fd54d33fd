"""Rows that count what a change of one group costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.bench.counting import Cost, counted
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.town import Side, Size, Town, town

Measure = Callable[[Side], Awaitable[Cost]]


async def new_group(side: Side, *, people: int = 12) -> Cost:
    """A group gets its channels; the category is there."""
    async with town(side, Size(groups=2, people=people, opened=1)) as t:
        group = t.built.groups[1]
        with counted(t.env) as cost:
            await t.follow((group.id, None))
        _all_inside(t, group.id, group.people)
    return cost


async def grant(side: Side, *, people: int = 50, fresh: bool = True) -> Cost:
    """Many people are let into channels that are there."""
    async with town(side, Size(people=0, spare=people)) as t:
        group = t.built.groups[0]
        for user in t.built.spare:
            await t.join(user, group.id)
        if not fresh:
            t.bot.ws = None  # type: ignore[assignment]  # as before the first connection
        with counted(t.env) as cost:
            await t.follow((group.id, None))
        _all_inside(t, group.id, t.built.spare)
    return cost


async def join(side: Side, *, people: int = 12, access_mode: str = "overwrites") -> Cost:
    """One more person joins a group."""
    size = Size(people=people - 1, spare=1, access_mode=_mode(side, access_mode))
    async with town(side, size) as t:
        group, [user] = t.built.groups[0], t.built.spare
        change = await t.join(user, group.id)
        with counted(t.env) as cost:
            await t.follow(change)
        _all_inside(t, group.id, [*group.people, user])
    return cost


async def leave(side: Side, *, people: int = 12, access_mode: str = "overwrites") -> Cost:
    """One person leaves a group."""
    size = Size(people=people, access_mode=_mode(side, access_mode))
    async with town(side, size) as t:
        group = t.built.groups[0]
        user, *others = group.people
        change = await t.leave(user, group.id)
        with counted(t.env) as cost:
            await t.follow(change)
        _all_inside(t, group.id, others, outside=(user,))
    return cost


async def switch(side: Side, *, people: int = 12, access_mode: str = "overwrites") -> Cost:
    """One person goes from one group of a cohort to another."""
    size = Size(groups=2, people=people, access_mode=_mode(side, access_mode))
    async with town(side, size) as t:
        old, new = t.built.groups
        user = old.people[0]
        change = await t.join(user, new.id)
        with counted(t.env) as cost:
            await t.follow(change)
        _all_inside(t, new.id, [*new.people, user])
        _all_inside(t, old.id, old.people[1:], outside=(user,))
    return cost


def _mode(side: Side, access_mode: str) -> str:
    """The naive algorithm knows no roles: beside role mode it does what it always does."""
    return access_mode if side == "ours" else "overwrites"


def _all_inside(t: Town, group_id: int, people: list[int], outside: tuple[int, ...] = ()) -> None:
    """A count is worth nothing where the result is wrong."""
    wrong = [u for u in people if not t.can_see(u, group_id)]
    wrong += [u for u in outside if t.can_see(u, group_id)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} people have the wrong access afterwards")


async def both(ground: Ground, measure: Measure) -> tuple[Figures, Figures]:
    """The same on both sides, each in a world and a database of its own."""
    costs = []
    sides: tuple[Side, Side] = ("ours", "naive")
    for side in sides:
        async with ground.database():
            costs.append(await measure(side))
    ours, naive = costs
    return {"REST calls": ours.rest}, {"REST calls": naive.rest}


@row("new group of 12 members from nothing (category exists)", REST_calls=2)
async def _new_group(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, new_group)


@row("grant 50 members, existing channels, fresh gateway cache", REST_calls=2)
async def _grant_fresh(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, grant)


@row("grant 50 members, existing channels, no fresh cache", REST_calls=4)
async def _grant_stale(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, lambda side: grant(side, fresh=False))


@row("one member joins a group of 12 (overwrite mode)", REST_calls=2)
async def _join(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, join)


@row("one member joins a group of 12 (role mode)", REST_calls=1)
async def _join_role(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, lambda side: join(side, access_mode="role"))


@row("one member leaves a group of 12 (overwrite mode)", REST_calls=2)
async def _leave(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, leave)


@row("one member leaves a group of 12 (role mode)", REST_calls=1)
async def _leave_role(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, lambda side: leave(side, access_mode="role"))


@row("one member switches groups of 12 (overwrite mode)", REST_calls=4)
async def _switch(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, switch)


@row("one member switches groups of 12 (role mode)", REST_calls=2)
async def _switch_role(ground: Ground) -> tuple[Figures, Figures]:
    return await both(ground, lambda side: switch(side, access_mode="role"))
