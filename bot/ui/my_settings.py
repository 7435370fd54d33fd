"""What a person decides about themselves: one message, a press each. Rendering only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.ui.lasting import LastingView, Pick
from bot.ui.setup import zone_now
from bot.ui.text import lines, plain
from core.operations.mine import Mine
from core.words import LANGUAGES, mark, t

# Labels have at most 100 characters, Discord's limit.
SWITCHES = {
    "mentions": mark("Mention me in posts about meetings"),
    "remind_dm": mark("Remind me by a direct message"),
    "assigned_dm": mark("Tell me by a direct message when I get a group"),
    "digest": mark("Facilitators: the week by a direct message on Mondays"),
}


def settings(mine: Mine, note: str = "") -> tuple[str, LastingView]:
    """Everything by one press. `note` must be safe to show."""
    chosen = LANGUAGES[mine.language] if mine.language else t("the server's")
    parts = [
        *([note] if note else []),
        f"**{t('My settings')}**",
        t("📬 Messages to you: on. You hear of a seat that you wait for.")
        if mine.messages
        else t("📪 Messages to you: off. What you wait for is said in a channel instead."),
        t("🗣️ Their language: {language}. What you see here follows your Discord.",
          language=chosen),
        f"🕑 {zone_now(mine.zone)}" if mine.zone else t("🕑 Your time zone is not known."),
        _quiet(mine),
    ]  # fmt: skip
    view = LastingView()
    view.select(t("Language of messages to you"), "my_language", _languages(mine), row=0)
    _switches(view, mine)
    view.button(
        t("Turn messages off") if mine.messages else t("Turn messages on"),
        "my_messages",
        int(not mine.messages),
        row=2,
    )
    view.button(t("Time zone"), "my_zone", row=2).button(t("Quiet hours"), "my_quiet", row=2)
    view.button(t("My data"), "my_data", row=3).button(t("Back"), "my", row=3)
    return lines(parts), view


def _quiet(mine: Mine) -> str:
    if mine.quiet is None:
        return t("🌙 Quiet hours: none")
    begin, end = (f"{hour}:00" for hour in mine.quiet)
    if mine.zone is None:
        return t("🌙 Quiet from {begin} to {end}, once your time zone is known", begin=begin,
                 end=end)  # fmt: skip
    return t("🌙 Quiet from {begin} to {end}: no direct message comes then", begin=begin, end=end)


def _languages(mine: Mine) -> list[discord.SelectOption]:
    server = discord.SelectOption(
        label=t("The server's language"), value="server", default=mine.language is None
    )
    return [
        server,
        *(
            discord.SelectOption(label=name, value=code, default=mine.language == code)
            for code, name in LANGUAGES.items()
        ),
    ]


def _switches(view: LastingView, mine: Mine) -> None:
    """One select for all: ticked is on."""
    shown = [name for name in SWITCHES if name in mine.switches]
    options = [
        discord.SelectOption(label=t(SWITCHES[name]), value=name, default=mine.switches[name])
        for name in shown
    ]
    select = discord.ui.Select[Any](
        placeholder=t("Nothing chosen: no mentions, no reminders"), options=options,
        min_values=0, max_values=len(options), row=1,
    )  # fmt: skip
    view.add_item(Pick("my_switches", 0, select))


def misspelt(typed: str, near: Sequence[str]) -> tuple[str, LastingView]:
    """What looks like what was typed; nothing is taken for it."""
    view = LastingView()
    short = plain(typed.strip()[:40])
    if near:
        options = [discord.SelectOption(label=zone[:100], value=zone) for zone in near]
        view.select(t("Choose a city"), "my_city", options, row=0)
        text = t("“{typed}” is no time zone I know. Is it one of these?", typed=short)
    else:
        text = t("“{typed}” is no time zone I know. Try a city: Europe/Berlin.", typed=short)
    view.button(t("Type it again"), "my_zone", row=1).button(t("Back"), "my_settings", row=1)
    return text, view
