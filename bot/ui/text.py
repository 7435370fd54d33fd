"""Texts of people in our messages: no markdown, no mentions, no walls."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from core.reconcile.cleaning import shown
from core.words import t

CONTENT_LIMIT = 2000  # Discord's limit of characters per message


def plain(text: str) -> str:
    """A text as people typed it, shown as it is: mentions and markdown do nothing."""
    return shown(text)


def when(moment: datetime, style: str = "f") -> str:
    """A Discord timestamp: everybody reads it in their own zone."""
    return f"<t:{int(moment.timestamp())}:{style}>"


def lines(parts: Iterable[str], *, limit: int = CONTENT_LIMIT - 100) -> str:
    """Lines joined up to `limit` characters, with a last one that says how many are left out."""
    kept: list[str] = []
    rest = list(parts)
    size = 0
    while rest and size + len(rest[0]) + 1 <= limit:
        size += len(rest[0]) + 1
        kept.append(rest.pop(0))
    if rest:
        kept.append(t("… and {n} more", n=len(rest)))
    return "\n".join(kept)
