"""How the moderators' home looks, and /help. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.ui import attention
from bot.ui.lasting import LastingView
from bot.ui.text import lines, plain
from core.operations.attention import Entry
from core.operations.home import CohortLine, Crowded, Home
from core.words import day, mark, t, tn

PAGE = 10  # cohorts or lines per page: what a phone shows without much scrolling
STATUS = {
    "draft": ("✏️", mark("draft")),
    "open": ("🟢", mark("open")),
    "closed": ("🏁", mark("closed")),
    "cancelled": ("🚫", mark("cancelled")),
}


def home(
    found: Home, server: str, look: int = 0, calendar: str | None = None, asks: int = 0
) -> tuple[str, LastingView]:
    """Everything in three lines, with a button for each.

    `look` people may need a word; `calendar`: how the server's calendar stands, if it has one,
    and `asks` how many things about it wait for somebody.
    """
    running = tn("{n} open cohort", "{n} open cohorts", found.open)
    if found.drafts:
        running += ", " + tn("{n} draft", "{n} drafts", found.drafts)
    groups = tn("{n} group", "{n} groups", found.groups)
    people = tn("{n} person", "{n} people", found.people)
    parts = [f"**Muster · {plain(server)}**", f"📚 {running} · {groups} · {people}"]
    if not (found.open or found.drafts):
        parts[1:] = [
            t(
                "There is no cohort yet. `/cohort create` makes one with its groups, "
                "`/cohort adopt` takes over channels that you have."
            )
        ]
    parts += [f"📅 {line}" for line in week_lines(found)[:1]]
    parts += [calendar] if calendar is not None else []
    urgent = found.needs.urgent + asks
    if urgent:
        parts.append("⚠️ " + tn("{n} thing needs a person.", "{n} things need a person.", urgent))
    if look:
        parts.append("👀 " + tn("{n} person may need a word.", "{n} people may need a word.", look))
    unsent = found.needs.unsent
    if unsent:
        parts.append(unsent_line(unsent))
    if not (urgent or look or unsent):
        parts.append("✅ " + t("Nothing needs you right now."))
    return lines(parts), _doors(bool(urgent), bool(unsent))


def _doors(urgent: bool, unsent: bool) -> LastingView:
    """A button for each panel, red where something waits."""
    return (
        LastingView()
        .button(t("Cohorts"), "home_cohorts", row=0)
        .button(t("This week"), "home_week", row=0)
        .button(
            t("Needs attention"),
            "home_needs",
            row=0,
            style=discord.ButtonStyle.danger if urgent else discord.ButtonStyle.secondary,
        )
        .button(
            t("Messages"),
            "messages_failed" if unsent else "messages_all",
            row=1,
            style=discord.ButtonStyle.danger if unsent else discord.ButtonStyle.secondary,
        )
        .button(t("Check"), "home_check", row=1)
        .button(t("History"), "home_history", row=1)
        .button(t("Settings"), "home_settings", row=1)
    )


def unsent_line(number: int) -> str:
    """Messages that were given up lately, or that fail for long."""
    return "✉️ " + tn("{n} message could not be sent.", "{n} messages could not be sent.", number)


def week_lines(found: Home) -> list[str]:
    """What the next seven days bring, and what the last seven brought."""
    starting = [
        t("{cohort} starts on {day}.", cohort=plain(name), day=day(start))
        for name, start in found.starting
    ]
    moved = t(
        "Last seven days: {joined} joined a group, {left} left one.",
        joined=found.joined,
        left=found.left,
    )
    return [*starting, moved]


def cohort_list(page: int, shown: Sequence[CohortLine], total: int) -> tuple[str, LastingView]:
    """Cohorts with a select that opens one."""
    view = LastingView()
    if not shown:
        text = t(
            "There is no cohort yet. `/cohort create` makes one with its groups, "
            "`/cohort adopt` takes over channels that you have."
        )
        return text, view.button(t("Home"), "home")
    parts = [f"**{t('Cohorts')}** ({total})"]
    options = []
    for cohort in shown:
        icon, status = STATUS[cohort.status]
        groups = tn("{n} group", "{n} groups", cohort.groups)
        people = tn("{n} person", "{n} people", cohort.people)
        about = f"{t(status)} · {groups} · {people} · {day(cohort.start_date)}"
        parts.append(f"{icon} **{plain(cohort.name)}** · {about}")
        options.append(
            discord.SelectOption(
                label=cohort.name[:100], value=str(cohort.id), description=about[:100], emoji=icon
            )
        )
    view.select(t("Open a cohort"), "home_cohort", options, row=0)
    return lines(parts), _turn(view, "home_cohorts", page, total)


def needs(
    page: int,
    states: Sequence[str],
    findings: Sequence[str],
    full: Sequence[Crowded],
    expected: Sequence[tuple[str, str]],
    people: Sequence[Entry] = (),
    unsent: int = 0,
) -> tuple[str, LastingView]:
    """Everything that wants a look, worst first. `states` and `findings` are safe to show."""
    messages = [unsent_line(unsent)] if unsent else []
    entries = [*states, *findings, *messages, *(attention.line(entry) for entry in people)]
    for group in full:
        waiting = tn("{n} person waits", "{n} people wait", group.waiting)
        entries.append(
            t("🪑 **{group}** is full", group=plain(group.label))
            + (f": {waiting}." if group.waiting else ".")
        )
    entries += [
        t("🕓 **{name}** is on the list of {group}, and not on the server yet.",
          name=plain(name), group=plain(label))
        for name, label in expected
    ]  # fmt: skip
    view = LastingView()
    if not entries:
        return "✅ " + t("Nothing needs you right now."), view.button(t("Home"), "home")
    page = max(0, min(page, (len(entries) - 1) // PAGE))
    # Those whose lines stand on this page can be opened here.
    first = page * PAGE - len(states) - len(findings) - len(messages)
    attention.select(view, people[max(0, first) : max(0, first + PAGE)])
    if states:
        view.button(t("Sync status"), "home_status", row=1)
    if findings:
        view.button(t("Check"), "home_check", row=1)
    if unsent:
        view.button(t("Messages"), "messages_failed", row=1)
    head = f"**{t('Needs attention')}** ({len(entries)})"
    shown = lines([head, *entries[page * PAGE : (page + 1) * PAGE]])
    return shown, _turn(view, "home_needs", page, len(entries))


def _turn(view: LastingView, action: str, page: int, total: int) -> LastingView:
    if page > 0:
        view.button(t("Back"), action, page - 1, row=2)
    if (page + 1) * PAGE < total:
        view.button(t("More"), action, page + 1, row=2)
    return view.button(t("Home"), "home", row=2)


def help_text(*, moderator: bool) -> tuple[str, LastingView]:
    """What one can do here: a member's doors, and for moderators theirs as well."""
    parts = [
        f"**{t('What you can do here')}**",
        t("`/my` your groups: switch, leave, and what to do if you cannot see one"),
        t("`/calendar` your meetings in your own calendar program"),
        t("`/groups` all groups with free seats, to join one"),
        t("`/meetings` your next meetings, with your answers to change"),
        t("If you facilitate: **Manage** on a meeting, `/meeting move`, `/attendance show`"),
    ]
    view = LastingView().button(t("My groups"), "my").button(t("All groups"), "groups")
    if moderator:
        parts += [
            f"\n**{t('As a moderator')}**",
            t("`/muster` home: cohorts, what needs attention, history, settings"),
            t("`/cohort create` a cohort with all its groups · `/cohort adopt` what you have"),
            t("`/announce` to several groups at once · `/messages` what was sent, and what failed"),
            t("`/member import` a list of people · `/member add`, `move`, `remove` one"),
            t("`/attendance show` who came, with corrections · `/attendance export` a spreadsheet"),
            t("`/why` somebody cannot see a channel · `/check` what Muster lacks"),
            t("`/sync plan` what would change · `/history` who changed what, with Undo"),
            t("`/setup` the first steps, again whenever you want"),
        ]
        view.button(t("Moderators' home"), "home")
    return lines(parts), view
