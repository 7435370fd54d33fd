"""What has to be translated: `make words` brings core/locale/*.po up to date with the code."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from discord import app_commands

from bot.client import Muster
from core.words import COMMAND, FOLDER, LANGUAGES, SOURCE
from core.worker import Worker

ROOT = Path(__file__).parent.parent


def wanted() -> Catalog:
    """Every text of the code and of the command tree, untranslated."""
    catalog = Catalog(charset="utf-8")
    for folder in ("bot", "core"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for message in _of_code(path):
                catalog.add(message)
    for text in sorted(asyncio.run(tree_texts())):
        catalog.add(text, context=COMMAND)
    return catalog


def _of_code(path: Path) -> Iterator[str | tuple[str, str]]:
    """By the syntax tree: tokens do not show what stands inside an f-string before Python 3.12."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name in {"t", "mark", "tn"}:
            wanted = node.args[: 2 if name == "tn" else 1]
            texts = [str(a.value) for a in wanted if isinstance(a, ast.Constant)]
            if len(texts) == len(wanted) and texts:
                yield (texts[0], texts[1]) if name == "tn" else texts[0]


async def tree_texts() -> set[str]:
    """Names and descriptions of all commands, their options and choices."""
    bot = Muster(Worker())
    try:
        await bot.load_cogs()
        found: set[str] = set()
        for command in bot.tree.walk_commands():
            found |= _texts(command)
        for menu in (c for c in bot.tree.get_commands() if isinstance(c, app_commands.ContextMenu)):
            found.add(menu.name)
        return found
    finally:
        await bot.close()


def _texts(command: app_commands.Command[Any, ..., Any] | app_commands.Group) -> set[str]:
    found = {command.description}  # names stay: see bot.translator
    if isinstance(command, app_commands.Command):
        for parameter in command.parameters:
            found |= {str(parameter.display_name), str(parameter.description)}
            found |= {choice.name for choice in parameter.choices}
    return found


def stored(code: str) -> Catalog:
    """The translations as they stand in the repository."""
    with (FOLDER / f"{code}.po").open("rb") as source:
        return read_po(source, locale=code)


def update(code: str) -> Catalog:
    """The stored translations with new texts added, unused ones dropped, nothing guessed."""
    catalog = stored(code)
    catalog.update(wanted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def missing(catalog: Catalog) -> list[Any]:
    """What has no translation yet, or lacks one of its forms."""
    return [m.id for m in catalog if m.id and not all(forms(m.string))]


def forms(text: Any) -> list[str]:
    """The text, or its forms by number; "" for one that is not there."""
    return list(text) if isinstance(text, tuple | list) else [text or ""]


def save(code: str, catalog: Catalog) -> None:
    """Write it sorted and without dates, so that a diff shows texts and nothing else."""
    written = BytesIO()
    write_po(written, catalog, width=100, sort_output=True, no_location=True)
    head, _, rest = written.getvalue().decode().partition("\n\n")
    kept = ("Language:", "Plural-Forms:", "Content-Type:")
    lines = [x for x in head.splitlines() if not x.startswith('"') or x[1:].startswith(kept)]
    (FOLDER / f"{code}.po").write_text("\n".join(lines) + "\n\n" + rest, encoding="utf-8")


if __name__ == "__main__":
    for code in LANGUAGES:
        if code == SOURCE:
            continue
        catalog = update(code)
        save(code, catalog)
        number = len(missing(catalog))
        print(f"{code}: {len(catalog)} texts, {number} without a translation")  # noqa: T201
