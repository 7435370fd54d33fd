"""What the moderators of a guild choose."""

from __future__ import annotations

import difflib
from typing import Any
from zoneinfo import available_timezones

from pydantic import ValidationError

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations.common import Actor, audit, ensure_guild, guild_settings
from core.operations.people import live_groups


def zone(typed: str) -> str:
    """The IANA zone that was typed, in its own spelling.

    Raises Refusal(unknown_zone) with suggestions; never a silent fallback.
    """
    zones = {z.lower(): z for z in available_timezones()}
    want = typed.strip().lower().replace(" ", "_")
    if want in zones:
        return zones[want]
    cities = {z.rsplit("/", 1)[-1]: z for z in zones if "/" in z}
    if want in cities:
        return zones[cities[want]]
    near = difflib.get_close_matches(want, [*zones, *cities], n=3, cutoff=0.6)
    names = sorted({zones.get(n) or zones[cities[n]] for n in near})
    hint = f" Did you mean {' or '.join(names)}?" if names else " Try a city: Europe/Berlin."
    raise Refusal("unknown_zone", f"“{typed.strip()[:60]}” is no time zone I know.{hint}")


def zones_like(typed: str) -> list[str]:
    """Up to 25 zones for autocomplete."""
    want = typed.strip().lower().replace(" ", "_")
    return sorted(z for z in available_timezones() if "/" in z and want in z.lower())[:25]


async def get(guild_id: int) -> GuildSettings:
    """The guild's settings; defaults before anybody chose."""
    async with get_database().transaction() as session:
        return await guild_settings(session, guild_id)


async def change(actor: Actor, **changes: Any) -> tuple[GuildSettings, list[int]]:
    """Change some settings; the new ones, and the groups whose access depends on them."""
    actor.must_moderate()
    if "zone" in changes:
        changes["zone"] = zone(changes["zone"])
    if changes.get("moderator_role_id") == actor.guild_id:  # @everyone has the guild's id
        raise Refusal("everyone", "@everyone cannot be the moderators' role. Choose another one.")
    async with get_database().transaction() as session:
        guild = await ensure_guild(session, actor.guild_id)
        before = GuildSettings.model_validate(guild.settings)
        try:
            after = GuildSettings.model_validate({**before.model_dump(), **changes})
        except ValidationError as error:
            raise Refusal("unknown_choice", "That choice is not known.") from error
        old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
        if old == new:
            return after, []
        guild.settings = new
        audit(
            session, actor, "settings_changed",
            before={k: v for k, v in old.items() if new[k] != v},
            after={k: v for k, v in new.items() if old[k] != v},
        )  # fmt: skip
    touched = {"moderator_role_id", "facilitators_moderate", "by_hand"}
    if not touched & changes.keys():
        return after, []
    groups = await live_groups(actor.guild_id)
    async with get_database().transaction() as session:
        await mark_due(session, groups, utcnow(), systems=("discord",))
    return after, groups
