"""The row about the home panels: how soon they are acknowledged, and what they ask for."""

from __future__ import annotations

import time
from typing import Any

from simcord.builders import GuildHandle

from tests.bench.counting import counted
from tests.bench.ground import Ground
from tests.bench.registry import Figures, row
from tests.bench.town import Size, town
from tests.bench.why import LARGE, SMALL, Asked, acknowledged, moderator

PANELS = ("Cohorts", "This week", "Needs attention")
ROUNDS = 25  # of four panels each: a hundred answers, the second slowest is the p99


async def walk(size: Size, rounds: int) -> dict[str, Asked]:
    """A moderator opens the home and each panel from it, again and again."""
    async with town("ours", size) as t:
        guild = GuildHandle(t.env, t.env.backend.get_guild(t.built.guild_ids[0]))
        mod, room = moderator(t, guild)
        await t.env.settle()
        found: dict[str, Asked] = {}
        with acknowledged() as moments:

            async def take(name: str, doing: Any) -> Any:
                begun = time.perf_counter()
                with counted(t.env) as cost:
                    result = await doing
                asked = found.setdefault(name, Asked())
                asked.waits.append((moments[-1] - begun) * 1000)
                asked.statements.add(cost.sql)
                return result

            for _ in range(rounds):
                for label in PANELS:
                    home = await take("Home", mod.slash(room, "muster"))
                    shown = await take(label, mod.click(home.response, label=label))
                    if not shown.response.content:
                        raise RuntimeError(f"{label} shows nothing")
    return found


@row(
    "home panels with 1,000 groups and 10,000 members",
    ms_to_acknowledge_p99=250, SQL_statements=15, SQL_statements_more_than_with_2_groups=0,
)  # fmt: skip
async def _home(ground: Ground) -> tuple[Figures, Figures]:
    async with ground.database():
        small = await walk(SMALL, 2)
    async with ground.database():
        large = await walk(LARGE, ROUNDS)
    waits = Asked([w for asked in large.values() for w in asked.waits])
    more = [max(large[n].statements) - max(small[n].statements) for n in large]
    figures = {
        "ms to acknowledge p99": waits.p99,
        "SQL statements": max(max(asked.statements) for asked in large.values()),
        "SQL statements more than with 2 groups": max(more),
    }
    return figures, {}
