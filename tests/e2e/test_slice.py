"""The first slice: a cohort, a member joins, channels appear with exactly their access."""

from __future__ import annotations

from datetime import date
from typing import Any

from core import sync
from core.db.engine import Database
from core.operations import cohorts, membership
from core.operations.cohort_draft import CohortDraft
from core.operations.common import Actor
from tests.world import text_of, world


async def test_join_makes_channels(database: Database) -> None:
    async with world(database) as w:
        pong = await w.members[0].slash(w.room, "ping")
        assert "Here I am" in text_of(pong)
        mod = Actor(w.guild.id, w.mod.id, "mod", moderator=True)
        made = await cohorts.create(
            mod, CohortDraft("Stats autumn", date(2026, 3, 1)), open_now=True
        )
        group = made.group_ids[0]
        me = w.members[0]
        await membership.join(Actor(w.guild.id, me.id, me.name), group)
        before = len(w.env.http_requests)
        result = await sync.sync_group(group)
        assert "error" not in result["discord"]
        assert result["discord"]["failed"] == 0, result
        assert result["discord"]["granted"] == 1
        calls = [(r.method, r.path) for r in w.env.http_requests[before:]]
        assert len(calls) == 3, calls
        assert set(w.guild.channels) == {"general", "Stats autumn", "group-1", "Group 1 Voice"}
        await w.settle()
        assert len(w.env.http_requests) == before + 3
        text: Any = w.bot.get_channel(w.guild.channels["group-1"].id)
        assert text.permissions_for(me.member).send_messages
        assert not text.permissions_for(w.members[1].member).view_channel
        other = w.members[1]
        await membership.join(Actor(w.guild.id, other.id, other.name), group)
        before = len(w.env.http_requests)
        await sync.sync_group(group)
        assert len(w.env.http_requests) == before + 2
        assert text.permissions_for(other.member).send_messages
        await membership.leave(Actor(w.guild.id, me.id, me.name), group)
        await sync.sync_group(group)
        assert len(w.env.http_requests) == before + 4
        assert not text.permissions_for(me.member).view_channel
        assert (await sync.sweep()) == []
