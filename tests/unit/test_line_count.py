"""The plugin that counts lines (`tests/line_count.py`), also in a small project of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import line_count

PLUGIN = Path(line_count.__file__)
SOURCE = '''"""A module."""
from __future__ import annotations

import math


def size(number: int) -> str:
    """In words."""
    global last
    if number > 10:
        last = "big"
        return last
    try:
        return {1: "one"}[number]
    except KeyError:
        match number:
            case 2:
                return "two"
            case _:
                return (
                    "some"
                )
    finally:
        math.sqrt(4)
'''
STATEMENTS = {4, 7, 10, 11, 12, 13, 14, 16, 18, 20, 24}


def test_only_what_does_something_is_a_line() -> None:
    assert line_count.statement_lines(SOURCE.encode()) == STATEMENTS


def test_marks_change_no_line_and_no_value() -> None:
    ran = [0] * 30
    names: dict[str, Any] = {line_count.MARK: ran}
    exec(compile(line_count.marked(SOURCE.encode()), "sizes.py", "exec"), names)
    size = names["size"]
    assert (size(2), size.__doc__) == ("two", "In words.")
    assert {line for line, hit in enumerate(ran) if hit} == {4, 7, 10, 13, 14, 16, 18, 24}
    assert size(11) == "big"
    assert {line for line, hit in enumerate(ran) if hit} == STATEMENTS - {20}
    with pytest.raises(TypeError) as failed:
        size(None)
    assert failed.traceback[-1].lineno == 9  # counted from 0


def test_missed_lines_are_listed_as_spans() -> None:
    assert line_count.spans({2, 3, 7, 20}, {1, 2, 3, 5, 7, 20, 22}) == "2-3, 7-20"
    assert line_count.spans(set(), {1}) == ""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """core/ with ten lines that a test runs and one that none does; bot/ with nothing."""
    for folder in ("core", "bot", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    body = "".join(f"    x{n} = {n}\n" for n in range(8))
    (tmp_path / "core" / "one.py").write_text(
        f"def run(more):\n{body}    if more:\n        print(1)\n"
    )
    (tmp_path / "tests" / "line_count.py").write_bytes(PLUGIN.read_bytes())
    (tmp_path / "tests" / "conftest.py").write_text("import core.one\n")
    (tmp_path / "tests" / "test_one.py").write_text(
        "import core.one\n\ndef test_a(): core.one.run(0)\n\ndef test_b(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    return tmp_path


def run(project: Path, *words: str) -> tuple[int, str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "xdist",
        "-p",
        "tests.line_count",
        *words,
    ]
    # Other plugins would only take their time to load.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_bar(project: Path, workers: tuple[str, ...]) -> None:
    code, said = run(project, *workers)
    assert (code, "90.9 % of 11 lines" in said, "bar" in said) == (0, True, False), said
    (project / "bot" / "never.py").write_text("a = 1\n")
    code, said = run(project, *workers, "--missed-lines")
    assert code == 1, said
    assert "below the bar of 90 %" in said
    assert " 90.9 %  core/one.py: 11\n" in said
    assert "  0.0 %  bot/never.py: 1\n" in said


@pytest.mark.parametrize("words", [("-k", "test_b"), ("tests/test_one.py::test_b",)])
def test_a_run_of_some_tests_passes_below_the_bar(project: Path, words: tuple[str, ...]) -> None:
    code, said = run(project, "-n", "1", *words)
    assert (code, "9.1 % of 11 lines" in said) == (0, True), said
    assert "The bar of 90 % does not apply" in said
