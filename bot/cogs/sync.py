"""Being written."""

from bot.client import Muster


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
