"""Servers as people make them by hand, and walking /cohort adopt on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from sqlalchemy import select

from core import sync
from core.db.engine import get_database
from core.db.models import ManagedObject, ManagedOverwrite
from core.operations import adopt, overview
from core.operations.adopt import Offer
from core.operations.adopt_rows import Adopted
from core.plan import Bits
from core.reconcile.hand_made import Wishes
from core.reconcile.permissions import MANAGE_ROLES, TEXT_ACCESS, VIEW_CHANNEL, VOICE_ACCESS
from tests.e2e._acting import mod_of
from tests.world import World

HIDDEN = Bits(0, VIEW_CHANNEL)
TEXT, VOICE = Bits(TEXT_ACCESS, 0), Bits(VOICE_ACCESS, 0)
KINDS = {"text": 0, "voice": 2, "category": 4, "news": 5, "stage": 13, "forum": 15}


@dataclass
class HandMade:
    """One world's server. `categories` and `channels` by the names that were given to them."""

    w: World
    ids: dict[str, int] = field(default_factory=dict)

    def category(self, name: str) -> int:
        return self.channel(name, "category", {})

    def channel(
        self,
        name: str,
        kind: str,
        entries: Mapping[Any, Bits],
        parent: int | None = None,
        *,
        key: str | None = None,
        hidden: bool = True,
        bot: bool = True,
    ) -> int:
        """A channel with an entry for each target: hidden, but not from moderators and the bot."""
        guild = self.w.guild
        raw: dict[int, tuple[Bits, int]] = {}
        if hidden and kind != "category":
            raw[guild.id] = (HIDDEN, 0)
            raw[guild.roles["Moderators"].id] = (Bits(VIEW_CHANNEL, 0), 0)
        roles = {r.id for r in guild.roles.values()}
        if bot and hidden and kind != "category":
            raw[self.w.bot.user.id] = (Bits(VIEW_CHANNEL | MANAGE_ROLES, 0), 1)  # type: ignore[union-attr]
        for target, bits in entries.items():
            number = target if isinstance(target, int) else target.id
            raw[number] = (bits, 0 if number in roles else 1)
        made = self.w.env.backend.create_channel(
            guild.id, name, type=KINDS[kind], parent_id=parent,
            overwrites=[
                Overwrite(target_id=i, type=OverwriteType(t), allow=b.allow, deny=b.deny)
                for i, (b, t) in raw.items()
            ],
        )  # fmt: skip
        self.ids[key or name] = made.id
        return int(made.id)

    def pair(self, name: str, people: list[Any], parent: int) -> None:
        """A text and a voice channel with an entry for each person."""
        self.channel(name, "text", dict.fromkeys(people, TEXT), parent)
        self.channel(f"{name} voice", "voice", dict.fromkeys(people, VOICE), parent)

    def entries(self, key: str) -> dict[int, Bits]:
        """Everybody's entry in a channel, as Discord has it."""
        found = self.w.env.backend.get_channel(self.ids[key]).overwrites
        return {o.target_id: Bits(o.allow, o.deny) for o in found}

    def snapshot(self) -> Any:
        """All that can be seen of the server: channels, entries, roles, who has them."""
        backend = self.w.env.backend
        guild = backend.get_guild(self.w.guild.id)
        channels = {
            i: (c.name, c.type, c.parent_id, {o.target_id: (o.allow, o.deny) for o in c.overwrites})
            for i in guild.channel_ids
            for c in [backend.get_channel(i)]
        }  # fmt: skip
        roles = {r.id: (r.name, r.permissions) for r in guild.roles.values()}
        members = {i: sorted(m.role_ids) for i, m in guild.members.items()}
        return channels, roles, members

    def calls(self, since: int = 0) -> list[tuple[str, str]]:
        """What the bot changed on Discord, answers to people aside."""
        return [
            (r.method, r.path)
            for r in self.w.env.http_requests[since:]
            if r.method != "GET" and "/interactions/" not in r.path and "/webhooks/" not in r.path
        ]


async def pairs(w: World, number: int = 2, *, each: int = 1) -> tuple[HandMade, int]:
    """A category of groups with a text and a voice channel, and people in them."""
    made = HandMade(w)
    home = made.category("stats-autumn")
    for n in range(number):
        people = w.members[n * each : (n + 1) * each]
        made.pair(f"group-{n + 1}", people, home)
    await w.settle()
    return made, home


async def offer(w: World, **wishes: Any) -> Offer:
    return await adopt.propose(mod_of(w), Wishes(**wishes))


async def adopt_it(w: World, **wishes: Any) -> Adopted:
    """Propose and adopt at once, and sync as the bot does."""
    seen = await offer(w, **wishes)
    made = await adopt.adopt(mod_of(w), Wishes(**wishes), seen.mark)
    for group_id in made.group_ids:
        await sync.sync_group(group_id)
    return made


async def nothing_to_do(w: World) -> None:
    """No group has a plan or anything reported, also with what was changed by hand put back."""
    for repair in (False, True):
        planned = await overview.plan(w.guild.id, repair=repair)
        assert [(g.label, g.lines, g.by_hand) for g in planned.groups] == []
    assert await sync.sweep() == []


async def ours(w: World) -> tuple[list[int], int]:
    """Discord ids in the ledger of objects, and how many entries it holds."""
    async with get_database().transaction() as session:
        objects = await session.scalars(
            select(ManagedObject.discord_id).where(ManagedObject.guild_id == w.guild.id)
        )
        entries = await session.scalars(
            select(ManagedOverwrite.target_id).where(ManagedOverwrite.guild_id == w.guild.id)
        )
        return sorted(o for o in objects if o is not None), len(entries.all())


def menu(message: Any, placeholder: str) -> str:
    """The custom_id of the select with this placeholder."""
    for row in message.components:
        for part in row["components"]:
            if str(part.get("placeholder", "")).startswith(placeholder):
                return str(part["custom_id"])
    raise AssertionError(f"no select {placeholder!r} in {message.components}")


def choices(message: Any, placeholder: str = "Choose") -> dict[str, str]:
    """A select's options: value by label."""
    wanted = menu(message, placeholder)
    return {
        o["label"]: o["value"]
        for row in message.components
        for part in row["components"]
        if part.get("custom_id") == wanted
        for o in part["options"]
    }
