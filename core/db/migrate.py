"""Run the migrations from inside the program: bounded, under an advisory lock."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config

from core.db.engine import asyncpg_url

ROOT = Path(__file__).resolve().parents[2]


def config(url: str) -> Config:
    """Alembic's configuration for `url`; there is no ini file to keep in step."""
    result = Config()
    result.set_main_option("script_location", str(ROOT / "migrations"))
    result.set_main_option("path_separator", "os")
    result.attributes["url"] = asyncpg_url(url)
    return result


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`. Two processes at once wait for each other."""
    await asyncio.to_thread(command.upgrade, config(url), revision)


async def downgrade(url: str, revision: str = "base") -> None:
    """Take the database back to `revision`."""
    await asyncio.to_thread(command.downgrade, config(url), revision)


async def check(url: str) -> None:
    """Raise alembic.util.CommandError where the models say something else than the database."""
    await asyncio.to_thread(command.check, config(url))
