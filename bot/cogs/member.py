"""/member: find, add, move, remove, import. Moderators only."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.cogs.choices import cohort_choices, cohort_id, group_choices, group_id
from bot.ui import answer, import_form, import_steps, member_steps
from bot.ui import group_cards as ui
from bot.ui.import_form import ImportForm
from core.db.models import Role
from core.errors import Refusal
from core.operations import group_views, imports, lookup
from core.operations.common import Actor, clean
from core.words import t

User = discord.User | discord.Member
ROLES = [
    app_commands.Choice(name="Participant (usual)", value="participant"),
    app_commands.Choice(name="Facilitator", value="facilitator"),
]
REASON_LIMIT = 200  # characters, as the memberships table keeps it
MOST = 10  # people shown by one search


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
        text = t("Nobody here is called “{typed}”. Try fewer letters of the name.", typed=part)
        raise Refusal("nobody_found", text)
    found = ui.found(people)
    if len(people) < MOST:
        return found
    return f"{found}\n{t('Only the first {most} are shown.', most=MOST)}"


async def _only_group(actor: Actor, member: User) -> int:
    """The one group that somebody is in. Raises Refusal(not_in_group, ambiguous)."""
    mine = await group_views.of_member(actor.guild_id, member.id)
    if not mine:
        text = t("{person} is in no group. Nothing changed.", person=member.display_name)
        raise Refusal("not_in_group", text)
    if len(mine) > 1:
        names = ", ".join(f"“{g.label}”" for g in mine[:5])
        text = t(
            "{person} is in more than one: {groups}. Which?",
            person=member.display_name,
            groups=names,
        )
        raise Refusal("ambiguous", text)
    return mine[0].id


@app_commands.default_permissions(manage_guild=True)
@app_commands.guild_only()
class Members(
    commands.GroupCog,
    group_name="member",
    group_description=app_commands.locale_str("People and their groups"),
):
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
                text = f"{text}\n{t('🚪 Not on this server now.')}"
        elif name is not None:
            text = await find_by_name(interaction, actor.guild_id, name)
        else:
            raise Refusal("nothing_given", t("Type a part of a name, or choose a person."))
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
        chosen_id = await group_id(actor.guild_id, group)
        chosen_role = Role(role.value) if role else Role.participant
        await member_steps.add(interaction, actor, chosen_id, member, chosen_role)

    @app_commands.command(description="Move somebody to another group of the same cohort")
    @app_commands.describe(member="Whom", group="To which group")
    @app_commands.autocomplete(group=group_choices)
    async def move(
        self, interaction: discord.Interaction, member: discord.User | discord.Member, group: str
    ) -> None:
        """Preview first."""
        await answer.acknowledge(interaction)
        actor = await checks.moderator(interaction)
        chosen_id = await group_id(actor.guild_id, group)
        await member_steps.ask_move(interaction, actor, chosen_id, member)

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
        await member_steps.ask_remove(interaction, actor, chosen_id, member, why)

    @app_commands.command(
        name="import", description="Bring many people in: pasted lines, a CSV file or a role"
    )
    @app_commands.describe(
        cohort="Into which cohort", file="A CSV or text file", role="Everybody with this role"
    )
    @app_commands.autocomplete(cohort=cohort_choices)
    async def import_(
        self,
        interaction: discord.Interaction,
        cohort: str,
        file: discord.Attachment | None = None,
        role: discord.Role | None = None,
    ) -> None:
        """A form to paste into, unless a file or a role is given. Preview first."""
        actor = await checks.moderator(interaction)
        chosen_id = await cohort_id(actor.guild_id, cohort)
        if file is None and role is None:
            facts = await imports.facts(actor, chosen_id)
            await interaction.response.send_modal(ImportForm(chosen_id, facts.cohort_name))
            return
        await answer.acknowledge(interaction)
        if file is not None and role is not None:
            raise Refusal("two_lists", t("Give a file or a role, not both."))
        if role is not None:
            await import_form.from_role(interaction, actor, chosen_id, role)
            return
        found = await import_form.read("", file)
        await import_steps.begin(interaction, actor, chosen_id, found.rows, found.heading_line)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Members())
