"""What has to be translated: `make words` brings core/locale/*.po up to date with the code."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from discord import app_commands

from bot.client import COGS, Muster
from core.words import COMMAND, FOLDER, LANGUAGES, SOURCE
from core.worker import Worker

ROOT = Path(__file__).parent.parent
KEYWORDS: Any = {"t": None, "tn": (1, 2), "mark": None}


def wanted() -> Catalog:
    """Every text of the code and of the command tree, untranslated."""
    catalog = Catalog(charset="utf-8")
    for folder in ("bot", "core"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            code = BytesIO(path.read_bytes())
            for _line, message, _comments, context in extract("python", code, KEYWORDS):
                catalog.add(message, locations=[(str(path.relative_to(ROOT)), 0)], context=context)
    for text in sorted(asyncio.run(tree_texts())):
        catalog.add(text, context=COMMAND)
    return catalog


async def tree_texts() -> set[str]:
    """Names and descriptions of all commands, their options and choices."""
    bot = Muster(Worker())
    try:
        for cog in COGS:
            await bot.load_extension(cog)
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
