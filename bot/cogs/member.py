"""/member: find, add, move, remove. Moderators only."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.cogs.choices import group_choices, group_id
from bot.ui import answer
from bot.ui import group_cards as ui
from bot.ui.results import Totals, look_after
from bot.ui.text import lines
from core import sync
from core.db.models import Role
from core.errors import Refusal
from core.operations import cohorts, groups, lookup, membership, roster
from core.operations.common import Actor, clean

User = discord.User | discord.Member
ROLES = [
    app_commands.Choice(name="Participant (usual)", value="participant"),
    app_commands.Choice(name="Facilitator", value="facilitator"),
]
REASON_LIMIT = 200  # characters, as the memberships table keeps it
MOST = 10  # people shown by one search


def _here(member: User) -> discord.Member:
    """Somebody who can be in a group. Raises Refusal(is_bot, not_here)."""
    if member.bot:
        raise Refusal("is_bot", f"{member.display_name} is a bot; bots cannot be in groups.")
    if not isinstance(member, discord.Member):
        raise Refusal(
            "not_here",
            f"{member.display_name} is not on this server. Invite them first, then try again.",
        )
    return member


async def find_by_name(interaction: discord.Interaction, guild_id: int, name: str) -> str:
    """Those whom Muster knows, then others on the server, by a part of their name."""
    part = clean(name, limit=100, what="name")
    people = await lookup.find_people(guild_id, part, limit=MOST)
    known, guild = {p.user_id for p in people}, interaction.guild
    for member in guild.members if guild is not None else ():
        if len(people) >= MOST:
            break
        names = f"{member.display_name}\n{member.name}".lower()
        if part.lower() in names and member.id not in known and not member.bot:
            people.append(await lookup.person(guild_id, member.id, member.display_name))
    if not people:
        raise Refusal(
            "nobody_found", f"Nobody here is called “{part}”. Try fewer letters of the name."
        )
    text = ui.found(people)
    return f"{text}\nOnly the first {MOST} are shown." if len(people) == MOST else text


async def _placed(
    interaction: discord.Interaction, actor: Actor, moved: membership.Moved, chosen_id: int
) -> None:
    """Sync both groups at once, say what came of it, let seats and posts follow."""
    result = await sync.sync_after_group_change(chosen_id, moved.previous_id)
    group, inside = await roster.of_group(actor.guild_id, chosen_id)
    cohort = await cohorts.show(actor.guild_id, group.cohort_id)
    text = ui.placed(moved, group, inside, draft=cohort.status == "draft")
    await answer.show(interaction, lines([text, *_troubles(result)]))
    look_after(interaction, [i for i in (chosen_id, moved.previous_id) if i is not None])


def _troubles(result: sync.AfterChange) -> list[str]:
    totals = Totals()
    for part in (result["new_group"], result["old_group"]):
        if part is not None:
            totals.add(part)
    if not totals.failed:
        return []
    return [
        *totals.troubles(),
        (
            "The group is changed, the access is not complete yet. Muster tries again by itself; "
            "`/sync status` shows what is left."
        ),
    ]


async def _only_group(actor: Actor, member: User) -> int:
    """The one group that somebody is in. Raises Refusal(not_in_group, ambiguous)."""
    mine = await groups.of_member(actor.guild_id, member.id)
    if not mine:
        raise Refusal("not_in_group", f"{member.display_name} is in no group. Nothing changed.")
    if len(mine) > 1:
        names = ", ".join(f"“{g.label}”" for g in mine[:5])
        raise Refusal("ambiguous", f"{member.display_name} is in more than one: {names}. Which?")
    return mine[0].id


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class Members(commands.GroupCog, group_name="member", group_description="People and their groups"):
    @app_commands.command(description="Somebody's groups, now and before")
    @app_commands.describe(name="A part of their name", member="Or the person")
    async def find(
        self,
        interaction: discord.Interaction,
        name: str | None = None,
        member: discord.User | discord.Member | None = None,
    ) -> None:
        """By name or by person."""
        await answer.acknowledge(interaction)
        actor = await checks.moderator(interaction)
        if member is not None:
            person = await lookup.person(actor.guild_id, member.id, member.display_name)
            text = ui.found([person])
            if not isinstance(member, discord.Member):
                text += "\n🚪 Not on this server now."
        elif name is not None:
            text = await find_by_name(interaction, actor.guild_id, name)
        else:
            raise Refusal("nothing_given", "Type a part of a name, or choose a person.")
        await answer.show(interaction, text)

    @app_commands.command(description="Put somebody into a group, also a full or started one")
    @app_commands.describe(member="Whom", group="Into which group", role="As what")
    @app_commands.choices(role=ROLES)
    @app_commands.autocomplete(group=group_choices)
    async def add(
        self,
        interaction: discord.Interaction,
        member: discord.User | discord.Member,
        group: str,
        role: app_commands.Choice[str] | None = None,
    ) -> None:
        """Past seats and timing, and told so."""
        await answer.acknowledge(interaction)
        actor = await checks.moderator(interaction)
        chosen_id, person = await group_id(actor.guild_id, group), _here(member)
        moved = await membership.add(
            actor, chosen_id, person.id, person.display_name,
            role=Role(role.value) if role else Role.participant,
        )  # fmt: skip
        await _placed(interaction, actor, moved, chosen_id)

    @app_commands.command(description="Move somebody to another group of the same cohort")
    @app_commands.describe(member="Whom", group="To which group")
    @app_commands.autocomplete(group=group_choices)
    async def move(
        self, interaction: discord.Interaction, member: discord.User | discord.Member, group: str
    ) -> None:
        """Preview first."""
        await answer.acknowledge(interaction)
        actor = await checks.moderator(interaction)
        chosen_id, person = await group_id(actor.guild_id, group), _here(member)
        plan = await roster.preview_move(actor.guild_id, chosen_id, person.id)

        async def do_it(press: discord.Interaction, actor: Actor) -> None:
            moved = await membership.move(actor, chosen_id, person.id, person.display_name)
            await _placed(press, actor, moved, chosen_id)

        await answer.ask(interaction, ui.move_preview(person.id, plan), do_it, danger=True)

    @app_commands.command(description="Take somebody out of a group")
    @app_commands.describe(
        member="Whom", group="Out of which group, if they are in several", reason="For /history"
    )
    @app_commands.autocomplete(group=group_choices)
    async def remove(
        self,
        interaction: discord.Interaction,
        member: discord.User | discord.Member,
        group: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Preview first; also for people who left the server."""
        await answer.acknowledge(interaction)
        actor = await checks.moderator(interaction)
        why = clean(reason, limit=REASON_LIMIT, what="reason") if reason else None
        chosen_id = (
            await group_id(actor.guild_id, group) if group else await _only_group(actor, member)
        )
        shown, inside = await roster.of_group(actor.guild_id, chosen_id)
        if member.id not in {p.user_id for p in inside.people}:
            raise Refusal(
                "not_in_group", f"{member.display_name} is not in “{shown.name}”. Nothing changed."
            )

        async def do_it(press: discord.Interaction, actor: Actor) -> None:
            await membership.remove(actor, chosen_id, member.id, why)
            result = await sync.sync_after_group_change(chosen_id)
            text = f"✅ <@{member.id}> is no longer in {ui.title(shown)}."
            await answer.show(press, lines([text, *_troubles(result)]))
            look_after(press, [chosen_id])

        preview = ui.remove_preview(member.id, shown, inside, why)
        await answer.ask(interaction, preview, do_it, danger=True)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Members())
