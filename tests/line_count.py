"""Which lines of core/ and bot/ the tests run: a pytest plugin, `-p tests.line_count`.

Each statement is compiled with a mark before it, `__ran__[42] = 1`, 42 being its line: 10 ns
(measured, Python 3.11), where a trace function takes a call. Nothing else about the code changes:
line numbers, tracebacks and values are its own. docs/decisions/0005-counting-lines.md says more.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
COUNTED = ("core", "bot")
# The bar, in percent of all lines of COUNTED, and the only place where it stands (issue 2).
BAR = 90.0
# A file below this, in percent, is named after a whole run even where the bar is met.
NAMED_BELOW = 80.0
MARK = "__ran__"
# A marked module's bytecode is kept beside the plain one; it goes when this file changes.
SUFFIX = f".{sha256(Path(__file__).read_bytes()).hexdigest()[:8]}.counted"

Lines = dict[str, set[int]]  # by the file's path from ROOT


def blocks(tree: ast.AST) -> list[list[ast.stmt]]:
    """All lists of statements of a module, also those of `else`, `except` and `case`."""
    return [
        block
        for node in ast.walk(tree)
        for field in ("body", "orelse", "finalbody")
        if isinstance(block := getattr(node, field, None), list)
    ]


def counts(statement: ast.stmt) -> bool:
    """Whether something happens there: not for docstrings, `...`, `global`, `from __future__`."""
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.ImportFrom):
        return statement.module != "__future__"
    return not isinstance(statement, ast.Global | ast.Nonlocal)


def statement_lines(source: bytes) -> set[int]:
    """The first lines of all statements that count."""
    found = blocks(ast.parse(source))
    return {statement.lineno for block in found for statement in block if counts(statement)}


def marked(source: bytes) -> ast.Module:
    """The module with a mark before each statement that counts."""
    tree = ast.parse(source)
    for block in blocks(tree):
        block[:] = [
            part
            for statement in block
            for part in ([mark(statement.lineno), statement] if counts(statement) else [statement])
        ]
    return tree


def mark(line: int) -> ast.stmt:
    """`__ran__[line] = 1`, standing on that line."""
    where: dict[str, Any] = {
        "lineno": line,
        "end_lineno": line,
        "col_offset": 0,
        "end_col_offset": 0,
    }
    ran = ast.Name(MARK, ast.Load(), **where)
    target = ast.Subscript(ran, ast.Constant(line, **where), ast.Store(), **where)
    return ast.Assign([target], ast.Constant(1, **where), **where)


class Loader(SourceFileLoader):
    """Loads a module with its marks; their bytecode is cached like any other."""

    ran: dict[str, list[int]] = {}  # noqa: RUF012 - one count for the whole process

    def source_to_code(  # type: ignore[override] # the stub takes paths that import never gives
        self, data: bytes, path: str, *, _optimize: int = -1
    ) -> CodeType:
        code: CodeType = compile(marked(data), path, "exec", dont_inherit=True, optimize=_optimize)
        return code

    def get_data(self, path: str) -> bytes:
        return super().get_data(path + SUFFIX if path.endswith(".pyc") else path)

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        super().set_data(path + SUFFIX, data, _mode=_mode)

    def exec_module(self, module: ModuleType) -> None:
        lines = super().get_data(self.path).count(b"\n") + 2
        # A module that is loaded again goes on counting in the same list.
        vars(module)[MARK] = self.ran.setdefault(self.path, [0] * lines)
        super().exec_module(module)


class Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in COUNTED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(fullname, spec.loader.path)
        return spec


def ran_here() -> Lines:
    """The lines that this process has run."""
    return {
        os.path.relpath(path, ROOT): {line for line, hit in enumerate(hits) if hit}
        for path, hits in Loader.ran.items()
    }


def all_lines() -> Lines:
    """The lines that there are, also of files that nothing imports."""
    files = sorted(file for part in COUNTED for file in (ROOT / part).rglob("*.py"))
    return {str(file.relative_to(ROOT)): statement_lines(file.read_bytes()) for file in files}


def percent(part: int, whole: int) -> float:
    """Of an empty file, all is run."""
    return 100 * part / whole if whole else 100.0


def spans(lines: set[int], there: set[int]) -> str:
    """`3-5, 9`: lines that follow each other among those that are `there` stand as one span."""
    found: list[list[int]] = []
    previous_missed = False
    for line in sorted(there):
        if line in lines:
            if previous_missed:
                found[-1][1] = line
            else:
                found.append([line, line])
        previous_missed = line in lines
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)


class Counter:
    """One run's count: of a worker, of the process that hears of the workers, or of both in one."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker = hasattr(config, "workerinput")
        self.ran: Lines = {}
        self.deselected = 0
        self.lost = False
        self.report: list[str] = []
        self.missed = False

    def add(self, lines: dict[str, Any]) -> None:
        for path, seen in lines.items():
            self.ran.setdefault(path, set()).update(seen)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.deselected += len(items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker has ended; what it ran came with its last message, unless it crashed."""
        output = getattr(node, "workeroutput", {})
        self.lost = self.lost or "ran_lines" not in output
        self.add(output.get("ran_lines", {}))
        self.deselected = max(self.deselected, output.get("deselected", 0))

    def partial(self, exit_status: int) -> str:
        """Why this run says nothing about the whole code, or an empty text."""
        option = self.config.option
        if self.config.args_source is pytest.Config.ArgsSource.ARGS:
            return "only some tests were asked for"
        if self.deselected or option.ignore or option.ignore_glob or getattr(option, "lf", False):
            return "some tests were left out"
        if self.lost or exit_status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return "the run was cut short"
        return ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self.add({path: sorted(lines) for path, lines in ran_here().items()})
        if self.worker:
            output = self.config.workeroutput  # type: ignore[attr-defined] # xdist's
            output["ran_lines"] = {path: sorted(lines) for path, lines in self.ran.items()}
            output["deselected"] = self.deselected
            return
        there = all_lines()
        stopped = bool(session.shouldstop or session.shouldfail)
        partial = self.partial(pytest.ExitCode.INTERRUPTED if stopped else exitstatus)
        self.report = list(self.lines(there, partial))
        if self.missed and not partial and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def lines(self, there: Lines, partial: str) -> Iterator[str]:
        """What is said about the count."""
        hit = {path: self.ran.get(path, set()) & lines for path, lines in there.items()}
        whole = sum(map(len, there.values()))
        done = sum(map(len, hit.values()))
        total = percent(done, whole)
        self.missed = total < BAR
        yield f"{total:.1f} % of {whole:,} lines of {' and '.join(COUNTED)} ran"
        if self.config.option.missed_lines:
            for path, lines in there.items():
                if left := lines - hit[path]:
                    share = percent(len(hit[path]), len(lines))
                    yield f"{share:5.1f} %  {path}: {spans(left, lines)}"
        elif not partial:
            low = {path: percent(len(hit[path]), len(lines)) for path, lines in there.items()}
            named = sorted((share, path) for path, share in low.items() if share < NAMED_BELOW)
            for share, path in named:
                yield f"{share:5.1f} %  {path}"
        if partial:
            yield f"The bar of {BAR:.0f} % does not apply: {partial}."
        elif self.missed:
            yield f"That is below the bar of {BAR:.0f} %. `make coverage` lists the lines."

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.worker:
            terminalreporter.section("lines")
            for line in self.report:
                terminalreporter.write_line(line)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--missed-lines",
        action="store_true",
        help="list the lines of core/ and bot/ that no test ran",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Counter(config), "muster-lines")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Our conftest imports core, so this is the last moment."""
    early = [name for name in sys.modules if name.partition(".")[0] in COUNTED]
    if early:
        raise pytest.UsageError(f"imported before lines could be counted: {', '.join(early)}")
    sys.meta_path.insert(0, Finder())
