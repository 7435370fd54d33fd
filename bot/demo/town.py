"""The simulated server of the demo: its people, its first channels, and a cohort that is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import discord
from simcord import ChannelHandle, Env, GuildHandle, MemberActor

from bot.ui import groups as group_texts
from core.clock import utcnow
from core.operations import cohorts, membership, posts, settings
from core.operations.common import Actor
from core.worker import Worker

SERVER = "Riverside Study Hall"
MODERATOR = ("mira", "Mira Novak")
MEMBERS = (
    ("ada", "Ada Brandt"),
    ("ben", "Ben Okafor"),
    ("chiara", "Chiara Rossi"),
    ("daniel", "Daniel Kim"),
    ("elif", "Elif Aydin"),
    ("farid", "Farid Haddad"),
    ("grace", "Grace Mwangi"),
    ("hugo", "Hugo Lindqvist"),
    ("ines", "Inés Ortega"),
    ("jonas", "Jonas Weber"),
)
COHORT = "Statistics autumn"
SEATS = 4
# Who sits where at the start: the first group is full, the second has room, the third is empty.
SEATED = ((0, 1, 2, 3), (4, 5), ())


@dataclass
class Town:
    """What was made. `people` starts with the moderator."""

    env: Env
    guild: GuildHandle
    general: ChannelHandle
    people: list[MemberActor] = field(default_factory=list)

    def person(self, user_id: int) -> MemberActor | None:
        return next((p for p in self.people if p.id == user_id), None)


def shown_name(person: MemberActor) -> str:
    """The name that everybody sees."""
    return person.user.global_name or person.name


async def build(env: Env, worker: Worker) -> Town:
    """Make the server, then open a cohort in it as a moderator would."""
    guild = env.create_guild(SERVER)
    general = guild.create_text_channel("general", topic="Say hello, and try a command: type /")
    keys = guild.create_role("Moderators", permissions=discord.Permissions(manage_guild=True))
    team = guild.create_text_channel(
        "moderators",
        topic="What Muster has to tell moderators",
        overwrites={
            guild.default_role: discord.PermissionOverwrite(view_channel=False),
            keys: discord.PermissionOverwrite(view_channel=True),
            _bot(env): discord.PermissionOverwrite(view_channel=True),
        },
    )
    town = Town(env, guild, general)
    for number, (name, full) in enumerate((MODERATOR, *MEMBERS)):
        user = env.create_user(name, global_name=full)
        town.people.append(guild.add_member(user, roles=() if number else (keys,)))
    await env.settle()
    await _open_cohort(town, moderators=keys.id, channel=team.id)
    await _small_talk(town)
    await posts.publish(_moderator(town), general.id, group_texts.post)
    await worker.drain()
    await env.settle()
    return town


def _bot(env: Env) -> Any:
    user = env.bot.user
    if user is None:
        raise RuntimeError("the bot is not logged in")
    return user


def _moderator(town: Town) -> Actor:
    return Actor(town.guild.id, town.people[0].id, shown_name(town.people[0]), moderator=True)


async def _open_cohort(town: Town, *, moderators: int, channel: int) -> None:
    lead, members = _moderator(town), town.people[1:]
    await settings.change(lead, moderator_role_id=moderators, moderator_channel_id=channel)
    start = (utcnow() + timedelta(days=10)).date()
    made = await cohorts.create(
        lead, cohorts.CohortDraft(COHORT, start, groups=len(SEATED), seats=SEATS), open_now=True
    )
    for group_id, seated in zip(made.group_ids, SEATED, strict=True):
        for index in seated:
            who = members[index]
            await membership.join(Actor(town.guild.id, who.id, shown_name(who)), group_id)


async def _small_talk(town: Town) -> None:
    """A first page that is not empty, and says what can be done."""
    mira, ada, *_ = town.people
    await mira.send(
        town.general,
        f"Welcome! **{COHORT}** is open. Type `/groups` to see the groups and to join one.",
    )
    await ada.send(town.general, "I'm in Group 1 already, see you there!")
