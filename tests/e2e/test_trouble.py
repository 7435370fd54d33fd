"""Broken connections, Postgres going away, two processes: the bot carries on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.operations import membership
from core.operations.common import Actor
from tests.conftest import administer
from tests.e2e.discord_client import DiscordServer, ServerProcess
from tests.e2e.process import channels, cohort_with, running, until
from tests.e2e.test_crash import _sees, _settled


@pytest.fixture
async def server(process: ServerProcess) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(seed="small", process=process) as client:
        yield client
        assert await client.violations() == []


async def test_first_connection_refused_and_session_lost(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """Refused connections are tried again; after a lost session a new member still gets in."""
    ada, ben = server.seed["member_ids"][:2]
    [group] = await cohort_with(server, "Stats", [ada])
    await server.refuse_gateway(1)
    async with running(server, database.url, tmp_path) as bot:
        await until(lambda: _sees(server, ada, "group-1"), what="the opening")
        await server.gateway("invalid")
        await server.wait_gateway("identified", 2)
        await membership.join(Actor(server.seed["guild_id"], ben, "Ben"), group)
        await until(lambda: _sees(server, ben, "group-1"), what="Ben's access")
        await server.gateway("reconnect")
        await server.wait_gateway("resumed", 1)
        assert await bot.stop() == 0
        assert bot.unhandled() == []


async def test_two_processes_by_mistake(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """Both work on the same twelve groups, and nothing is doubled."""
    people = server.seed["member_ids"]
    groups = [(await cohort_with(server, f"Cohort {n}", people[:3]))[0] for n in range(6)]
    async with (
        running(server, database.url, tmp_path / "one"),
        running(server, database.url, tmp_path / "two"),
    ):
        for group in groups:
            await until(lambda g=group: _settled(database, g), what=f"group {group}")  # type: ignore[misc]  # mypy cannot infer it
    found = await channels(server)
    assert len(found["group-1"]) == len(groups)
    assert len(found["Group 1 Voice"]) == len(groups)
    assert all(len(found[f"Cohort {n}"]) == 1 for n in range(6))


async def test_postgres_connections_cut_during_a_sync(
    server: DiscordServer,
    database: Database,
    postgres: EmbeddedPostgres,
    tmp_path: Path,
) -> None:
    """All connections die while Discord is being called; the work is finished afterwards."""
    ada = server.seed["member_ids"][0]
    fault = await server.fault("delay", method="POST", path="*/channels", delay=1.0, times=3)
    [group] = await cohort_with(server, "Stats", [ada])
    async with running(server, database.url, tmp_path) as bot:
        await server.wait_fault(fault, 1)
        name = make_url(database.url).database
        await administer(
            postgres,
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'",
        )
        await until(lambda: _sees(server, ada, "group-1"), what="the opening")
        await until(lambda: _settled(database, group), what="the group's settling")
        assert await bot.stop() == 0
    assert len((await channels(server))["group-1"]) == 1


async def test_restarted_half_way_through_a_cohort(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """SIGTERM in the middle: what is claimed is finished, the rest follows after the start."""
    people = server.seed["member_ids"]
    ids = await cohort_with(server, "Stats", [], groups=8)
    for group, person in zip(ids, people, strict=False):
        await membership.join(Actor(server.seed["guild_id"], person, str(person)), group)
    async with running(server, database.url, tmp_path) as bot:
        await server.wait_calls("POST", "*", 4)
        assert await bot.stop() == 0
    async with running(server, database.url, tmp_path):
        await asyncio.gather(
            *(until(lambda g=g: _settled(database, g), what=f"group {g}") for g in ids)  # type: ignore[misc]  # mypy cannot infer it
        )
    found = await channels(server)
    for number, person in enumerate(people[:8], start=1):
        assert len(found[f"group-{number}"]) == 1
        assert await _sees(server, person, f"group-{number}")


async def test_wrong_token_and_missing_intent(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """One sentence that says what to do, exit code 2, no traceback."""
    await server.configure(token="right")
    async with running(server, database.url, tmp_path, DISCORD_TOKEN="wrong") as bot:
        assert await bot.ended() == 2
        assert "Discord does not accept DISCORD_TOKEN" in bot.log
        assert bot.unhandled() == []
    await server.configure(token=None, approved_intents=["guilds"])
    async with running(server, database.url, tmp_path) as bot:
        assert await bot.ended() == 2
        assert "Server Members Intent" in bot.log
        assert bot.unhandled() == []
