"""A server's own words in messages."""

from __future__ import annotations

from core.notifications import templates
from core.operations import settings
from core.operations.common import Actor
from core.operations.settings import Changed


async def save(actor: Actor, kind: str, text: str) -> Changed:
    """Say `text` for this kind of message from now on.

    Raises Refusal: not_allowed, and what `templates.check` raises.
    """
    actor.must_moderate()
    return await settings.change(actor, template=(kind, templates.check(kind, text)))


async def reset(actor: Actor, kind: str) -> Changed:
    """Muster's own text again. Raises Refusal(not_allowed)."""
    actor.must_moderate()
    return await settings.change(actor, template=(kind, None))
