"""kill -9 at the worst moments, faults in every call, two processes, broken connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.db.engine import Database
from core.db.models import Group, ManagedObject, SyncState
from core.operations import membership
from core.operations.common import Actor
from core.schedule import Piece, Rule, Slot
from tests.e2e.discord_client import DiscordServer, ServerProcess
from tests.e2e.process import channels, cohort_with, running, until


@pytest.fixture
async def server(process: ServerProcess) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(seed="small", process=process) as client:
        await client.configure(global_limit=0)
        yield client
        assert await client.violations() == []


async def _sees(server: DiscordServer, user: int, name: str) -> bool:
    found = (await channels(server)).get(name, [])
    visible = await server.visible_channels(server.seed["guild_id"], user)
    return any(int(c["id"]) in map(int, visible) for c in found)


async def _settled(database: Database, group: int) -> bool:
    async with database.transaction() as session:
        rows = await session.scalars(select(SyncState.status).where(SyncState.group_id == group))
        return set(rows) == {"ok"}


async def _status(database: Database, group: int) -> str:
    async with database.transaction() as session:
        return (await session.get_one(Group, group)).status


async def test_killed_between_create_and_save(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """After each such end it goes on; there is exactly one of each, and it is the group's."""
    ada = server.seed["member_ids"][0]
    rule = Rule((Piece(Slot(2, time(19), "Europe/Berlin")),))  # without one it would not run
    [group] = await cohort_with(server, "Stats", [ada], rule=rule)
    places = ("Stats", "group-1", "Group 1 Voice")
    for count, orphan in enumerate(places):
        # From the second time on the first one noted is what the end before had left.
        point = {"KILL_AT": "core.db.queries.managed:created", "KILL_NTH": str(min(count, 1) + 1)}
        point["MUSTER_LEASE_SECONDS"] = "600"
        async with running(server, database.url, tmp_path, **point) as bot:
            assert await bot.ended() == -9
        found = await channels(server)
        assert len(found[orphan]) == 1
        assert orphan == places[-1] or places[count + 1] not in found
    async with running(server, database.url, tmp_path):
        await until(lambda: _settled(database, group), what="the group's settling")
    found = await channels(server)
    assert [len(found[name]) for name in places] == [1, 1, 1]
    async with database.transaction() as session:
        ids = set(await session.scalars(select(ManagedObject.discord_id)))
    assert {int(found[name][0]["id"]) for name in places} == ids
    assert await _sees(server, ada, "group-1")
    assert await _status(database, group) == "active"


async def test_what_was_born_before_the_kill_is_taken_back_on_leaving(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """The adopted channel's entries are known as ours: leaving still takes the access away."""
    ada = server.seed["member_ids"][0]
    [group] = await cohort_with(server, "Stats", [ada, server.seed["member_ids"][1]])
    point = {"KILL_AT": "core.db.queries.managed:created", "KILL_NTH": "2"}
    async with running(server, database.url, tmp_path, **point) as bot:
        assert await bot.ended() == -9
    await membership.leave(Actor(server.seed["guild_id"], ada, "Ada"), group)
    async with running(server, database.url, tmp_path):
        await until(lambda: _settled(database, group))
    assert not await _sees(server, ada, "group-1")
    assert await _sees(server, server.seed["member_ids"][1], "group-1")


async def test_killed_between_commit_and_sync(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """After the restart the access is there, long before the lease of 600 s would run out."""
    ada, ben = server.seed["member_ids"][:2]
    [group] = await cohort_with(server, "Stats", [ada])
    point = {"KILL_AT": "core.systems.access:plan", "MUSTER_LEASE_SECONDS": "600"}
    async with running(server, database.url, tmp_path, **point) as bot:
        assert await bot.ended() == -9
    await membership.join(Actor(server.seed["guild_id"], ben, "Ben"), group)
    async with running(server, database.url, tmp_path, MUSTER_LEASE_SECONDS="600"):
        await until(lambda: _sees(server, ben, "group-1"), timeout=60)
        await until(lambda: _settled(database, group))


FAULTS: dict[str, dict[str, Any]] = {
    "403": {"kind": "status", "status": 403, "code": 50013, "message": "Missing Permissions"},
    "404": {"kind": "status", "status": 404, "code": 10003, "message": "Unknown Channel"},
    "429": {"kind": "status", "status": 429, "retry_after": 0.3},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503},
    "timeout": {"kind": "hang"},
    "timeout after": {"kind": "hang_after"},
    "reset": {"kind": "reset"},
    "reset after": {"kind": "reset_after"},
    "half": {"kind": "half"},
}


async def test_every_creation_of_an_opening_fails_once(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """No unhandled error, nothing doubled, and every group converges by itself."""
    ada = server.seed["member_ids"][0]
    groups: dict[str, int] = {}
    for fault, spec in FAULTS.items():
        name = f"fault {fault}"  # the text channel has hyphens, and so another name
        [groups[name]] = await cohort_with(server, name, [ada])
        await _rename_group(database, groups[name], name)
        for asked in (name, name.replace(" ", "-"), f"{name} Voice"):
            await server.fault(
                **spec,
                method="POST",
                path="*/guilds/*/channels",
                body_contains=f'"{asked}"',
            )
    await _converges(server, database, tmp_path, groups)
    found = await channels(server)
    for name in groups:
        text = name.replace(" ", "-")
        assert [len(found.get(n, [])) for n in (name, text, f"{name} Voice")] == [1, 1, 1], name
        assert await _sees(server, ada, text), name


async def test_every_call_about_roles_fails_once(
    server: DiscordServer, database: Database, tmp_path: Path
) -> None:
    """In role mode: making the role, and giving it."""
    ada = server.seed["member_ids"][0]
    groups: dict[str, int] = {}
    for number, (fault, spec) in enumerate(FAULTS.items(), start=1):
        [groups[fault]] = await cohort_with(server, fault, [ada], access_mode="role", rooms="text")
        made: dict[str, Any] = {"method": "POST", "path": "*/guilds/*/roles"}
        made["body_contains"] = f'"{fault} - '
        await server.fault(**spec, **made)
        await server.fault(**spec, method="PUT", path="*/members/*/roles/*", nth=number)
    await _converges(server, database, tmp_path, groups)
    dump = await server.dump(server.seed["guild_id"])
    names = [role["name"] for role in dump["roles"]]
    assert all(names.count(f"{fault} - Group 1") == 1 for fault in FAULTS)
    visible = await server.visible_channels(server.seed["guild_id"], ada)
    mine = [c for c in dump["channels"] if c["name"] == "group-1"]
    assert len(mine) == len(groups)
    assert {int(c["id"]) for c in mine} <= {int(v) for v in visible}


async def _converges(
    server: DiscordServer, database: Database, tmp_path: Path, groups: dict[str, int]
) -> None:
    async with running(server, database.url, tmp_path) as bot:
        for name, group in groups.items():
            await until(lambda g=group: _settled(database, g), timeout=60, what=name)  # type: ignore[misc]  # mypy cannot infer it
    assert all(f["hits"] == 1 for f in await server.faults())
    assert bot.unhandled() == []


async def _rename_group(database: Database, group_id: int, name: str) -> None:
    async with database.transaction() as session:
        (await session.get_one(Group, group_id)).name = name
