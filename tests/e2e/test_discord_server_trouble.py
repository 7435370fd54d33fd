"""Limits, nonces, faults and the end of the simulated Discord, seen by plain discord.py."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection

import aiohttp
import discord
import pytest

from tests.e2e._discord_testbot import Bot, general_of, guild_of, running
from tests.e2e.discord_client import (
    DiscordServer,
    FaultKind,
    ServerProcess,
)
from tests.e2e.discord_server import forked
from tests.e2e.launcher import fork

POST = "/channels/{channel_id}/messages"
PUT = "/channels/{channel_id}/permissions/{target_id}"


@pytest.fixture
async def server(process: ServerProcess) -> AsyncIterator[DiscordServer]:
    async with DiscordServer(seed="small", process=process) as running_server:
        yield running_server


@pytest.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    async with running(server) as running_bot:
        yield running_bot


# --- limits ------------------------------------------------------------------------------------


async def test_the_global_limit(server: DiscordServer) -> None:
    url = f"{server.api}/guilds/{server.seed['guild_id']}/roles"

    async def burst() -> list[int]:
        async with aiohttp.ClientSession() as session:

            async def one() -> tuple[int, str]:
                async with session.get(url) as response:
                    body = await response.json()
                    if response.status == 429:
                        assert body["global"]
                        assert 0 < body["retry_after"] <= 1
                    return response.status, response.headers.get("Via", "")

            answers = await asyncio.gather(*(one() for _ in range(80)))
            assert all(via for status, via in answers if status == 429)
            return [status for status, _via in answers]

    statuses = await burst()
    assert statuses.count(429) >= 20
    assert (await server.status())["statuses"]["429_global"] == statuses.count(429)
    await server.configure(global_limit=0)
    assert (await burst()).count(429) == 0


async def test_buckets_announce_themselves(server: DiscordServer) -> None:
    await server.configure(buckets={f"POST {POST}": [2, 0.5]})
    url = f"{server.api}/channels/{server.seed['general_id']}/messages"
    other = f"{server.api}/channels/{server.seed['moderators_id']}/messages"
    async with aiohttp.ClientSession() as session:
        seen = []
        for target in (url, url, url, other):
            async with session.post(target, json={"content": "x"}) as response:
                seen.append((response.status, response.headers["X-RateLimit-Remaining"]))
                if response.status == 429:
                    assert response.headers["X-RateLimit-Scope"] == "user"
                    assert response.headers["Via"]
                    assert not (await response.json())["global"]
    assert seen == [(200, "1"), (200, "0"), (429, "0"), (200, "1")]


async def test_discord_py_keeps_to_a_bucket(server: DiscordServer, bot: Bot) -> None:
    await server.configure(buckets={f"POST {POST}": [3, 0.3]})
    started = time.monotonic()
    await asyncio.gather(*(general_of(bot, server).send(str(n)) for n in range(9)))
    assert time.monotonic() - started > 0.5
    assert len(await server.messages(server.seed["general_id"])) == 9


async def test_a_third_rename_stalls(server: DiscordServer, bot: Bot) -> None:
    url = f"{server.api}/channels/{server.seed['general_id']}"
    async with aiohttp.ClientSession() as session:
        statuses = []
        for number in range(3):
            async with session.patch(url, json={"name": f"n{number}"}) as response:
                statuses.append(response.status)
                left = int(response.headers["X-RateLimit-Remaining"])
                assert left > 0
        async with session.patch(url, json={"rate_limit_per_user": 5}) as response:
            statuses.append(response.status)
    assert statuses == [200, 200, 429, 200]


async def test_nonces_return_the_first_message(server: DiscordServer, bot: Bot) -> None:
    general = general_of(bot, server)
    first, again = await general.send("once", nonce="n1"), await general.send("once", nonce="n1")
    other = await general.send("once", nonce="n2")
    assert first.id == again.id != other.id
    assert again.nonce == "n1"
    assert len(await server.messages(general.id)) == 2
    await server.configure(nonce_window=0)
    assert (await general.send("once", nonce="n1")).id != first.id


# --- faults ------------------------------------------------------------------------------------


async def test_the_nth_call_fails_with_a_status(server: DiscordServer, bot: Bot) -> None:
    fault = await server.fault(
        "status", method="POST", path=POST, nth=2, status=403, code=50001, message="Missing Access"
    )
    general = general_of(bot, server)
    await general.send("one")
    with pytest.raises(discord.Forbidden) as refused:
        await general.send("two")
    assert refused.value.code == 50001
    await general.send("three")
    described = (await server.faults())[0]
    assert (described["id"], described["seen"], described["hits"]) == (fault, 3, 1)
    assert [m["content"] for m in await server.messages(general.id)] == ["one", "three"]
    calls = [c for c in await server.calls() if c["route"] == POST]
    assert [(c["status"], c["fault"]) for c in calls] == [
        (200, None),
        (403, "status"),
        (200, None),
    ]


async def test_a_scripted_429_is_retried(server: DiscordServer, bot: Bot) -> None:
    await server.fault("status", path=POST, status=429, retry_after=0.05)
    await general_of(bot, server).send("late")
    calls = [c["status"] for c in await server.calls() if c["route"] == POST]
    assert calls == [429, 200]


async def test_a_503_is_not_retried(server: DiscordServer, bot: Bot) -> None:
    await server.fault("status", path=POST, status=503)
    with pytest.raises(discord.DiscordServerError):
        await general_of(bot, server).send("lost")


@pytest.mark.parametrize(("kind", "kept"), [("reset", 0), ("reset_after", 1), ("half", 1)])
async def test_broken_connections(
    server: DiscordServer, bot: Bot, kind: FaultKind, kept: int
) -> None:
    general = general_of(bot, server)
    fault = await server.fault(kind, method="POST", path=f"/channels/{general.id}/*")
    with pytest.raises((aiohttp.ClientError, OSError)) as broken:
        await general.send("ambiguous", nonce="n")
    if kind != "half":
        assert getattr(broken.value, "errno", None) == 104
    await server.wait_fault(fault)
    assert len(await server.messages(general.id)) == kept
    # The nonce makes the second try safe, whether or not the first was processed.
    await general.send("ambiguous", nonce="n")
    assert len(await server.messages(general.id)) == 1


@pytest.mark.parametrize(("kind", "kept"), [("reset", 0), ("reset_after", 1)])
async def test_a_reset_put_is_seen_despite_the_silent_retry(
    server: DiscordServer, bot: Bot, kind: FaultKind, kept: int
) -> None:
    general, everyone = general_of(bot, server), guild_of(bot, server).default_role
    show = discord.PermissionOverwrite(view_channel=True)
    await server.fault(kind, method="PUT", path=PUT)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await general.set_permissions(everyone, overwrite=show)
    channels = (await server.dump(everyone.guild.id))["channels"]
    assert len(next(c for c in channels if c["id"] == general.id)["overwrites"]) == kept
    await general.set_permissions(everyone, overwrite=show)


@pytest.mark.parametrize(("kind", "kept"), [("hang", 0), ("hang_after", 1)])
async def test_calls_that_hang(server: DiscordServer, bot: Bot, kind: FaultKind, kept: int) -> None:
    general = general_of(bot, server)
    fault = await server.fault(kind, path=POST, times=2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(general.send("lost"), 0.3)
    assert len(await server.messages(general.id)) == kept
    waiting = asyncio.create_task(general.send("held"))
    await server.wait_fault(fault, hits=2)
    assert not waiting.done()
    await server.clear_faults(fault)
    assert (await waiting).content == "held"


async def test_a_slow_answer(server: DiscordServer, bot: Bot) -> None:
    await server.fault("delay", path=POST, delay=0.2)
    started = time.monotonic()
    await general_of(bot, server).send("slow")
    assert time.monotonic() - started >= 0.2


# --- the process -------------------------------------------------------------------------------


def _owner(argv: list[str], line: Connection) -> None:
    server = multiprocessing.get_context("fork").Process(target=forked, args=(argv, line))
    server.start()
    server.join()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_the_process_ends_with_its_owner(ending: signal.Signals) -> None:
    """By a signal to itself; the last one is for its owner only."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with ours:
        with theirs:
            owner = ending == signal.SIGKILL
            process = fork(_owner if owner else forked, ["--openapi", ""], theirs)
        line = json.loads(await asyncio.to_thread(ours.recv))
        assert (line["pid"] == process.pid) is not owner
        assert process.pid is not None
        os.kill(process.pid, ending)
        # End of file: nobody has the other end any more, so the server itself has ended.
        with pytest.raises(EOFError):
            await asyncio.wait_for(asyncio.to_thread(ours.recv), 30)
    await asyncio.to_thread(process.join, 30)
    assert process.exitcode == (-signal.SIGKILL if owner else 0)
