"""What stands in the guild's audit log beside each thing that Muster does."""

from __future__ import annotations

from contextvars import ContextVar
from urllib.parse import quote

from core.words import t

REASON_LIMIT = 512  # Discord's limit, counted URL-encoded

# The person whose command or click this task serves; None where Muster works by itself.
asked_by: ContextVar[str | None] = ContextVar("asked_by", default=None)


def reason_for(group: str, cohort: str) -> str:
    """Names the group and who asked, in the language spoken now, cut to Discord's limit."""
    who = asked_by.get()
    text: str = (
        t("Muster: {group} ({cohort}), asked by {who}", group=group, cohort=cohort, who=who)
        if who
        else t("Muster: {group} ({cohort}), by itself", group=group, cohort=cohort)
    )
    while len(quote(text, safe="/ ")) > REASON_LIMIT:
        text = text[:-1]
    return text
