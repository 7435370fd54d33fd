"""Who has which role, and who sees what, on servers that are adopted."""

from __future__ import annotations

from typing import Any

from core.discord_outbound.cache import guild_view
from tests.world import World


def roles_at(w: World, *members: list[Any]) -> list[Any]:
    """A role for each list of people, below the moderators' and the bot's."""
    made = [w.guild.create_role(f"Team {n}") for n in range(1, len(members) + 1)]
    for role, some in zip(made, members, strict=True):
        for person in some:
            w.env.backend.add_member_role(w.guild.id, person.id, role.id)
    return made


def sees(w: World, person: Any, channel_id: int) -> bool:
    view = guild_view(w.guild.id)
    assert view is not None
    return view.can_see(person.id, channel_id)
