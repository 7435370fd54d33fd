"""What the front page shows: the people to act as, and what each of them can see right now."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypedDict

import discord
from simcord import ChannelHandle, MemberActor
from sqlalchemy import select

from bot.demo.town import Town, shown_name
from core.db.engine import get_database
from core.db.models import Cohort, Group, Membership, MembershipStatus
from core.reconcile.trace import LIVE

VIEW = discord.Permissions(view_channel=True, read_message_history=True).value
TEXT, VOICE = 0, 2  # Discord's numbers of the kinds of channels
MESSAGES = "dm"  # stands for the person's direct messages, whose channel may not exist yet


class ChannelSeen(TypedDict):
    """`last` is the newest message that the person can see there, "0" for none."""

    id: str
    name: str
    kind: str
    category: str
    last: str


class PersonSeen(TypedDict):
    """`groups` are those that the person is in."""

    id: str
    name: str
    moderator: bool
    groups: list[str]
    channels: list[ChannelSeen]


class ServerSeen(TypedDict):
    name: str
    people: list[PersonSeen]


async def server(town: Town) -> ServerSeen:
    """The server as the front page shows it, read from SimCord and from the database."""
    groups = await _groups(town)
    people: list[PersonSeen] = [
        {
            "id": str(person.id),
            "name": shown_name(person),
            "moderator": number == 0,
            "groups": groups[person.id],
            "channels": _channels(town, person),
        }
        for number, person in enumerate(town.people)
    ]
    return {"name": town.guild.name, "people": people}


async def _groups(town: Town) -> defaultdict[int, list[str]]:
    """By user id; in one statement for all, since every open page asks every other second."""
    async with get_database().alone() as session:
        rows = await session.execute(
            select(Membership.user_id, Group.name, Cohort.name)
            .join(Group, Group.id == Membership.group_id)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(
                Membership.guild_id == town.guild.id,
                Membership.status == MembershipStatus.active,
                Group.status.in_(LIVE),
                Cohort.status.in_(("open", "draft")),
            )
            .order_by(Cohort.start_date, Cohort.id, Group.id)
        )
    found: defaultdict[int, list[str]] = defaultdict(list)
    for user_id, group, cohort in rows:
        found[user_id].append(f"{group} · {cohort}")
    return found


def _channels(town: Town, person: MemberActor) -> list[ChannelSeen]:
    backend: Any = town.env.backend
    rows = [backend.channels[i] for i in backend.guilds[town.guild.id].channel_ids]
    where = {row.id: (row.position, row.id) for row in rows}
    # As in Discord: channels without a category first, then each category's, text before voice.
    rows.sort(
        key=lambda c: (
            where.get(c.parent_id, (-1, 0)) if c.parent_id else (-1, 0),
            c.type == VOICE,
            c.position,
            c.id,
        )
    )
    found: list[ChannelSeen] = []
    for row in rows:
        if row.type not in {TEXT, VOICE}:
            continue
        rights = backend.compute_permissions(town.guild.id, person.id, row.id)
        needed = VIEW if row.type == TEXT else discord.Permissions.view_channel.flag
        if rights & needed != needed:
            continue
        parent = backend.channels.get(row.parent_id) if row.parent_id else None
        found.append(
            {
                "id": str(row.id),
                "name": row.name or "",
                "kind": "voice" if row.type == VOICE else "text",
                "category": (parent.name or "") if parent is not None else "",
                "last": _last(town, row.id, person.id),
            }
        )
    letters = backend.dm_channels.get(person.id)
    last = _last(town, letters, person.id) if letters else "0"
    found.append({"id": MESSAGES, "name": "Messages", "kind": "dm", "category": "", "last": last})
    return found


def _last(town: Town, channel_id: int, user_id: int) -> str:
    backend: Any = town.env.backend
    messages = backend.messages.get(channel_id, {}).values()
    return str(max((m.id for m in messages if m.visible_to(user_id)), default=0))


def channel_of(town: Town, person: MemberActor, asked: str) -> ChannelHandle | None:
    """The channel that the front page asked for; None where there is none of that kind."""
    if asked == MESSAGES:
        return person.user.dm_channel
    backend: Any = town.env.backend
    row = backend.channels.get(int(asked)) if asked.isdecimal() else None
    if row is None or row.guild_id != town.guild.id or row.type != TEXT:
        return None
    return ChannelHandle(town.env, town.guild, row)
