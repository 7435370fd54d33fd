"""/meeting for moderators and facilitators, /meetings for everybody.

No `default_permissions`: facilitators are ordinary members. Rights are checked on every call, and
autocomplete shows only what the asker may manage.
"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot import checks
from bot.client import Muster
from bot.ui import (
    answer,
    answer_for,
    lasting,
    meeting_panel,
    meeting_steps,
    my_meetings,
    slot_steps,
)
from core.db.meeting_models import Answer, Source
from core.errors import Refusal
from core.operations import answers, lookup, meeting_views, slot_rules
from core.operations.common import Actor
from core.words import t

Choice = app_commands.Choice[str]
RHYTHMS = [
    Choice(name="Every week", value="weekly"),
    Choice(name="Every two weeks", value="biweekly"),
    Choice(name="Once a month, on the same day of the month", value="monthly"),
    Choice(name="On certain dates only", value="dates"),
]
ANSWERS = [
    Choice(name="Attending", value=Answer.attending.value),
    Choice(name="Maybe", value=Answer.tentative.value),
    Choice(name="Can't come", value=Answer.not_attending.value),
]
Minutes = app_commands.Range[int, 1, slot_rules.LONGEST]

__all__ = ["Meeting", "Meetings", "answer_for", "meeting_panel"]


async def _asker(interaction: discord.Interaction) -> Actor | None:
    """Who types; None outside a server, where there is nothing to offer."""
    try:
        return await checks.actor_of(interaction)
    except Refusal:
        return None


async def meeting_choices(interaction: discord.Interaction, typed: str) -> list[Choice]:
    """Meetings that the asker may manage, as "Group 2 · Week 3 · Wed 4 March"."""
    actor = await _asker(interaction)
    found = await meeting_views.choices(actor, typed) if actor is not None else []
    return [Choice(name=c.label, value=c.value) for c in lookup.matching(found, typed)]


async def own_group_choices(interaction: discord.Interaction, typed: str) -> list[Choice]:
    """Groups whose meetings the asker may manage."""
    actor = await _asker(interaction)
    found = await meeting_views.group_choices(actor) if actor is not None else []
    return [Choice(name=c.label, value=c.value) for c in lookup.matching(found, typed)]


async def _begin(interaction: discord.Interaction) -> Actor:
    """Acknowledge, and refuse at once whoever manages no group."""
    await answer.acknowledge(interaction)
    actor = await checks.actor_of(interaction)
    await _must_manage_some(actor)
    return actor


async def _must_manage_some(actor: Actor) -> None:
    if not actor.moderator and not await meeting_views.group_choices(actor):
        raise Refusal(
            "not_allowed",
            t("Only moderators and facilitators can do that. Nothing was changed. Your own "
              "meetings are in /meetings."),
        )  # fmt: skip


async def _meeting(actor: Actor, typed: str) -> int:
    return lookup.resolve(await meeting_views.choices(actor, typed), typed, "meeting").id


async def _group(actor: Actor, typed: str) -> int:
    return lookup.resolve(await meeting_views.group_choices(actor), typed, "group").id


@app_commands.guild_only()
class Meeting(
    commands.GroupCog,
    group_name="meeting",
    group_description=app_commands.locale_str("Meetings of a group: for its facilitators"),
):
    @app_commands.command(description="Have a meeting at another time")
    @app_commands.describe(
        meeting="Which meeting", to="Like: Thu 19:00, or next friday 7pm Europe/Berlin",
        minutes="How long it lasts, if that changes",
    )  # fmt: skip
    @app_commands.autocomplete(meeting=meeting_choices)
    async def move(
        self,
        interaction: discord.Interaction,
        meeting: str,
        to: str,
        minutes: Minutes | None = None,
    ) -> None:
        """Preview with [Move, ask again] [Move, keep answers]."""
        actor = await _begin(interaction)
        await meeting_steps.preview_move(interaction, await _meeting(actor, meeting), to, minutes)

    @app_commands.command(description="A meeting does not take place; the others keep their number")
    @app_commands.describe(meeting="Which meeting")
    @app_commands.autocomplete(meeting=meeting_choices)
    async def skip(self, interaction: discord.Interaction, meeting: str) -> None:
        """Preview first."""
        actor = await _begin(interaction)
        await meeting_steps.ask(interaction, await _meeting(actor, meeting), "skip")

    @app_commands.command(description="A meeting comes later: all move up, one is added at the end")
    @app_commands.describe(meeting="Which meeting")
    @app_commands.autocomplete(meeting=meeting_choices)
    async def postpone(self, interaction: discord.Interaction, meeting: str) -> None:
        """Preview first."""
        actor = await _begin(interaction)
        await meeting_steps.ask(interaction, await _meeting(actor, meeting), "postpone")

    @app_commands.command(description="One more meeting beside the series")
    @app_commands.describe(
        group="Which group", when="Like: Thu 19:00, or next friday 7pm Europe/Berlin",
        minutes="How long it lasts; usually 60",
    )  # fmt: skip
    @app_commands.autocomplete(group=own_group_choices)
    async def add(
        self,
        interaction: discord.Interaction,
        group: str,
        when: str,
        minutes: Minutes | None = None,
    ) -> None:
        """Preview first."""
        actor = await _begin(interaction)
        await meeting_steps.preview_add(interaction, await _group(actor, group), when, minutes)

    @app_commands.command(description="When a group meets: weekday, time, time zone and how often")
    @app_commands.describe(
        group="Which group", when="Like: Wed 19:00 Europe/Berlin; leave it out to get a form",
        minutes="How long it lasts, if that changes", rhythm="How often, if that changes",
        since="From which day on, like 2026-05-04; else all meetings to come",
        dates="Only for certain dates, like 2026-03-04, 2026-03-18",
    )  # fmt: skip
    @app_commands.choices(rhythm=RHYTHMS)
    @app_commands.autocomplete(group=own_group_choices)
    async def slot(
        self,
        interaction: discord.Interaction,
        group: str,
        when: str | None = None,
        minutes: Minutes | None = None,
        rhythm: Choice | None = None,
        since: str | None = None,
        dates: str | None = None,
    ) -> None:
        """The form, or the preview at once."""
        if when is None:
            actor = await checks.actor_of(interaction)
            await _must_manage_some(actor)
            await slot_steps.form_group(interaction, await _group(actor, group))
            return
        actor = await _begin(interaction)
        typed = {
            "when": when, "minutes": str(minutes) if minutes is not None else "",
            "rhythm": rhythm.value if rhythm is not None else "",
            "since": since or "", "dates": dates or "",
        }  # fmt: skip
        await slot_steps.preview_group(interaction, await _group(actor, group), typed)


class Meetings(commands.Cog):
    @app_commands.command(name="meetings", description="Your next meetings and your answers")
    @app_commands.describe(answer="Answer to your very next meeting at once")
    @app_commands.choices(answer=ANSWERS)
    @app_commands.guild_only()
    async def mine(self, interaction: discord.Interaction, answer: Choice | None = None) -> None:
        """The private list."""
        if answer is not None:
            await lasting.begin(interaction)
            actor = await checks.actor_of(interaction)
            coming = await meeting_views.list_for_member(actor)
            if not coming:
                raise Refusal("meeting_not_found", t("No meeting is to come in your groups."))
            await answers.answer(actor, coming[0].id, Answer(answer.value), Source.command)
        await my_meetings.show(interaction, 0)


async def setup(bot: Muster) -> None:
    """Called by discord.py."""
    await bot.add_cog(Meeting())
    await bot.add_cog(Meetings())
