"""What the tests of /why share: a cohort on a simulated Discord, and hands that change it."""

from __future__ import annotations

from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType
from sqlalchemy import update

from bot.ui import why
from bot.ui.lasting import LastingView
from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import Expected, SyncState
from core.operations import why as operations
from tests.e2e._acting import filled, last, made, mod_of
from tests.world import World

VIEW = discord.Permissions(view_channel=True).value
SEND = discord.Permissions(send_messages=True).value


def text_of(result: Any) -> str:
    """What stands there privately after a command or a press."""
    message = last(result)
    assert message.ephemeral
    return str(message.content)


class Stage:
    """A world with the open cohort "Stats"; the first two members are in Group 1."""

    def __init__(self, w: World, cohort: Any) -> None:
        self.w, self.cohort = w, cohort
        self.ids = cohort.group_ids

    def place(self, name: str = "group-1") -> Any:
        return self.w.guild.channels[name]

    async def ask(self, person: Any, channel: str = "group-1") -> Any:
        await self.w.settle()
        return await self.w.mod.slash(self.w.room, "why", member=person, channel=channel)

    async def says(self, person: Any, code: str, *parts: str, channel: str = "group-1") -> Any:
        """The code by the operation, the sentence by the command; the command's result."""
        result = await self.ask(person, channel)
        answer = await operations.explain(
            mod_of(self.w), person.id, person.name, self.place(channel).id
        )
        assert answer.link.code == code
        text = text_of(result)
        for part in parts:
            assert part in text, text
        return result

    async def fix(self, result: Any, label: str) -> str:
        """Press the fix and let everything that follows happen; what is answered."""
        pressed = await self.w.mod.click(last(result), label=label)
        await self.w.settle()
        return text_of(pressed)

    def entry(
        self, person: Any, allow: int = 0, deny: int = 0, *, channel: str = "group-1"
    ) -> None:
        """A hand changes somebody's entry in a channel."""
        kind = OverwriteType.MEMBER
        self.w.env.backend.set_overwrite(
            self.place(channel).id, Overwrite(person.id, kind, allow, deny)
        )

    def logged(self, action: int, target: int, *, by: Any, **options: str) -> None:
        """What Discord's audit log has of it; SimCord writes none for what tests do by hand."""
        self.w.env.backend.record_audit_log(
            self.w.guild.id, action, target_id=target, user_id=by.id, options=options
        )

    def member(self, person: Any, **changes: Any) -> None:
        self.w.env.backend.edit_member(self.w.guild.id, person.id, changes)

    def bot_may(self, *, give: int = 0, take: int = 0) -> None:
        """Change what the bot's own role may do."""
        guild = self.w.env.backend.get_guild(self.w.guild.id)
        for role_id in guild.members[self.w.env.backend.bot_user.id].role_ids:
            role = guild.roles[role_id]
            bits = (role.permissions | give) & ~take
            self.w.env.backend.edit_role(self.w.guild.id, role_id, {"permissions": bits})


async def stage(w: World, **more: Any) -> Stage:
    cohort = await made(w, **more)
    await filled(w, cohort)
    return Stage(w, cohort)


async def expect(s: Stage, name: str) -> None:
    """An imported list has this user name for Group 1."""
    async with get_database().transaction() as session:
        session.add(
            Expected(
                guild_id=s.w.guild.id, cohort_id=s.cohort.id, group_id=s.ids[0], name=name,
                seat=7, created_at=utcnow(),
            )
        )  # fmt: skip


async def posted(s: Stage, person: Any) -> Any:
    """A message with [Look at it] about a person's group, as moderators' channels get them."""
    view = why.button(LastingView(), "Look at it", "again", person.id, f"g{s.ids[0]}")
    channel = s.w.bot.get_channel(s.w.room.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Somebody asks", view=view)
    await s.w.settle()
    return s.w.room.last_message


async def state(group_id: int, **values: Any) -> None:
    async with get_database().transaction() as session:
        await session.execute(
            update(SyncState)
            .where(SyncState.group_id == group_id, SyncState.system == "discord")
            .values(**values)
        )


def pending(w: World, person: Any, *, now: bool) -> None:
    """Whether somebody has yet to accept the rules."""
    w.env.backend.get_guild(w.guild.id).members[person.id].pending = now
    w.env.backend.edit_member(w.guild.id, person.id, {})
