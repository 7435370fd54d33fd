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


if __name__ == "__main__":
    for code in LANGUAGES:
        if code == SOURCE:
            continue
        catalog = update(code)
        with (FOLDER / f"{code}.po").open("wb") as target:
            write_po(target, catalog, width=100, sort_output=True, no_location=True)
        missing = [m.id for m in catalog if m.id and not m.string]
        print(f"{code}: {len(catalog)} texts, {len(missing)} without a translation")  # noqa: T201
