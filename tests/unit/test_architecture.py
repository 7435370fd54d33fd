"""The rules that import-linter cannot see, read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = sorted(
    path
    for path in [ROOT / "main.py", *(ROOT / "bot").rglob("*.py"), *(ROOT / "core").rglob("*.py")]
    if path.exists()
)
PURE = [
    path
    for path in PRODUCT
    if path.is_relative_to(ROOT / "core" / "reconcile")
    or path in {ROOT / "core" / f"{name}.py" for name in ("schedule", "plan", "retry")}
]
ASYNC = (
    ast.Await,
    ast.AsyncFunctionDef,
    ast.AsyncFor,
    ast.AsyncWith,
)
READS_TIME = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"}
OUTSIDE = {
    "aiohttp",
    "apscheduler",
    "asyncio",
    "asyncpg",
    "discord",
    "os",
    "random",
    "socket",
    "sqlalchemy",
    "subprocess",
    "time",
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def walk(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every (line, module) that a file imports, wherever in it."""
    for node in walk(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(path: Path) -> Iterator[tuple[int, str, str]]:
    """Every call as (line, what it is called on, its name); `x.y.now()` gives "y", "now"."""
    for node in walk(path):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Name):
                yield node.lineno, "", function.id
            elif isinstance(function, ast.Attribute):
                owner = function.value
                on = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                yield node.lineno, on, function.attr


def test_the_rules_have_something_to_look_at() -> None:
    assert {"core/retry.py", "core/plan.py"} <= {name(path) for path in PURE}
    assert any("core/reconcile/" in name(path) for path in PURE)
    assert len(PRODUCT) > len(PURE)


@pytest.mark.parametrize("path", PURE, ids=name)
def test_deciders_wait_for_nothing(path: Path) -> None:
    found = [
        ast.unparse(node).splitlines()[0]
        for node in walk(path)
        if isinstance(node, ASYNC) or (isinstance(node, ast.comprehension) and node.is_async)
    ]
    assert not found, f"{name(path)} waits: {found}"


@pytest.mark.parametrize("path", PURE, ids=name)
def test_deciders_know_nothing_of_the_world(path: Path) -> None:
    found = [(line, module) for line, module in imports(path) if module.split(".")[0] in OUTSIDE]
    found += [(line, module) for line, module in imports(path) if module.startswith("core.clock")]
    assert not found, f"{name(path)} imports {found}"


@pytest.mark.parametrize("path", PURE, ids=name)
def test_deciders_are_told_the_time(path: Path) -> None:
    found = [(line, f"{on}.{called}") for line, on, called in calls(path) if called in READS_TIME]
    # A wall time taken out of a datetime is not a look at the clock.
    found = [
        (line, call)
        for line, call in found
        if call in {".now", ".utcnow", "clock.utcnow"}
        or call.split(".")[0] in {"datetime", "date", "time"}
    ]
    assert not found, f"{name(path)} reads the time: {found}"


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_there_is_one_clock(path: Path) -> None:
    if path == ROOT / "core" / "clock.py":
        pytest.skip("this is the one")
    readers = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time")}
    readers |= {("datetime", "today"), ("discord", "utcnow"), ("utils", "utcnow"), ("func", "now")}
    found = [(line, on, called) for line, on, called in calls(path) if (on, called) in readers]
    assert not found, f"{name(path)} asks another clock than core.clock: {found}"


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_no_bare_except(path: Path) -> None:
    found = [
        node.lineno
        for node in walk(path)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert not found, f"{name(path)} catches anything on lines {found}"


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_discord_is_imported_in_three_places_only(path: Path) -> None:
    places = (ROOT / "main.py", ROOT / "bot", ROOT / "core" / "discord_outbound")
    if any(path.is_relative_to(place) for place in places):
        return
    found = [(line, module) for line, module in imports(path) if module.split(".")[0] == "discord"]
    assert not found, f"{name(path)} imports {found}"


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_nothing_imports_main_or_tests(path: Path) -> None:
    found = [
        (line, module)
        for line, module in imports(path)
        if module.split(".")[0] in {"main", "tests"}
    ]
    assert not found, f"{name(path)} imports {found}"


def test_main_alone_is_at_the_top() -> None:
    assert {path.name for path in ROOT.glob("*.py")} <= {"main.py"}


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_files_stay_small(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{name(path)} has {lines} lines; find a natural seam"
