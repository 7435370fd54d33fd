"""Finds texts for people that nobody can translate: literals outside t(), tn() and mark()."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "bot/checks.py", "bot/errors.py", "bot/client.py", "bot/cogs", "bot/ui",
    "core/plan.py", "core/reconcile", "core/systems", "core/operations", "core/discord_outbound",
    "core/sync.py",
)  # fmt: skip
# Two words with a space between them: that is a sentence for somebody. Single words are caught
# where they are given to something that shows them.
_SENTENCE = re.compile(r"[A-Za-zé’]{2,}[,.:;!?]? [A-Za-z“#/]|[a-z]{2,} \W?$|^ ?[a-z]+ ")
_SHOWN = {"label", "title", "placeholder", "content", "description"}
_SHOWING = {"button", "add_button", "select", "add_select", "confirm_view", "show", "say"}
# Their texts are for the log, for Sentry, for the translator itself, or for the command tree,
# whose texts the translator takes from the tree.
_EXEMPT = {
    "t", "tn", "mark", "command", "group", "describe", "rename", "Choice", "locale_str", "Group",
    "info", "warning", "error", "exception", "debug", "capture_message", "text_clause", "text",
    "RuntimeError", "AssertionError", "LookupError", "ValueError", "compile", "ContextVar",
    "NamedTuple", "fullmatch", "ContextMenu",
}  # fmt: skip


def files() -> list[Path]:
    """Everything in which a person's text may be written."""
    found: list[Path] = []
    for name in FOLDERS:
        path = ROOT / name
        found += [path] if path.suffix else sorted(path.rglob("*.py"))
    return found


def untranslated(path: Path) -> list[str]:
    """'file:line: text' of every literal for people that does not go through the catalog."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    where = path.relative_to(ROOT)
    return [f"{where}:{line}: {text!r}" for line, text in _literals(tree, shown=False)]


def _literals(node: ast.AST, *, shown: bool) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _SENTENCE.search(node.value) or (shown and re.search(r"[A-Za-z]{2}", node.value)):
            yield node.lineno, node.value
        return
    if isinstance(node, ast.Call):
        yield from _call(node)
        return
    if isinstance(node, ast.Assert):
        return
    for child in ast.iter_child_nodes(node):
        docstring = (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and isinstance(child, ast.Expr)
            and isinstance(child.value, ast.Constant)
        )
        annotation = child is getattr(node, "annotation", None) or child is getattr(
            node, "returns", None
        )
        if not docstring and not annotation:
            yield from _literals(child, shown=shown and isinstance(node, ast.IfExp | ast.JoinedStr))


def _call(node: ast.Call) -> Iterator[tuple[int, str]]:
    name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
    yield from _literals(node.func, shown=False)
    if name in _EXEMPT:
        return
    for number, argument in enumerate(node.args):
        yield from _literals(argument, shown=name in _SHOWING and number == 0)
    for keyword in node.keywords:
        yield from _literals(keyword.value, shown=keyword.arg in _SHOWN)


if __name__ == "__main__":
    for file in files():
        print("\n".join(untranslated(file)))  # noqa: T201 - a small command of its own
