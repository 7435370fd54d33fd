"""What stands in the guild's audit log beside each thing that Muster does."""

from __future__ import annotations

from contextvars import ContextVar
from urllib.parse import quote

REASON_LIMIT = 512  # Discord's limit, counted URL-encoded

# The person whose command or click this task serves; None where Muster works by itself.
asked_by: ContextVar[str | None] = ContextVar("asked_by", default=None)


def reason_for(group: str, cohort: str) -> str:
    """Names the group and who asked, cut to Discord's limit from the end of the names."""
    who = asked_by.get()
    tail = f", asked by {who}" if who else ", by itself"
    text = f"Muster: {group} ({cohort}){tail}"
    while len(quote(text, safe="/ ")) > REASON_LIMIT:
        text = text[:-1]
    return text
