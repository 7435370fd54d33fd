"""The simulated server of the demo: its people, its first channels, and a cohort that is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import discord
from simcord import ChannelHandle, Env, GuildHandle, MemberActor

from bot.demo.gaps import invited_by
from bot.ui import groups as group_texts
from core.clock import utcnow
from core.operations import cohorts, membership, posts
from core.operations.cohort_draft import CohortDraft
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
# Members too, whom nobody acts as: enough to import a list of forty.
QUIET = (
    "Aiko Tanaka", "Amir Nasser", "Anja Vogel", "Bruno Costa", "Carmen Diaz", "Cheng Li",
    "Dara Murphy", "Dmitri Petrov", "Esi Mensah", "Eva Novotna", "Felix Braun", "Fiona Walsh",
    "Gaspard Petit", "Hana Suzuki", "Ivan Horvat", "Jana Kral", "Kofi Boateng", "Lea Fischer",
    "Liam Byrne", "Lucia Romano", "Mateo Silva", "Nadia Karimi", "Nils Berg", "Olga Ivanova",
    "Pedro Alves", "Priya Nair", "Rosa Jimenez", "Sami Laine", "Tomas Dvorak", "Yara Haddad",
)  # fmt: skip
# Made by hand long before Muster came: something to adopt. Channel pairs, and who sees them.
BOOK_CLUB = "Book club"
READERS = (("mystery", (0, 4, 6)), ("poetry", (1, 5, 9)))
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
    """Make the server as Muster meets it, then open a cohort in it as a moderator would.

    The moderator has just invited Muster, and was greeted: nothing is set up yet.
    """
    people = [env.create_user(name, global_name=full) for name, full in (MODERATOR, *MEMBERS)]
    guild = env.create_guild(SERVER)
    invited_by(env.backend, guild.id, people[0].id)
    general = guild.create_text_channel("general", topic="Say hello, and try a command: type /")
    keys = guild.create_role("Moderators", permissions=discord.Permissions(manage_guild=True))
    guild.create_text_channel(
        "moderators",
        topic="What Muster has to tell moderators",
        overwrites={
            guild.default_role: discord.PermissionOverwrite(view_channel=False),
            keys: discord.PermissionOverwrite(view_channel=True),
            _bot(env): discord.PermissionOverwrite(view_channel=True),
        },
    )
    town = Town(env, guild, general)
    for number, user in enumerate(people):
        town.people.append(guild.add_member(user, roles=() if number else (keys,)))
    for full in QUIET:
        guild.add_member(env.create_user(full.split()[0].lower(), global_name=full))
    _hand_made(town)
    await env.settle()
    await _open_cohort(town)
    await _small_talk(town)
    await posts.publish(moderator(town), general.id, group_texts.post)
    await worker.drain()
    await env.settle()
    return town


def _bot(env: Env) -> Any:
    user = env.bot.user
    if user is None:
        raise RuntimeError("the bot is not logged in")
    return user


def moderator(town: Town) -> Actor:
    """The moderator, as operations take whoever asks."""
    return Actor(town.guild.id, town.people[0].id, shown_name(town.people[0]), moderator=True)


def _hand_made(town: Town) -> None:
    """A category whose channels only some see, and the bot: as moderators make them."""
    category = town.guild.create_category(BOOK_CLUB)
    for name, readers in READERS:
        overwrites: dict[Any, discord.PermissionOverwrite] = {
            town.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            _bot(town.env): discord.PermissionOverwrite(view_channel=True, manage_roles=True),
        }
        for who in (0, *(number + 1 for number in readers)):
            overwrites[town.people[who]] = discord.PermissionOverwrite(view_channel=True)
        text = town.guild.create_text_channel(name, category=category, overwrites=overwrites)
        voice = town.guild.create_voice_channel(name, category=category)
        backend: Any = town.env.backend
        for entry in list(backend.channels[text.id].overwrites):
            backend.set_overwrite(voice.id, entry)


async def _open_cohort(town: Town) -> None:
    lead, members = moderator(town), town.people[1:]
    start = (utcnow() + timedelta(days=10)).date()
    made = await cohorts.create(
        lead,
        CohortDraft(COHORT, start, groups=len(SEATED), seats=SEATS),
        open_now=True,
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
