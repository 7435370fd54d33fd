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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
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

    async def state(self) -> dict[str, Any]:
        async with ClientSession() as client, client.get(f"{self.url}demo/state") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def demo(folder: Path, *, port: int) -> AsyncIterator[Demo]:
    """`make demo` with a temporary directory of its own, so that nothing hides elsewhere."""
    # What a shell does to the commands that a script starts in the background.
    words = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh",
             sys.executable, "main.py", "demo", "--port", str(port)]  # fmt: skip
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


async def _address(process: Process) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    while line := (await process.stdout.readline()).decode():
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            return found[0]
    raise AssertionError((await process.stderr.read()).decode())


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary directory that Postgres may look into, whoever runs it."""
    folder = Path(tempfile.mkdtemp(prefix="mt-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forked(folder: Path, **extra: str) -> Bot:
    output = folder / "output"
    environment = {**os.environ, "TMPDIR": str(folder), **extra}
    return Bot(start(["demo", "--port", "0"], environment, output), output)


@asynccontextmanager
async def visited() -> AsyncIterator[str]:
    """The address of a running demo, for those who only look at its page: forked, not started.

    It has to end well on SIGTERM, and to leave nothing.
    """
    with _folder() as folder:
        running, output = _forked(folder), folder / "output"

        async def address() -> re.Match[str] | None:
            return re.search(r"http://127\.0\.0\.1:\d+/", running.log) if output.exists() else None

        try:
            yield (await until(address, timeout=PATIENCE, what="the address"))[0]
        finally:
            ended = await running.stop()
            sys.stdout.write(running.log)  # pytest has it where a test fails
        assert ended == 0
        assert "Traceback" not in running.log
        assert list(folder.iterdir()) == [output]
        assert left(folder) == []


def left(folder: Path) -> list[str]:
    """The processes that belong to the demo of that directory, its Postgres included."""
    found = psutil.process_iter(["cmdline"])
    lines = [" ".join(process.info["cmdline"] or ()) for process in found]
    return [words for words in lines if str(folder) in words]


async def _other_pages_are_turned_away(running: Demo) -> None:
    async with ClientSession() as client:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            async with client.get(f"{running.url}demo/state", headers=headers) as answer:
                assert answer.status == 403
        nobody = {"tab": "t", "person": "1", "channel": "2"}
        async with client.post(f"{running.url}demo/show", json=nobody) as answer:
            assert answer.status == 404


async def _killed(folder: Path) -> None:
    """A demo that was killed, whose Postgres outlives it."""
    killed = _forked(folder, KILL_AT="bot.demo.life:upgrade")
    assert await killed.ended(PATIENCE) == -signal.SIGKILL
    (folder / "output").unlink()
    assert left(folder), "its Postgres was expected to outlive it"
    assert list(folder.glob("muster-demo-*"))


async def test_starts_answers_tidies_up_and_leaves_nothing() -> None:
    with _folder() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
        await _killed(folder)
        port = taken.getsockname()[1]
        async with demo(folder, port=port) as running:
            times = psutil.Process(running.process.pid).cpu_times()
            assert times.user + times.system < START_CPU
            assert not running.url.endswith(f":{port}/"), "another port where one is taken"
            async with ClientSession() as client, client.get(running.url) as answer:
                assert answer.status == 200
                assert "Muster" in await answer.text()
            _shows_everybody(await running.state())
            await _other_pages_are_turned_away(running)
            await until(partial(_alone, folder), timeout=PATIENCE, what="tidying up")
            assert left(folder), "its Postgres was not found, so the check below is blind"
            assert await running.stop(signal.SIGINT) == 0
        assert left(folder) == []
        assert list(folder.iterdir()) == []


async def _alone(folder: Path) -> bool:
    return len(list(folder.glob("muster-demo-*"))) == 1


def _shows_everybody(state: dict[str, Any]) -> None:
    people = state["people"]
    assert [p["moderator"] for p in people] == [True] + [False] * 10
    assert people[0]["name"] == "Mira Novak"
    sees = {p["name"]: {c["name"] for c in p["channels"]} for p in people}
    # Nothing is set up yet: what the moderator role opens comes with /setup.
    assert {"general", "moderators", "mystery", "poetry"} <= sees["Mira Novak"]
    assert "group-1" in sees["Ada Brandt"]
    assert "group-1" not in sees["Jonas Weber"]
    assert "moderators" not in sees["Jonas Weber"]
    groups = {p["name"]: p["groups"] for p in people}
    assert groups["Ada Brandt"] == ["Harbour · Photo walks", "Group 1 · Statistics autumn"]
    assert groups["Jonas Weber"] == []
