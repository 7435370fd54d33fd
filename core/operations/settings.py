"""What the moderators of a guild choose."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import reduce
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.engine import get_database
from core.db.models import Group, GroupStatus
from core.db.queries.sync_states import mark_due
from core.errors import Refusal
from core.operations.common import Actor, audit, ensure_guild, guild_settings
from core.reconcile import daytime
from core.reconcile.spoken_words import ABBREVIATIONS, zone_named, zone_names
from core.reconcile.trace import Trace
from core.systems import projection_rows
from core.words import t

# Settings that decide who may see or do what in the groups' channels.
_TOUCHING = {"moderator_role_id", "facilitators_moderate", "by_hand"}


def zone(typed: str) -> str:
    """The IANA zone that was typed, in its own spelling; no abbreviation and no offset.

    Raises Refusal(unknown_zone) with suggestions; never a silent fallback.
    """
    if (known := zone_named(typed)) is not None:
        return known
    places = {z.rsplit("/", 1)[-1]: z for z in zone_names() if "/" in z and z[:4] != "etc/"}
    if (place := places.get("_".join(typed.lower().split()))) is not None:
        return zone_names()[place]
    names = sorted(zones_near(typed)[:3])
    short = typed.strip()[:60]
    if not names:
        text = t("“{typed}” is no time zone I know. Try a city: Europe/Berlin.", typed=short)
        raise Refusal("unknown_zone", text)
    meant = reduce(lambda one, other: t("{one} or {other}", one=one, other=other), names)
    text = t("“{typed}” is no time zone I know. Did you mean {zones}?", typed=short, zones=meant)
    raise Refusal("unknown_zone", text)


def zones_near(typed: str) -> list[str]:
    """Up to 5 IANA zones that may be meant: spelt nearly like that, the nearest first."""
    want = " ".join(typed.split()).casefold()
    if (meant := ABBREVIATIONS.get(want)) is not None:
        return list(meant)
    known = {z.lower().replace("_", " "): z for z in daytime.cities()} | daytime.by_city()
    near = difflib.get_close_matches(want, known, n=8, cutoff=0.6)
    return list(dict.fromkeys(known[n] for n in near))[:5]


async def get(guild_id: int) -> GuildSettings:
    """The guild's settings; defaults before anybody chose."""
    async with get_database().alone() as session:
        return await guild_settings(session, guild_id)


class Changed(tuple[GuildSettings, list[int]]):  # noqa: SLOT001 - Python allows a tuple none
    """The settings, and the groups whose access depends on what changed.

    `entry_id` is the history's entry, None where nothing changed.
    """

    entry_id: int | None = None


async def change(actor: Actor, **changes: Any) -> Changed:
    """Change some settings; the new ones, and the groups whose access depends on them.

    `template` is (kind, text) for one of the texts, or (kind, None) for the default; see
    operations.texts, which checks it.
    """
    actor.must_moderate()
    if "zone" in changes:
        changes["zone"] = zone(changes["zone"])
    if changes.get("moderator_role_id") == actor.guild_id:  # @everyone has the guild's id
        raise Refusal(
            "everyone", t("@everyone cannot be the moderators' role. Choose another one.")
        )
    async with get_database().transaction() as session:
        guild = await ensure_guild(session, actor.guild_id)
        await session.refresh(guild, with_for_update=True)  # two moderators at once lose nothing
        before = GuildSettings.model_validate(guild.settings)
        if "template" in changes:
            changes["templates"] = _with(before.templates, *changes.pop("template"))
        try:
            # Only what somebody chose is stored: the rest is still to be suggested by /setup.
            after = GuildSettings.model_validate(
                {**before.model_dump(exclude_unset=True), **changes}
            )
        except ValidationError as error:
            raise Refusal("unknown_choice", t("That choice is not known.")) from error
        guild.settings = after.model_dump(mode="json", exclude_unset=True)
        old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
        if old == new:
            return Changed((after, []))
        was = {k: v for k, v in old.items() if new[k] != v}
        now = {k: v for k, v in new.items() if old[k] != v}
        unchosen = tuple(sorted(was.keys() - before.model_fields_set))
        entry = audit(
            session, actor, "settings_changed", before=was, after=now,
            trace=Trace(settings=(was, now), unchosen=unchosen),
        )  # fmt: skip
        groups = await follow(session, actor.guild_id, now)
        await session.flush()
    changed = Changed((after, groups))
    changed.entry_id = entry.id
    return changed


def _with(templates: dict[str, str], kind: str, text: str | None) -> dict[str, str]:
    """The texts with this one changed; the others as they are in the locked row."""
    others = {k: v for k, v in templates.items() if k != kind}
    return others if text is None else {**others, kind: text}


async def follow(session: AsyncSession, guild_id: int, keys: Iterable[str]) -> list[int]:
    """Have the groups looked at whose access depends on these settings; their ids.

    Posts that stand are drawn again where the language changed.
    """
    keys = set(keys)
    if "language" in keys:
        await projection_rows.mark_all(session, guild_id)
    if not _TOUCHING & keys:
        return []
    rows = await session.scalars(
        select(Group.id)
        .where(
            Group.guild_id == guild_id,
            Group.status.in_((GroupStatus.preview, GroupStatus.active, GroupStatus.completed)),
        )
        .order_by(Group.id)
    )
    groups = list(rows)
    await mark_due(session, groups, utcnow(), systems=("discord", "rsvps"))
    return groups
