"""What a changed client could press: values that were not offered, groups of another server."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from sqlalchemy import func, select

from bot.ui import lasting
from core.db.engine import get_database
from core.db.models import SeatWatch
from core.operations import membership
from tests.e2e._acting import on_discord
from tests.e2e._members import (
    active,
    actor,
    choose,
    cohort,
    forged,
    join,
    shown,
)
from tests.world import World


async def far_group(w: World) -> tuple[Any, int]:
    """A second guild in which member 1 is as well, and its group, which they have joined."""
    away = w.env.create_guild(name="Far away")
    me = away.add_member(w.members[0].user)
    await w.settle()
    group = (await cohort(w, "Secret", guild=away)).group_ids[0]
    await membership.join(actor(me), group)
    return me, group


FORGED = ("group:{far}", "group:x", "cohort:1", "group:" + "9" * 30, "group:²", "")


@pytest.mark.parametrize("action", ["join", "watch_pick", "switch_to"])
@on_discord
async def test_values_that_were_not_offered(w: World, action: str) -> None:
    me = w.members[0]
    _, far = await far_group(w)
    await cohort(w, seats=1, groups=2)
    await join(w, me)
    option = discord.SelectOption(label="x", value="group:0")
    view = lasting.LastingView().select("?", action, [option])
    message = message_of(await forged(w, view))
    before = await active(me)
    for value in FORGED:
        custom_id = f"muster-pick:{action}:0"
        result = await choose(w, me, message, custom_id, value.format(far=far))
        assert "There is no such group here" in shown(result), value
        assert "Secret" not in shown(result)
    assert await active(me) == before
    async with get_database().transaction() as session:
        assert await session.scalar(select(func.count()).select_from(SeatWatch)) == 0


def message_of(message: discord.Message) -> Any:
    class Where:
        id, channel_id = message.id, message.channel.id

    return Where


@on_discord
async def test_buttons_with_another_guilds_group(w: World) -> None:
    """Pressed here, they reach nothing there, though the person is a member of both."""
    me = w.members[0]
    _, far = await far_group(w)
    here = (await cohort(w)).group_ids[0]
    await join(w, me)
    view = lasting.LastingView()
    actions = ("watch", "switch", "switch_do", "leave", "leave_do")
    for action in actions:
        view.button(action, action, far)
    message = await forged(w, view)
    for action in actions:
        text = shown(await me.click(message, label=action))
        assert "no such group here" in text or "not in that group" in text, (action, text)
        assert "Secret" not in text
    assert sorted(await active(me)) == [far, here]
