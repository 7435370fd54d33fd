"""Muster's composition root and command line: run, demo, migrate, rekey, backup, restore."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from pydantic import ValidationError

from bot import service
from core import logs
from core.config import Settings
from core.db import backup as dumps
from core.errors import ConfigurationError
from core.keys import load as load_keys
from core.operations.rekey import rekey


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="main.py", description="Muster: groups, channels and access that keep themselves right"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="the bot on Discord; needs DISCORD_TOKEN")
    trial = commands.add_parser("demo", help="the bot on a simulated Discord, in the browser")
    trial.add_argument("--port", type=int, help="of the page; 0 takes a free one")
    commands.add_parser("migrate", help="bring the database up to date and stop")
    commands.add_parser("rekey", help="seal all secrets anew with the first key of MUSTER_KEYS")
    commands.add_parser("backup", help="write a dump of the database into backups/")
    back = commands.add_parser("restore", help="put a dump in place of the database's contents")
    back.add_argument("file", type=Path)
    return parser.parse_args()


async def _migrate(settings: Settings) -> None:
    async with service.open_database(settings):
        print("The database is up to date.")


async def _rekey(settings: Settings) -> None:
    keys = load_keys(settings.keys.get_secret_value() if settings.keys else "", settings.data_dir)
    if not keys.can_seal:
        raise ConfigurationError("Set MUSTER_KEYS first: the new key, a comma, the old one.")
    async with service.open_database(settings):
        for found in await rekey(keys):
            lost = f", {found.lost} that no key of MUSTER_KEYS opens" if found.lost else ""
            print(f"{found.table}: {found.done} sealed anew{lost}")


async def _backup(settings: Settings) -> None:
    async with service.postgres(settings) as (url, _):
        print(f"Written: {await dumps.backup(url, Path('backups'))}")


async def _restore(settings: Settings, file: Path) -> None:
    async with service.postgres(settings) as (url, _):
        await dumps.restore(url, file)
        await service.migrate(url)
    print(f"Restored from {file}.")


async def _dispatch(arguments: argparse.Namespace, settings: Settings) -> int:
    match arguments.command:
        case "run":
            await service.run(settings)
        case "demo":
            if arguments.port is not None:
                settings = settings.model_copy(update={"demo_port": arguments.port})
            from bot.demo import run_demo  # noqa: PLC0415 - only the demo needs SimCord installed

            return await run_demo(settings)
        case "migrate":
            await _migrate(settings)
        case "rekey":
            await _rekey(settings)
        case "backup":
            await _backup(settings)
        case _:
            await _restore(settings, arguments.file)
    return 0


def main() -> int:
    """Exit code 2 where the operator has to change something, with one sentence that says what."""
    arguments = _arguments()
    try:
        settings = Settings()
        logs.configure(settings)
        return asyncio.run(_dispatch(arguments, settings))
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            name = name if name in {"DISCORD_TOKEN", "DATABASE_URL"} else f"MUSTER_{name}"
            print(f"The setting {name} is not usable: {problem['msg']}.", file=sys.stderr)
        return 2
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
