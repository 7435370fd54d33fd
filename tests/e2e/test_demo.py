"""`make demo` as a script and as a person use it: started, looked at, stopped without a rest."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientSession

from tests.e2e.launcher import start
from tests.e2e.process import Bot, until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90  # seconds; a guard against hanging, not an expectation
# The page has to be there within 10 s on a machine that does nothing else. What a shared machine
# can tell is the computing time, which does not grow with other people's work.
START_CPU = 10.0


@dataclass
class Demo:
    process: Process
    url: str
    folder: Path

    def left(self) -> list[str]:
        """The processes that belong to this demo, its Postgres included."""
        found = []
        for process in psutil.process_iter(["pid", "cmdline"]):
            words = " ".join(process.info["cmdline"] or ())
            if str(self.folder) in words or process.info["pid"] == self.process.pid:
                found.append(words)
        return found

    async def state(self) -> dict[str, Any]:
        async with ClientSession() as client, client.get(f"{self.url}demo/state") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def demo(
    *, port: int = 0, ignore_interrupt: bool = False, folder: Path | None = None
) -> AsyncIterator[Demo]:
    """A running demo with a temporary directory of its own, so that nothing hides elsewhere."""
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="mt-"))
        folder.chmod(0o755)
    words = [sys.executable, "main.py", "demo", "--port", str(port)]
    if ignore_interrupt:
        # What a shell does to the commands that a script starts in the background.
        words = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *words]
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, stdout=PIPE, stderr=PIPE, env={**os.environ, "TMPDIR": str(folder)}
    )
    try:
        url = await asyncio.wait_for(_address(process), PATIENCE)
        yield Demo(process, url, folder)
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


async def _address(process: Process) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    while line := (await process.stdout.readline()).decode():
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            return found[0]
    raise AssertionError((await process.stderr.read()).decode())


@asynccontextmanager
async def visited() -> AsyncIterator[str]:
    """The address of a running demo, for those who only look at its page: forked, not started."""
    folder = Path(tempfile.mkdtemp(prefix="mt-"))
    folder.chmod(0o755)
    output = folder / "output"
    words, environment = ["demo", "--port", "0"], {**os.environ, "TMPDIR": str(folder)}
    running = Bot(start(words, environment, output), output)

    async def address() -> re.Match[str] | None:
        return re.search(r"http://127\.0\.0\.1:\d+/", running.log) if output.exists() else None

    try:
        yield (await until(address, timeout=PATIENCE, what="the address"))[0]
    finally:
        await running.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _other_pages_are_turned_away(running: Demo) -> None:
    async with ClientSession() as client:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            async with client.get(f"{running.url}demo/state", headers=headers) as answer:
                assert answer.status == 403
        nobody = {"tab": "t", "person": "1", "channel": "2"}
        async with client.post(f"{running.url}demo/show", json=nobody) as answer:
            assert answer.status == 404


async def test_starts_answers_and_leaves_nothing() -> None:
    async with demo() as running:
        times = psutil.Process(running.process.pid).cpu_times()
        assert times.user + times.system < START_CPU
        async with ClientSession() as client, client.get(running.url) as answer:
            assert answer.status == 200
            assert "Muster" in await answer.text()
        people = (await running.state())["people"]
        assert [p["moderator"] for p in people] == [True] + [False] * 10
        assert people[0]["name"] == "Mira Novak"
        sees = {p["name"]: {c["name"] for c in p["channels"]} for p in people}
        # Nothing is set up yet: what the moderator role opens comes with /setup.
        assert {"general", "moderators", "mystery", "poetry"} <= sees["Mira Novak"]
        assert "group-1" in sees["Ada Brandt"]
        assert "group-1" not in sees["Jonas Weber"]
        assert "moderators" not in sees["Jonas Weber"]
        await _other_pages_are_turned_away(running)
        assert len(running.left()) > 1, "its Postgres was not found, so the check below is blind"
        assert await running.stop(signal.SIGTERM) == 0
        assert running.left() == []
        assert list(running.folder.iterdir()) == []


async def test_interrupt_stops_it_and_a_killed_one_is_tidied_up() -> None:
    async with demo() as killed:
        killed.process.kill()
        await killed.process.wait()
        assert killed.left(), "its Postgres was expected to outlive it"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            async with demo(port=port, ignore_interrupt=True, folder=killed.folder) as running:
                assert not running.url.endswith(f":{port}/"), "another port where one is taken"
                async with asyncio.timeout(PATIENCE):
                    while len(list(killed.folder.glob("muster-demo-*"))) > 1:
                        await asyncio.sleep(0.1)
                assert await running.stop(signal.SIGINT) == 0
                assert running.left() == []
                assert list(running.folder.iterdir()) == []
