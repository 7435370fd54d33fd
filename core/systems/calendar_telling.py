"""What moderators are told about the calendar by itself."""

from __future__ import annotations

from datetime import datetime

from core.db.queries.calendar_links import Link
from core.db.queries.calendars import Facts
from core.errors import MusterError, sentence
from core.systems import telling
from core.words import again, mark, speaking, t

GAVE_UP = telling.GaveUp(
    "calendar",
    mark("⚠️ **{group}** · {cohort}: its entry in the calendar is not right. {problem} "
         "Everything else goes on. Details: `/sync status`."),
    mark("⚠️ The server's calendar is not kept now. {problem} "
         "`/settings` → Calendar says more."),
    frozenset({"calendar_gone", "calendar_backend", "no_key"}),
)  # fmt: skip


async def gave_up(facts: Facts, error: MusterError) -> None:
    """A group's entry cannot be written; or, where it concerns all of them, the calendar."""
    group = facts.group
    whose = telling.Whose(group.guild_id, group.id, group.name, group.cohort, facts.link.language)
    await GAVE_UP.tell(whose, error)


async def stopped(link: Link, error: MusterError) -> None:
    """The server of the calendar no longer takes what it was given."""
    with speaking(link.language):
        text = t("⚠️ Muster is no longer let into the server's calendar, so it stopped writing to "
                 "it. {problem} Connect it again under `/settings` → Calendar.",
                 problem=sentence(again(error.text)))  # fmt: skip
    key = f"calendar-stopped:{link.guild_id}"
    await telling.tell_moderators(link.guild_id, text, key=key, needs_person=True)


async def deleted_again(facts: Facts, at: datetime) -> None:
    """Somebody deleted a group's entry a second time: a moderator says what now."""
    with speaking(facts.link.language):
        text = t("🗓️ **{group}** · {cohort}: its entry was deleted in the calendar again. It is "
                 "left out until you say what you want: `/settings` → Calendar.",
                 group=telling.shown(facts.group.name),
                 cohort=telling.shown(facts.group.cohort))  # fmt: skip
    key = f"calendar-deleted:{facts.group.id}:{at.timestamp():.0f}"
    await telling.tell_moderators(facts.group.guild_id, text, key=key, needs_person=True)


async def edited(facts: Facts, at: datetime) -> None:
    """Somebody changed more than an answer; it is written over."""
    with speaking(facts.link.language):
        text = t("🗓️ **{group}** · {cohort}: somebody changed its entry in the calendar. Muster "
                 "puts it back as it was; to change a meeting, use `/meeting`.",
                 group=telling.shown(facts.group.name),
                 cohort=telling.shown(facts.group.cohort))  # fmt: skip
    key = f"calendar-edited:{facts.group.id}:{at.timestamp():.0f}"
    await telling.tell_moderators(facts.group.guild_id, text, key=key)


async def away(link: Link, error: MusterError, since: datetime | None) -> None:
    """The calendar did not answer for long; nothing has to be done."""
    with speaking(link.language):
        text = t("🗓️ The server's calendar has not answered for a while. {problem} Muster goes on "
                 "trying by itself, and nothing is lost.",
                 problem=sentence(again(error.text)))  # fmt: skip
    stamp = f"{since.timestamp():.0f}" if since is not None else "never"
    await telling.tell_moderators(link.guild_id, text, key=f"calendar-away:{link.guild_id}:{stamp}")
