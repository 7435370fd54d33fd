"""The rules that import-linter cannot see, read from the source itself.

One test for each rule, not for each file: handing out a test and hearing of it takes longer than
looking at a file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

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


@cache
def walk(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))))


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


def importing(paths: Iterable[Path], *modules: str) -> list[str]:
    """Where these files import what stands under one of `modules`."""
    return [
        f"{name(path)}:{line} imports {module}"
        for path in paths
        for line, module in imports(path)
        if any(module == one or module.startswith(f"{one}.") for one in modules)
    ]


def test_deciders_wait_for_nothing() -> None:
    found = [
        f"{name(path)}: {ast.unparse(node).splitlines()[0]}"
        for path in PURE
        for node in walk(path)
        if isinstance(node, ASYNC) or (isinstance(node, ast.comprehension) and node.is_async)
    ]
    assert found == []


def test_deciders_know_nothing_of_the_world() -> None:
    assert importing(PURE, *OUTSIDE, "core.clock") == []


def test_deciders_are_told_the_time() -> None:
    read = [
        (name(path), line, f"{on}.{called}")
        for path in PURE
        for line, on, called in calls(path)
        if called in READS_TIME
    ]
    # A wall time taken out of a datetime is not a look at the clock.
    found = [
        (where, line, call)
        for where, line, call in read
        if call in {".now", ".utcnow", "clock.utcnow"}
        or call.split(".")[0] in {"datetime", "date", "time"}
    ]
    assert found == []


def test_there_is_one_clock() -> None:
    readers = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time")}
    readers |= {("datetime", "today"), ("discord", "utcnow"), ("utils", "utcnow"), ("func", "now")}
    found = {
        f"{name(path)}:{line} {on}.{called}"
        for path in PRODUCT
        for line, on, called in calls(path)
        if (on, called) in readers
    }
    assert {place.partition(":")[0] for place in found} == {"core/clock.py"}, found


def test_no_bare_except() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in PRODUCT
        for node in walk(path)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert found == []


def test_discord_is_imported_in_three_places_only() -> None:
    places = (ROOT / "main.py", ROOT / "bot", ROOT / "core" / "discord_outbound")
    others = [path for path in PRODUCT if not any(path.is_relative_to(place) for place in places)]
    assert importing(others, "discord") == []
    assert importing(PRODUCT, "discord"), "or nothing is found at all"


def test_nothing_imports_main_or_tests() -> None:
    assert importing(PRODUCT, "main", "tests") == []


def test_main_alone_is_at_the_top() -> None:
    assert {path.name for path in ROOT.glob("*.py")} <= {"main.py"}


def test_files_stay_small() -> None:
    lines = {name(path): path.read_text(encoding="utf-8").count("\n") for path in PRODUCT}
    too_long = {path: n for path, n in lines.items() if n > 400}
    assert too_long == {}, "find a natural seam"
